"""Episodes: one change raises many alarms, and this is the change, from the first alarm to the last.

One object per contender takes every watched loss and every drift verdict, in order, and says when an episode opened,
what kind of change it was, and when it closed. It knows nothing of detectors, of models or of what is done about a
change.
"""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

from engine.drift.episode_rules import BASELINE_VALUES, EpisodeRules
from engine.drift.history import BUCKET_VALUES, LossHistory
from engine.drift.kind import Kind, characterise
from engine.messages import Episode, Moved
from engine.tape import Moment

EPISODE_COUNT_MAX = 1_000
"""Episodes whose latest state is kept, the oldest dropped."""


class _Open(NamedTuple):
    """What the open episode's state does not say.

    The places of its opening and its latest signal, a caller's word, and the request its opening was about: until the
    loss has come that far, the places move along with it.
    """

    place: int
    signal_place: int
    recurring: bool = False
    about_index: int = -1


class Episodes:
    """The episodes of one contender, one after the other.

    Parameters
    ----------
    owner
        The contender's name; ids are `owner#1`, `owner#2` and so on.
    rules
        When an episode is characterised and when it closes.

    Attributes
    ----------
    count : int
        How many episodes there were.

    Notes
    -----
    Show each value first, and then the verdicts it brought: `see`, then `signal`. The same values in the same order
    say the same. An episode is characterised `settle_count` values after it opened, and again when it closes, with
    everything seen since: what was still rising the first time may have reached a plateau, what looked lasting may be
    over. What rises on and on is characterised again every `settle_count` values instead, and does not close before
    `length_count_max`. The baseline of the next episode begins where the new level does. `see` is O(1) but at these
    stages, where it is `characterise`.
    """

    def __init__(self, owner: str, rules: EpisodeRules | None = None) -> None:
        self.owner = owner
        self.rules = rules or EpisodeRules()
        self.count = 0
        self._history = LossHistory()
        self._baseline_place = 0
        self._open: _Open | None = None
        self._kept: deque[Episode] = deque(maxlen=EPISODE_COUNT_MAX)

    @property
    def open(self) -> Episode | None:
        """The latest state of the episode that is open, if one is."""
        return None if self._open is None else self._kept[-1]

    @property
    def kept(self) -> list[Episode]:
        """The latest state of each episode that is kept, oldest first."""
        return list(self._kept)

    def see(self, value: float, moment: Moment, *, index: int | None = None) -> list[Episode]:
        """Take one value of the watched loss; return what there is to say.

        `index` is the request the value is about; left out, it is the latest one at this moment.
        """
        about = moment.request_index if index is None else index
        self._history.add(value, about)
        opened = self._open
        if opened is None:
            return []
        rules, seen = self.rules, self._history.count
        if about < opened.about_index:
            self._open = opened._replace(place=seen, signal_place=seen)
            return []
        length = seen - opened.place
        over = seen - opened.signal_place >= rules.quiet_count or length >= rules.length_count_max
        said = []
        if length == rules.settle_count or (over and length < rules.settle_count):
            said.append(self._characterised(opened, moment))
        if over:
            must_end = length >= rules.length_count_max
            said.append(self._characterised(opened, moment, over=True, must_end=must_end))
        return said

    def signal(self, watched: str, moment: Moment, *, index: int = -1) -> tuple[str, list[Episode]]:
        """Take one drift verdict: it opens an episode or joins the open one. Return its id and what there is to say.

        `index` is the request the verdict is about. Misses are known before the loss is: the change is then looked for
        once the loss has reached that request.
        """
        seen = self._history.count
        if self._open is not None:
            self._open = self._open._replace(signal_place=seen)
            return self._kept[-1].episode, []
        self.count += 1
        name = f"{self.owner}#{self.count}"
        state = Episode(moment.position, moment.request_index, name, watched, "opened", moment.request_index)
        self._open = _Open(seen, seen, about_index=index)
        self._kept.append(state)
        return name, [state]

    def mark_recurring(self) -> None:
        """Have the open episode be called recurring from its next stage on: a past model fits again."""
        if self._open is not None:
            self._open = self._open._replace(recurring=True)

    def note_moved(self, episode: str, moved: tuple[Moved, ...]) -> None:
        """Write what moved into a kept episode, for this stage and those to come; one that is no more is let go."""
        for place in range(len(self._kept) - 1, -1, -1):
            if self._kept[place].episode == episode:
                self._kept[place] = self._kept[place]._replace(moved=moved)
                return

    def _characterised(self, opened: _Open, moment: Moment, *, over: bool = False, must_end: bool = False) -> Episode:
        """Bring the open episode to its next stage; one that is over closes, unless the loss rises on and on."""
        baseline_place = max(self._baseline_place, opened.place - BASELINE_VALUES)
        found = characterise(self._history, opened.place, baseline_place=baseline_place, recurring=opened.recurring)
        closes = must_end or (over and found.kind is not Kind.INCREMENTAL)
        if closes:
            self._baseline_place = found.settled_place
            self._open = None
        elif over:
            # Within a bucket there is nothing new to see.
            pause = max(self.rules.settle_count, BUCKET_VALUES)
            self._open = opened._replace(signal_place=opened.signal_place + pause)
        state = self._kept[-1]._replace(
            position=moment.position,
            request_index=moment.request_index,
            stage="closed" if closes else "characterised",
            kind=found.kind.value,
            onset_index=found.onset_index,
            width=found.width,
            severity=found.severity,
            closed_index=moment.request_index if closes else None,
        )
        self._kept[-1] = state
        return state

    def snapshot(self) -> dict[str, object]:
        """Return the state as plain data."""
        return {
            "count": self.count,
            "history": self._history.snapshot(),
            "baseline_place": self._baseline_place,
            "open": None if self._open is None else tuple(self._open),
            "kept": [(*state[:-1], [tuple(each) for each in state.moved]) for state in self._kept],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `snapshot` returned."""
        self.count = state["count"]
        self._history.restore(state["history"])
        self._baseline_place = state["baseline_place"]
        self._open = None if state["open"] is None else _Open(*state["open"])
        self._kept.clear()
        for *fields, moved in state["kept"]:
            self._kept.append(Episode._make([*fields, tuple(Moved(*each) for each in moved)]))
