"""Convolution, pooling and normalization in ONNX, which has images as (batch, channels, dn, …, d1)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

from ..errors import CntkError
from ..graph import Function
from ..kernels.window import Window
from ..ops.convolution import _geometry
from ..ops.pooling import _windows
from ..shape import Shape
from ..variable import Constant, Parameter, Variable
from .onnx_export import GraphWriter

__all__ = ["IMAGE_BLOCKS", "IMAGE_PRIMITIVES"]

Handler = Callable[[GraphWriter, Function, list[Variable]], "str | list[str] | None"]


def _hint(function: Function) -> str:
    return function.name or function.uid


def _known(operand: Variable) -> Shape:
    if operand.shape.has_unbound_dimension:
        raise CntkError(f"ONNX model: the shape of the image {operand.as_string()} must be known.")
    return operand.shape


def _pads(windows: Sequence[Window]) -> list[int]:
    """Padding before, then behind each dimension, in ONNX' order; behind only what windows need."""
    return [*(max(w.lower, 0) for w in windows[::-1]), *(max(w.upper, 0) for w in windows[::-1])]


def _entered(w: GraphWriter, x: str, windows: Sequence[Window]) -> str:
    """An image from the first elements on that a window reads: negative padding skips some."""
    skipped = {2 + i: -window.lower for i, window in enumerate(windows[::-1]) if window.lower < 0}
    if not skipped:
        return x
    ends = w.integers([2**31 - 1] * len(skipped))
    return w.node("Slice", [x, w.integers(skipped.values()), ends, w.integers(skipped)])  # type: ignore[no-any-return]


def _convolution(w: GraphWriter, f: Function, operands: list[Variable]) -> str:
    kernel, operand = operands
    attributes = f.attributes
    shape = _known(operand)
    rank = shape.rank
    geometry = _geometry(attributes, kernel.shape, shape, operand.as_string())
    if geometry.places != 1 or geometry.windows[-1].kernel != geometry.windows[-1].input:
        if attributes["transpose"] or attributes["groups"] != 1:
            raise CntkError(f"ONNX model: {f.as_string()} slides over the channels; ONNX has no counterpart for it.")
        return _sliding(w, f, operands, geometry.windows, geometry.maps)
    windows = geometry.windows[:-1]
    weights = _weights(w, kernel, rank)
    common: dict[str, Any] = {
        "kernel_shape": [x.kernel for x in windows[::-1]],
        "strides": [x.stride for x in windows[::-1]],
        "dilations": [x.dilation for x in windows[::-1]],
        "group": int(attributes["groups"]),
    }
    if not attributes["transpose"]:

        def convolve(x: str) -> str:
            inputs = [_entered(w, x, windows), weights]
            return w.node("Conv", inputs, _hint(f), pads=_pads(windows), **common)  # type: ignore[no-any-return]

        return w.on_batch(operand, convolve)
    extra = [max(-x.upper, 0) for x in windows[::-1]]
    plain = all(x.lower >= 0 for x in windows) and all(e < x.stride for e, x in zip(extra, windows[::-1], strict=True))
    if plain and any(extra):
        common["output_padding"] = extra

    def convolve_transposed(x: str) -> str:
        made: str = w.node("ConvTranspose", [x, weights], _hint(f), pads=_pads(windows), **common)
        if plain:
            return made
        before = [max(-x.lower, 0) for x in windows[::-1]]  # elements of the result that no window reaches
        return w.node("Pad", [made, w.integers([0, 0, *before, 0, 0, *extra])])  # type: ignore[no-any-return]

    return w.on_batch(operand, convolve_transposed)


def _weights(w: GraphWriter, kernel: Variable, rank: int) -> str:
    """The kernel with a dimension of maps."""
    if kernel.dynamic_axes:
        raise CntkError(f"ONNX model: the kernel {kernel.as_string()} must be no minibatch.")
    return w.name(kernel) if kernel.shape.rank > rank else w.unsqueezed(w.name(kernel), [0])


def _sliding(w: GraphWriter, f: Function, operands: list[Variable], windows: Sequence[Window], maps: int) -> str:
    """A kernel that slides over the channels too: they are one more dimension of an image of one channel."""
    kernel, operand = operands
    weights = w.unsqueezed(_weights(w, kernel, operand.shape.rank), [1])

    def convolve(x: str) -> str:
        made = w.node(
            "Conv",
            [_entered(w, w.unsqueezed(x, [1]), windows), weights],
            kernel_shape=[x.kernel for x in windows[::-1]],
            strides=[x.stride for x in windows[::-1]],
            dilations=[x.dilation for x in windows[::-1]],
            pads=_pads(windows),
        )
        return w.reshaped(made, 1, f.outputs[0].shape[::-1], _hint(f))

    return w.on_batch(operand, convolve)


