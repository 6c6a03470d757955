"""`sidestream peek`: what stands on a topic of a log, as JSON lines."""

from __future__ import annotations

import json
import sys
from base64 import b64encode
from threading import Event
from typing import TYPE_CHECKING, Any

import click

from streams.cli.chosen_log import ChosenLog, log_flags

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.log_port import Headers, Log, LogRecord

COUNT = 10
_LOOK_AGAIN_S = 0.2


@click.command(name="peek")
@click.argument("topic")
@log_flags
@click.option("--partition", metavar="N", type=click.IntRange(min=0), default=0, help="Partition; 0 if left out.")
@click.option("--from", "from_offset", metavar="OFFSET", type=int, help="Start here; -5 is five before the end.")
@click.option("--count", metavar="N", type=click.IntRange(min=0), help=f"Show so many; {COUNT} if left out.")
@click.option("--follow", is_flag=True, help="Wait for more, until --count are shown or for good.")
def command(topic: str, chosen: ChosenLog, partition: int, **given: Any) -> None:
    """Show records of TOPIC of a log: one JSON object a line, with offset, key, text, and headers where there are any.

    A value that is no text stands under `base64`.
    """
    with chosen.opened() as log:
        left = COUNT if given["count"] is None and not given["follow"] else given["count"]
        start = _start(log, topic, partition, given["from_offset"])
        for record in _records(log, (topic, partition), start, left, follow=given["follow"]):
            sys.stdout.write(_line(record))


def _start(log: Log, topic: str, partition: int, offset: int | None) -> int:
    """Return the first offset to show."""
    begin = log.begin(topic, partition)
    if offset is None:
        return begin
    return offset if offset >= 0 else max(begin, log.end(topic, partition) + offset)


def _records(log: Log, place: tuple[str, int], offset: int, left: int | None, *, follow: bool) -> Iterator[LogRecord]:
    """Yield so many records, or, where `left` is None, all there are and will be."""
    from streams.log_port import READ_COUNT_MAX

    never = Event()
    while left is None or left > 0:
        records, offset = log.read(*place, offset, count_max=min(left or READ_COUNT_MAX, READ_COUNT_MAX))
        yield from records
        if left is not None:
            left -= len(records)
        if not records:
            if not follow:
                return
            sys.stdout.flush()
            never.wait(_LOOK_AGAIN_S)


def _line(record: LogRecord) -> str:
    line: dict[str, object] = {"offset": record.offset, "key": _text(record.key) if record.key is not None else None}
    try:
        line["text"] = record.value.decode()
    except UnicodeDecodeError:
        line["base64"] = b64encode(record.value).decode()
    if record.headers:
        line["headers"] = _by_name(record.headers)
    return json.dumps(line, ensure_ascii=False) + "\n"


def _by_name(headers: Headers) -> dict[str, str | list[str]]:
    """Return headers for eyes: the values of a name that comes again stand in a list, in order."""
    found: dict[str, list[str]] = {}
    for name, value in headers:
        found.setdefault(name, []).append(_text(value))
    return {name: texts[0] if len(texts) == 1 else texts for name, texts in found.items()}


def _text(data: bytes) -> str:
    return data.decode(errors="backslashreplace")
