"""What a log that stands on a cluster knows beyond what every log can: how its topics are kept, who leads, and when.

`Log.cluster` is one of these, or None where a log stands by itself. Nothing here needs the lease, and nothing changes
what is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from streams.snapshot_port import SnapshotStore
from streams.topic_needs import Demands, Survey, TopicNeed


class Waiting(NamedTuple):
    """A record that waits to be read: its offset, and when it was appended, in unix milliseconds; None: not known."""

    offset: int
    appended_ms: int | None


class Cluster(Protocol):
    """Where a log stands."""

    @property
    def snapshots(self) -> SnapshotStore | None:
        """Where copies of checkpoints are kept; None for nowhere."""
        ...

    def survey(self, needs: Sequence[TopicNeed], demands: Demands) -> Survey:
        """Return how these topics and those of the log itself are kept, and what is wrong with that."""
        ...

    def make_own(self) -> None:
        """Make the topics of the log itself that are missing; those that are there stay as they are."""
        ...

    def waiting(self, topic: str, partition: int, from_offset: int) -> Waiting | None:
        """Return the first record at or after an offset; None where there is none."""
        ...

    def committed_ms(self) -> int | None:
        """Return when the journal's last record was appended, in unix milliseconds; None where it is not known."""
        ...

    def holder(self) -> str | None:
        """Return who holds the lease; None where nobody does."""
        ...
