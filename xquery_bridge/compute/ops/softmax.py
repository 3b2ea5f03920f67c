"""Softmax, LogSoftmax, Hardmax. Source: cntk-semantics section 3.

Without an axis Softmax and Hardmax go over all elements of a sample, LogSoftmax over the first dimension. CNTK's matrix
of what has no dynamic axes (parameters, constants) has a column for each vector along the first dimension: Softmax and
Hardmax go over these.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from ..axis import Axis
from ..errors import CntkError
from ..graph import BlockFunction, CompositeFunction, as_block, as_variable
from ..kernels.broadcasting import broadcast_calls
from ..plan import Call, Splits
from ..tensor import Array, Tensor
from .binary import minus
from .blocks import element_divide, stand_in
from .elementwise import exp, log
from .operator import Node, Operand, Operator, PlanBuilder, call, fuse, register
from .reductions import reduce_max, reduce_sum

__all__ = ["hardmax", "largest_along", "log_softmax", "softmax", "sums_along"]

_SMALL_SIZE = 8192
"""Up to so many elements OpenBLAS multiplies a matrix and a vector on one thread."""
_FEW_COLUMNS = 4
"""A reduction takes as long to begin as five elementwise calls."""


def sums_along(x: Array, out: Array) -> Call:
    """The call that sums along the last axis into `out` (…, 1), by products with ones where those are quicker."""
    ones, sums = np.ones(x.shape[-1], x.dtype), out[..., 0]
    if x.ndim == 2 and x.size <= _SMALL_SIZE and x.flags.c_contiguous and sums.flags.c_contiguous:
        return partial(x.dot, ones, sums)
    if x.strides[-1] == x.itemsize:
        return partial(np.vecdot, x, ones, sums)
    return partial(np.add.reduce, x, -1, None, out, True)


def largest_along(x: Array, out: Array) -> list[Call]:
    """The calls that take the largest along the last axis into `out` (…, 1), column by column where there are few."""
    if not 1 < x.shape[-1] <= _FEW_COLUMNS:
        return [partial(np.maximum.reduce, x, -1, None, out, True)]
    largest, first, *others = out[..., 0], *np.moveaxis(x, -1, 0)
    return [partial(np.maximum, largest if index else first, x, out=largest) for index, x in enumerate(others)]


def softmax_calls(x: Array, out: Array) -> list[Call]:
    """e^x / Σ e^x along the last axis."""
    largest = np.empty((*x.shape[:-1], 1), x.dtype)
    return [
        *largest_along(x, largest),
        *broadcast_calls(np.subtract, (x, largest), out),
        partial(np.exp, out, out),
        sums_along(out, largest),
        *broadcast_calls(np.divide, (out, largest), out),
    ]


def _along(x: Array, axis: int) -> Array:
    """The array with an axis last."""
    return x if axis in (-1, x.ndim - 1) else np.moveaxis(x, axis, -1)


class _SoftmaxAlong(Operator):
    """Softmax along one dimension, computed for the whole block."""

    name = "Softmax"

    def accepts(self, block: BlockFunction) -> bool:
        operand = block.operands[0]
        axis = block.attributes.get("axis")
        return isinstance(axis, Axis) and axis.is_static and axis.static_index < max(operand.shape.rank, 1)

    def _axis(self, node: Node) -> int:
        x = node.inputs[0]
        index = int(node.attributes["axis"].static_index)
        rank = len(x.sample)
        return -1 - (index + rank if index < 0 else index)

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        x = node.inputs[0]
        axis = self._axis(node)
        out = plan.output(node, x.sample, x.layout)
        plan.emit(lambda x, y: self.calls(_along(x, axis), _along(y, axis)), [x], [out], splits=Splits.FRAMES)

    def calls(self, x: Array, y: Array) -> list[Call]:
        """Calls along the last axis."""
        return softmax_calls(x, y)

    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        g = plan.gradient_of(node.output)
        assert g is not None
        axis = self._axis(node)
        plan.accumulate(
            node.inputs[0],
            lambda g, y, out: self.gradient_calls(_along(g, axis), _along(y, axis), _along(out, axis)),
            [g, node.output],
            splits=Splits.FRAMES,
        )

    def gradient_calls(self, g: Array, y: Array, out: Array) -> list[Call]:
        """dx = y · (g - Σ g y)."""
        total = np.empty((*y.shape[:-1], 1), y.dtype)
        if g.strides[-1] == y.strides[-1] == y.itemsize:
            products: list[Call] = [partial(np.vecdot, g, y, total[..., 0])]
        else:
            products = [partial(np.multiply, g, y, out), partial(np.add.reduce, out, -1, None, total, True)]
        return [
            *products,
            *broadcast_calls(np.subtract, (g, total), out),
            partial(np.multiply, out, y, out),
        ]


class _LogSoftmaxAlong(_SoftmaxAlong):
    name = "LogSoftmax"

    def calls(self, x: Array, y: Array) -> list[Call]:
        largest = np.empty((*x.shape[:-1], 1), x.dtype)
        powers = np.empty(x.shape, x.dtype)
        return [
            *largest_along(x, largest),
            *broadcast_calls(np.subtract, (x, largest), y),
            partial(np.exp, y, powers),
            sums_along(powers, largest),
            partial(np.log, largest, largest),
            *broadcast_calls(np.subtract, (y, largest), y),
        ]

    def gradient_calls(self, g: Array, y: Array, out: Array) -> list[Call]:
        """dx = g - e^y Σ g."""
        total = np.empty((*y.shape[:-1], 1), y.dtype)
        return [
            sums_along(g, total),
            partial(np.exp, y, out),
            *broadcast_calls(np.multiply, (out, total), out),
            partial(np.subtract, g, out, out),
        ]


def _columns(tensor: Tensor) -> Callable[[Array], Array]:
    """The columns of CNTK's matrix: all elements of a sample, without dynamic axes the first dimension."""
    if tensor.layout is None:
        return lambda a: a.reshape(-1, a.shape[-1] if a.ndim else 1)
    return lambda a: a.reshape(len(a), -1)


