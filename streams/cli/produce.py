"""`sidestream produce`: made-up payments onto a log, at a rate, for a worker to have something to answer."""

from __future__ import annotations

import click

from streams.cli.chosen_log import ChosenLog, log_flags

RATE = 50.0


@click.command(name="produce")
@log_flags
@click.option(
    "--rate",
    metavar="N",
    type=click.FloatRange(min=0, min_open=True),
    default=RATE,
    show_default=True,
    help="Payments per second.",
)
@click.option("--count", metavar="N", type=click.IntRange(min=0), help="Stop after so many; without end if left out.")
@click.option("--seed", metavar="N", type=click.IntRange(min=0), default=0, show_default=True, help="Which payments.")
def command(chosen: ChosenLog, rate: float, count: int | None, seed: int) -> None:
    """Append the payments of `sidestream demo` to a log, and each report of fraud when event time has come so far.

    Payments go onto [topics] requests and reports onto [topics] labels. Event time runs with the payments, 250 a day,
    so that at 50 a second a report that is days late comes within seconds. Started again, it goes on where it was. An
    interrupt or SIGTERM ends it with exit code 0.

    \b
        sidestream produce --config pipeline.toml --rate 50
    """  # noqa: D301 - click reads \b itself
    from streams.cli.signals import Signals
    from streams.clock import SystemClock
    from streams.production import Production

    stop = Signals()
    topics = chosen.settings().topics
    with chosen.opened(create=True) as log:
        production = Production(log, topics.requests, topics.labels, seed)
        click.echo(f"payments from p{production.first} on onto {topics.requests!r}, {rate:g} a second", err=True)
        try:
            production.run(SystemClock(), stop, rate, count)
        finally:
            payments, reports = production.payment_count, production.report_count
            click.echo(f"appended {payments:,} payments, and {reports:,} reports onto {topics.labels!r}", err=True)
