"""What a state directory holds: its checkpoints, and the state in the newest that can be read. Changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.columns import unpack_column
from engine.label_join import Ledger
from engine.understudy import UNDERSTUDY
from streams.checkpoint import Surveyed
from streams.checkpoint_manifest import Manifest
from streams.checkpoint_reader import CheckpointReader
from streams.checkpoint_seal import SealKey
from streams.ports import SourceError


def inspect(directory: str, key: SealKey | None) -> dict[str, Any]:
    """Return what is in a state directory, as plain data.

    Raises
    ------
    SourceError
        When there is no checkpoint to look at.
    SnapshotError
        When there are some and none of them can be read.
    """
    reader = CheckpointReader(directory=Path(directory), identity=None, key=key)
    surveyed = reader.survey()
    if not surveyed:
        msg = f"{directory!r} holds no checkpoint; name the directory that was given as --state"
        raise SourceError(msg)
    newest = reader.newest_verified(fallback=True)
    found: dict[str, Any] = {"checkpoints": [_line(each) for each in surveyed], "newest": None}
    if newest is not None:
        manifest = next(each.manifest for each in surveyed if each.manifest and each.name == newest.stamp.name)
        found["newest"] = {"name": newest.stamp.name, **_state(newest.content.engine, manifest)}
    return found


def _line(each: Surveyed) -> dict[str, Any]:
    manifest = each.manifest
    return {
        "name": each.name,
        "position": None if manifest is None else manifest.position,
        "bytes": None if manifest is None else sum(part.length for part in manifest.parts),
        "refused": each.refusal,
    }


def _state(engine: Mapping[str, Any], manifest: Manifest) -> dict[str, Any]:
    """Return where the engine stands: counts, contenders with their sizes, and what the state was made with."""
    join = engine["scorer"]["join"]
    lengths = {part.name: part.length for part in manifest.parts}
    return {
        "position": manifest.position,
        "requests": engine["scorer"]["request_count"],
        "pending": len(unpack_column(join["pending"])),
        "held": len(join["held"]),
        "remembered": len(unpack_column(join["ended"])),
        "ledger": dict(zip(Ledger.__slots__, join["ledger"], strict=True)),
        "tape": len(engine["learner"]["tape"]),
        "champion": engine["learner"]["champion"] or UNDERSTUDY,
        "rung": engine["succession"]["rung"],
        "contenders": [
            {
                "name": kept["name"],
                "spec": kept["spec"],
                "learned_count": kept["learned_count"],
                "benched": kept["benched"],
                "bytes": lengths.get(f"contender-{number}"),
            }
            for number, kept in enumerate(engine["learner"]["contenders"])
        ],
        "made_with": dict(manifest.identity),
    }
