"""Batch normalization. Source: cntk-semantics section 6."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from ..errors import CntkError
from ..graph import Function, PrimitiveFunction
from ..plan import Node, PlanBuilder
from ..shape import INFERRED, Shape
from ..tensor import Array
from ..variable import Constant, Parameter, Variable
from .convolution import written
from .operator import Operand, Operator, call, register

__all__ = ["batch_normalization"]


class _Statistics:
    """What one normalization uses and changes: the running values and the plan of the kernel."""

    def __init__(self, node: Node, plan: Any, samples: int) -> None:
        attributes = node.attributes
        self.plan = plan
        self.samples = samples
        self.epsilon = float(attributes["epsilon"])
        self.time_constant = float(attributes["normalizationTimeConstant"])
        self.is_locked = math.isinf(self.time_constant) and math.isinf(float(attributes["blendTimeConstant"]))
        """Whether CNTK stops counting too, once it has counted."""
        self.running_mean, self.running_variance, self.running_count = (t.bound() for t in node.inputs[3:6])
        self.mean = np.empty(plan.mean.shape, plan.dtype)
        self.inverse = np.empty(plan.mean.shape, plan.dtype)
        self.weight = 1.0

    def _invert(self) -> None:
        np.add(self.inverse, self.inverse.dtype.type(self.epsilon), out=self.inverse)
        np.sqrt(self.inverse, out=self.inverse)
        np.reciprocal(self.inverse, out=self.inverse)

    def forward(self, training: bool, x: Array, scale: Array, bias: Array, out: Array) -> None:
        """Normalizes by the minibatch in training, else by the running values.

        The blend time constant changes nothing: CNTK's processor build leaves it out of account, infinity too.
        """
        if training:
            self.weight = 1.0
            self.plan.train(x, scale, bias, self.epsilon, out)
            np.copyto(self.mean, self.plan.mean)
            np.copyto(self.inverse, self.plan.variance)
            self._invert()
            return
        self.weight = 0.0
        np.copyto(self.mean, self.running_mean.reshape(-1))
        np.copyto(self.inverse, self.running_variance.reshape(-1))
        self._invert()
        self.plan.normalize(x, self.mean, self.inverse, scale, bias, out)

    def commit(self) -> None:
        """Moves the running values towards those of the minibatch just seen."""
        seen_before = self.running_count.item()
        if self.time_constant < 0:  # the mean over all samples so far
            total = seen_before + self.samples
            share = self.samples / total if total else 0.0
        elif seen_before == 0 or self.time_constant == 0:
            share = 1.0
        elif not math.isfinite(self.time_constant):
            share = 0.0
        else:
            share = -math.expm1(-self.samples / self.time_constant)
        count = self.plan.count
        # of a single value the unbiased variance is 0 / 0, which CNTK keeps
        unbiased = (
            self.plan.variance * (count / (count - 1)) if count > 1 else np.full_like(self.plan.variance, math.nan)
        )
        for running, seen in ((self.running_mean, self.plan.mean), (self.running_variance, unbiased)):
            flat = running.reshape(-1)
            flat[...] = (1 - share) * flat + share * seen
        if share or not self.is_locked:
            self.running_count[...] += self.samples


class _BatchNormalization(Operator):
    name = "BatchNormalization"
    number = 40

    def shape(self, function: PrimitiveFunction) -> Shape:
        operand = function.operands[0].shape
        spatial = function.attributes["spatial"]
        wanted = Shape((operand[-1],)) if spatial and operand.rank else operand
        for variable, what in zip(
            function.operands[1:5], ("scale", "bias", "running mean", "running variance"), strict=True
        ):
            self._check(variable, wanted, what)
        self._check(function.operands[5], Shape(), "running count")
        return operand

    @staticmethod
    def _check(variable: Variable, wanted: Shape, what: str) -> None:
        shape = variable.shape
        if shape.is_unknown or wanted.has_unbound_dimension:
            return
        if INFERRED in shape and isinstance(variable, (Parameter, Constant)):
            variable.infer_shape(Shape((wanted.total_size,)) if shape.rank == 1 else wanted)
        elif math.prod(shape) != math.prod(wanted):
            raise CntkError(f"BatchNormalization: a {what} of shape {wanted} was expected, {shape} came.")

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        operand, scale, bias = node.inputs[:3]
        frames = 1 if operand.layout is None else operand.layout.frames
        if node.attributes["spatial"] and operand.sample:
            channels, points = operand.sample[0], math.prod(operand.sample[1:])
        else:
            channels, points = math.prod(operand.sample), 1
        work = plan.kernel("batch-normalization", frames, channels, points, operand.dtype)
        state = _Statistics(node, work, frames)
        node.saved["state"] = state
        out = plan.output(node, operand.sample, operand.layout)

        def bind(x: Array, s: Array, b: Array, *rest: Array) -> Any:
            return written(rest[-1], lambda out: partial(state.forward, plan.training, x, s, b, out))

        plan.emit(bind, [operand, scale, bias, *node.inputs[3:6]], [out])
        if plan.training:
            plan.on_commit(state.commit)

    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        operand, scale, bias = node.inputs[:3]
        gradient = plan.gradient_of(node.output)
        assert gradient is not None
        state: _Statistics = node.saved["state"]
        by_operand, by_scale, by_bias = (plan.new(t.sample, t.layout, t.dtype) for t in (operand, scale, bias))

        def bind(x: Array, s: Array, gy: Array, gx: Array, gs: Array, gb: Array) -> Any:
            def run() -> None:
                state.plan.backward(x, gy, state.mean, state.inverse, s, state.weight, gx, gs, gb)

            return run

        plan.emit(bind, [operand, scale, gradient], [by_operand, by_scale, by_bias])
        for tensor, contribution in ((operand, by_operand), (scale, by_scale), (bias, by_bias)):
            if plan.wants(tensor):
                plan.accumulate_tensor(tensor, contribution)


BATCH_NORMALIZATION = _BatchNormalization()
register(BATCH_NORMALIZATION)


def batch_normalization(
    operand: Operand,
    scale: Operand,
    bias: Operand,
    running_mean: Operand,
    running_variance: Operand,
    running_count: Operand,
    spatial: bool,
    normalization_time_constant: float = 0.0,
    blend_time_constant: float = 0.0,
    epsilon: float = 1e-5,
    use_cudnn_engine: bool = True,
    disable_regularization: bool = False,
    name: str = "",
) -> Function:
    """Normalizes by mean and variance, of the minibatch in training and running ones in evaluation.

    Args:
        operand: any shape; the result has it.
        scale, bias, running_mean, running_variance: the shape of the operand, or [C] (its last dimension) if spatial.
        running_count: a scalar; training updates the three running values once a step has succeeded.
        normalization_time_constant: in samples; 0 takes the last minibatch, infinity keeps the first, and below 0 all
            samples count alike.
        blend_time_constant: in samples; above 0 training normalizes by a mixture with the running values.
        use_cudnn_engine, disable_regularization: kept for the model file; they change nothing on a CPU.
    Source: CNTK BatchNormalization; cntk-semantics section 6.
    """
    attributes = {
        "spatial": spatial,
        "normalizationTimeConstant": float(normalization_time_constant),
        "blendTimeConstant": float(blend_time_constant),
        "epsilon": float(epsilon),
        "useCuDNNEngine": use_cudnn_engine,
        "disableRegularization": disable_regularization,
    }
    return call(
        BATCH_NORMALIZATION, [operand, scale, bias, running_mean, running_variance, running_count], attributes, name
    )
