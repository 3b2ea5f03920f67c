"""Convolution and transposed convolution. Source: cntk-semantics section 5, cntk-operators "Convolution and pooling".

To CNTK every dimension of the operand is a window, the channels too: a kernel `[k1 x … x kn x inputs x maps]` that
spans all channels gives one output per map; one that spans fewer slides over them, and the last dimension of the output
is maps times the places it has. Without the dimension of the maps there is one map.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ..axis import Axis
from ..errors import CntkError
from ..graph import Function, PrimitiveFunction, as_block, as_variable, call
from ..kernels.window import Window, sliding_window, transposed_window
from ..plan import Node, PlanBuilder
from ..shape import FREE, INFERRED, Shape
from ..tensor import Array, Tensor
from ..variable import placeholder
from .operator import Operand, Operator, register

__all__ = ["convolution", "convolution_transpose"]

_UNKNOWN_SIZE = (FREE, INFERRED)


def _extended(values: Sequence[Any], rank: int, rest: Any) -> list[Any]:
    """A list of options for `rank` dimensions: a single value holds for all, a shorter list is followed by `rest`."""
    values = list(values) or [rest]
    if len(values) == 1:
        return values * rank
    return [*values, *[rest] * (rank - len(values))][:rank]


def _padding_for(values: Sequence[bool], rank: int, transpose: bool) -> list[bool]:
    """CNTK repeats the last flag; the channels of a transposed convolution are not padded unless said."""
    values = [bool(v) for v in values] or [True]
    if not transpose:
        return [*values, *[values[-1]] * (rank - len(values))][:rank]
    spatial = [*values, *[values[-1]] * (rank - 1 - len(values))][: max(rank - 1, len(values))]
    return [*spatial, *[False] * (rank - len(spatial))][:rank]


def _settle(attributes: dict[str, Any], kernel_shape: Shape, operand_shape: Shape) -> None:
    """Gives every option one value a dimension of the operand, as CNTK keeps them."""
    rank, transpose = operand_shape.rank, attributes["transpose"]
    strides = list(attributes["strides"])
    strides = [*strides, *strides[-1:] * (rank - len(strides))][:rank]  # CNTK repeats the last one
    if transpose and len(attributes["strides"]) < rank:
        strides = [*_extended(attributes["strides"], rank - 1, 1), operand_shape[-1]]
    dilation = list(attributes["dilation"])
    if len(dilation) < rank:  # of the spatial dimensions; that of the channels stays 1
        dilation = [*_extended(dilation, rank - 1, 1), 1]
    if any(s != FREE and s < 1 for s in strides) or min(dilation) < 1:
        raise CntkError(f"Convolution: strides {Shape(strides)} and dilation {Shape(dilation)} must be positive.")
    attributes["strides"] = Shape(strides)
    attributes["dilation"] = Shape(dilation)
    attributes["sharing"] = _extended(attributes["sharing"], rank, True)
    attributes["autoPadding"] = _padding_for(attributes["autoPadding"], rank, transpose)
    for key in ("lowerPad", "upperPad"):
        pads = list(attributes[key]) or [0]
        if len(pads) < rank:  # one value holds for the spatial dimensions
            pads = [*_extended(pads, rank - 1, 0), 0]
        attributes[key] = pads[:rank]
    attributes["kernelShape"] = kernel_shape.subshape(0, rank)


@dataclass(frozen=True)
class _Geometry:
    """What a call means for one size of operand, dimensions in CNTK order, the channels last."""

    windows: tuple[Window, ...]
    maps: int
    transpose: bool
    groups: int
    is_symmetric: bool

    @property
    def places(self) -> int:
        """Outputs (of a transposed convolution: operands) of one map along the channels."""
        return self.windows[-1].output

    @property
    def result(self) -> Shape:
        if self.transpose:
            return Shape(w.input for w in self.windows)
        return Shape((*(w.output for w in self.windows[:-1]), self.places * self.maps))


def _is_symmetric(window: Window, auto_pad: bool, lower: int, upper: int) -> bool:
    """Whether CNTK pads as much before as behind; it takes another engine when it does not."""
    if not auto_pad:
        return lower == upper
    span = (window.kernel - 1) * window.dilation
    extra = window.input - ((window.output - 1) * window.stride + 1)
    half = int(extra / 2)
    return span // 2 - half == span - span // 2 - (extra - half)


def _geometry(attributes: dict[str, Any], kernel_shape: Shape, operand_shape: Shape, operand: str) -> _Geometry:
    """The windows for an operand whose dimensions are all known."""
    transpose, groups = attributes["transpose"], attributes["groups"]
    rank = operand_shape.rank
    maps = kernel_shape[rank] if kernel_shape.rank > rank else 1
    wanted = attributes["outputShape"]
    has_wanted = transpose and Shape(wanted) != (0,)
    if has_wanted and len(wanted) != rank:
        raise CntkError("Convolution input and kernel tensors must have the same rank.")
    windows = []
    symmetric = True
    for d in range(rank):
        size, taps = operand_shape[d], kernel_shape[d]
        if d == rank - 1:
            size = size // maps if transpose else size
            taps = taps * groups
        options = {
            "stride": attributes["strides"][d],
            "auto_pad": attributes["autoPadding"][d],
            "lower": attributes["lowerPad"][d],
            "upper": attributes["upperPad"][d],
            "dilation": attributes["dilation"][d],
        }
        try:
            if transpose:
                window = transposed_window(size, taps, **options, output=wanted[d] if has_wanted else 0)
                _check_span(taps, window.input)
                checks = has_wanted and (d < rank - 1 or groups == 1)
                if checks and sliding_window(window.input, taps, **options).output != size:
                    raise _shape_mismatch(attributes, kernel_shape, operand_shape, operand)
            else:
                _check_span(taps, size)
                window = sliding_window(size, taps, **options)
        except ValueError as error:
            raise CntkError(f"Convolution: {error}") from error
        symmetric &= _is_symmetric(window, options["auto_pad"], options["lower"], options["upper"])
        windows.append(window)
    return _Geometry(tuple(windows), maps, transpose, groups, symmetric)


def _check_span(taps: int, size: int) -> None:
    if taps > size:
        raise CntkError(f"Convolution operation requires that kernel dim {taps} <= input dim {size}.")


def _shape_mismatch(attributes: dict[str, Any], kernel_shape: Shape, operand_shape: Shape, operand: str) -> CntkError:
    wanted = Shape(attributes["outputShape"])
    resulting = [
        sliding_window(
            wanted[d],
            kernel_shape[d],
            attributes["strides"][d],
            attributes["autoPadding"][d],
            attributes["lowerPad"][d],
            attributes["upperPad"][d],
            attributes["dilation"][d],
        ).output
        for d in range(operand_shape.rank)
    ]
    if kernel_shape.rank > operand_shape.rank:
        resulting[-1] *= kernel_shape[operand_shape.rank]
    return CntkError(
        f"Convolution transpose: The shape '{operand_shape}' of the convolution transpose operand '{operand}' is "
        f"different than the resulting shape '{Shape(resulting)}' from convolving the specified "
        f"output shape '{wanted}' using the provided options."
    )


class _Convolution(Operator):
    name = "Convolution"
    number = 33

    def shape(self, function: PrimitiveFunction) -> Shape:
        convolution_map, operand = function.operands
        attributes = function.attributes
        rank = operand.shape.rank
        if convolution_map.shape.rank < rank:
            raise CntkError(
                f"The convolution map operand '{convolution_map.as_string()}' rank ({convolution_map.shape.rank}) "
                f"should be >= rank ({rank}) of the shape of the input operand '{operand.as_string()}'."
            )
        if convolution_map.shape.rank > rank + 1:
            raise CntkError(
                "convolutionMap: Invalid shape, convolutionMap must have the same rank as the input or greater by 1."
            )
        self._infer_channels(function)
        kernel_shape = convolution_map.shape
        _settle(attributes, kernel_shape, operand.shape)
        self._check_groups(attributes, kernel_shape, operand.shape)
        known = Shape(_probe(d, k) for d, k in zip(operand.shape, kernel_shape, strict=False))
        geometry = _geometry(attributes, kernel_shape, known, operand.as_string())
        return Shape(r if d not in _UNKNOWN_SIZE else FREE for d, r in zip(operand.shape, geometry.result, strict=True))

    @staticmethod
    def _infer_channels(function: PrimitiveFunction) -> None:
        """Takes an inferred dimension of the kernel for the channels of the operand."""
        convolution_map, operand = function.operands
        shape, rank = convolution_map.shape, operand.shape.rank
        index = rank if function.attributes["transpose"] else rank - 1
        if index < shape.rank and shape[index] == INFERRED and operand.shape[-1] not in _UNKNOWN_SIZE:
            groups = 1 if function.attributes["transpose"] else function.attributes["groups"]
            dimensions = list(shape)
            dimensions[index] = operand.shape[-1] // groups
            convolution_map.infer_shape(Shape(dimensions))

    @staticmethod
    def _check_groups(attributes: dict[str, Any], kernel_shape: Shape, operand_shape: Shape) -> None:
        groups, rank = attributes["groups"], operand_shape.rank
        if groups < 1:
            raise CntkError("groups: Must be strictly positive, i.e. groups > 0.")
        if groups == 1:
            return
        maps = kernel_shape[rank] if kernel_shape.rank > rank else 1
        if attributes["transpose"]:
            if operand_shape[-1] != maps or maps % groups:
                raise CntkError("groups: number of input channels must be divisble by groups.")
            return
        if operand_shape[-1] != kernel_shape[rank - 1] * groups:
            raise CntkError(
                "groups: number of input channels (C) must be equal to number of input kernel channels (kC) * groups "
                "(G)."
            )
        if maps % groups:
            raise CntkError("groups: number of output channels must be divisble by groups.")

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        weights, operand = node.inputs
        if weights.layout is not None and weights.layout.frames != 1:
            variable = node.function.operands[0]
            raise CntkError(
                f"Node '{variable.name or variable.uid}' (InputValue operation): Minibatch data cannot be interpreted "
                "as a single 2D tensor."
            )
        kernel_shape, operand_shape = Shape(weights.sample[::-1]), Shape(operand.sample[::-1])
        geometry = _geometry(node.attributes, kernel_shape, operand_shape, node.function.operands[1].as_string())
        self._check_evaluation(node, geometry, kernel_shape, operand_shape)
        out = plan.output(node, geometry.result.numpy_shape, operand.layout)
        work = _plan(plan, geometry, operand, out, kernel_shape)
        node.saved["plan"] = work
        plan.emit(work.forward, [weights, operand], [out])

    @staticmethod
    def _check_evaluation(node: Node, geometry: _Geometry, kernel_shape: Shape, operand_shape: Shape) -> None:
        """What CNTK refuses only when it comes to compute."""
        rank = operand_shape.rank
        across = geometry.windows[-1]
        if geometry.transpose:
            is_padded = across.kernel == across.input and across.kernel > 1
        else:  # one map may have padding behind the last channel
            is_padded = across.lower > 0 or (geometry.maps > 1 and geometry.places > 1)
        if node.attributes["autoPadding"][-1] and is_padded:
            raise CntkError(
                f"{node.function.uid} Convolution operation: detected padding over channel axis. This is not supported "
                "in cuDnn. Please try setting autoPadding to false for channel axis."
            )
        if geometry.places == 1:
            return
        if geometry.is_symmetric:
            raise CntkError("Mismatching outputShape and mapCount")
        if geometry.transpose:
            sizes = (" x ".join(str(d) for d in s) for s in (geometry.result, operand_shape, kernel_shape[:rank]))
            result, given, taps = sizes
            raise CntkError(
                "GEMM convolution engine does not support this convolution configuration. It is possible to make GEMM "
                "engine work with this configuration by defining input/output/kernel using tensors of higher(+1) "
                f"dimension. Geometry: Input: {result}, Output: {given}, Kernel: {taps}"
            )

    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        weights, operand = node.inputs
        gradient = plan.gradient_of(node.output)
        assert gradient is not None
        work: _Work = node.saved["plan"]
        if work.transpose and plan.wants(operand) and plan.wants(weights):
            parts = [plan.new(t.sample, t.layout, t.dtype) for t in node.inputs]
            plan.emit(work.backward_both, [*node.inputs, gradient], parts)
            for tensor, part in zip(node.inputs, parts, strict=True):
                plan.accumulate_tensor(tensor, part)
            return
        if plan.wants(operand):
            plan.accumulate(operand, work.backward_operand, [weights, gradient])
        if plan.wants(weights):
            plan.accumulate(weights, work.backward_weights, [operand, gradient])


def written(out: Array, bind: Callable[[Array], Any]) -> Any:
    """The call that `bind` makes for a result; kernels write whole arrays, a part of one is copied into."""
    if out.flags.c_contiguous:
        return bind(out)
    whole = np.empty(out.shape, out.dtype)
    calls = bind(whole)
    return [*(calls if isinstance(calls, list) else [calls]), partial(np.copyto, out, whole)]


def _probe(size: int, taps: int) -> int:
    """A size to infer with where it is not known yet."""
    return max(taps, 1) if size in _UNKNOWN_SIZE else size


@dataclass(frozen=True)
class _Work:
    """The kernel's plan, and the binding of its passes to arrays."""

    plan: Any
    transpose: bool

    def _shaped(self, weights: Array, operand: Array, result: Array) -> tuple[Array, Array, Array]:
        sizes = self.plan.sizes
        shapes = (sizes.operand_shape, sizes.result_shape)
        if self.transpose:
            shapes = shapes[::-1]
        return weights.reshape(sizes.kernel_shape), operand.reshape(shapes[0]), result.reshape(shapes[1])

    def forward(self, weights: Array, operand: Array, out: Array) -> Any:
        def bind(out: Array) -> Any:
            w, x, y = self._shaped(weights, operand, out)
            return self.plan.bind("backward_data" if self.transpose else "run", x, w, y)

        return written(out, bind)

    def backward_operand(self, weights: Array, gradient: Array, out: Array) -> Any:
        def bind(out: Array) -> Any:
            w, gx, gy = self._shaped(weights, out, gradient)
            return self.plan.bind("run" if self.transpose else "backward_data", gy, w, gx)

        return written(out, bind)

    def backward_both(
        self, weights: Array, operand: Array, gradient: Array, out_weights: Array, out_operand: Array
    ) -> Any:
        """Of a transposed convolution; the results are whole arrays."""
        w, x, gy = self._shaped(weights, operand, gradient)
        gw, gx, _ = self._shaped(out_weights, out_operand, gradient)
        return self.plan.bind("adjoint_gradients", gy, w, x, gx, gw)

    def backward_weights(self, operand: Array, gradient: Array, out: Array) -> Any:
        def bind(out: Array) -> Any:
            gw, x, gy = self._shaped(out, operand, gradient)
            return self.plan.bind("backward_kernel", *((gy, x) if self.transpose else (x, gy)), gw)

        return written(out, bind)


