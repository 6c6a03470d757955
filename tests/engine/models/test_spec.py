"""What a model spec may say, what it is refused for, and the seeds it is given."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ConfigError
from engine.models.spec import (
    OWN_DETECTORS,
    OWN_MODELS,
    default_name,
    list_detectors,
    list_models,
    parse_detector,
    parse_model,
    split_name,
)
from engine.targets import Task

SCALED_LOGISTIC = (
    "river.preprocessing.StandardScaler() | river.linear_model.LogisticRegression(optimizer=river.optim.SGD(.1))"
)
MIXED = (
    "(river.compose.SelectType(float) | river.preprocessing.StandardScaler())"
    " + (river.compose.SelectType(str) | river.preprocessing.OneHotEncoder()) | river.linear_model.LogisticRegression()"
)


def parse(text: str, task: Task = Task.BINARY, seed: int = 7, name: str = "a"):
    return parse_model(text, task=task, seed=seed, name=name)


HOSTILE = [
    ("", "empty"),
    ("   ", "empty"),
    ("river.tree.HoeffdingTreeClassifier", "not called"),
    ("river.tree.HoeffdingTreeClassifier.__class__()", "unknown name"),
    ("river.tree.HoeffdingTreeClassifier().__class__", "not called"),
    ("river.tree.HoeffdingTreeClassifier().learn_one(1)", "only a name"),
    ("().__class__.__bases__[0].__subclasses__()", "only a name"),
    ("__import__('os').system('true')", "only a name"),
    ("eval('1')", "unknown name"),
    ("open('/etc/passwd')", "unknown name"),
    ("river.os.system('true')", "unknown name"),
    ("river.__builtins__()", "unknown name"),
    ("river.tree.__class__()", "unknown name"),
    ("river.tree.base()", "unknown name"),
    ("river()", "unknown name"),
    ("(lambda: 1)()", "only a name"),
    ("blend(lambda: 1, majority())", "a lambda"),
    ("blend([majority() for x in 'ab'])", "a comprehension"),
    ("blend({x: 1 for x in 'ab'})", "a comprehension"),
    ("blend(x for x in 'ab')", "a generator"),
    ("rules(f'{1}')", "an f-string"),
    ("rules('a'[0])", "an index"),
    ("rules(x := 'a')", "an assignment"),
    ("rules('a' if 1 else 'b')", "a condition"),
    ("rules('a' and 'b')", "and/or"),
    ("rules(1 < 2)", "a comparison"),
    ("rules({1, 2})", "a set"),
    ("rules(b'a')", "bytes"),
    ("rules(...)", "ellipsis"),
    ("rules(1j)", "complex"),
    ("rules(1e999)", "too large"),
    ("rules(not 1)", "a sign"),
    ("rules(-'a')", "a sign"),
    ("rules(-True)", "a sign"),
    ("rules(- - 1)", "a sign"),
    ("rules(text)", "a bare name"),
    ("rules({**{}})", "plain literals"),
    ("rules({majority(): 1})", "plain literals"),
    ("blend(*[majority()])", "* and **"),
    ("river.naive_bayes.BernoulliNB(**{'alpha': 1})", "* and **"),
    ("majority() ** 2", "only '|'"),
    ("majority() @ majority()", "only '|'"),
    ("2 ** 99999999", "only '|'"),
    ("1 + 1", "join River's"),
    ("'a' | 'b'", "join River's"),
    ("majority() | majority()", "our own models stand alone"),
    ("river.preprocessing.StandardScaler() | majority()", "our own models stand alone"),
    ("river.naive_bayes.GaussianNB() | river.naive_bayes.GaussianNB()", "only transformers"),
    ("river.naive_bayes.GaussianNB() + river.naive_bayes.GaussianNB()", "joins transformers"),
    ("river.preprocessing.StandardScaler() | river.optim.SGD()", "a pipeline ends in"),
    ("river.preprocessing.StandardScaler()", "needs a classifier"),
    ("river.drift.ADWIN()", "needs a classifier"),
    ("river.optim.SGD()", "needs a classifier"),
    ("river.anomaly.HalfSpaceTrees()", "needs a classifier"),
    ("1", "needs a classifier"),
    ("None", "needs a classifier"),
    ("[majority()]", "our own models stand alone"),
    ("river.ensemble.VotingClassifier([majority(), majority()])", "our own models stand alone"),
    ("river.preprocessing.StatImputer({1: majority()})", "our own models stand alone"),
    ("[1]", "needs a classifier"),
    ("river.datasets.Phishing()", "data comes in through sources"),
    ("river.compat.SKL2RiverClassifier(1, [0])", "other libraries"),
    ("river.evaluate.progressive_val_score()", "sidestream itself"),
    ("river.stream.iter_csv('/etc/passwd')", "files and the network"),
    ("river.utils.Rolling(1, 2)", "runs code"),
    ("river.compose.learn_during_predict()", "functions"),
    ("river.compose.FuncTransformer('a')", "functions"),
    ("river.compose.Pipeline()", "a | b"),
    ("river.rules.AMRules()", "place in memory"),
    ("river.neighbors.KNNClassifier()", "from run to run; write engine=river.neighbors.LazySearch()"),
    ("river.neighbors.KNNClassifier(5, engine=None)", "from run to run; write engine=river.neighbors.LazySearch()"),
    ("river.neighbors.KNNClassifier(5, river.neighbors.SWINN(seed=1))", "share state in the class"),
    ("river.drift.datasets.AirlinePassengers()", "unknown name"),
    ("river.ensemble.BaggingClassifier(majority())", "our own models stand alone"),
    ("river.ensemble.BaggingClassifier(model=majority())", "our own models stand alone"),
    ("river.ensemble.BaggingClassifier(river.linear_model.LinearRegression())", "needs a classifier inside"),
    ("river.ensemble.BaggingClassifier()", "missing a required argument"),
    ("river.ensemble.VotingClassifier([river.naive_bayes.GaussianNB()])", "At least 2 models"),
    ("river.tree.HoeffdingTreeClassifier(grace=1)", "unexpected keyword argument 'grace'; it takes (grace_period=200"),
    ("river.tree.HoeffdingTreeClassifier(split_criterion='x')", "Invalid split_criterion"),
    ("majority(1)", "too many positional arguments; it takes ()"),
    ("majority(task='regression')", "unexpected keyword argument 'task'"),
    ("majority(1", "never closed"),
    ("majority() majority()", "invalid syntax"),
    ("import os", "invalid syntax"),
    ("majority(); majority()", "invalid syntax"),
    ("\x00", "no spec"),
    ("\ud800", "no spec"),
    ("9" * 5000, "no spec"),
    ("-" * 9000 + "1", "no spec"),
    ("(" * 9000, "too many nested parentheses"),
    ("majority()|" * 33 + "majority()", "more than 32 steps"),
    ("[" * 9 + "]" * 9, "nested more than 8 deep"),
    ("blend(" * 9 + "majority()" + ")" * 9, "nested more than 8 deep"),
    ("majority()" + " " * 10_000, "at most 10000 characters"),
]


@pytest.mark.parametrize(("text", "why"), HOSTILE, ids=[repr(text[:50]) for text, _ in HOSTILE])
def test_whatever_else_python_could_say_is_refused_with_a_reason(text: str, why: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert why in str(caught.value)


def test_a_chain_of_thousands_is_refused_whether_or_not_this_python_can_parse_it() -> None:
    """Newer parsers go deeper; the bound on steps then says no."""
    with pytest.raises(ConfigError, match=r"no spec|more than 32 steps"):
        parse("a|" * 4000 + "a")


@given(st.text(alphabet=st.sampled_from("river.tree()[]{}|+-*,='\"\\ 0123eE:\n_abl"), max_size=60))
def test_no_text_makes_the_parser_raise_anything_but_a_config_error(text: str) -> None:
    try:
        parse(text)
    except ConfigError:
        return


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("LogisticRegression()", "river.linear_model.LogisticRegression"),
        ("linear_model.LogisticRegresion()", "river.linear_model.LogisticRegression"),
        ("river.trees.HoeffdingTreeClassifier()", "river.tree.HoeffdingTreeClassifier"),
        ("majorty()", "majority"),
    ],
)
def test_an_unknown_name_is_answered_with_the_one_that_was_meant(text: str, meant: str) -> None:
    with pytest.raises(ConfigError, match=f"did you mean {meant}"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "task", "remedy"),
    [
        ("river.linear_model.LogisticRegression()", Task.MULTICLASS, "OneVsRestClassifier"),
        (SCALED_LOGISTIC, Task.MULTICLASS, "OneVsRestClassifier"),
        ("river.ensemble.BaggingClassifier(river.linear_model.PAClassifier())", Task.MULTICLASS, "OneVsRest"),
        (SCALED_LOGISTIC, Task.REGRESSION, "needs a regressor"),
        ("river.linear_model.LinearRegression()", Task.BINARY, "needs a classifier"),
        ("majority()", Task.REGRESSION, "majority is for binary or multiclass tasks"),
        ("mean()", Task.BINARY, "mean is for regression tasks"),
        ("blend(mean(), majority())", Task.REGRESSION, "majority is for binary or multiclass"),
    ],
)
def test_a_model_that_cannot_do_the_task_is_refused(text: str, task: Task, remedy: str) -> None:
    with pytest.raises(ConfigError, match=remedy):
        parse(text, task)


def test_one_versus_rest_and_wrapped_pipelines_are_multiclass() -> None:
    parse("river.multiclass.OneVsRestClassifier(river.linear_model.LogisticRegression())", Task.MULTICLASS)
    scaled_bayes = "river.preprocessing.StandardScaler() | river.naive_bayes.GaussianNB()"
    parse(f"river.ensemble.BaggingClassifier({scaled_bayes})", Task.MULTICLASS)


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("majority()", "raw"),
        ("rules('country in [1] -> 1')", "raw"),
        ("river.tree.HoeffdingTreeClassifier()", "raw"),
        ("river.forest.ARFClassifier()", "raw"),
        ("river.ensemble.SRPClassifier()", "raw"),
        ("river.ensemble.SRPClassifier(river.naive_bayes.GaussianNB())", "numeric"),
        ("river.preprocessing.OneHotEncoder() | river.naive_bayes.GaussianNB()", "raw"),
        ("river.feature_extraction.TFIDF(on='text') | river.naive_bayes.BernoulliNB()", "raw"),
        ("river.preprocessing.PreviousImputer() | river.preprocessing.OneHotEncoder()"
         " | river.naive_bayes.GaussianNB()", "raw"),
        (MIXED, "raw"),
        (SCALED_LOGISTIC, "numeric"),
        ("river.naive_bayes.GaussianNB()", "numeric"),
        ("river.preprocessing.PreviousImputer() | river.naive_bayes.GaussianNB()", "numeric"),
        ("blend(majority(), river.naive_bayes.GaussianNB())", "numeric"),
        ("blend(rules('amount > 5 -> 1'), river.naive_bayes.GaussianNB())", "numeric"),
        (f"blend(rules('country in [1] -> 1'), {MIXED})", "raw"),
    ],
)  # fmt: skip
def test_a_model_names_the_view_of_the_features_it_reads(text: str, reads: str) -> None:
    assert parse(text).reads == reads


def test_text_rules_beside_a_numbers_only_model_are_refused_rather_than_silently_never_true() -> None:
    with pytest.raises(ConfigError, match="SelectType"):
        parse("blend(rules(\"country == 'A1' -> 1\"), river.naive_bayes.GaussianNB())")


SEEDED = [
    "river.forest.ARFClassifier(n_models=2)",
    "river.ensemble.BaggingClassifier(river.tree.HoeffdingAdaptiveTreeClassifier(seed=None), 2)",
    "river.feature_extraction.RBFSampler(1.0, 4, None) | river.linear_model.LogisticRegression()",
    "blend(river.forest.AMFClassifier(2), river.forest.AMFClassifier(2))",
    "river.linear_model.LogisticRegression(initializer=river.optim.initializers.Normal(sigma=.1))",
]


@pytest.mark.parametrize("text", [*SEEDED, SCALED_LOGISTIC, MIXED])
def test_the_canonical_text_parses_to_itself_under_any_seed_and_name(text: str) -> None:
    first = parse(text)
    again = parse(first.text, seed=99, name="other")
    assert again.text == first.text
    assert "None" not in first.text


@pytest.mark.parametrize("text", SEEDED)
def test_seeds_depend_on_the_run_and_the_contender_and_nothing_else(text: str) -> None:
    assert parse(text).text == parse(text).text
    assert "seed=" in parse(text).text or text.startswith("river.feature_extraction")
    assert parse(text).text != parse(text, seed=8).text
    assert parse(text).text != parse(text, name="b").text


def test_equal_members_of_a_blend_get_seeds_of_their_own() -> None:
    text = parse(SEEDED[3]).text
    seeds = [piece.split(")")[0] for piece in text.split("seed=")[1:]]
    assert len(set(seeds)) == 2
    assert all(0 <= int(seed) < 2**31 for seed in seeds)


def test_a_seed_that_is_given_is_kept() -> None:
    assert "seed=42)" in parse("river.forest.ARFClassifier(seed=42)").text


def test_a_spec_may_span_lines_and_a_rule_may_hold_a_backslash() -> None:
    assert parse("majority\n(\n)").text == "majority()"
    model = parse("rules(\"text matches '\\\\d\\\\d' -> 0.9\")").model
    assert model.predict({"text": "a12"}) == (True, 0.9)
    assert parse("rules(\"text matches '\\d\\d' -> 0.9\")").model.predict({"text": "a12"}) == (True, 0.9)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (SCALED_LOGISTIC, "logistic_regression"),
        ("river.tree.HoeffdingTreeClassifier()", "hoeffding_tree_classifier"),
        ("river.naive_bayes.GaussianNB()", "gaussian_nb"),
        ("river.forest.ARFClassifier()", "arf_classifier"),
        ("river.ensemble.ADWINBaggingClassifier(1)", "adwin_bagging_classifier"),
        ("no_change()", "no_change"),
        ("blend(majority(), no_change())", "blend"),
    ],
)
def test_a_contender_without_a_name_is_called_after_its_estimator(text: str, name: str) -> None:
    assert default_name(text) == name


def test_a_name_before_the_spec_is_split_off_and_an_argument_is_not_one() -> None:
    assert split_name("a-1 = majority()") == ("a-1", "majority()")
    assert split_name("rules('x == 1 -> 1')") == (None, "rules('x == 1 -> 1')")
    assert split_name("river.optim.SGD(lr=1)") == (None, "river.optim.SGD(lr=1)")


def test_every_listed_name_is_a_name_the_parser_knows() -> None:
    for entry in list_models():
        with pytest.raises(ConfigError) as caught:
            parse(f"{entry.name}(no_such_parameter=1)", Task.MULTICLASS)
        assert "unknown name" not in str(caught.value)
        assert entry.signature.startswith("(")
        assert entry.summary
    assert {entry.name for entry in list_models()} >= {*OWN_MODELS, "river.forest.ARFClassifier"}


def test_every_listed_detector_is_built_without_parameters() -> None:
    entries = list_detectors()
    names = [entry.name for entry in entries]
    assert names[: len(OWN_DETECTORS)] == list(OWN_DETECTORS)
    assert "river.drift.binary.DDM" in names
    ours = {"ddm", "ecdd", "eddm", "fhddm", "hddm_a", "hddm_w", "rddm", "stepd"}
    for name in names:
        if name == "vote":
            continue
        parsed = parse_detector(f"{name}()", seed=1, name="d")
        assert parsed.binary_only is (name in ours or name.startswith("river.drift.binary."))
    assert all(entry.signature.startswith("(") and entry.summary for entry in entries)


def test_a_vote_is_written_with_its_members_as_calls_and_with_their_seeds() -> None:
    quoted = parse_detector("vote('kswin()', \"river.drift.KSWIN()\", ddm(), k=2, within=50)", seed=1, name="d")
    assert parse_detector(quoted.text, seed=2, name="e").text == quoted.text
    assert quoted.text.count("seed=") == 2
    assert "'" not in quoted.text
    assert quoted.binary_only
    assert not parse_detector("vote(adwin(), e_sr())", seed=1, name="d").binary_only


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("vote(adwin())", "two detectors or more, got 1"),
        ("vote()", "two detectors or more, got 0"),
        ("vote(adwin(), 3)", "vote takes detectors, such as adwin\\(\\), got 3"),
        ("vote(adwin(), ddm(), k=3)", "k must be at most the 2 members, got 3"),
        ("vote(adwin(), 'majority()')", "unknown name 'majority'"),
        ("adwn()", "did you mean adwin"),
        ("river.drift.ADWN()", "did you mean river.drift.ADWIN"),
        ("adwin(delta=0)", "adwin: delta must be between 0 and 1, both excluded, got 0"),
        ("adwin(detla=.1)", "adwin: .*detla"),
        ("adwin(adwin())", "adwin: delta must be"),
    ],
)
def test_a_detector_that_cannot_be_is_refused_with_the_remedy(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse_detector(text, seed=1, name="d")


def test_a_detector_gets_its_seed_and_anything_else_is_no_detector() -> None:
    parsed = parse_detector("river.drift.KSWIN()", seed=1, name="d")
    assert parse_detector(parsed.text, seed=2, name="e").text == parsed.text
    with pytest.raises(ConfigError, match="no drift detector"):
        parse_detector("river.tree.HoeffdingTreeClassifier()", seed=1, name="d")
    with pytest.raises(ConfigError, match="unknown name"):
        parse_detector("majority()", seed=1, name="d")


def test_naming_and_our_own_models_do_not_import_river() -> None:
    program = (
        "import sys; from engine.models.spec import *; from engine.targets import Task;"
        "default_name('a() | b()'); parse_model('blend(majority(), no_change())', task=Task.BINARY, seed=1, name='a');"
        "sys.exit('river' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
