"""`sidestream demo`: what runs, what is noted while it runs, and the file in which the same can be had again.

The run is a replay like any other: the same settings, source protocol, engine and summary. What the payments really do
is known here, and laid beside what was found only in `demo_story`. Nothing is drawn here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from engine.errors import ConfigError
from engine.messages import Alarm, Episode, Outcomes, Promoted, Reaction
from streams.ports import SourceError
from streams.settings import Settings, load_settings
from streams.synthetic import CHANGES, COLUMNS, RULES, CardPayments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.engine import Engine
    from streams.preparation import Prepared

RULES_NAME = "rules"
"""Who answers at first. Rules never learn, so their losses show the changes of the world as they are."""

_LINEAR = "river.preprocessing.StandardScaler() | river.linear_model.LogisticRegression(intercept_init=-4.0)"
_TREE = (
    "river.tree.HoeffdingTreeClassifier(grace_period=100, delta=0.001, tau=0.1, leaf_prediction='mc', "
    "max_share_to_split=1.0, min_branch_fraction=0.0)"
)

SETTINGS: Mapping[str, Mapping[str, object]] = {
    "input": {
        "target": "fraud",
        "task": "binary",
        "positive": 1,
        "id": "id",
        "time": "at",
        "drop": ["at", "card"],
    },
    "labels": {"time": "reported_at", "policy": "negative_after(5d)"},
    "contenders": {
        "champion": f'{RULES_NAME}=rules("{RULES}")',
        "challengers": [f"linear={_LINEAR}", f"tree={_TREE}"],
    },
    "decision": {"threshold": 0.3},
    "detectors": {"specs": ["misses=hddm_w()"], "quiet_count": 8000},
    "reactions": {"specs": ["tree=gated()"]},
    "promotion": {"mode": "automatic", "loss": "brier"},
}
"""The whole run. Where 4 in 100 are fraud who is always silent is right nearly always: so misses are watched, not
errors, and the evidence is about probabilities. An episode stays open for 8,000 payments, to see a slow change to its
end."""


def demo_settings() -> Settings:
    """Return the settings of the run; no environment outranks them."""
    return load_settings(None, {section: dict(values) for section, values in SETTINGS.items()}, {})


def write_demo(path: str, seed: int) -> str:
    """Write the payments to a new CSV file, and the settings to a TOML file beside it; return the latter's name.

    Raises
    ------
    ConfigError
        When the name will not do.
    SourceError
        When one of them exists already, or cannot be written.
    """
    payments = Path(path)
    settings = payments.with_suffix(".toml")
    if payments.suffix != ".csv":
        msg = f"the payments are written as CSV, got {path!r}; name a file such as payments.csv"
        raise ConfigError(msg)
    try:
        with settings.open("x", encoding="utf-8") as file:
            file.write(_as_toml(path))
        with payments.open("x", encoding="utf-8", newline="") as file:
            file.write(",".join(COLUMNS) + "\n")
            file.writelines(",".join(fields) + "\n" for fields in CardPayments(seed).rows())
    except FileExistsError as error:
        msg = f"{error.filename!r} exists already; name another file, or take it away"
        raise SourceError(msg) from error
    except OSError as error:
        msg = f"{error.filename!r} cannot be written ({error.strerror})"
        raise SourceError(msg) from error
    return str(settings)


def _as_toml(path: str) -> str:
    """Return the settings as a file; a string of JSON is one of TOML."""
    lines = []
    for section, values in SETTINGS.items():
        lines.append(f"[{section}]")
        if section == "input":
            lines.append(f"paths = {json.dumps(path, ensure_ascii=False)}")
        lines += [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
        lines.append("")
    return "\n".join(lines)


class Happening(NamedTuple):
    """One line of the timeline: at which request, what sort of thing it is, and what it says."""

    at: int
    sort: str
    said: str


@dataclass(slots=True)
class Chronicle:
    """Notes what happens to contenders while a replay runs; an observer of it.

    Attributes
    ----------
    happenings
        The timeline, with the changes as they really were. Nothing of it is about the baseline.
    alarms, episodes, promotions
        What the engine said; of each episode its latest state.
    caught
        Of the frauds reported since the first change: how many there were, how many of them were alerts as served, and
        how many would have been by the rules alone.
    """

    happenings: list[Happening] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)
    episodes: dict[str, Episode] = field(default_factory=dict)
    promotions: list[Promoted] = field(default_factory=list)
    caught: dict[str, int] = field(default_factory=lambda: {"frauds": 0, "as_served": 0, "by_rules": 0})
    _served: dict[int, bool] = field(default_factory=dict)
    _rules: dict[int, bool] = field(default_factory=dict)
    _names: frozenset[str] = frozenset()
    _changes_said: int = 0

    def begin(self, prepared: Prepared, notices: Sequence[str]) -> None:  # noqa: ARG002 - there is nothing to continue
        """Learn who takes part."""
        plan = prepared.plan
        self._names = frozenset((plan.champion_name or "", *plan.challengers))

    def note(self, out: Outcomes) -> None:
        """Take down what was said about one slice."""
        self._note_answers(out)
        said: list[tuple[int, Happening]] = []
        for alarm in out.alarms:
            if alarm.watched.partition(".")[0] in self._names:
                self.alarms.append(alarm)
        events: list[Episode | Reaction | Promoted] = [*out.episodes, *out.reactions, *out.promotions]
        for event in events:
            happening = _told(event)
            if isinstance(event, Promoted):
                self.promotions.append(event)
            elif isinstance(event, Episode):
                if event.episode.partition("#")[0] not in self._names:
                    continue
                self.episodes[event.episode] = event
            said.append((event.position, happening))
        for _, happening in sorted(said, key=lambda each: each[0]):
            self._say_changes(happening.at)
            self.happenings.append(happening)
        if out.predictions:
            self._say_changes(out.predictions[-1].request_index)

    def progress(self, engine: Engine, seconds: float) -> None:
        """Take no note: nothing here depends on the clock."""

    def end(self) -> None:
        """Take no note."""

    def _note_answers(self, out: Outcomes) -> None:
        """Count the frauds that are reported, and who would have caught them."""
        since = CHANGES[0].onset
        for prediction in out.predictions:
            if prediction.request_index >= since:
                alert = self._served[prediction.request_index] = prediction.answer[0] is True
                if prediction.model == RULES_NAME:
                    self._rules[prediction.request_index] = alert
        for shadow in out.shadow:
            if shadow.model == RULES_NAME and shadow.request_index >= since:
                self._rules[shadow.request_index] = shadow.answer[0] is True
        for label in out.label_ends:
            index = label.request_index
            if label.target is True and index is not None and index in self._served and index in self._rules:
                self.caught["frauds"] += 1
                self.caught["as_served"] += self._served.pop(index)
                self.caught["by_rules"] += self._rules.pop(index)

    def _say_changes(self, index: int) -> None:
        """Put the changes that have begun by now where they belong."""
        for change in CHANGES[self._changes_said :]:
            if change.onset > index:
                return
            how = f"over {change.width:,} payments" if change.width else "at once"
            self.happenings.append(Happening(change.onset, "truth", f"a ring of fraud moves on, {how}"))
            self._changes_said += 1


def _told(event: Episode | Reaction | Promoted) -> Happening:
    """Return what happened in a few words."""
    index = event.request_index
    if isinstance(event, Promoted):
        return Happening(
            index, "promotion", f"{event.after} takes over from {event.before}{evidence_of(event, short=True)}"
        )
    if isinstance(event, Reaction):
        return Happening(index, "reaction", f"{event.contender} {event.step.replace('_', ' ')}: {event.reason}")
    if event.stage == "opened":
        return Happening(index, "alarm", f"{event.episode} opens, on {event.watched.replace('.', ' ')}")
    over = f" over {event.width:,}" if event.width else ""
    said = f"{event.episode} {'closes: ' if event.stage == 'closed' else 'is '}{event.kind}"
    if event.onset_index is not None:
        said += f", from {event.onset_index:,}{over}, loss {event.severity:+.3f}"
    if event.moved:
        said += f"; with it moved {', '.join(moved.feature for moved in event.moved)}"
    return Happening(index, "episode", said)


def evidence_of(promoted: Promoted, *, short: bool = False) -> str:
    """Return what a promotion rests on, in a few words."""
    found = promoted.evidence
    if not found:
        return f": {promoted.reason}"
    evidence = f": evidence e^{found['log_e']:.1f}"
    return evidence if short else f"{evidence} where e^{found['log_threshold']:.1f} was asked for"
