"""`sidestream check`: reads a configuration, says what it would do, starts nothing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console

    from engine.engine import Engine
    from engine.plan import Plan
    from streams.log_port import Log
    from streams.settings import Settings


@click.command(name="check")
@click.argument("config", metavar="F")
def command(config: str) -> None:
    """Read a configuration and say what it would do: what is inferred from the data, and each model with its seeds.

    With [log] dir it is a worker's: what it cannot use is told, the log is looked at where there is one, and the topics
    are listed. Otherwise it is a replay's.
    """
    from rich.console import Console
    from rich.text import Text

    from streams.settings import load_settings

    settings = load_settings(config, {}, os.environ)
    console = Console(highlight=False, soft_wrap=True)
    if settings.log.dir is None:
        _check_replay(settings, console)
    else:
        _check_worker(settings, settings.log.dir, console)
    console.print(Text(f"{config}: in order", style="green"))


def _check_replay(settings: Settings, console: Console) -> None:
    from streams.preparation import prepare

    prepared = prepare(settings)
    late = ", late" if prepared.plan.labels.delayed else ""
    _show(console, prepared.notices, prepared.plan, prepared.engine, late)


def _check_worker(settings: Settings, directory: str, console: Console) -> None:
    """Say what a worker would be made of, and where it would read and write."""
    from pathlib import Path

    from engine.engine import Engine
    from streams.log_choice import opened_log
    from streams.log_file import LOG_FILE
    from streams.pipeline import infer_pipeline, sample

    if (Path(directory) / LOG_FILE).exists() or settings.kafka.address is not None:
        with opened_log(settings, os.environ) as log:
            said = _held(settings, log)
            pipeline = infer_pipeline(settings, *sample(settings, log))
    else:
        said = [f"log: {directory!r}, not there yet"]
        pipeline = infer_pipeline(settings, *sample(settings, None))
    topics = settings.topics
    on_topic = settings.labels.on_topic
    _show(
        console,
        pipeline.notices,
        pipeline.plan,
        Engine(pipeline.plan),
        f", on topic {topics.labels!r}" if on_topic else ", beside their requests",
    )
    read = (topics.requests, *([topics.labels] if on_topic else []), topics.commands)
    written = (topics.predictions, topics.shadow, topics.ends, topics.alarms, topics.dead_letters, topics.audit)
    every = f"{settings.run.checkpoint_every:,} messages or {settings.run.checkpoint_every_s:,} s"
    for line in (
        *said,
        f"durability: {settings.log.durability}",
        f"reads: {', '.join(read)}",
        f"writes: {', '.join(written)}",
        f"checkpoints: every {every}",
    ):
        console.out(line)


def _held(settings: Settings, log: Log) -> list[str]:
    """Say what the log holds for a worker now."""
    topics = settings.topics
    read = {topics.requests, topics.commands} | ({topics.labels} if settings.labels.on_topic else set())
    held = [
        f"{info.name!r} holds {sum(part.end - part.begin for part in info.partitions):,} records, "
        f"partitions: {len(info.partitions)}"
        for info in log.topics()
        if info.name in read
    ]
    commits = log.journal_end()
    said = [f"log: {log.name!r}, {'; '.join(held) or 'none of the topics that are read'}"]
    if commits:
        said.append(f"journal: {commits:,} commits; a worker goes on with what it inferred at its first start")
    return said


def _show(console: Console, notices: tuple[str, ...], plan: Plan, engine: Engine, how: str) -> None:
    """Show what was inferred, and who would answer."""
    from rich.text import Text

    for notice in notices:
        console.print(Text(f"· {notice}", style="dim"))
    columns = ", ".join(f"{c.name} ({c.kind.value})" for c in plan.schema.columns) if plan.schema else "as they come"
    console.print(Text(f"features: {columns}"))
    console.print(Text(f"labels: {plan.labels.policy}{how}"))
    for contender in engine.learner.contenders:
        billing = contender.billing
        console.print(Text(f"{billing.role.value}: {billing.name} = {billing.spec}"))
    for watch in engine.learner.contenders[0].judges.watches:
        console.print(Text(f"detector: {watch.name} on {watch.signal.value}"))
    if plan.budget is not None:
        console.print(Text(f"alarm budget: {plan.budget}, a share of {plan.budget_share:.4f} for each watch"))
