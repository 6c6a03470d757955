"""What happens to contenders, as lines of JSON: alarms, benchings, changes of the champion, what became of commands.

They share one topic, so each says what it is under `event`; `position` and `index` are the engine's.
"""

from __future__ import annotations

from engine.messages import Alarm, Benched, Commanded, Promoted
from streams.codec import to_json


def alarm_line(alarm: Alarm) -> bytes:
    """Return a detector's alarm as one line."""
    return _line(
        {
            "event": "alarm",
            "position": alarm.position,
            "index": alarm.request_index,
            "event_time_ms": alarm.event_time_ms,
            "watched": alarm.watched,
            "detector": alarm.detector,
            "signal": alarm.signal,
        }
    )


def benched_line(benched: Benched) -> bytes:
    """Return a contender's benching as one line."""
    return _line(
        {
            "event": "benched",
            "position": benched.position,
            "index": benched.request_index,
            "contender": benched.contender,
            "reason": benched.reason,
        }
    )


def promoted_line(promoted: Promoted) -> bytes:
    """Return a change of the champion as one line."""
    return _line(
        {
            "event": "promoted",
            "position": promoted.position,
            "index": promoted.request_index,
            "from": promoted.before,
            "to": promoted.after,
            "rule": promoted.rule,
            "reason": promoted.reason,
        }
    )


def commanded_line(commanded: Commanded) -> bytes:
    """Return what became of a command as one line."""
    return _line(
        {
            "event": "command",
            "position": commanded.position,
            "index": commanded.request_index,
            "verb": commanded.verb,
            "contender": commanded.contender,
            "champion": commanded.champion,
            "refused": commanded.refused,
        }
    )


def _line(data: dict[str, object]) -> bytes:
    return to_json(data).encode() + b"\n"