def _plan(plan: PlanBuilder, geometry: _Geometry, operand: Tensor, out: Tensor, kernel_shape: Shape) -> _Work:
    frames = 1 if operand.layout is None else operand.layout.frames
    spatial = geometry.windows[-2::-1]
    across = geometry.windows[-1]
    if geometry.transpose:
        channels, maps = across.input, geometry.maps
    elif across.output == 1:
        channels, maps = across.kernel, geometry.maps
        if across.kernel != across.input or across.lower:
            return _Work(_windowed(plan, geometry, frames, operand), False)
    else:
        return _Work(_windowed(plan, geometry, frames, operand), False)
    windows = spatial or (Window(1, 1),)
    work = plan.kernel("convolution", frames, channels, maps, windows, geometry.groups, operand.dtype)
    return _Work(work, geometry.transpose)


def _windowed(plan: PlanBuilder, geometry: _Geometry, frames: int, operand: Tensor) -> Any:
    """A kernel that slides over the channels: they are one more spatial dimension of a single channel."""
    return plan.kernel("convolution", frames, 1, geometry.maps, geometry.windows[::-1], 1, operand.dtype)


CONVOLUTION = _Convolution()
register(CONVOLUTION)


def convolution(
    convolution_map: Operand,
    operand: Operand,
    strides: Sequence[int] = (1,),
    sharing: Sequence[bool] = (True,),
    auto_padding: Sequence[bool] = (True,),
    dilation: Sequence[int] = (1,),
    reduction_rank: int = 1,
    groups: int = 1,
    max_temp_mem_size_in_samples: int = 0,
    sequential: bool = False,
    name: str = "",
    lower_pad: Sequence[int] | None = None,
    upper_pad: Sequence[int] | None = None,
) -> Function:
    """Cross-correlation of the operand with a kernel (the kernel is not flipped).

    Args:
        convolution_map: [k1 x … x kn x C/groups x M], or without the last dimension for M = 1. An inferred number of
            channels is taken from the operand.
        operand: [d1 x … x dn x C]; the result is [o1 x … x on x M].
        strides, dilation: of the spatial dimensions; one value for all.
        auto_padding: for each dimension, the channels too; the last value is repeated. Padding the channels is refused
            when the function is evaluated.
        reduction_rank: 1, or 0 for operand and kernel without channels: a dimension 1 is appended to both.
        groups: channels and maps are split into that many groups.
        sharing, max_temp_mem_size_in_samples: kept for the model file; they change nothing here.
        sequential: the last spatial dimension of the kernel runs along the sequence axis of the operand.
        lower_pad, upper_pad: padding instead of `auto_padding`; one value holds for every spatial dimension.
    Raises:
        CntkError: shapes that do not fit, as CNTK refuses them.
    Source: CNTK Convolution; sizes in cntk-semantics section 5.
    """
    attributes = _attributes(
        strides, sharing, auto_padding, dilation, groups, max_temp_mem_size_in_samples, lower_pad, upper_pad
    )
    if groups < 1:
        raise CntkError("groups: Must be strictly positive, i.e. groups > 0.")
    if reduction_rank == 1:
        if sequential:
            from .sequence_convolution import sequential_convolution

            return sequential_convolution(convolution_map, operand, attributes, name)
        return call(CONVOLUTION, [convolution_map, operand], attributes, name)
    return _without_channels("Convolution", convolution_map, operand, attributes, reduction_rank, name)


