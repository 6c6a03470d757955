"""Checkpoints that were damaged, mixed up or forged: every one is refused, none is restored silently."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
from collections.abc import Callable, Iterator
from dataclasses import replace
from errno import EACCES, EIO
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Engine, LabelRules, Plan, parse_policy
from engine.errors import SnapshotError
from engine.snapshot import encode
from streams.checkpoint import Content
from streams.checkpoint_manifest import MANIFEST_BYTES_MAX, Manifest, Part, parse_manifest
from streams.checkpoint_seal import SealKey, make_seal
from streams.disk import RealDisk
from streams.ports import SourceError
from streams.simulated_disk import SimulatedDisk, flip_bit
from tests.checkpoints import DIRECTORY, IDENTITY, ROOT, VERSIONS, content, reader, writer
from tests.worlds import world

KEY = SealKey(b"a key of the tests, long enough")
NAMES = st.from_regex(r"[a-z]{1,20}(-[0-9]{1,5})?", fullmatch=True)
HASHES = st.binary(min_size=32, max_size=32).map(bytes.hex)


@pytest.fixture(scope="module")
def disk() -> SimulatedDisk:
    """Two checkpoints of a real engine, at positions 100 and 200; never changed, only copied."""
    plan = Plan(
        champion="river.naive_bayes.GaussianNB()",
        challengers={"ht": "river.tree.HoeffdingTreeClassifier(grace_period=20)"},
        labels=LabelRules(parse_policy("wait(2d)"), delayed=True),
    )
    made = SimulatedDisk(ROOT)
    writer(made).make_ready()
    engine, parent, messages = Engine(plan), None, world(7, 200)
    for position in (100, 200):
        engine.process(messages[engine.position : position])
        parent = writer(made).save(Content(position, engine.snapshot(), {"input_offset": position}), parent)
    return made


def files(disk: SimulatedDisk) -> list[tuple[Path, int]]:
    """Return the files of the newest checkpoint and their lengths."""
    newest = disk.entries(DIRECTORY)[-1].name
    return [(DIRECTORY / newest / entry.name, entry.length) for entry in disk.entries(DIRECTORY / newest)]


def is_refused(disk: SimulatedDisk) -> bool:
    """Say whether the newest is refused, and the one before it still taken when asked."""
    with pytest.raises(SnapshotError, match=r"^checkpoint-0+200-0+2: .*--fallback"):
        reader(disk).newest_verified()
    found = reader(disk).newest_verified(fallback=True)
    return found is not None and found.content.position == 100


def test_every_one_of_a_thousand_bit_flips_is_refused(disk: SimulatedDisk) -> None:
    """Every byte of the manifest and its seal, and as many places in each part."""
    random, refused = Random(0), 0
    for path, length in files(disk):
        exhaustive = path.name.startswith("manifest")
        places = range(length) if exhaustive else random.sample(range(length), min(length, 100))
        for place in places:
            bit = 8 * place + random.randrange(8)
            damaged = disk.tampered(path, lambda data, bit=bit: flip_bit(data, bit))  # type: ignore[misc]
            assert is_refused(damaged), f"{path.name}, bit {bit}"
            refused += 1
    assert refused > 1_000


def test_every_truncation_and_every_byte_too_many_is_refused(disk: SimulatedDisk) -> None:
    random = Random(1)
    for path, length in files(disk):
        for end in {0, 1, length // 2, length - 1, *(random.randrange(length) for _ in range(10))}:
            assert is_refused(disk.tampered(path, lambda data, end=end: data[:end])), f"{path.name} up to {end}"  # type: ignore[misc]
        assert is_refused(disk.tampered(path, lambda data: data + b"\0")), path.name
        assert is_refused(disk.tampered(path, lambda data: bytes(len(data)))), path.name


def test_parts_swapped_within_a_checkpoint_or_with_an_older_one_are_refused(disk: SimulatedDisk) -> None:
    newest, swapped = [path for path, _ in files(disk)], 0
    older = [DIRECTORY / disk.entries(DIRECTORY)[0].name / path.name for path in newest]
    for path in newest:
        mine = disk.read(path, 1 << 30)
        for other in [*newest, *older]:
            theirs = disk.read(other, 1 << 30)
            if theirs != mine:
                assert is_refused(disk.tampered(path, lambda _, theirs=theirs: theirs)), f"{other} as {path}"  # type: ignore[misc]
                swapped += 1
    assert swapped > 150


def test_a_missing_file_and_one_too_many_are_refused(disk: SimulatedDisk) -> None:
    for path, _ in files(disk):
        damaged = disk.tampered(path, lambda data: data)
        damaged.remove(path)
        assert is_refused(damaged)
    for name in ("extra.part", "contender-9.part", "manifest.json~"):
        damaged = disk.tampered(files(disk)[0][0], lambda data: data)
        damaged.create(files(damaged)[0][0].with_name(name))
        assert is_refused(damaged)
    damaged.make_directory(files(damaged)[0][0].with_name("below"))
    assert is_refused(damaged)


def test_an_older_checkpoint_under_a_newer_name_is_refused(disk: SimulatedDisk) -> None:
    older, newer = (entry.name for entry in disk.entries(DIRECTORY))
    damaged = disk.tampered(files(disk)[0][0], lambda data: data)
    damaged.rename(DIRECTORY / newer, "aside")
    damaged.rename(DIRECTORY / older, newer)
    with pytest.raises(SnapshotError, match="it was moved or renamed"):
        reader(damaged).newest_verified()
    with pytest.raises(SnapshotError, match="none of 1 checkpoints"):
        reader(damaged).newest_verified(fallback=True)


@pytest.mark.parametrize("name", ["rows.part", "manifest.json", "manifest.seal"])
@pytest.mark.parametrize("strange", ["link to the same bytes", "dangling link", "pipe", "directory"])
def test_what_is_no_regular_file_is_never_read(name: str, strange: str, tmp_path: Path) -> None:
    first = writer(RealDisk(), tmp_path).save(content(10), None)
    path = tmp_path / writer(RealDisk(), tmp_path).save(content(20), first).name / name
    aside = tmp_path / "aside"
    path.rename(aside)
    made: dict[str, Callable[[], object]] = {
        "link to the same bytes": lambda: path.symlink_to(aside),
        "dangling link": lambda: path.symlink_to(tmp_path / "nowhere"),
        "pipe": lambda: os.mkfifo(path),
        "directory": path.mkdir,
    }
    made[strange]()
    with pytest.raises(SnapshotError, match=f"'{name}' is no regular file"):
        reader(RealDisk(), tmp_path).newest_verified()
    found = reader(RealDisk(), tmp_path).newest_verified(fallback=True)
    assert found is not None
    assert found.content == content(10)
    with pytest.raises(OSError, match=r"symbolic links|not a regular file"):
        RealDisk().read(path, 100)
    writer(RealDisk(), tmp_path).save(content(30), found.stamp)
    assert aside.exists(), "a link is removed, never what it leads to"


def test_a_file_or_a_link_in_place_of_a_checkpoint_is_refused(tmp_path: Path) -> None:
    stamp = writer(RealDisk(), tmp_path).save(content(10), None)
    (tmp_path / stamp.name).rename(tmp_path / "aside")
    (tmp_path / stamp.name).symlink_to(tmp_path / "aside")
    with pytest.raises(SnapshotError, match="it is no directory"):
        reader(RealDisk(), tmp_path).newest_verified()


class Unreadable(RealDisk):
    """A disk on which one file cannot be read."""

    def __init__(self, path: Path, number: int) -> None:
        self.path = path
        self.number = number

    def read(self, path: Path, length: int, *, begin: int = 0) -> bytes:
        if path == self.path:
            raise OSError(self.number, os.strerror(self.number), str(path))
        return super().read(path, length, begin=begin)


def test_a_bad_sector_is_damage_and_a_missing_right_is_not(tmp_path: Path) -> None:
    first = writer(RealDisk(), tmp_path).save(content(10), None)
    path = tmp_path / writer(RealDisk(), tmp_path).save(content(20), first).name / "rows.part"
    broken, forbidden = Unreadable(path, EIO), Unreadable(path, EACCES)
    with pytest.raises(SnapshotError, match=r"rows.part cannot be read .*--fallback"):
        reader(broken, tmp_path).newest_verified()
    found = reader(broken, tmp_path).newest_verified(fallback=True)
    assert found is not None
    assert found.content == content(10)
    with pytest.raises(SourceError, match=r"cannot be read \(Permission denied\)"):
        reader(forbidden, tmp_path).newest_verified(fallback=True)


class Payload:
    """What runs when somebody unpickles it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


