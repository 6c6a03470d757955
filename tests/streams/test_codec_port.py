"""The codec port: a worker on values that are no JSON, answered, recovered and audited."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from engine.errors import MessageError
from streams.audit import Auditor
from streams.codec_port import JSON, read_record
from streams.ground import Ground, checkpoints_of, start_at
from streams.log_port import Entry
from streams.pipeline import resolved_pipeline
from tests.workers import START_MS, Life, settings_of


class Pairs:
    """Fields as `name=value` texts between semicolons: what Avro or Protobuf would be, in a line."""

    content_type = "text/x-pairs"

    def decode(self, value: bytes, /) -> Mapping[str, object]:
        """Return the fields."""
        try:
            return dict(pair.split("=", 1) for pair in value.decode().split(";"))  # type: ignore[arg-type]
        except ValueError as error:
            raise MessageError("bad_pairs", f"no pairs: {error}", stage="read") from None

    def encode(self, fields: Mapping[str, object], /) -> bytes:
        """Return the bytes."""
        return ";".join(f"{name}={value}" for name, value in fields.items()).encode()


PAIRS = Pairs()


def arrive(life: Life, count: int) -> None:
    for number in range(life.count, life.count + count):
        at = START_MS + 60_000 * number
        fields = {"id": f"e{number}", "ts": at, "a": (number * 7 % 11) - 5.0, "b": number % 4}
        life.append("requests", PAIRS.encode(fields))
        label = {"id": f"e{number}", "y": int(number * 7 % 11 > 6), "at": at + 3_600_000}
        life.append("labels", PAIRS.encode(label))
    life.count += count


def test_a_worker_on_another_codec_answers_learns_recovers_and_is_audited() -> None:
    life = Life(settings=settings_of(kafka={"address": "nowhere:9092"}))
    arrive(life, 40)
    life.append("requests", b"no pairs")
    life.log.append("commands", 0, [Entry(None, b"{}")])
    life.run(values=PAIRS)
    arrive(life, 40)
    life.run(values=PAIRS)
    answers = life.log.read("predictions", 0, 0).records
    assert len(answers) == 80
    assert PAIRS.decode(answers[70].value)["id"] == "e70"
    assert dict(answers[0].headers)["content-type"] == b"text/x-pairs"
    ends = [PAIRS.decode(record.value)["end"] for record in life.log.read("ends", 0, 0).records]
    assert set(ends) == {"learned"}
    letters = [JSON.decode(record.value) for record in life.log.read("dead_letters", 0, 0).records]
    assert [letter["reason"] for letter in letters] == ["bad_command", "bad_pairs"]
    start = start_at(life.log, 0)
    pipeline = resolved_pipeline(life.settings, start["resolved"])
    ground = Ground(life.settings, life.log, pipeline, checkpoints_of(life.settings, pipeline, None), PAIRS)
    found = Auditor(ground).run()
    assert [each for each in found.findings if "audit.jsonl" not in each] == []
    assert found.counts["records on predictions"] == 80


def test_what_a_codec_cannot_decode_is_a_refusal_and_too_much_is_not_decoded() -> None:
    refused = read_record(PAIRS, "requests/0", 7, b"ab", 10)
    assert refused.refusal is not None
    assert (refused.origin, refused.row, refused.raw, refused.refusal.reason) == ("requests/0", 7, b"ab", "bad_pairs")
    large = read_record(PAIRS, "requests/0", 7, b"a=" + b"b" * 20, 10)
    assert large.refusal is not None
    assert large.refusal.reason == "too_large"


def test_nothing_but_the_port_names_json_where_events_are_read_and_written() -> None:
    """Another codec is another object: no other file on the way of an event may fall back to JSON by itself."""
    for name in ("intake", "outputs", "replica", "worker"):
        text = (Path(__file__).parents[2] / f"streams/{name}.py").read_text()
        assert "jsonl_file" not in text
        assert "orjson" not in text
