"""What goes in and what comes out: the engine's whole vocabulary, as frozen values.

Three messages go in: a `Request` wants an answer, a `Label` brings the truth for one, `Refused` is an input that the
codec could not read and that must still have its end. Between two of them a `Command` may change who answers.
Everything the engine says comes back in `Outcomes`. These values know nothing of bytes, files, clocks or models.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, TypeAlias

EventId: TypeAlias = str | int
"""Names one event. A source that has no ids numbers its requests from 0."""

Target: TypeAlias = bool | int | float | str
"""A truth the models learn: `bool` in a binary task (True is the positive class), a class, or a float."""

Score: TypeAlias = float | dict[Target, float]
"""Binary: probability of the positive class. Multiclass: probability by class. Regression: the value again."""

Answer: TypeAlias = tuple[Target | None, Score]
"""(decision, score), as served. The decision is None when a model has not yet seen anything to say."""

Features: TypeAlias = Mapping[str, float | str]
"""Feature values by name. A missing value is an absent name."""


class Request(NamedTuple):
    """Features that want an answer. `time_ms` is event time in unix milliseconds; None where events carry none."""

    event_id: EventId
    features: Mapping[str, object]
    time_ms: int | None = None
    key: str | None = None


class Label(NamedTuple):
    """The truth for one request. `time_ms` is when it became known, in event time; None when that is not known."""

    event_id: EventId
    target: object
    time_ms: int | None = None


class Refused(NamedTuple):
    """An input that could not be read as a request (or a label): it is counted, and ends as a dead letter."""

    kind: str
    stage: str
    reason: str
    detail: str


Message: TypeAlias = Request | Label | Refused


class Verb(StrEnum):
    """What a person can ask of the engine; a worker that is overloaded asks for the last two by itself."""

    PROMOTE = "promote"
    """This contender answers from here; the one before stays in the shadow."""
    ROLLBACK = "rollback"
    """Back to the champion before the last change."""
    BENCH = "bench"
    """This contender is taken out, its state kept; in a champion's place the next rung of the ladder answers."""
    RESTORE = "restore"
    """A benched contender takes steps again from here; the steps it missed stay missed."""
    HOLD = "hold"
    """Evidence may not promote this contender, whatever it says: for reasons the engine cannot see, such as latency."""
    ALLOW = "allow"
    """Evidence may promote this contender again."""
    SHED = "shed"
    """This challenger takes no more steps, nor those that wait, to save time; nobody who answers can be shed."""
    RESUME = "resume"
    """A challenger that was shed takes steps again from here; of one that is out for another reason it is refused."""


class Command(NamedTuple):
    """A person's word between two messages. `contender` is the name it is about; a rollback needs none."""

    verb: Verb
    contender: str | None = None


class Prediction(NamedTuple):
    """The answer that was served to one request, and the name of who gave it.

    `duplicate_of` is the index of the first request with this id, if any: a duplicate repeats that answer, stamped as
    it was then. `rung` is set where whoever answered had come there by the ladder: `"challenger"`, `"rules"` or
    `"understudy"`. `propensities` are the probabilities, by arm, with which the router chose; None where nothing was
    chosen, as for a duplicate. `version` is that of the model, see `engine.contender.Contender`; None for a duplicate.
    """

    position: int
    request_index: int
    event_id: EventId
    time_ms: int | None
    model: str
    answer: Answer
    duplicate_of: int | None = None
    rung: str | None = None
    propensities: Mapping[str, float] | None = None
    version: int | None = None


class ShadowPrediction(NamedTuple):
    """A challenger's answer to the same request, given by the model as it stood at that request, in this version."""

    request_index: int
    event_id: EventId
    model: str
    answer: Answer
    version: int | None = None


class LabelEnd(NamedTuple):
    """How one label ended: learned, superseded, duplicate, late or unmatched; and its request, if known."""

    position: int
    event_id: EventId
    target: Target
    time_ms: int | None
    end: str
    request_index: int | None