def test_a_pickle_with_a_payload_is_refused_even_with_matching_hashes(tmp_path: Path) -> None:
    """The forger has no key and needs none here: the seal is a checksum, and the decoder is the last line."""
    store = tmp_path / "checkpoints"
    writer(RealDisk(), store).make_ready()
    path = store / writer(RealDisk(), store).save(content(10), None).name
    data = pickle.dumps(Payload(tmp_path / "owned"))
    (path / "contender-0.part").write_bytes(data)
    with pytest.raises(SnapshotError, match=r"'contender-0.part' \(champion\) has"):
        reader(RealDisk(), store).newest_verified()
    manifest = parse_manifest((path / "manifest.json").read_bytes())
    forged = [
        replace(part, length=len(data), sha256=hashlib.sha256(data).hexdigest()) if part.name == "contender-0" else part
        for part in manifest.parts
    ]
    sealed = replace(manifest, parts=tuple(forged)).to_bytes()
    (path / "manifest.json").write_bytes(sealed)
    (path / "manifest.seal").write_bytes(make_seal(sealed, None))
    with pytest.raises(SnapshotError, match=r"part 'contender-0.part': a snapshot begins with"):
        reader(RealDisk(), store).newest_verified()
    with pytest.raises(SnapshotError, match="is not signed"):
        reader(RealDisk(), store, key=KEY).newest_verified()
    assert not (tmp_path / "owned").exists()


