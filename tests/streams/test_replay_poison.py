"""Bad records through the whole command: each costs itself and shows its own bytes once; every good one is answered."""

from __future__ import annotations

import base64
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from streams.ports import RAW_BYTES_MAX
from tests.replays import Replayed, replayed, run

LARGE = 2**20 + 1
DEEP = 100_000

CSV_GOOD = b"%d,red,1\n"
CSV_BAD = {
    "too few fields": b"1,red\n",
    "too many fields": b"1,red,1,9\n",
    "a word for a number": b"many,red,1\n",
    "NaN": b"nan,red,1\n",
    "infinity": b"inf,red,1\n",
    "minus infinity": b"-Infinity,red,0\n",
    "1e999": b"1e999,red,1\n",
    "an underscore in a number": b"1_000,red,1\n",
    "digits of another script": "٣,red,1\n".encode(),
    "bad UTF-8": b"1,\xff\xfe,1\n",
    "NUL": b"1,\0,1\n",
    "a blank line": b"\n",
    "an open quote": b'1,"red,1\n',
    "oversize": b"1," + b"x" * LARGE + b",1\n",
    "a long word": b"1," + b"x" * 200_000 + b",1\n",
}
JSON_GOOD = b'{"n":%d,"c":"red","y":1}\n'
JSON_BAD = {
    "truncated": b'{"n":1,"c":"red","y":\n',
    "no object": b"[1]\n",
    "a word for a number": b'{"n":"many","c":"red","y":1}\n',
    "a list for a number": b'{"n":[1],"c":"red","y":1}\n',
    "an object for a word": b'{"n":1,"c":{"d":1},"y":1}\n',
    "a list for a word": b'{"n":1,"c":["red"],"y":1}\n',
    "NaN": b'{"n":NaN,"c":"red","y":1}\n',
    "infinity": b'{"n":-Infinity,"c":"red","y":1}\n',
    "1e999": b'{"n":1e999,"c":"red","y":1}\n',
    "5,000 digits": b'{"n":' + b"9" * 5_000 + b',"c":"red","y":1}\n',
    "a number that is text and infinite": b'{"n":"1e999","c":"red","y":1}\n',
    "a missing column": b'{"c":"red","y":1}\n',
    "a key twice": b'{"n":1,"n":2,"c":"red","y":1}\n',
    "bad UTF-8": b'{"n":1,"c":"\xff","y":1}\n',
    "a lone surrogate": b'{"n":1,"c":"\\ud800","y":1}\n',
    "a blank line": b"\n",
    "100,000 deep": b'{"n":' + b"[" * DEEP + b"]" * DEEP + b',"c":"red","y":1}\n',
    "100,000 deep, never closed": b'{"n":' * DEEP + b"\n",
    "oversize": b'{"n":1,"c":"' + b"x" * LARGE + b'","y":1}\n',
}
FORMATS = {"poison.csv": (b"n,c,y\n", CSV_GOOD, CSV_BAD), "poison.jsonl": (b"", JSON_GOOD, JSON_BAD)}
CONTENDERS = ("--champion", "river.tree.HoeffdingTreeClassifier()", "--challenger", "river.naive_bayes.GaussianNB()")


def poisoned(path: Path) -> tuple[list[bytes], list[int]]:
    """Write good records, as many as are looked at first, then each bad one; return all, and which are good."""
    head, good, bad = FORMATS[path.name]
    lines = [good % i if i % 3 else (good % i).replace(b",1\n", b",0\n").replace(b":1}", b":0}") for i in range(1_000)]
    fine = list(range(1_000))
    for poison in bad.values():
        lines += [poison, good % len(lines)]
        fine.append(len(lines) - 1)
    path.write_bytes(head + b"".join(lines))
    return lines, fine


def check_letter(letter: dict[str, Any], raw: bytes) -> None:
    """A dead letter shows the bytes it is about, or as many as are kept, and always their length and digest."""
    kept = base64.b64decode(letter["base64"]) if "base64" in letter else letter["text"].encode()
    assert kept == raw[:RAW_BYTES_MAX]
    assert letter["truncated"] is (len(raw) > RAW_BYTES_MAX)
    assert (letter["length"], letter["sha256"]) == (len(raw), sha256(raw).hexdigest())
    assert 0 < len(letter["detail"]) < 500


def check_sums(ran: Replayed) -> None:
    summary = ran.summary
    assert summary["events"] == sum(summary["requests"].values()) + summary["duplicates"]
    assert summary["labels_read"] == sum(summary["labels"].values())
    assert summary["dead_letters"] == len(ran.dead_letters)
    assert summary["predictions"] == len(ran.predictions)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("size", ["1", "500"])
