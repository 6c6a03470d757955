"""The thread that speaks with Kafka: one event loop of its own, so that a log is synchronous and nothing in it waits.

Lives here: the loop, the deadline of every piece of work, and what Kafka's errors become. The thread moves bytes only:
whatever a model computes, it computes elsewhere, and heartbeats are not late for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, wait
from contextlib import suppress
from functools import partial
from threading import Thread
from typing import Any, Generic, TypeVar

from aiokafka.errors import KafkaError

from streams.ports import SourceError

CLOSE_S_MAX = 2.0
"""How long whatever is closed may take to say good-bye, in seconds."""

DEAF_S = 1.0
"""How long work is waited for that does not end when its time is over, in seconds: the client may not hear of it."""

LAST_WORDS_S = 0.01
"""How long sockets that were closed have for their last words, in seconds, before the loop ends."""

T = TypeVar("T")


class Pending(Generic[T]):
    """A piece of work that was handed to the loop."""

    def __init__(self, future: Future[T], outcome: Callable[[Future[T]], T]) -> None:
        self._future = future
        self._outcome = outcome

    @property
    def is_done(self) -> bool:
        """Whether it has ended, one way or the other."""
        return self._future.done()

    def wait(self, seconds: float) -> None:
        """Wait until it has, for so long at most."""
        wait((self._future,), seconds)

    def result(self) -> T:
        """Return what it returned, once it has ended. Raises as `KafkaLoop.run`."""
        return self._outcome(self._future)


_CLIENT_LOG = logging.getLogger("aiokafka")
_CLIENT_LOG.addHandler(logging.NullHandler())  # what matters of it is said by our errors


class SilenceError(SourceError):
    """Nothing came back in time: what was asked for may have happened, or may yet."""


class KafkaLoop:
    """An event loop in a thread.

    Parameters
    ----------
    address
        Whom the work speaks with, for errors.
    timeout_s
        How long one piece of work may take, in seconds, unless it says otherwise.
    """

    def __init__(self, address: str, timeout_s: float) -> None:
        self.address = address
        self.timeout_s = timeout_s
        self.trouble = ""
        self.loop = _new_loop()
        self.loop.set_exception_handler(_note)
        self._thread = Thread(target=self.loop.run_forever, name="sidestream-kafka", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T], timeout_s: float | None = None) -> T:
        """Do the work in the loop, and return what it returns.

        Raises
        ------
        SourceError
            When Kafka refuses it, or it took too long; errors of our own come through.
        """
        return self.start(work, timeout_s).result()

    def start(self, work: Coroutine[Any, Any, T], timeout_s: float | None = None) -> Pending[T]:
        """Hand the work to the loop, and do not wait for it."""
        limit_s = self.timeout_s if timeout_s is None else timeout_s
        self.trouble = ""
        future: Future[T] = asyncio.run_coroutine_threadsafe(_within(work, limit_s), self.loop)
        return Pending(future, partial(self._outcome, limit_s))

    def _outcome(self, limit_s: float, future: Future[T]) -> T:
        """Return what came of some work, once it has ended."""
        try:
            return future.result(limit_s + DEAF_S)
        except TimeoutError:
            last = f" (the last word: {self.trouble})" if self.trouble else ""
            msg = f"Kafka at {self.address} did not answer within {limit_s:g} s{last}; is it up, and can it be reached?"
            raise SilenceError(msg) from None
        except KafkaError as error:
            msg = f"Kafka at {self.address} refused: {told(error)}"
            raise SourceError(msg) from error
        finally:
            future.cancel()

    @property
    def is_closed(self) -> bool:
        """Whether it has ended."""
        return self.loop.is_closed()

    def wake(self, event: asyncio.Event) -> None:
        """Set an event of the loop from another thread."""
        self.loop.call_soon_threadsafe(event.set)

    def close(self) -> None:
        """End the thread; whatever still runs in it is given up."""
        with suppress(SourceError):
            self.run(_cancel_others(), CLOSE_S_MAX)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        with suppress(OSError):  # a peer that has not said good-bye: its socket goes with the loop
            self.loop.close()


async def let_go(*farewells: Coroutine[Any, Any, object]) -> None:
    """Say good-bye to the other side, for `CLOSE_S_MAX` at most and whatever comes of it: it may be gone itself."""
    tasks = [asyncio.ensure_future(each) for each in farewells]
    _, late = await asyncio.wait(tasks, timeout=CLOSE_S_MAX)
    for each in late:
        each.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def told(error: BaseException) -> str:
    """Return what an error of the client says in one line.

    >>> told(KafkaError("no   answer"))
    'KafkaError: KafkaError: no answer'
    """
    return f"{type(error).__name__}: {' '.join(str(error).split())}".removesuffix(": ")


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()  # type: ignore[no-any-return]


def _note(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Write down what nobody awaits any more, such as the futures of a transaction that failed already."""
    _CLIENT_LOG.debug(context["message"], exc_info=context.get("exception"))


async def _within(work: Coroutine[Any, Any, T], limit_s: float) -> T:
    async with asyncio.timeout(limit_s):
        return await work


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for each in others:
        each.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.sleep(LAST_WORDS_S)
