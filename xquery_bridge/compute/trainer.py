"""The trainer: one step is forward, backward and update, all or nothing. Source: cntk-semantics section 13."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from xquery_bridge.interruption import unbroken

from .errors import CntkError
from .evaluation import Executor
from .graph import BlockFunction, Function, as_variable, functions_of, leaves_of
from .learners import Learner
from .random import RandomStream
from .session import current_session
from .value import Value
from .variable import Constant, Parameter, Variable

__all__ = ["Trainer"]


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
        self.parameters = _parameters_of(self.learners, [model, self.loss, self.evaluation])
        self._counted = _variable_with_samples(self.loss)
        self._count = 0
        self._loss_sum = 0.0
        self._evaluation_sum = 0.0
        self._executor: Executor | None = None

    def train_minibatch(self, bindings: Mapping[Variable, Value], sweep_end: bool = False) -> bool:
        """One step.

        Args:
            bindings: a value for each argument of loss and evaluation.
            sweep_end: a sweep over the data ends with this minibatch.
        Returns:
            Whether a learner updated its parameters (not while its learning rate is 0).
        Raises:
            CntkError: a value is missing or does not fit, or a learner refuses; nothing has changed then.
        """
        executor = self._executor
        if executor is None or not executor.is_current:
            roots = [self.loss, self._counted]
            if self.evaluation is not None:
                roots.append(self.evaluation)
            executor = self._executor = Executor(roots, True, self.parameters, row_gradients=True)
        plan = executor.run_often(bindings)
        layout = plan.outputs[1][1].layout
        count = 1 if layout is None else layout.frames
        moving = [learner for learner in self.learners if learner.prepare(plan.gradients, count, sweep_end)]
        loss_sum = float(plan.outputs[0][0].sum())
        evaluation_sum = 0.0 if self.evaluation is None else float(plan.outputs[2][0].sum())
        with unbroken:
            for learner in moving:
                learner.commit()
            plan.commit()
            self._count, self._loss_sum, self._evaluation_sum = count, loss_sum, evaluation_sum
        progress = current_session().progress
        if progress is not None:
            progress.count("training", count, loss_sum / count)
        return bool(moving)

    @property
    def total_number_of_samples_seen(self) -> int:
        """Samples that the first learner has learned from; those at a learning rate of 0 do not count."""
        return self.learners[0].samples_seen

    @property
    def previous_minibatch_loss_average(self) -> float:
        """The summed loss of the last minibatch over its samples, before the update."""
        self._require_minibatch()
        return self._loss_sum / self._count

    @property
    def previous_minibatch_evaluation_average(self) -> float:
        """The summed evaluation criterion of the last minibatch over the samples of the loss."""
        if self.evaluation is None:
            raise CntkError(
                "Trainer::PreviousMinibatchEvaluationAverage: Cannot get evaluation criterion value when no evaluation "
                "function was specified during 'this' trainer's construction"
            )
        self._require_minibatch()
        return self._evaluation_sum / self._count

    @property
    def previous_minibatch_sample_count(self) -> int:
        """Samples of the last minibatch; 0 before the first one."""
        return self._count

    def checkpoint(self) -> dict[str, Any]:
        """All that training has changed, as plain values and arrays (copies), which may be pickled.

        Returns:
            The `values` of the model's parameters and constants, the seed and the offset of its `random` operators,
            the states of its `learners`. CNTK: Trainer.save_checkpoint, which writes them to files.
        """
        stored, random = self._changing()
        return {
            "values": [variable.data.copy() for variable in stored],
            "random": [_place_of(function) for function in random],
            "learners": [learner.checkpoint() for learner in self.learners],
        }

    def restore(self, checkpoint: Mapping[str, Any]) -> None:
        """Go on from a checkpoint of a trainer that was built in the same way. CNTK: restore_from_checkpoint.

        Raises:
            CntkError: it belongs to another model or to other learners; nothing has changed then.
        """
        stored, random = self._changing()
        values, places, learners = checkpoint["values"], checkpoint["random"], checkpoint["learners"]
        found, wanted = ([(a.shape, a.dtype) for a in arrays] for arrays in (values, [v.data for v in stored]))
        if found != wanted or len(places) != len(random):
            raise CntkError("The checkpoint does not belong to a trainer of this model.")
        if len(learners) != len(self.learners):
            raise CntkError(f"The checkpoint has {len(learners)} learners, the trainer {len(self.learners)}.")
        for learner, saved in zip(self.learners, learners, strict=True):
            learner.check(saved)
        with unbroken:
            for variable, array in zip(stored, values, strict=True):
                variable.data = array
                variable.record_value_update()
            for function, place in zip(random, places, strict=True):
                _continue_from(function, *place)
            for learner, saved in zip(self.learners, learners, strict=True):
                learner.restore(saved)

    def _changing(self) -> tuple[list[Parameter | Constant], list[Function]]:
        """The parameters and constants of the model, and its operators that draw random numbers."""
        roots = [self.model, self.loss, *([] if self.evaluation is None else [self.evaluation])]
        owners = [root.root_function if isinstance(root, Function) else root.owner for root in roots]
        functions = dict.fromkeys(f for owner in owners if owner is not None for f in _with_insides(owner))
        operands = [*self.parameters, *(variable for function in functions for variable in function.operands)]
        stored = dict.fromkeys(variable for variable in operands if isinstance(variable, (Parameter, Constant)))
        return list(stored), [function for function in functions if "rngSeed" in function.attributes]

    def _require_minibatch(self) -> None:
        if self._count == 0:
            raise CntkError("There was no preceding call to TrainMinibatch or the minibatch was empty.")


def _parameters_of(learners: Sequence[Learner], roots: Sequence[Function | Variable | None]) -> list[Parameter]:
    """The parameters of the learners, checked against the graphs they are to be learned from."""
    if not learners:
        raise CntkError("These must be at least one learner.")
    learned: Counter[Parameter] = Counter(p for learner in learners for p in learner.parameters)
    for parameter, times in learned.items():
        if times > 1:
            raise CntkError(f"Parameter '{parameter.as_string()}' is covered by {times} different learners")
    known = {leaf for root in roots if root is not None for leaf in _leaves(root)}
    foreign = [p for p in learned if p not in known]
    if foreign:
        raise CntkError(
            f"Trainer ctor: {len(foreign)} of the learner parameters '{', '.join(p.as_string() for p in foreign)}' are "
            "not part of the model specified"
        )
    return list(learned)


def _with_insides(root: Function) -> Iterator[Function]:
    """The functions below a root, also those inside blocks."""
    for function in functions_of(root):
        yield function
        if isinstance(function, BlockFunction):
            yield from _with_insides(function.composite.root_function)


def _place_of(random: Function) -> tuple[int, int]:
    """The seed of a random operator, and how many numbers it has drawn."""
    attributes, stream = random.attributes, random.state.get("stream")
    return attributes["rngSeed"], stream.offset if stream is not None else attributes.get("rngOffset", 0)


def _continue_from(random: Function, seed: int, offset: int) -> None:
    random.attributes["rngSeed"] = seed
    stream = random.state.setdefault("stream", RandomStream(seed))
    stream.restart(seed, offset)  # the same object: plans draw from it


def _leaves(root: Function | Variable) -> list[Variable]:
    if isinstance(root, Function):
        return leaves_of(root.root_function)
    return [root] if root.owner is None else leaves_of(root.owner)


def _variable_with_samples(loss: Variable) -> Variable:
    """The variable whose samples are counted: the loss, else the first below it that has dynamic axes."""
    if loss.dynamic_axes:
        return loss
    functions = [] if loss.owner is None else [loss.owner]
    seen = set(functions)
    while functions:
        function = functions.pop()
        for variable in (*function.outputs, *function.operands):
            if variable.dynamic_axes:
                return variable
        below = [v.owner for v in function.operands if v.owner is not None and v.owner not in seen]
        seen.update(below)
        functions += reversed(below)
    raise CntkError(
        f"Trainer: Failed to find a variable underlying the graph rooted at specified loss function "
        f"'{loss.as_string() if loss.owner is None else loss.owner.as_string()}', from which the training sample count "
        "can be determined."
    )
