"""Learners: the update rules of CNTK. Source: section 13 of the CNTK semantics, and trajectories of CNTK 2.7.

A step has two halves, so that a trainer with several learners changes everything or nothing: `prepare` looks at the
gradients and takes them over, `commit` writes state and parameters and cannot fail.

Gradients, states and scratch of all parameters of one data type lie in flat arrays, one after another. So a step costs
a few array calls in all, not a few for each parameter; where the arrays are long they are passed through in pieces that
stay in the cache. Gradients are summed over the samples, as CNTK has them; the formulas below write g for them, n for
the samples of the minibatch, and r for the rate that belongs to a summed gradient.
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
from .session import current_session
from .value import DTYPES
from .variable import Parameter

__all__ = [
    "DEFAULT_VARIANCE_MOMENTUM",
    "AdaDelta",
    "AdaGrad",
    "Adam",
    "FsAdaGrad",
    "Learner",
    "LearnerOptions",
    "MomentumSgd",
    "Nesterov",
    "RmsProp",
    "Sgd",
]

DEFAULT_VARIANCE_MOMENTUM = Schedule.from_constant(0.9999986111120757, 1)
"""CNTK's decay of squared gradients unless given: exp(-1 / (2 * 3600 * 100)) per sample."""

_PIECE = 32_768  # elements of a piece: five arrays of them fit the second-level cache

Array = NDArray[Any]


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


