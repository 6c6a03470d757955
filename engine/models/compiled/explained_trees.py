"""What models made of trees share where somebody asks why."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from engine.messages import Features
from engine.models.compiled.model import Compiled, Floats
from engine.models.compiled.vectors import HEAD_COUNT
from engine.targets import Task

if TYPE_CHECKING:
    from engine.models.compiled.tree_reasons import Reasons


class ExplainedTrees(Compiled):
    """A compiled model that says what each feature on the ways to its leaves, and in them, does to its answer."""

    def explain(self, x: Features) -> dict[str, float]:
        """Return what each feature does to the answer; with `explain_base` the values add up to it.

        The answer is the share of True, in a multiclass task that of the decision, in a regression task the number. On
        the way to a leaf a feature adds how much the child says otherwise than the node; in a leaf that answers by
        naive Bayes its part of what the evidence changes (Aumann and Shapley's), in one that answers by a line its
        weight times its value. A forest's reasons are those of its trees by the weights of their votes, where the
        median decides those of the trees in the middle; an adaptive tree's those of its leaf and of each leaf that
        learns beside a node on the way, which begins from its own share. Cost: some 10 us per node on the ways, and
        1 ms where naive Bayes answers.
        """
        names = self._vectors.names
        said: dict[str, float] = {}
        for column, part in self._reasons_of(x)[1].items():
            said[names[column]] = said.get(names[column], 0.0) + part
        return said

    def explain_base(self, x: Features) -> float:
        """Return what the values of `explain` are added to: the answer at the roots."""
        return self._reasons_of(x)[0]

    def _reasons_of(self, x: Features) -> Reasons:
        from engine.models.compiled.tree_reasons import Reasons

        score = self.predict(x)[1]
        number = self._number_explained()
        if number is None or not (self._task is Task.REGRESSION or self._said.any()):
            return Reasons(score if isinstance(score, float) else 0.0, {})  # nobody has said anything
        return self._reasons(self._one_row[0, HEAD_COUNT:], number)

    def _number_explained(self) -> int | None:
        """Return which of the numbers that nodes keep is explained: here a class's, None where it is not known yet."""
        if self._task is Task.BINARY or not self._classes:
            return self._numbers.get(True)
        return int(self._one_answer[0].argmax())

    @abstractmethod
    def _reasons(self, row: Floats, number: int) -> Reasons:
        """Return the reasons of the answer to a row."""
