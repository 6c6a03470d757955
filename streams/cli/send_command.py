"""How a command reaches a worker from the command line: onto its topic, and back comes what the audit trail says of it.

`promote`, `rollback`, `bench`, `restore`, `hold` and `allow` differ in their verb alone. The worker need not run: the
command waits.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import TYPE_CHECKING, Any, TypeVar

import click

from engine.errors import ConfigError
from streams.cli.chosen_log import ChosenLog, log_flags

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from engine.messages import Verb
    from streams.audit_trail import AuditEntry
    from streams.log_port import Log

REFUSED = 1
LOOK_AGAIN_S = 0.2
WAIT_S = 5
WAIT_S_MAX = 3_600
_F = TypeVar("_F", bound=Callable[..., Any])


def command_flags(function: _F) -> _F:
    """Add the flags that all commands take."""
    flags = (
        click.option("--reason", metavar="TEXT", default="", help="Why; it stays in the audit trail, so do say it."),
        click.option("--by", metavar="WHO", help="Who asks; user@host of the system if left out."),
        click.option(
            "--wait",
            metavar="SECONDS",
            type=click.IntRange(0, WAIT_S_MAX),
            default=WAIT_S,
            show_default=True,
            help="Wait so long for the effect; 0 does not.",
        ),
        click.option("--topic", metavar="TOPIC", default="commands", show_default=True, help="Topic of commands."),
        click.option("--audit", metavar="TOPIC", default="audit", show_default=True, help="Topic of the audit trail."),
    )
    for flag in reversed(flags):
        function = flag(function)
    return log_flags(function)


def send(verb: Verb, contender: str | None, chosen: ChosenLog, given: dict[str, Any]) -> int:
    """Append a command, wait for its effect, say it in one line, and return the exit code."""
    from streams.clock import now_ms, who
    from streams.commands import CommandRecord, encode
    from streams.log_port import Entry

    if given["topic"] == given["audit"]:
        msg = (
            f"--topic and --audit are both {given['topic']!r}; a command among its entries would break the audit trail"
        )
        raise ConfigError(msg)
    record = CommandRecord(verb, contender, given["by"] or who(), now_ms(), given["reason"])
    name = verb if contender is None else f"{verb} {contender!r}"
    with chosen.opened() as log:
        log.create_topic(given["topic"], 1)
        audit_from = _end(log, given["audit"])
        offset = log.append(given["topic"], 0, [Entry(None, encode(record))]) - 1
        click.echo(f"{name} is command {offset} of {given['topic']!r}", err=True)
        effect = wait_for_effect(log, given["audit"], audit_from, offset, pauses_of(given["wait"]))
    if effect is None:
        within = f"no worker took it within {given['wait']} s; " if given["wait"] else ""
        click.echo(f"{name}: queued: {within}it takes effect when one runs")
        return 0
    click.echo(f"{name}: {effect.effect}, at position {effect.position:,}, entry {effect.number} of {given['audit']!r}")
    return REFUSED if effect.is_refused else 0


def wait_for_effect(log: Log, audit: str, audit_from: int, offset: int, pauses: Iterable[object]) -> AuditEntry | None:
    """Return the audit entry of the command at an offset, looked for after each pause; None where none came."""
    from streams.audit_trail import read_line

    for _ in pauses:
        while audit_from < _end(log, audit):
            records, audit_from = log.read(audit, 0, audit_from)
            for record in records:
                entry = read_line(record.value)
                if entry.offset == offset:
                    return entry
    return None


def pauses_of(wait_s: int) -> Iterator[None]:
    """Yield after each `LOOK_AGAIN_S` seconds, until `wait_s` are over."""
    never = Event()
    for _ in range(round(wait_s / LOOK_AGAIN_S)):
        never.wait(LOOK_AGAIN_S)
        yield


def _end(log: Log, topic: str) -> int:
    """Return where a topic ends, 0 where no worker has made it yet."""
    return log.end(topic, 0) if any(info.name == topic for info in log.topics()) else 0
