"""Operators that move elements about: views (reshape, slice, squeeze), transposition, splicing, padding, gathering.

Axes count from the first dimension (CNTK order); axis i of a sample is dimension -1 - i of the array.
Source: cntk-operators, "Shapes".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from ..axis import Axis, normalize_axis
from ..errors import CntkError
from ..graph import CompositeFunction, PrimitiveFunction, as_block, as_variable
from ..plan import Call
from ..shape import FREE, INFERRED, Shape
from ..tensor import Array, Layout, Tensor
from ..variable import placeholder
from .binary import common_layout
from .operator import Node, Operand, Operator, Outcome, PlanBuilder, as_variable_list, call, register

__all__ = [
    "alias",
    "depth_to_space",
    "expand_dims",
    "flatten",
    "pad",
    "reshape",
    "slice",
    "space_to_depth",
    "splice",
    "squeeze",
    "stop_gradient",
    "transpose",
    "transpose_axes",
]


def leading(tensor: Tensor) -> tuple[int, ...]:
    """The frame dimension of a tensor, if it has one."""
    return () if tensor.layout is None else tensor.shape[:1]


def axis_place(axis: Axis, rank: int) -> int:
    """The place of an axis that may lie behind the last dimension, where every dimension is 1."""
    if axis.is_end_static or axis.static_index < rank:
        return normalize_axis(axis, Shape((1,) * rank), 1)
    return axis.static_index


class _View(Operator):
    """An operator whose output is a view of the operand; its gradient is the same view."""

    is_view = True

    def view(self, node: Node, x: Tensor) -> Tensor:
        """The view of the operand."""
        raise CntkError(f"{self.name}: this operator has no view.")

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        node.outputs.append(self.view(node, node.inputs[0]))


class _Reshape(_View):
    name = "Reshape"
    number = 16

    def shape(self, function: PrimitiveFunction) -> Shape:
        return self._replaced(function.operands[0].shape, function.attributes)

    @staticmethod
    def _replaced(shape: Shape, attributes: dict[str, Any]) -> Shape:
        new = Shape(attributes["newShape"])
        begin = normalize_axis(attributes["beginAxis"], shape, 1)
        end = normalize_axis(attributes["endAxis"], shape, 1)
        if end < begin:
            raise CntkError(f"Reshape: begin axis index ({begin}) must be <= the end axis index ({end}).")
        replaced = Shape(shape[begin:end])
        if new.count(INFERRED) > 1:
            raise CntkError(f"Reshape: More than one axis's dimension was unspecified in the replacement shape '{new}'")
        if INFERRED in new:
            if FREE in replaced:
                new = Shape(FREE if d == INFERRED else d for d in new)
            else:
                rest = math.prod(d for d in new if d != INFERRED)
                if rest == 0 or math.prod(replaced) % rest:
                    raise CntkError(
                        f"Reshape: Operand (sub-)dimensions '{replaced}' incompatible with desired replacement "
                        f"(sub-)dimensions '{new}'. Number of elements must be the same."
                    )
                new = Shape(math.prod(replaced) // rest if d == INFERRED else d for d in new)
        elif not replaced.has_unbound_dimension and FREE not in new and math.prod(new) != math.prod(replaced):
            raise CntkError(
                f"Reshape: Operand (sub-)dimensions '{replaced}' incompatible with desired replacement "
                f"(sub-)dimensions '{new}'. Number of elements must be the same."
            )
        return Shape((*shape[:begin], *new, *shape[end:]))

    def view(self, node: Node, x: Tensor) -> Tensor:
        attributes = dict(node.attributes)
        attributes["newShape"] = Shape(INFERRED if d == FREE else d for d in attributes["newShape"])
        shape = self._replaced(Shape(x.sample[::-1]), attributes)
        return x.reshaped((*leading(x), *shape.numpy_shape), x.layout)


class _Squeeze(_View):
    name = "Squeeze"
    number = 88

    @staticmethod
    def _squeezed(shape: Shape, axes: Sequence[Axis] | None) -> Shape:
        if axes is None:
            return Shape(d for d in shape if d != 1)
        chosen = {normalize_axis(a, shape) for a in axes}
        for index in chosen:
            if shape[index] != 1:
                raise CntkError(f"Squeeze: Cannot squeeze axis {index} of shape '{shape}': its dimension is not 1.")
        return Shape(d for i, d in enumerate(shape) if i not in chosen)

    def shape(self, function: PrimitiveFunction) -> Shape:
        return self._squeezed(function.operands[0].shape, function.attributes.get("axisVec"))

    def view(self, node: Node, x: Tensor) -> Tensor:
        shape = self._squeezed(Shape(x.sample[::-1]), node.attributes.get("axisVec"))
        return x.reshaped((*leading(x), *shape.numpy_shape), x.layout)


class _NoOp(_View):
    name = "NoOp"
    number = 62

    def view(self, node: Node, x: Tensor) -> Tensor:
        return x.derived(x.shape, lambda a: a, x.layout)


class _StopGradient(Operator):
    name = "StopGradient"
    number = 64
    differentiable = False

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        x = node.inputs[0]
        view = x.derived(x.shape, lambda a: a, x.layout)
        view.needs_gradient = False
        node.outputs.append(view)


class _Slice(Operator):
    name = "Slice"
    number = 14

    @staticmethod
    def _parts(attributes: dict[str, Any]) -> list[tuple[Axis, int, int, int]]:
        if "axisVec" in attributes:
            strides = attributes.get("sliceStridesVec") or [1] * len(attributes["axisVec"])
            return list(
                zip(
                    attributes["axisVec"],
                    attributes["beginIndexVec"],
                    attributes["endIndexVec"],
                    strides,
                    strict=True,
                )
            )
        return [
            (attributes["axis"], attributes["beginIndex"], attributes["endIndex"], attributes.get("sliceStrides", 1))
        ]

    def shape(self, function: PrimitiveFunction) -> Shape:
        shape = function.operands[0].shape
        described = f"'{function.operands[0].as_string()}' shape '{shape}'"
        dimensions = list(shape)
        for axis, begin, end, stride in self._parts(function.attributes):
            index = normalize_axis(axis, shape)
            if dimensions[index] >= 0:
                start, stop, step = self._range(dimensions[index], begin, end, stride, described)
                dimensions[index] = len(range(start, stop, abs(step)))
            elif begin >= 0 and end > 0:
                dimensions[index] = len(range(begin, end, abs(stride)))
        return Shape(dimensions)

    @staticmethod
    def _range(size: int, begin: int, end: int, stride: int, operand: str = "") -> tuple[int, int, int]:
        start = begin + size if begin < 0 else begin
        stop = end + size if end <= 0 else end
        if not 0 <= start <= stop <= size:
            raise CntkError(
                f"Slice operation index range [{begin},{end}), interpreted as [{start},{stop}), is invalid for input "
                f"{operand}."
            )
        if start == stop:
            raise CntkError("NarrowTo: Invalid bounds parameter, dimensions must be at least one.")
        if stride == 0:
            raise CntkError("NarrowTo: Narrow with stride 0 is not supported.")
        if abs(stride) > stop - start:
            raise CntkError(f"NarrowTo: stride {abs(stride)} is invalid for interval [{start}, {stop}).")
        return start, stop, stride

    def _view(self, node: Node, x: Tensor) -> Tensor:
        """The part as a view of the operand."""
        shape = Shape(x.sample[::-1])
        described = f"'{node.function.operands[0].as_string()}' shape '{shape}'"
        ranges: dict[int, tuple[int, int, int]] = {}
        for axis, begin, end, stride in self._parts(node.attributes):
            index = normalize_axis(axis, shape)
            ranges[len(x.shape) - 1 - index] = self._range(shape[index], begin, end, stride, described)
        if all(step == 1 for _, _, step in ranges.values()):
            window = tuple(ranges[i][:2] if i in ranges else (0, size) for i, size in enumerate(x.shape))
            return x.sliced(window, x.layout)
        part = tuple(_strided(ranges[i]) if i in ranges else np.s_[:] for i in range(len(x.shape)))
        sizes = tuple(
            len(range(*ranges[i][:2], abs(ranges[i][2]))) if i in ranges else size for i, size in enumerate(x.shape)
        )
        return x.derived(sizes, lambda a: a[part], x.layout)

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        x = node.inputs[0]
        part = self._view(node, x)
        if part.shape[1:] == x.shape[1:] and part.window is not None:  # neighbours in memory
            node.outputs.append(part)
            return
        out = plan.output(node, part.sample, x.layout)
        plan.copy(part, out)

    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        if node.output.parent is node.inputs[0]:
            return
        g = plan.gradient_of(node.output)
        assert g is not None
        plan.accumulate_tensor(self._view(node, node.inputs[0]), g)


def _strided(part: tuple[int, int, int]) -> Any:
    start, stop, stride = part
    if stride > 0:
        return np.s_[start:stop:stride]
    return np.s_[stop - 1 : start - 1 if start else None : stride]


class _TransposeAxes(Operator):
    name = "TransposeAxes"
    number = 12

    @staticmethod
    def permutation(shape: Shape, attributes: dict[str, Any]) -> list[int]:
        """Which dimension of the operand stands at each place, CNTK order."""
        if "axisVec" in attributes:
            order = [normalize_axis(a, shape) for a in attributes["axisVec"]]
            if sorted(order) != list(range(shape.rank)):
                raise CntkError(
                    f"Transpose: the permutation must name each of the {shape.rank} axes of '{shape}' once."
                )
            return order
        one = axis_place(attributes["axis1"], shape.rank)
        two = axis_place(attributes["axis2"], shape.rank)
        order = list(range(max(shape.rank, one + 1, two + 1)))
        order[one], order[two] = order[two], order[one]
        return order

    def infer(self, function: PrimitiveFunction) -> list[Outcome]:
        for key in ("axis1", "axis2"):
            axis = function.attributes.get(key)
            if axis is not None and not axis.is_static:
                raise CntkError("TransposeAxes: operation currently does not support transposing dynamic axes.")
        return super().infer(function)

    def shape(self, function: PrimitiveFunction) -> Shape:
        shape = function.operands[0].shape
        order = self.permutation(shape, function.attributes)
        padded = (*shape, *(1,) * (len(order) - shape.rank))
        return Shape(padded[i] for i in order)

    def _axes(self, node: Node) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Shape of the array with enough dimensions, and which of them stands at each place."""
        x = node.inputs[0]
        order = self.permutation(Shape(x.sample[::-1]), node.attributes)
        rank = len(order)
        lead = leading(x)
        shape = (*lead, *(1,) * (rank - len(x.sample)), *x.sample)
        places = (len(lead) + rank - 1 - order[rank - 1 - j] for j in range(rank))
        return shape, (*range(len(lead)), *places)

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        x = node.inputs[0]
        shape, axes = self._axes(node)
        result = tuple(shape[i] for i in axes)
        out = plan.output(node, result[len(leading(x)) :], x.layout)
        plan.emit(lambda a, out: partial(np.copyto, out, a.reshape(shape).transpose(axes)), [x], [out])

    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        g = plan.gradient_of(node.output)
        assert g is not None
        shape, axes = self._axes(node)
        back = tuple(np.argsort(axes))
        plan.accumulate(
            node.inputs[0],
            lambda g, out: partial(np.copyto, out.reshape(shape), g.transpose(back)),
            [g],
        )


