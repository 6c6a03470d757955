"""`sidestream topics`: what a log holds, and whether its topics are kept as a worker needs them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from streams.cli.chosen_log import ChosenLog, log_flags

if TYPE_CHECKING:
    from rich.console import Console

    from streams.log_port import TopicInfo
    from streams.topic_needs import Survey

FOUND_SOMETHING = 1
BROKERS = "(brokers)"


@click.command(name="topics")
@log_flags
@click.option("--create", is_flag=True, help="Make the topics a worker needs that are missing; change none.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def command(chosen: ChosenLog, create: bool, as_json: bool) -> None:  # noqa: FBT001 - click's
    """List the topics of a log: for each partition its first offset, its end and its bytes.

    On Kafka, also look whether they are kept as a worker needs them, and name a remedy for what is not so: exit code 1.

    \b
        sidestream topics --config pipeline.toml --create
    """  # noqa: D301 - click reads \b itself
    from rich.console import Console

    from streams.ground import make_missing_topics
    from streams.topic_needs import demands_of, needs_of

    settings = chosen.settings()
    with chosen.opened() as log:
        if create:
            make_missing_topics(log, settings)
            if log.cluster is not None:
                log.cluster.make_own()
        topics = log.topics()
        journal = {"begin": log.journal_begin(), "end": log.journal_end()}
        counts = {topic.name: len(topic.partitions) for topic in topics}
        needs = needs_of(settings, counts)
        survey = None if log.cluster is None else log.cluster.survey(needs, demands_of(settings))
    console = Console(highlight=False, soft_wrap=True)
    if as_json:
        named = {topic.name: [info._asdict() for info in topic.partitions] for topic in topics}
        found: dict[str, Any] = {"topics": named, "journal": journal}
        if survey is not None:
            found["needed"] = _needed(survey)
        console.out(json.dumps(found, indent=2))
    else:
        _show(console, topics)
        console.print(f"journal: commits {journal['begin']:,} to {journal['end']:,}")
        if survey is not None:
            _show_survey(console, survey)
    if survey is not None and not survey.is_sound:
        click.get_current_context().exit(FOUND_SOMETHING)


def _needed(survey: Survey) -> list[dict[str, Any]]:
    """Return what was found, by topic; what is about the brokers comes last."""
    about: dict[str | None, list[dict[str, str]]] = {}
    for topic, weight, what, remedy in survey.findings:
        about.setdefault(topic, []).append({"weight": weight.value, "what": what, "remedy": remedy})
    found: list[dict[str, Any]] = [
        {
            "topic": need.name,
            "role": need.role.value,
            "partitions": survey.counts.get(need.name),
            "findings": about.get(need.name, []),
        }
        for need in survey.needs
    ]
    if None in about:
        found.append({"topic": None, "role": "brokers", "partitions": None, "findings": about[None]})
    return found


def _show(console: Console, topics: tuple[TopicInfo, ...]) -> None:
    """Print where the partitions begin and end."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("topic", no_wrap=True)
    for name in ("partition", "begin", "end", "bytes"):
        table.add_column(name, justify="right", no_wrap=True)
    for topic in topics:
        for number, info in enumerate(topic.partitions):
            table.add_row(topic.name, str(number), *(f"{figure:,}" for figure in info))
    if topics:
        console.print(table)
    else:
        console.print("no topics; `sidestream append TOPIC FILE --create 1` makes one")


def _show_survey(console: Console, survey: Survey) -> None:
    """Print the topics that are needed, and what is to be done about them."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("needed", "for", "partitions", "found"):
        table.add_column(name, justify="right" if name == "partitions" else "left", no_wrap=True)
    for topic, role, partitions, findings in (each.values() for each in _needed(survey)):
        weights = [finding["weight"] for finding in findings]
        told = [
            f"{weights.count(weight)} {weight}{'s' * (weights.count(weight) > 1)}" for weight in ("problem", "warning")
        ]
        shown = ", ".join(each for each in told if not each.startswith("0")) or "as it should be"
        table.add_row(topic or BROKERS, role, "none" if partitions is None else str(partitions), shown)
    console.print("")
    console.print(table)
    said: dict[tuple[str, str, str], list[str]] = {}
    for finding in survey.findings:
        said.setdefault((finding.weight.value, finding.what, finding.remedy), []).append(finding.topic or BROKERS)
    for (weight, what, remedy), names in said.items():
        console.print(Text(f"{weight}: {', '.join(names)}: {what}; {remedy}"))
