"""A Quix Streams application for `benchmarks.kafka`, which asks and teaches the model and sends the answer on.

It is told how often to commit, where its default is every 5 seconds: with exactly-once nobody sees an answer before.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Final

from quixstreams import Application

from benchmarks.kafka_loop import answering

POLL_S: Final = 0.01
"""How long it waits for a request before it looks whether a commit is due."""


def main(asked: dict[str, Any], folder: str) -> None:
    """Run as asked, until the process is ended."""
    topics = asked["topics"]
    app = Application(
        broker_address=asked["address"],
        consumer_group=topics["predictions"],
        auto_offset_reset="earliest",
        commit_interval=asked["commit_s"],
        consumer_poll_timeout=POLL_S,
        processing_guarantee=asked["guarantee"],
        auto_create_topics=False,
        use_changelog_topics=False,
        state_dir=folder,
        loglevel="ERROR",
    )
    requests = app.topic(topics["requests"], key_deserializer="bytes", value_deserializer="json")
    predictions = app.topic(topics["predictions"], key_serializer="bytes", value_serializer="json")
    app.dataframe(requests).apply(answering()).to_topic(predictions)
    app.run()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), sys.argv[2])
