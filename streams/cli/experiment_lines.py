"""What a person sees of an experiment: arms, comparisons with the control, estimates off policy."""

from __future__ import annotations

from typing import Any

from rich.table import Table


def experiment_lines(data: dict[str, Any]) -> list[str]:
    """Return the sentences about the arms; none where nothing is shared out."""
    found = data["experiment"]
    if found is None:
        return []
    rests = f", resting: {data['champion']} answers alone" if found["resting"] else ""
    lines = [f"experiment {found['name']}: {found['mode']}, control {found['control']}{rests}"]
    for name, arm in found["arms"].items():
        loss = "n/a" if arm["mean_loss"] is None else f"{arm['mean_loss']:.4f}"
        lines.append(
            f"  {name}: {arm['routed']:,} requests, {arm['matured']:,} matured, mean loss {loss}, "
            f"answers {arm['propensity']:.1%} now"
        )
    for name, each in (found["comparisons"] or {}).items():
        lines += _comparison(name, found["control"], each)
    for name, each in (found["off_policy"] or {}).items():
        if each["unsupported"]:
            alone = f"{each['unsupported']:,} of {each['matured']:,} decisions are of no arm"
            lines.append(f"  off policy, {name}: no estimate, {alone}")
        elif each["dr_error"] is not None:
            lines.append(f"  off policy, {name}: loss {each['dr']:.4f} ± {1.96 * each['dr_error']:.4f} (DR)")
    return lines


def _comparison(name: str, control: str, each: dict[str, Any]) -> list[str]:
    """Return how an arm stands against the control, any time and at the horizon."""
    if each["difference"] is None:
        return []
    any_time = each["msprt"]
    verdict = "a difference" if any_time["significant"] else "no difference yet"
    lines = [
        f"  {name} less {control}: {each['difference']:+.4f}; any time: {verdict}, p {any_time['p']:.4f} "
        f"where {each['level']:.4g} is asked for"
    ]
    if each["refused"] is not None:
        lines.append(f"    t-test and chi-square: {each['refused']}")
        return lines
    squared = "" if each["chi_square"] is None else f", chi-square p {each['chi_square']['p']:.4f}"
    lines.append(
        f"    at the first {each['planned']:,} per arm: {each['t_test']['difference']:+.4f}, "
        f"t-test p {each['t_test']['p']:.4f}{squared}"
    )
    return lines


def off_policy_table(estimates: dict[str, dict[str, Any]]) -> Table:
    """Return the estimates with their standard errors, a row per contender."""
    table = Table(box=None, pad_edge=False, collapse_padding=True, header_style="bold")
    table.add_column("contender", no_wrap=True)
    for column in ("events", "direct", "ips", "±", "dr", "±", "unsupported"):
        table.add_column(column, justify="right", no_wrap=True)
    for name, each in estimates.items():
        figures = [each[column] for column in ("direct", "ips", "ips_error", "dr", "dr_error")]
        shown = ["n/a" if value is None else f"{value:.4f}" for value in figures]
        table.add_row(name, f"{each['matured']:,}", *shown, f"{each['unsupported']:,}")
    return table
