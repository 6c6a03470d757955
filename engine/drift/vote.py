"""`vote(...)`: several detectors on one stream; an alarm when enough of them have alarmed within a span."""

from __future__ import annotations

from typing import Protocol

from engine.drift.detector import Detector, Verdict
from engine.drift.parameters import check_whole
from engine.errors import ConfigError, SnapshotError


class Voter(Detector, Protocol):
    """A detector that can be asked first whether it is defined for a value, so that a refusal changes no other."""

    def check(self, value: float) -> None:
        """Raise `ModelError` for a value it is not defined for."""
        ...


class Vote:
    """Alarms when k of its members have, each within the last `within` values.

    Parameters
    ----------
    members
        Two or more detectors; the vote owns them. In a spec: `vote(adwin(), hddm_w(), k=2)`, or each in quotes.
    k
        How many must agree.
    within
        The span, in values.

    Attributes
    ----------
    binary_only
        Whether any member takes 0 and 1 alone.

    Notes
    -----
    WARNING is at least one member's alarm within the span, or k members that warn or have alarmed. After an alarm all
    votes are void; the members go on as they do after their own. One value costs what the members cost.
    """

    def __init__(self, *members: Voter, k: int = 2, within: int = 200) -> None:
        for member in members:
            if not all(hasattr(member, verb) for verb in ("check", "update", "snapshot", "restore")):
                msg = f"vote takes detectors, such as adwin(), got {member!r:.80}"
                raise ConfigError(msg)
        if len(members) < 2:
            msg = f"vote takes two detectors or more, got {len(members)}; name a single one without vote(...)"
            raise ConfigError(msg)
        check_whole("vote", 1, k=k, within=within)
        if k > len(members):
            msg = f"vote: k must be at most the {len(members)} members, got {k!r}"
            raise ConfigError(msg)
        self._members = members
        self._k = k
        self._within = within
        self._left = [0] * len(members)
        """For how many more values each member's alarm counts."""
        self.binary_only = any(member.binary_only for member in members)

    def update(self, value: float) -> Verdict:
        """Take one value and return the verdict; a value that a member is not defined for is a `ModelError`."""
        self.check(value)
        warned = 0
        for index, member in enumerate(self._members):
            verdict = member.update(value)
            self._left[index] = self._within if verdict is Verdict.DRIFT else max(0, self._left[index] - 1)
            warned += verdict is Verdict.WARNING and not self._left[index]
        agreed = sum(left > 0 for left in self._left)
        if agreed >= self._k:
            self._left = [0] * len(self._members)
            return Verdict.DRIFT
        return Verdict.WARNING if agreed or warned >= self._k else Verdict.STABLE

    def check(self, value: float) -> None:
        """Raise `ModelError` for a value that a member is not defined for."""
        for member in self._members:
            member.check(value)

    def snapshot(self) -> object:
        """Return the members' states, and how long each alarm still counts."""
        return {"members": [member.snapshot() for member in self._members], "left": list(self._left)}

    def restore(self, state: object) -> None:
        """Take back what `snapshot` returned."""
        count = len(self._members)
        if not isinstance(state, dict) or list(state) != ["members", "left"] or len(state["members"]) != count:
            msg = f"vote keeps the states of {count} members, got {state!r:.80}"
            raise SnapshotError(msg)
        for member, kept in zip(self._members, state["members"], strict=True):
            member.restore(kept)
        self._left = list(state["left"])
