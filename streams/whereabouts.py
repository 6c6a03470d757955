"""Where a state that was kept stands: after which commit of which journal, and on which inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from streams.journal import digest_of
from streams.log_port import Log, OffsetError


class Whereabouts(NamedTuple):
    """After how many commits, where each input is to be read on, and the digest of the last commit."""

    sequence: int
    offsets: Sequence[int]
    head: str

    def is_on(self, log: Log, commits: int) -> bool:
        """Whether that commit is one of a log's first so many, and still held."""
        if not 0 < self.sequence <= commits:
            return False
        try:
            return digest_of(next(log.journal(self.sequence - 1)).data) == self.head
        except OffsetError:
            return False


def whereabouts_of(rest: Mapping[str, Any] | None) -> Whereabouts | None:
    """Return where a checkpoint stands, by what the worker added to it; None where it does not say."""
    if rest is None or not {"sequence", "offsets", "head"} <= rest.keys():
        return None
    return Whereabouts(int(rest["sequence"]), list(rest["offsets"]), str(rest["head"]))
