"""`sidestream append`: records of a file or of standard input, onto a topic of a log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zlib import crc32

import click

from engine.errors import ConfigError, MessageError
from streams.cli.chosen_log import ChosenLog, log_flags

if TYPE_CHECKING:
    from streams.log_port import Entry, Headers, Log
    from streams.ports import Record, Source

BATCH_COUNT = 500
_DURABILITIES = click.Choice(["power", "process"])


@click.command(name="append")
@click.argument("topic")
@click.argument("file", default="-", metavar="[FILE|-]")
@log_flags
@click.option("--partition", metavar="N", type=click.IntRange(min=0), help="Append to this partition.")
@click.option("--key", metavar="COL", help="Let this column choose the partition: equal keys keep their order.")
@click.option("--create", metavar="PARTITIONS", type=int, help="Make the log and the topic where they are missing.")
@click.option("--format", metavar="FORMAT", help="csv, jsonl or parquet; told from the name or the first byte.")
@click.option("--batch", metavar="N", type=click.IntRange(min=1), default=BATCH_COUNT, help="Records appended at once.")
@click.option(
    "--header", "headers", metavar="NAME=VALUE", multiple=True, help="A header of each record; may come again."
)
@click.option("--durability", type=_DURABILITIES, default="power", help="What appended records survive.")
def command(topic: str, file: str, chosen: ChosenLog, **given: Any) -> int:
    """Append the records of a file, or of standard input, to TOPIC of a log.

    JSON lines go in byte for byte, without their line end; a CSV row becomes a JSON object of texts. A record that
    cannot be read goes in as the bytes it has: the worker gives it its dead letter. One that is too large to be kept is
    left out and named, and the exit code is 1.

    \b
        sidestream append requests payments.jsonl --log state --create 1
        tail -f payments.jsonl | sidestream append requests --log state --batch 1
    """  # noqa: D301 - click reads \b itself
    from streams.files import open_source

    if given["partition"] is not None and given["key"] is not None:
        msg = "--partition and --key both choose the partition; leave one out"
        raise ConfigError(msg)
    headers = tuple(map(_header, given["headers"]))
    source = open_source(file, file_format=given["format"])
    create = given["create"] is not None
    with chosen.opened(create=create, durability=given["durability"]) as log:
        if create:
            log.create_topic(topic, given["create"])
        appender = _Appender(log, topic, given["partition"], given["key"], headers)
        try:
            appender.append_all(source, given["batch"])
        finally:
            appender.report()
        return 1 if appender.left_out else 0


class _Appender:
    """Records on their way to one topic, and the tally."""

    def __init__(self, log: Log, topic: str, partition: int | None, key: str | None, headers: Headers) -> None:
        self._log = log
        self._headers = headers
        self._topic = topic
        self._key = key
        self._ends = {number: log.end(topic, number) for number in range(_partition_count(log, topic))}
        self._partition = 0 if partition is None else partition
        self._appended = 0
        self.left_out = 0
        if partition is None and key is None and len(self._ends) > 1:
            msg = f"topic {topic!r} has {len(self._ends)} partitions; choose one with --partition N or by --key COL"
            raise ConfigError(msg)
        log.end(topic, self._partition)

    def append_all(self, source: Source, batch_count: int) -> None:
        """Append every record, so many at once."""
        from streams.csv_file import CsvFile

        pending: dict[int, list[Entry]] = {}
        count = 0
        is_csv = isinstance(source, CsvFile)
        for record in source:
            if record.cut is not None:
                self._leave_out(record)
                continue
            entry = self._entry(record, is_csv=is_csv)
            partition = self._partition if self._key is None else crc32(entry.key or b"") % len(self._ends)
            pending.setdefault(partition, []).append(entry)
            count += 1
            if count == batch_count:
                self._append(pending)
                count = 0
        self._append(pending)

    def report(self) -> None:
        """Say how many went in, and where each partition ends now."""
        ends = ", ".join(f"partition {number} ends at {end}" for number, end in self._ends.items())
        left_out = f", left out {self.left_out}" if self.left_out else ""
        click.echo(f"appended {self._appended} records to {self._topic!r}{left_out}: {ends}", err=True)

    def _append(self, pending: dict[int, list[Entry]]) -> None:
        for partition in sorted(pending):
            entries = pending.pop(partition)
            self._ends[partition] = self._log.append(self._topic, partition, entries)
            self._appended += len(entries)

    def _entry(self, record: Record, *, is_csv: bool) -> Entry:
        """Return what goes in: a record without a readable key has none, and belongs to partition crc32(b"")."""
        from streams.codec import spell_id, to_json
        from streams.log_port import Entry

        values, value, key = record.values, record.raw.rstrip(b"\r\n"), None
        if values is not None and is_csv:
            value = to_json(values).encode()
        if values is not None and self._key is not None and values.get(self._key) is not None:
            try:
                key = spell_id(values[self._key], self._key).encode()
            except MessageError:
                key = None
        return Entry(key, value, self._headers)

    def _leave_out(self, record: Record) -> None:
        self.left_out += 1
        said = record.refusal.detail if record.refusal else "too large"
        click.echo(f"sidestream: row {record.row} of {record.origin!r} was left out: {said}", err=True)


def _header(text: str) -> tuple[str, bytes]:
    """Return the header that NAME=VALUE means."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        msg = f"--header takes NAME=VALUE, got {text!r:.80}"
        raise ConfigError(msg)
    return name, value.encode(errors="surrogateescape")


def _partition_count(log: Log, topic: str) -> int:
    """Return how many partitions a topic has, or raise `ConfigError` where it is not there."""
    for info in log.topics():
        if info.name == topic:
            return len(info.partitions)
    msg = f"there is no topic {topic!r} in {log.name!r}; --create 1 makes it, with one partition"
    raise ConfigError(msg)
