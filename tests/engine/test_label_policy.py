"""Label policies: three forms, read back as written, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ConfigError
from engine.label_policy import LabelPolicy, Silence, parse_policy


@given(st.sampled_from(Silence), st.integers(1, 10**13))
def test_a_policy_reads_back_as_written(kind: Silence, horizon_ms: int) -> None:
    """`parse_policy` undoes `str`."""
    policy = LabelPolicy(kind, horizon_ms)
    assert parse_policy(str(policy)) == policy


def test_wait_alone_has_no_horizon() -> None:
    """`wait` keeps a request pending without end."""
    assert parse_policy(" wait ") == LabelPolicy(Silence.WAIT, None)
    assert str(LabelPolicy()) == "wait"


@pytest.mark.parametrize(
    "text", ["", "waits", "wait()", "wait(7)", "wait(0d)", "negative_after", "wait(7d", "wait(7d))", 7, None]
)
def test_anything_else_is_refused(text: object) -> None:
    """A policy that cannot be is refused before anything starts."""
    with pytest.raises(ConfigError):
        parse_policy(text)
