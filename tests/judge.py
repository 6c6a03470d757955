"""The judge: what workers left behind, asked of everybody who can tell, and nobody of them knows of another.

The product's auditor makes every commit again, and so does a replay of the committed journal here, which says what must
stand on every output, byte for byte. The oracle takes the journal's records one by one, and compares the state. The
ledger reads bytes alone. Witnesses tell what they saw: a reader at the end, and whoever read along
while workers were hurt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

from streams.audit import Auditor
from streams.audit_file import AUDIT_FILE
from streams.ground import Ground, ground_of
from streams.journal import decode
from streams.log_port import Entry, Log
from tests.ends import Columns, check_ends
from tests.journal_oracle import Oracle
from tests.pasts import read_all
from tests.streams.worker_process import Place, count_sent

Seen: TypeAlias = Mapping[tuple[str, int], Sequence[Entry]]
"""What somebody saw, or should have, by topic and partition, in order."""


class Verdict(NamedTuple):
    """What was there, and what was wrong; the last two add up what all witnesses tell."""

    inputs: int
    commits: int
    lost: int
    doubled: int


def check_place(place: Place, witnesses: Sequence[Seen] = ()) -> Verdict:
    """Have everybody look at a place whose worker has taken everything and stopped; raise at the first difference.

    Parameters
    ----------
    place
        With its log.
    witnesses
        What readers saw of the outputs while workers lived.
    """
    with place.opened() as log:
        verdict = check_outputs(place, log, witnesses)
        found = Auditor(ground_of(log, str(place.state), None)).run()
        assert found.is_clean, found.findings
        oracle = Oracle(place.settings, log)
        oracle.run()
        oracle.check((place.state / AUDIT_FILE).read_bytes().splitlines())
        given = place.settings
        columns = Columns(str(given.input.id), str(given.input.key), str(given.labels.time))
        check_ends(log, columns, held_count=found.counts["labels held"])
    return verdict


def check_outputs(place: Place, log: Log, witnesses: Sequence[Seen] = ()) -> Verdict:
    """Compare what stands on the outputs, and what witnesses saw there, with a replay of the journal as it is now."""
    ground = ground_of(log, str(place.state), None)
    expected = replayed(ground)
    lost = doubled = 0
    for seen in (final(ground), *witnesses):
        for where in sorted(expected.keys() | seen.keys()):
            wanted, found = (Counter(each.get(where, ())) for each in (expected, seen))
            lost, doubled = lost + (wanted - found).total(), doubled + (found - wanted).total()
            if (lost, doubled) == (0, 0):
                assert list(seen.get(where, ())) == list(expected.get(where, ())), f"another order on {where}"
    verdict = Verdict(count_sent(log), log.journal_end(), lost, doubled)
    assert (lost, doubled) == (0, 0), verdict
    return verdict


def replayed(ground: Ground) -> Seen:
    """Return what an engine that was never interrupted says to the inputs of the committed journal."""
    replica, said = ground.replica(), dict[tuple[str, int], list[Entry]]()
    intake = ground.intake(replica.offsets)
    for record in ground.log.journal(0):
        entry = decode(record.data, record.sequence)
        if entry.steps:
            replica.catch_up(entry.steps)
        for topic, partition, entries in replica.take(intake.take_runs(entry.runs), entry.start).commit.outputs:
            said.setdefault((topic, partition), []).extend(entries)
    return said


def final(ground: Ground) -> Seen:
    """Return what stands on the outputs."""
    names = set(ground.outputs.names())
    return {
        (info.name, number): [Entry(*record[1:]) for record in read_all(ground.log, info.name, number)]
        for info in ground.log.topics()
        if info.name in names
        for number in range(len(info.partitions))
    }