class _Splice(Operator):
    name = "Splice"
    number = 43

    def shape(self, function: PrimitiveFunction) -> Shape:
        shapes = [v.shape for v in function.operands]
        rank = max(s.rank for s in shapes)
        index = self._axis(function.attributes["axis"], rank)
        rank = max(rank, index + 1)
        padded = [(*s, *(1,) * (rank - s.rank)) for s in shapes]
        dimensions: list[int] = []
        for i in range(rank):
            sizes = [p[i] for p in padded]
            if i == index:
                dimensions.append(FREE if FREE in sizes else INFERRED if INFERRED in sizes else sum(sizes))
                continue
            distinct = {d for d in sizes if d != 1}
            if len(distinct) > 1:
                raise CntkError(
                    f"Splice: Conflicting dimensionality of axis {i} between operand #0 ({sizes[0]}) and other "
                    f"({next(d for d in sizes if d != sizes[0])})."
                )
            dimensions.append(distinct.pop() if distinct else 1)
        return Shape(dimensions)

    @staticmethod
    def _axis(axis: Axis, rank: int) -> int:
        if not axis.is_static:
            raise CntkError("Splice: Currently only splicing along a static axis is supported.")
        return axis_place(axis, rank)

    def _parts(self, node: Node, plan: PlanBuilder) -> tuple[int, tuple[int, ...], Layout | None, list[int]]:
        """NumPy dimension of the sample, sample shape, layout, and size of each part."""
        rank = max(len(t.sample) for t in node.inputs)
        index = self._axis(node.attributes["axis"], rank)
        rank = max(rank, index + 1)
        dimension = rank - 1 - index
        samples = [(1,) * (rank - len(t.sample)) + t.sample for t in node.inputs]
        sizes = [s[dimension] for s in samples]
        sample = tuple(sum(sizes) if i == dimension else max(s[i] for s in samples) for i in range(rank))
        return dimension, sample, common_layout(node), sizes

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        dimension, sample, layout, sizes = self._parts(node, plan)
        out = plan.output(node, sample, layout)
        offset = 0 if layout is None else 1
        start = 0
        for operand, size in zip(node.inputs, sizes, strict=True):
            window = _window(out, offset + dimension, start, size)
            plan.emit(
                partial(_copy_into, window, operand.layout is not None),
                [operand],
                [out],
            )
            start += size

    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        g = plan.gradient_of(node.output)
        assert g is not None
        dimension, _, layout, sizes = self._parts(node, plan)
        offset = 0 if layout is None else 1
        start = 0
        for operand, size in zip(node.inputs, sizes, strict=True):
            if plan.wants(operand):
                part = g.sliced(_window(g, offset + dimension, start, size), layout)
                if operand.size == part.size:
                    plan.accumulate(operand, lambda g, out: partial(np.copyto, out, g.reshape(out.shape)), [part])
                else:
                    plan.accumulate_reduced(operand, part)
            start += size


