"""The audit: everything a log promises, looked up or made again; what does not hold is a finding.

One pass over the journal from its beginning. Each commit is carried out again by the replica and compared with the
bytes in the journal and on every output topic; on the way each input record is taken exactly once, in order. Then the
sums of ends, the audit trail and its file, and every checkpoint against the state the journal gives at its place.
Nothing here writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import SidestreamError
from streams.audit_file import AUDIT_FILE
from streams.audit_trail import verify
from streams.ground import Ground, whole_topic
from streams.intake import Intake, Kind
from streams.journal import decode
from streams.log_port import Delivery, JournalRecord, LogError
from streams.replica import Replica


@dataclass(slots=True)
class Audit:
    """What was looked at, in counts, and what does not hold, in sentences."""

    counts: dict[str, int] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether everything holds."""
        return not self.findings


@dataclass(slots=True)
class Auditor:
    """Looks at one log.

    Parameters
    ----------
    ground
        The log, and what ran on it.
    watch
        Is told how many commits were carried out again, of how many.
    """

    ground: Ground
    watch: Callable[[int, int], None] = field(default=lambda _done, _end: None)
    _audit: Audit = field(default_factory=Audit)
    _written: dict[tuple[str, int], Iterator[bytes]] = field(default_factory=dict)

    def run(self) -> Audit:
        """Look at everything, and return what was found.

        Raises
        ------
        LogError
            When the log itself cannot be read on: what it holds cannot be looked at any further.
        """
        replica = self.ground.replica()
        intake = self.ground.intake(replica.offsets)
        marks = self._checkpoints()
        term, end = 0, self.ground.log.journal_end()
        for record in self.ground.log.journal(0):
            if record.term < term:
                self._find(f"commit {record.sequence:,} is of term {record.term}, after one of term {term}")
            term = record.term
            if not self._carry_out(replica, intake, record):
                break
            for name, state in marks.pop((replica.sequence, replica.head), ()):
                if state != replica.engine.state_digest():
                    self._find(f"{name} holds another state than the journal gives after commit {record.sequence:,}")
            self.watch(record.sequence + 1, end)
        self._audit.counts["commits"] = replica.sequence
        for (sequence, _), kept in marks.items():
            for name, _ in kept:
                self._find(f"{name} was made after a commit {sequence - 1:,} that this journal does not hold")
        self._count_ends(replica)
        self._check_leftovers()
        self._check_trail()
        return self._audit

    def _carry_out(self, replica: Replica, intake: Intake, record: JournalRecord) -> bool:
        """Make one commit again and compare; returns whether it makes sense to go on."""
        entry = decode(record.data, record.sequence)
        if entry.steps:
            replica.catch_up(entry.steps)
        try:
            arrivals = intake.take_runs(entry.runs)
        except LogError as error:
            self._find(f"commit {record.sequence:,}: {error}")
            return False
        made = replica.take(arrivals, entry.start).commit
        if made.journal != record.data:
            self._find(
                f"commit {record.sequence:,} was made at position {entry.position:,} with other outputs than come out "
                "now: the code, the versions or the machine is not the one that made it, or the inputs were altered"
            )
            return False
        for delivery in made.outputs:
            self._compare(delivery, record.sequence)
        return True

    def _compare(self, delivery: Delivery, sequence: int) -> None:
        """Compare what one commit wrote to a partition with what stands there."""
        place = delivery.topic, delivery.partition
        written = self._written.setdefault(place, whole_topic(self.ground.log, *place))
        for entry in delivery.entries:
            if next(written, None) != entry.value:
                self._find(f"{delivery.topic}/{delivery.partition} does not hold what commit {sequence:,} wrote to it")
                self._written[place] = iter(())
                return
        key = f"records on {delivery.topic}"
        self._audit.counts[key] = self._audit.counts.get(key, 0) + len(delivery.entries)

    def _checkpoints(self) -> dict[tuple[int, str], list[tuple[str, str]]]:
        """Return the state each checkpoint holds, as its digest, by the commit it was made after."""
        marks: dict[tuple[int, str], list[tuple[str, str]]] = {}
        count = 0
        for name, found in self.ground.checkpoints.each():
            count += 1
            if isinstance(found, SidestreamError):
                self._find(f"{name} is refused: {found}")
                continue
            try:
                replica = self.ground.replica(int(found.content.caller["begun_at"]))
                replica.restore(found.content.engine, found.content.caller)
                mark = replica.sequence, replica.head
            except (SidestreamError, KeyError) as error:
                self._find(f"{name} cannot be restored: {error}")
                continue
            marks.setdefault(mark, []).append((name, replica.engine.state_digest()))
        self._audit.counts["checkpoints"] = count
        return marks

    def _count_ends(self, replica: Replica) -> None:
        """Check the sums of ends, and how much of the inputs was taken."""
        join = replica.engine.scorer.join
        ledger, counts = join.ledger, self._audit.counts
        requests = {
            "pending": join.pending_count,
            "labelled": ledger.labelled,
            "expired": ledger.expired,
            "negative by policy": ledger.negative_by_policy,
            "dead": ledger.requests_dead,
            "duplicates": ledger.duplicates,
        }
        labels = {
            "held": join.held_count,
            "learned": ledger.learned,
            "superseded": ledger.superseded,
            "duplicate": ledger.label_duplicates,
            "late": ledger.late,
            "unmatched": ledger.unmatched,
            "dead": ledger.labels_dead,
        }
        for name, total, ends in [("requests", ledger.requests, requests), ("labels", ledger.labels, labels)]:
            counts[name] = total
            counts |= {f"{name} {end}": count for end, count in ends.items()}
            if total != sum(ends.values()):
                self._find(f"{total:,} {name} have {sum(ends.values()):,} ends; every one must have exactly one")
        waiting = sum(
            self.ground.log.end(each.topic, each.partition) - offset
            for each, offset in zip(replica.inputs, replica.offsets, strict=True)
        )
        counts["records not taken yet"] = waiting
        taken = self._taken(replica)
        if taken != ledger.requests:
            self._find(f"{taken:,} records of requests were taken and {ledger.requests:,} counted")

    def _taken(self, replica: Replica) -> int:
        """Return how many records of requests the journal took."""
        kinds = [each.kind for each in replica.inputs]
        return sum(
            run.record_count
            for record in self.ground.log.journal(0)
            if record.sequence < replica.sequence
            for run in decode(record.data, record.sequence).runs
            if kinds[run.input] is Kind.REQUEST
        )

    def _check_leftovers(self) -> None:
        """Find what stands on an output topic though no commit wrote it."""
        outputs = set(self.ground.outputs.names())
        for info in self.ground.log.topics():
            for number in range(len(info.partitions)) if info.name in outputs else ():
                written = self._written.get((info.name, number))
                rest = whole_topic(self.ground.log, info.name, number) if written is None else written
                count = sum(1 for _ in rest)
                if count:
                    self._find(f"{count:,} records on {info.name}/{number} were written by no commit")

    def _check_trail(self) -> None:
        """Verify the audit trail, and its file against it."""
        topic = self.ground.settings.topics.audit
        try:
            chain = verify(whole_topic(self.ground.log, topic))
        except LogError as error:
            self._find(f"topic {topic!r}: {error}")
            return
        self._audit.counts["entries of the audit trail"] = chain.number
        path = Path(str(self.ground.settings.log.dir)) / AUDIT_FILE
        if not path.exists():
            self._find(f"{str(path)!r} is missing; the next start of a worker writes it anew from topic {topic!r}")
            return
        with path.open("rb") as file:
            for count, (ours, theirs) in enumerate(zip(whole_topic(self.ground.log, topic), file, strict=False), 1):
                if theirs.rstrip(b"\n") != ours:
                    self._find(f"line {count} of {str(path)!r} is not the one on topic {topic!r}")
                    return
            if file.readline():
                self._find(f"{str(path)!r} holds more than topic {topic!r}")

    def _find(self, what: str) -> None:
        self._audit.findings.append(what)
