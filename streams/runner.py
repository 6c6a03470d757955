"""The runner: takes what has arrived, has the engine process it, writes down what the engine said.

Read this first, then `engine.engine`. A slice of messages goes in, everything there is to say about it comes out, and
it is written before the next slice is taken. How long a slice is changes no answer and no byte of output.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from engine.engine import Engine
from engine.messages import Outcomes
from engine.summary import Summary
from streams.codec import RecordCodec, dead_letter_line
from streams.event_lines import event_lines
from streams.feed import Piece
from streams.jsonl_sink import JsonlSink, Output


class Runner:
    """Moves one stream through one engine.

    Parameters
    ----------
    engine
        Takes the slices.
    feed
        The messages, in order.
    codec
        Writes outcomes as lines.
    sink
        Where the lines go; None writes nothing.
    """

    def __init__(self, engine: Engine, feed: Iterable[Piece], codec: RecordCodec, sink: JsonlSink | None) -> None:
        self.engine = engine
        self._pieces = iter(feed)
        self._codec = codec
        self._sink = sink

    def skip(self, count: int) -> int:
        """Pass over pieces that the engine has taken already; return how many there were."""
        return sum(1 for _ in islice(self._pieces, count))

    def run(self, slice_count: int, watch: Callable[[Outcomes], None]) -> Summary:
        """Process the feed to its end, `slice_count` messages at a time; `watch` sees the outcomes of each slice."""
        for pieces in slices(self._pieces, slice_count):
            first = self.engine.position
            out = self.engine.process([piece.message for piece in pieces])
            if self._sink is not None:
                self._write(self._sink, out, pieces, first)
            watch(out)
        return self.engine.summary()

    def _write(self, sink: JsonlSink, out: Outcomes, pieces: list[Piece], first: int) -> None:
        """Write the outcomes of one slice, which began at position `first`."""
        codec = self._codec
        sink.write(Output.PREDICTIONS, map(codec.prediction_line, out.predictions))
        sink.write(Output.SHADOW, map(codec.shadow_line, out.shadow))
        sink.write(Output.LABELS, map(codec.label_line, out.label_ends))
        sink.write(Output.ENDS, map(codec.request_end_line, out.request_ends))
        sink.write(Output.EVENTS, event_lines(out))
        letters = ((letter, pieces[letter.position - first].record) for letter in out.dead_letters)
        sink.write(Output.DEAD_LETTERS, (dead_letter_line(letter, record) for letter, record in letters))


def slices(feed: Iterable[Piece], slice_count: int) -> Iterator[list[Piece]]:
    """Cut a feed into lists of `slice_count` pieces; the last may be shorter."""
    pieces = iter(feed)
    while chunk := list(islice(pieces, slice_count)):
        yield chunk
