"""Frozen objects under a forger who can compute a SHA-256: thawing returns an object or refuses, and nothing else."""

from __future__ import annotations

import contextlib
import hashlib

from hypothesis import given, settings
from hypothesis import strategies as st
from river import linear_model, optim, preprocessing, stats, tree

from engine.errors import SnapshotError
from engine.object_state import DIGEST_BYTES, freeze
from engine.object_thaw import thaw


def _bodies() -> list[bytes]:
    pipeline = preprocessing.StandardScaler() | linear_model.LogisticRegression(optim.Adam(0.1))
    leaves = tree.HoeffdingTreeClassifier(grace_period=10, delta=0.5, tau=0.9)
    for at in range(60):
        x = {"a": float(at % 7), "b": float(at % 5)}
        pipeline.learn_one(x, at % 2 == 0)
        leaves.learn_one(x, at % 7 > 3)
    return [freeze(thing)[DIGEST_BYTES:] for thing in (pipeline, leaves, stats.RollingMode(3))]


BODIES = _bodies()


@given(st.sampled_from(BODIES), st.data())
@settings(max_examples=400, deadline=None)
def test_a_forged_object_is_rebuilt_or_refused(body: bytes, data: st.DataObject) -> None:
    """Never another exception, whatever the constructors make of their arguments."""
    forged = bytearray(body)
    for _ in range(data.draw(st.integers(1, 4))):
        forged[data.draw(st.integers(0, len(forged) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(SnapshotError):
        thaw(hashlib.sha256(forged).digest() + bytes(forged))