def convolution_transpose(
    convolution_map: Operand,
    operand: Operand,
    strides: Sequence[int] = (1,),
    sharing: Sequence[bool] = (True,),
    auto_padding: Sequence[bool] = (True,),
    output_shape: Sequence[int] = (0,),
    dilation: Sequence[int] = (1,),
    reduction_rank: int = 1,
    max_temp_mem_size_in_samples: int = 0,
    name: str = "",
    lower_pad: Sequence[int] | None = None,
    upper_pad: Sequence[int] | None = None,
    groups: int = 1,
) -> Function:
    """The adjoint of a convolution; its operator name is `Convolution` too.

    Args:
        convolution_map: [k1 x … x kn x M/groups x C].
        operand: [d1 x … x dn x C]; the result is [o1 x … x on x M].
        output_shape: the shape of the result, channels included; (0) for (d - 1) stride + k, less the padding.
        auto_padding: for each dimension; a list that is too short does not pad the channels.
    The other arguments are those of `convolution`.
    Raises:
        CntkError: an output shape of which a convolution would not give the operand, and as for `convolution`.
    Source: CNTK ConvolutionTranspose; sizes in cntk-semantics section 5.
    """
    attributes = _attributes(
        strides, sharing, auto_padding, dilation, groups, max_temp_mem_size_in_samples, lower_pad, upper_pad
    )
    attributes["transpose"] = True
    attributes["outputShape"] = Shape(output_shape or (0,))
    if reduction_rank == 1:
        return call(CONVOLUTION, [convolution_map, operand], attributes, name)
    return _without_channels("ConvolutionTranspose", convolution_map, operand, attributes, reduction_rank, name)


