"""The summary: every count and figure of a run in one value, for eyes and for machines."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from engine.budget_report import report_budget
from engine.targets import Task

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.judges import Judges
    from engine.messages import Episode, Promoted

_SHOWN = {
    Task.BINARY: ("accuracy", "balanced_accuracy", "kappa", "f1", "log_loss"),
    Task.MULTICLASS: ("accuracy", "balanced_accuracy", "kappa", "f1", "log_loss"),
    Task.REGRESSION: ("mae", "rmse", "r2"),
}


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts and figures at one position. `data` is plain and ready for JSON; nothing in it depends on wall time."""

    task: Task
    data: dict[str, Any]

    def figures(self) -> tuple[tuple[str, ...], list[tuple[str, str, list[float | None]]]]:
        """Return the column names and, per contender, (name, role, figures): the table for eyes.

        Where more than one of them answered, a last row has the figures over what was served.
        """
        columns = _SHOWN[self.task]
        rows = [
            (name, model["role"], [model["metrics"].get(column) for column in columns])
            for name, model in self.data["models"].items()
        ]
        if self.data["promotions"] or self.data["experiment"]:
            served = self.data["served"]["metrics"]
            rows.append(("as served", "", [served.get(column) for column in columns]))
        return columns, rows

    def _repr_html_(self) -> str:
        """Return the table that a notebook shows."""
        columns, rows = self.figures()
        head = "".join(f"<th>{escape(column)}</th>" for column in ("contender", "role", *columns))
        body = "".join(
            f"<tr><td>{escape(name)}</td><td>{escape(role)}</td>"
            + "".join(f"<td>{'n/a' if value is None else format(value, '.4f')}</td>" for value in values)
            + "</tr>"
            for name, role, values in rows
        )
        requests = ", ".join(f"{count:,} {end}" for end, count in self.data["requests"].items() if count)
        return (
            f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
            f"<p>{self.data['events']:,} events: {escape(requests)}</p>"
        )


def summarise(engine: Engine) -> Summary:
    """Read an engine's counts and figures. Cost: each contender's window, folded once."""
    scorer, join = engine.scorer, engine.scorer.join
    ledger = join.ledger
    succession = engine.succession
    models = {
        contender.name: {
            "role": succession.role_of(contender).value,
            "spec": contender.billing.spec,
            "learned_count": contender.learned_count,
            "benched": contender.benched,
            **_read(contender.judges),
        }
        for contender in engine.learner.contenders
    }
    data = {
        "events": ledger.requests,
        "requests": {
            "pending": join.pending_count,
            "labelled": ledger.labelled,
            "expired": ledger.expired,
            "negative_by_policy": ledger.negative_by_policy,
            "dead": ledger.requests_dead,
        },
        "labels": {
            "held": join.held_count,
            "learned": ledger.learned,
            "superseded": ledger.superseded,
            "duplicate": ledger.label_duplicates,
            "late": ledger.late,
            "unmatched": ledger.unmatched,
            "dead": ledger.labels_dead,
        },
        "labels_read": ledger.labels,
        "predictions": ledger.requests - ledger.requests_dead - ledger.duplicates,
        "duplicates": ledger.duplicates,
        "dead_letters": engine.dead_letter_count,
        "relearned": ledger.relearned,
        "expired_by_bound": ledger.expired_by_bound,
        "classes": [scorer.targets.name(value) for value in (True, False)]
        if scorer.targets.task is Task.BINARY
        else list(scorer.targets.classes),
        "features": scorer.features.counters,
        "champion": succession.answerer.name,
        "models": models,
        "served": _served(engine, models),
        "promotion_count": succession.promotion_count,
        "promotions": [_shown(promoted) for promoted in succession.promotions],
        "promotion": None
        if engine.promotion is None
        else {"mode": engine.promotion.rules.mode.value, "standings": engine.promotion.standings()},
        "experiment": None
        if engine.router is None or engine.experiment is None
        else engine.experiment.read(resting=succession.answerer is not engine.router.control),
        "episodes": _episodes(engine),
        "alarm_budget": report_budget(engine.budget, engine.learner.contenders, engine.learner.watcher),
        "shift": None if engine.learner.watcher is None else engine.learner.watcher.read(),
    }
    return Summary(scorer.targets.task, data)


def _read(judges: Judges) -> dict[str, Any]:
    metrics = judges.labelled.read()
    if judges.matured is None:
        return {"metrics": metrics, "matured": None}
    return {"metrics": metrics, "matured": metrics if judges.matured is judges.labelled else judges.matured.read()}


def _served(engine: Engine, models: dict[str, Any]) -> dict[str, Any]:
    """Return the figures over what was served; those of a sole champion are read already."""
    champion, served = engine.learner.champion, engine.learner.served
    if champion is None or served is not champion.judges:
        return _read(served)
    return {view: models[champion.name][view] for view in ("metrics", "matured")}


def _shown(promoted: Promoted) -> dict[str, Any]:
    return {
        "index": promoted.request_index,
        "from": promoted.before,
        "to": promoted.after,
        "rule": promoted.rule,
        "reason": promoted.reason,
        "evidence": None if promoted.evidence is None else dict(promoted.evidence),
    }


def _episodes(engine: Engine) -> list[dict[str, Any]]:
    """Return the latest state of each contender's episodes that are kept, in the order they opened."""
    kept = [episode for contender in engine.learner.contenders for episode in _kept(contender.judges)]
    kept.sort(key=lambda episode: episode.opened_index)
    return [show_episode(episode) for episode in kept]


def _kept(judges: Judges) -> list[Episode]:
    return [] if judges.episodes is None else judges.episodes.kept


def show_episode(episode: Episode) -> dict[str, Any]:
    """Return an episode as plain data, fit for JSON."""
    return {
        "episode": episode.episode,
        "watched": episode.watched,
        "stage": episode.stage,
        "opened_index": episode.opened_index,
        "kind": episode.kind,
        "onset_index": episode.onset_index,
        "width": episode.width,
        "severity": episode.severity,
        "closed_index": episode.closed_index,
        "moved": [moved._asdict() for moved in episode.moved],
    }
