"""What a person asks of a worker, as a record on the topic `commands`: who asked, what, when and why.

Lives here: the record, its bounds, and its one spelling in bytes. Whether a command can be carried out is for the
engine to say; where the record is kept, and who reads it, is not known here.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from difflib import get_close_matches
from typing import Final, Literal

from engine.errors import ConfigError, MessageError
from engine.messages import Verb
from engine.values import show_value
from streams.jsonl_file import read_exactly

COMMAND_BYTES_MAX = 65_536
CONTENDER_CHARS_MAX = 64
BY_CHARS_MAX = 200
REASON_CHARS_MAX = 1_000

AT_MS_BELOW = 253_402_300_800_000
"""The year 10000, which ISO 8601 cannot write in four digits."""


START: Final = "start"
"""What a worker itself writes into its journal when it begins; from anybody else it is refused."""


@dataclass(frozen=True, slots=True)
class CommandRecord:
    """One command.

    Parameters
    ----------
    verb
        What is to be done.
    contender
        To whom; None for `rollback` and `start`.
    by
        Who asks: a name for people, such as `user@host`. Nothing proves it.
    at_ms
        When it was asked, in unix milliseconds. It decides nothing: a command takes effect where it is journalled.
        None of what the worker did by itself, which has a position and no hour.
    reason
        Why, on one line; may be empty.

    Raises
    ------
    ConfigError
        When a field has another type, is too long, or holds characters that cannot be printed.
    """

    verb: Verb | Literal["start"]
    contender: str | None
    by: str
    at_ms: int | None
    reason: str

    def __post_init__(self) -> None:
        """Refuse what is no command."""
        if not isinstance(self.verb, Verb) and self.verb != START:
            raise _unknown_verb(self.verb)
        if self.verb in {Verb.ROLLBACK, START}:
            if self.contender is not None:
                msg = f"{self.verb} takes no contender, got {show_value(self.contender)}; leave it out"
                raise ConfigError(msg)
        else:
            _check_text("contender", self.contender, 1, CONTENDER_CHARS_MAX)
        _check_text("by", self.by, 1, BY_CHARS_MAX)
        if self.at_ms is not None and (type(self.at_ms) is not int or not 0 <= self.at_ms < AT_MS_BELOW):
            msg = f"at_ms must be unix milliseconds before the year 10000, got {show_value(self.at_ms)}"
            raise ConfigError(msg)
        _check_text("reason", self.reason, 0, REASON_CHARS_MAX)


_NAMES = tuple(field.name for field in fields(CommandRecord))


def encode(record: CommandRecord) -> bytes:
    """Return the one spelling of a command: JSON without blanks, its fields in order.

    >>> encode(CommandRecord(Verb.PROMOTE, "tree", "ann@desk", 1_700_000_000_000, "better since May"))
    b'{"verb":"promote","contender":"tree","by":"ann@desk","at_ms":1700000000000,"reason":"better since May"}'
    """
    return json.dumps(asdict(record), ensure_ascii=False, separators=(",", ":")).encode()


def decode(data: bytes, *, journalled: bool = False) -> CommandRecord:
    """Return the command a record holds; its fields may stand in any order, but all of them must be there.

    Parameters
    ----------
    data
        One JSON object.
    journalled
        Whether it comes from a worker's journal, where `start` is a command, too.

    Raises
    ------
    MessageError
        `bad_command`, at stage `decode`; or, where it is no JSON object, why not, at stage `read`.
    """
    if len(data) > COMMAND_BYTES_MAX:
        raise _bad(f"a command has at most {COMMAND_BYTES_MAX} bytes, got {len(data)}")
    found = read_exactly(data)
    if set(found) != set(_NAMES):
        raise _bad(f"a command is an object of {', '.join(_NAMES)}, got {', '.join(sorted(found)) or 'none':.200}")
    if found["verb"] == START and not journalled:
        raise _bad("'start' is said by workers alone; to start one, run one")
    found["verb"] = next((verb for verb in Verb if verb == found["verb"]), found["verb"])
    if found["at_ms"] is None:
        raise _bad("at_ms says when it was asked, got None; send unix milliseconds")
    try:
        return CommandRecord(**found)  # type: ignore[arg-type]
    except ConfigError as error:
        raise _bad(str(error)) from None


def _check_text(name: str, value: object, chars_min: int, chars_max: int) -> None:
    """Refuse anything but printable text of so many characters: it will be shown on terminals."""
    if not isinstance(value, str) or not chars_min <= len(value) <= chars_max:
        msg = f"{name} must be text of {chars_min} to {chars_max} characters, got {show_value(value)}"
        raise ConfigError(msg)
    for place, character in enumerate(value, 1):
        if not character.isprintable():
            msg = f"{name} must be printable text on one line, got {character!r} as character {place}; leave it out"
            raise ConfigError(msg)


def _unknown_verb(verb: object) -> ConfigError:
    close = get_close_matches(verb, list(Verb), n=1) if isinstance(verb, str) else ()
    hint = f"; did you mean {str(close[0])!r}?" if close else ""
    return ConfigError(f"verb must be one of {', '.join(Verb)}, got {show_value(verb)}{hint}")


def _bad(detail: str) -> MessageError:
    return MessageError("bad_command", detail, stage="decode")
