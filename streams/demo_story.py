"""The story of a demo: what really happened to the payments, and beside it what was found, in five sentences.

Every word of it follows from what the engine said. Where a change was not found, was left uncertain or was called what
it is not, the story says so. It knows the truth, and nothing of screens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.messages import Episode
from engine.summary import show_episode
from streams.codec import to_json
from streams.demo import RULES_NAME, Chronicle, evidence_of
from streams.synthetic import CHANGES, Change, day_of

REACH = 5_000
"""An episode is about a change if it opens while it goes on, or so many payments later at most."""


@dataclass(frozen=True, slots=True)
class Found:
    """A change, and the episode that it was found by; None where it was not.

    The episode is the rules', who never learn; where they have none, the first of anybody.
    """

    change: Change
    episode: Episode | None

    @property
    def delay(self) -> int | None:
        """Return how many payments after its beginning the alarm came."""
        return None if self.episode is None else self.episode.opened_index - self.change.onset

    @property
    def is_named(self) -> bool:
        """Whether it was called what it is."""
        return self.episode is not None and self.episode.kind == self.change.kind

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data, the truth first."""
        return {
            **self.change._asdict(),
            "alarm_after": self.delay,
            "named_rightly": self.is_named,
            "episode": None if self.episode is None else show_episode(self.episode),
        }


def found_changes(chronicle: Chronicle) -> tuple[list[Found], list[Episode]]:
    """Return what became of each change, and the episodes that are about none."""
    episodes = sorted(chronicle.episodes.values(), key=lambda episode: episode.opened_index)
    left = list(episodes)
    found = []
    for number, change in enumerate(CHANGES):
        ends = change.onset + change.width + REACH
        if number + 1 < len(CHANGES):
            ends = min(ends, CHANGES[number + 1].onset)
        about = [episode for episode in episodes if change.onset <= episode.opened_index < ends]
        left = [episode for episode in left if episode not in about]
        rules = [episode for episode in about if episode.episode.startswith(f"{RULES_NAME}#")]
        found.append(Found(change, next(iter(rules or about), None)))
    return found, left


def story(chronicle: Chronicle, summary: Mapping[str, Any]) -> list[str]:
    """Return the story, in five sentences or a little more, one paragraph each."""
    found, others = found_changes(chronicle)
    return [_stream(summary), *map(_change, found), _promotions(chronicle, summary), _balance(chronicle, others)]


def _stream(summary: Mapping[str, Any]) -> str:
    count = summary["events"]
    return (
        f"{count:,} payments, {day_of(0):%d %b} to {day_of(count - 1):%d %b %Y}: {RULES_NAME} answered, and two models "
        f"learned in their shadow, from frauds reported days late and from silence."
    )


def _change(found: Found) -> str:
    change, episode = found.change, found.episode
    what = f"At payment {change.onset:,} a ring of fraud changed its ways at once."
    if change.width:
        what = f"From payment {change.onset:,} another changed its ways gradually, over {change.width:,} payments."
    if episode is None:
        return f"{what} Nobody noticed."
    who, _, signal = episode.watched.partition(".")
    alarm = f"The alarm ({signal} of {who}) came {found.delay:,} payments {'into it' if change.width else 'later'}"
    return f"{what} {alarm} and {_named(found, episode)}{_moved(episode)}."


def _named(found: Found, episode: Episode) -> str:
    if episode.kind is None:
        return "its kind was not yet said when the payments ended"
    over = f", over {episode.width:,}" if episode.width else ""
    place = f"from payment {episode.onset_index:,}{over}"
    if found.is_named:
        return f"named it {episode.kind}, {place}"
    if episode.kind == "uncertain":
        return f"left it uncertain, {place}: the losses did not tell how it went"
    return f"named it {episode.kind}, which it was not, {place}"


def _moved(episode: Episode) -> str:
    if not episode.moved:
        return ""
    return f"; with it moved {', '.join(moved.feature for moved in episode.moved)}"


def _promotions(chronicle: Chronicle, summary: Mapping[str, Any]) -> str:
    if not chronicle.promotions:
        standings = (summary["promotion"] or {}).get("standings", {})
        why = "; ".join(f"{name}: {each['because'] or 'eligible now'}" for name, each in standings.items())
        return f"Nobody took over from {RULES_NAME}. {why}."
    parts = [
        f"{each.after} took over from {each.before} at payment {each.request_index:,}{evidence_of(each)}"
        for each in chronicle.promotions
    ]
    return f"{'; '.join(parts)}."


def _balance(chronicle: Chronicle, others: list[Episode]) -> str:
    caught = chronicle.caught
    said = (
        f"Of {caught['frauds']:,} frauds reported since the first change, {caught['as_served']:,} were caught as "
        f"served; {RULES_NAME} alone would have caught {caught['by_rules']:,}."
    )
    if not others:
        return f"{said} No alarm was about anything else."
    names = ", ".join(f"{each.episode} at {each.opened_index:,}" for each in others)
    return f"{said} Alarms about neither change: {names}."


def as_json_text(chronicle: Chronicle, summary: Mapping[str, Any], seed: int) -> str:
    """Return everything as one JSON object; equal seeds, equal text."""
    found, others = found_changes(chronicle)
    data = {
        "seed": seed,
        "changes": [each.as_data() for each in found],
        "elsewhere": [show_episode(each) for each in others],
        "caught": chronicle.caught,
        "timeline": [each._asdict() for each in chronicle.happenings],
        "story": story(chronicle, summary),
        "summary": summary,
    }
    return to_json(data)