class RequestEnd(NamedTuple):
    """A request that ended without a label: `expired` or `negative_by_policy`, at this position."""

    position: int
    request_index: int
    event_id: EventId
    end: str


class DeadLetter(NamedTuple):
    """An input that could not be used. `request_index` is set for requests; the edge adds the original bytes."""

    position: int
    request_index: int | None
    kind: str
    stage: str
    reason: str
    detail: str


class Alarm(NamedTuple):
    """A detector's DRIFT verdict, with the index and event time of the latest request when it was raised.

    `episode` is the id of the episode it opened or joined.
    """

    position: int
    request_index: int
    event_time_ms: int | None
    watched: str
    detector: str
    signal: str
    episode: str | None = None


class Moved(NamedTuple):
    """A feature whose distribution is another after an episode's onset than before it.

    `before` and `after` are means, or shares of the `category` that moved most; `distance` is Kolmogorov-Smirnov's for
    numbers and Jensen-Shannon's for categories, both between 0 and 1. Where it is how often a value is missing that
    moved, `category` is `"(missing)"` and `distance` the difference of the shares.
    """

    feature: str
    before: float
    after: float
    distance: float
    category: str | None = None


class Episode(NamedTuple):
    """A change in what is watched, as it stands: one change raises many alarms, and this is the change.

    `stage` is `opened`, `characterised` or `closed`, and `kind` (`sudden`, `gradual`, `incremental`, `transient`,
    `recurring` or `uncertain`) is set from the second on. Indices are those of requests. `onset_index` is where the
    change began, `width` how many events it took, `severity` the loss after it less the loss before.
    """

    position: int
    request_index: int
    episode: str
    watched: str
    stage: str
    opened_index: int
    kind: str | None = None
    onset_index: int | None = None
    width: int | None = None
    severity: float | None = None
    closed_index: int | None = None
    moved: tuple[Moved, ...] = ()


class Reaction(NamedTuple):
    """What a contender did about a drift, at this position: `step` says which, `reason` why, in words.

    Steps: `forked`, `swapped`, `rolled_back`, `dropped`, `kept`, `reset`, `forgot`, `reinstated`.
    """

    position: int
    request_index: int
    contender: str
    step: str
    episode: str | None
    reason: str


class Benched(NamedTuple):
    """A contender was taken out, at this position: its model failed, or a command said so. It answers no more."""

    position: int
    request_index: int
    contender: str
    reason: str


class Promoted(NamedTuple):
    """Who answers changed at this position, from `before` to `after`.

    `rule` is `"command"`, `"ladder"`, the rule of evidence (`"restarting"` or `"fixed"`), or `"harm"` where a promotion
    on evidence was taken back; `evidence` has its figures, where it rests on any.
    """

    position: int
    request_index: int
    before: str
    after: str
    rule: str
    reason: str
    evidence: Mapping[str, object] | None = None


class Recommended(NamedTuple):
    """The evidence is enough to promote this challenger; a person decides."""

    position: int
    request_index: int
    challenger: str
    champion: str
    rule: str
    reason: str
    evidence: Mapping[str, object]


class Commanded(NamedTuple):
    """What became of a command: done, or refused and why. `champion` is who answers after it."""

    position: int
    request_index: int
    verb: str
    contender: str | None
    champion: str
    refused: str | None


@dataclass(slots=True)
class Outcomes:
    """Everything the engine had to say about one slice, each list in stream order."""

    predictions: list[Prediction] = field(default_factory=list)
    shadow: list[ShadowPrediction] = field(default_factory=list)
    label_ends: list[LabelEnd] = field(default_factory=list)
    request_ends: list[RequestEnd] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)
    benched: list[Benched] = field(default_factory=list)
    promotions: list[Promoted] = field(default_factory=list)
    recommended: list[Recommended] = field(default_factory=list)
    commanded: list[Commanded] = field(default_factory=list)
    episodes: list[Episode] = field(default_factory=list)
    reactions: list[Reaction] = field(default_factory=list)
