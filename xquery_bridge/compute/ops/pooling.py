"""Pooling, unpooling, pooling of regions of interest. Source: cntk-semantics section 5.

CNTK's pooling type is 0 for the maximum, 1 for the average. A window may have fewer dimensions than the operand: the
remaining ones, usually the channels, are not pooled.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

from ..errors import CntkError
from ..graph import Function, PrimitiveFunction
from ..kernels.window import Window, pooling_window
from ..plan import Node, PlanBuilder
from ..shape import FREE, INFERRED, UNKNOWN_SHAPE, Shape
from ..tensor import Array, Tensor
from .convolution import written
from .operator import Operand, Operator, call, register

__all__ = ["pooling", "pooling_with_explicit_padding", "roi_pooling", "unpooling"]

_TYPES = ("max", "average")


def _at(values: Sequence[Any], dimension: int, rank: int, rest: Any) -> Any:
    """The option of a dimension: one value holds for all of a window's rank, behind a longer list comes `rest`."""
    if len(values) == 1 and dimension < rank:
        return values[0]
    return values[dimension] if dimension < len(values) else rest


def _windows(attributes: dict[str, Any], shape_key: str, operand: Shape) -> tuple[Window, ...]:
    """One window a dimension of the operand, CNTK order. An unknown window shape is all but the last dimension."""
    window = Shape(attributes[shape_key])
    if window.is_unknown:
        window = operand.subshape(0, max(operand.rank - 1, 0))
    if window.rank > operand.rank:
        raise CntkError("Convolution input and kernel tensors must have the same rank.")
    rank, padded = window.rank, attributes["autoPadding"]  # CNTK repeats the last flag
    result = []
    for d, (size, taps) in enumerate(zip(operand, (*window, *[1] * (operand.rank - rank)), strict=True)):
        if size in (FREE, INFERRED):
            result.append(Window(size, taps, output=FREE))
            continue
        if taps > size:
            raise CntkError(f"Convolution operation requires that kernel dim {taps} <= input dim {size}.")
        stride = _at(attributes["strides"], d, rank, 1)
        if stride < 1 or taps < 1:
            raise CntkError(f"Pooling: window {window} and strides {Shape(attributes['strides'])} must be positive.")
        is_padded = bool(padded[min(d, len(padded) - 1)])
        lower, upper = (_at(attributes[key], d, rank, 0) for key in ("lowerPad", "upperPad"))
        ceil = bool(attributes.get("ceilOutDim", False))
        try:
            each = pooling_window(size, taps, stride, is_padded, lower, upper, ceil)
        except ValueError as error:
            raise CntkError(f"Pooling: {error}") from error
        if (lower or upper) and each.upper < 0:
            raise CntkError("Convolution requires that kernel fills the entire space if auto-padding is disabled.")
        result.append(each)
    return tuple(result)


def _kernel(plan: PlanBuilder, windows: tuple[Window, ...], tensor: Tensor, kind: str, include_pad: bool) -> Any:
    """The kernel for a tensor: dimensions behind the last that is pooled are channels."""
    pooled = len(windows)
    while pooled > 1 and windows[pooled - 1] == Window(windows[pooled - 1].input, 1, output=windows[pooled - 1].input):
        pooled -= 1
    channels = math.prod(w.input for w in windows[pooled:])
    frames = 1 if tensor.layout is None else tensor.layout.frames
    spatial = windows[:pooled][::-1] or (Window(1, 1),)
    return plan.kernel("pooling", frames, channels, spatial, tensor.dtype, kind, include_pad)


class _Pooling(Operator):
    name = "Pooling"
    number = 17

    def shape(self, function: PrimitiveFunction) -> Shape:
        operand = function.operands[0].shape
        windows = _windows(function.attributes, "poolingWindowShape", operand)
        return Shape(w.output for w in windows)

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        operand = node.inputs[0]
        attributes = node.attributes
        windows = _windows(attributes, "poolingWindowShape", Shape(operand.sample[::-1]))
        kind = _TYPES[attributes["poolingType"]]
        work = _kernel(plan, windows, operand, kind, attributes["includePad"])
        node.saved["work"] = work
        out = plan.output(node, tuple(w.output for w in windows)[::-1], operand.layout)
        plan.emit(lambda x, y: written(y, lambda y: partial(work.run, x, y)), [operand], [out])

    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        operand, work = node.inputs[0], node.saved["work"]
        gradient = plan.gradient_of(node.output)
        assert gradient is not None

        def bind(x: Array, y: Array, gy: Array, out: Array) -> Any:
            return written(out, lambda out: partial(work.backward, x, y, gy, out))

        plan.accumulate(operand, bind, [operand, node.output, gradient])