def forgeries() -> Iterator[tuple[str, Any]]:
    """Yield manifests that nobody wrote, each with what its refusal says."""

    def changed(**fields: Any) -> dict[str, Any]:
        return {**json.loads(MANIFEST.to_bytes()), **fields}

    part = json.loads(MANIFEST.to_bytes())["parts"][0]
    for name in ("../../etc/passwd", "..", "/etc/passwd", "rows/../rows", "rows\0", "", "Rows", "a" * 21, "rows\n"):
        yield "a part's name must be small letters", changed(parts=[{**part, "name": name}])
    yield "a part's name must be a text", changed(parts=[{**part, "name": 7}])
    yield "two parts have the same name", changed(parts=[part, part])
    for length in (-1, 1.0, True, None, "3", 10**20):
        yield "a part's length must be a whole number", changed(parts=[{**part, "length": length}])
    yield "a part's sha256 must be", changed(parts=[{**part, "sha256": part["sha256"].upper()}])
    yield "a part must be an object of", changed(parts=[{**part, "mode": 1}])
    yield "a part must be an object of", changed(parts=["rows"])
    for position in (-1, 1.5, True, "1", 10**20):
        yield "position must be a whole number", changed(position=position)
    yield "sequence must be a whole number", changed(sequence=10**10)
    yield "format must be a whole number", changed(versions={**changed()["versions"], "format": "1"})
    yield "river must be a text", changed(versions={**changed()["versions"], "river": ["0.26.1"]})
    yield "versions must be an object of", changed(versions=None)
    yield "parent must be a SHA-256", changed(parent="0")
    yield "must be of kind 'sidestream checkpoint'", changed(kind="sidestream journal")
    yield "identity must be an object and parts a list", changed(identity=[])
    yield "identity 'plan' must be a text", changed(identity={"plan": 1})
    yield "the manifest must be an object of", changed(extra=1)
    yield "the manifest must be an object of", [1]
    yield "the manifest must be an object of", 7


PARTS = (Part("rows", "rows", 3, "a" * 64),)
MANIFEST = Manifest(position=10, sequence=1, parent=None, versions=VERSIONS, identity=IDENTITY, parts=PARTS)