class _Store:
    """Flat arrays for the parameters of one data type, and their views by parameter and by piece."""

    def __init__(self, parameters: Sequence[Parameter], data_type: str, states: int, per_parameter: bool) -> None:
        self.parameters = parameters
        self.data = [parameter.data for parameter in parameters]
        bounds = np.cumsum([0, *(data.size for data in self.data)]).tolist()
        self.gradient, self.scratch, *self.states = np.zeros((2 + states, bounds[-1]), DTYPES[data_type])
        self.gradients, self.scratches, *self.state_views = (
            [
                flat[start:end].reshape(data.shape)
                for (start, end), data in zip(pairwise(bounds), self.data, strict=True)
            ]
            for flat in (self.gradient, self.scratch, *self.states)
        )
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
        self._stores = [
            _Store(
                [p for p in self.parameters if p.data_type == data_type], data_type, self._states, self._per_parameter
            )
            for data_type in dict.fromkeys(p.data_type for p in self.parameters)
        ]
        self._prepared: tuple[int, bool, float] | None = None

    # A step

    def prepare(self, gradients: Mapping[Parameter, Array], sample_count: int, sweep_end: bool = False) -> bool:
        """Take over the gradients of a minibatch; nothing of the learner or its parameters changes before `commit`.

        Args:
            gradients: for every parameter the gradient summed over the samples, an array of the parameter's reversed
                shape; they may be overwritten after this call.
            sample_count: samples of the minibatch.
            sweep_end: whether the minibatch ends a sweep over the data.
        Returns:
            Whether there is a step to commit: False while the learning rate is 0.
        Raises:
            CntkError: the minibatch is empty, a gradient is missing or has another shape or data type.
        """
        self._prepared = None
        if self.learning_rate.value(self.samples_seen, self.sweeps_seen) == 0.0:
            return False
        if sample_count <= 0:
            raise CntkError("Learner::Update() cannot perform an update with an empty minibatch.")
        rate = self.effective_rate(sample_count)
        mean = 1.0 / sample_count if self.options.use_mean_gradient else 1.0
        factor = self._factor(rate, sample_count)
        regularizes = self.options.clips or self.options.l2_regularization_weight > 0
        for store in self._stores:
            for parameter, into in zip(store.parameters, store.gradients, strict=True):
                gradient = gradients.get(parameter)
                if gradient is None:
                    raise CntkError(f"Learner: no gradient was given for '{parameter.as_string()}'.")
                if gradient.shape != into.shape or gradient.dtype != into.dtype:
                    raise CntkError(
                        f"Learner: the gradient of '{parameter.as_string()}' has another shape or data type."
                    )
                np.multiply(gradient, mean if regularizes else mean * factor, out=into)
            if regularizes:
                self._regularize(store, 1 if self.options.use_mean_gradient else sample_count)
                store.gradient *= factor
        self._prepared = (sample_count, sweep_end, rate)
        return True

    def _regularize(self, store: _Store, weight: int) -> None:
        """Clip, and add the gradient of the squared parameters, in CNTK's order; `weight` counts the summed samples."""
        options = self.options
        if options.clips:
            bound = options.gradient_clipping_threshold_per_sample * weight
            if options.gradient_clipping_with_truncation:
                np.clip(store.gradient, -abs(bound), abs(bound), out=store.gradient)
            else:
                for gradient in store.gradients:
                    norm = math.sqrt(np.vdot(gradient, gradient))
                    if norm > bound:
                        np.multiply(gradient, bound / norm, out=gradient)
        if options.l2_regularization_weight > 0:
            for data, gradient, scratch in zip(store.data, store.gradients, store.scratches, strict=True):
                np.multiply(data, options.l2_regularization_weight * weight, out=scratch)
                np.add(gradient, scratch, out=gradient)

    def commit(self) -> None:
        """Take the step that was prepared last."""
        if self._prepared is None:
            raise CntkError("Learner: there is no prepared step to commit.")
        (sample_count, sweep_end, rate), self._prepared = self._prepared, None
        self._begin(rate, sample_count)
        with np.errstate(all="ignore"):
            for store in self._stores:
                for gradient, scratch, states in store.pieces:
                    self._update(gradient, scratch, states)
                steps = store.gradients if self._step_state is None else store.state_views[self._step_state]
                for data, step in zip(store.data, steps, strict=True):
                    np.subtract(data, step, out=data)
            self._postprocess(rate, sample_count)
        self.samples_seen += sample_count
        self.sweeps_seen += sweep_end
        for parameter in self.parameters:
            parameter.record_value_update()

    def effective_rate(self, sample_count: int) -> float:
        """The rate r for the gradient of a minibatch of so many samples."""
        rate = self.learning_rate.value(self.samples_seen, self.sweeps_seen)
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
        if deviation <= 0 and options.l1_regularization_weight <= 0:
            return
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

    def _power(self, momentum: Schedule, sample_count: int) -> float:
        return momentum.power(self.samples_seen, self.sweeps_seen, sample_count)

    # State

    def reset(self) -> None:
        """Forget what was learned about the gradients; the parameters stay."""
        self.samples_seen = self.sweeps_seen = 0
        self._prepared = None
        for store in self._stores:
            for state in store.states:
                state.fill(0)

    def checkpoint(self) -> dict[str, Any]:
        """The state as plain values and arrays (copies), one list of arrays for each parameter."""
        views = {
            id(parameter): [state[index].copy() for state in store.state_views]
            for store in self._stores
            for index, parameter in enumerate(store.parameters)
        }
        return {
            "learner": self.op_name,
            "samples_seen": self.samples_seen,
            "sweeps_seen": self.sweeps_seen,
            "noise_seed": self._noise_seed,
            "states": [views[id(parameter)] for parameter in self.parameters],
            **self._numbers(),
        }

    def restore(self, checkpoint: Mapping[str, Any]) -> None:
        """Go on from a checkpoint of a learner of the same kind on parameters of the same shapes.

        Raises:
            CntkError: it belongs to another kind of learner or other parameters; nothing has changed then.
        """
        states = checkpoint["states"]
        shapes = [[array.shape for array in arrays] for arrays in states]
        if checkpoint["learner"] != self.op_name or shapes != [[p.data.shape] * self._states for p in self.parameters]:
            raise CntkError(f"The checkpoint does not belong to a {self.op_name} learner on these parameters.")
        arrays = {id(parameter): saved for parameter, saved in zip(self.parameters, states, strict=True)}
        for store in self._stores:
            for index, parameter in enumerate(store.parameters):
                for state, saved in zip(store.state_views, arrays[id(parameter)], strict=True):
                    np.copyto(state[index], saved)
        self.samples_seen, self.sweeps_seen = checkpoint["samples_seen"], checkpoint["sweeps_seen"]
        self._noise_seed = checkpoint["noise_seed"]
        self._prepared = None
        for name in self._numbers():
            setattr(self, f"_{name}", checkpoint[name])

    def _numbers(self) -> dict[str, float]:
        """Numbers of the state besides the arrays: by name, kept in the attribute of that name after an underscore."""
        return {}

    def __str__(self) -> str:
        return self.op_name


