"""What a state depends on: the arguments of the run, and the bytes that were read.

A checkpoint may only be continued with the same, be it a replay's or a worker's. The arguments are kept as text by
name, so that a refusal can say which one differs; the input of a replay is known by the digest of its bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from hashlib import file_digest, sha256
from pathlib import Path

from engine.plan import Plan
from engine.snapshot import digest
from streams.ports import Record
from streams.settings import Settings, plain_settings

_FREE = frozenset(
    {"run.slice", "run.state", "run.checkpoint_every", "run.checkpoint_every_s", "run.status_every_s", "run.fallback"}
)
"""Settings that change no answer and no byte of output."""

_REPLAY_FREE = ("log.", "kafka.", "topics.", "overload.")
"""What the settings begin with that a replay has no use for."""

_WORKER_FREE = frozenset({"input.paths", "input.format", "log.dir", "log.durability"})
"""Settings that change no answer of a worker: its inputs and outputs have their places in topics."""


CONTENDER_ARGUMENTS = frozenset({"contenders.champion", "contenders.challengers", "inferred contenders"})
"""What of a worker's arguments says who its contenders are: these may change between two starts."""


def arguments(settings: Settings, plan: Plan) -> dict[str, str]:
    """Return everything the state of a replay depends on but versions and the records themselves, by name, as text."""
    found = {
        name: value
        for name, value in plain_settings(settings).items()
        if name not in _FREE and name != "labels.source" and not name.startswith(_REPLAY_FREE)
    }
    found |= _inferred(plan)
    labels = settings.labels.path
    if labels is not None and Path(labels).is_file():
        with Path(labels).open("rb") as file:
            found["labels file"] = file_digest(file, "sha256").hexdigest()
    return found


def worker_arguments(settings: Settings, plan: Plan) -> dict[str, str]:
    """Return everything the state of a worker depends on but versions and the log itself, by name, as text.

    What was inferred is told by digests: a worker that starts again infers nothing, and must have the same.
    """
    found = {
        name: value
        for name, value in plain_settings(settings).items()
        if name not in _FREE and name not in _WORKER_FREE and not name.startswith(("kafka.", "overload."))
    }
    found["labels.source"] = repr("topic" if settings.labels.on_topic else "record")
    found |= _inferred(plan)
    found["inferred limits"] = digest(asdict(plan.limits))
    contenders = [plan.champion_name, plan.champion, *plan.challengers.items(), *plan.detectors]
    found["inferred contenders"] = digest(contenders)
    return found


def _inferred(plan: Plan) -> dict[str, str]:
    return {
        "inferred schema": "none" if plan.schema is None else digest(plan.schema.snapshot()),
        "inferred classes": repr(list(plan.classes)),
    }


class ReadRecords:
    """The records of a source, and the digest of their original bytes as far as they were read.

    Parameters
    ----------
    records
        The source.
    digested
        Whether anybody will ask for the digest: only a run that keeps checkpoints does.

    Attributes
    ----------
    count
        How many were read.
    """

    def __init__(self, records: Iterable[Record], *, digested: bool) -> None:
        self._records = records
        self._digest = sha256()
        self._digested = digested
        self.count = 0

    def __iter__(self) -> Iterator[Record]:
        """Yield the records."""
        for record in self._records:
            self.count += 1
            if self._digested:
                self._digest.update(record.raw)
            yield record

    def hexdigest(self) -> str:
        """Return the SHA-256 of the bytes of every record read so far."""
        return self._digest.hexdigest()
