"""A Faust agent for `benchmarks.kafka`, which asks and teaches the model and sends the answer on.

At least once: Faust's exactly-once is not safe. Its buffer is as large as a fetch (a full one makes it sleep for a
second), its serializers are left out in favour of orjson, and it runs on uvloop without its web server.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import orjson

from benchmarks.kafka_loop import answering


def main(asked: dict[str, Any], folder: str) -> None:
    """Run as asked, until the process is ended."""
    sys.argv = ["faust", "--loop=uvloop", f"--datadir={folder}", "worker", "--loglevel=error", "--without-web"]
    import faust

    topics = asked["topics"]
    app = faust.App(
        topics["predictions"],
        broker=f"kafka://{asked['address']}",
        stream_buffer_maxsize=1 << 17,
        consumer_auto_offset_reset="earliest",
        topic_partitions=1,
        topic_allow_declare=False,
        topic_disable_leader=True,
        broker_commit_interval=1.0,
    )
    requests = app.topic(topics["requests"], value_serializer="raw", value_type=bytes)
    predictions = app.topic(topics["predictions"], value_serializer="raw", value_type=bytes)
    answer = answering()

    @app.agent(requests)
    async def answered(stream: Any) -> None:
        async for value in stream:
            await predictions.send(value=orjson.dumps(answer(orjson.loads(value))))

    app.main()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), sys.argv[2])
