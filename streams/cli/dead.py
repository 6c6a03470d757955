"""`sidestream dead`: dead letters on a log, listed, shown, and sent back to where they came from."""

from __future__ import annotations

import json
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from engine.errors import ConfigError
from streams.cli.chosen_log import ChosenLog, log_flags

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streams.dead_letters import Returned, StoredLetter
    from streams.log_port import Log

COUNT = 20
FOUND_SOMETHING = 1
_WIDTH_MAX = 4_000
_COLUMNS = ("offset", "source", "row", "kind", "stage", "reason", "detail")
_BESIDE = {"text", "base64"}

_TOPIC = click.option(
    "--topic", metavar="TOPIC", default="dead_letters", show_default=True, help="Topic of the dead letters."
)


@click.group(name="dead")
def command() -> None:
    """List and show the dead letters on a log, and send their records back once their cause is mended."""


@command.command(name="list", short_help="List dead letters, the newest last.")
@log_flags
@click.option("--reason", metavar="REASON", help="Only those of this reason.")
@click.option("--from", "from_offset", metavar="OFFSET", type=int, help="Start here; -5 is five before the end.")
@click.option(
    "--count", metavar="N", type=click.IntRange(min=1), default=COUNT, help=f"At most so many; {COUNT} if left out."
)
@click.option("--json", "as_json", is_flag=True, help="Print each as one line of JSON, with its bytes.")
@_TOPIC
def show_list(chosen: ChosenLog, topic: str, count: int, *, as_json: bool, **given: Any) -> None:
    """List dead letters of a log: the newest, the last one at the end, or with --from the first from there."""
    from streams.dead_letters import letters

    reason, from_offset = given["reason"], given["from_offset"]
    with chosen.opened() as log:
        begin, end = log.begin(topic, 0), log.end(topic, 0)
        if from_offset is not None:
            start = from_offset if from_offset >= 0 else max(begin, end + from_offset)
            found = list(islice(letters(log, topic, start, reason=reason), count))
        else:
            start = begin if reason is not None else max(begin, end - count)
            found = list(deque(letters(log, topic, start, reason=reason), count))
    if as_json:
        for letter in found:
            click.echo(json.dumps({"offset": letter.offset, **letter.fields}))
    elif found:
        _print_table(found)
    else:
        of_reason = f" of reason {reason!r}" if reason is not None else ""
        click.echo(f"no dead letters{of_reason} on {topic!r}", err=True)


@command.command(name="show", short_help="Show one, with the record as it was sent.")
@click.argument("offset", type=click.IntRange(min=0))
@log_flags
@_TOPIC
def show_one(offset: int, chosen: ChosenLog, topic: str) -> None:
    """Show the dead letter at OFFSET: where its record stood, why it could not be used, and the record itself.

    What cannot be printed is escaped; a record that is not UTF-8 is shown in base64.
    """
    from streams.dead_letters import letter_at

    with chosen.opened() as log:
        letter = letter_at(log, topic, offset)
    fields = {"offset": offset, **{name: value for name, value in letter.fields.items() if name not in _BESIDE}}
    width = max(map(len, fields))
    for name, value in fields.items():
        click.echo(f"{name:{width}}  {_readable(_spelled(value))}")
    for name in ("text", "base64"):
        if name in letter.fields:
            shown = _readable(str(letter.fields[name]), keep="\n\t")
            click.echo(f"\n{name}:\n{shown}")


@command.command(name="replay", short_help="Append records to where they came from once more.")
@click.argument("offsets", metavar="[OFFSET]...", type=click.IntRange(min=0), nargs=-1)
@log_flags
@click.option("--reason", metavar="REASON", help="All of this reason.")
@click.option("--all", "every", is_flag=True, help="All there are.")
@click.option("--from", "from_offset", metavar="OFFSET", type=click.IntRange(min=0), help="Of these, from this one on.")
@click.option("--dry-run", is_flag=True, help="Only say what would go where.")
@_TOPIC
def replay(offsets: tuple[int, ...], chosen: ChosenLog, topic: str, **given: Any) -> int:
    """Append the records of dead letters to where they came from once more: key, headers and value, byte for byte.

    Mend the cause first: what is still wrong comes back as another dead letter. The letters stay where they are, and
    --all finds them again; --from leaves out those before. A record whose bytes cannot be had any more is named, and
    the exit code is 1.

    \b
        sidestream dead replay 3 17 --log state
        sidestream dead replay --reason too_many_classes --log state --dry-run
    """  # noqa: D301 - click reads \b itself
    from streams.dead_letters import Lost, letters, send_back, try_out

    if (bool(offsets), given["reason"] is not None, given["every"]).count(True) != 1:
        msg = "say which letters go back: their offsets, or --reason REASON, or --all"
        raise ConfigError(msg)
    if offsets and given["from_offset"] is not None:
        msg = "--from goes with --reason or --all; leave it out where offsets are given"
        raise ConfigError(msg)
    sent = lost = 0
    with chosen.opened() as log:
        start = log.begin(topic, 0) if given["from_offset"] is None else given["from_offset"]
        meant = _letters_at(log, topic, offsets) if offsets else letters(log, topic, start, reason=given["reason"])
        would = "would go" if given["dry_run"] else "went"
        for end in (try_out if given["dry_run"] else send_back)(log, meant):
            if isinstance(end, Lost):
                lost += 1
                click.echo(f"sidestream: letter {end.letter.offset} cannot go back: {_readable(end.why)}", err=True)
            else:
                sent += 1
                click.echo(_way_of(end, would))
    click.echo(f"{sent:,} {would} back" + (f", {lost:,} cannot" if lost else ""), err=True)
    return FOUND_SOMETHING if lost else 0


def _letters_at(log: Log, topic: str, offsets: Sequence[int]) -> list[StoredLetter]:
    """Return the letters at these offsets, each once, in order; nothing goes back where one of them is not there."""
    from streams.dead_letters import letter_at

    return [letter_at(log, topic, offset) for offset in sorted(set(offsets))]


def _way_of(end: Returned, would: str) -> str:
    """Return where a record went, and what of it is lost."""
    letter, (entry, is_copy), to = end
    copy = ", without a key: the record itself was trimmed" if is_copy else ""
    return f"letter {letter.offset}: {len(entry.value):,} bytes of {letter.place} {would} to {to}{copy}"


def _print_table(found: Sequence[StoredLetter]) -> None:
    """Print one line for each letter; on a terminal the detail wraps."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in _COLUMNS:
        is_number = name in {"offset", "row"}
        table.add_column(name, justify="right" if is_number else "left", no_wrap=name != "detail", overflow="fold")
    for letter in found:
        table.add_row(*(Text(cell) for cell in _cells(letter)))
    if not console.is_terminal:
        console.width = console.measure(table, options=console.options.update(width=_WIDTH_MAX)).maximum
    console.print(table)


def _cells(letter: StoredLetter) -> Iterator[str]:
    yield str(letter.offset)
    for name in _COLUMNS[1:]:
        yield _readable(_spelled(letter.fields[name]))


def _spelled(value: object) -> str:
    return "-" if value is None else value if isinstance(value, str) else json.dumps(value)


def _readable(text: str, *, keep: str = "") -> str:
    """Return text that does nothing to a terminal: what is not printable and not in `keep` is escaped."""
    return "".join(
        each if each.isprintable() or each in keep else each.encode("unicode_escape").decode() for each in text
    )
