"""What a log that stands on a cluster knows beyond what every log can: how its topics are kept, who leads, and when.

`Log.cluster` is one of these, or None where a log stands by itself. Nothing here needs the lease, and nothing changes
what is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from streams.topic_needs import Demands, Survey, TopicNeed


class Cluster(Protocol):
    """Where a log stands."""

    def survey(self, needs: Sequence[TopicNeed], demands: Demands) -> Survey:
        """Return how these topics and those of the log itself are kept, and what is wrong with that."""
        ...

    def make_own(self) -> None:
        """Make the topics of the log itself that are missing; those that are there stay as they are."""
        ...