def _window(tensor: Tensor, dimension: int, start: int, size: int) -> tuple[tuple[int, int], ...]:
    return tuple((start, start + size) if i == dimension else (0, d) for i, d in enumerate(tensor.shape))


def _copy_into(window: tuple[tuple[int, int], ...], framed: bool, x: Array, out: Array) -> Call:
    target = out[tuple(np.s_[a:b] for a, b in window)]
    if framed and x.ndim < out.ndim:
        x = x.reshape(x.shape[0], *(1,) * (out.ndim - x.ndim), *x.shape[1:])
    return partial(np.copyto, target, x)


class _Pad(Operator):
    name = "Pad"
    number = 83
    MODES = ("constant", "reflect", "symmetric")

    @staticmethod
    def _widths(function_attributes: dict[str, Any], rank: int) -> list[tuple[int, int]]:
        head = list(function_attributes["paddingHead"])
        foot = list(function_attributes["paddingFoot"])
        if len(head) != rank or len(foot) != rank:
            raise CntkError("Pad: the length of head and foot does not match input operand's dimension.")
        return list(zip(head, foot, strict=True))

    def shape(self, function: PrimitiveFunction) -> Shape:
        shape = function.operands[0].shape
        widths = self._widths(function.attributes, shape.rank)
        mode = function.attributes["paddingMode"]
        for d, (h, f) in zip(shape, widths, strict=True):
            limit = d - 1 if mode == 1 else d
            if mode and d >= 0 and max(h, f) > limit:
                pad_mode, less = ("REFLECTPAD", " - 1") if mode == 1 else ("SYMMETRICPAD", "")
                raise CntkError(
                    f"Pad: with {pad_mode} mode, the head and foot length must be no greater than input "
                    f"dimension{less}."
                )
        return Shape(d if d < 0 else d + h + f for d, (h, f) in zip(shape, widths, strict=True))

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        x = node.inputs[0]
        widths = self._widths(node.attributes, len(x.sample))[::-1]
        sample = tuple(d + h + f for d, (h, f) in zip(x.sample, widths, strict=True))
        out = plan.output(node, sample, x.layout)
        mode = int(node.attributes["paddingMode"])
        index = self._index(x.sample, widths, mode)
        if mode == 0:
            inner = self._inner(x, widths)
            constant = float(node.attributes["paddingConstantValue"])

            def bind(a: Array, out: Array) -> list[Call]:
                return [partial(out.fill, constant), partial(np.copyto, out[inner], a)]

            plan.emit(bind, [x], [out])
            return
        flat = np.ravel_multi_index(np.ix_(*index), x.sample).reshape(-1) if index else np.zeros(1, np.intp)

        def gather(a: Array, out: Array) -> Call:
            rows = a.reshape(*leading(x), -1)
            return partial(np.take, rows, flat, rows.ndim - 1, out.reshape(*leading(x), -1), "clip")

        node.saved["flat"] = flat
        plan.emit(gather, [x], [out])

    @staticmethod
    def _inner(x: Tensor, widths: list[tuple[int, int]]) -> Any:
        """Where the operand stands in the result."""
        return (..., *(np.s_[h : h + d] for d, (h, _) in zip(x.sample, widths, strict=True)))

    @staticmethod
    def _index(sample: tuple[int, ...], widths: list[tuple[int, int]], mode: int) -> list[Array]:
        numpy_mode = "reflect" if mode == 1 else "symmetric"
        if mode == 0:
            return []
        return [
            np.pad(np.arange(d), (h, f), numpy_mode)  # type: ignore[call-overload]
            for d, (h, f) in zip(sample, widths, strict=True)
        ]

    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        g = plan.gradient_of(node.output)
        assert g is not None
        x = node.inputs[0]
        widths = self._widths(node.attributes, len(x.sample))[::-1]
        offset = len(leading(x))
        if int(node.attributes["paddingMode"]) == 0:
            inner = self._inner(x, widths)
            plan.accumulate(x, lambda g, out: partial(np.copyto, out, g[inner]), [g])
            return
        flat = node.saved["flat"]

        def scatter(g: Array, out: Array) -> list[Call]:
            frames = g.shape[0] if offset else 1
            rows, target = g.reshape(frames, -1), out.reshape(frames, -1)
            return [partial(out.fill, 0), lambda: np.add.at(target, (np.s_[:], flat), rows)]  # type: ignore[arg-type]

        plan.accumulate(x, scatter, [g])