def _attributes(
    strides: Sequence[int],
    sharing: Sequence[bool],
    auto_padding: Sequence[bool],
    dilation: Sequence[int],
    groups: int,
    max_temp_mem_size_in_samples: int,
    lower_pad: Sequence[int] | None,
    upper_pad: Sequence[int] | None,
) -> dict[str, Any]:
    explicit = lower_pad is not None or upper_pad is not None
    return {
        "strides": Shape(strides or (1,)),
        "sharing": [bool(s) for s in sharing],
        "autoPadding": [False] if explicit else [bool(p) for p in auto_padding],
        "lowerPad": list(lower_pad or (0,)),
        "upperPad": list(upper_pad or (0,)),
        "dilation": Shape(dilation or (1,)),
        "kernelShape": Shape(),
        "outputShape": Shape((0,)),
        "transpose": False,
        "groups": groups,
        "maxTempMemSizeInSamples": max_temp_mem_size_in_samples,
        "sequential": False,
    }


def _without_channels(
    op_name: str,
    convolution_map: Operand,
    operand: Operand,
    attributes: dict[str, Any],
    reduction_rank: int,
    name: str,
) -> Function:
    """Reduction rank 0: both operands get a channel dimension of 1; a block, so that an input as kernel is refused."""
    from .reshaping import reshape

    if reduction_rank != 0:
        raise CntkError("reductionRank: must be 1 or 0.")
    weights, samples = as_variable(convolution_map), as_variable(operand)
    rank = samples.shape.rank
    if weights.shape.rank not in (rank, rank + 1):
        raise CntkError(
            "convolutionMap: Invalid shape, convolutionMap must have the same rank as the input or greater by 1."
        )
    stand_in = placeholder()
    place = weights.shape.rank if attributes["transpose"] else rank
    taps = reshape(weights, Shape((1,)), Axis.static(place), Axis.static(place))
    spread = reshape(stand_in, Shape((1,)), Axis.static(rank), Axis.static(rank))
    return as_block(call(CONVOLUTION, [taps, spread], attributes), {stand_in: samples}, op_name, name)
