"""The journal's records: what one commit was about, in few enough bytes to keep for ever.

A record holds references, never contents: which records of which inputs were taken, in which order, after how many
steps of the challengers. The inputs stand in the log, so whoever follows the journal reads them again, does the same in
the same order and must come to the same bytes, whose digest the record holds. It also holds the digest of the record
before it, so that one record stands for all of its past. This file knows no engine and no log.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NamedTuple

from engine.errors import ConfigError
from streams.commands import START, CommandRecord
from streams.log_port import LogError

NOTHING_BEFORE = "0" * 64
"""What the first record holds as the digest of the one before it."""

FORMAT = 1
"""Raised with every change that an older sidestream cannot follow."""


class Run(NamedTuple):
    """`record_count` consecutive records of one input, from `from_offset` up to but not including `next_offset`."""

    input: int
    from_offset: int
    next_offset: int
    record_count: int


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One commit, as the journal keeps it.

    Parameters
    ----------
    position
        The engine's position before the inputs.
    steps
        Steps that the challengers took since the commit before; their answers are among the outputs.
    runs
        The inputs, in the order in which they were taken.
    outputs_sha256
        Digest of everything that was written, see `streams.outputs`.
    previous
        Digest of the record before.
    start
        Set on the first commit of a worker's life: who started it, when, with which versions; on the very first of a
        journal also what was inferred from the first records.
    """

    position: int
    steps: int
    runs: tuple[Run, ...]
    outputs_sha256: str
    previous: str
    start: Mapping[str, Any] | None = None

    def encode(self) -> bytes:
        """Return the entry as one JSON object with its keys in a fixed order."""
        data: dict[str, Any] = {
            "format": FORMAT,
            "position": self.position,
            "steps": self.steps,
            "runs": [list(run) for run in self.runs],
            "outputs": self.outputs_sha256,
            "previous": self.previous,
        }
        if self.start is not None:
            data["start"] = self.start
        return json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode()


def decode(data: bytes, sequence: int) -> JournalEntry:
    """Return the entry that was encoded.

    Raises
    ------
    LogError
        When it is none, or one of another format; names the sequence.
    """
    try:
        found = json.loads(data)
        if found["format"] != FORMAT:
            raise LogError(_other_format(sequence, found["format"]))
        runs = tuple(Run(*map(_count, run)) for run in found["runs"])
        position, steps = _count(found["position"]), _count(found["steps"])
        outputs, previous = _text(found["outputs"]), _text(found["previous"])
        return JournalEntry(position, steps, runs, outputs, previous, _start(found))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, ConfigError) as error:
        msg = f"commit {sequence} of the journal is none of sidestream's ({error!r:.80}); restore the log from a copy"
        raise LogError(msg) from error


def digest_of(data: bytes) -> str:
    """Return the SHA-256 of a record as it stands in the journal."""
    return sha256(data).hexdigest()


def _other_format(sequence: int, got: object) -> str:
    return (
        f"commit {sequence} of the journal has format {got!r}, this sidestream reads {FORMAT}; "
        "use the version that wrote it"
    )


def _start(found: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return what a worker said when it began, or raise whatever comes of what no worker says."""
    if "start" not in found:
        return None
    start: dict[str, Any] = found["start"]
    json.dumps(start, ensure_ascii=False, allow_nan=False).encode()
    CommandRecord(START, None, start["by"], start["at_ms"], "")
    for name in {"versions"} | (start.keys() & {"identity", "resolved", "settings"}):
        if type(start[name]) is not dict:
            msg = f"expected an object under {name!r}, got {start[name]!r:.40}"
            raise TypeError(msg)
    return start


def _count(value: object) -> int:
    if type(value) is not int or value < 0:
        msg = f"expected a count, got {value!r:.40}"
        raise TypeError(msg)
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        msg = f"expected text, got {value!r:.40}"
        raise TypeError(msg)
    return value