class _Unpooling(Operator):
    name = "Unpooling"
    number = 58

    def shape(self, function: PrimitiveFunction) -> Shape:
        operand, pooled = function.operands
        windows = _windows(function.attributes, "unpoolingWindowShape", pooled.shape)
        given = Shape(w.output for w in windows)
        if not operand.shape.has_unbound_dimension and not given.has_unbound_dimension and given != operand.shape:
            raise CntkError(
                f"Unpooling: The shape '{operand.shape}' of the unpooling operand '{operand.as_string()}' is different "
                f"than the shape '{given} from pooling the input argument '{pooled.as_string()}' using the provided "
                "options."
            )
        return pooled.shape

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        operand, pooled = node.inputs
        frames = [1 if each.layout is None else each.layout.frames for each in (operand, pooled)]
        if frames[0] != frames[1]:
            raise CntkError(f"Unpooling: the operands have different numbers of samples ({frames[0]} and {frames[1]}).")
        windows = _windows(node.attributes, "unpoolingWindowShape", Shape(pooled.sample[::-1]))
        work = _kernel(plan, windows, pooled, "max", False)
        node.saved["work"] = work
        out = plan.output(node, pooled.sample, pooled.layout)

        def bind(y: Array, x: Array, out: Array) -> Any:
            return written(out, lambda out: partial(work.unpool, y, x, out))

        plan.emit(bind, [operand, pooled], [out])

    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        operand, work = node.inputs[0], node.saved["work"]
        gradient = plan.gradient_of(node.output)
        assert gradient is not None
        if plan.wants(operand):  # to the pooling operand CNTK gives none
            plan.accumulate(
                operand, lambda g, out: written(out, lambda out: partial(work.unpool_backward, g, out)), [gradient]
            )


class _RegionPooling(Operator):
    name = "ROIPooling"
    number = 47

    def shape(self, function: PrimitiveFunction) -> Shape:
        operand, regions = function.operands
        if operand.shape.rank != 3:
            raise CntkError(f"ROIPooling: an operand [width x height x channels] is needed, {operand.shape} came.")
        if regions.shape.rank < 1 or regions.shape[0] != 4:
            raise CntkError(f"ROIPooling: regions [4 x number] are needed, {regions.shape} came.")
        cells = Shape(function.attributes["roiOutputShape"])
        if cells.rank != 2 or min(cells) < 1:
            raise CntkError(f"ROIPooling: an output shape (width, height) is needed, {cells} came.")
        if any(size not in (FREE, INFERRED) and size < n for size, n in zip(operand.shape, cells, strict=False)):
            (width, height), (columns, rows) = operand.shape[:2], cells
            raise CntkError(
                f"ROIPoolingNode: input Width ({width}) must be >= ROI window Width ({columns}) and input Height "
                f"({height}) must be >= ROI window Height ({rows})."
            )
        return Shape((*cells, operand.shape[2], *(regions.shape[1:] or (1,))))

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        operand, regions = node.inputs
        attributes = node.attributes
        columns, rows = attributes["roiOutputShape"]
        kind = _TYPES[attributes["poolingType"]]
        work = plan.kernel("region-pooling", rows, columns, attributes["spatialScale"], kind)
        frames = 1 if operand.layout is None else operand.layout.frames
        maps = (frames, *operand.sample)
        corners = (frames, -1, 4)
        sample = (*(regions.sample[:-1] or (1,)), operand.sample[0], rows, columns)
        out = plan.output(node, sample, operand.layout)
        cells = (frames, math.prod(sample[:-3]), *sample[-3:])
        node.saved.update(work=work, maps=maps, corners=corners, cells=cells)

        def bind(x: Array, r: Array, out: Array) -> Any:
            return partial(work.run, x.reshape(maps), r.reshape(corners), out.reshape(cells))

        plan.emit(lambda x, r, out: written(out, lambda out: bind(x, r, out)), [operand, regions], [out])

    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        operand, regions = node.inputs
        gradient = plan.gradient_of(node.output)
        assert gradient is not None
        saved = node.saved

        def bind(x: Array, r: Array, g: Array, out: Array) -> Any:
            shaped = (x.reshape(saved["maps"]), r.reshape(saved["corners"]), g.reshape(saved["cells"]))
            return partial(saved["work"].backward, *shaped, out.reshape(saved["maps"]))

        if plan.wants(operand):  # regions have no gradient
            plan.accumulate(
                operand,
                lambda x, r, g, out: written(out, lambda out: bind(x, r, g, out)),
                [operand, regions, gradient],
            )


POOLING, UNPOOLING, ROI_POOLING = _Pooling(), _Unpooling(), _RegionPooling()
register(POOLING, UNPOOLING, ROI_POOLING)


