"""A way between a worker and its broker on which commits get lost: a TCP proxy that reads along.

Brokers advertise it to whoever asks at their listener behind it, see `tests.broker.Broker`. What happens to a
worker's next commit is planned by the prefix of its transactional id, so several can be on the way at once.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from enum import Enum, auto
from threading import Event, Lock, Thread
from types import TracebackType

END_TRANSACTION = 26
_HEAD = struct.Struct(">hhih")


class Loss(Enum):
    """What happens to a request to commit."""

    CUT_BEFORE = auto()
    """The connection breaks before it arrives."""

    CUT_AFTER = auto()
    """It arrives, and the connection breaks before its answer does."""

    DEAF = auto()
    """It arrives; its answer does not, and the worker reaches the broker no more."""

    STALL = auto()
    """It arrives after `STALL_S`."""


STALL_S = 6.0
"""Longer than the time-out of a test's transactions."""


class Proxy:
    """Accepts at one address, forwards to another; a context manager.

    Parameters
    ----------
    front, behind
        Host and port of where it listens, and of whom it connects to.
    """

    def __init__(self, front: str, behind: str) -> None:
        self._behind = _pair(behind)
        self._listener = socket.create_server(_pair(front))
        self._lock = Lock()
        self._plans: dict[str, Loss] = {}
        self._delays: dict[str, float] = {}
        self._cut_off: set[str] = set()
        self._over = Event()

    def __enter__(self) -> Proxy:
        Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._listener.shutdown(socket.SHUT_RDWR)  # closing alone does not end an accept that waits
        self._listener.close()

    def plan(self, prefix: str, loss: Loss) -> None:
        """Have this happen to the next commit of transactional ids that begin so."""
        with self._lock:
            self._plans[prefix] = loss

    def is_met(self, prefix: str) -> bool:
        """Whether what was planned last has happened."""
        return prefix not in self._plans

    def delay(self, pid: int, seconds: float) -> None:
        """Have everything that a process sends come later, and its answers."""
        self._delays[f"-{pid}"] = seconds

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    broker = socket.create_connection(self._behind)
                except OSError:
                    client.close()
                    continue
                for end in (client, broker):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                way = _Way(self, client, broker)
                Thread(target=_quietly, args=(way.requests,), daemon=True).start()
                Thread(target=_quietly, args=(way.answers,), daemon=True).start()

    def loss_of(self, frame: bytes, client: str) -> Loss | None:
        """Return what is to happen to a request, once."""
        key, _, _, length = _HEAD.unpack_from(frame)
        if key != END_TRANSACTION or frame[-1] != 1:
            return None
        at = _HEAD.size + max(0, length)
        (size,) = struct.unpack_from(">h", frame, at)
        who = frame[at + 2 : at + 2 + size].decode()
        with self._lock:
            prefix = next((each for each in self._plans if who.startswith(each)), None)
            if prefix is None:
                return None
            loss = self._plans.pop(prefix)
            if loss is Loss.DEAF:
                self._cut_off.add(client)
        return loss

    def is_cut_off(self, client: str) -> bool:
        """Whether nothing of a client comes through any more."""
        return client in self._cut_off

    def wait(self, client: str) -> None:
        """Let the delay of a client pass."""
        for suffix, seconds in self._delays.items():
            if client.endswith(suffix):
                self._over.wait(seconds)


class _Way:
    """One connection through the proxy."""

    def __init__(self, proxy: Proxy, client: socket.socket, broker: socket.socket) -> None:
        self._proxy = proxy
        self._client = client
        self._broker = broker
        self._name = ""
        self._is_answer_lost = False

    def requests(self) -> None:
        """Forward what the client asks."""
        try:
            while frame := _frame(self._client):
                _, _, _, length = _HEAD.unpack_from(frame)
                self._name = frame[_HEAD.size : _HEAD.size + max(0, length)].decode()
                loss = self._proxy.loss_of(frame, self._name)
                if loss is Loss.CUT_BEFORE or (loss is None and self._proxy.is_cut_off(self._name)):
                    return
                if loss is Loss.STALL:
                    Event().wait(STALL_S)
                self._is_answer_lost |= loss in {Loss.CUT_AFTER, Loss.DEAF}
                self._proxy.wait(self._name)
                self._broker.sendall(struct.pack(">i", len(frame)) + frame)
        finally:
            self._break()

    def answers(self) -> None:
        """Forward what the broker answers."""
        try:
            while frame := _frame(self._broker):
                if self._is_answer_lost or self._proxy.is_cut_off(self._name):
                    return
                self._proxy.wait(self._name)
                self._client.sendall(struct.pack(">i", len(frame)) + frame)
        finally:
            self._break()

    def _break(self) -> None:
        for end in (self._client, self._broker):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


def _frame(end: socket.socket) -> bytes:
    """Return the next message, without its length; nothing at the end."""
    head = _exactly(end, 4)
    return _exactly(end, struct.unpack(">i", head)[0]) if len(head) == 4 else b""


def _exactly(end: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        part = end.recv(count - len(found))
        if not part:
            return b""
        found += part
    return found


def _quietly(act: Callable[[], None]) -> None:
    """Do something until a connection breaks, which is what they are for."""
    with suppress(OSError):
        act()


def _pair(address: str) -> tuple[str, int]:
    host, port = address.rsplit(":", 1)
    return host, int(port)
