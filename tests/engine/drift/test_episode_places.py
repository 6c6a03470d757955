"""An alarm about what is known sooner than the loss: the change is looked for where it is, once the loss is there."""

from __future__ import annotations

from engine.drift.episode_rules import EpisodeRules
from engine.drift.episodes import Episodes
from engine.messages import Episode
from engine.tape import Moment

ONSET, LAG, ALARM, ABOUT = 3_000, 1_000, 3_400, 3_350
RULES = EpisodeRules(settle_count=500, quiet_count=800)


def lived(*, restored_at: int | None = None, index: int = ABOUT) -> list[Episode]:
    """Return what is said where the loss is known `LAG` requests after the answer, and misses sooner."""
    episodes, said = Episodes("rules", RULES), []
    for now in range(6_000):
        when = Moment(now, now, None)
        about = now - LAG
        if about >= 0:
            lost = about % 20 == 0 if about < ONSET else about % 3 == 0
            said += episodes.see(float(lost), when, index=about)
        if now == ALARM:
            said += episodes.signal("rules.misses", when, index=index)[1]
        if now == restored_at:
            kept, episodes = episodes.snapshot(), Episodes("rules", RULES)
            episodes.restore(kept)
    return said


def test_the_change_is_found_where_it_was_though_the_loss_had_not_come_so_far() -> None:
    opened, characterised, closed = lived()
    assert (opened.stage, opened.opened_index) == ("opened", ALARM)
    assert (characterised.kind, closed.kind) == ("sudden", "sudden")
    assert abs(characterised.onset_index - ONSET) <= 50
    assert characterised.request_index == ABOUT - 1 + LAG + RULES.settle_count
    assert closed.request_index == ABOUT - 1 + LAG + RULES.quiet_count


def test_an_alarm_about_what_the_loss_has_reached_waits_for_nothing() -> None:
    waited, at_once = lived(), lived(index=ALARM - LAG)
    assert at_once[1].request_index == ALARM + RULES.settle_count
    assert at_once[1].request_index < waited[1].request_index


def test_a_restored_one_goes_on_waiting() -> None:
    for at in (ALARM, ALARM + 100, ALARM + LAG):
        assert lived(restored_at=at) == lived()
