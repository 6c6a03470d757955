"""Checkpoints on a real disk: what comes back, what is kept, what is refused and in which words."""

from __future__ import annotations

import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from engine import Engine, LabelRules, Limits, Plan, parse_policy
from engine.errors import ConfigError, SnapshotError
from engine.snapshot import encode
from engine.targets import Task
from streams.checkpoint import Content
from streams.checkpoint_reader import CheckpointReader
from streams.checkpoint_seal import KEY_FILE_VARIABLE, KEY_VARIABLE, SealKey, key_from
from streams.checkpoint_versions import MIGRATIONS, Migration, Parts, current_versions
from streams.checkpoint_writer import CheckpointWriter
from streams.disk import RealDisk
from streams.ports import SourceError
from streams.simulated_disk import SimulatedDisk
from tests.checkpoints import DIRECTORY, IDENTITY, ROOT, VERSIONS, content, reader, writer
from tests.golden import checkpoint_format_1 as golden
from tests.worlds import told, world

KEY = SealKey(b"a key of the tests, long enough")
OTHER_KEY = SealKey(b"another key of the same length.")
PLANS = {
    "binary": Plan(
        champion="river.naive_bayes.GaussianNB()",
        challengers={
            "ht": "river.tree.HoeffdingTreeClassifier(grace_period=20)",
            "blend": "blend(majority(), no_change())",
        },
        labels=LabelRules(parse_policy("wait(2d)"), delayed=True, relearn=True),
        limits=Limits(window_count=50),
    ),
    "regression": Plan(
        task=Task.REGRESSION,
        classes=(),
        positive=None,
        champion="mean()",
        challengers={"lr": "river.preprocessing.StandardScaler() | river.linear_model.LinearRegression()"},
        labels=LabelRules(parse_policy("wait(2d)"), delayed=True),
        detectors=("river.drift.PageHinkley()",),
    ),
}


def three(disk: SimulatedDisk) -> SimulatedDisk:
    """Put checkpoints at 10, 20 and 30 on a disk."""
    writer(disk).make_ready()
    parent = None
    for position in (10, 20, 30):
        parent = writer(disk).save(content(position), parent)
    return disk


def positions(disk: SimulatedDisk) -> list[int]:
    """Return the positions of the checkpoints that stand, the newest first."""
    return [each.manifest.position for each in reader(disk).survey() if each.manifest]


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS.keys())
def test_an_engine_restored_from_disk_goes_on_bit_for_bit(plan: Plan, tmp_path: Path) -> None:
    messages = world(5, 400, plan.task)
    engine = Engine(plan)
    engine.answer(messages[:300])  # the challengers' steps wait on the tape, and are kept with it
    store = CheckpointReader(directory=tmp_path / "checkpoints", identity=IDENTITY)
    CheckpointWriter(store).make_ready()
    state, caller = engine.snapshot(), {"input": ["a.csv", 12_345], "sha256": b"\0\xff"}
    CheckpointWriter(store).save(Content(engine.position, state, caller), None)

    found = store.newest_verified()
    assert found is not None
    assert (found.differences, found.migrated, found.skipped) == ((), (), ())
    assert (found.content.position, found.content.caller) == (300, caller)
    assert encode(found.content.engine) == encode(state)
    again = Engine(plan)
    again.restore(found.content.engine)
    assert told([again.process(messages[300:])]) == told([engine.process(messages[300:])])
    assert again.state_digest() == engine.state_digest()


def test_a_directory_without_checkpoints_has_none_and_other_names_in_it_are_left_alone(tmp_path: Path) -> None:
    assert reader(RealDisk(), tmp_path / "missing").newest_verified() is None
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "checkpoint-old").mkdir()
    (tmp_path / f"partial-{'checkpoint-' + '0' * 20}-{'0' * 9}1").mkdir()
    assert reader(RealDisk(), tmp_path).newest_verified() is None
    assert len(writer(RealDisk(), tmp_path).make_ready()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-old", "notes.txt"]


def test_nobody_but_the_owner_may_read_a_checkpoint(tmp_path: Path) -> None:
    stamp = writer(RealDisk(), tmp_path).save(content(10), None)
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / stamp.name).iterdir()}
    assert modes == {0o600}
    assert (tmp_path / stamp.name).stat().st_mode & 0o777 == 0o700