_RESHAPE = _Reshape()
_SQUEEZE = _Squeeze()
_NO_OP = _NoOp()
_STOP_GRADIENT = _StopGradient()
_SLICE = _Slice()
_TRANSPOSE_AXES = _TransposeAxes()
_SPLICE = _Splice()
_PAD = _Pad()
register(_RESHAPE, _SQUEEZE, _NO_OP, _STOP_GRADIENT, _SLICE, _TRANSPOSE_AXES, _SPLICE, _PAD)


def reshape(
    operand: Operand,
    new_shape: Sequence[int],
    begin: Axis | None = None,
    end: Axis | None = None,
    name: str = "",
) -> CompositeFunction:
    """The elements in another shape; only the dimensions from `begin` up to `end` are replaced if these are given."""
    attributes = {
        "newShape": Shape(new_shape),
        "beginAxis": begin or Axis.static(0),
        "endAxis": end or Axis.end_static(),
    }
    return call(_RESHAPE, [operand], attributes, name)


def squeeze(operand: Operand, axes: Sequence[Axis] | None = None, name: str = "") -> CompositeFunction:
    """Without the dimensions of 1, or without those of the axes."""
    return call(_SQUEEZE, [operand], {} if axes is None else {"axisVec": list(axes)}, name)


def alias(operand: Operand, name: str = "") -> CompositeFunction:
    """The operand under another name. CNTK: NoOp."""
    return call(_NO_OP, [operand], name=name)


