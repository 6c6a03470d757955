"""The simulated disk does what the real one does, as long as nothing crashes: same names, same bytes, same refusals."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.disk import Disk, RealDisk
from streams.simulated_disk import SimulatedDisk

PATHS = st.sampled_from(["a", "b", "a/x", "a/y", "b/x", "a/x/z"])
# A rename goes to a name that is free: what else happens differs from system to system, and nobody does it.
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), PATHS, st.binary(max_size=5)),
        st.tuples(st.just("rename"), PATHS, st.uuids().map(str)),
        st.tuples(
            st.sampled_from(["make_directory", "remove", "remove_directory", "sync_directory", "read", "entries"]),
            PATHS,
        ),
    ),
    max_size=20,
)


def result(disk: Disk, root: Path, step: tuple[Any, ...]) -> object:
    """Return what a step gives, or that it was refused."""
    verb, name, *rest = step
    path = root / name
    try:
        if verb == "write":
            with disk.create(path) as file:
                file.write(rest[0])
                file.sync()
            return None
        if verb == "read":
            return disk.read(path, 3), disk.read(path, 2, begin=1), disk.read(path, 9, begin=4)
        return getattr(disk, verb)(path, *rest)
    except OSError:
        return "refused"


@given(steps=STEPS)
@settings(max_examples=200, deadline=None)
def test_both_disks_give_the_same_results_and_refuse_the_same_steps(steps: list[tuple[Any, ...]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        real, simulated = RealDisk(), SimulatedDisk(root)
        for step in [("make_directory", "a"), *steps]:
            assert result(real, root, step) == result(simulated, root, step), step
            assert real.entries(root) == simulated.entries(root)
