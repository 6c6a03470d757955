"""The command line from outside: what it prints where, what it leaves with, and what it says of what is wrong."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from streams.cli.app import main
from streams.embedded_log import EmbeddedLog
from streams.log_port import Commit
from tests.payments import payments, write_csv
from tests.replays import COMMAND, read_back, run

Said = tuple[int, str, str]
Command = Callable[..., Said]

REQUEST_ENDS = {"pending", "labelled", "expired", "negative_by_policy", "dead"}
LABEL_ENDS = {"held", "learned", "superseded", "duplicate", "late", "unmatched", "dead"}
TOP = {"events", "requests", "labels", "predictions", "duplicates", "dead_letters", "wall_s", "events_per_s"}
TOP |= {"state_digest", "models", "alarms", "champion", "served", "promotion_count", "promotions"}
OF_A_MODEL = {"role", "spec", "learned_count", "us_per_event", "metrics", "matured"}
OF_AN_ALARM = {"index", "event_time_ms", "watched", "detector", "signal", "episode"}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a directory that holds `payments.csv`, with no setting in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("SIDESTREAM_")]:
        monkeypatch.delenv(name)
    write_csv(tmp_path / "payments.csv", payments(200))


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Return the command: its exit code, standard output and standard error."""

    def call(*arguments: str) -> Said:
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main(list(arguments))
        said = capsys.readouterr()
        assert isinstance(left.value.code, int)
        return left.value.code, said.out, said.err

    return call


PAYMENTS = ("replay", "payments.csv", "--target", "fraud", "--id", "id", "--drop", "label_ts")


@pytest.mark.parametrize("arguments", ["--help", "replay --help", "check --help", "models --help"])
def test_help_imports_nothing_heavy(arguments: str) -> None:
    script = (
        "import sys\n"
        "from streams.cli.app import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "except SystemExit as left:\n    assert left.code == 0\n"
        "heavy = {'river', 'numpy', 'pydantic', 'rich', 'orjson', 'pyarrow'}\n"
        "print(sorted(heavy & sys.modules.keys()), file=sys.stderr)"
    )
    done = subprocess.run([COMMAND[0], "-c", script, *arguments.split()], capture_output=True, text=True, check=True)
    assert "Usage: " in done.stdout
    assert done.stderr == "[]\n"


def test_json_is_one_object_on_standard_output_and_nothing_else() -> None:
    arguments = [*PAYMENTS, "--json", "--detector", "river.drift.binary.DDM(warm_start=5)", "--out", "out"]
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=True)
    assert done.stdout.count("\n") == 1
    data = json.loads(done.stdout)
    assert data.keys() >= TOP
    assert data["requests"].keys() == REQUEST_ENDS
    assert data["labels"].keys() == LABEL_ENDS
    assert data["models"].keys() == {"majority", "naive_bayes", "hoeffding_tree", "no_change"}
    for model in data["models"].values():
        assert model.keys() >= OF_A_MODEL
        assert model["us_per_event"] > 0
    assert data["alarms"]
    assert all(alarm.keys() == OF_AN_ALARM for alarm in data["alarms"])
    assert (data["champion"], data["promotion_count"], data["promotions"]) == ("majority", 0, [])
    assert data["served"] == {view: data["models"]["majority"][view] for view in ("metrics", "matured")}
    assert done.stderr == ""
    kept = json.loads(Path("out/summary.json").read_bytes())
    assert kept["state_digest"] == data["state_digest"]
    assert "wall_s" not in kept


def test_a_champion_that_breaks_is_replaced_and_the_table_the_lines_and_the_checkpoint_say_so(command: Command) -> None:
    """With so large a step the weights leave the range of floats after a few labels."""
    wild = "wild=river.linear_model.LogisticRegression(river.optim.SGD(1e308))"
    contenders = ("--champion", wild, "--challenger", "nb=river.naive_bayes.GaussianNB()")
    code, shown, _ = command(*PAYMENTS, *contenders, "--out", "out", "--state", "state")
    assert code == 0
    ran = read_back(Path("out"))
    (change,) = ran.summary["promotions"]
    assert (change["from"], change["to"], change["rule"]) == ("wild", "nb", "ladder")
    assert change["reason"].startswith("wild was benched: LogisticRegression answered")
    first = change["index"]
    for line in ran.predictions:
        index = line.get("duplicate_of", line["index"])
        assert (line["model"], line.get("rung")) == (("wild", None) if index < first else ("nb", "challenger"))
    assert [line["index"] for line in ran.shadow["nb"]] == list(range(first))
    assert ran.summary["champion"] == "nb"
    assert [model["role"] for model in ran.summary["models"].values()] == ["challenger", "champion", "baseline"]
    for expected in (
        "as served",
        "champion: nb\n",
        f"at request {first:,} nb after wild: by the ladder, wild was benched",
    ):
        assert expected in shown
    code, shown, _ = command("inspect", "state")
    assert (code, "champion: nb, which came there by the ladder (challenger)" in shown) == (0, True)


