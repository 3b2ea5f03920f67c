"""Normalizations without parameters of their own: LRN, MVN, per dimension, of images. All are CNTK's blocks.

Source: cntk-semantics section 6, cntk-operators "Normalization".
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from ..axis import Axis
from ..errors import CntkError
from ..graph import BlockFunction, CompositeFunction, as_block
from ..plan import Call, Node, PlanBuilder
from ..shape import INFERRED, Shape
from ..tensor import Array
from ..value import DTYPES
from ..variable import Constant
from .binary import element_times, minus, plus, square
from .blocks import element_divide, number, stand_in
from .convolution import convolution
from .elementwise import exp, log, sqrt
from .operator import Operand, Operator, fuse
from .reductions import reduce_mean_on_axes
from .reshaping import reshape, splice

__all__ = [
    "image_scaler",
    "local_response_normalization",
    "mean_variance_normalization",
    "per_dim_mean_variance_normalize",
]


class _LocalResponseNormalization(Operator):
    """x / (bias + alpha / (2r + 1) · Σ x²)^beta over the window of 2r + 1 neighbouring channels."""

    name = "LocalResponseNormalization"

    def accepts(self, block: BlockFunction) -> bool:
        return {"depthRadius", "bias", "alpha", "beta"} <= block.attributes.keys()

    @staticmethod
    def _constants(node: Node) -> tuple[int, float, float, float]:
        """Radius, bias, factor of the sum, exponent."""
        radius = int(node.attributes["depthRadius"])
        bias, alpha, beta = (float(node.attributes[k]) for k in ("bias", "alpha", "beta"))
        return radius, bias, alpha / (2 * radius + 1), beta

    @staticmethod
    def _operand(node: Node) -> int:
        assert isinstance(node.function, BlockFunction)
        return next(i for i, inner in enumerate(node.function.mapped) if inner is not None)

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        x = node.inputs[self._operand(node)]
        radius, bias, factor, beta = self._constants(node)
        out = plan.output(node, x.sample, x.layout)
        base = plan.new(x.sample, x.layout, x.dtype)
        node.saved["base"] = base
        axis = len(x.shape) - len(x.sample)
        reach = _reach(radius, x.shape[axis])

        def bind(x: Array, out: Array, base: Array) -> list[Call]:
            t = x.dtype.type
            return [
                partial(np.multiply, x, x, out),
                partial(_window_sums, out, axis, *reach, base),
                partial(np.multiply, base, t(factor), base),
                partial(np.add, base, t(bias), base),
                partial(np.power, base, t(-beta), out),
                partial(np.multiply, out, x, out),
            ]

        plan.emit(bind, [x], [out, base])

    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        g = plan.gradient_of(node.output)
        assert g is not None
        x = node.inputs[self._operand(node)]
        radius, _, factor, beta = self._constants(node)
        axis = len(x.shape) - len(x.sample)
        reach = _reach(radius, x.shape[axis])

        def bind(g: Array, x: Array, base: Array, out: Array) -> list[Call]:
            t = x.dtype.type
            scaled, sums = np.empty_like(x), np.empty_like(x)
            return [
                partial(np.power, base, t(-beta - 1), scaled),
                partial(np.multiply, scaled, g, scaled),
                partial(np.multiply, scaled, base, out),
                partial(np.multiply, scaled, x, scaled),
                partial(_window_sums, scaled, axis, *reach[::-1], sums),
                partial(np.multiply, sums, x, sums),
                partial(np.multiply, sums, t(2 * beta * factor), sums),
                partial(np.subtract, out, sums, out),
            ]

        plan.accumulate(x, bind, [g, x, node.saved["base"]])


def _window(radius: int, channels: int) -> int:
    """How many channels the window spans: never more than there are, as CNTK cuts its kernel."""
    size = 2 * radius + 1
    return min(size, channels) if channels > 0 else size


def _reach(radius: int, channels: int) -> tuple[int, int]:
    """How many channels before and behind its own a window has; an even window has one more behind."""
    others = _window(radius, channels) - 1
    return others // 2, others - others // 2


def _window_sums(x: Array, axis: int, before: int, behind: int, out: Array) -> None:
    """The sums over each element, as many as `before` it and `behind` it along an axis."""
    np.copyto(out, x)
    size = x.shape[axis]
    whole = (slice(None),) * axis
    for shift in range(1, max(before, behind) + 1):
        low, high = (*whole, slice(0, size - shift)), (*whole, slice(shift, size))
        if shift <= behind:
            np.add(out[low], x[high], out[low])
        if shift <= before:
            np.add(out[high], x[low], out[high])


fuse("LocalResponseNormalization", _LocalResponseNormalization())


def local_response_normalization(
    operand: Operand, depth_radius: int, bias: float, alpha: float, beta: float, name: str = ""
) -> CompositeFunction:
    """x / (bias + alpha / (2r + 1) · Σ x²)^beta, the sum over 2r + 1 neighbouring channels of [W x H x C].

    With fewer channels the window is as wide as they are many, and reaches further behind a channel than before it.
    """
    x, a = stand_in(operand)
    if not x.shape.is_unknown and x.shape.rank != 3:
        raise CntkError(f"LocalResponseNormalization: an operand [W x H x C] was expected, one of {x.shape} came.")
    size = 2 * int(depth_radius) + 1
    data_type = "float" if x.data_type == "unknown" else x.data_type
    taps = size if x.shape.is_unknown else _window(int(depth_radius), x.shape[-1])
    weight = np.full((1, taps, 1, 1), alpha / size, DTYPES[data_type])
    third = Axis.static(2)
    squares = reshape(square(a), (INFERRED, 1), third, Axis.static(3))
    kernel = Constant(Shape((1, 1, taps, 1)), data_type, weight)
    sums = reshape(convolution(kernel, squares), (INFERRED,), third, Axis.static(4))
    base = plus(number(x, bias), sums)
    result = element_divide(a, exp(element_times(number(x, beta), log(base))))
    attributes = {"depthRadius": int(depth_radius), "bias": bias, "alpha": alpha, "beta": beta}
    return as_block(result, {a: x}, "LocalResponseNormalization", name, attributes)


def mean_variance_normalization(
    operand: Operand,
    epsilon: float = 1e-5,
    use_stats_across_channels: bool = False,
    do_variance_scaling: bool = True,
    name: str = "",
) -> CompositeFunction:
    """(x - mean) / (std + epsilon) of each channel (the last dimension), or of the whole sample, as of a vector.

    Args:
        do_variance_scaling: false to subtract the mean only.
    """
    if epsilon < 0:
        raise CntkError(f"MeanVarianceNormalization: epsilon must not be negative, {epsilon} came.")
    x, a = stand_in(operand)
    rank = x.shape.rank
    if rank < 1:
        raise CntkError("The rank of the operand must be >= 1.")
    axes = [Axis.static(i) for i in range(rank if use_stats_across_channels or rank == 1 else rank - 1)]
    result: Any = minus(a, reduce_mean_on_axes(a, axes, True))
    if do_variance_scaling:
        deviation = sqrt(reduce_mean_on_axes(square(result), axes, True))
        result = element_divide(result, plus(deviation, number(x, epsilon)))
    attributes = {
        "epsilon": epsilon,
        "useStatsAcrossChannels": use_stats_across_channels,
        "doVarianceScaling": do_variance_scaling,
    }
    return as_block(result, {a: x}, "MeanVarianceNormalization", name, attributes)


def per_dim_mean_variance_normalize(
    operand: Operand, mean: Operand, inverse_standard_deviation: Operand, name: str = ""
) -> CompositeFunction:
    """(x - mean) · inverse standard deviation, elementwise."""
    x, a = stand_in(operand)
    m, b = stand_in(mean, "mean")
    s, c = stand_in(inverse_standard_deviation, "invStdDev")
    return as_block(element_times(minus(a, b), c), {a: x, b: m, c: s}, "PerDimMeanVarianceNormalize", name)


def image_scaler(operand: Operand, scaler: float, biases: Sequence[float], name: str = "") -> CompositeFunction:
    """x · scaler + the bias of each channel, of images [W x H x C]."""
    x, a = stand_in(operand)
    if x.shape.rank != 3 or (x.shape[2] >= 0 and x.shape[2] != len(biases)):
        raise CntkError(
            f"ImageScaler: an operand [W x H x {len(biases)}] was expected for {len(biases)} biases, {x.shape} came."
        )
    scale, offsets = float(np.float32(scaler)), [float(np.float32(v)) for v in biases]
    scaled = element_times(a, number(x, scale))
    stacked = reshape(splice([number(x, v) for v in offsets], Axis.static(0)), (1, 1, len(offsets)))
    return as_block(plus(scaled, stacked), {a: x}, "ImageScaler", name, {"Scaler": scale, "Biases": offsets})
