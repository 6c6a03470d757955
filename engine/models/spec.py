"""Model specs: a line of text names a model, and nothing in it is ever run as code.

    river.preprocessing.StandardScaler() | river.linear_model.LogisticRegression(optimizer=river.optim.SGD(.1))
    blend(rules("amount > 220 -> 0.9"), river.tree.HoeffdingTreeClassifier(grace_period=50))

    adwin(delta=0.001)
    vote(adwin(), hddm_w(), k=2)

How a spec is read and built, `spec_builder` knows; which of River's classes there are, and what they are good for,
`river_model`. Here are the names of our own models and detectors, and what the rest of sidestream calls.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.drift.adwin import Adwin
from engine.drift.cusum import Cusum
from engine.drift.ddm import Ddm
from engine.drift.detector import Detector
from engine.drift.e_sr import ESr
from engine.drift.ecdd import Ecdd
from engine.drift.eddm import Eddm
from engine.drift.fhddm import Fhddm
from engine.drift.hddm_a import HddmA
from engine.drift.hddm_w import HddmW
from engine.drift.kswin import Kswin
from engine.drift.page_hinkley import PageHinkley
from engine.drift.rddm import Rddm
from engine.drift.river_detector import RiverDetector
from engine.drift.stepd import Stepd
from engine.drift.vote import Vote
from engine.models import river_model
from engine.models.blend import Blend
from engine.models.compiled.adaptive_random_forest import AdaptiveRandomForest
from engine.models.compiled.descent import Adagrad, Adam, Ftrl, InverseScaling, Optimal, Sgd
from engine.models.compiled.hoeffding_adaptive_tree import HoeffdingAdaptiveTree
from engine.models.compiled.hoeffding_tree import HoeffdingTree
from engine.models.compiled.linear import Linear, Logistic, Softmax
from engine.models.compiled.losses import Absolute, Huber, Quantile, Squared
from engine.models.compiled.naive_bayes import NaiveBayes
from engine.models.feature_view import View
from engine.models.majority import Majority
from engine.models.mean import Mean
from engine.models.model import Model
from engine.models.no_change import NoChange
from engine.models.river_model import Entry
from engine.models.rules import Rules
from engine.models.spec_builder import SpecBuilder, read_expression, refuse
from engine.targets import Task

OWN_MODELS: Mapping[str, type[Any]] = {
    "adaptive_random_forest": AdaptiveRandomForest,
    "blend": Blend,
    "hoeffding_adaptive_tree": HoeffdingAdaptiveTree,
    "hoeffding_tree": HoeffdingTree,
    "linear": Linear,
    "logistic": Logistic,
    "majority": Majority,
    "mean": Mean,
    "naive_bayes": NaiveBayes,
    "no_change": NoChange,
    "rules": Rules,
    "softmax": Softmax,
}
"""Our own models by their name in a spec. A class here has `tasks` and `need`, and takes `task=` if it asks for it."""

OWN_PARTS: Mapping[str, type[Any]] = {
    "absolute": Absolute,
    "adagrad": Adagrad,
    "adam": Adam,
    "ftrl": Ftrl,
    "huber": Huber,
    "inverse_scaling": InverseScaling,
    "optimal": Optimal,
    "quantile": Quantile,
    "sgd": Sgd,
    "squared": Squared,
}
"""What our own models are made of, by its name in a spec."""

OWN_DETECTORS: Mapping[str, type[Any]] = {
    "adwin": Adwin,
    "cusum": Cusum,
    "ddm": Ddm,
    "e_sr": ESr,
    "ecdd": Ecdd,
    "eddm": Eddm,
    "fhddm": Fhddm,
    "hddm_a": HddmA,
    "hddm_w": HddmW,
    "kswin": Kswin,
    "page_hinkley": PageHinkley,
    "rddm": Rddm,
    "stepd": Stepd,
    "vote": Vote,
}
"""Our own detectors by their name in a spec."""

_LEADING_NAME = re.compile(r"\s*([A-Za-z][A-Za-z0-9_-]{0,63})\s*=(?!=)(.*)", re.DOTALL)
_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@dataclass(frozen=True, slots=True)
class ParsedModel:
    """A model built from a spec, the spec with every seed written out, and the view of the features it reads."""

    model: Model
    text: str
    reads: View


@dataclass(frozen=True, slots=True)
class ParsedDetector:
    """A detector built from a spec, and the spec with every seed written out."""

    detector: Detector
    text: str

    @property
    def binary_only(self) -> bool:
        """Whether the detector is defined for 0/1 values alone, and so not for a regression's loss."""
        return self.detector.binary_only


