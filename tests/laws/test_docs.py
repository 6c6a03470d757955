"""The pages keep their word: links lead somewhere, code runs, and every name there is has its line."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

import engine
from engine.figures import BinaryTally, MulticlassTally, RegressionTally
from engine.models.spec import OWN_MODELS
from streams.cli.flags import FLAGS
from streams.jsonl_sink import SUMMARY, Output
from tests.contracts import test_river_state as river_state

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
OTHER_TOOLS_FLAGS = {
    "--check",
    "--rounds",
    "--dir",
    "--kills",
    "--backlog",
    "--poison",
    "--quick",
    "--only",
    "--streams",
    "--events",
    "--river-seeds",
    "--capymoa-seeds",
    *("--build", "--detach", "--profile", "--web-bind"),
    "--peers",
}
OWN_FLAGS = {
    *("--config", "--json", "--help", "--version", "--debug", "--fallback"),
    *("--log", "--kafka", "--create", "--partition", "--key", "--from", "--count", "--rate", "--topic", "--audit"),
    *("--header",),
    *("--reason", "--by", "--wait", "--all", "--dry-run"),
    *("--once", "--standby", "--accept-differences", "--change-contenders", "--at"),
    *("--baseline", "--effect", "--share", "--per-day", "--alpha", "--power"),
    *("--write", "--quiet", "--column", "--contender", "--signal", "--times", "--budget", "--measure"),
}


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def without_code(text: str) -> str:
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as they are commonly made."""
    headings = re.findall(r"^#+ (.+)$", without_code(page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_link_leads_to_a_file_and_to_a_heading_in_it(page: Path) -> None:
    text = without_code(page.read_text(encoding="utf-8"))
    links = [*re.findall(r"\]\(([^)\s]+)\)", text), *re.findall(r'src="([^"]+)"', text)]
    for link in links:
        assert "://" not in link, f"{link} is outside: what is said here stands on its own"
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.is_file(), f"{link} leads nowhere"
        if anchor:
            assert anchor in anchors(target), f"{link} names no heading"


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        links = re.findall(r"\]\(([^)#\s]+\.md)", page.read_text(encoding="utf-8"))
        waiting += [(page.parent / link).resolve() for link in links]
    assert set(PAGES) <= reached


PYTHON = [
    pytest.param(block, id=f"{name}-{number}")
    for name, page in zip(NAMES, PAGES, strict=True)
    if name != "README.md"
    for number, block in enumerate(blocks(page.read_text(encoding="utf-8"), "python"))
]


@pytest.mark.parametrize("block", PYTHON)
def test_every_block_of_python_runs(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "block", "exec"), {"__name__": "block"})  # noqa: S102 - our own pages


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_no_page_names_a_flag_that_does_not_exist(page: Path) -> None:
    """pip's and ruff's own flags stand in blocks beside their names, and are told apart by the list above."""
    known = {flag.name for flag in FLAGS} | OWN_FLAGS | OTHER_TOOLS_FLAGS
    named = set(re.findall(r"(?<![\w-])--[a-z]+(?:-[a-z]+)*(?![\w-])", page.read_text(encoding="utf-8")))
    assert named <= known


def reasons_in(path: Path) -> Iterator[str]:
    """Yield every reason that a file gives a dead letter: MessageError's first argument, Refused's third."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        place = {"MessageError": 0, "Refused": 2}.get(node.func.id)
        if place is not None and len(node.args) > place and isinstance(node.args[place], ast.Constant):
            yield str(node.args[place].value)  # type: ignore[attr-defined]


def test_every_reason_of_a_dead_letter_has_its_section_and_no_section_is_left_over() -> None:
    said = set(chain.from_iterable(map(reasons_in, [*ROOT.glob("engine/**/*.py"), *ROOT.glob("streams/**/*.py")])))
    assert {"too_large", "bad_label_time", "missing_column", "unknown_class", "too_many_delayed"} <= said
    sections = re.findall(r"^## `([a-z0-9_]+)`$", text_of("docs/dead-letters.md"), re.MULTILINE)
    assert sorted(sections) == sorted(said)


def terms(page: str) -> set[str]:
    """Return the names in backticks in the first column of a page's tables."""
    rows = re.findall(r"^\| (.+?) \|", text_of(page), re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([A-Za-z_0-9]+)`", row)}


def test_the_glossary_has_every_public_name_and_every_key_of_the_summary() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from streams.cli.app import main; main()",
            "replay",
            "river:Phishing",
            "--limit",
            "60",
            "--json",
        ],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    keys = set(json.loads(done.stdout))
    found = terms("docs/glossary.md")
    assert set(engine.__all__) <= found
    assert keys <= found


def test_every_figure_has_its_definition() -> None:
    costs = (1.0, 2.0)
    binary, several, number = BinaryTally(), MulticlassTally(), RegressionTally()
    named = {*binary.figures(costs), *binary.ranking([]), *several.figures(None), *number.figures(None)}
    assert named <= terms("docs/figures.md")


def test_the_models_page_names_our_own_models_and_exactly_the_certified_ones() -> None:
    page = text_of("docs/guides/models.md")
    for name in OWN_MODELS:
        assert f"| `{name}(" in page
    head = page.index("## Which of River's can be kept")
    certified = page[head : page.index("Refused when a snapshot is taken", head)]
    tables = (
        river_state.BINARY,
        river_state.MULTICLASS,
        river_state.REGRESSION,
        river_state.TRANSFORMERS,
        river_state.DETECTORS,
        river_state.STATISTICS,
    )
    rows = [re.findall(r"`([^`]+)`", row) for row in certified.splitlines() if row.startswith("| ") and "`" in row]
    assert rows == [list(table) for table in tables]
    refused = page[page.index("Refused when a snapshot is taken", head) : page.index("They still answer", head)]
    assert re.findall(r"^\| `([^`]+)` \|", refused, re.MULTILINE) == list(river_state.CANNOT)


def test_the_readme_names_every_file_of_an_output_directory() -> None:
    assert {SUMMARY, *Output} == set(re.findall(r"^\| `(\w+\.jsonl?)` \|", text_of("README.md"), re.MULTILINE))


def test_tests_named_as_witnesses_exist() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)`", "".join(page.read_text(encoding="utf-8") for page in PAGES))
    assert named
    for name in named:
        assert (ROOT / name).is_file(), name


def test_decisions_are_numbered_without_gaps_and_say_context_decision_and_why() -> None:
    records = sorted((ROOT / "docs/decisions").glob("0*.md"))
    for number, record in enumerate(records, 1):
        text = record.read_text(encoding="utf-8")
        assert record.name.startswith(f"{number:04d}-")
        assert text.startswith(f"# {number}. ")
        for part in ("**Context.**", "**Decision.**", "**Why.**"):
            assert text.count(part) == 1
