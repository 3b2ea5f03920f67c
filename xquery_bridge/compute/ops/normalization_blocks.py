"""Normalizations that CNTK composes of other functions: the graphs are CNTK's blocks.

Source: cntk-operators "Normalization"; formulas in cntk-semantics section 6.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..axis import Axis
from ..errors import CntkError
from ..graph import CompositeFunction, as_block
from ..shape import INFERRED, Shape
from ..variable import Constant
from .binary import element_times, minus, plus, square
from .blocks import element_divide, number, stand_in
from .convolution import convolution
from .elementwise import exp, log, sqrt
from .operator import Operand
from .reductions import reduce_mean_on_axes
from .reshaping import reshape, splice

__all__ = [
    "image_scaler",
    "local_response_normalization",
    "mean_variance_normalization",
    "per_dim_mean_variance_normalize",
]


def per_dim_mean_variance_normalize(
    operand: Operand, mean: Operand, inv_std_dev: Operand, name: str = ""
) -> CompositeFunction:
    """(x - mean) · inv_std_dev, elementwise."""
    x, a = stand_in(operand)
    m, b = stand_in(mean, "mean")
    s, c = stand_in(inv_std_dev, "invStdDev")
    return as_block(element_times(minus(a, b), c), {a: x, b: m, c: s}, "PerDimMeanVarianceNormalize", name)


def mean_variance_normalization(
    operand: Operand,
    epsilon: float = 1e-5,
    use_stats_across_channels: bool = False,
    do_variance_scaling: bool = True,
    name: str = "",
) -> CompositeFunction:
    """(x - mean) / (deviation + epsilon) of each channel, the last dimension.

    Args:
        use_stats_across_channels: mean and deviation of the whole sample.
        do_variance_scaling: False only takes the mean away.
    Raises:
        CntkError: a scalar, a negative epsilon.
    """
    x, a = stand_in(operand)
    rank = x.shape.rank
    if epsilon < 0:
        raise CntkError("Input argument epsilon must be non-negative.")
    if rank < 1:
        raise CntkError("The rank of the operand must be >= 1.")
    axes = [Axis.static(i) for i in range(rank if use_stats_across_channels or rank == 1 else rank - 1)]
    result = minus(a, reduce_mean_on_axes(a, axes))
    if do_variance_scaling:
        deviation = sqrt(reduce_mean_on_axes(square(result), axes))
        result = element_divide(result, plus(deviation, number(x, epsilon)))
    attributes = {
        "epsilon": float(epsilon),
        "useStatsAcrossChannels": use_stats_across_channels,
        "doVarianceScaling": do_variance_scaling,
    }
    return as_block(result, {a: x}, "MeanVarianceNormalization", name, attributes)


def local_response_normalization(
    operand: Operand, depth_radius: int, bias: float, alpha: float, beta: float, name: str = ""
) -> CompositeFunction:
    """x / (bias + alpha / (2 r + 1) · Σ x²)^beta, the sum over 2 r + 1 neighbouring channels of [W x H x C]."""
    x, a = stand_in(operand)
    if x.shape.rank != 3:
        raise CntkError(f"LocalResponseNormalization: an operand [W x H x C] was expected, its shape is '{x.shape}'.")
    width = 2 * int(depth_radius) + 1
    data_type = "float" if x.data_type == "unknown" else x.data_type
    weight = Constant(Shape((1, 1, width, 1)), data_type, alpha / width)
    squares = reshape(square(a), (INFERRED, 1), Axis.static(2), Axis.static(3))
    sums = convolution(weight, squares, auto_padding=(True, True, True, False))
    around = reshape(sums, (INFERRED,), Axis.static(2), Axis.static(4))
    power = exp(element_times(number(x, beta), log(plus(number(x, bias), around))))
    attributes = {"depthRadius": int(depth_radius), "bias": float(bias), "alpha": float(alpha), "beta": float(beta)}
    return as_block(element_divide(a, power), {a: x}, "LocalResponseNormalization", name, attributes)


def image_scaler(operand: Operand, scaler: float, biases: Sequence[float], name: str = "") -> CompositeFunction:
    """x · scaler + bias of the channel, for [W x H x C]; scaler and biases are rounded to float.

    Raises:
        CntkError: another number of biases than channels.
    """
    x, a = stand_in(operand)
    if x.shape.rank != 3 or len(biases) != x.shape[2]:
        raise CntkError(
            f"ImageScaler: an operand [W x H x C] and C biases were expected, the shape '{x.shape}' and {len(biases)} "
            "biases came."
        )
    data_type = "float" if x.data_type == "unknown" else x.data_type
    scale, *offsets = (float(np.float32(value)) for value in (scaler, *biases))
    parts = [Constant(Shape((1,)), data_type, offset) for offset in offsets]
    channels = reshape(splice(parts, Axis.static(0)), (1, 1, len(parts)))
    result = plus(element_times(a, number(x, scale)), channels)
    return as_block(result, {a: x}, "ImageScaler", name, {"Scaler": scale, "Biases": offsets})
