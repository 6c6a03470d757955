"""Which of River's estimators, detectors and statistics can be certified: their state is data, and continues exactly.

Each row of the table learns, is frozen and thawed, and both copies go on: answers and bytes must stay the same, bit for
bit. Run as a program, this file prints the digests that two processes with different hash seeds must agree on.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from river import (
    anomaly,
    compose,
    drift,
    dummy,
    ensemble,
    facto,
    feature_extraction,
    feature_selection,
    forest,
    imblearn,
    linear_model,
    multiclass,
    naive_bayes,
    neighbors,
    optim,
    preprocessing,
    proba,
    rules,
    stats,
    tree,
    utils,
)

import engine
from engine.errors import SnapshotError
from engine.object_state import freeze
from engine.object_thaw import thaw

EVENTS = 150


def _scaled(model: Any) -> Any:
    return preprocessing.StandardScaler() | model


def _logistic() -> Any:
    return linear_model.LogisticRegression(optimizer=optim.Adam(0.01))


def _mean() -> Any:
    return dummy.StatisticRegressor(stats.Mean())


def _stump() -> Any:
    return tree.HoeffdingTreeClassifier(grace_period=20, delta=0.1, tau=0.2)


BINARY: dict[str, Callable[[], Any]] = {
    "linear_model.LogisticRegression": lambda: _scaled(linear_model.LogisticRegression(l2=0.01)),
    "linear_model.Perceptron": lambda: _scaled(linear_model.Perceptron()),
    "linear_model.PAClassifier": lambda: _scaled(linear_model.PAClassifier()),
    "linear_model.ALMAClassifier": lambda: _scaled(linear_model.ALMAClassifier()),
    "linear_model.SoftmaxRegression": lambda: _scaled(linear_model.SoftmaxRegression()),
    "naive_bayes.GaussianNB": naive_bayes.GaussianNB,
    "naive_bayes.BernoulliNB": naive_bayes.BernoulliNB,
    "tree.HoeffdingTreeClassifier": _stump,
    "tree.HoeffdingAdaptiveTreeClassifier": lambda: tree.HoeffdingAdaptiveTreeClassifier(20, delta=0.1, seed=1),
    "tree.ExtremelyFastDecisionTreeClassifier": lambda: tree.ExtremelyFastDecisionTreeClassifier(20, delta=0.1),
    "tree.SGTClassifier": lambda: tree.SGTClassifier(grace_period=20),
    "tree.LASTClassifier": tree.LASTClassifier,
    "forest.ARFClassifier": lambda: _scaled(forest.ARFClassifier(3, seed=1, grace_period=20, delta=0.1)),
    "forest.AMFClassifier": lambda: forest.AMFClassifier(3, seed=1),
    "ensemble.BaggingClassifier": lambda: ensemble.BaggingClassifier(_logistic(), 3, seed=1),
    "ensemble.ADWINBaggingClassifier": lambda: ensemble.ADWINBaggingClassifier(_logistic(), 3, seed=1),
    "ensemble.LeveragingBaggingClassifier": lambda: ensemble.LeveragingBaggingClassifier(_stump(), 3, seed=1),
    "ensemble.ADWINBoostingClassifier": lambda: ensemble.ADWINBoostingClassifier(_stump(), 3, seed=1),
    "ensemble.AdaBoostClassifier": lambda: ensemble.AdaBoostClassifier(_stump(), 3, seed=1),
    "ensemble.BOLEClassifier": lambda: ensemble.BOLEClassifier(_stump(), 3, seed=1),
    "ensemble.SRPClassifier": lambda: ensemble.SRPClassifier(_stump(), 3, seed=1),
    "ensemble.StackingClassifier": lambda: ensemble.StackingClassifier([_logistic(), _stump()], _logistic()),
    "ensemble.VotingClassifier": lambda: ensemble.VotingClassifier(
        [_stump(), naive_bayes.GaussianNB()], use_probabilities=True
    ),
    "neighbors.KNNClassifier": lambda: _scaled(neighbors.KNNClassifier(5, neighbors.LazySearch(50))),
    "facto.FMClassifier": lambda: facto.FMClassifier(seed=1),
    "facto.FFMClassifier": lambda: facto.FFMClassifier(seed=1),
    "imblearn.RandomUnderSampler": lambda: imblearn.RandomUnderSampler(_logistic(), {False: 0.5, True: 0.5}, seed=1),
    "imblearn.HardSamplingClassifier": lambda: imblearn.HardSamplingClassifier(_logistic(), 10, 0.5, seed=1),
    "drift.DriftRetrainingClassifier": lambda: drift.DriftRetrainingClassifier(_stump(), drift.binary.DDM(30)),
    "dummy.PriorClassifier": dummy.PriorClassifier,
    "dummy.NoChangeClassifier": dummy.NoChangeClassifier,
    "compose.Pipeline with union": lambda: (
        (preprocessing.StandardScaler() + feature_extraction.PolynomialExtender()) | _logistic()
    ),
    "feature_extraction.RBFSampler": lambda: feature_extraction.RBFSampler(n_components=20, seed=1) | _logistic(),
}

MULTICLASS: dict[str, Callable[[], Any]] = {
    "multiclass.OneVsRestClassifier": lambda: _scaled(multiclass.OneVsRestClassifier(_logistic())),
    "multiclass.OneVsOneClassifier": lambda: _scaled(multiclass.OneVsOneClassifier(_logistic())),
    "multiclass.OutputCodeClassifier": lambda: _scaled(
        multiclass.OutputCodeClassifier(_logistic(), 4, coding_method="exact", seed=1)
    ),
    "linear_model.SoftmaxRegression": lambda: _scaled(linear_model.SoftmaxRegression()),
    "naive_bayes.GaussianNB": naive_bayes.GaussianNB,
    "naive_bayes.MultinomialNB": lambda: preprocessing.MinMaxScaler() | naive_bayes.MultinomialNB(),
    "tree.HoeffdingTreeClassifier": _stump,
    "tree.HoeffdingAdaptiveTreeClassifier": lambda: tree.HoeffdingAdaptiveTreeClassifier(20, delta=0.1, seed=1),
    "forest.ARFClassifier": lambda: forest.ARFClassifier(3, seed=1, grace_period=20, delta=0.1),
    "forest.AMFClassifier": lambda: forest.AMFClassifier(3, seed=1),
    "ensemble.SRPClassifier": lambda: ensemble.SRPClassifier(_stump(), 3, seed=1),
    "neighbors.KNNClassifier": lambda: _scaled(neighbors.KNNClassifier(5, neighbors.LazySearch(50))),
    "dummy.NoChangeClassifier": dummy.NoChangeClassifier,
}

REGRESSION: dict[str, Callable[[], Any]] = {
    "linear_model.LinearRegression": lambda: _scaled(linear_model.LinearRegression(intercept_lr=0.1)),
    "linear_model.PARegressor": lambda: _scaled(linear_model.PARegressor()),
    "linear_model.BayesianLinearRegression": linear_model.BayesianLinearRegression,
    "tree.HoeffdingTreeRegressor": lambda: tree.HoeffdingTreeRegressor(20, delta=0.1, tau=0.2),
    "tree.HoeffdingAdaptiveTreeRegressor": lambda: tree.HoeffdingAdaptiveTreeRegressor(20, delta=0.1, seed=1),
    "tree.SGTRegressor": lambda: tree.SGTRegressor(grace_period=20),
    "forest.ARFRegressor": lambda: forest.ARFRegressor(3, seed=1, grace_period=20, delta=0.1),
    "forest.AMFRegressor": lambda: forest.AMFRegressor(3, seed=1),
    "forest.OXTRegressor": lambda: forest.OXTRegressor(3, seed=1, grace_period=20),
    "ensemble.BaggingRegressor": lambda: ensemble.BaggingRegressor(linear_model.LinearRegression(), 3, seed=1),
    "ensemble.EWARegressor": lambda: ensemble.EWARegressor([linear_model.LinearRegression(), _mean()]),
    "ensemble.SRPRegressor": lambda: ensemble.SRPRegressor(n_models=3, seed=1),
    "neighbors.KNNRegressor": lambda: _scaled(neighbors.KNNRegressor(5, neighbors.LazySearch(50))),
    "facto.FMRegressor": lambda: facto.FMRegressor(seed=1),
    "imblearn.HardSamplingRegressor": lambda: imblearn.HardSamplingRegressor(_mean(), 10, 0.5, seed=1),
    "preprocessing.TargetStandardScaler": lambda: preprocessing.TargetStandardScaler(linear_model.LinearRegression()),
    "dummy.StatisticRegressor": _mean,
    **{
        f"optim.{name}": lambda name=name: _scaled(linear_model.LinearRegression(getattr(optim, name)()))
        for name in [
            "SGD",
            "AdaGrad",
            "AdaDelta",
            "AdaMax",
            "Adam",
            "AdaBound",
            "AMSGrad",
            "FTRLProximal",
            "Momentum",
            "Nadam",
            "NesterovMomentum",
            "Newton",
            "RMSProp",
        ]
    },
    "optim.Averager": lambda: _scaled(linear_model.LinearRegression(optim.Averager(optim.SGD(0.01)))),
}

TRANSFORMERS: dict[str, Callable[[], Any]] = {
    **{
        f"preprocessing.{name}": getattr(preprocessing, name)
        for name in [
            "StandardScaler",
            "MinMaxScaler",
            "MaxAbsScaler",
            "RobustScaler",
            "AdaptiveStandardScaler",
            "Normalizer",
            "Binarizer",
            "OrdinalEncoder",
            "OneHotEncoder",
            "PreviousImputer",
        ]
    },
    "preprocessing.FeatureHasher": lambda: preprocessing.FeatureHasher(16, seed=1),
    "preprocessing.StatImputer": lambda: preprocessing.StatImputer(("a", stats.Mean())),
    "preprocessing.GaussianRandomProjector": lambda: preprocessing.GaussianRandomProjector(2, seed=1),
    "preprocessing.SparseRandomProjector": lambda: preprocessing.SparseRandomProjector(2, seed=1),
    "preprocessing.StandardScaler over a window": lambda: preprocessing.StandardScaler(window_size=20),
    "feature_extraction.PolynomialExtender": feature_extraction.PolynomialExtender,
    "feature_extraction.Agg": lambda: feature_extraction.Agg("a", "b", utils.Rolling(stats.Mean, window_size=5)),
    "feature_selection.VarianceThreshold": feature_selection.VarianceThreshold,
    "anomaly.HalfSpaceTrees": lambda: anomaly.HalfSpaceTrees(3, 5, 20, seed=1),
    "anomaly.OneClassSVM": anomaly.OneClassSVM,
}

DETECTORS: dict[str, Callable[[], Any]] = {
    "drift.ADWIN": lambda: drift.ADWIN(delta=0.1, clock=1),
    "drift.KSWIN": lambda: drift.KSWIN(window_size=40, stat_size=10, seed=1),
    "drift.PageHinkley": lambda: drift.PageHinkley(threshold=5),
    "drift.DummyDriftDetector": lambda: drift.DummyDriftDetector("random", 50, 10, seed=1),
    "drift.NoDrift": drift.NoDrift,
    "drift.binary.DDM": lambda: drift.binary.DDM(10),
    "drift.binary.EDDM": lambda: drift.binary.EDDM(10),
    "drift.binary.FHDDM": lambda: drift.binary.FHDDM(20),
    "drift.binary.HDDM_A": drift.binary.HDDMA,
    "drift.binary.HDDM_W": drift.binary.HDDMW,
}

STATISTICS: dict[str, Callable[[], Any]] = {
    **{
        f"stats.{name}": getattr(stats, name)
        for name in [
            "AbsMax",
            "Count",
            "EWMean",
            "EWVar",
            "Entropy",
            "IQR",
            "Kurtosis",
            "MAD",
            "Max",
            "Mean",
            "Min",
            "Mode",
            "PeakToPeak",
            "Quantile",
            "SEM",
            "Skew",
            "Sum",
            "Var",
        ]
    },
    "stats.RollingQuantile": lambda: stats.RollingQuantile(0.3, 10),
    "stats.RollingIQR": lambda: stats.RollingIQR(10),
    "stats.RollingMax": lambda: stats.RollingMax(10),
    "stats.RollingMode": lambda: stats.RollingMode(10),
    "stats.AutoCorr": lambda: stats.AutoCorr(3),
    "stats.Shift": lambda: stats.Shift(3),
    "stats.BayesianMean": lambda: stats.BayesianMean(0.5, 10),
    "utils.Rolling": lambda: utils.Rolling(stats.Var, window_size=10),
    "proba.Gaussian": proba.Gaussian,
}

CANNOT: dict[str, tuple[Callable[[], Any], str]] = {
    "rules.AMRules": (rules.AMRules, "hash"),
    "neighbors.SWINN": (
        lambda: neighbors.KNNClassifier(3, neighbors.SWINN(graph_k=5, seed=1, warm_up=10, maxlen=50)),
        "in the class",
    ),
    "feature_extraction.RandomTreesEmbedding": (lambda: feature_extraction.RandomTreesEmbedding(seed=1), "id"),
    "compose.FuncTransformer of a lambda": (lambda: compose.FuncTransformer(lambda x: x), "lambda"),
    "preprocessing.LDA": (lambda: preprocessing.LDA(seed=1), "numpy:ones"),
}
"""Refused by name, and the word of the reason the refusal must give.