def test_the_sums_of_the_ends_hold_in_the_summary(command: Command) -> None:
    code, out, _ = command(*PAYMENTS, "--json")
    data = json.loads(out)
    assert code == 0
    assert data["events"] == sum(data["requests"].values()) + data["duplicates"] == 200
    assert data["labels_read"] == sum(data["labels"].values()) == 200
    assert data["duplicates"] > 0


def test_without_json_the_table_is_data_and_the_rest_is_talk(command: Command) -> None:
    code, out, err = command(*PAYMENTS)
    assert code == 0
    lines = out.splitlines()
    assert lines[0].split()[:3] == ["contender", "role", "accuracy"]
    assert [line.split()[:2] for line in lines[1:5]] == [
        ["majority", "champion"],
        ["naive_bayes", "challenger"],
        ["hoeffding_tree", "challenger"],
        ["no_change", "baseline"],
    ]
    assert "…" not in out
    assert err.splitlines()[0] == "· task: binary, inferred from the first 200 labels"
    assert err.splitlines()[1].startswith("· positive class: 1 (the rarer; ")


def test_a_piped_sentence_is_one_line_however_long(command: Command) -> None:
    name = "long" * 16
    code, out, err = command(
        *("replay", "payments.csv", "--target", "fraud", "--champion", f"{name}=no_change()"),
        *("--detector", "river.drift.binary.DDM(warm_start=2)"),
    )
    assert code == 0
    (alarms,) = [line for line in out.splitlines() if line.startswith("drift alarms: ")]
    assert len(alarms) > 80
    assert all(line.startswith("· ") for line in err.splitlines())


def test_a_column_that_never_repeats_is_pointed_out(command: Command) -> None:
    rows = [dict(row, id=f"p{i}") for i, row in enumerate(payments(200))]
    write_csv(Path("unique.csv"), rows)
    _, _, err = command("replay", "unique.csv", "--target", "fraud")
    assert "· column 'id' has another value in each of 200 rows: if it names events say --id id" in err
    _, _, err = command("replay", "unique.csv", "--target", "fraud", "--id", "id")
    assert "another value" not in err