def test_each_bad_record_is_one_dead_letter_and_each_good_one_is_answered(name: str, size: str, tmp_path: Path) -> None:
    lines, fine = poisoned(tmp_path / name)
    flags = ("--target", "y", "--slice", size, *CONTENDERS)
    ran = replayed(str(tmp_path / name), *flags, out=tmp_path / "out")
    assert [line["index"] for line in ran.predictions] == fine
    assert [len(answers) for answers in ran.shadow.values()] == [len(fine)] * 2
    bad = [i for i in range(len(lines)) if i not in set(fine)]
    assert [(letter["kind"], letter["row"], letter["index"]) for letter in ran.dead_letters] == [
        ("request", i + 1, i) for i in bad
    ]
    for letter, i in zip(ran.dead_letters, bad, strict=True):
        check_letter(letter, lines[i])
    check_sums(ran)
    assert ran.summary["requests"]["labelled"] == len(fine)
    assert ran.summary["requests"]["dead"] == len(bad) == len(FORMATS[name][2])
    assert not [model for model in ran.summary["models"].values() if model["benched"]]


def test_a_bad_label_is_a_dead_letter_of_its_own_and_its_request_is_answered_and_waits(tmp_path: Path) -> None:
    lines = [b"%d,red,%d\n" % (i, i % 2) for i in range(400)]
    bad = {10: b"10,red,nan\n", 20: b"20,red,maybe\n", 30: b"30,red,2\n"}
    for i, poison in bad.items():
        lines[i] = poison
    lines[5] = b"5,red,\n"
    (tmp_path / "a.csv").write_bytes(b"n,c,y\n" + b"".join(lines))
    flags = ("--target", "y", "--task", "binary", "--positive", "1")
    ran = replayed(str(tmp_path / "a.csv"), *flags, out=tmp_path / "out")
    assert len(ran.predictions) == 400
    assert [(letter["kind"], letter["row"]) for letter in ran.dead_letters] == [("label", i + 1) for i in bad]
    for letter, poison in zip(ran.dead_letters, bad.values(), strict=True):
        check_letter(letter, poison)
    check_sums(ran)
    assert (ran.summary["requests"]["pending"], ran.summary["requests"]["labelled"]) == (4, 396)


def test_what_cannot_be_read_in_a_file_of_labels_is_a_dead_letter_of_that_file(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"id,n\n" + b"".join(b"e%d,%d\n" % (i, i) for i in range(10)))
    good = [b"e%d,%d\n" % (i, i % 2) for i in range(8)]
    bad = [b"e8\n", b",1\n", b"e9,\xff\n"]
    (tmp_path / "l.csv").write_bytes(b"id,y\n" + b"".join([*good, *bad, b"nobody,1\n"]))
    flags = ("--target", "y", "--id", "id", "--labels", str(tmp_path / "l.csv"))
    ran = replayed(str(tmp_path / "a.csv"), *flags, out=tmp_path / "out")
    assert [(letter["kind"], letter["source"], letter["row"]) for letter in ran.dead_letters] == [
        ("label", str(tmp_path / "l.csv"), row) for row in (9, 10, 11)
    ]
    for letter, poison in zip(ran.dead_letters, bad, strict=True):
        check_letter(letter, poison)
    check_sums(ran)
    assert ran.summary["requests"]["pending"] == 2
    assert ran.summary["labels"]["held"] == 1


def test_a_list_among_the_numbers_that_are_looked_at_first_costs_itself_and_not_its_column(tmp_path: Path) -> None:
    lines = [JSON_GOOD % i for i in range(100)]
    lines[50] = JSON_BAD["a list for a number"]
    (tmp_path / "a.jsonl").write_bytes(b"".join(lines))
    ran = replayed(str(tmp_path / "a.jsonl"), "--target", "y", "--positive", "1", out=tmp_path / "out")
    (letter,) = ran.dead_letters
    check_letter(letter, lines[50])
    assert len(ran.predictions) == 99
    check_sums(ran)


def test_dead_letters_are_counted_without_an_output_directory_and_the_table_says_how_to_keep_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    poisoned(tmp_path / "poison.csv")
    run("replay", str(tmp_path / "poison.csv"), "--target", "y")
    assert f"dead letters: {len(CSV_BAD)}; add --out DIR to keep them" in capsys.readouterr().out.splitlines()
    run("replay", str(tmp_path / "poison.csv"), "--target", "y", "--json")
    assert json.loads(capsys.readouterr().out)["dead_letters"] == len(CSV_BAD)
