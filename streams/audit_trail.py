"""The audit trail: what was asked of a worker and what became of it, each entry holding the hash of the one before.

Lives here: the entry, its one spelling in bytes, and the chain. Values in, values out; this file touches no log and
no disk. The chain shows that something was altered, taken out or put in between. It has no key: who can write the
whole trail can write another one, and who cuts off its end leaves a trail that is shorter and whole. Keep its head, or
a copy, where others cannot write.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

from engine.values import show_value
from streams.commands import CommandRecord
from streams.log_port import LogError

DONE = "done"
STARTED = "started"
NOTHING_BEFORE = "0" * 64
"""What the first entry holds as the hash of the one before it."""

_REFUSED = "refused: "
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHA256 = re.compile(r"[0-9a-f]{64}")


class AuditError(LogError):
    """The audit trail is not what was written: torn, altered, incomplete, or in another order."""


class Where(NamedTuple):
    """The commit that journalled a command, the position before which it took effect, and its offset on its topic."""

    sequence: int
    position: int
    offset: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One command and what became of it.

    Parameters
    ----------
    number
        Counts the entries from 0.
    sequence
        The commit that journalled it.
    position
        Where it took effect: before the input of this number.
    offset
        Where the command stood on the topic `commands`; None for `start`.
    verb, contender, by, at, reason
        As the command has them; `at` is ISO 8601 in UTC, None of what the worker did by itself.
    effect
        `done`, `started`, or `refused: ` and why.
    detail
        What else is known, as plain JSON: of a start, the versions.
    previous
        The hash of the entry before; zeros in the first one.
    hash
        SHA-256 over `previous` and the line without these two fields.
    """

    number: int
    sequence: int
    position: int
    offset: int | None
    verb: str
    contender: str | None
    by: str
    at: str | None
    reason: str
    effect: str
    detail: Mapping[str, Any]
    previous: str
    hash: str

    @property
    def is_refused(self) -> bool:
        """Whether the command was refused, and nothing changed."""
        return self.effect.startswith(_REFUSED)


_NAMES = tuple(each.name for each in fields(AuditEntry))
_TEXTS = ("verb", "by", "reason", "effect")
_MAYBE_TEXTS = ("contender", "at")
_COUNTS = ("number", "sequence", "position")


@dataclass(frozen=True, slots=True)
class Chain:
    """How far a trail goes: the number of the next entry, and the hash of the last."""

    number: int = 0
    head: str = NOTHING_BEFORE

    def append(
        self, command: CommandRecord, effect: str, where: Where, detail: Mapping[str, Any] | None = None
    ) -> tuple[Chain, AuditEntry]:
        """Return the next entry, and the chain that ends with it. `effect` is `DONE`, `STARTED` or `refused(why)`."""
        draft = AuditEntry(
            number=self.number,
            **where._asdict(),
            verb=str(command.verb),
            contender=command.contender,
            by=command.by,
            at=None if command.at_ms is None else iso_time(command.at_ms),
            reason=command.reason,
            effect=effect,
            detail=dict(detail or {}),
            previous=self.head,
            hash="",
        )
        entry = replace(draft, hash=_hash(draft))
        return Chain(self.number + 1, entry.hash), entry

    def follow(self, data: bytes) -> Chain:
        """Return the chain that ends with this line, or raise `AuditError` where it does not continue this one."""
        entry = read_line(data)
        if entry.number > self.number:
            missing = entry.number - self.number
            msg = f"entry {self.number} is missing ({missing} in all): it is followed by entry {entry.number}"
            raise AuditError(msg)
        if entry.number < self.number:
            msg = f"it is entry {entry.number} where entry {self.number} must stand: entries were reordered or repeated"
            raise AuditError(msg)
        if entry.previous != self.head:
            msg = f"it follows an entry of hash {entry.previous:.16}, the one before it has {self.head:.16}"
            raise AuditError(f"{msg}: one of the two was replaced")
        return Chain(self.number + 1, entry.hash)


def refused(why: str) -> str:
    """Return the effect of a command that was refused.

    >>> refused("'tree' is benched")
    "refused: 'tree' is benched"
    """
    return _REFUSED + why


def iso_time(at_ms: int) -> str:
    """Return unix milliseconds as ISO 8601 in UTC.

    >>> iso_time(1_700_000_000_123)
    '2023-11-14T22:13:20.123Z'
    """
    return (_EPOCH + timedelta(milliseconds=at_ms)).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def line(entry: AuditEntry) -> bytes:
    """Return the one spelling of an entry, without a line end."""
    return _json(asdict(entry))


def read_line(data: bytes) -> AuditEntry:
    """Return the entry that `line` wrote.

    Raises
    ------
    AuditError
        Anything else, were it one blank more.
    """
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        msg = f"it is no whole JSON value ({error}): it was torn or altered"
        raise AuditError(msg) from None
    if type(found) is not dict or tuple(found) != _NAMES:
        got = ", ".join(found) if type(found) is dict else show_value(found)
        msg = f"an entry is an object of {', '.join(_NAMES)}, got {got:.200}: it was altered"
        raise AuditError(msg)
    _check_types(found)
    entry = AuditEntry(**found)
    try:
        spelled = line(entry)
    except ValueError:
        spelled = b""
    if spelled != data:
        msg = "it is not spelled as sidestream spells an entry: it was altered"
        raise AuditError(msg)
    if entry.hash != _hash(entry):
        msg = f"it does not have its hash {entry.hash:.16}: it was altered"
        raise AuditError(msg)
    return entry


def verify(lines: Iterable[bytes]) -> Chain:
    """Return how far a trail goes that begins with entry 0 and is whole; compare it with what it should be.

    Parameters
    ----------
    lines
        Without their line ends.

    Raises
    ------
    AuditError
        Names the first line, counted from 1, that is not what was written, and what is wrong with it.
    """
    chain = Chain()
    for count, data in enumerate(lines, 1):
        chain = follow_line(chain, data, count)
    return chain


def follow_line(chain: Chain, data: bytes, count: int) -> Chain:
    """Return the chain that ends with line `count`; an error names it."""
    try:
        return chain.follow(data)
    except AuditError as error:
        msg = f"line {count} of the audit trail cannot be trusted: {error}"
        raise AuditError(msg) from None


def _check_types(found: Mapping[str, object]) -> None:
    """Refuse values of a type that no entry has: whoever made the hash."""
    for name in _COUNTS if found["offset"] is None else (*_COUNTS, "offset"):
        value = found[name]
        if type(value) is not int or value < 0:
            raise _wrong(name, "a whole number from 0", value)
    for name in (*_TEXTS, *(name for name in _MAYBE_TEXTS if found[name] is not None)):
        if type(found[name]) is not str:
            raise _wrong(name, "text", found[name])
    if type(found["detail"]) is not dict:
        raise _wrong("detail", "an object", found["detail"])
    for name in ("previous", "hash"):
        value = found[name]
        if type(value) is not str or not _SHA256.fullmatch(value):
            raise _wrong(name, "a SHA-256 in small hex digits", value)


def _wrong(name: str, expected: str, value: object) -> AuditError:
    return AuditError(f"{name} must be {expected}, got {show_value(value)}: it was altered")


def _hash(entry: AuditEntry) -> str:
    body = asdict(entry)
    del body["previous"], body["hash"]
    return sha256(entry.previous.encode() + _json(body)).hexdigest()


def _json(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