class _Softmax(_SoftmaxAlong):
    """The primitive: over all elements of a sample, or the first dimension of an operand without dynamic axes."""

    number = 10

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        x = node.inputs[0]
        flat = _columns(x)
        out = plan.output(node, x.sample, x.layout)
        plan.emit(lambda x, y: softmax_calls(flat(x), flat(y)), [x], [out], splits=Splits.FRAMES)

    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        g = plan.gradient_of(node.output)
        assert g is not None
        flat = _columns(node.inputs[0])
        plan.accumulate(
            node.inputs[0],
            lambda g, y, out: self.gradient_calls(flat(g), flat(y), flat(out)),
            [g, node.output],
            splits=Splits.FRAMES,
        )


class _Hardmax(Operator):
    name = "Hardmax"
    number = 11
    differentiable = False

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        x = node.inputs[0]
        flat = _columns(x)
        out = plan.output(node, x.sample, x.layout, differentiable=False)

        def bind(x: Array, y: Array) -> list[Call]:
            values, result = flat(x), flat(y)
            rows = np.arange(len(values))
            best = np.empty(len(values), np.intp)

            def skip_nan() -> None:
                # NumPy finds NaN the largest; for CNTK nothing is larger than NaN, and NaN larger than nothing
                found = np.isnan(values[rows, best])
                if found.any():
                    best[found] = np.where(np.isnan(values[found]), -np.inf, values[found]).argmax(1)
                    best[np.isnan(values[:, 0])] = 0

            return [
                partial(np.argmax, values, 1, best),
                skip_nan,
                partial(result.fill, 0),
                lambda: result.__setitem__((rows, best), 1),
            ]

        plan.emit(bind, [x], [out])


_SOFTMAX = _Softmax()
_HARDMAX = _Hardmax()
register(_SOFTMAX, _HARDMAX)
fuse("Softmax", _SoftmaxAlong())
fuse("LogSoftmax", _LogSoftmaxAlong())


def softmax(operand: Operand, axis: Axis | None = None, name: str = "") -> CompositeFunction:
    """e^x / Σ e^x along an axis, over all static elements without one."""
    if axis is None:
        return call(_SOFTMAX, [operand], {}, name)
    if not axis.is_static and not axis.is_all_static:
        raise CntkError("Softmax: support only static axes.")
    rank = as_variable(operand).shape.rank
    if axis.is_all_static and rank == 1:
        raise CntkError("Cannot query the static axis index for a non-static axis")
    if axis.is_all_static or (rank == 1 and axis == Axis.static(0)):
        return call(_SOFTMAX, [operand], {}, name)
    x, a = stand_in(operand)
    powers = exp(minus(a, reduce_max(a, axis)))
    result = element_divide(powers, reduce_sum(powers, axis))
    return as_block(result, {a: x}, "Softmax", name, {"axis": axis})


def log_softmax(operand: Operand, axis: Axis | None = None, name: str = "") -> CompositeFunction:
    """x - log Σ e^x along an axis, the first one unless it is given."""
    axis = Axis.static(0) if axis is None else axis
    if not axis.is_static:
        raise CntkError("LogSoftmax: support only static axes.")
    x, a = stand_in(operand)
    largest = reduce_max(a, axis)
    result = minus(minus(a, largest), log(reduce_sum(exp(minus(a, largest)), axis)))
    return as_block(result, {a: x}, "LogSoftmax", name, {"axis": axis})


def hardmax(operand: Operand, name: str = "") -> CompositeFunction:
    """1 at the largest element of a sample (the first of equals), 0 elsewhere."""
    return call(_HARDMAX, [operand], {}, name)
