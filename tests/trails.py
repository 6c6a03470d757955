"""A small audit trail, of every shape an entry has."""

from __future__ import annotations

from streams.audit_trail import DONE, NOTHING_BEFORE, STARTED, AuditEntry, Chain, Where, line, refused
from streams.commands import START, CommandRecord, Verb

VERSIONS = {"sidestream": "0.1.0", "settings": ["a", 1, 0.5, None, True]}

_ACTS = (
    (CommandRecord(START, None, "worker@desk", 0, ""), STARTED, Where(0, 0, None), VERSIONS),
    (CommandRecord(Verb.PROMOTE, "tree", "ann@desk", 1_700_000_000_123, "better"), DONE, Where(7, 100, 0), None),
    (
        CommandRecord(Verb.PROMOTE, "tree", "zoë", 1_700_000_001_000, ""),
        refused("'tree' is benched"),
        Where(7, 100, 1),
        {},
    ),
    (CommandRecord(Verb.ROLLBACK, None, "ann@desk", 1_700_000_002_000, "worse"), DONE, Where(9, 256, 2), None),
)

WHOLE = AuditEntry(
    number=0,
    sequence=0,
    position=0,
    offset=None,
    verb="start",
    contender=None,
    by="worker@desk",
    at="1970-01-01T00:00:00.000Z",
    reason="",
    effect="started",
    detail=VERSIONS,
    previous=NOTHING_BEFORE,
    hash="",
)
"""The first entry, but for its hash."""


def trail() -> tuple[list[bytes], Chain]:
    """Return the lines of the trail, and the chain that ends with them."""
    chain, lines = Chain(), []
    for act in _ACTS:
        chain, entry = chain.append(*act)
        lines.append(line(entry))
    return lines, chain
