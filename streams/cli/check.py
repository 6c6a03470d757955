"""`sidestream check`: reads a configuration, says what it would do, starts nothing."""

from __future__ import annotations

import os

import click


@click.command(name="check")
@click.argument("config", metavar="F")
def command(config: str) -> None:
    """Read a configuration and say what it would do: what is inferred from the data, and each model with its seeds."""
    from rich.console import Console
    from rich.text import Text

    from streams.preparation import prepare
    from streams.settings import load_settings

    settings = load_settings(config, {}, os.environ)
    prepared = prepare(settings)
    console = Console(highlight=False, soft_wrap=True)
    for notice in prepared.notices:
        console.print(Text(f"· {notice}", style="dim"))
    plan = prepared.plan
    columns = ", ".join(f"{c.name} ({c.kind.value})" for c in plan.schema.columns) if plan.schema else "as they come"
    console.print(Text(f"features: {columns}"))
    console.print(Text(f"labels: {plan.labels.policy}{', late' if plan.labels.delayed else ''}"))
    for contender in prepared.engine.learner.contenders:
        billing = contender.billing
        console.print(Text(f"{billing.role.value}: {billing.name} = {billing.spec}"))
    for watch in prepared.engine.learner.contenders[0].judges.watches:
        console.print(Text(f"detector: {watch.name}"))
    console.print(Text(f"{config}: in order", style="green"))
