"""The figures of `benchmarks.kafka` as tables for eyes, with the goals beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any, Final

from benchmarks.kafka_contestants import ALONE, FAUST, FLOOR, QUIX, QUIX_ONCE, WHOLE
from benchmarks.kafka_runs import QUANTILES, SETTLE_S

Found = dict[str, Any]

GOALS: Final = ((FLOOR, 0.6), (FAUST, 10.0), (QUIX_ONCE, 3.0), (QUIX, 3.0))
"""How many times the throughput of these ours is to be."""

GOAL_RATE: Final = 1_000.0
GOAL_MS: Final = 5.0
"""How much later than the floor's the p99 may be at this rate."""


def tables(found: Found) -> Iterator[str]:
    """Yield the lines of all tables, of the goals, and of who is left out."""
    machine = found["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items() if version)
    yield f"{found['date']}, {machine['processor']}, {machine['cores']} cores, Python {found['python']}, {versions}"
    yield f"{found['broker']}; broker, producer, observer and contestant share the cores"
    yield from throughputs(found["backlogs"], found["accounts"])
    yield from latencies(found["rates"])
    yield from ("", "Goals", "", *goals(found))
    if found["skipped"]:
        yield from ("", *found["skipped"])


def grouped(rows: Sequence[Found], *keys: str) -> dict[Any, list[Found]]:
    """Return rows by what they have under these keys."""
    groups: dict[Any, list[Found]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return groups


def throughputs(backlogs: Sequence[Found], accounts: Sequence[Found]) -> Iterator[str]:
    """Yield the table of backlogs, with the accounts of all that was answered."""
    columns = ("who", "events", "events/s", "lowest to highest", "and challengers", "CPU us/event", "lost", "doubled")
    yield from ("", "**Throughput** over a backlog, medians", "")
    yield from (f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}")
    for (who,), rows in grouped(backlogs, "who").items():
        rates = [row["per_s"] for row in rows]
        cpu = [row["cpu_us"] for row in rows if "cpu_us" in row]
        counted = [*rows, *(row for row in accounts if row["who"] == who)]
        cells = (
            who,
            f"{rows[0]['events']:,}",
            f"{median(rates):,.0f}",
            f"{min(rates):,.0f} to {max(rates):,.0f}",
            f"{median(row['done_per_s'] for row in rows):,.0f}",
            f"{median(cpu):.1f}" if cpu else "-",
            *(f"{sum(row[key] for row in counted):,}" for key in ("lost", "doubled")),
        )
        yield f"| {' | '.join(cells)} |"


def latencies(rates: Sequence[Found]) -> Iterator[str]:
    """Yield the table of latencies by rate."""
    columns = ("events/s", "who", *(f"{name} ms" for name in QUANTILES), "p99 ms, lowest to highest")
    yield from ("", "**Latency** from when a request was due to when its committed answer was seen, medians", "")
    yield from (f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}")
    everybody = [who for (who,) in grouped(rates, "who")]
    fell_behind: dict[str, Found] = {}
    for (rate,), at_rate in grouped(rates, "rate").items():
        by_name = grouped(at_rate, "who")
        for who in everybody:
            rows = by_name.get((who,), [])
            kept = kept_up(rows)
            if kept:
                cells = [f"{median(row['ms'][name] for row in kept):.1f}" for name in QUANTILES]
                p99 = [row["ms"]["p99"] for row in kept]
                cells.append(f"{min(p99):.1f} to {max(p99):.1f}")
            else:
                fell_behind.update({who: rows[0]} if rows else {})
                cells = [f"falls behind{_how_far(rows, fell_behind.get(who))}", *[""] * len(QUANTILES)]
            yield f"| {rate:,.0f} | {who} | {' | '.join(cells)} |"


def kept_up(rows: Sequence[Found]) -> list[Found]:
    """Return the rounds in which a rate was kept up with, where they are most of them."""
    kept = [row for row in rows if not row["behind"]]
    return kept if 2 * len(kept) > len(rows) else []


def _how_far(rows: Sequence[Found], before: Found | None) -> str:
    if rows:
        row = max((row for row in rows if row["behind"]), key=lambda row: row["per_s"])
        unanswered = f"{row['behind']:,} of {row['events']:,} unanswered {SETTLE_S:g} s after the last"
        return f": {row['per_s']:,.0f}/s, {unanswered}"
    return f" at {before['rate']:,.0f} already" if before else ""


def goals(found: Found) -> Iterator[str]:
    """Yield a line for each goal of which both sides were measured."""
    backlogs, rates = grouped(found["backlogs"], "who"), grouped(found["rates"], "who", "rate")
    done = {who: median(row["done_per_s"] for row in rows) for (who,), rows in backlogs.items()}
    for other, times in GOALS:
        for who in (WHOLE, ALONE):
            if who in done and other in done:
                ratio = done[who] / done[other]
                yield f"- {who}: {ratio:.2f} x the throughput of {other}; goal {times:g}, {_met(ratio >= times)}"
    slow = [kept_up(rates.get((who, GOAL_RATE), [])) for who in (WHOLE, FLOOR)]
    if all(slow):
        ours, floors = (median(row["ms"]["p99"] for row in rows) for rows in slow)
        later = ours - floors
        at = f"p99 at {GOAL_RATE:,.0f}/s"
        yield f"- {WHOLE}: {at} {later:+.1f} ms to the floor's; goal {GOAL_MS:+g} ms, {_met(later <= GOAL_MS)}"


def _met(is_met: bool) -> str:  # noqa: FBT001 - it says what it is given
    return "met" if is_met else "missed"