USAGE = {
    "replay payments.csv": "which column is the target? name it: --target COL",
    "replay payments.csv --target frad": "'payments.csv' has no column 'frad'; did you mean 'fraud'?",
    "replay payments.csv --target fraud --id idd": "has no column 'idd'; did you mean 'id'?",
    "replay payments.csv --target fraud --drop countri": "has no column 'countri'; did you mean 'country'?",
    "replay payments.csv --target fraud --tme ts": "--time",
    "replay payments.csv --target fraud --champion majorty()": "unknown name 'majorty'; did you mean majority?",
    "replay payments.csv --target fraud --challenger river.tree.HoefdingTree()": "river.tree.HoeffdingTree",
    "replay payments.csv --target fraud --detector river.drift.ADWN()": "did you mean river.drift.ADWIN?",
    "replay payments.csv --target fraud --detector majority()": "`sidestream detectors` lists the names",
    "replay payments.csv --target fraud --threshold 2": "flag --threshold: [decision] threshold must be a number",
    "replay payments.csv --target fraud --time ts --label-delay 7": "flag --label-delay: [labels] delay: a duration is",
    "replay payments.csv --target fraud --time ts --label-policy never": "flag --label-policy: [labels] policy",
    "replay payments.csv --target fraud --label-delay 7d": "[labels] delay needs [input] time",
    "replay payments.csv --target fraud --labels l.csv": "[labels] path needs [input] id",
    "replay payments.csv --target fraud --id id --labels -": "[labels] path cannot be standard input",
    "replay payments.csv --target fraud --positive 7": "positive class 7 is not among the first labels",
    "replay payments.csv --target amount --threshold .4": "is for binary tasks, and this one is regression",
    "replay payments.csv --target fraud --slice 0": "flag --slice: [run] slice must be a whole number of at least 1",
    "replay payments.csv --target fraud --out payments.csv": "'payments.csv' is not a directory",
    "replay payments.csv --target fraud --out .": "which no run of sidestream wrote; name an empty one",
    "replay payments.csv --target fraud --config nope.toml": "there is no settings file 'nope.toml'",
    "replay": "no source was named",
    "replay river:Phising": "did you mean river:Phishing?",
    "replay payments.csv river:Phishing --target fraud": "cannot be joined to other sources",
    "rplay payments.csv": "no command 'rplay'; did you mean 'replay'?",
    "check": "Missing argument 'F'",
    "check nope.toml": "there is no settings file 'nope.toml'",
}
WORLD = {
    "replay nofile.csv --target fraud": "'nofile.csv' does not exist; check the path",
    "replay . --target fraud": "'.' is a directory; name the files in it",
    "replay empty.csv --target fraud": "'empty.csv' is empty; give a file that holds records",
    "replay header.csv --target fraud": "'header.csv' holds no record, only the names of its columns",
    "replay bad.csv --target fraud": "'bad.csv' has no readable record among the first 2; the first: got 1 fields",
    "replay bad.jsonl --target fraud": "'bad.jsonl' has no readable record among the first 3; the first: ",
    "replay torn.csv.gz --target fraud": "'torn.csv.gz'",
    "replay payments.csv --target fraud --out /proc/sidestream": "'/proc/sidestream' cannot be written",
    "replay payments.csv --target fraud --id id --labels nofile.csv": "'nofile.csv' does not exist",
}


@pytest.mark.parametrize(("line", "told"), USAGE.items(), ids=list(USAGE))
def test_a_mistake_of_the_operator_leaves_with_2_and_its_remedy(line: str, told: str, command: Command) -> None:
    code, out, err = command(*line.split())
    assert (code, out) == (2, "")
    assert told in err
    assert "Traceback" not in err


@pytest.mark.parametrize(("line", "told"), WORLD.items(), ids=list(WORLD))
def test_a_world_that_says_no_leaves_with_4_and_one_line(line: str, told: str, command: Command) -> None:
    Path("empty.csv").touch()
    Path("header.csv").write_text("a,fraud\n")
    Path("bad.csv").write_text("a,fraud\n1\n2,3,4\n")
    Path("bad.jsonl").write_text('{"a":\n[1]\n\n')
    Path("torn.csv.gz").write_bytes(b"\x1f\x8b\x08\x00 no more of it")
    code, out, err = command(*line.split())
    assert (code, out) == (4, "")
    (said,) = [line for line in err.splitlines() if not line.startswith("· ")]
    assert said.startswith("sidestream: ")
    assert told in said


def test_a_traceback_is_shown_with_debug_alone(command: Command) -> None:
    code, _, err = command("--debug", "replay", "nofile.csv", "--target", "fraud")
    assert code == 4
    assert "Traceback" in err
    assert err.splitlines()[-1] == "sidestream: 'nofile.csv' does not exist; check the path"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full, the disk that is always full")