def stop_gradient(operand: Operand, name: str = "") -> CompositeFunction:
    """The operand, through which no gradient passes."""
    return call(_STOP_GRADIENT, [operand], name=name)


def slice(
    operand: Operand,
    axes: Sequence[Axis],
    begin: Sequence[int],
    end: Sequence[int],
    strides: Sequence[int] | None = None,
    name: str = "",
) -> CompositeFunction:
    """Elements begin, begin + stride, … below end, along each axis; negative indices count from the end, 0 as an end is
    the end. Along a sequence axis see `sequence_slice`."""
    if not len(axes) == len(begin) == len(end) or (strides is not None and len(strides) != len(axes)):
        raise CntkError(
            f"Slice: {len(axes)} axes came with {len(begin)} begin and {len(end)} end indices"
            + (f" and {len(strides)} strides." if strides is not None else ".")
        )
    if len(axes) == 1:
        attributes: dict[str, Any] = {"axis": axes[0], "beginIndex": begin[0], "endIndex": end[0]}
        attributes["sliceStrides"] = strides[0] if strides else 1
    else:
        attributes = {"axisVec": list(axes), "beginIndexVec": list(begin), "endIndexVec": list(end)}
        attributes["sliceStridesVec"] = list(strides) if strides else [1] * len(axes)
    return call(_SLICE, [operand], attributes, name)


def transpose_axes(operand: Operand, axis1: Axis, axis2: Axis, name: str = "") -> CompositeFunction:
    """Two axes change places."""
    return call(_TRANSPOSE_AXES, [operand], {"axis1": axis1, "axis2": axis2}, name)


def transpose(operand: Operand, permutation: Sequence[Axis] | None = None, name: str = "") -> CompositeFunction:
    """The axes in the order of the permutation; without one the two axes of a matrix change places."""
    if permutation is None:
        x = as_variable(operand)
        if not x.shape.is_unknown and x.shape.rank != 2:
            raise CntkError(f"Transpose called with operand '{x.as_string()}'; only 2D operands are supported.")
        return transpose_axes(x, Axis.static(0), Axis.static(1), name)
    return call(_TRANSPOSE_AXES, [operand], {"axisVec": list(permutation)}, name)


