"""What happens to contenders, as lines of JSON: alarms, episodes, reactions, benchings, changes of the champion.

They share one topic, so each says what it is under `event`; `position` and `index` are the engine's.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.messages import Alarm, Benched, Commanded, Episode, Outcomes, Promoted, Reaction, Recommended
from engine.summary import show_episode
from streams.codec import to_json


def event_lines(out: Outcomes) -> Iterator[bytes]:
    """Yield everything that happened to contenders in one slice, kind by kind, each in stream order."""
    yield from (line for _, line in named_lines(out))


def named_lines(out: Outcomes) -> Iterator[tuple[str, bytes]]:
    """Yield the same, each with what it is: what stands in it under `event`."""
    yield from (("alarm", alarm_line(each)) for each in out.alarms)
    yield from (("episode", episode_line(each)) for each in out.episodes)
    yield from (("reaction", reaction_line(each)) for each in out.reactions)
    yield from (("benched", benched_line(each)) for each in out.benched)
    yield from (("recommended", recommended_line(each)) for each in out.recommended)
    yield from (("promoted", promoted_line(each)) for each in out.promotions)
    yield from (("command", commanded_line(each)) for each in out.commanded)


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
            "episode": alarm.episode,
        }
    )


def episode_line(episode: Episode) -> bytes:
    """Return a stage of an episode as one line."""
    return _line(
        {
            "event": "episode",
            "position": episode.position,
            "index": episode.request_index,
            **show_episode(episode),
        }
    )


def reaction_line(reaction: Reaction) -> bytes:
    """Return what a contender did about a drift as one line."""
    return _line(
        {
            "event": "reaction",
            "position": reaction.position,
            "index": reaction.request_index,
            "contender": reaction.contender,
            "step": reaction.step,
            "episode": reaction.episode,
            "reason": reaction.reason,
        }
    )


def recommended_line(recommended: Recommended) -> bytes:
    """Return that the evidence is enough to promote a challenger as one line."""
    return _line(
        {
            "event": "recommended",
            "position": recommended.position,
            "index": recommended.request_index,
            "challenger": recommended.challenger,
            "champion": recommended.champion,
            "rule": recommended.rule,
            "reason": recommended.reason,
            "evidence": dict(recommended.evidence),
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
            "evidence": None if promoted.evidence is None else dict(promoted.evidence),
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