def parse_model(text: str, *, task: Task, seed: int, name: str) -> ParsedModel:
    """Build the model a spec describes.

    Parameters
    ----------
    text
        The spec, at most 10,000 characters, calls and brackets nested at most 8 deep.
    task
        What the model is to predict; a model that cannot is refused.
    seed
        The run's seed. A `seed` (or `random_state`) that the spec leaves out, or gives as None, is derived from it,
        from `name`, and from the place in the spec, by crc32: 31 bits, the same in every process.
    name
        The contender's name.

    Raises
    ------
    ConfigError
        The spec is no spec, names what it may not, or builds what cannot do the task.

    Notes
    -----
    The result's `text` parses to the same model under any seed and name.

    Examples
    --------
    >>> parse_model("majority( )", task=Task.BINARY, seed=1, name="a").text
    'majority()'
    """
    tree = read_expression(text)
    builder = SpecBuilder({**OWN_MODELS, **OWN_PARTS}, task=task, seed=f"{seed}:{name}")
    built = builder.model(builder.build(tree))
    return ParsedModel(built.model, ast.unparse(tree), "raw" if built.need == "either" else built.need)


def parse_detector(text: str, *, seed: int, name: str) -> ParsedDetector:
    """Build the drift detector a spec such as `adwin(delta=0.01)` describes; see `parse_model`.

    Examples
    --------
    >>> parse_detector("vote('adwin()', ddm(), k=2)", seed=1, name="a").text
    'vote(adwin(), ddm(), k=2)'
    """
    tree = _Unquoted().visit(read_expression(text))
    built = SpecBuilder(OWN_DETECTORS, task=None, seed=f"{seed}:{name}").build(tree)
    detector = built if type(built) in OWN_DETECTORS.values() else RiverDetector(built)
    return ParsedDetector(detector, ast.unparse(tree))


def split_name(text: str) -> tuple[str | None, str]:
    """Split `NAME=SPEC`; a spec without a name comes back with None.

    >>> split_name("nb=river.naive_bayes.GaussianNB()"), split_name("river.optim.SGD(lr=1)")
    (('nb', 'river.naive_bayes.GaussianNB()'), (None, 'river.optim.SGD(lr=1)'))
    """
    match = _LEADING_NAME.fullmatch(text)
    return (match[1], match[2].strip()) if match else (None, text.strip())


def default_name(text: str) -> str:
    """Return the name of a contender that was given none: its last estimator's class, in snake case.

    >>> default_name("river.preprocessing.StandardScaler() | river.naive_bayes.GaussianNB()")
    'gaussian_nb'
    """
    node = read_expression(text)
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        node = node.right
    called = node.func if isinstance(node, ast.Call) else node
    if not isinstance(called, ast.Attribute | ast.Name):
        refuse(node, "a spec ends in a call, such as majority()")
    last = called.attr if isinstance(called, ast.Attribute) else called.id
    return _WORD_START.sub("_", last).lower()


class _Unquoted(ast.NodeTransformer):
    """Reads the members of a vote that stand in quotes, so that their seeds are written out as well."""

    def visit_Call(self, node: ast.Call) -> ast.Call:
        if isinstance(node.func, ast.Name) and node.func.id == "vote":
            node.args = [
                read_expression(arg.value) if isinstance(arg, ast.Constant) and isinstance(arg.value, str) else arg
                for arg in node.args
            ]
        self.generic_visit(node)
        return node


def list_models() -> list[Entry]:
    """Return (name, signature, summary) of every model a spec can end in: our own first, then River's."""
    own = [
        Entry(name, river_model.shown_signature(found, without="task"), river_model.summary(found))
        for name, found in OWN_MODELS.items()
    ]
    return own + river_model.list_classes(river_model.MODEL_MODULES, "classifier", "regressor")


def list_detectors() -> list[Entry]:
    """Return (name, signature, summary) of every drift detector a spec can name: our own first, then River's."""
    own = [
        Entry(name, river_model.shown_signature(found), river_model.summary(found))
        for name, found in OWN_DETECTORS.items()
    ]
    return own + river_model.list_classes(river_model.DETECTOR_MODULES, "drift detector")
