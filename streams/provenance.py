"""What a checkpoint may be continued with: the same arguments, the same versions, the same input so far.

A state is a function of all three. They are kept beside it as plain data, and compared key by key, so that a refusal
can name the difference. The input is known by the digest of the bytes that were read.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from importlib.metadata import version

from engine.errors import SnapshotError
from engine.plan import Plan
from engine.snapshot import digest
from engine.values import show_value
from streams.ports import Record
from streams.settings import Settings, plain_settings

_NO_ARGUMENTS = frozenset({"run.slice", "run.state", "run.checkpoint_every"})
"""Settings that change no answer and no byte of output."""


def arguments(settings: Settings, plan: Plan) -> dict[str, str]:
    """Return everything a state depends on but the input, by name, as text."""
    found = {name: value for name, value in plain_settings(settings).items() if name not in _NO_ARGUMENTS}
    found["schema"] = "" if plan.schema is None else digest(plan.schema.snapshot())
    found["classes"] = repr(list(plan.classes))
    found["python"] = ".".join(platform.python_version_tuple()[:2])
    found |= {package: version(package) for package in ("sidestream", "river", "numpy")}
    return found


def refuse_difference(kept: Mapping[str, str], given: Mapping[str, str]) -> None:
    """Raise `SnapshotError` naming the first argument that is not what the checkpoint was made with."""
    for name in sorted({*kept, *given}):
        if kept.get(name) != given.get(name):
            msg = (
                f"the checkpoint was made with {name} = {show_value(kept.get(name))}, this run has "
                f"{show_value(given.get(name))}; start it as it was started, or name a new --state directory"
            )
            raise SnapshotError(msg)


class ReadRecords:
    """The records of a source, with the digest of their original bytes as far as they were read."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._records = records
        self._digest = sha256()
        self.count = 0

    def __iter__(self) -> Iterator[Record]:
        """Yield the records."""
        for record in self._records:
            self.count += 1
            self._digest.update(record.raw)
            yield record

    def hexdigest(self) -> str:
        """Return the SHA-256 of the bytes of every record read so far."""
        return self._digest.hexdigest()
