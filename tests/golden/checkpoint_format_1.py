"""The golden checkpoint of format 1, and the command that wrote it: `python -m tests.golden.checkpoint_format_1`.

It holds built-in models only: River's Rust classes leave their state as bytes of River's exact version, which another
River refuses by design. Beside the state stand requests and the answers that came next, so that a test can see
that the state still means what it meant.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import tempfile
from pathlib import Path

from engine import Engine, LabelRules, Limits, Plan, Request, parse_policy
from streams.checkpoint import Content
from streams.checkpoint_reader import CheckpointReader
from streams.checkpoint_versions import Versions
from streams.checkpoint_writer import CheckpointWriter
from tests.worlds import world

ARCHIVE = Path(__file__).with_name("checkpoint-format-1.tar.gz")
IDENTITY = {"plan": "golden"}
WRITTEN_WITH = Versions(format=1, sidestream="0.1.0", river="0.26.1", numpy="2.4.6", python="3.11.7", cpu="golden")
PLAN = Plan(
    champion="majority()",
    challengers={"rules": "rules(\"a > 0.7 -> 0.9; c == 'x' -> 0.2; otherwise 0.1\")"},
    detectors=(),
    labels=LabelRules(parse_policy("wait(2d)"), delayed=True, relearn=True),
    limits=Limits(pending_count_max=20, held_count_max=5, dedup_count_max=20, window_count=20),
)
NEXT = [(f"next{number}", {"a": number / 5 - 1, "b": number, "c": "xyz"[number % 3]}) for number in range(10)]


def answers(engine: Engine, requests: list[tuple[str, dict[str, object]]], time_ms: int) -> list[list[object]]:
    """Return what champion and challengers say to requests, as plain values."""
    out = engine.process([Request(event_id, values, time_ms) for event_id, values in requests])
    champion = [[event.event_id, "champion", *event.answer] for event in out.predictions]
    return champion + [[event.event_id, event.model, *event.answer] for event in out.shadow]


def main() -> None:
    """Write the archive anew; the same code writes the same bytes."""
    messages = world(1, 60)
    engine, shown = Engine(PLAN), Engine(PLAN)
    engine.process(messages)
    shown.process(messages)
    times = sorted(message.time_ms for message in messages if isinstance(message, Request) and message.time_ms)
    time_ms = times[len(times) // 2]
    caller = {"requests": NEXT, "time_ms": time_ms, "answers": answers(shown, NEXT, time_ms)}
    with tempfile.TemporaryDirectory() as directory:
        reader = CheckpointReader(directory=Path(directory), identity=IDENTITY, versions=WRITTEN_WITH)
        stamp = CheckpointWriter(reader).save(Content(engine.position, engine.snapshot(), caller), None)
        raw = io.BytesIO()
        with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for path in sorted((Path(directory) / stamp.name).iterdir()):
                entry = tarfile.TarInfo(f"{stamp.name}/{path.name}")
                entry.size = path.stat().st_size
                archive.addfile(entry, io.BytesIO(path.read_bytes()))
    ARCHIVE.write_bytes(gzip.compress(raw.getvalue(), mtime=0))


if __name__ == "__main__":
    main()