def _pooled(windows: Sequence[Window]) -> int:
    """How many of the first dimensions are pooled."""
    count = len(windows)
    while count > 1 and windows[count - 1] == Window(windows[count - 1].input, 1, output=windows[count - 1].input):
        count -= 1
    return count


def _as_channels(w: GraphWriter, operand: Variable, count: int, out: Shape, work: Callable[[str], str]) -> str:
    """Pools the first dimensions, all others taken together as channels."""
    shape = _known(operand)

    def run(x: str) -> str:
        if len(shape) - count == 1:
            return work(x)
        flat = w.reshaped(x, 1, [math.prod(shape[count:]), *shape[:count][::-1]])
        return w.reshaped(work(flat), 1, out[::-1])

    return w.on_batch(operand, run)


def _pooling(w: GraphWriter, f: Function, operands: list[Variable]) -> str:
    [operand] = operands
    attributes = f.attributes
    windows = _windows(attributes, "poolingWindowShape", _known(operand))
    count = _pooled(windows)
    spatial = windows[:count]
    average = bool(attributes["poolingType"])
    options: dict[str, Any] = {"count_include_pad": int(attributes["includePad"])} if average else {}
    whole = all(x.kernel == x.input and x.output == 1 and x.lower == 0 for x in spatial)

    def pool(x: str) -> str:
        kind = "Average" if average else "Max"
        if whole:
            return w.node(f"Global{kind}Pool", [x], _hint(f))  # type: ignore[no-any-return]
        x, pads = _entered(w, x, spatial), _pads(spatial)
        taps = [each.kernel for each in spatial[::-1]]
        if any(pad >= k for pad, k in zip(pads, [*taps, *taps], strict=True)):  # ONNX' pooling does not take these
            if average:
                raise CntkError(f"ONNX model: the average of {f.as_string()} has a window outside of its operand.")
            beyond = [0, 0, *pads[: len(taps)], 0, 0, *pads[len(taps) :]]
            x = w.node("Pad", [x, w.integers(beyond), w.scalar(operand, -math.inf)])
            pads = [0] * len(pads)
        return w.node(  # type: ignore[no-any-return]
            f"{kind}Pool",
            [x],
            _hint(f),
            kernel_shape=taps,
            strides=[each.stride for each in spatial[::-1]],
            pads=pads,
            **options,
        )

    return _as_channels(w, operand, count, f.outputs[0].shape, pool)


def _region_pooling(w: GraphWriter, f: Function, operands: list[Variable]) -> str:
    raise CntkError(
        "ONNX model: the operator 'ROIPooling' has no counterpart in ONNX that takes regions of each sample of a batch."
    )


def _batch_normalization(w: GraphWriter, f: Function, operands: list[Variable]) -> str:
    operand = operands[0]
    values = []
    for variable in operands[1:5]:
        if isinstance(variable, (Parameter, Constant)):
            flat = variable.data.reshape(-1)
            name = variable.name or variable.uid
            values.append(w.name(variable) if variable.shape.rank == 1 else w.weights(flat, name))
        else:
            values.append(w.node("Reshape", [w.name(variable), w.integers([-1])]))
    epsilon = float(f.attributes["epsilon"])
    spatial = bool(f.attributes["spatial"])

    def normalize(x: str) -> str:
        flat = x if spatial or operand.shape.rank == 1 else w.reshaped(x, 1, [math.prod(_known(operand))])
        made: str = w.node("BatchNormalization", [flat, *values], _hint(f), epsilon=epsilon)
        return made if flat is x else w.reshaped(made, 1, operand.shape[::-1])

    return w.on_batch(operand, normalize)


def _local_response(w: GraphWriter, f: Function, operands: list[Variable]) -> str | None:
    a = f.attributes
    if not {"depthRadius", "bias", "alpha", "beta"} <= a.keys():
        return None
    [operand] = operands
    options: dict[str, Any] = {
        "size": 2 * int(a["depthRadius"]) + 1,
        **{key: float(a[key]) for key in ("alpha", "beta", "bias")},
    }
    return w.on_batch(operand, lambda x: w.node("LRN", [x], _hint(f), **options))


def _rearranged(op_type: str) -> Handler:
    def handler(w: GraphWriter, f: Function, operands: list[Variable]) -> str:
        size = int(f.attributes["blockSize"])
        return w.on_batch(operands[0], lambda x: w.node(op_type, [x], _hint(f), blocksize=size))

    return handler


IMAGE_PRIMITIVES: Final[dict[str, Handler]] = {
    "BatchNormalization": _batch_normalization,
    "Convolution": _convolution,
    "Pooling": _pooling,
    "ROIPooling": _region_pooling,
}

IMAGE_BLOCKS: Final[dict[str, Handler]] = {
    "DepthToSpace": _rearranged("DepthToSpace"),
    "LocalResponseNormalization": _local_response,
    "SpaceToDepth": _rearranged("SpaceToDepth"),
}
