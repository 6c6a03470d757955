"""The copy of the audit trail: it follows the topic, heals what a crash tore, and refuses everything else."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from streams.audit_file import AUDIT_FILE, LOST_FILE, AuditFile
from streams.audit_trail import AuditError
from streams.ports import SourceError
from tests.trails import trail

LINES, _ = trail()
TEXT = b"".join(each + b"\n" for each in LINES)


def bring_up(path: Path, lines: list[bytes]) -> int:
    with AuditFile(path) as file:
        return file.bring_up(iter(lines))


def test_the_copy_is_the_topic_line_by_line_and_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / AUDIT_FILE
    assert bring_up(path, []) == 0
    assert bring_up(path, LINES[:1]) == 1
    assert bring_up(path, LINES) == 3
    assert bring_up(path, LINES) == 0
    assert path.read_bytes() == TEXT
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_after_it_was_brought_up_lines_are_appended(tmp_path: Path) -> None:
    with AuditFile(tmp_path / AUDIT_FILE) as file:
        assert file.bring_up(LINES[:1]) == 1
        file.append(LINES[1:3])
        file.append([])
        file.append(LINES[3:])
    assert (tmp_path / AUDIT_FILE).read_bytes() == TEXT


def test_a_line_that_does_not_continue_is_not_appended(tmp_path: Path) -> None:
    with AuditFile(tmp_path / AUDIT_FILE) as file:
        file.bring_up(LINES[:1])
        with pytest.raises(AuditError, match="line 3 of the audit trail cannot be trusted: entry 2 is missing"):
            file.append([LINES[1], LINES[3]])
        file.append(LINES[1:])
    assert (tmp_path / AUDIT_FILE).read_bytes() == TEXT


@pytest.mark.parametrize("zeros", [0, 1, 300, 300_000])
def test_wherever_a_crash_stopped_the_copy_it_goes_on_from_there(tmp_path: Path, zeros: int) -> None:
    path = tmp_path / AUDIT_FILE
    for length in range(len(TEXT) + 1 if zeros < 1_000 else 5):
        path.write_bytes(TEXT[:length] + b"\0" * zeros)
        if length == len(TEXT) and zeros:
            with pytest.raises(AuditError, match=r"line 5 .* is not on the topic"):
                bring_up(path, LINES)
            continue
        assert bring_up(path, LINES) == len(LINES) - TEXT[:length].count(b"\n")
        assert path.read_bytes() == TEXT


def test_every_flip_of_a_bit_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / AUDIT_FILE
    for at in range(len(TEXT)):
        flipped = bytearray(TEXT)
        flipped[at] ^= 1 << at % 8
        path.write_bytes(flipped)
        with pytest.raises(AuditError, match=f"line {TEXT[:at].count(10) + 1} of .*is not the one the topic has there"):
            bring_up(path, LINES)
        assert path.read_bytes() == flipped


@pytest.mark.parametrize(
    "text",
    [
        TEXT + LINES[0] + b"\n",
        TEXT + b"x",
        TEXT[: len(LINES[0]) + 1] + b"x",
        TEXT[:100] + b"\0\0x",
        TEXT[:100] + b"\0" * 300_000 + b"x",
        b"\n" + TEXT,
        TEXT.replace(b"ann", b"eve"),
        b"".join(each + b"\r\n" for each in LINES),
    ],
    ids=range(8),
)
def test_a_copy_that_holds_anything_else_is_refused_and_kept(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / AUDIT_FILE
    path.write_bytes(text)
    with pytest.raises(AuditError, match="move the file away: a new one is copied from the topic"):
        bring_up(path, LINES)
    assert path.read_bytes() == text


def test_a_copy_that_is_ahead_of_the_topic_is_refused(tmp_path: Path) -> None:
    path = tmp_path / AUDIT_FILE
    bring_up(path, LINES)
    with pytest.raises(AuditError, match=r"line 3 of .* is not on the topic, which ends before it"):
        bring_up(path, LINES[:2])


@pytest.mark.parametrize("kept", range(len(LINES)))
def test_what_a_power_cut_took_from_the_log_is_set_aside_and_not_thrown_away(tmp_path: Path, kept: int) -> None:
    path = tmp_path / AUDIT_FILE
    bring_up(path, LINES)
    with AuditFile(path) as file:
        assert file.bring_up(LINES[:kept], may_be_ahead=True) == 0
        file.append(LINES[kept:])
    assert path.read_bytes() == TEXT
    assert (tmp_path / LOST_FILE).read_bytes() == b"".join(each + b"\n" for each in LINES[kept:])


def test_a_copy_that_was_altered_is_refused_also_where_the_log_may_have_lost_its_end(tmp_path: Path) -> None:
    path = tmp_path / AUDIT_FILE
    path.write_bytes(TEXT.replace(b"tree", b"twig", 1))
    with AuditFile(path) as file, pytest.raises(AuditError, match="is not the one the topic has there"):
        file.bring_up(LINES, may_be_ahead=True)


def test_a_topic_that_is_no_whole_trail_is_not_copied(tmp_path: Path) -> None:
    path = tmp_path / AUDIT_FILE
    with pytest.raises(AuditError, match="line 1 of the audit trail cannot be trusted: entry 0 is missing"):
        bring_up(path, LINES[1:])
    assert path.read_bytes() == b""


def test_nothing_is_appended_before_the_copy_was_brought_up_or_after_a_write_failed(tmp_path: Path) -> None:
    file = AuditFile(tmp_path / AUDIT_FILE)
    with pytest.raises(ValueError, match="call bring_up first"):
        file.append(LINES)
    file.bring_up([])
    file.close()
    with pytest.raises(SourceError, match="cannot be written"):
        file.append(LINES)
    with pytest.raises(ValueError, match="call bring_up first"):
        file.append(LINES)


def test_a_link_a_directory_and_a_missing_place_are_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("link", ".", "none/audit.jsonl"):
        with pytest.raises(SourceError, match="cannot be written"):
            AuditFile(tmp_path / name)
    assert not (tmp_path / "elsewhere").exists()
