"""From the plan's words to a watcher: which features, which detectors on them, and what is refused.

This file knows no data.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine.contender import Contender
from engine.errors import ConfigError
from engine.models.spec import parse_detector
from engine.schema import Kind, Schema
from engine.shift.feature_watch import FeatureWatch
from engine.shift.rules import ShiftRules
from engine.shift.watcher import Stream, Watcher
from engine.watching import split_feature


def watcher_of(
    rules: ShiftRules, stream: Stream, detectors: Sequence[str], contenders: Sequence[Contender], seed: int
) -> Watcher | None:
    """Return what watches the stream without labels; None where nothing does.

    Raises
    ------
    ConfigError
        For a feature there is not, or a detector that does not take numbers.
    """
    watches = _watches(stream.schema, detectors, seed)
    moves = rules.moved and len(watches) < len(detectors)
    if not (rules.watches or watches or moves):
        return None
    if not isinstance(rules.watch, str):
        _refuse_unknown(rules.watch, "[shift] watch", stream.schema, {Kind.NUMERIC, Kind.CATEGORY, Kind.TIME})
    return Watcher(rules, stream, contenders, watches, moves=moves)


def _watches(schema: Schema | None, detectors: Iterable[str], seed: int) -> list[FeatureWatch]:
    """Return fresh detectors for single features."""
    found = []
    for text in detectors:
        split = split_feature(text)
        if split is None:
            continue
        name, spec = split
        _refuse_unknown([name], text, schema, {Kind.NUMERIC, Kind.TIME})
        parsed = parse_detector(spec, seed=seed, name=f"feature.{name}")
        if parsed.binary_only:
            msg = f"{parsed.text} takes only 0 and 1, and a feature shows it numbers; use adwin()"
            raise ConfigError(msg)
        found.append(FeatureWatch(name, parsed.detector, parsed.text))
    return found


def _refuse_unknown(names: Iterable[str], where: str, schema: Schema | None, kinds: set[Kind]) -> None:
    """Refuse a feature that the schema does not have, or not of such a kind; without a schema any may come."""
    if schema is None:
        return
    known = [column.name for column in schema.columns if column.kind in kinds]
    for name in names:
        if name not in known:
            msg = f"{where}: there is no such feature {name!r:.80}; there are {', '.join(known)}"
            raise ConfigError(msg)
