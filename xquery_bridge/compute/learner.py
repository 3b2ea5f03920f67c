"""What all learners share. Source: section 13 of the CNTK semantics, and trajectories of CNTK 2.7.

A step has two halves, so that a trainer with several learners changes everything or nothing: `prepare` looks at the
gradients and takes them over, `commit` writes state and parameters and cannot fail.

Gradients, states and scratch of all parameters of one data type lie in flat arrays, one after another. So a step costs
a few array calls in all, not a few for each parameter; where the arrays are long they are passed through in pieces that
stay in the cache. Gradients are summed over the samples, as CNTK has them; the formulas below write g for them, n for
the samples of the minibatch, and r for the rate that belongs to a summed gradient.

A table of which a minibatch looks rows up has a `RowGradient`. Where the rule leaves rows without a gradient alone, or
CNTK's does for sparse gradients, those rows cost nothing; elsewhere, and where CNTK refuses a sparse gradient, the
gradient is written out and the whole table updated.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import CntkError
from .random import RandomStream
from .schedules import Schedule
from .session import current_session, session_in_force
from .sparse import RowGradient
from .value import DTYPES
from .variable import Parameter, Variable

__all__ = ["Array", "Learner", "LearnerOptions", "Store"]

_PIECE = 32_768  # elements of a piece: five arrays of them fit the second-level cache

Array = NDArray[Any]
Gradient = Array | RowGradient


@dataclass(frozen=True, slots=True)
class LearnerOptions:
    """CNTK's AdditionalLearningOptions; weights and deviations that are not positive do nothing.

    Attributes:
        l1_regularization_weight: shrinks parameters towards 0 by r · weight · n after the update.
        l2_regularization_weight: adds weight · n · parameter to the gradient.
        gaussian_noise_injection_std_dev: deviation of the noise added to parameters after the update.
        gradient_clipping_threshold_per_sample: times n the bound of the gradient.
        gradient_clipping_with_truncation: bound each element; False: scale the tensor to that 2-norm.
        use_mean_gradient: average gradients over the minibatch instead of summing them.
    """

    l1_regularization_weight: float = 0.0
    l2_regularization_weight: float = 0.0
    gaussian_noise_injection_std_dev: Schedule | float = 0.0
    gradient_clipping_threshold_per_sample: float = math.inf
    gradient_clipping_with_truncation: bool = True
    use_mean_gradient: bool = False

    @property
    def clips(self) -> bool:
        """Whether gradients are bounded."""
        return self.gradient_clipping_threshold_per_sample != math.inf

    @property
    def postprocesses(self) -> bool:
        """Whether anything is done to the parameters after the update."""
        deviation = self.gaussian_noise_injection_std_dev
        return self.l1_regularization_weight > 0 or isinstance(deviation, Schedule) or deviation > 0


class Store:
    """Flat arrays for the parameters of one data type, and their views by parameter and by piece."""

    def __init__(self, parameters: Sequence[Parameter], data_type: str, states: int, per_parameter: bool) -> None:
        self.parameters = parameters
        self.rows: tuple[RowGradient, Array, Array] | None = None
        """Of a table: its gradient in the step at hand, the rows and what is left of their gradients."""
        self.steps = 0
        self.table: RowGradient | None = None
        self.steps_of_rows: Array | None = None
        """How many steps are in the states of each row of a table, where a rule lets rows wait."""
        self.data = [parameter.data for parameter in parameters]
        bounds = np.cumsum([0, *(data.size for data in self.data)]).tolist()
        self.gradient, self.scratch, *self.states = np.zeros((2 + states, bounds[-1]), DTYPES[data_type])
        self.factor = np.ones((), DTYPES[data_type])
        """Of the gradients that are taken over: as an array it costs a small call less than as a number."""
        self.gradients, self.scratches, *self.state_views = (
            [
                flat[start:end].reshape(data.shape)
                for (start, end), data in zip(pairwise(bounds), self.data, strict=True)
            ]
            for flat in (self.gradient, self.scratch, *self.states)
        )
        self.slots = list(zip(parameters, self.gradients, strict=True))
        cuts = bounds if per_parameter else [*range(0, bounds[-1], _PIECE), bounds[-1]]
        self.pieces: list[tuple[Array, Array, list[Array]]] = [
            (self.gradient[start:end], self.scratch[start:end], [state[start:end] for state in self.states])
            for start, end in pairwise(cuts)
        ]


class Learner(ABC):
    """One update rule on some parameters.

    Attributes:
        parameters: what it learns.
        learning_rate: the schedule of the rate.
        samples_seen, sweeps_seen: decide which value of a schedule is in force; a step without rate does not count.
    """

    op_name = ""
    """The rule's name in descriptions."""
    _states = 0
    """How many arrays of the size of the parameters the rule keeps."""
    _numbers: tuple[str, ...] = ()
    """Numbers it keeps besides: each in an attribute of that name after an underscore, which the class starts."""
    _step_state: int | None = None
    """The state that holds the step to take after `_update`; None: the step replaces the gradient."""
    _per_parameter = False
    """Whether `_update` must see each parameter as a whole."""

    def __init__(
        self, parameters: Sequence[Parameter], learning_rate: Schedule, options: LearnerOptions | None = None
    ) -> None:
        if not parameters:
            raise CntkError("The parameters list specified to a Learner must not be empty.")
        if len(set(map(id, parameters))) != len(parameters):
            raise CntkError("Learner's parameters list must not contain duplicates.")
        self.parameters = tuple(parameters)
        self.learning_rate = learning_rate
        self.options = options or LearnerOptions()
        self.samples_seen = 0
        self.sweeps_seen = 0
        self._noise_seed = current_session().next_seed()
        self._tables: frozenset[Parameter] = frozenset()
        self._stores = self._stores_for(self._tables)
        self._prepared: tuple[int, bool, float] | None = None

    def _stores_for(self, tables: frozenset[Parameter]) -> list[Store]:
        """A store for the parameters of each data type, and one for each table."""
        groups: dict[Any, list[Parameter]] = {}
        for parameter in self.parameters:
            groups.setdefault(parameter if parameter in tables else parameter.data_type, []).append(parameter)
        return [Store(group, group[0].data_type, self._states, self._per_parameter) for group in groups.values()]

    def _set_apart(self, tables: frozenset[Parameter]) -> None:
        """Gives parameters whose gradients come by rows a store each."""
        stores = self._stores_for(self._tables | tables)
        states = self._states_of_parameters()
        for store in stores:
            for index, parameter in enumerate(store.parameters):
                for view, state in zip(store.state_views, states[parameter], strict=True):
                    if state.any():  # memory that was never written takes no room
                        np.copyto(view[index], state)
        self._stores, self._tables = stores, self._tables | tables

    def _states_of_parameters(self) -> dict[Parameter, list[Array]]:
        for store in self._stores:
            self._catch_up(store)
        return {
            parameter: [state[index] for state in store.state_views]
            for store in self._stores
            for index, parameter in enumerate(store.parameters)
        }

    # A step

    def prepare(self, gradients: Mapping[Variable, Gradient], sample_count: int, sweep_end: bool = False) -> bool:
        """Take over the gradients of a minibatch; nothing of the learner or its parameters changes before `commit`.

        Args:
            gradients: for every parameter the gradient summed over the samples, an array of the parameter's reversed
                shape or the rows of one; they may be overwritten after this call. Others may be among them.
            sample_count: samples of the minibatch.
            sweep_end: whether the minibatch ends a sweep over the data.
        Returns:
            Whether there is a step to commit: False while the learning rate is 0.
        Raises:
            CntkError: the minibatch is empty, a gradient is missing or has another shape or data type.
        """
        self._prepared = None
        options = self.options
        rate = self.learning_rate.value(self.samples_seen, self.sweeps_seen)
        if rate == 0.0:
            return False
        if sample_count <= 0:
            raise CntkError("Learner::Update() cannot perform an update with an empty minibatch.")
        rate = self._effective_rate(rate, sample_count)
        mean = 1.0 / sample_count if options.use_mean_gradient else 1.0
        factor = self._factor(rate, sample_count)
        regularizes = options.clips or options.l2_regularization_weight > 0
        weight = 1 if options.use_mean_gradient else sample_count
        if RowGradient in map(type, gradients.values()):
            tables = frozenset(p for p in self.parameters if isinstance(gradients.get(p), RowGradient))
            if not tables <= self._tables:
                self._set_apart(tables)
        multiply = np.multiply
        for store in self._stores:
            store.rows = None
            given = gradients.get(store.parameters[0])
            if isinstance(given, RowGradient) and self._takes_rows(given):
                index, sums = given.merged()
                taken = sums * (mean if regularizes else mean * factor)
                if regularizes:
                    self._clip(taken, [taken], weight)
                    taken *= factor
                store.rows = (given, index, taken)
                continue
            first_factor = store.factor
            first_factor[()] = mean if regularizes else mean * factor
            for parameter, into in store.slots:
                gradient = gradients.get(parameter)
                if gradient is None:
                    raise CntkError(f"Learner: no gradient was given for '{parameter.as_string()}'.")
                if isinstance(gradient, RowGradient):
                    gradient = gradient.dense()
                if gradient.dtype is not into.dtype or gradient.shape != into.shape:
                    raise CntkError(
                        f"Learner: the gradient of '{parameter.as_string()}' has another shape or data type."
                    )
                multiply(gradient, first_factor, into)
            if regularizes:
                self._regularize(store, weight)
                store.gradient *= factor
        self._prepared = (sample_count, sweep_end, rate)
        return True

    def _regularize(self, store: Store, weight: int) -> None:
        """Clip, and add the gradient of the squared parameters, in CNTK's order; `weight` counts the summed samples."""
        options = self.options
        if options.clips:
            self._clip(store.gradient, store.gradients, weight)
        if options.l2_regularization_weight > 0:
            for data, gradient, scratch in zip(store.data, store.gradients, store.scratches, strict=True):
                np.multiply(data, options.l2_regularization_weight * weight, out=scratch)
                np.add(gradient, scratch, out=gradient)

    def _clip(self, whole: Array, gradients: Sequence[Array], weight: int) -> None:
        bound = self.options.gradient_clipping_threshold_per_sample * weight
        if self.options.gradient_clipping_with_truncation:
            np.clip(whole, -abs(bound), abs(bound), out=whole)
            return
        for gradient in gradients:
            norm = math.sqrt(np.vdot(gradient, gradient))
            if norm > bound:
                np.multiply(gradient, bound / norm, out=gradient)

    def commit(self) -> None:
        """Take the step that was prepared last."""
        if self._prepared is None:
            raise CntkError("Learner: there is no prepared step to commit.")
        (sample_count, sweep_end, rate), self._prepared = self._prepared, None
        self._begin(rate, sample_count)
        if session_in_force() is not None:
            self._step(rate, sample_count)
        else:
            with np.errstate(all="ignore"):
                self._step(rate, sample_count)
        self.samples_seen += sample_count
        self.sweeps_seen += sweep_end
        for parameter in self.parameters:
            parameter.record_value_update()

    def _step(self, rate: float, sample_count: int) -> None:
        subtract = np.subtract
        for store in self._stores:
            if store.rows is not None:
                store.steps += 1
                self._update_rows(store, *store.rows)
                store.rows = None
                continue
            self._catch_up(store)
            store.steps += 1
            for gradient, scratch, states in store.pieces:
                self._update(gradient, scratch, states)
            steps = store.gradients if self._step_state is None else store.state_views[self._step_state]
            for data, step in zip(store.data, steps):  # noqa: B905 - as many by construction
                subtract(data, step, data)
        if self.options.postprocesses:
            self._postprocess(rate, sample_count)

    def effective_rate(self, sample_count: int) -> float:
        """The rate r for the gradient of a minibatch of so many samples."""
        return self._effective_rate(self.learning_rate.value(self.samples_seen, self.sweeps_seen), sample_count)

    def _effective_rate(self, rate: float, sample_count: int) -> float:
        size = self.learning_rate.minibatch_size
        if self.options.use_mean_gradient:
            return rate if size <= 1 else rate * sample_count / size
        return rate / (size or sample_count)

    def _postprocess(self, rate: float, sample_count: int) -> None:
        """Noise, then the soft threshold of l1, on the new parameters."""
        options = self.options
        deviation = options.gaussian_noise_injection_std_dev
        if isinstance(deviation, Schedule):
            deviation = deviation.value(self.samples_seen, self.sweeps_seen)
        shrink = rate * options.l1_regularization_weight * (1 if options.use_mean_gradient else sample_count)
        for parameter, scratch in self._in_order():
            data = parameter.data
            if deviation > 0:
                RandomStream(self._noise_seed).normal(scratch, 0.0, deviation)
                self._noise_seed += 1
                data += scratch
            if options.l1_regularization_weight > 0:
                np.clip(data, -shrink, shrink, out=scratch)
                data -= scratch

    def _in_order(self) -> Iterator[tuple[Parameter, Array]]:
        """The parameters in the order given, each with scratch of its shape."""
        scratch = {
            id(parameter): view
            for store in self._stores
            for parameter, view in zip(store.parameters, store.scratches, strict=True)
        }
        return ((parameter, scratch[id(parameter)]) for parameter in self.parameters)

    def _factor(self, rate: float, sample_count: int) -> float:
        """A factor of the gradient that the rule has before anything else."""
        return 1.0

    def _begin(self, rate: float, sample_count: int) -> None:
        """Settle the numbers of one step before its pieces are updated."""
        self._rate = rate

    @abstractmethod
    def _update(self, g: Array, scratch: Array, states: list[Array]) -> None:
        """Turn the gradient `g` into the step to subtract; all arrays are flat and may be written."""

    def _takes_rows(self, gradient: RowGradient) -> bool:
        """Whether only the rows of a gradient need to be updated."""
        return self.options.l2_regularization_weight <= 0 and self._leaves_rows_alone(gradient.whole_table)

    def _leaves_rows_alone(self, whole_table: bool) -> bool:
        """Whether the rule changes nothing, or nothing that cannot wait, in rows without a gradient.

        Args:
            whole_table: the rule for dense gradients is meant; CNTK's rule for sparse ones may be another.
        """
        return False

    def _update_rows(self, store: Store, table: RowGradient, index: Array, gradient: Array) -> None:
        """Update some rows of a table."""
        states = [table.matrix(state) for state in store.states]
        taken = [state[index] for state in states]
        self._update(gradient, np.empty_like(gradient), taken)
        for state, new in zip(states, taken, strict=True):
            state[index] = new
        table.matrix(store.data[0])[index] -= gradient if self._step_state is None else taken[self._step_state]

    def _catch_up(self, store: Store) -> None:  # noqa: B027 - most rules let no row wait
        """Bring the states of rows that were let wait up to date, before all of them are read."""

    def _power(self, momentum: Schedule, sample_count: int) -> float:
        return momentum.power(self.samples_seen, self.sweeps_seen, sample_count)

    # State

    def reset(self) -> None:
        """Forget what was learned about the gradients; the parameters stay."""
        self.samples_seen = self.sweeps_seen = 0
        self._prepared = None
        for name in self._numbers:
            setattr(self, f"_{name}", getattr(type(self), f"_{name}"))
        for store in self._stores:
            store.steps_of_rows = None
            for state in store.states:
                state.fill(0)

    def checkpoint(self) -> dict[str, Any]:
        """The state as plain values and arrays (copies), one list of arrays for each parameter."""
        states = self._states_of_parameters()
        return {
            "learner": self.op_name,
            "samples_seen": self.samples_seen,
            "sweeps_seen": self.sweeps_seen,
            "noise_seed": self._noise_seed,
            "states": [[state.copy() for state in states[parameter]] for parameter in self.parameters],
            **{name: getattr(self, f"_{name}") for name in self._numbers},
        }

    def check(self, checkpoint: Mapping[str, Any]) -> None:
        """Refuse a checkpoint that `restore` cannot go on from.

        Raises:
            CntkError: it belongs to another kind of learner or to parameters of other shapes.
        """
        shapes = [[array.shape for array in arrays] for arrays in checkpoint["states"]]
        if checkpoint["learner"] != self.op_name or shapes != [[p.data.shape] * self._states for p in self.parameters]:
            raise CntkError(f"The checkpoint does not belong to a {self.op_name} learner on these parameters.")

    def restore(self, checkpoint: Mapping[str, Any]) -> None:
        """Go on from a checkpoint; one that `check` refuses changes nothing."""
        self.check(checkpoint)
        states = zip(self.parameters, checkpoint["states"], strict=True)
        arrays = {id(parameter): saved for parameter, saved in states}
        for store in self._stores:
            store.steps_of_rows = None
            for index, parameter in enumerate(store.parameters):
                for state, saved in zip(store.state_views, arrays[id(parameter)], strict=True):
                    np.copyto(state[index], saved)
        self.samples_seen, self.sweeps_seen = checkpoint["samples_seen"], checkpoint["sweeps_seen"]
        self._noise_seed = checkpoint["noise_seed"]
        self._prepared = None
        for name in self._numbers:
            setattr(self, f"_{name}", checkpoint[name])

    def __str__(self) -> str:
        return self.op_name