def _type_number(pooling_type: str) -> int:
    if pooling_type.lower() not in _TYPES:
        raise CntkError(f'The pooling type must be "max" or "average", "{pooling_type}" came.')
    return _TYPES.index(pooling_type.lower())


def pooling(
    operand: Operand,
    pooling_type: str,
    window_shape: Sequence[int],
    strides: Sequence[int] = (1,),
    auto_padding: Sequence[bool] = (False,),
    ceil_out_dim: bool = False,
    include_pad: bool = False,
    name: str = "",
) -> Function:
    """The maximum or average of every window.

    Args:
        operand: shape [d1 x … x dk x C]; the result is [o1 x … x ok x C].
        pooling_type: "max" or "average"; the average leaves padding out unless `include_pad`.
        window_shape: of the first dimensions; UNKNOWN_SHAPE spans all but the last one.
        strides, auto_padding: one value for all dimensions, or a list.
        ceil_out_dim: the last window may reach beyond the operand.
    Raises:
        CntkError: a window that is larger than the operand or has more dimensions, another pooling type.
    Source: CNTK Pooling; sizes in cntk-semantics section 5.
    """
    return _pooling(
        operand, pooling_type, window_shape, strides, auto_padding, (0,), (0,), ceil_out_dim, include_pad, name
    )


def pooling_with_explicit_padding(
    operand: Operand,
    pooling_type: str,
    window_shape: Sequence[int],
    strides: Sequence[int],
    lower_pad: Sequence[int],
    upper_pad: Sequence[int],
    ceil_out_dim: bool = False,
    include_pad: bool = False,
    name: str = "",
) -> Function:
    """`pooling` with the padding given: `lower_pad` before the first, `upper_pad` behind the last element."""
    return _pooling(
        operand, pooling_type, window_shape, strides, (False,), lower_pad, upper_pad, ceil_out_dim, include_pad, name
    )


def _pooling(
    operand: Operand,
    pooling_type: str,
    window_shape: Sequence[int],
    strides: Sequence[int],
    auto_padding: Sequence[bool],
    lower_pad: Sequence[int],
    upper_pad: Sequence[int],
    ceil_out_dim: bool,
    include_pad: bool,
    name: str,
) -> Function:
    attributes = {
        "poolingType": _type_number(pooling_type),
        "poolingWindowShape": Shape(window_shape),
        "strides": Shape(strides),
        "autoPadding": list(auto_padding) or [False],
        "lowerPad": list(lower_pad) or [0],
        "upperPad": list(upper_pad) or [0],
        "ceilOutDim": ceil_out_dim,
        "includePad": include_pad,
    }
    return call(POOLING, [operand], attributes, name)


def unpooling(
    operand: Operand,
    pooling_input: Operand,
    unpooling_type: str,
    window_shape: Sequence[int],
    strides: Sequence[int] = (1,),
    auto_padding: Sequence[bool] = (False,),
    name: str = "",
) -> Function:
    """Puts pooled values back where the pooling input had its maxima, zeros elsewhere.

    Args:
        operand: [o1 x … x ok x C], what a pooling of `pooling_input` with the same options gives.
        pooling_input: [d1 x … x dk x C], the shape of the result.
        unpooling_type: "max".
    Raises:
        CntkError: shapes that do not fit; average unpooling.
    Source: CNTK Unpooling. The gradient is the maximum of the gradient in each window, as CNTK computes it.
    """
    if _type_number(unpooling_type) != 0:
        raise CntkError("Currently only max unpooling is supported.")
    attributes = {
        "poolingType": 0,
        "unpoolingWindowShape": Shape(window_shape),
        "strides": Shape(strides),
        "autoPadding": list(auto_padding) or [False],
        "lowerPad": [0],
        "upperPad": [0],
    }
    return call(UNPOOLING, [operand, pooling_input], attributes, name)


def roi_pooling(
    operand: Operand,
    rois: Operand,
    pooling_type: str,
    roi_output_shape: Sequence[int],
    spatial_scale: float,
    name: str = "",
) -> Function:
    """Pools a grid of cells out of every region of interest.

    Args:
        operand: [W x H x C].
        rois: [4 x R], (x_min, y_min, x_max, y_max) in pixels of the original image.
        pooling_type: "max", or "average", which CNTK does not have on a CPU.
        roi_output_shape: (width, height) of the grid; the result is [width x height x C x R].
        spatial_scale: from pixels to elements of the operand.
    Source: CNTK ROIPooling.
    """
    attributes = {
        "poolingType": _type_number(pooling_type),
        "roiOutputShape": Shape(roi_output_shape),
        "spatialScale": float(spatial_scale),
    }
    return call(ROI_POOLING, [operand, rois], attributes, name)


GLOBAL_WINDOW = UNKNOWN_SHAPE
"""The window shape that spans all dimensions but the channels."""