def test_the_newest_three_are_kept_and_each_names_its_parent() -> None:
    disk = three(SimulatedDisk(ROOT))
    newest = reader(disk).newest_verified()
    assert newest is not None
    stamp = writer(disk).save(content(40), newest.stamp)
    assert positions(disk) == [40, 30, 20]
    manifest = reader(disk).survey()[0].manifest
    assert manifest is not None
    assert (manifest.parent, manifest.sequence) == (newest.stamp.manifest_sha256, 4)
    assert [part.holds for part in manifest.parts if part.name.startswith("contender")] == ["champion", "no_change"]
    again = reader(disk).newest_verified()
    assert again is not None
    assert again.stamp == stamp


def test_two_checkpoints_of_one_position_both_stand_and_the_later_is_the_newer() -> None:
    """A command such as a promotion changes the state and no position."""
    disk = SimulatedDisk(ROOT)
    writer(disk).make_ready()
    first = writer(disk).save(content(10), None)
    changed = content(10)._replace(caller={"promoted": "arf"})
    writer(disk).save(changed, first)
    found = reader(disk).newest_verified()
    assert found is not None
    assert found.content == changed
    assert positions(disk) == [10, 10]


def test_a_past_position_is_restored_from_the_newest_checkpoint_before_it() -> None:
    disk = three(SimulatedDisk(ROOT))
    found = [reader(disk).newest_verified(position_max=most) for most in (9, 10, 29, 30)]
    assert [each and each.content.position for each in found] == [None, 10, 20, 30]


def test_a_damaged_newest_is_refused_with_the_way_on_and_passed_over_when_asked() -> None:
    disk = three(SimulatedDisk(ROOT))
    newest, before, _ = [each.name for each in reader(disk).survey()]
    damaged = disk.tampered(DIRECTORY / newest / "contender-1.part", lambda data: data[:-1])
    with pytest.raises(SnapshotError) as caught:
        reader(damaged).newest_verified()
    said = str(caught.value)
    assert f"{newest}: part 'contender-1.part' (no_change) has" in said
    assert f"run again with --fallback to go on from the one before it ({before})" in said
    found = reader(damaged).newest_verified(fallback=True)
    assert found is not None
    assert found.content == content(20)
    assert [name for name, _ in found.skipped] == [newest]

    writer(damaged).save(content(25), found.stamp)
    assert positions(damaged) == [25, 20, 10]
    assert all(each.refusal is None for each in reader(damaged).survey())


def test_where_all_are_damaged_fallback_starts_nothing_from_nothing() -> None:
    disk = three(SimulatedDisk(ROOT))
    for each in reader(disk).survey():
        disk = disk.tampered(DIRECTORY / each.name / "manifest.seal", lambda data: data[:-2] + b"x\n")
    with pytest.raises(SnapshotError, match=r"none of 3 checkpoints .* can be used"):
        reader(disk).newest_verified(fallback=True)


def test_a_state_that_did_not_come_from_the_checkpoints_there_is_not_written_over_them() -> None:
    disk = three(SimulatedDisk(ROOT))
    with pytest.raises(SnapshotError, match="which this run did not continue from; continue from it, or name"):
        writer(disk).save(content(40), None)
    assert positions(disk) == [30, 20, 10]


def test_what_is_not_plain_data_is_refused_and_leaves_nothing_behind() -> None:
    disk = three(SimulatedDisk(ROOT))
    newest = reader(disk).newest_verified()
    assert newest is not None
    with pytest.raises(SnapshotError, match="is not plain data"):
        writer(disk).save(content(40)._replace(caller={"handle": object()}), newest.stamp)
    assert len(disk.entries(DIRECTORY)) == 3


