"""Real `sidestream run` processes on a directory of a test's own, on the embedded log or on Kafka."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any
from zlib import crc32

from streams.ground import ground_of
from streams.journal import decode
from streams.log_choice import opened_log
from streams.log_port import Entry, Log
from streams.settings import Settings, load_settings
from streams.worker_lock import LOCK_FILE
from tests.replays import COMMAND
from tests.senders import SECTIONS, Sent

ROOT = Path(__file__).resolve().parents[2]
PARTITIONS = {"requests": 3, "labels": 2, "commands": 1}
"""How many each input has: labels other ones than their requests."""

DEADLINE_S = 120.0
"""For what takes a second or two; a machine this slow is not looked at any further."""

LIGHT = {
    "contenders": {
        "champion": "linear=majority()",
        "challengers": ["bayes=no_change()", 'steady=rules("a > 0.5 -> 0.9; otherwise 0.1")'],
    }
}
"""Contenders without River: a process that need not import it starts in a third of the time."""

SAMPLE = b"".join(b'{"id": "s%d", "ts": 0, "a": 0.5, "b": 1, "c": "x", "y": %d}\n' % (n, n) for n in range(2))
"""What a first start infers the classes from: the first labels that are sent may be nonsense."""

_LOOK_AGAIN_S = 0.002


def wait_until(what: str, holds: Callable[[], object]) -> None:
    """Look again and again until something holds; nothing is asserted about how long that took."""
    end = monotonic() + DEADLINE_S
    while not holds():
        assert monotonic() < end, f"waited {DEADLINE_S:g} s in vain until {what}"
        Event().wait(_LOOK_AGAIN_S)


class Place:
    """A directory with a configuration, a log, and whatever workers leave there.

    Parameters
    ----------
    directory
        Made where it is missing; the configuration in it is written anew.
    sections
        Settings beside those that all have, or in their place. With a section `kafka` the log is there.
    """

    def __init__(self, directory: Path, **sections: Mapping[str, Any]) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._sections = sections
        self.directory = directory
        self.state = directory / "state"
        self.config = directory / "pipeline.toml"
        self.sample = directory / "sample.jsonl"
        self.sample.write_bytes(SAMPLE)
        self.configure()

    def configure(self, **sections: Mapping[str, Any]) -> None:
        """Write the configuration, with these settings in place of what the place has."""
        given: dict[str, dict[str, Any]] = {
            **SECTIONS,
            "input": {**SECTIONS["input"], "key": "b", "paths": [str(self.sample)]},
            "labels": {"time": "at", "policy": "wait(2h)"},
            "detectors": {"specs": "none"},
            "log": {"dir": str(self.state), "durability": "power"},
            "run": {"slice": 7, "checkpoint_every": 20},
        }
        for name, section in (*self._sections.items(), *sections.items()):
            given[name] = {**given.get(name, {}), **section}
        self.config.write_text(_toml(given))

    @property
    def settings(self) -> Settings:
        """The settings, as a worker reads them."""
        return load_settings(str(self.config), {}, {})

    @contextmanager
    def opened(self) -> Iterator[Log]:
        """Open the log, with its input topics; what is sent here need not survive a power cut."""
        settings = load_settings(str(self.config), {"log": {"durability": "process"}}, {})
        with opened_log(settings, {}, create=True) as log:
            for topic, count in PARTITIONS.items():
                log.create_topic(topic, count)
            yield log

    @contextmanager
    def worker(
        self, *flags: str, before: Sequence[str] = (), command: Sequence[str] = COMMAND, said: str = "said.txt"
    ) -> Iterator[WorkerProcess]:
        """Start a worker, its command after `before`, and see to its end, whatever happens.

        What it says to standard error goes to a file, which never blocks it.
        """
        command = [*before, *command, "run", "--config", str(self.config), *flags]
        path = self.directory / said
        with path.open("wb") as stderr:
            process = subprocess.Popen(command, cwd=ROOT, env=_environment(), stderr=stderr)
        try:
            yield WorkerProcess(process, path, self.state)
        finally:
            process.kill()
            process.wait()


class WorkerProcess:
    """One worker: it is waited for, signalled, and quoted."""

    def __init__(self, process: subprocess.Popen[bytes], said: Path, state: Path) -> None:
        self.pid = process.pid
        self._process = process
        self._said = said
        self._lock = state / LOCK_FILE

    @property
    def said(self) -> str:
        """What it wrote to standard error."""
        return self._said.read_text()

    def leads(self) -> bool:
        """Whether it holds the lock of its directory."""
        return self._lock.exists() and self._lock.read_text().startswith(f"{self.pid} ")

    def wait_until(self, what: str, holds: Callable[[], object]) -> None:
        """Wait for something that it does; that it ends instead is a failure."""
        wait_until(f"the worker {what}", lambda: holds() or self.has_ended())
        assert self._process.poll() is None or holds(), f"ended with {self._process.returncode}: {self.said}"

    def wait_until_it_works(self, log: Log, before: int) -> None:
        """Wait until it has begun to commit; `before` it the journal had so many commits."""
        self.wait_until("commits", lambda: has_begun(log, before))

    def wait_until_all_is_taken(self, log: Log, before: int) -> None:
        """Wait until it works, and a commit names each input record there is."""
        self.wait_until_it_works(log, before)
        self.wait_until("took everything", lambda: count_taken(log) == count_sent(log))

    def stands(self) -> bool:
        """Whether a signal has stopped it; that it ended instead is a failure."""
        found = os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOHANG | os.WNOWAIT)
        assert found is None or found.si_code == os.CLD_STOPPED, f"ended instead: {self.said}"
        return found is not None

    def send(self, *numbers: signal.Signals) -> None:
        """Send signals; several arrive together."""
        if len(numbers) > 1:
            os.kill(self.pid, signal.SIGSTOP)
        for number in numbers:
            os.kill(self.pid, number)
        if len(numbers) > 1:
            os.kill(self.pid, signal.SIGCONT)

    def ending(self) -> int:
        """Return its exit code, or the negative number of what killed it, once it has ended."""
        return self._process.wait(DEADLINE_S)

    def kill(self) -> None:
        """Kill it where it stands."""
        self.send(signal.SIGKILL)
        assert self.ending() == -signal.SIGKILL, self.said

    def has_ended(self) -> bool:
        """Whether it has ended, of itself or not."""
        return self._process.poll() is not None


def append(log: Log, sent: Sequence[Sent]) -> None:
    """Append records; requests of one key go to one partition, and labels anywhere."""
    entries: dict[tuple[str, int], list[Entry]] = {}
    for topic, entry in sent:
        chooser = (entry.key or b"") if topic == "requests" else entry.value
        entries.setdefault((topic, crc32(chooser) % PARTITIONS[topic]), []).append(entry)
    for (topic, partition), group in entries.items():
        log.append(topic, partition, group)


def count_sent(log: Log) -> int:
    """Return how many input records there are."""
    return sum(log.end(topic, number) for topic, count in PARTITIONS.items() for number in range(count))


def has_begun(log: Log, before: int) -> bool:
    """Whether a worker has begun since then. Another's commit may come later than the signal that stopped it."""
    return any(decode(each.data, each.sequence).start is not None for each in log.journal(before))


def count_taken(log: Log) -> int:
    """Return how many input records the journal's commits name."""
    return sum(run.record_count for each in log.journal(0) for run in decode(each.data, each.sequence).runs)


def replayed_after(place: Place) -> int:
    """Return how many commits a worker that started now would have to carry out again."""
    with place.opened() as log:
        return ground_of(log, str(place.state), None).recovery().recover().replayed


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def _toml(sections: Mapping[str, Mapping[str, Any]]) -> str:
    return "\n".join(f"[{name}]\n{_entries(section, chr(10))}\n" for name, section in sections.items())


def _entries(section: Mapping[str, Any], between: str) -> str:
    return between.join(f"{key} = {_value(value)}" for key, value in section.items())


def _value(value: object) -> str:
    return f"{{ {_entries(value, ', ')} }}" if isinstance(value, Mapping) else json.dumps(value)
