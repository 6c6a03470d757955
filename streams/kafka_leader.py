"""The one worker that commits: it holds the lease, and its transactional id has thrown out whoever wrote before.

A commit, in this order:

1. *check* what can be checked: the lease, the sequence;
2. *wait* until the last commit can be read: the next transaction does not begin before the markers of the one before
   it, and the client would take 20 ms to ask again where this takes one or two;
3. *write* all outputs and the journal's record in one transaction, and wait for every batch of it;
4. *commit* it. It is durable then, and readers see it a millisecond or two later, while the worker works on.

What goes wrong in 3 is aborted; what goes wrong in 4 may have happened. Either ends the lease, and whoever led since is
found in the journal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from aiokafka.errors import (
    InvalidProducerEpoch,
    InvalidProducerIdMapping,
    InvalidTxnState,
    KafkaError,
    ProducerFenced,
)
from aiokafka.structs import TopicPartition

from streams.kafka_journal import Journal, MarkKind, journal_entry
from streams.kafka_lease import Membership
from streams.kafka_loop import let_go, told
from streams.kafka_wire import Wire
from streams.kafka_writer import REFUSALS, Parcel, Writer, Written, check_fits, parcel_of
from streams.log_port import Entry, HeldError, LeaseError, fenced, wrong_sequence
from streams.ports import SourceError

LOOK_BACK_S_MAX = 5.0
"""How long a commit that failed looks for whoever led since, in seconds."""

_FENCED = (ProducerFenced, InvalidProducerEpoch, InvalidProducerIdMapping, InvalidTxnState)


class Leader:
    """One worker's lead, from the lease it was given to its release.

    Parameters
    ----------
    member
        Holds the lease.
    writer
        Writes in transactions; not started yet.
    journal, wire
        What was committed.
    batch_bytes_max
        The longest batch that the journal's topic takes, in bytes.

    Attributes
    ----------
    written_s
        How long the transaction of the last commit was open, in seconds.
    """

    def __init__(
        self, member: Membership, writer: Writer, journal: Journal, wire: Wire, *, batch_bytes_max: int
    ) -> None:
        self._member = member
        self._writer = writer
        self._journal = journal
        self._wire = wire
        self.term = 0
        self.written_s = 0.0
        self._next = 0
        self._batch_bytes_max = batch_bytes_max
        self._seeing: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Throw out whoever wrote before, read what they committed, and write down the new term."""
        await self._writer.start()
        last = await self._journal.last()
        self.term, self._next = last.term + 1, last.next_sequence
        entry = journal_entry(MarkKind.LEAD, self.term, self._next)
        try:
            written = await self._writer.write_as_one(self._parcel(entry))
            await self._wire.seen(self._journal.place, written[self._journal.place][0])
        except KafkaError as error:
            if not _is_fenced(error):
                raise
            msg = f"another worker took the lead just before this one of term {self.term}; one is enough, stop this one"
            raise HeldError(msg, "one that came at the same time") from None

    async def commit(self, sequence: int, data: bytes, outputs: Mapping[TopicPartition, Parcel]) -> Written:
        """Write outputs and the journal's record, all or nothing, and return where they went."""
        await self._check_lease()
        if sequence != self._next:
            raise wrong_sequence(sequence, self._next)
        entry = journal_entry(MarkKind.COMMIT, self.term, sequence, data)
        parcel = self._parcel(entry)
        check_fits(parcel[self._journal.place].sizes, self._batch_bytes_max, "the journal")
        await self.seen()
        written = await self._write({**outputs, **parcel}, f"the commit {sequence}")
        self._next += 1
        self._seeing = asyncio.create_task(self._wire.seen(self._journal.place, written[self._journal.place][0]))
        return written

    async def publish(self, parcels: Mapping[TopicPartition, Parcel]) -> None:
        """Write beside the journal what only the one who leads may write, all or nothing."""
        await self._check_lease()
        await self.seen()
        written = await self._write(parcels, "what was to stand beside the journal")
        place = next(iter(parcels))
        self._seeing = asyncio.create_task(self._wire.seen(place, written[place][0]))

    async def seen(self) -> None:
        """Wait until every reader sees what was written last."""
        seeing, self._seeing = self._seeing, None
        if seeing is not None:
            await seeing

    async def release(self) -> None:
        """Let others lead, once every reader sees what this one committed."""
        await let_go(self.seen())
        await asyncio.gather(self._writer.stop(), self._member.leave())

    async def replaced(self, error: BaseException | None = None) -> LeaseError | None:
        """Return the refusal, where another worker has led since; None where it was something else."""
        with suppress(KafkaError, TimeoutError):
            async with asyncio.timeout(LOOK_BACK_S_MAX):
                last = await self._journal.last()
                if last.term > self.term:
                    return fenced(self.term, last.term)
        if _is_fenced(error):
            return LeaseError(
                f"the brokers take nothing more from this worker of term {self.term}: another begins to lead, or a "
                "commit took longer than [kafka] transaction_timeout_s; start it again if it is the only one"
            )
        return None

    def _parcel(self, entry: Entry) -> dict[TopicPartition, Parcel]:
        return {self._journal.place: parcel_of((entry,), self._batch_bytes_max)}

    async def _check_lease(self) -> None:
        """Raise where the lease was lost meanwhile."""
        if self._member.lost is not None:
            raise await self.replaced() or LeaseError(
                f"the lease of term {self.term} was lost ({self._member.lost}); lead again, and continue from the "
                "journal"
            )

    async def _write(self, parcels: Mapping[TopicPartition, Parcel], what: str) -> Written:
        """Write in one transaction, and take down how long it was open."""
        clock = asyncio.get_running_loop().time
        began_s = clock()
        try:
            written = await self._writer.write_as_one(parcels)
        except REFUSALS as error:
            raise await self.replaced(error) or SourceError(
                f"{what} failed ({told(error)}); whether it happened is in the journal"
            ) from error
        self.written_s = clock() - began_s
        return written


def _is_fenced(error: BaseException | None) -> bool:
    """Whether brokers refuse what comes of this producer, or of one of its batches, from now on."""
    return isinstance(error, _FENCED) or isinstance(error and error.__cause__, _FENCED)
