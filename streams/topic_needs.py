"""Which topics a worker needs, and what was found of them: values that know no cluster.

A log on a cluster has topics that others make, too, and change behind a worker's back. Who looks says what is wrong in
findings, each with its remedy.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from streams.settings import Settings


class Role(StrEnum):
    """What a topic is there for."""

    INPUT = "input"
    OUTPUT = "output"
    JOURNAL = "journal"
    LEASE = "lease"
    SNAPSHOTS = "snapshots"


class TopicNeed(NamedTuple):
    """A topic that a worker needs: of an output at least so many partitions, of a topic of the log just so many."""

    name: str
    role: Role
    partition_count: int


class Demands(NamedTuple):
    """What the settings ask of topics: seconds between two checkpoints at most, and the bytes of one input record."""

    checkpoint_every_s: int
    record_bytes_max: int


class Weight(StrEnum):
    """What a finding means."""

    PROBLEM = "problem"
    """A worker fails on it, or loses what it must be able to read again."""

    WARNING = "warning"
    """It works, with less than it could have."""


class Finding(NamedTuple):
    """One thing that is not as it should be, and what to do. `topic` None: it is about the brokers."""

    topic: str | None
    weight: Weight
    what: str
    remedy: str


class Survey(NamedTuple):
    """What was found: the topics that are needed, how many partitions those have that are there, and what is wrong."""

    needs: tuple[TopicNeed, ...]
    counts: Mapping[str, int]
    findings: tuple[Finding, ...]

    @property
    def is_sound(self) -> bool:
        """Whether there is no problem; warnings may be."""
        return all(finding.weight is not Weight.PROBLEM for finding in self.findings)


def needs_of(settings: Settings, counts: Mapping[str, int]) -> tuple[TopicNeed, ...]:
    """Return the topics that the settings name: one partition each, and predictions as many as requests have.

    Parameters
    ----------
    settings
        Name them.
    counts
        The partitions of the topics that are there.
    """
    topics = settings.topics
    inputs = {topics.requests, topics.labels, topics.commands}
    requests = counts.get(topics.requests, 1)
    return tuple(
        TopicNeed(name, Role.INPUT if name in inputs else Role.OUTPUT, requests if name == topics.predictions else 1)
        for name in topics.names()
    )


def demands_of(settings: Settings) -> Demands:
    """Return what the settings ask of topics."""
    return Demands(settings.run.checkpoint_every_s, settings.input.record_bytes_max)