class Sgd(Learner):
    """p -= r g"""

    op_name = "SGD"

    def _factor(self, rate: float, sample_count: int) -> float:
        return rate

    def _update(self, g: Array, scratch: Array, states: list[Array]) -> None:
        """The gradient came with the rate: it is the step."""


class _MomentumLearner(Learner):
    """What the rules with a momentum mu share: the factor f of a new gradient is 1 - mu with unit gain, else 1."""

    def __init__(
        self,
        parameters: Sequence[Parameter],
        learning_rate: Schedule,
        momentum: Schedule,
        unit_gain: bool = True,
        options: LearnerOptions | None = None,
    ) -> None:
        super().__init__(parameters, learning_rate, options)
        self.momentum = momentum
        self.unit_gain = unit_gain

    def _begin(self, rate: float, sample_count: int) -> None:
        self._mu = self._power(self.momentum, sample_count)
        self._gain = 1.0 - self._mu if self.unit_gain else 1.0
        self._rate = rate


class MomentumSgd(_MomentumLearner):
    """v = mu v + f r g;  p -= v"""

    op_name = "MomentumSGD"
    _states = 1
    _step_state: int | None = 0

    def _factor(self, rate: float, sample_count: int) -> float:
        return rate * (1.0 - self._power(self.momentum, sample_count)) if self.unit_gain else rate

    def _update(self, g: Array, scratch: Array, states: list[Array]) -> None:
        (v,) = states
        v *= self._mu
        v += g


class Nesterov(MomentumSgd):
    """v = mu v + f r g;  p -= mu v + f r g"""

    op_name = "Nesterov"
    _step_state = None

    def _update(self, g: Array, scratch: Array, states: list[Array]) -> None:
        super()._update(g, scratch, states)
        np.multiply(states[0], self._mu, out=scratch)
        g += scratch


class AdaGrad(Learner):
    """v += g²;  a = 1 / sqrt(v + 1e-16);  p -= r a g, the rate over the mean of a with the average multiplier."""

    op_name = "AdaGrad"
    _states = 1
    _per_parameter = True

    def __init__(
        self,
        parameters: Sequence[Parameter],
        learning_rate: Schedule,
        need_average_multiplier: bool = True,
        options: LearnerOptions | None = None,
    ) -> None:
        super().__init__(parameters, learning_rate, options)
        self.need_average_multiplier = need_average_multiplier

    def _update(self, g: Array, scratch: Array, states: list[Array]) -> None:
        (v,) = states
        np.multiply(g, g, out=scratch)
        v += scratch
        np.add(v, 1e-16, out=scratch)
        np.sqrt(scratch, out=scratch)
        g /= scratch
        if self.need_average_multiplier and g.size:
            np.reciprocal(scratch, out=scratch)
            g *= self._rate / float(scratch.mean())
        else:
            g *= self._rate


