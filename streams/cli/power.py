"""`sidestream power`: what an A/B test will take, before it starts."""

from __future__ import annotations

import json

import click


@click.command(name="power")
@click.option("--baseline", type=float, required=True, metavar="LOSS", help="The control's mean loss, such as 0.05.")
@click.option("--effect", type=float, required=True, metavar="D", help="The difference of mean losses to be found.")
@click.option("--share", type=float, default=0.5, show_default=True, metavar="S", help="The other arm's share.")
@click.option("--per-day", type=float, default=None, metavar="N", help="Matured events a day, all arms together.")
@click.option("--alpha", type=float, default=0.05, show_default=True, help="The chance of a false finding.")
@click.option("--power", type=float, default=0.8, show_default=True, help="The chance to find the effect.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(per_day: float | None, share: float, as_json: bool, **planned_for: float) -> None:  # noqa: FBT001 - click's
    """Say how many matured events per arm an A/B test needs, and how many days that takes.

    The fixed-horizon tests (t, chi-square) are read once, at that count: set it as [routing] planned_count. The
    any-time test (mSPRT) may be looked at after every event, and stops at about the other count if the effect is there.
    """
    from engine.routing.power import Power, days

    planned = Power(**planned_for)
    counts = {"fixed": planned.fixed_count(), "any_time": planned.any_time_count()}
    found = {
        name: {"per_arm": count, "days": None if per_day is None else days(count, share, per_day)}
        for name, count in counts.items()
    }
    if as_json:
        click.echo(json.dumps(found))
        return
    titles = {"fixed": "t-test or chi-square, read once", "any_time": "any time (mSPRT), expected"}
    for name, each in found.items():
        took = "" if each["days"] is None else f", {each['days']:,.1f} days"
        click.echo(f"{titles[name]}: {each['per_arm']:,} matured events per arm{took}")