Restorable, but not certified, because two runs differ by the doing of River:
- `stats.KolmogorovSmirnov` draws from the process-wide generator;
- ensembles, forests and samplers without a seed; `model_selection.Bandit*` with its default policy,
  `anomaly.ThresholdFilter` and `cluster.STREAMKMeans` with their defaults, which have unseeded parts.
Certified within one hash seed only, because they walk a set of texts:
- `cluster.KMeans`, `utils.math.minkowski_distance`: sums over feature names; `compose.Select`: order of its features;
- `HoeffdingAdaptiveTreeClassifier`, `AMFClassifier`, `KNNClassifier`, `NoChangeClassifier` with texts for classes: the
  state is equal, the order of `predict_proba_one` is not, so a tie may fall otherwise. Whole numbers are safe.
`misc.ZstdClassifier` needs Python 3.14.
"""


def _events(count: int, *, seed: int = 7) -> Iterator[tuple[dict[str, float], float]]:
    """Three features and a signal that jumps in the middle, so that trees split and detectors fire."""
    rng = random.Random(seed)
    for at in range(count):
        x = {"a": rng.random(), "b": rng.gauss(0, 1), "c": rng.random() * 5}
        signal = x["c"] - 2 * x["a"] + rng.gauss(0, 0.5) if at % 120 < 80 else 2 - x["c"] + rng.gauss(0, 0.5)
        yield x, signal


def _step_binary(model: Any, x: dict[str, float], signal: float) -> Any:
    try:
        answer = model.predict_proba_one(x)
    except NotImplementedError:
        answer = model.predict_one(x)
    model.learn_one(x, signal > 1)
    return answer


def _step_multiclass(model: Any, x: dict[str, float], signal: float) -> Any:
    answer = model.predict_one(x)
    model.learn_one(x, "low" if signal < 0 else "mid" if signal < 2 else "high")
    return answer


def _step_regression(model: Any, x: dict[str, float], signal: float) -> Any:
    answer = model.predict_one(x)
    model.learn_one(x, signal)
    return answer


def _step_transformer(model: Any, x: dict[str, float], _signal: float) -> Any:
    model.learn_one(x)
    for name in ("transform_one", "score_one", "predict_one"):
        if hasattr(model, name):
            return getattr(model, name)(x)
    return None


def _step_detector(detector: Any, _x: dict[str, float], signal: float) -> Any:
    detector.update(signal > 1 if "binary" in type(detector).__module__ else signal)
    return detector.drift_detected


def _step_statistic(statistic: Any, x: dict[str, float], _signal: float) -> Any:
    statistic.update(round(x["a"], 2))
    return statistic.get() if hasattr(statistic, "get") else statistic.mode


TABLE = [
    pytest.param(make, step, id=f"{step.__name__[6:]}-{name}")
    for rows, step in (
        (BINARY, _step_binary),
        (MULTICLASS, _step_multiclass),
        (REGRESSION, _step_regression),
        (TRANSFORMERS, _step_transformer),
        (DETECTORS, _step_detector),
        (STATISTICS, _step_statistic),
    )
    for name, make in rows.items()
]


@pytest.mark.parametrize(("make", "step"), TABLE)
def test_a_thawed_object_continues_as_the_original_does_bit_for_bit(make: Any, step: Any) -> None:
    """Answers and bytes stay equal over as many events again, and a twin run gave the same bytes to begin with."""
    stream = list(_events(2 * EVENTS))
    original, twin = make(), make()
    for x, signal in stream[:EVENTS]:
        step(original, x, signal)
        step(twin, x, signal)
    frozen = freeze(original)
    assert freeze(twin) == frozen
    thawed = thaw(frozen)
    assert freeze(thawed) == frozen
    for x, signal in stream[EVENTS:]:
        assert repr(step(thawed, x, signal)) == repr(step(original, x, signal))
    assert freeze(thawed) == freeze(original)


def _learned(make: Callable[[], Any]) -> Any:
    thing = make()
    for x, signal in _events(60):
        if isinstance(thing, preprocessing.LDA):
            thing.learn_transform_one({"some": 1, "words": 1})
        elif isinstance(thing, rules.AMRules | neighbors.KNNClassifier):
            thing.learn_one(x, signal > 1)
        else:
            thing.learn_one(x)
    return thing


@pytest.mark.parametrize(("make", "reason"), CANNOT.values(), ids=CANNOT)
def test_what_cannot_be_restored_is_refused_with_its_reason(make: Any, reason: str) -> None:
    """River keeps a few states in a way that no other process could continue."""
    with pytest.raises(SnapshotError, match=reason):
        freeze(_learned(make))


def test_equal_histories_give_equal_bytes_whatever_the_hash_seed() -> None:
    """Two processes with different PYTHONHASHSEED agree on every digest of state and answers."""
    first, second = (_digests_of_another_process(seed) for seed in ("1", "2"))
    assert len(first) == len(TABLE)
    assert first == second


def _digests_of_another_process(hash_seed: str) -> dict[str, str]:
    root = str(Path(engine.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, __file__],
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": root},
        capture_output=True,
        check=True,
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found


def _digests() -> dict[str, str]:
    found = {}
    for row in TABLE:
        make, step = row.values
        thing = make()
        answers = [step(thing, x, signal) for x, signal in _events(EVENTS)]
        answers = [sorted(answer.items()) if isinstance(answer, dict) else answer for answer in answers]
        found[str(row.id)] = hashlib.sha256(freeze(thing) + repr(answers).encode()).hexdigest()
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_digests()))