def test_a_disk_that_refuses_is_the_outside_worlds_fault(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be written"):
        writer(RealDisk(), tmp_path / "missing" / "checkpoints").make_ready()
    (tmp_path / "file").write_text("")
    with pytest.raises(SourceError, match="cannot be read"):
        reader(RealDisk(), tmp_path / "file").newest_verified()


def test_a_writer_keeps_at_least_one_and_knows_what_it_writes_for() -> None:
    with pytest.raises(ConfigError, match="keep_count must be a whole number of at least 1, got 0"):
        CheckpointWriter(reader(SimulatedDisk(ROOT)), keep_count=0)
    with pytest.raises(ConfigError, match="give the digests of plan and schema"):
        writer(SimulatedDisk(ROOT), identity=None)


def test_another_identity_is_refused_by_name_even_with_fallback_and_not_asked_of_those_who_only_look() -> None:
    disk = three(SimulatedDisk(ROOT))
    other = reader(disk, identity={**IDENTITY, "schema": "ef56"})
    with pytest.raises(SnapshotError, match="made by something else: schema was 'cd34', is 'ef56'"):
        other.newest_verified(fallback=True)
    assert reader(disk, identity=None).newest_verified() is not None


@pytest.mark.parametrize(
    ("written_with", "remedy"),
    [
        ({"river": "0.25.0"}, "was written with River 0.25.0, this is 0.26.1; install river==0.25.0"),
        ({"python": "3.13.0"}, "was written with Python 3.13, this is 3.12; run it with Python 3.13"),
        ({"format": 2, "sidestream": "0.9"}, "is of checkpoint format 2, this sidestream reads 1; use sidestream 0.9"),
    ],
)
def test_a_version_that_binds_is_refused_with_the_remedy(written_with: dict[str, object], remedy: str) -> None:
    disk = SimulatedDisk(ROOT)
    writer(disk).make_ready()
    writer(disk, versions=replace(VERSIONS, **written_with)).save(content(10), None)  # type: ignore[arg-type]
    with pytest.raises(SnapshotError) as caught:
        reader(disk).newest_verified(fallback=True)
    assert remedy in str(caught.value)


def test_a_version_that_does_not_bind_is_told() -> None:
    disk = three(SimulatedDisk(ROOT))
    now = replace(VERSIONS, sidestream="0.2.0", numpy="2.2.0", python="3.12.9", cpu="another")
    found = reader(disk, versions=now).newest_verified()
    assert found is not None
    assert found.differences == (
        "sidestream was '0.1.0', is '0.2.0'",
        "numpy was '2.1.0', is '2.2.0'",
        "python was '3.12.1', is '3.12.9'",
        "cpu was \"a test's\", is 'another'",
    )


def test_another_format_is_migrated_by_named_steps_in_turn() -> None:
    """Two fake formats, and a fake River between them and now."""
    disk = three(SimulatedDisk(ROOT))

    def renamed(parts: Parts) -> Parts:
        return {**parts, "caller": {"inputs": parts["caller"]["input_offset"]}}

    def doubled(parts: Parts) -> Parts:
        return {**parts, "caller": {"inputs": 2 * parts["caller"]["inputs"]}}

    steps = [
        Migration("doubles-inputs", "format", "2", "3", doubled),
        Migration("river-0.27", "river", "0.26.1", "0.27.0", lambda parts: parts),
        Migration("renames-inputs", "format", "1", "2", renamed),
    ]
    now = replace(VERSIONS, format=3, river="0.27.0")
    found = reader(disk, versions=now, migrations=steps).newest_verified()
    assert found is not None
    assert found.migrated == ("renames-inputs", "doubles-inputs", "river-0.27")
    assert found.content.caller == {"inputs": 6_000}
    with pytest.raises(SnapshotError, match="is of checkpoint format 2, this sidestream reads 3"):
        reader(disk, versions=now, migrations=steps[1:]).newest_verified()
    going_round = [*steps[1:], Migration("back", "format", "2", "1", renamed)]
    with pytest.raises(SnapshotError, match="format"):
        reader(disk, versions=now, migrations=going_round).newest_verified()


def test_this_process_knows_its_versions() -> None:
    versions = current_versions()
    assert versions.river.startswith("0.26.")
    assert versions.python.startswith("3.")
    assert versions.cpu


def test_a_signed_checkpoint_is_read_with_its_key_and_with_nothing_else() -> None:
    disk = SimulatedDisk(ROOT)
    writer(disk, key=KEY).make_ready()
    writer(disk, key=KEY).save(content(10), None)
    found = reader(disk, key=KEY).newest_verified()
    assert found is not None
    assert found.content == content(10)
    with pytest.raises(SnapshotError, match="it was changed, or signed with another key"):
        reader(disk, key=OTHER_KEY).newest_verified()
    with pytest.raises(SnapshotError, match=f"is signed and no key is set; set {KEY_VARIABLE}"):
        reader(disk).newest_verified(fallback=True)


def test_an_unsigned_checkpoint_is_refused_where_a_key_is_set_until_it_is_written_again_with_it() -> None:
    disk = three(SimulatedDisk(ROOT))
    with pytest.raises(SnapshotError, match="is not signed, and a key is set"):
        reader(disk, key=KEY).newest_verified(fallback=True)
    unsigned = reader(disk).newest_verified()
    assert unsigned is not None
    writer(disk, key=KEY).save(unsigned.content, unsigned.stamp)
    signed = reader(disk, key=KEY).newest_verified()
    assert signed is not None
    assert signed.content == unsigned.content


def test_a_manifest_sealed_again_without_the_key_is_refused() -> None:
    """Whoever can write the directory can make a checksum, and no signature."""
    signed, unsigned = SimulatedDisk(ROOT), three(SimulatedDisk(ROOT))
    writer(signed, key=KEY).make_ready()
    stamp = writer(signed, key=KEY).save(content(10), None)
    forged = unsigned.read(DIRECTORY / unsigned.entries(DIRECTORY)[0].name / "manifest.json", 1 << 20)
    assert f'"position": {10}'.encode() in forged
    with pytest.raises(SnapshotError, match="does not match its seal"):
        reader(
            signed.tampered(DIRECTORY / stamp.name / "manifest.json", lambda _: forged + b" "), key=KEY
        ).newest_verified()


def test_the_key_comes_from_the_environment_or_a_file_and_is_never_shown(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(KEY.secret + b"\n")
    assert key_from({}) is None
    assert key_from({KEY_VARIABLE: KEY.secret.decode()}) == KEY
    assert key_from({KEY_FILE_VARIABLE: str(path)}) == KEY
    assert "key of the tests" not in repr(reader(SimulatedDisk(ROOT), key=KEY))
    for environ, sentence in (
        ({KEY_VARIABLE: "short"}, "at least 16 bytes, got 5"),
        ({KEY_VARIABLE: ""}, "at least 16 bytes, got 0"),
        ({KEY_VARIABLE: "a", KEY_FILE_VARIABLE: "b"}, "are both set; set one"),
        ({KEY_FILE_VARIABLE: str(tmp_path / "none")}, "cannot be read"),
    ):
        with pytest.raises(ConfigError, match=sentence) as caught:
            key_from(environ)
        assert "short" not in str(caught.value)


def test_the_golden_checkpoint_of_format_1_still_loads_and_means_the_same(tmp_path: Path) -> None:
    """Read as the Python and River that wrote it: both bind, though nothing in it is River's."""
    with tarfile.open(golden.ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    now = replace(current_versions(), river=golden.WRITTEN_WITH.river, python=golden.WRITTEN_WITH.python)
    found = CheckpointReader(directory=tmp_path, identity=golden.IDENTITY, versions=now).newest_verified()
    assert found is not None
    engine = Engine(golden.PLAN)
    engine.restore(found.content.engine)
    assert engine.position == found.content.position
    caller = found.content.caller
    assert golden.answers(engine, caller["requests"], caller["time_ms"]) == caller["answers"]
    assert len(caller["answers"]) == 3 * len(caller["requests"])


def test_there_is_no_migration_yet() -> None:
    """Format 1 is the first; the next one brings its step, and keeps the golden checkpoint of this one."""
    assert MIGRATIONS == ()
    assert current_versions().format == 1
