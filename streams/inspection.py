"""What a directory holds: its checkpoints, the state in the newest that can be read, and of a log what is on it.

A replay's state is checkpoints alone; a worker keeps its own beside its log. Nothing here changes anything, and nothing
is carried out again: what is told was written, whether it is right is for the audit to say.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from engine.columns import unpack_column
from engine.label_join import Ledger
from engine.understudy import UNDERSTUDY
from streams.audit_trail import read_line
from streams.checkpoint import Surveyed
from streams.checkpoint_manifest import Manifest
from streams.checkpoint_reader import CheckpointReader
from streams.checkpoint_seal import SealKey
from streams.commands import START
from streams.ground import CHECKPOINTS, Ground, ground_of, whole_topic
from streams.log_port import Log, LogError
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
    found = _checkpoints(reader)
    if not found["checkpoints"]:
        msg = f"{directory!r} holds no checkpoint and no log; name the directory that was given as --state or --log"
        raise SourceError(msg)
    if found["newest"] is None:
        reader.newest_verified(fallback=True)
    return found


def inspect_log(log: Log, directory: str, key: SealKey | None) -> dict[str, Any]:
    """Return what is in the directory of a log, as plain data: as `inspect`, and under `log` what is on it.

    Raises
    ------
    LogError
        When the log is damaged.
    """
    found = _checkpoints(CheckpointReader(directory=Path(directory) / CHECKPOINTS, identity=None, key=key))
    topics = {info.name: [partition._asdict() for partition in info.partitions] for info in log.topics()}
    journal = {"begin": log.journal_begin(), "end": log.journal_end()}
    worker = None if not journal["end"] else _worker(ground_of(log, directory, key))
    return {**found, "log": {"topics": topics, "journal": journal, "worker": worker}}


def _worker(ground: Ground) -> dict[str, Any]:
    """Return who started a worker last, with which settings, and who answers by the last line that says so."""
    topics = ground.outputs
    starts = [entry for line in whole_topic(ground.log, topics.audit) if (entry := read_line(line)).verb == START]
    if not starts:
        msg = f"topic {topics.audit!r} tells of no start, and the journal does; look with `sidestream audit`"
        raise LogError(msg)
    change = _last_change(ground.log, topics.alarms)
    identity = dict(ground.pipeline.identity)
    return {
        "starts": len(starts),
        "started_by": starts[-1].by,
        "started_at": starts[-1].at,
        "versions": dict(starts[-1].detail),
        "champion": ground.pipeline.plan.contenders()[0].name if change is None else change["to"],
        "rule": None if change is None else change["rule"],
        "settings": identity,
        "settings_sha256": sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest(),
    }


def _last_change(log: Log, topic: str) -> dict[str, Any] | None:
    """Return the last line that says that somebody else answers."""
    found = None
    try:
        for value in whole_topic(log, topic):
            line = json.loads(value)
            if line["event"] == "promoted":
                found = {"to": str(line["to"]), "rule": str(line["rule"])}
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        msg = f"topic {topic!r} holds a line that no worker writes ({error!r:.80}); look with `sidestream audit`"
        raise LogError(msg) from error
    return found


def _checkpoints(reader: CheckpointReader) -> dict[str, Any]:
    """Return every checkpoint, and the state in the newest that is whole; None where none is."""
    surveyed = reader.survey()
    whole = any(each.manifest is not None for each in surveyed)
    newest = reader.newest_verified(fallback=True) if whole else None
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
        "tape": len(engine["learner"]["tape"]["kind"]),
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
