"""The question how many bytes a broker keeps of partitions, which the client does not know to ask (KIP-113)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Int16, Int32, Int64, Schema, String
from aiokafka.structs import TopicPartition


class DescribeLogDirsResponse(Response):  # type: ignore[misc]
    """What a broker answers: by directory, by topic, by partition."""

    API_KEY = 35
    API_VERSION = 1
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "directories",
            Array(
                ("error_code", Int16),
                ("path", String("utf-8")),
                (
                    "topics",
                    Array(
                        ("topic", String("utf-8")),
                        (
                            "partitions",
                            Array(("partition", Int32), ("size", Int64), ("lag", Int64), ("is_future", Boolean)),
                        ),
                    ),
                ),
            ),
        ),
    )


class DescribeLogDirsRequestStruct(RequestStruct):  # type: ignore[misc]
    """The request as it goes over the wire."""

    API_KEY = 35
    API_VERSION = 1
    RESPONSE_TYPE = DescribeLogDirsResponse
    SCHEMA = Schema(("topics", Array(("topic", String("utf-8")), ("partitions", Array(Int32)))))


class DescribeLogDirsRequest(Request[DescribeLogDirsRequestStruct]):  # type: ignore[misc]
    """Asks one broker for the sizes of partitions it has."""

    API_KEY = 35

    def __init__(self, places: Iterable[TopicPartition]) -> None:
        self._topics: dict[str, list[int]] = {}
        for topic, partition in places:
            self._topics.setdefault(topic, []).append(partition)

    def build(self, request_struct_class: type[DescribeLogDirsRequestStruct]) -> DescribeLogDirsRequestStruct:
        """Return the request in the version that was agreed on."""
        return request_struct_class(list(self._topics.items()))


def sizes_in(answer: Any) -> dict[TopicPartition, int]:
    """Return the bytes by partition; what we may not see is left out."""
    return {
        TopicPartition(topic, number): size
        for code, _, topics in answer.directories
        if code == 0
        for topic, partitions in topics
        for number, size, _, is_future in partitions
        if not is_future
    }
