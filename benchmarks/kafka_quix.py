"""A Quix Streams application for `benchmarks.kafka`, which asks and teaches the model and sends the answer on.

It commits every `COMMIT_S`, where its default is 5 seconds: with exactly-once nobody sees an answer before that.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Final

from quixstreams import Application

from benchmarks.kafka_loop import answering

COMMIT_S: Final = 0.02
POLL_S: Final = 0.01
"""How long it waits for a request before it looks whether a commit is due."""


def main(asked: dict[str, Any], folder: str) -> None:
    """Run as asked, until the process is ended."""
    topics = asked["topics"]
    app = Application(
        broker_address=asked["address"],
        consumer_group=topics["predictions"],
        auto_offset_reset="earliest",
        commit_interval=float(asked.get("commit_s", COMMIT_S)),
        consumer_poll_timeout=POLL_S,
        processing_guarantee=asked["guarantee"],
        auto_create_topics=False,
        use_changelog_topics=False,
        state_dir=folder,
        loglevel="ERROR",
        producer_extra_config=asked.get("producer", {}),
    )
    requests = app.topic(topics["requests"], key_deserializer="bytes", value_deserializer="json")
    predictions = app.topic(topics["predictions"], key_serializer="bytes", value_serializer="json")
    app.dataframe(requests).apply(answering()).to_topic(predictions)
    app.run()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), sys.argv[2])
