"""The trainer: one step is forward, backward and update, all or nothing. Source: cntk-semantics section 13."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from .errors import CntkError
from .evaluation import Executor
from .graph import Function, as_variable
from .tensor import Array, Tensor
from .value import Value
from .variable import Parameter, Variable

__all__ = ["Learner", "Trainer"]


class Learner(Protocol):
    """What updates parameters: `prepare` computes the new state aside, `commit` puts it in force."""

    parameters: Sequence[Parameter]

    def prepare(self, gradients: Mapping[Parameter, Array], sample_count: int, sweep_end: bool = False) -> bool:
        """Computes the new parameters and state; False when nothing would change."""
        ...

    def commit(self) -> None:
        """Puts what was prepared in force."""
        ...


class Trainer:
    """Trains the parameters of a model.

    Args:
        model: the function that is trained, given back by `model`.
        loss: what is made small; all elements of the minibatch are added up.
        evaluation: a second criterion, or None.
        learners: each parameter belongs to at most one of them.
    """

    def __init__(
        self,
        model: Function | Variable,
        loss: Function | Variable,
        evaluation: Function | Variable | None,
        learners: Sequence[Learner],
    ) -> None:
        self.model = model
        self.loss = as_variable(loss)
        self.evaluation = None if evaluation is None else as_variable(evaluation)
        self.learners = list(learners)
        self.parameters: list[Parameter] = [p for learner in self.learners for p in learner.parameters]
        if len(set(self.parameters)) != len(self.parameters):
            raise CntkError("Trainer: a parameter cannot belong to several learners.")
        self.total_number_of_samples_seen = 0
        self._count = 0
        self._loss_sum = 0.0
        self._evaluation_sum = 0.0
        self._evaluation_count = 0
        self._executor: Executor | None = None

    def train_minibatch(self, bindings: Mapping[Variable, Value], sweep_end: bool = False) -> bool:
        """One step.

        Args:
            bindings: a value for each argument of loss and evaluation.
            sweep_end: a sweep over the data ends with this minibatch.
        Returns:
            Whether the parameters were updated (False with a learning rate of 0).
        """
        executor = self._executor
        if executor is None or not executor.is_current:
            roots = [self.loss] if self.evaluation is None else [self.loss, self.evaluation]
            executor = self._executor = Executor(roots, True, self.parameters)
        plan, bound = executor.run(bindings)
        loss, loss_tensor = plan.outputs[0]
        count = _sample_count(self.loss, loss_tensor, bound)
        updated = True
        for learner in self.learners:
            own = {p: plan.gradients[p] for p in learner.parameters}
            updated = learner.prepare(own, count, sweep_end) is not False and updated
        loss_sum = float(loss.sum())
        evaluation_sum, evaluation_count = 0.0, 0
        if self.evaluation is not None:
            result, tensor = plan.outputs[1]
            evaluation_sum = float(result.sum())
            evaluation_count = _sample_count(self.evaluation, tensor, bound)
        for learner in self.learners:
            learner.commit()
        plan.commit()
        self._count, self._loss_sum = count, loss_sum
        self._evaluation_sum, self._evaluation_count = evaluation_sum, evaluation_count
        self.total_number_of_samples_seen += count
        return updated

    @property
    def previous_minibatch_loss_average(self) -> float:
        """The summed loss of the last minibatch over its samples, before the update."""
        self._require_minibatch()
        return self._loss_sum / self._count

    @property
    def previous_minibatch_evaluation_average(self) -> float:
        """The summed evaluation criterion of the last minibatch over its samples."""
        if self.evaluation is None:
            raise CntkError(
                "Trainer::PreviousMinibatchEvaluationAverage: Cannot get evaluation criterion value when no evaluation "
                "function was specified during 'this' trainer's construction"
            )
        self._require_minibatch()
        return self._evaluation_sum / self._evaluation_count

    @property
    def previous_minibatch_sample_count(self) -> int:
        """Samples of the last minibatch; 0 before the first one."""
        return self._count

    def _require_minibatch(self) -> None:
        if self._count == 0:
            raise CntkError("There was no preceding call to TrainMinibatch or the minibatch was empty.")


def _sample_count(criterion: Variable, tensor: Tensor, bound: dict[Variable, Value]) -> int:
    """Samples behind a criterion: its own frames, else those of the nearest variable below it that has any."""
    if tensor.layout is not None:
        return tensor.layout.frames
    seen: set[int] = set()
    level: list[Any] = [criterion]
    while level:
        below: list[Any] = []
        for variable in level:
            if variable in bound and bound[variable].has_batch:
                return len(bound[variable].array)
            owner = variable.owner
            if owner is not None and id(owner) not in seen:
                seen.add(id(owner))
                below.extend(owner.operands)
        level = below
    return 1