@pytest.mark.parametrize("arguments", [("models",), ("models", "--json"), (*PAYMENTS, "--json"), PAYMENTS])
def test_a_standard_output_that_cannot_be_written_is_told_in_one_line(arguments: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([*COMMAND, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 4
    (said,) = [line for line in done.stderr.splitlines() if not line.startswith("· ")]
    assert said == "sidestream: standard output cannot be written (No space left on device); free or change it"


@pytest.mark.parametrize("arguments", [("models",), ("models", "--json"), (*PAYMENTS, "--json"), PAYMENTS])
def test_a_reader_that_has_seen_enough_is_no_error(arguments: tuple[str, ...]) -> None:
    process = subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    said = process.stderr.read().decode()
    assert all(line.startswith("· ") for line in said.splitlines())
    process.stderr.close()
    assert process.wait() == 0


def test_a_file_cut_short_is_answered_as_far_as_it_goes_and_then_leaves_with_4(command: Command) -> None:
    whole = write_csv(Path("whole.csv.gz"), payments(3_000)).read_bytes()
    Path("cut.csv.gz").write_bytes(whole[: len(whole) // 2])
    code, _, err = command("replay", "cut.csv.gz", "--target", "fraud", "--champion", "no_change()", "--out", "out")
    assert code == 4
    assert "'cut.csv.gz'" in err.splitlines()[-1]
    assert 1_000 < len(Path("out/predictions.jsonl").read_bytes().splitlines()) < 3_000
    assert not Path("out/summary.json").exists()


CONFIG = """
[input]
paths = "payments.csv"
target = "fraud"
id = "id"
time = "ts"
limit = 50
[labels]
delay = "2h"
[contenders]
champion = "no_change()"
[contenders.challengers]
simple = "majority()"
"""


def test_flags_outrank_the_environment_and_the_environment_outranks_the_file(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("run.toml").write_text(CONFIG)

    def seen(*flags: str) -> tuple[object, ...]:
        code, out, _ = command("replay", "--config", "run.toml", "--json", *flags)
        assert code == 0
        data = json.loads(out)
        (champion,) = [model["spec"] for model in data["models"].values() if model["role"] == "champion"]
        return data["events"], champion, data["seed"], "simple" in data["models"]

    assert seen() == (50, "no_change()", 0, True)
    monkeypatch.setenv("SIDESTREAM_INPUT__LIMIT", "60")
    monkeypatch.setenv("SIDESTREAM_RUN__SEED", "3")
    assert seen() == (60, "no_change()", 3, True)
    assert seen("--limit", "70") == (70, "no_change()", 3, True)
    assert seen("--champion", "majority()", "--challenger", "no_change()") == (60, "majority()", 3, False)


def test_every_mistake_in_a_file_and_its_surroundings_is_told_at_once(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("bad.toml").write_text('[input]\ntarge = "fraud"\n[contendrs]\nchampion = "x"\n')
    monkeypatch.setenv("SIDESTREAM_RUN__SEEED", "3")
    code, out, err = command("replay", "payments.csv", "--config", "bad.toml", "--limit", "none")
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        "sidestream: 4 settings cannot be used:",
        "- bad.toml: unknown section 'contendrs'; did you mean 'contenders'?",
        "- flag --limit: [input] limit must be a whole number of at least 1, got 'none'",
        "- bad.toml: unknown key 'targe' in [input]; did you mean 'target'?",
        "- environment variable SIDESTREAM_RUN__SEEED: unknown key 'seeed' in [run]; did you mean 'seed'?",
    ]


def test_check_says_what_a_run_would_do_and_starts_nothing(command: Command) -> None:
    Path("run.toml").write_text(CONFIG + '[output]\ndir = "out"\n')
    code, out, _ = command("check", "run.toml")
    assert code == 0
    assert "labels: wait(2h), late\n" in out
    assert "champion: no_change = no_change()\n" in out
    assert "challenger: simple = majority()\n" in out
    assert "amount (numeric), age (numeric), country (category), note (text)" in out
    assert not Path("out").exists()
    Path("run.toml").write_text(CONFIG.replace("fraud", "frad"))
    code, _, err = command("check", "run.toml")
    assert (code, err) == (2, "sidestream: 'payments.csv' has no column 'frad'; did you mean 'fraud'?\n")


WORKER = """
[input]
target = "fraud"
id = "id"
time = "ts"
[labels]
time = "label_ts"
policy = "wait(30d)"
[log]
dir = "state"
durability = "process"
[topics]
alarms = "sirens"
[run]
checkpoint_every = 500
"""


def test_check_says_what_a_worker_would_do_on_an_empty_log_and_on_a_filled_one(command: Command) -> None:
    Path("worker.toml").write_text(WORKER)
    code, _, err = command("check", "worker.toml")
    assert code == 2
    assert "append records to topic 'requests' first, or name a sample under [input] paths" in err
    assert not Path("state").exists()
    command("append", "requests", "payments.csv", "--log", "state", "--create", "2", "--key", "id")
    command("append", "labels", "payments.csv", "--log", "state", "--create", "1")
    code, out, err = command("check", "worker.toml")
    assert (code, err) == (0, "")
    told = out.splitlines()
    assert told[0] == "· task: binary, inferred from the first 200 labels"
    assert "features: ts (numeric), amount (numeric), age (numeric), country (category), note (text)" in told
    assert "labels: wait(30d), on topic 'labels'" in told
    assert "champion: majority = majority()" in told
    assert told[-6:] == [
        "log: 'state', 'labels' holds 200 records, partitions: 1; 'requests' holds 200 records, partitions: 2",
        "durability: process",
        "reads: requests, labels, commands",
        "writes: predictions, shadow, ends, sirens, dead_letters, audit",
        "checkpoints: every 500 messages or 60 s",
        "worker.toml: in order",
    ]
    assert sorted(path.name for path in Path("state").iterdir()) == ["log.db"]


def test_check_infers_a_worker_from_a_sample_where_there_is_no_log_yet(command: Command) -> None:
    Path("worker.toml").write_text(WORKER.replace("[input]", '[input]\npaths = "payments.csv"'))
    code, out, _ = command("check", "worker.toml")
    assert code == 0
    assert "log: 'state', not there yet" in out.splitlines()
    assert not Path("state").exists()


def test_check_says_that_a_worker_which_has_run_infers_no_more(command: Command) -> None:
    Path("worker.toml").write_text(WORKER)
    command("append", "requests", "payments.csv", "--log", "state", "--create", "1")
    command("append", "labels", "payments.csv", "--log", "state", "--create", "1")
    with EmbeddedLog("state") as log, log.lead() as lease:
        lease.commit(Commit(0, b"{}"))
    _, out, _ = command("check", "worker.toml")
    assert "journal: 1 commits; a worker goes on with what it inferred at its first start" in out.splitlines()


def test_check_tells_what_a_worker_cannot_use(command: Command) -> None:
    Path("worker.toml").write_text(WORKER + 'state = "checkpoints"\n[output]\ndir = "out"\n')
    code, _, err = command("check", "worker.toml")
    assert code == 2
    assert err.splitlines() == [
        "sidestream: 2 settings cannot be used:",
        "- [output] dir is for replay: a worker answers on the topics of [topics]; leave it out",
        "- [run] state is for replay: a worker's checkpoints are in [log] dir; leave it out",
    ]


def test_the_key_of_a_replay_is_read_and_changes_no_answer(command: Command) -> None:
    Path("keyed.toml").write_text('[input]\nkey = "country"\n')
    _, plain, _ = command(*PAYMENTS, "--json")
    code, keyed, _ = command(*PAYMENTS, "--json", "--config", "keyed.toml")
    assert code == 0
    assert json.loads(keyed)["models"]["majority"]["metrics"] == json.loads(plain)["models"]["majority"]["metrics"]
    Path("keyed.toml").write_text('[input]\nkey = "countri"\n')
    code, _, err = command(*PAYMENTS, "--config", "keyed.toml")
    assert (code, err) == (2, "sidestream: 'payments.csv' has no column 'countri'; did you mean 'country'?\n")


@pytest.mark.parametrize(
    ("listing", "word", "name"),
    [("models", "hoeffding", "river.tree.HoeffdingTreeClassifier"), ("detectors", "adwin", "river.drift.ADWIN")],
)
def test_what_a_spec_can_name_is_listed(listing: str, word: str, name: str, command: Command) -> None:
    code, out, _ = command(listing, "--json")
    entries = json.loads(out)
    assert code == 0
    assert name in {entry["name"] for entry in entries}
    assert not [entry for entry in entries if "[^" in entry["summary"]]
    _, out, _ = command(listing, word)
    assert name in out
    assert "no_change" not in out
    code, out, _ = command(listing, "hoefding")
    assert code == 0
    assert out.startswith("nothing is called 'hoefding'")


def test_a_second_run_replaces_the_first(command: Command) -> None:
    run(*PAYMENTS, "--out", "out")
    run(*PAYMENTS, "--limit", "30", "--out", "out")
    assert len(read_back(Path("out")).predictions) == 30


def test_a_seed_that_a_spec_leaves_out_is_printed_and_gives_the_same_run_again(command: Command) -> None:
    forest = "river.forest.ARFClassifier(n_models=2)"
    code, _, talk = command(*PAYMENTS, "--champion", f"forest={forest}")
    assert code == 0
    (line,) = [line for line in talk.splitlines() if "seeds: forest = " in line]
    printed = line.partition("seeds: forest = ")[2]
    assert "seed=" in printed
    digests = set()
    for spec in (forest, printed):
        code, data, _ = command(*PAYMENTS, "--champion", f"forest={spec}", "--json")
        assert code == 0
        digests.add(json.loads(data)["state_digest"])
    assert len(digests) == 1
