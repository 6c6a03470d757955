"""What a record on Kafka looks like, as any other client sees it: headers, keys, places; and an id that comes twice."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from streams.log_port import Entry
from tests.kafka.test_kafka_commands import START_MS, Desk
from tests.kafka.test_kafka_commands import desk as desk  # noqa: PLC0414 - the fixture
from tests.kafka_logs import kafka_place

if TYPE_CHECKING:
    from streams.kafka import KafkaLog

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def request(event_id: str, a: float = 1.0) -> bytes:
    return json.dumps({"id": event_id, "ts": START_MS, "a": a}).encode()


def consumed(desk: Desk, topic: str, count: int) -> list[Any]:
    """Return so many records as the client's own consumer has them."""
    from aiokafka import AIOKafkaConsumer

    async def consume() -> list[Any]:
        consumer = AIOKafkaConsumer(
            desk.prefix + topic,
            bootstrap_servers=desk.address,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
        )
        await consumer.start()
        try:
            async with asyncio.timeout(60.0):
                return [await consumer.getone() for _ in range(count)]
        finally:
            await consumer.stop()

    return asyncio.run(consume())


def produce(desk: Desk, topic: str, *records: tuple[int, bytes | None, bytes, list[tuple[str, bytes | None]]]) -> None:
    """Send records as another program would: partition, key, value, headers."""
    from aiokafka import AIOKafkaProducer

    async def send() -> None:
        async with AIOKafkaProducer(bootstrap_servers=desk.address) as producer:
            for partition, key, value, headers in records:
                await producer.send_and_wait(desk.prefix + topic, value, key=key, partition=partition, headers=headers)

    asyncio.run(send())


def test_answers_are_cloud_events_with_the_key_and_the_trace_of_their_requests(desk: Desk) -> None:
    desk.append("requests", [{"id": "e0", "ts": START_MS, "a": 1.0}], "--create", 2, "--partition", 1)
    produce(
        desk,
        "requests",
        (1, b"card \xff", request("e1"), [("traceparent", PARENT.encode()), ("other", None)]),
        (1, None, request("e2"), [("traceparent", b"broken")]),
    )
    ran = desk.said("run", "--config", desk.config, "--once")
    assert ran.code == 0, ran.err
    first, traced, broken = consumed(desk, "predictions", 3)
    assert [record.partition for record in (first, traced, broken)] == [1, 1, 1]
    assert [record.key for record in (first, traced, broken)] == [b"e0", b"card \xff", b"e2"]
    headers = {name: value.decode() for name, value in traced.headers}
    assert headers["ce_specversion"] == "1.0"
    assert headers["ce_type"] == "sidestream.prediction"
    assert headers["ce_source"] == f"/sidestream/{desk.prefix}sidestream"
    assert headers["ce_origin"] == "requests/1/1"
    assert headers["traceparent"] == PARENT
    assert "traceparent" not in dict(broken.headers)
    shadows = consumed(desk, "shadow", 6)
    assert [dict(record.headers).get("traceparent") for record in shadows].count(PARENT.encode()) == 2
    peeked = desk.said("peek", "predictions", "--partition", 1, "--kafka", desk.address).lines()
    assert peeked[1]["headers"] == headers
    audit = desk.said("audit", desk.directory / "state", "--config", desk.config)
    assert audit.code == 0, audit.out + audit.err


def test_an_id_that_comes_twice_is_answered_as_the_first_time_and_learned_once(desk: Desk) -> None:
    desk.append("requests", [{"id": "e0", "ts": START_MS, "a": 1.0}], "--create", 1)
    produce(desk, "requests", (0, b"k", request("e0", a=9.0), []))
    desk.append("labels", [{"id": "e0", "y": 1}], "--create", 1)
    assert desk.said("run", "--config", desk.config, "--once").code == 0
    produce(desk, "requests", (0, None, request("e0", a=-9.0), []))
    assert desk.said("run", "--config", desk.config, "--once").code == 0
    answers = [json.loads(record.value) for record in consumed(desk, "predictions", 3)]
    assert [answer.get("duplicate_of") for answer in answers] == [None, 0, 0]
    assert len({(answer["prediction"], answer["probability"]) for answer in answers}) == 1
    ends = desk.said("peek", "ends", "--kafka", desk.address).lines()
    assert [json.loads(str(line["text"]))["end"] for line in ends] == ["learned"]
    audit = desk.said("audit", desk.directory / "state", "--config", desk.config, "--json")
    counts = json.loads(audit.out)["counts"]
    assert (audit.code, counts["requests"], counts["requests duplicates"], counts["labels learned"]) == (0, 3, 2, 1)


@pytest.mark.parametrize("compression", [0, 1])
def test_a_header_whose_name_is_no_text_stops_nobody(kafka: str, compression: int) -> None:
    with kafka_place(kafka) as place:
        log = place.open()
        log.create_topic("in", 1)
        log.append("in", 0, [Entry(None, b"before")])
        send_raw(log, "in", batch(b"x\xffz", compression))
        log.append("in", 0, [Entry(None, b"after")])
        found = log.read("in", 0, 0).records
        odd = [(b"odd", (("x\\xffz", b"%d" % number),)) for number in range(3)]
        assert [record[2:] for record in found] == [(b"before", ()), *odd, (b"after", ())]
        assert log.read("in", 0, 2).records == found[2:]


def batch(name: bytes, compression: int) -> bytes:
    """Return a batch of three records with such a header, as a client would send it that looks at no names."""
    from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

    class Name(str):
        def encode(self, *_: object) -> bytes:
            return name

    made = _DefaultRecordBatchBuilderPy(
        magic=2,
        compression_type=compression,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=10_000,
    )
    for number in range(3):
        made.append(number, 1, None, b"odd", [(Name(), b"%d" % number)])
    return bytes(made.build())


def send_raw(log: KafkaLog, topic: str, data: bytes) -> None:
    from aiokafka.protocol.produce import ProduceRequest

    place = log._topics.place(topic, 0)

    async def send() -> None:
        node = await log._wire.leader(place)
        request = ProduceRequest(None, -1, 10_000, [(place.topic, [(0, data)])])
        answer = await log._client.send(node, request)
        assert answer.topics[0][1][0][1] == 0, "the broker takes it"

    log._loop.run(send())


def test_headers_given_to_append_reach_the_topic_and_switched_off_no_output_has_any(desk: Desk) -> None:
    desk.config.write_text(desk.config.read_text() + "cloud_events = false\n")
    rows = [{"id": "e0", "ts": START_MS, "a": 1.0}]
    desk.append("requests", rows, "--create", 1, "--header", f"traceparent={PARENT}", "--header", "a=1=2")
    assert desk.said("run", "--config", desk.config, "--once").code == 0
    (asked,) = consumed(desk, "requests", 1)
    assert asked.headers == (("traceparent", PARENT.encode()), ("a", b"1=2"))
    (answer,) = consumed(desk, "predictions", 1)
    assert answer.headers == ()
    assert "headers" not in desk.said("peek", "predictions", "--kafka", desk.address).out
    Path(desk.config).write_text(desk.config.read_text().replace("cloud_events = false\n", ""))
    refused = desk.said("run", "--config", desk.config, "--once")
    assert (refused.code, "cloud_events = false; set it so again" in refused.err) == (3, True)


@pytest.mark.parametrize("text", ["traceparent", "=1"])
def test_a_header_that_has_no_name_or_value_is_refused(desk: Desk, text: str) -> None:
    said = desk.said("append", "requests", desk.config, "--header", text, "--kafka", desk.address)
    assert (said.code, "--header takes NAME=VALUE" in said.err) == (2, True)
