"""Operators that pick elements: TopK, OneHotOp, Gather, Crop. Source: cntk-operators "Shapes", "Reductions"."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..axis import Axis
from ..errors import CntkError
from ..graph import CompositeFunction, Outcome, PrimitiveFunction, as_block, as_variable, combine
from ..partial_sort import largest_places
from ..plan import Call
from ..shape import UNKNOWN_SHAPE, Shape
from ..sparse import Entries, sum_rows
from ..tensor import Array
from .blocks import stand_in
from .operator import Node, Operand, Operator, PlanBuilder, call, register
from .reshaping import axis_place, transpose_axes

__all__ = ["crop", "gather_op", "one_hot_op", "top_k"]


class _TopK(Operator):
    """The k largest elements along the first dimension, largest first, and their indices."""

    name = "TopK"
    number = 87

    def infer(self, function: PrimitiveFunction) -> list[Outcome]:
        [outcome] = super().infer(function)
        if outcome.shape.is_unknown:
            return [outcome, outcome]
        shape = Shape((int(function.attributes["numItems"]), *outcome.shape[1:]))
        return [outcome._replace(shape=shape)] * 2

    def shape(self, function: PrimitiveFunction) -> Shape:
        shape = function.operands[0].shape
        if shape.rank < 1:
            raise CntkError("TopK: an operand of rank 1 or more was expected, a scalar came.")
        return shape

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        x = node.inputs[0]
        k, size = int(node.attributes["numItems"]), x.sample[-1]
        if k > size:
            raise CntkError(
                f"TopK: number of requested elements k (={k}) exceeds total number of elements (={size}) on this axis"
            )
        sample = (*x.sample[:-1], k)
        values = plan.output(node, sample, x.layout)
        indices = plan.output(node, sample, x.layout, differentiable=False)

        def bind(x: Array, values: Array, indices: Array) -> Call:
            def step() -> None:
                picked = largest_places(x, k)
                np.copyto(values, np.take_along_axis(x, picked, -1))
                np.copyto(indices, picked, casting="unsafe")

            return step

        plan.emit(bind, [x], [values, indices])

    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        g = plan.gradient_of(node.output)
        assert g is not None

        def bind(g: Array, indices: Array, out: Array) -> list[Call]:
            return [partial(out.fill, 0), lambda: np.put_along_axis(out, indices.astype(np.intp), g, -1)]

        plan.accumulate(node.inputs[0], bind, [g, node.outputs[1]])


class _OneHot(Operator):
    """1 at the class an element names, 0 elsewhere; whole numbers outside the classes give zeros only."""

    name = "OneHotOp"
    number = 68
    differentiable = False

    @staticmethod
    def _place(attributes: dict[str, Any], rank: int) -> int:
        """At which dimension the classes are put in."""
        axis: Axis = attributes["onehotAxis"]
        index = axis.static_index
        place = rank if axis.is_end_static else index + rank + 1 if index < 0 else index
        if not 0 <= place <= rank:
            raise CntkError(
                f"NDShape::SubShape: The specified endAxisId ({index}) must not exceed the rank ({rank}) of 'this' "
                "NDShape and must be >= than the specified beginAxisId (0)"
            )
        return place

    def shape(self, function: PrimitiveFunction) -> Shape:
        shape = function.operands[0].shape
        place = self._place(function.attributes, shape.rank)
        return Shape((*shape[:place], int(function.attributes["numClass"]), *shape[place:]))

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        x = node.inputs[0]
        count = int(node.attributes["numClass"])
        rank = len(x.sample)
        where = rank - self._place(node.attributes, rank)  # dimension of the sample, NumPy order
        sample = (*x.sample[:where], count, *x.sample[where:])
        out = plan.output(node, sample, x.layout, differentiable=False)
        lead = len(x.shape) - rank
        shape = (*x.shape[: lead + where], 1, *x.shape[lead + where :])
        if out.parent is None:
            entries = plan.make_sparse(out)
            entries.whole_table = not node.attributes["oneHotOutputSparse"]
            plan.emit(partial(_find_classes, entries, count, math.prod(x.sample[where:])), [x], [])
            return

        def bind(x: Array, out: Array) -> list[Call]:
            whole = np.empty_like(x)
            classes = np.arange(count, dtype=x.dtype).reshape(count, *(1,) * (rank - where))
            return [partial(np.floor, x, whole), partial(np.equal, whole.reshape(shape), classes, out)]

        plan.emit(bind, [x], [out])


def _find_classes(entries: Entries, count: int, behind: int, x: Array) -> Call:
    """The call that finds the entries of one-hot data; `behind`: elements of x within a step of the classes."""
    place = np.arange(x.size, dtype=np.intp)
    first = place // behind * (behind * count) + place % behind  # of class 0
    flat = x.reshape(-1)

    def step() -> None:
        known = (flat >= 0) & (flat < count)
        index = first[known] + flat[known].astype(np.intp) * behind
        entries.index = index if behind == 1 else np.sort(index)

    return step


class _Gather(Operator):
    """The parts of a reference along its last dimension that the indices name."""

    name = "Gather"
    number = 74

    def infer(self, function: PrimitiveFunction) -> list[Outcome]:
        indices, reference = function.operands
        data_type = reference.data_type if reference.data_type != "unknown" else indices.data_type
        axes = indices.dynamic_axes
        if indices.shape.is_unknown or reference.shape.is_unknown:
            return [Outcome(UNKNOWN_SHAPE, data_type, axes)]
        if reference.shape.rank < 1:
            raise CntkError("Gather: a reference of rank 1 or more was expected, a scalar came.")
        return [Outcome(Shape((*reference.shape[:-1], *indices.shape)), data_type, axes)]

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        indices, reference = node.inputs
        if reference.layout is not None:
            raise CntkError("Gather operation's right operand doesn't expect to have dynamic axis")
        count = reference.shape[0]
        out = plan.output(node, (*indices.sample, *reference.shape[1:]), indices.layout, reference.dtype)
        out.needs_gradient = reference.needs_gradient
        found = plan.new(indices.sample, indices.layout, np.dtype(np.intp))
        node.saved["index"] = found

        def bind(i: Array, reference: Array, out: Array, found: Array) -> list[Call]:
            def check() -> None:
                np.copyto(found, i, casting="unsafe")
                if found.size and (found.min() < 0 or found.max() >= count):
                    raise CntkError(
                        f"Gather: indices from 0 to {count - 1} were expected, {found.min()} to {found.max()} came."
                    )

            return [check, partial(np.take, reference, found, 0, out, "clip")]

        plan.emit(bind, [indices, reference], [out, found])

    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        g = plan.gradient_of(node.output)
        assert g is not None
        reference = node.inputs[1]
        if not plan.wants(reference):
            return

        def make(g: Array, found: Array) -> Callable[[], tuple[Array, Array]]:
            flat = found.reshape(-1)
            return partial(sum_rows, flat, g.reshape(len(flat), -1))

        plan.accumulate_rows(reference, make, [g, node.saved["index"]], reference.shape[0], False, True)


class _Crop(Operator):
    """A window of the first two dimensions, as large as those of the second operand."""

    name = "Crop"
    number = 84

    def shape(self, function: PrimitiveFunction) -> Shape:
        cropped, reference = function.operands
        operand, like = cropped.shape, reference.shape
        if operand.rank < 2:
            raise CntkError(f"Crop: cropped input '{cropped.as_string()}' must have rank at least 2.")
        if operand.rank != like.rank:
            raise CntkError(
                f"Crop: cropped input '{cropped.as_string()}' and reference input '{reference.as_string()}' have "
                "different ranks."
            )
        return Shape((*like[:2], *operand[2:]))

    def _window(self, node: Node) -> tuple[slice, ...]:
        x, like = node.inputs
        offsets = node.attributes.get("offset")
        if not offsets:
            raise CntkError("Crop: the offsets must be given; they are not found from the graph.")
        parts = []
        for name, offset, size, dimension in zip(
            "xy", offsets, like.sample[::-1][:2], x.sample[::-1][:2], strict=False
        ):
            if offset < 0 or offset + size > dimension:
                raise CntkError(f"Input is small to be cropped along {name} dimension in crop node.")
            parts.append(slice(offset, offset + size))
        return (..., parts[1], parts[0])  # type: ignore[return-value]

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        x, like = node.inputs
        window = self._window(node)
        out = plan.output(node, (*x.sample[:-2], *like.sample[-2:]), x.layout)
        plan.emit(lambda x, out: partial(np.copyto, out, x[window]), [x], [out])

    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        g = plan.gradient_of(node.output)
        assert g is not None
        window = self._window(node)
        if plan.wants(node.inputs[0]):
            plan.accumulate(
                node.inputs[0], lambda g, out: [partial(out.fill, 0), partial(np.copyto, out[window], g)], [g]
            )


_TOP_K = _TopK()
_ONE_HOT = _OneHot()
_GATHER = _Gather()
_CROP = _Crop()
register(_TOP_K, _ONE_HOT, _GATHER, _CROP)


def top_k(operand: Operand, k: int, axis: Axis | None = None, name: str = "") -> CompositeFunction:
    """The k largest elements along an axis, the first one unless given, and their indices: two outputs."""
    x = as_variable(operand)
    first = Axis.static(0)
    if axis is not None and not x.shape.is_unknown and axis_place(axis, x.shape.rank) != 0:
        x, a = stand_in(operand)
        picked = call(_TOP_K, [transpose_axes(a, first, axis)], {"axis": first, "numItems": int(k)})
        outputs = [transpose_axes(v, first, axis) for v in picked.outputs]
        return as_block(combine(outputs), {a: x}, "TopK", name, {"axis": axis, "numItems": int(k)})
    return call(_TOP_K, [x], {"axis": axis or first, "numItems": int(k)}, name)


def one_hot_op(
    operand: Operand, num_class: int, output_sparse: bool = False, axis: Axis | None = None, name: str = ""
) -> CompositeFunction:
    """A new dimension of `num_class` elements at an axis, 1 at the class that the operand names.

    Args:
        output_sparse: how CNTK keeps the result; the numbers are the same.
    """
    attributes = {
        "numClass": int(num_class),
        "oneHotOutputSparse": bool(output_sparse),
        "onehotAxis": axis or Axis.static(0),
    }
    return call(_ONE_HOT, [operand], attributes, name)


def gather_op(indices: Operand, reference: Operand, axis: Axis | None = None, name: str = "") -> CompositeFunction:
    """The parts of a reference along an axis (its last one unless given) that the indices name.

    Args:
        reference: [d1 x … x dk x n], without dynamic axes.
    Returns:
        [d1 x … x dk x the shape of the indices]; with an axis, a block in which it changes places with the last one,
        before and after.
    """
    last = Axis.static(-1)
    if axis is None or axis == last:
        return call(_GATHER, [indices, reference], {}, name)
    i, a = stand_in(indices, "indices")
    r, b = stand_in(reference, "reference")
    gathered = call(_GATHER, [a, transpose_axes(b, last, axis)], {}, f"{name}_inner")
    result = transpose_axes(gathered, last, axis)
    return as_block(result, {a: i, b: r}, "GatherOp", name, {"axis": axis})


def crop(operand: Operand, like: Operand, offset: Sequence[int], name: str = "") -> CompositeFunction:
    """The window of the first two dimensions that begins at an offset and is as large as those of `like`."""
    return call(_CROP, [operand, like], {"offset": [int(v) for v in offset]}, name)
