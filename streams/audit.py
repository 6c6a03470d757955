"""The audit: everything a log promises, looked up or made again; what does not hold is a finding.

One pass over the journal from its beginning. Each commit is carried out again by the replica and compared with the
bytes in the journal and on every output topic; on the way each input record is taken exactly once, in order. Then the
sums of ends, the audit trail and its file, and every checkpoint against the state the journal gives at its place.
Nothing here writes.

A worker may run meanwhile. So what can only be there once something else is, is looked at first: checkpoints and the
file, then where the outputs end, then where the journal ends. What a worker adds after that is not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from engine.errors import SidestreamError
from streams.audit_copy import AuditCopy
from streams.ground import Ground
from streams.intake import Intake, Kind
from streams.journal import JournalEntry, decode
from streams.log_port import Delivery, Entry, JournalRecord, Log, LogError, LogRecord
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
    _written: dict[tuple[str, int], _Written] = field(default_factory=dict)
    _marks: dict[tuple[int, str], list[tuple[str, str]]] = field(default_factory=dict)

    def run(self) -> Audit:
        """Look at everything, and return what was found.

        Raises
        ------
        LogError
            When the log itself cannot be read on: what it holds cannot be looked at any further.
        """
        log, audit = self.ground.log, self._audit
        self._look_at_checkpoints()
        trail = AuditCopy(self.ground)
        self._look_at_outputs()
        end = log.journal_end()
        replica = self.ground.replica()
        self._follow(replica, end)
        audit.counts["commits"] = replica.sequence
        if replica.sequence < end:
            self._find(f"the {end - replica.sequence:,} commits from {replica.sequence:,} on cannot be looked at")
        else:
            self._find_strangers()
        self._count_ends(replica)
        audit.findings += trail.compare(audit.counts)
        return audit

    def _follow(self, replica: Replica, end: int) -> None:
        """Carry the journal out as far as that makes sense."""
        intake = self.ground.intake(replica.offsets)
        term = taken = 0
        for record in islice(self.ground.log.journal(0), end):
            entry = decode(record.data, record.sequence)
            if record.term < term:
                self._find(f"commit {record.sequence:,} is of term {record.term}, after one of term {term}")
            term = record.term
            if record.sequence == 0:
                self._check_identity(entry)
            if not self._carry_out(replica, intake, record, entry):
                return
            taken += sum(run.record_count for run in entry.runs if replica.inputs[run.input].kind is Kind.REQUEST)
            for name, state in self._marks.pop((replica.sequence, replica.head), ()):
                if state != replica.engine.state_digest():
                    self._find(f"{name} holds another state than the journal gives after commit {record.sequence:,}")
            self.watch(record.sequence + 1, end)
        counted = replica.engine.scorer.join.ledger.requests
        if taken != counted:
            self._find(f"{taken:,} records of requests were taken and {counted:,} counted")

    def _check_identity(self, entry: JournalEntry) -> None:
        """Compare the settings that the first commit names with the digests it holds of them."""
        said = None if entry.start is None else entry.start["identity"]
        if said != dict(self.ground.pipeline.identity):
            self._find("the settings in commit 0 are not those it says it was begun with: one of the two was altered")

    def _carry_out(self, replica: Replica, intake: Intake, record: JournalRecord, entry: JournalEntry) -> bool:
        """Make one commit again and compare; returns whether it makes sense to go on."""
        if entry.steps:
            replica.catch_up(entry.steps)
        try:
            arrivals = intake.take_runs(entry.runs)
        except LogError as error:
            self._find(f"commit {record.sequence:,}: {error}")
            return False
        made = replica.take(arrivals, entry.start).commit
        differing = [told for delivery in made.outputs if (told := self._compare(delivery, record.sequence))]
        if made.journal == record.data:
            self._audit.findings += differing
            return True
        again = decode(made.journal, made.sequence)
        if not differing and (again.position, again.steps, again.runs) == (entry.position, entry.steps, entry.runs):
            self._find(
                f"commit {record.sequence:,} of the journal is not as a worker writes it, though all that it wrote to "
                "topics is there and comes out again: its record was altered"
            )
            return True
        self._find(
            f"commit {record.sequence:,} was made at position {entry.position:,} with other outputs than come out now: "
            "the code, the versions or the machine is another than made it, or the inputs or its record were altered"
        )
        return False

    def _compare(self, delivery: Delivery, sequence: int) -> str | None:
        """Return where what one commit wrote to a partition is not what stands there."""
        place = delivery.topic, delivery.partition
        written = self._written.get(place, _NOTHING)
        for entry in delivery.entries:
            found = written.next()
            if found is None or Entry(found.key, found.value, found.headers) != entry:
                where = "at its end" if found is None else f"at {found.offset:,}"
                self._written[place] = _NOTHING
                return (
                    f"{delivery.topic}/{delivery.partition} does not hold, {where}, what commit {sequence:,} wrote "
                    "there: something was altered, taken out or put in between; nothing after it was compared"
                )
        key = f"records on {delivery.topic}"
        self._audit.counts[key] = self._audit.counts.get(key, 0) + len(delivery.entries)
        return None

    def _look_at_checkpoints(self) -> None:
        """Take down the state each checkpoint holds, as its digest, by the commit it was made after."""
        count = 0
        for name, found in self.ground.checkpoints.each():
            if isinstance(found, SidestreamError):
                if self.ground.checkpoints.holds(name):
                    count += 1
                    self._find(f"{name} is refused: {found}")
                continue
            count += 1
            try:
                replica = self.ground.replica(int(found.content.caller["begun_at"]))
                replica.restore(found.content.engine, found.content.caller)
                mark = replica.sequence, replica.head
            except (SidestreamError, KeyError) as error:
                self._find(f"{name} cannot be restored: {error}")
                continue
            self._marks.setdefault(mark, []).append((name, replica.engine.state_digest()))
        self._audit.counts["checkpoints"] = count

    def _look_at_outputs(self) -> None:
        """Take down where every output ends."""
        outputs = set(self.ground.outputs.names())
        for info in self.ground.log.topics():
            for number, partition in enumerate(info.partitions if info.name in outputs else ()):
                records = _records(self.ground.log, info.name, number)
                self._written[info.name, number] = _Written(records, partition.end)

    def _find_strangers(self) -> None:
        """Find what no commit of the whole journal made."""
        for (topic, number), written in self._written.items():
            count = written.count_rest()
            if count:
                self._find(f"{count:,} records on {topic}/{number} were written by no commit")
        for (sequence, _), kept in self._marks.items():
            for name, _ in kept:
                self._find(f"{name} was made after a commit {sequence - 1:,} that this journal does not hold")

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
        counts["records not taken yet"] = sum(
            self.ground.log.end(each.topic, each.partition) - offset
            for each, offset in zip(replica.inputs, replica.offsets, strict=True)
        )

    def _find(self, what: str) -> None:
        self._audit.findings.append(what)


@dataclass(slots=True)
class _Written:
    """What stands on an output, read once, in order; `end` is where it ended when the audit began."""

    records: Iterator[LogRecord]
    end: int

    def next(self) -> LogRecord | None:
        """Return the next record; None where there is none."""
        return next(self.records, None)

    def count_rest(self) -> int:
        """Return how many records before the end were not asked for."""
        return sum(1 for record in self.records if record.offset < self.end)


_NOTHING = _Written(iter(()), 0)


def _records(log: Log, topic: str, partition: int) -> Iterator[LogRecord]:
    """Yield the records of a partition with their keys, to wherever it ends by then."""
    offset = log.begin(topic, partition)
    while records := (span := log.read(topic, partition, offset)).records:
        yield from records
        offset = span.next_offset
