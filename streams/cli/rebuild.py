"""`sidestream rebuild`: a past decision, made again from the state as it stood."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.history import Rebuilt

from streams.cli.chosen_log import ChosenLog, log_flags

FOUND_SOMETHING = 1


@click.command(name="rebuild")
@click.argument("event_id", metavar="EVENT_ID")
@log_flags
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(event_id: str, chosen: ChosenLog, as_json: bool) -> None:  # noqa: FBT001 - click's
    """Restore the state as it stood when EVENT_ID was asked, and answer again.

    Shows the features as the models saw them, what every contender answered, how much each had learned, and what became
    of the label. Exits with 1 if the answer is not, bit for bit, the one that was served.
    """
    from rich.console import Console

    from streams.cli.past import opened
    from streams.history import rebuild

    with opened(chosen) as ground:
        found = rebuild(ground, event_id)
    console = Console(highlight=False, soft_wrap=True)
    if as_json:
        console.out(json.dumps(_as_data(found), indent=2, default=str))
    else:
        for line in _lines(found):
            console.print(line, markup=False)
    if not found.is_equal:
        click.get_current_context().exit(FOUND_SOMETHING)


def _as_data(found: Rebuilt) -> dict[str, Any]:
    return {
        **found._asdict(),
        "equal": found.is_equal,
        "contenders": [contender._asdict() for contender in found.contenders],
        "committed": json.loads(found.committed),
        "recomputed": json.loads(found.recomputed),
    }


def _lines(found: Rebuilt) -> Iterator[str]:
    """Yield what was found, for eyes."""
    yield f"served:     {found.committed.decode()}"
    yield f"made again: {found.recomputed.decode()}"
    yield "the same bits" if found.is_equal else "NOT THE SAME: look for other versions, another machine, or `audit`"
    yield f"at position {found.position:,}, in commit {found.sequence:,}; state {found.digest[:16]}"
    yield "features as seen:"
    for name, value in found.features.items():
        yield f"  {name} = {value!r}"
    yield "contenders:"
    for each in found.contenders:
        said = f"benched: {each.benched}" if each.benched else _answer(each.answer)
        yield f"  {each.name} ({each.role}): {said}, after learning {each.learned_count:,} events"
        yield f"    {each.spec}"
    yield "label:"
    for end in found.ends:
        yield f"  {json.dumps(end)}"
    if not found.ends:
        yield "  none yet"


def _answer(answer: Any) -> str:
    if answer is None:
        return "no answer"
    decision, score = answer
    return f"{decision!r}, score {score!r}"