class AdaDelta(Learner):
    """v = rho v + (1 - rho) g²;  d = sqrt(D + eps) / sqrt(v + eps) g;  D = rho D + (1 - rho) d²;  p -= r d"""

    op_name = "AdaDelta"
    _states = 2

    def __init__(
        self,
        parameters: Sequence[Parameter],
        learning_rate: Schedule,
        rho: float = 0.95,
        epsilon: float = 1e-8,
        options: LearnerOptions | None = None,
    ) -> None:
        super().__init__(parameters, learning_rate, options)
        self.rho = rho
        self.epsilon = epsilon

    def _update(self, g: Array, scratch: Array, states: list[Array]) -> None:
        v, d = states
        _decay(v, g, scratch, self.rho)
        np.add(v, self.epsilon, out=scratch)
        np.sqrt(scratch, out=scratch)
        g /= scratch
        np.add(d, self.epsilon, out=scratch)
        np.sqrt(scratch, out=scratch)
        g *= scratch
        _decay(d, g, scratch, self.rho)
        g *= self._rate


class RmsProp(Learner):
    """CNTK's RMSProp with a weight w for each element, which grows while the sign of the gradient stays.

    First step: v = g², w = 0.02. Then v = gamma v + (1 - gamma) g²;  w = min(w inc, max) where g has the sign of the
    step before, else max(w dec, min);  a = w / sqrt(v + 1e-6);  p -= r a g, the rate over the mean of a with the
    average multiplier.
    """

    op_name = "RMSProp"
    _states = 3
    _per_parameter = True

    def __init__(
        self,
        parameters: Sequence[Parameter],
        learning_rate: Schedule,
        gamma: float,
        inc: float,
        dec: float,
        max: float,
        min: float,
        need_average_multiplier: bool = True,
        options: LearnerOptions | None = None,
    ) -> None:
        for holds, sentence in (
            (0 < gamma < 1, "gamma must be in range (0.0, 1.0)"),
            (inc > 1, "inc must be greater than 1"),
            (0 < dec < 1, "dec must be in range (0.0, 1.0)"),
            (max > 0 and max > min, "max must be greater than zero and greater than min"),
            (min > 0, "min must be greater than zero"),
        ):
            if not holds:
                raise CntkError(f"RMSProp {sentence}")
        super().__init__(parameters, learning_rate, options)
        self.gamma = gamma
        self.inc, self.dec, self.max, self.min = inc, dec, max, min
        self.need_average_multiplier = need_average_multiplier
        self._steps_taken = 0

    def _begin(self, rate: float, sample_count: int) -> None:
        super()._begin(rate, sample_count)
        self._steps_taken += 1

    def _update(self, g: Array, scratch: Array, states: list[Array]) -> None:
        v, sign, w = states
        if self._steps_taken == 1:
            np.multiply(g, g, out=v)
            w.fill(0.02)
            sign.fill(0)
        _decay(v, g, scratch, self.gamma)
        np.multiply(sign, g, out=scratch)
        same = scratch > 0
        np.multiply(w, self.dec, out=scratch)
        np.maximum(scratch, self.min, out=scratch)
        w *= self.inc
        np.minimum(w, self.max, out=w)
        np.copyto(w, scratch, where=~same)
        np.sign(g, out=sign)
        np.add(v, float(np.float32(1e-6)), out=scratch)
        np.sqrt(scratch, out=scratch)
        np.divide(w, scratch, out=scratch)
        g *= scratch
        g *= self._rate / float(scratch.mean()) if self.need_average_multiplier and g.size else self._rate

    def reset(self) -> None:
        super().reset()
        self._steps_taken = 0

    def _numbers(self) -> dict[str, float]:
        return {"steps_taken": self._steps_taken}


