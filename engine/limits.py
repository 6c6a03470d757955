"""Every bound of the engine: a name, a unit, a default. Whatever grows is counted, and stops here.

The name ends in its unit: `_count_max` counts things, `_ms` is milliseconds of event time, `_bytes_max` is bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from engine.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds one engine keeps.

    Parameters
    ----------
    pending_count_max
        Requests that wait for a label; past it the oldest is ended as `expired`.
    held_count_max
        Labels that came before their request; past it the oldest ends as `unmatched`.
    delayed_count_max
        Labels of a recorded stream that wait for event time to reach them; one more is a dead letter.
    dedup_count_max
        Ended requests whose id is remembered, to name duplicates and late labels.
    class_count_max
        Classes of a multiclass target; a label of one more is a dead letter.
    category_count_max
        Values admitted per categorical feature; one more is read as `"(other)"`.
    onehot_count_max
        Values of one categorical feature that a numeric model is given a column of its own for.
    feature_count_max
        Feature names admitted where no schema was declared; one more is ignored and counted.
    text_chars_max
        Characters of a text or category value; a longer one is a dead letter.
    tape_count_max
        Steps a challenger may lag behind before the engine makes it catch up.
    jump_ms
        How far one event may move event time forward on its own word.
    jump_agreeing_count
        How many further events must agree before a longer jump is believed.
    window_count
        Events in the sliding window of the figures.
    alarm_count_max
        Alarms kept for the summary; all are emitted, and counted.
    """

    pending_count_max: int = 1_000_000
    held_count_max: int = 100_000
    delayed_count_max: int = 1_000_000
    dedup_count_max: int = 100_000
    class_count_max: int = 100
    category_count_max: int = 1_000
    onehot_count_max: int = 64
    feature_count_max: int = 1_000
    text_chars_max: int = 100_000
    tape_count_max: int = 65_536
    jump_ms: int = 86_400_000
    jump_agreeing_count: int = 10
    window_count: int = 1_000
    alarm_count_max: int = 10_000

    def __post_init__(self) -> None:
        """Refuse a bound that is not a positive whole number."""
        for field in fields(self):
            value = getattr(self, field.name)
            least = 0 if field.name in {"held_count_max", "dedup_count_max"} else 1
            if type(value) is not int or value < least:
                msg = f"{field.name} must be a whole number of at least {least}, got {value!r}"
                raise ConfigError(msg)
