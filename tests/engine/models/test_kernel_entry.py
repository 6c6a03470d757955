"""How a model calls its kernel: past numba's look-up of types, and still refusing what has another shape."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from engine.kernels.loading import KERNELS, entry, load

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("name", KERNELS)
def test_an_entry_is_the_one_function_that_was_compiled(name: str) -> None:
    overloads = load(name).take.overloads
    assert len(overloads) == 1
    assert entry(name) is next(iter(overloads.values())).entry_point


@pytest.mark.parametrize("name", KERNELS)
def test_an_entry_refuses_arrays_of_another_shape_or_size(name: str) -> None:
    count = len(load(name).take.nopython_signatures[0].args)
    with pytest.raises(TypeError):
        entry(name)(*[np.zeros(1, dtype=np.int8)] * (count - 1), 0)
    with pytest.raises(TypeError):
        entry(name)()


def test_where_numba_is_told_not_to_compile_models_answer_the_same() -> None:
    code = (
        "from engine.models.compiled.linear import Logistic\n"
        "from engine.targets import Task\n"
        "model = Logistic(Task.BINARY)\n"
        "for step in range(20):\n"
        "    model.learn({'a': step % 5.0, 'word': 'xy'[step % 2]}, step % 5 > 2, 1.0)\n"
        "print(model.predict({'a': 4.0, 'word': 'x'}))\n"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "NUMBA_DISABLE_JIT": off},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for off in ("0", "1")
    }
    assert len(said) == 1
