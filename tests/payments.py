"""Seeded records for the command line: numbers, categories, text, blanks, ids, event times, late labels."""

from __future__ import annotations

import csv
import gzip
import json
from io import StringIO
from pathlib import Path
from random import Random

START_S = 1_700_000_000
NUMBERS = ("ts", "amount", "age", "label_ts", "fraud")


def payments(count: int, seed: int = 1) -> list[dict[str, str]]:
    """Return payments as a CSV file would hold them: one has no label yet, some repeat an id, some miss a value."""
    random = Random(seed)
    rows = []
    for i in range(count):
        amount = random.gauss(100, 40)
        country = random.choice(["DE", "FR", "IT", "ES", ""])
        words = [random.choice(["win", "a", "prize", "dear", "friend", "call", "now"]) for _ in range(4)]
        fraud = amount + 40 * (country == "IT") + random.gauss(0, 15) > 160
        ts = START_S + 600 * i
        rows.append(
            {
                "id": f"p{random.randrange(i + 1)}" if random.random() < 0.02 else f"p{i}",
                "ts": str(ts),
                "amount": "" if random.random() < 0.05 else f"{amount:.3f}",
                "age": str(random.randrange(18, 80)),
                "country": country,
                "note": f"{' '.join(words)} {i}",
                "label_ts": "" if random.random() < 0.1 else str(ts + random.randrange(60, 40_000)),
                "fraud": str(int(fraud)),
            }
        )
    return rows


def write_csv(path: Path, rows: list[dict[str, str]]) -> Path:
    """Write rows as CSV, compressed where the name says so."""
    text = StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return _write(path, text.getvalue())


def write_jsonl(path: Path, rows: list[dict[str, str]]) -> Path:
    """Write the same rows as JSON lines in JSON's own types: numbers as numbers, a blank as null."""
    return _write(path, "".join(json.dumps(typed(row)) + "\n" for row in rows))


def write_parquet(path: Path, rows: list[dict[str, str]]) -> Path:
    """Write the same rows as Parquet, typed as in JSON."""
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.Table.from_pylist([typed(row) for row in rows]), path)
    return path


def typed(row: dict[str, str]) -> dict[str, object]:
    """Return a row in JSON's own types."""
    return {name: None if value == "" else _number(value) if name in NUMBERS else value for name, value in row.items()}


def _write(path: Path, text: str) -> Path:
    data = text.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def _number(text: str) -> float | int:
    return float(text) if "." in text else int(text)