@pytest.mark.parametrize(("sentence", "body"), list(forgeries()))
def test_a_forged_manifest_is_refused_before_anything_it_names_is_touched(sentence: str, body: Any) -> None:
    data = json.dumps(body, indent=1).encode() + b"\n"
    with pytest.raises(SnapshotError, match=sentence):
        parse_manifest(data)
    forged = SimulatedDisk(ROOT)
    writer(forged).make_ready()
    path = DIRECTORY / writer(forged).save(content(10), None).name
    forged = forged.tampered(path / "manifest.json", lambda _: data)
    forged = forged.tampered(path / "manifest.seal", lambda _: make_seal(data, None))
    with pytest.raises(SnapshotError, match=sentence):
        reader(forged).newest_verified()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"position": ' + b"9" * 5_000 + b"}", "not JSON"),
        (b" " * (MANIFEST_BYTES_MAX + 1), "at most 1048576 bytes"),
        (MANIFEST.to_bytes() + b" ", "as sidestream writes it"),
        (
            MANIFEST.to_bytes().replace(b'"parent": null,', b'"parent": null, "parent": null,'),
            "as sidestream writes it",
        ),
    ],
    ids=["empty", "no text", "deep", "long number", "too large", "one blank more", "a name twice"],
)
def test_bytes_that_are_no_manifest_are_refused(data: bytes, sentence: str) -> None:
    with pytest.raises(SnapshotError, match=sentence):
        parse_manifest(data)


@given(
    position=st.integers(0, 10**20 - 1),
    sequence=st.integers(0, 10**10 - 1),
    parent=st.none() | HASHES,
    identity=st.dictionaries(st.text(max_size=20), st.text(max_size=70), max_size=4),
    parts=st.lists(
        st.builds(Part, NAMES, st.text(max_size=30), st.integers(0, 10**12), HASHES),
        max_size=5,
        unique_by=lambda part: part.name,
    ),
)
@settings(max_examples=100, deadline=None)
def test_a_manifest_comes_back_from_its_bytes_and_its_name_has_one_length(
    position: int, sequence: int, parent: str | None, identity: dict[str, str], parts: list[Part]
) -> None:
    manifest = Manifest(
        position=position,
        sequence=sequence,
        parent=parent,
        versions=VERSIONS,
        identity=identity,
        parts=tuple(parts),
    )
    assert parse_manifest(manifest.to_bytes()) == manifest
    assert len(manifest.name) == len("checkpoint-") + 20 + 1 + 10


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)


@given(field=st.sampled_from(sorted(json.loads(MANIFEST.to_bytes()))), value=JSON)
@settings(max_examples=300, deadline=None)
def test_any_value_in_any_field_is_a_manifest_or_a_refusal(field: str, value: Any) -> None:
    data = json.dumps({**json.loads(MANIFEST.to_bytes()), field: value}, indent=1).encode() + b"\n"
    try:
        manifest = parse_manifest(data)
    except SnapshotError:
        return
    assert manifest.to_bytes() == data


@pytest.mark.parametrize(
    "parts", [{}, {"engine": 1}, {"engine": [], "rows": [], "scorer": {}, "learner": {}, "caller": {}}]
)
def test_sealed_parts_that_are_no_state_are_refused(parts: dict[str, object]) -> None:
    disk = SimulatedDisk(ROOT)
    writer(disk).make_ready()
    encoded = {name: encode(value) for name, value in parts.items()}
    listed = [Part(name, "", len(data), hashlib.sha256(data).hexdigest()) for name, data in encoded.items()]
    manifest = replace(MANIFEST, parts=tuple(listed))
    sealed = manifest.to_bytes()
    path = DIRECTORY / manifest.name
    disk.make_directory(path)
    for name, data in {
        "manifest.json": sealed,
        "manifest.seal": make_seal(sealed, None),
        **{f"{name}.part": data for name, data in encoded.items()},
    }.items():
        disk.create(path / name).write(data)
    with pytest.raises(SnapshotError, match="parts engine,"):
        reader(disk).newest_verified()