def splice(operands: Sequence[Operand], axis: Axis, name: str = "") -> CompositeFunction:
    """The operands one after another along an axis, which may be a new last one."""
    if not operands:
        raise CntkError("Splice: at least one operand was expected, none came.")
    return call(_SPLICE, as_variable_list(operands), {"axis": axis}, name)


def pad(
    operand: Operand,
    mode: str,
    head: Sequence[int],
    foot: Sequence[int],
    constant: float = 0.0,
    name: str = "",
) -> CompositeFunction:
    """Elements put before (head) and behind (foot) each dimension.

    Args:
        mode: "constant", "reflect" (without the edge) or "symmetric" (with it).
    """
    if mode not in _Pad.MODES:
        raise CntkError(f'Pad: the mode must be "constant", "reflect" or "symmetric", "{mode}" came.')
    attributes = {
        "paddingMode": _Pad.MODES.index(mode),
        "paddingHead": list(head),
        "paddingFoot": list(foot),
        "paddingConstantValue": constant,
    }
    return call(_PAD, [operand], attributes, name)


def _shaped_placeholder(operand: Operand) -> tuple[Any, Any]:
    x = as_variable(operand)
    return x, placeholder(x.shape, x.data_type, "operand", x.dynamic_axes)


def flatten(operand: Operand, axis: Axis | None = None, name: str = "") -> CompositeFunction:
    """[product of the dimensions before the axis x product of the rest]; all in the first one without an axis."""
    x, inner = _shaped_placeholder(operand)
    place = axis
    if axis is not None and axis.static_index < 0:  # -1 is the place behind the last dimension
        place = Axis.static(axis.static_index + x.shape.rank + 1) if axis.static_index >= -x.shape.rank - 1 else axis
    index = x.shape.rank if place is None else normalize_axis(place, x.shape, 1)
    shape = tuple(FREE if FREE in part else math.prod(part) for part in (x.shape[:index], x.shape[index:]))
    return as_block(reshape(inner, shape), {inner: x}, "Flatten", name, {"axis": axis or Axis.end_static()})


def expand_dims(operand: Operand, axis: Axis, name: str = "") -> CompositeFunction:
    """With a dimension of 1 put in at an axis."""
    x, inner = _shaped_placeholder(operand)
    return as_block(reshape(inner, (1,), axis, axis), {inner: x}, "ExpandDims", name, {"axis": axis})


def depth_to_space(operand: Operand, block_size: int, name: str = "") -> CompositeFunction:
    """[W x H x C] to [W·b x H·b x C/b²]: blocks of channels become blocks of pixels."""
    x, inner = _shaped_placeholder(operand)
    b = int(block_size)
    if x.shape.rank != 3 or b < 1 or x.shape[2] % (b * b):
        raise CntkError(
            f"DepthToSpace: Number of channels in the operand with shape '{x.shape}' must be divisible by the square "
            f"of the block size {block_size}, and the rank must be 3."
        )
    split = reshape(inner, (INFERRED, b, b), Axis.static(2), Axis.static(3))
    order = [Axis.static(i) for i in (3, 0, 4, 1, 2)]
    tall = reshape(transpose(split, order), (INFERRED,), Axis.static(2), Axis.static(4))
    composite = reshape(tall, (INFERRED,), Axis.static(0), Axis.static(2))
    return as_block(composite, {inner: x}, "DepthToSpace", name, {"blockSize": b})


def space_to_depth(operand: Operand, block_size: int, name: str = "") -> CompositeFunction:
    """[W x H x C] to [W/b x H/b x C·b²]: the inverse of `depth_to_space`."""
    x, inner = _shaped_placeholder(operand)
    b = int(block_size)
    if x.shape.rank != 3 or b < 1 or x.shape[0] % b or x.shape[1] % b:
        raise CntkError(
            f"SpaceToDepth: All spatial dimensions in the operand with shape '{x.shape}' must be divisible by the "
            f"block size {block_size}, and the rank must be 3."
        )
    narrow = reshape(inner, (b, INFERRED), Axis.static(0), Axis.static(1))
    split = reshape(narrow, (b, INFERRED), Axis.static(2), Axis.static(3))
    order = [Axis.static(i) for i in (1, 3, 4, 0, 2)]
    composite = reshape(transpose(split, order), (INFERRED,), Axis.static(2), Axis.static(5))
    return as_block(composite, {inner: x}, "SpaceToDepth", name, {"blockSize": b})
