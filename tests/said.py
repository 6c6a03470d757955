"""What the command line said: run it here, and look at its exit code and its two streams."""

from __future__ import annotations

import json

import pytest

from streams.cli.app import main


class Said:
    """One run of the command line: its exit code and what it wrote."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *arguments: object) -> None:
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main(list(map(str, arguments)))
        self.code = left.value.code
        self.out, self.err = capsys.readouterr()

    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.out.splitlines()]