class Adam(_MomentumLearner):
    """m = b1 m + f g;  v = b2 v + (1 - b2) g²;  p -= r sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + eps)

    With `adamax`: v = max(b2 v, |g|);  p -= r / (1 - b1^t) m / (v + eps). t counts the steps.
    """

    op_name = "Adam"
    _states = 2

    def __init__(
        self,
        parameters: Sequence[Parameter],
        learning_rate: Schedule,
        momentum: Schedule,
        unit_gain: bool = True,
        variance_momentum: Schedule = DEFAULT_VARIANCE_MOMENTUM,
        epsilon: float = 1e-8,
        adamax: bool = False,
        options: LearnerOptions | None = None,
    ) -> None:
        if epsilon < 0:
            raise CntkError(f"Epsilon should be non-negative. You are trying to set it to {epsilon:g}.")
        super().__init__(parameters, learning_rate, momentum, unit_gain, options)
        self.variance_momentum = variance_momentum
        self.epsilon = epsilon
        self.adamax = adamax
        self._steps_taken = 0

    def _begin(self, rate: float, sample_count: int) -> None:
        super()._begin(rate, sample_count)
        self._steps_taken += 1
        self._variance_mu = self._power(self.variance_momentum, sample_count)
        correction = 1.0 if self.adamax else math.sqrt(1.0 - self._variance_mu**self._steps_taken)
        self._rate = rate * correction / (1.0 - self._mu**self._steps_taken)

    def _update(self, g: Array, scratch: Array, states: list[Array]) -> None:
        m, v = states
        if self.adamax:
            v *= self._variance_mu
            np.abs(g, out=scratch)
            np.maximum(v, scratch, out=v)
            np.add(v, self.epsilon, out=scratch)
        else:
            _decay(v, g, scratch, self._variance_mu)
            np.sqrt(v, out=scratch)
            scratch += self.epsilon
        m *= self._mu
        g *= self._gain
        m += g
        np.divide(m, scratch, out=g)
        g *= self._rate

    def reset(self) -> None:
        super().reset()
        self._steps_taken = 0

    def _numbers(self) -> dict[str, float]:
        return {"steps_taken": self._steps_taken}

    def __str__(self) -> str:
        return "AdaMax" if self.adamax else self.op_name


class FsAdaGrad(_MomentumLearner):
    """c = b2 c + (1 - b2) n;  v = b2 v + (1 - b2) g²;  w = min(sqrt(c) / sqrt(v), 10);  m = b1 m + f g w;  p -= r m"""

    op_name = "FSAdaGrad"
    _states = 2

    def __init__(
        self,
        parameters: Sequence[Parameter],
        learning_rate: Schedule,
        momentum: Schedule,
        unit_gain: bool = True,
        variance_momentum: Schedule = DEFAULT_VARIANCE_MOMENTUM,
        options: LearnerOptions | None = None,
    ) -> None:
        super().__init__(parameters, learning_rate, momentum, unit_gain, options)
        self.variance_momentum = variance_momentum
        self._smoothed_count = 0.0

    def _begin(self, rate: float, sample_count: int) -> None:
        super()._begin(rate, sample_count)
        self._variance_mu = self._power(self.variance_momentum, sample_count)
        self._smoothed_count = self._variance_mu * self._smoothed_count + (1.0 - self._variance_mu) * sample_count

    def _update(self, g: Array, scratch: Array, states: list[Array]) -> None:
        m, v = states
        _decay(v, g, scratch, self._variance_mu)
        np.sqrt(v, out=scratch)
        np.divide(math.sqrt(self._smoothed_count), scratch, out=scratch)  # infinite before the first gradient
        np.minimum(scratch, 10.0, out=scratch)
        g *= scratch
        m *= self._mu
        g *= self._gain
        m += g
        np.multiply(m, self._rate, out=g)

    def reset(self) -> None:
        super().reset()
        self._smoothed_count = 0.0

    def _numbers(self) -> dict[str, float]:
        return {"smoothed_count": self._smoothed_count}


def _decay(average: Array, values: Array, scratch: Array, momentum: float) -> None:
    """average = momentum average + (1 - momentum) values²"""
    average *= momentum
    np.multiply(values, values, out=scratch)
    scratch *= 1.0 - momentum
    average += scratch
