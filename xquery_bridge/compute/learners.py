"""CNTK's update rules: g is a gradient summed over the n samples, r the rate that belongs to it (see `learner`)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .errors import CntkError
from .learner import Array, Learner, LearnerOptions, Store
from .schedules import Schedule
from .sparse import RowGradient
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


class Sgd(Learner):
    """p -= r g"""

    op_name = "SGD"

    def _factor(self, rate: float, sample_count: int) -> float:
        return rate

    def _update(self, g: Array, scratch: Array, states: list[Array]) -> None:
        """The gradient came with the rate: it is the step."""

    def _leaves_rows_alone(self, whole_table: bool) -> bool:
        return True


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
    """v = mu v + f r g;  p -= v

    With sparse gradients CNTK does so for the rows that have one; the others stay, and so does their v.
    """

    op_name = "MomentumSGD"
    _states = 1
    _step_state: int | None = 0

    def _factor(self, rate: float, sample_count: int) -> float:
        return rate * (1.0 - self._power(self.momentum, sample_count)) if self.unit_gain else rate

    def _update(self, g: Array, scratch: Array, states: list[Array]) -> None:
        (v,) = states
        v *= self._mu
        v += g

    def _leaves_rows_alone(self, whole_table: bool) -> bool:
        return not whole_table


class Nesterov(MomentumSgd):
    """v = mu v + f r g;  p -= mu v + f r g

    With sparse gradients CNTK's v lacks the rate, and is added to all rows: v = mu v + f g in the rows with a gradient,
    then p -= mu v everywhere and p -= f r g in those rows.
    """

    op_name = "Nesterov"
    _step_state = None

    def _update(self, g: Array, scratch: Array, states: list[Array]) -> None:
        super()._update(g, scratch, states)
        np.multiply(states[0], self._mu, out=scratch)
        g += scratch

    def _update_rows(self, store: Store, table: RowGradient, index: Array, gradient: Array) -> None:
        v, data = table.matrix(store.states[0]), table.matrix(store.data[0])
        v[index] = v[index] * self._mu + gradient / self._rate
        np.subtract(data, v * self._mu, out=data)
        data[index] -= gradient


class AdaGrad(Learner):
    """v += g²;  a = 1 / sqrt(v + 1e-16);  p -= r a g, the rate over the mean of a with the average multiplier.

    With sparse gradients CNTK's mean is that of the rows with a gradient.
    """

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

    def _leaves_rows_alone(self, whole_table: bool) -> bool:
        return not (whole_table and self.need_average_multiplier)


class AdaDelta(Learner):
    """v = rho v + (1 - rho) g²;  d = sqrt(D + eps) / sqrt(v + eps) g;  D = rho D + (1 - rho) d²;  p -= r d

    Rows of a table that wait for a gradient decay when it comes.
    """

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

    def _leaves_rows_alone(self, whole_table: bool) -> bool:
        return True

    def _update_rows(self, store: Store, table: RowGradient, index: Array, gradient: Array) -> None:
        if store.steps_of_rows is None:
            store.steps_of_rows = np.full(table.count, store.steps - 1)
            store.table = table
        waited = self.rho ** (store.steps - 1 - store.steps_of_rows[index])[:, None]
        for state in store.states:
            rows = table.matrix(state)
            rows[index] *= waited
        store.steps_of_rows[index] = store.steps
        super()._update_rows(store, table, index, gradient)

    def _catch_up(self, store: Store) -> None:
        if store.steps_of_rows is None or store.table is None:
            return
        waited = self.rho ** (store.steps - store.steps_of_rows)[:, None]
        for state in store.states:
            rows = store.table.matrix(state)
            rows *= waited
        store.steps_of_rows = None


class RmsProp(Learner):
    """CNTK's RMSProp with a weight w for each element, which grows while the sign of the gradient stays.

    First step: v = g², w = 0.02. Then v = gamma v + (1 - gamma) g²;  w = min(w inc, max) where g has the sign of the
    step before, else max(w dec, min);  a = w / sqrt(v + 1e-6);  p -= r a g, the rate over the mean of a with the
    average multiplier.
    """

    op_name = "RMSProp"
    _states = 3
    _numbers = ("steps_taken",)
    _per_parameter = True
    _steps_taken = 0

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


class Adam(_MomentumLearner):
    """m = b1 m + f g;  v = b2 v + (1 - b2) g²;  p -= r sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + eps)

    With `adamax`: v = max(b2 v, |g|);  p -= r / (1 - b1^t) m / (v + eps). t counts the steps.
    """

    op_name = "Adam"
    _states = 2
    _numbers = ("steps_taken",)
    _steps_taken = 0

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

    def __str__(self) -> str:
        return "AdaMax" if self.adamax else self.op_name


class FsAdaGrad(_MomentumLearner):
    """c = b2 c + (1 - b2) n;  v = b2 v + (1 - b2) g²;  w = min(sqrt(c) / sqrt(v), 10);  m = b1 m + f g w;  p -= r m"""

    op_name = "FSAdaGrad"
    _states = 2
    _numbers = ("smoothed_count",)
    _smoothed_count = 0.0

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


def _decay(average: Array, values: Array, scratch: Array, momentum: float) -> None:
    """average = momentum average + (1 - momentum) values²"""
    average *= momentum
    np.multiply(values, values, out=scratch)
    scratch *= 1.0 - momentum
    average += scratch
