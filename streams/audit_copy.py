"""The copy of the audit trail, `audit.jsonl`, held against the topic it was copied from.

The topic is the truth, and the file follows it after each commit: a worker that died in between leaves a file that is
short of some entries, the last of them perhaps torn, until the next one starts. So a file that is the topic's beginning
is in order; anything else in it is a finding. Nothing here writes.
"""

from __future__ import annotations

from pathlib import Path

from streams.audit_file import AUDIT_FILE
from streams.audit_trail import verify
from streams.ground import Ground, whole_topic
from streams.log_port import LogError


class AuditCopy:
    """The file as long as it is now; what is added later is on the topic before.

    Parameters
    ----------
    ground
        The log, and its directory.
    """

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._topic = ground.settings.topics.audit
        self._path = Path(str(ground.settings.log.dir)) / AUDIT_FILE
        self._size = self._path.stat().st_size if self._path.is_file() else None

    def compare(self, counts: dict[str, int]) -> list[str]:
        """Verify the topic, and the file against it; return what was found, and add to the counts."""
        try:
            chain = verify(whole_topic(self._ground.log, self._topic))
        except LogError as error:
            return [f"topic {self._topic!r}: {error}"]
        counts["entries of the audit trail"] = chain.number
        if self._size is None:
            return [f"{self._name} is missing; the next start of a worker writes it anew from topic {self._topic!r}"]
        copied = 0
        left = self._size
        with self._path.open("rb") as file:
            for number, ours in enumerate(whole_topic(self._ground.log, self._topic), 1):
                found = file.read(min(left, len(ours) + 1))
                left -= len(found)
                if found == ours + b"\n":
                    copied += 1
                elif left or not ours.startswith(found.rstrip(b"\0")):
                    return [f"line {number} of {self._name} is not the one on topic {self._topic!r}"]
                else:
                    break
        counts["of them in audit.jsonl"] = copied
        return [f"{self._name} holds more than topic {self._topic!r}"] if left else []

    @property
    def _name(self) -> str:
        return repr(str(self._path))
