"""The figures of `benchmarks.learners` as tables for eyes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.learner_contestants import ALL, MOA, RIVER

Found = dict[str, Any]


def tables(found: Found) -> Iterator[str]:
    """Yield the lines of all tables, and of what is left out."""
    machine = found["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items() if version)
    yield f"{found['date']}, {machine['processor']}, {machine['cores']} cores, Python {found['python']}, {versions}"
    for learner in ALL:
        yield from first(learner, [row for row in found["first"] if row["learner"] == learner])
        yield from whole(learner, [row for row in found["whole"] if row["learner"] == learner])
    yield from latency(found["latency"])
    yield from threads(found["threads"])
    yield from memory(found["memory"])
    yield from ("", *found["skipped"])


def head(title: str, columns: Sequence[str]) -> Iterator[str]:
    """Yield a title and a table's head."""
    yield from ("", title, "", f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}")


def per_second(us: float) -> str:
    """Return events per second."""
    return f"{1e6 / us:,.0f}"


def percent(share: float) -> str:
    """Return a share in per cent."""
    return f"{100.0 * share:.2f}"


def ratio(times: float | None) -> str:
    """Return how many times as fast, to two digits or whole."""
    if times is None:
        return "-"
    return f"{times:.2g}" if times < 100.0 else f"{times:,.0f}"


def first(learner: str, rows: Sequence[Found]) -> Iterator[str]:
    """Yield the table of a learner over the first events."""
    if not rows:
        return
    columns = ("stream", "who", "events/s", "us", f"x {RIVER}", f"x {MOA}", "accuracy %", "no-change %")
    yield from head(f"**{learner}**, the first {rows[0]['events']:,} events", columns)
    for row in rows:
        figures = (per_second(row["us"]), f"{row['us']:.2f}", ratio(row[f"x_{RIVER}"]), ratio(row[f"x_{MOA}"]))
        stream = f"{row['stream']} (d={row['features']})"
        shares = (percent(row["accuracy"]), percent(row["no_change"]))
        yield f"| {' | '.join((stream, row['who'], *figures, *shares))} |"


def whole(learner: str, rows: Sequence[Found]) -> Iterator[str]:
    """Yield the table of a learner over whole streams."""
    if not rows:
        return
    yield from head(
        f"**{learner}**, whole streams", ("stream", "who", "events", "events/s", "accuracy %", "no-change %")
    )
    for row in rows:
        shares = (percent(row["accuracy"]), percent(row["no_change"]))
        yield f"| {row['stream']} | {row['who']} | {row['events']:,} | {per_second(row['us'])} | {' | '.join(shares)} |"


def latency(rows: Sequence[Found]) -> Iterator[str]:
    """Yield the table of the slowest events."""
    if not rows:
        return
    columns = [f"{verb} {at}" for verb, at_each in rows[0]["us"].items() for at in at_each]
    yield from head("**One event at a time**, RBF 10, microseconds", ("learner", *columns))
    for row in rows:
        figures = [f"{us:.1f}" for at_each in row["us"].values() for us in at_each.values()]
        yield f"| {row['learner']} | {' | '.join(figures)} |"


def threads(rows: Sequence[Found]) -> Iterator[str]:
    """Yield the table of two threads at once."""
    if not rows:
        return
    columns = ("learner", "who", "one thread, events/s", "two threads, events/s", "ratio")
    yield from head("**Two models in two threads**, RBF 10", columns)
    for row in rows:
        yield f"| {row['learner']} | {row['who']} | {row['one']:,.0f} | {row['two']:,.0f} | {row['ratio']:.2f} |"


def memory(rows: Sequence[Found]) -> Iterator[str]:
    """Yield the table of what is kept."""
    if not rows:
        return
    columns = [f"after {point['events']:,}" for point in rows[0]["kept"]]
    yield from head("**Memory**, RBF 10: the model's arrays / the process, MB", ("learner", *columns))
    for row in rows:
        cells = [f"{kept['memory_bytes'] / 1e6:.3f} / {kept['resident_bytes'] / 1e6:.0f}" for kept in row["kept"]]
        yield f"| {row['learner']} | {' | '.join(cells)} |"
