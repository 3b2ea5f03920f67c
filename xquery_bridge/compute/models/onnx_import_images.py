"""Operators of ONNX on images and other grids: [batch, channels, dn, …, d1], in CNTK [d1 x … x dn x channels]."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import numpy as np

from ..axis import Axis
from ..graph import Function
from ..ops import binary, blocks, convolution, elementwise, normalization, pooling, reductions, reshaping, scaling
from ..shape import FREE, Shape
from ..variable import Variable
from .onnx_import import GraphReader, Node, Tensor, unsqueezed

__all__ = ["IMAGE_IMPORTS"]


def _pads(node: Node, sizes: list[int], taps: list[int], strides: list[int], dilations: list[int]) -> Any:
    """The padding before and behind each spatial dimension, in CNTK's order."""
    mode, rank = node.get("auto_pad", "NOTSET"), len(taps)
    if mode == "NOTSET":
        pads = [int(v) for v in node.get("pads") or [0] * (2 * rank)]
        return pads[:rank][::-1], pads[rank:][::-1]
    if mode == "VALID":
        return [0] * rank, [0] * rank
    if FREE in sizes:
        raise node.refused(f"auto_pad {mode} needs the sizes of the image; they were expected as numbers.")
    lower, upper = [], []
    for size, k, s, d in zip(sizes, taps, strides, dilations, strict=True):
        total = max((-(-size // s) - 1) * s + (k - 1) * d + 1 - size, 0)
        less, more = total // 2, total - total // 2
        lower.append(less if mode == "SAME_UPPER" else more)
        upper.append(more if mode == "SAME_UPPER" else less)
    return lower, upper


def _reversed(node: Node, key: str, rank: int) -> list[int]:
    return [int(v) for v in node.get(key) or [1] * rank][::-1]


def _biased(g: GraphReader, node: Node, result: Variable, marks: str) -> Tensor:
    if node.has(2):
        rank = result.shape.rank
        bias = g.known(node, 2)
        if bias is None:
            spread = unsqueezed(g.static(g.tensor(node.inputs[2])), range(1, rank))
        else:
            spread = g.stored(bias.reshape(-1, *(1,) * (rank - 1)), node.inputs[2], True)
        result = binary.plus(result, spread.variable, name=node.name or node.outputs[0]).output
    return Tensor(result, marks)


def _convolution(g: GraphReader, node: Node) -> Tensor:
    x, w = g.batched(g.tensor(node.inputs[0])), g.static(g.tensor(node.inputs[1]))
    taps = list(w.variable.shape[:-2])
    rank = len(taps)
    sizes = list(x.variable.shape[:-1])
    strides, dilations = _reversed(node, "strides", rank), _reversed(node, "dilations", rank)
    lower, upper = _pads(node, sizes, taps, strides, dilations)
    made = convolution.convolution(
        w.variable,
        x.variable,
        strides,
        dilation=dilations,
        groups=int(node.get("group", 1)),
        lower_pad=lower,
        upper_pad=upper,
        name="" if node.has(2) else node.name or node.outputs[0],
    )
    return _biased(g, node, made.output, x.marks)


def _transposed_convolution(g: GraphReader, node: Node) -> Tensor:
    x, w = g.batched(g.tensor(node.inputs[0])), g.static(g.tensor(node.inputs[1]))
    taps = list(w.variable.shape[:-2])
    rank, groups = len(taps), int(node.get("group", 1))
    sizes = list(x.variable.shape[:-1])
    strides, dilations = _reversed(node, "strides", rank), _reversed(node, "dilations", rank)
    extra = [int(v) for v in node.get("output_padding") or [0] * rank][::-1]
    spans = [(k - 1) * d + 1 for k, d in zip(taps, dilations, strict=True)]
    wanted = [int(v) for v in node.get("output_shape") or []][::-1][:rank]
    mode = node.get("auto_pad", "NOTSET")
    pads = [int(v) for v in node.get("pads") or [0] * (2 * rank)]
    lower, upper = pads[:rank][::-1], pads[rank:][::-1]
    if FREE in sizes and (wanted or any(extra) or mode not in ("NOTSET", "VALID")):
        raise node.refused("output_shape, output_padding and auto_pad need the sizes of the image as numbers.")
    if not wanted and mode in ("SAME_UPPER", "SAME_LOWER"):
        wanted = [size * s for size, s in zip(sizes, strides, strict=True)]
    if wanted:
        for i in range(rank):
            total = max((sizes[i] - 1) * strides[i] + spans[i] + extra[i] - wanted[i], 0)
            # where the padding is not even the specification puts the larger half first unless SAME_UPPER says so
            lower[i] = total // 2 if mode == "SAME_UPPER" else total - total // 2
            upper[i] = total - lower[i]
    elif any(extra):
        wanted = [(sizes[i] - 1) * strides[i] + spans[i] + extra[i] - lower[i] - upper[i] for i in range(rank)]
    made = convolution.convolution_transpose(
        w.variable,
        x.variable,
        strides,
        output_shape=(*wanted, w.variable.shape[-2] * groups) if wanted else (0,),
        dilation=dilations,
        groups=groups,
        lower_pad=lower,
        upper_pad=upper,
        name="" if node.has(2) else node.name or node.outputs[0],
    )
    return _biased(g, node, made.output, x.marks)


def _pool(kind: str, g: GraphReader, node: Node) -> Tensor:
    x = g.batched(g.tensor(node.inputs[0]))
    taps = [int(v) for v in node.get("kernel_shape")][::-1]
    rank = len(taps)
    if any(d != 1 for d in node.get("dilations") or []):
        raise node.refused("CNTK's pooling has no dilation.")
    strides = _reversed(node, "strides", rank)
    lower, upper = _pads(node, list(x.variable.shape[:-1]), taps, strides, [1] * rank)
    made = pooling.pooling_with_explicit_padding(
        x.variable,
        kind,
        taps,
        [*strides, 1],
        [*lower, 0],
        [*upper, 0],
        bool(node.get("ceil_mode", 0)),
        bool(node.get("count_include_pad", 0)),
        node.name or node.outputs[0],
    )
    return Tensor(made.output, x.marks)


def _global_pool(kind: str, g: GraphReader, node: Node) -> Tensor:
    x = g.batched(g.tensor(node.inputs[0]))
    made = pooling.pooling(x.variable, kind, pooling.GLOBAL_WINDOW, name=node.name or node.outputs[0])
    return Tensor(made.output, x.marks)


def _batch_normalization(g: GraphReader, node: Node) -> Tensor:
    x = g.batched(g.tensor(node.inputs[0]))
    scale, bias = (g.tensor(name).variable for name in node.inputs[1:3])
    mean, variance = (g.tensor(name, learn=False).variable for name in node.inputs[3:5])
    if node.get("training_mode", 0) or not node.get("spatial", 1):
        raise node.refused("a normalization by running values of each channel was expected.")
    count = g.stored(np.asarray(0 if x.variable.data_type == "float" else 0.0, np.float32)).variable
    if x.variable.data_type == "double":
        count = g.stored(np.asarray(0.0, np.float64)).variable
    made = normalization.batch_normalization(
        x.variable,
        scale,
        bias,
        mean,
        variance,
        count,
        True,
        epsilon=float(node.get("epsilon", 1e-5)),
        name=node.name or node.outputs[0],
    )
    return Tensor(made.output, x.marks)


def _normalized(x: Variable, axes: list[Axis], epsilon: float) -> Function:
    """(x - mean) / sqrt(variance + epsilon) along some axes."""
    centred = binary.minus(x, reductions.reduce_mean_on_axes(x, axes))
    variance = reductions.reduce_mean_on_axes(binary.square(centred), axes)
    return blocks.element_divide(centred, elementwise.sqrt(binary.plus(variance, blocks.number(x, epsilon))))


def _instance_normalization(g: GraphReader, node: Node) -> Tensor:
    x = g.batched(g.tensor(node.inputs[0]))
    rank = x.variable.shape.rank
    normal = _normalized(x.variable, [Axis.static(i) for i in range(rank - 1)], float(node.get("epsilon", 1e-5)))
    scale, bias = (
        g.stored(np.asarray(g.array(node, i)).reshape(-1, *(1,) * (rank - 1)), node.inputs[i], True).variable
        for i in (1, 2)
    )
    return Tensor(binary.plus(binary.element_times(normal, scale), bias).output, x.marks)


def _layer_normalization(g: GraphReader, node: Node) -> Tensor:
    x = g.tensor(node.inputs[0])
    first = x.place(int(node.get("axis", -1)))
    if "d" * (len(x.marks) - first) != x.marks[first:]:
        x = g.static(x)
    axes = [x.axis(place) for place in range(first, len(x.marks))]
    result: Any = _normalized(x.variable, axes, float(node.get("epsilon", 1e-5)))
    result = binary.element_times(result, g.tensor(node.inputs[1]).variable)
    if node.has(2):
        result = binary.plus(result, g.tensor(node.inputs[2]).variable)
    return Tensor(result.output, x.marks)


def _local_response(g: GraphReader, node: Node) -> Tensor:
    x = g.batched(g.tensor(node.inputs[0]))
    size = int(node.get("size"))
    if size % 2 == 0:
        raise node.refused("CNTK's normalization goes over as many channels on both sides; an odd size was expected.")
    made = scaling.local_response_normalization(
        x.variable,
        size // 2,
        float(node.get("bias", 1.0)),
        float(node.get("alpha", 1e-4)),
        float(node.get("beta", 0.75)),
        node.name or node.outputs[0],
    )
    return Tensor(made.output, x.marks)


def _mean_variance(g: GraphReader, node: Node) -> Tensor:
    x = g.tensor(node.inputs[0])
    places = sorted(x.place(int(a)) for a in node.get("axes") or (0, 2, 3))
    if any(x.marks[p] != "d" for p in places):
        x = g.static(x)
    return Tensor(_normalized(x.variable, [x.axis(p) for p in places], 1e-9).output, x.marks)


def _rearranged(function: Callable[..., Function], g: GraphReader, node: Node) -> Tensor:
    x = g.batched(g.tensor(node.inputs[0]))
    if node.get("mode", "DCR") != "DCR":
        return _depth_column_row(g, node, x)
    return Tensor(function(x.variable, int(node.get("blocksize"))).output, x.marks)


def _depth_column_row(g: GraphReader, node: Node, x: Tensor) -> Tensor:
    """DepthToSpace of the mode CRD: channels are [depth, b, b]."""
    b = int(node.get("blocksize"))
    w, h, c = x.variable.shape
    depth = c // (b * b)
    split = reshaping.reshape(x.variable, Shape((w, h, b, b, depth)))
    moved = reshaping.transpose(split, [Axis.static(i) for i in (2, 0, 3, 1, 4)])
    return Tensor(reshaping.reshape(moved, Shape((w * b, h * b, depth))).output, x.marks)


def _image_scaler(g: GraphReader, node: Node) -> Tensor:
    x = g.batched(g.tensor(node.inputs[0]))
    made = scaling.image_scaler(x.variable, float(node.get("scale", 1.0)), node.get("bias"))
    return Tensor(made.output, x.marks)


def _lp_normalization(g: GraphReader, node: Node) -> Tensor:
    x = g.tensor(node.inputs[0])
    place = x.place(int(node.get("axis", -1)))
    if x.marks[place] != "d":
        x = g.static(x)
    reduce = {1: reductions.reduce_l1, 2: reductions.reduce_l2}[int(node.get("p", 2))]
    return Tensor(blocks.element_divide(x.variable, reduce(x.variable, [x.axis(place)])).output, x.marks)


IMAGE_IMPORTS: Final[dict[str, Callable[[GraphReader, Node], Tensor | list[Tensor]]]] = {
    "AveragePool": partial(_pool, "average"),
    "BatchNormalization": _batch_normalization,
    "Conv": _convolution,
    "ConvTranspose": _transposed_convolution,
    "DepthToSpace": partial(_rearranged, reshaping.depth_to_space),
    "GlobalAveragePool": partial(_global_pool, "average"),
    "GlobalMaxPool": partial(_global_pool, "max"),
    "ImageScaler": _image_scaler,
    "InstanceNormalization": _instance_normalization,
    "LRN": _local_response,
    "LayerNormalization": _layer_normalization,
    "LpNormalization": _lp_normalization,
    "MaxPool": partial(_pool, "max"),
    "MeanVarianceNormalization": _mean_variance,
    "SpaceToDepth": partial(_rearranged, reshaping.space_to_depth),
}
"""What reads a node, by its operator's name in ONNX."""
