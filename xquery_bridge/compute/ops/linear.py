"""Products: Times and TransposeTimes.

Times(A, B, r): the dimensions of A behind its first r are contracted with the first ones of B; the result has the first
r dimensions of A, then what is left of B (CNTK order). In NumPy order A is (contracted, out), B (rest, contracted), so
the result (rest, out) is the matrix product B · A. Source: cntk-operators, "Linear".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..errors import CntkError
from ..graph import CompositeFunction, PrimitiveFunction, as_block
from ..kernels import kernel
from ..plan import Call
from ..session import current_session
from ..shape import INFERRED, Shape
from ..sparse import Entries, add_entries, product_of_entries
from ..tensor import Array, Layout, Tensor
from ..variable import Constant, Parameter, placeholder
from .binary import common_layout, element_times, plus, reconciled
from .operator import Node, Operand, Operator, PlanBuilder, as_variable_list, call, register

__all__ = ["gemm", "times", "transpose_times"]


FEW_ELEMENTS = 2048
"""One-hot and sparse data of so many elements is multiplied as a matrix: finding its entries would take longer."""


class _Times(Operator):
    """A product; `transposed` contracts the first dimensions of the left operand."""

    def __init__(self, name: str, number: int, transposed: bool) -> None:
        self.name = name
        self.number = number
        self.transposed = transposed
        self.helper_ids = 1 if transposed else 0

    def shape(self, function: PrimitiveFunction) -> Shape:
        left, right = function.operands
        rank = int(function.attributes["outputRank"])
        infer = int(function.attributes.get("inferInputRankToMap", -1))
        a, b = left.shape, right.shape
        if rank < 1:
            raise CntkError(f"Times: Output rank ({rank}) must be > 0.")
        if rank > a.rank:
            raise CntkError(
                f"Times: Output rank ({rank}) must be <= rank ({a.rank}) of the left operand '{left.as_string()}'."
            )
        if infer >= 0 and infer >= b.rank:
            raise CntkError(
                f"Times: Input map rank ({infer}) must be < rank ({b.rank}) of the right operand '{right.as_string()}'."
            )
        if self.transposed and a.rank not in (1, 2):
            raise CntkError(
                f"TransposeTimes operation currently requires the left operand '{left.as_string()}' to be of rank 1 "
                "or 2"
            )
        if self.transposed:  # seen as the left operand of Times; a vector is a matrix of one column
            if a.rank == rank:
                a = Shape((*a, 1))
            a = Shape((*a[a.rank - rank :], *a[: a.rank - rank]))
        out, contracted = a[:rank], a[rank:]
        if infer >= 0 and INFERRED in contracted:
            contracted = (*contracted, *(INFERRED,) * (b.rank - infer - len(contracted)))
        count = len(contracted)
        if b.rank < count:
            raise CntkError(
                f"Times: The right operand '{right.as_string()}' rank ({b.rank}) must be >= #axes ({count}) being "
                "reduced over."
            )
        if any(c not in (INFERRED, d) and c >= 0 and d >= 0 for c, d in zip(contracted, b[:count], strict=True)):
            raise CntkError(
                f"Times: The {count} leading dimensions of the right operand with shape '{Shape(b[:count])}' do not "
                f"match the left operand's trailing dimensions with shape '{Shape(contracted)}'"
            )
        if INFERRED in contracted and isinstance(left, (Parameter, Constant)):
            fixed = b[:count]
            left.infer_shape(Shape((*fixed, *out)) if self.transposed else Shape((*out, *fixed)))
        return Shape((*out, *b[count:]))

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        if self.transposed and int(node.attributes["outputRank"]) != 1:
            raise CntkError("TransposeTimes does not yet support outputRank other than 1")
        a, b, layout, sample = self._matrices(node)
        out = plan.output(node, sample, layout)
        entries = plan.entries_of(b) if a.layout is None else None
        if entries is not None and b.size > FEW_ELEMENTS:
            plan.emit(partial(_product_of_entries, self._axes(a, b, out, layout), entries), [a], [out])
            return
        plan.emit(partial(_product, self._axes(a, b, out, layout)), [a, b], [out])

    def _matrices(self, node: Node) -> tuple[Tensor, Tensor, Layout | None, tuple[int, ...]]:
        """The operands, the layout and the sample shape (NumPy order) of the result."""
        a, b = node.inputs
        rank = int(node.attributes["outputRank"])
        column = self.transposed and len(a.sample) == rank
        count = 1 if column else len(a.sample) - rank
        rest = b.sample[: len(b.sample) - count]
        contracted = a.sample if column else a.sample[rank:] if self.transposed else a.sample[:count]
        if len(contracted) == count and contracted != b.sample[len(rest) :]:
            raise CntkError(
                f"Times: The {count} leading dimensions of the right operand with shape "
                f"'{Shape(b.sample[len(rest) :][::-1])}' do not match the left operand's "
                f"trailing dimensions with shape '{Shape(contracted[::-1])}'"
            )
        out = (1,) if column else a.sample[:rank] if self.transposed else a.sample[count:]
        return a, b, common_layout(node), (*rest, *out)

    def _axes(self, a: Tensor, b: Tensor, out: Tensor, layout: Layout | None) -> _Sizes:
        total_a = math.prod(a.sample)
        total_out = math.prod(out.sample)
        total_b = math.prod(b.sample)
        # total_a = k·o, total_b = r·k, total_out = r·o; a dimension of 0 does not occur
        inner = round(math.sqrt(total_a * total_b / total_out)) if total_out else 1
        return _Sizes(
            frames=None if layout is None else layout.frames,
            a_frames=a.layout is not None,
            b_frames=b.layout is not None,
            rest=total_b // inner,
            inner=inner,
            out=total_a // inner,
            transposed=self.transposed,
        )

    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        g = plan.gradient_of(node.output)
        assert g is not None
        a, b, layout, _ = self._matrices(node)
        sizes = self._axes(a, b, node.output, layout)
        entries = plan.entries_of(b) if a.layout is None else None
        if plan.wants(a) and entries is not None and (b.size > FEW_ELEMENTS or not entries.whole_table):
            make = partial(_rows_of_left, sizes, entries)
            plan.accumulate_rows(a, make, [g], sizes.inner, self.transposed, entries.whole_table)
        elif plan.wants(a):
            plan.accumulate(a, partial(_gradient_of_left, sizes), [g, b])
        if plan.wants(b):
            plan.accumulate(b, partial(_gradient_of_right, sizes), [g, a])


class _Sizes:
    """Sizes of a product: (rest x inner) · (inner x out), `frames` of them."""

    __slots__ = ("a_frames", "b_frames", "frames", "inner", "out", "rest", "transposed")

    def __init__(
        self, frames: int | None, a_frames: bool, b_frames: bool, rest: int, inner: int, out: int, transposed: bool
    ) -> None:
        self.frames = frames
        self.a_frames = a_frames
        self.b_frames = b_frames
        self.rest = rest
        self.inner = inner
        self.out = out
        self.transposed = transposed

    @property
    def merged(self) -> bool:
        """The frames of the right operand can be rows of one matrix."""
        return self.frames is None or not self.a_frames

    def left(self, a: Array) -> Array:
        """The left operand as (…, inner, out)."""
        lead = (-1,) if self.a_frames else ()
        if self.transposed:
            return a.reshape(*lead, self.out, self.inner).swapaxes(-1, -2)
        return a.reshape(*lead, self.inner, self.out)

    def right(self, b: Array) -> Array:
        """The right operand as (…, rest, inner)."""
        if self.merged:
            return b.reshape(-1, self.inner)
        lead = (-1,) if self.b_frames else ()
        return b.reshape(*lead, self.rest, self.inner)

    def result(self, c: Array) -> Array:
        """The result as (…, rest, out)."""
        return c.reshape(-1, self.out) if self.merged else c.reshape(-1, self.rest, self.out)


def product(left: Array, right: Array, out: Array) -> Call:
    """The call that fills `out` with the product of two matrices."""
    call: Call = kernel("product")(left, right, out)
    return call


def _product(sizes: _Sizes, a: Array, b: Array, out: Array) -> Call:
    left, right, result = sizes.left(a), sizes.right(b), sizes.result(out)
    if sizes.merged:
        return product(right, left, result)
    return partial(np.matmul, right, left, result)


def _product_of_entries(sizes: _Sizes, entries: Entries, a: Array, out: Array) -> Call:
    return partial(product_of_entries, entries, sizes.left(a), sizes.result(out))


def _rows_of_left(sizes: _Sizes, entries: Entries, g: Array) -> Callable[[], tuple[Array, Array]]:
    return partial(add_entries, entries, sizes.inner, sizes.result(g))


def _gradient_of_left(sizes: _Sizes, g: Array, b: Array, out: Array) -> Call | list[Call]:
    """dA = Bᵀ · g, (inner x out)."""
    right, top = sizes.right(b), sizes.result(g)
    target = out.reshape(*((-1,) if sizes.a_frames else ()), *_left_shape(sizes))
    if sizes.merged:
        if sizes.transposed:
            return product(top.T, right, target)
        return product(right.T, top, target)
    if sizes.transposed:
        return partial(np.matmul, top.swapaxes(-1, -2), right, target)
    return partial(np.matmul, right.swapaxes(-1, -2), top, target)


def _left_shape(sizes: _Sizes) -> tuple[int, int]:
    return (sizes.out, sizes.inner) if sizes.transposed else (sizes.inner, sizes.out)


def _gradient_of_right(sizes: _Sizes, g: Array, a: Array, out: Array) -> Call | list[Call]:
    """dB = g · Aᵀ, (rest x inner), summed over the frames where the right operand has none."""
    left, top = sizes.left(a), sizes.result(g)
    if sizes.merged:
        return product(top, left.T, out.reshape(-1, sizes.inner))
    if sizes.b_frames:
        return partial(np.matmul, top, left.swapaxes(-1, -2), out.reshape(-1, sizes.rest, sizes.inner))
    each = np.empty((top.shape[0], sizes.rest, sizes.inner), out.dtype)
    return [
        partial(np.matmul, top, left.swapaxes(-1, -2), each),
        partial(np.add.reduce, each, 0, None, out.reshape(sizes.rest, sizes.inner)),
    ]


_TIMES = _Times("Times", 31, False)
_TRANSPOSE_TIMES = _Times("TransposeTimes", 32, True)
register(_TIMES, _TRANSPOSE_TIMES)


def times(
    left: Operand, right: Operand, output_rank: int = 1, infer_input_rank_to_map: int = -1, name: str = ""
) -> CompositeFunction:
    """The product of two tensors.

    Args:
        left: [o1 x … x or x c1 x … x ck], r the output rank; may be a parameter whose c are inferred.
        right: [c1 x … x ck x rest].
        infer_input_rank_to_map: how many last dimensions of `right` an inferred `left` leaves alone; -1 for none.
    Returns:
        [o1 x … x or x rest].
    """
    attributes: dict[str, Any] = {"outputRank": output_rank, "inferInputRankToMap": infer_input_rank_to_map}
    return call(_TIMES, reconciled([left, right]), attributes, name)


def transpose_times(left: Operand, right: Operand, output_rank: int = 1, name: str = "") -> CompositeFunction:
    """The product with the left operand [c1 x … x ck x o1 x … x or] transposed."""
    return call(_TRANSPOSE_TIMES, reconciled([left, right]), {"outputRank": output_rank}, name)


def gemm(
    left: Operand,
    right: Operand,
    addend: Operand,
    alpha: float = 1.0,
    beta: float = 1.0,
    transpose_left: bool = False,
    transpose_right: bool = False,
    name: str = "",
) -> CompositeFunction:
    """beta · addend + (alpha · left) · right, of matrices without dynamic axes. CNTK: Gemm, a block."""
    from .reshaping import transpose

    operands = as_variable_list([left, right, addend])
    a, b, c = placeholder(name="A"), placeholder(name="B"), placeholder(name="C")
    data_type = operands[0].data_type
    x = transpose(a) if transpose_left else a
    y = transpose(b) if transpose_right else b
    scaled = element_times(x, Constant(Shape((1, 1)), data_type, alpha))
    added = element_times(c, Constant(Shape((1, 1)), data_type, beta))
    current_session().skip_uids(2)
    composite = plus(added, times(scaled, y))
    attributes = {"alpha": alpha, "beta": beta, "transA": transpose_left, "transB": transpose_right}
    return as_block(composite, dict(zip((a, b, c), operands, strict=True)), "Gemm", name, attributes)
