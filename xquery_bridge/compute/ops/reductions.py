"""Reductions over static axes, over everything, over the batch. Source: cntk-semantics section 4, cntk-operators.

One static axis leaves dimension 1; all static axes leave a scalar; all axes a scalar without dynamic axes; the batch
axis leaves the shape and takes the dynamic axes away. The sequence axis is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..axis import UNKNOWN_AXES, Axis
from ..errors import CntkError
from ..graph import CompositeFunction, PrimitiveFunction, as_block, as_variable
from ..plan import Call
from ..session import current_session
from ..shape import SCALAR, UNKNOWN_SHAPE, Shape
from ..tensor import Array, Tensor
from ..variable import placeholder
from .binary import square
from .elementwise import abs as absolute
from .elementwise import sqrt
from .operator import Node, Operand, Operator, Outcome, PlanBuilder, call, register
from .reshaping import reshape

__all__ = [
    "argmax",
    "argmin",
    "reduce_elements",
    "reduce_elements_along",
    "reduce_elements_on_axes",
    "reduce_l1",
    "reduce_l2",
    "reduce_log_sum",
    "reduce_log_sum_on_axes",
    "reduce_max",
    "reduce_max_on_axes",
    "reduce_mean",
    "reduce_mean_on_axes",
    "reduce_min",
    "reduce_min_on_axes",
    "reduce_prod",
    "reduce_prod_on_axes",
    "reduce_sum",
    "reduce_sum_on_axes",
    "reduce_sum_square",
]

ReduceCalls = Callable[[Array, tuple[int, ...], Array], list[Call]]


def _count(x: Array, axes: tuple[int, ...]) -> int:
    return int(np.prod([x.shape[a] for a in axes], dtype=np.int64))


def _sum(x: Array, axes: tuple[int, ...], out: Array) -> list[Call]:
    return [partial(np.add.reduce, x, axes, None, out, True)]


def _mean(x: Array, axes: tuple[int, ...], out: Array) -> list[Call]:
    n = x.dtype.type(_count(x, axes))
    return [*_sum(x, axes, out), partial(np.divide, out, n, out)]


def _log_sum(x: Array, axes: tuple[int, ...], out: Array) -> list[Call]:
    largest = np.empty(out.shape, x.dtype)
    shifted = np.empty(x.shape, x.dtype)

    def keep_infinite() -> None:  # infinity - infinity is not a number
        if not np.isfinite(largest).all():
            np.fmin(shifted, 0, out=shifted)

    return [
        partial(np.maximum.reduce, x, axes, None, largest, True),
        partial(np.subtract, x, largest, shifted),
        keep_infinite,
        partial(np.exp, shifted, shifted),
        partial(np.add.reduce, shifted, axes, None, out, True),
        partial(np.log, out, out),
        partial(np.add, out, largest, out),
    ]


def _reduce_by(ufunc: np.ufunc) -> ReduceCalls:
    return lambda x, axes, out: [partial(ufunc.reduce, x, axes, None, out, True)]  # type: ignore[call-arg]


def _arg(pick: Callable[..., Any]) -> ReduceCalls:
    def rule(x: Array, axes: tuple[int, ...], out: Array) -> list[Call]:
        if len(axes) == 1:
            return [lambda: np.copyto(out, pick(x, axes[0], keepdims=True))]
        # in memory order the first dimension is the fastest, and so is the last one of NumPy
        moved = np.moveaxis(x, axes, range(-len(axes), 0))
        lead = moved.shape[: moved.ndim - len(axes)]
        return [lambda: np.copyto(out, pick(moved.reshape(*lead, -1), -1).reshape(out.shape))]

    return rule


def _sum_gradient(g: Array, x: Array, y: Array, axes: tuple[int, ...], out: Array) -> list[Call]:
    return [partial(np.copyto, out, g)]


def _mean_gradient(g: Array, x: Array, y: Array, axes: tuple[int, ...], out: Array) -> list[Call]:
    return [partial(np.divide, g, x.dtype.type(_count(x, axes)), out)]


def _log_sum_gradient(g: Array, x: Array, y: Array, axes: tuple[int, ...], out: Array) -> list[Call]:
    return [partial(np.subtract, x, y, out), partial(np.exp, out, out), partial(np.multiply, out, g, out)]


def _extreme_gradient(g: Array, x: Array, y: Array, axes: tuple[int, ...], out: Array) -> list[Call]:
    """Every element that equals the result gets the full gradient."""
    same = np.empty(x.shape, np.bool_)
    return [partial(np.equal, x, y, same), partial(np.multiply, g, same, out)]


def _prod_gradient(g: Array, x: Array, y: Array, axes: tuple[int, ...], out: Array) -> list[Call]:
    """The product of the others, taken by dividing: elements of 0 get none."""
    zero = np.empty(x.shape, np.bool_)
    return [
        partial(np.divide, y, x, out),
        partial(np.equal, x, x.dtype.type(0), zero),
        partial(np.copyto, out, x.dtype.type(0), where=zero),
        partial(np.multiply, out, g, out),
    ]


_RULES: dict[str, tuple[ReduceCalls, Callable[..., list[Call]] | None]] = {
    "Sum": (_sum, _sum_gradient),
    "LogSum": (_log_sum, _log_sum_gradient),
    "Mean": (_mean, _mean_gradient),
    "Max": (_reduce_by(np.maximum), _extreme_gradient),
    "Min": (_reduce_by(np.minimum), _extreme_gradient),
    "Prod": (_reduce_by(np.multiply), _prod_gradient),
    "Argmax": (_arg(np.argmax), None),
    "Argmin": (_arg(np.argmin), None),
}


def _axes_of(function_attributes: dict[str, Any]) -> list[Axis]:
    axes = function_attributes.get("axisVec")
    return list(axes) if axes is not None else [function_attributes["axis"]]


class _ReduceElements(Operator):
    name = "ReduceElements"
    number = 39

    def infer(self, function: PrimitiveFunction) -> list[Outcome]:
        operand = function.operands[0]
        axes = _axes_of(function.attributes)
        dynamic = operand.dynamic_axes
        for axis in axes:
            if axis.is_all:
                return [Outcome(SCALAR, operand.data_type, ())]
            if axis.is_batch:
                if operand.has_sequence_axis:
                    raise CntkError(
                        f"ReduceElements: operand {operand.as_string()}; Reduction along the batch axis on input "
                        "sequence is currently unsupported."
                    )
                if not operand.dynamic_axes:
                    raise CntkError(
                        f"ReduceElements: operand {operand.as_string()}; No batch axis found during reduction along "
                        "the batch axis."
                    )
                dynamic = UNKNOWN_AXES if dynamic == UNKNOWN_AXES else ()
            elif axis.is_dynamic:
                raise CntkError(
                    f"ReduceElements: operand {operand.as_string()}; Invalid axis argument provided. To reduce an "
                    "operand along its ordered dynamic axis use Sequence::ReduceElements."
                )
        if operand.shape.is_unknown:
            return [Outcome(UNKNOWN_SHAPE, operand.data_type, dynamic)]
        if any(axis.is_all_static for axis in axes):
            return [Outcome(SCALAR, operand.data_type, dynamic)]
        reduced = self._static(axes, operand.shape.rank)
        count = sum(axis.is_static for axis in axes)
        if count > operand.shape.rank:
            raise CntkError(
                f"Reduction operation ReduceElements: number ({count}) of reduction axes exceeds the rank "
                f"({operand.shape.rank}) of the operand shape '{operand.shape}'."
            )
        if not function.attributes.get("reductionKeepDimensions", True):
            kept = Shape(d for i, d in enumerate(operand.shape) if i not in reduced)
            return [Outcome(kept, operand.data_type, dynamic)]
        return [
            Outcome(Shape(1 if i in reduced else d for i, d in enumerate(operand.shape)), operand.data_type, dynamic)
        ]

    @staticmethod
    def _static(axes: Sequence[Axis], rank: int) -> set[int]:
        """The indices of the static axes; those behind the last dimension are refused when data comes."""
        found = set()
        static = [axis for axis in axes if axis.is_static]
        for axis in static:
            index = axis.static_index
            if index < -rank:
                raise CntkError(f"Axis '{axis}' is out of bounds for the rank '{rank}' it applies to.")
            found.add(index + rank if index < 0 else index)
        return found

    def _numpy_axes(self, node: Node) -> tuple[int, ...]:
        x = node.inputs[0]
        ndim = len(x.shape)
        axes = _axes_of(node.attributes)
        if any(axis.is_all for axis in axes):
            return tuple(range(ndim))
        found = {0} if x.layout is not None and any(axis.is_batch for axis in axes) else set()
        rank = len(x.sample)
        if any(axis.is_all_static for axis in axes):
            return tuple(sorted(found | set(range(ndim - rank, ndim))))
        static = self._static(axes, rank)
        if max(static, default=-1) >= rank:
            raise CntkError(
                f"The shape of Node '{node.function.uid}' (ReduceElements operation) {Shape(x.sample[::-1])} can not "
                f"be reduced along axes [{', '.join(str(i + 1) for i in sorted(static))}]"
            )
        return tuple(sorted(found | {ndim - 1 - i for i in static if i < rank}))

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        x = node.inputs[0]
        if _RULES[node.attributes["reductionOpName"]][1] is None and any(
            axis.is_all or axis.is_batch for axis in _axes_of(node.attributes)
        ):
            raise CntkError(
                "ReduceElementsNode::NeutralValue: Invalid operation code; allowed are: 'opSum', 'opMax', 'opMin', "
                "'opElementwiseProduct', 'opLogSum'."
            )
        axes = self._numpy_axes(node)
        specified = _axes_of(node.attributes)
        layout = None if any(a.is_all or a.is_batch for a in specified) else x.layout
        offset = 0 if x.layout is None else 1
        if any(a.is_all or a.is_all_static for a in specified):
            sample: tuple[int, ...] = ()
        elif node.attributes.get("reductionKeepDimensions", True):
            sample = tuple(1 if i + offset in axes else d for i, d in enumerate(x.sample))
        else:
            sample = tuple(d for i, d in enumerate(x.sample) if i + offset not in axes)
        operation = node.attributes["reductionOpName"]
        rule, derivative = _RULES[operation]
        out = plan.output(node, sample, layout, differentiable=derivative is not None)
        kept = self._kept(x, axes)
        plan.emit(lambda a, b: rule(a, axes, b.reshape(kept)), [x], [out])

    @staticmethod
    def _kept(x: Tensor, axes: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(1 if i in axes else d for i, d in enumerate(x.shape))

    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        g = plan.gradient_of(node.output)
        derivative = _RULES[node.attributes["reductionOpName"]][1]
        assert g is not None and derivative is not None
        x = node.inputs[0]
        axes = self._numpy_axes(node)
        kept = self._kept(x, axes)
        plan.accumulate(
            x,
            lambda g, x, y, out: derivative(g.reshape(kept), x, y.reshape(kept), axes, out),
            [g, x, node.output],
        )


_REDUCE = _ReduceElements()
register(_REDUCE)


def reduce_elements(operand: Operand, operation: str, axis: Axis, name: str = "") -> CompositeFunction:
    """A reduction along one axis, all static axes, all axes or the batch axis.

    Args:
        operation: "Sum", "LogSum", "Mean", "Max", "Min", "Prod", "Argmax" or "Argmin".
    """
    keeps = not (axis.is_all or axis.is_all_static)
    attributes: dict[str, Any] = {"axis": axis, "reductionKeepDimensions": keeps, "reductionOpName": operation}
    return call(_REDUCE, [operand], attributes, name)


def reduce_elements_along(
    operand: Operand, operation: str, axis: Axis, keep_dimension: bool, name: str = ""
) -> CompositeFunction:
    """A reduction along one static axis whose dimension may be dropped; a primitive (used on unpacked sequences)."""
    attributes: dict[str, Any] = {
        "axis": axis,
        "reductionKeepDimensions": keep_dimension,
        "reductionOpName": operation,
    }
    return call(_REDUCE, [operand], attributes, name)


_PADDINGS = {"Sum": 0.0, "Mean": 0.0, "Prod": 1.0, "Max": -np.inf, "LogSum": -np.inf, "Min": np.inf}
"""What a step that is not there counts as in a reduction."""


def _reduced_steps(operand: Operand, operation: str) -> CompositeFunction:
    """A reduction along the sequence axis, which becomes a last dimension of 1.

    A mean divides by the steps of the longest sequence, as in CNTK.
    """
    from .sequences import sequence_unpack

    steps = sequence_unpack(operand, _PADDINGS[operation], True)
    return reduce_elements_along(steps, operation, Axis.static(-1), True)


def reduce_elements_on_axes(
    operand: Operand, operation: str, axes: Sequence[Axis], keep_dimensions: bool = True, name: str = ""
) -> CompositeFunction:
    """A reduction along several axes, whose dimensions become 1 or are dropped. CNTK: a block ReduceElements.

    The sequence axis becomes a last dimension of 1.
    """
    x = as_variable(operand)
    if not keep_dimensions:
        for axis in axes:
            _ = axis.static_index  # refused for axes that are not static: they have no dimension to drop
    along_steps = any(a.is_sequence for a in axes)
    if len(axes) == 1 and not axes[0].is_static and not along_steps:
        return reduce_elements(x, operation, axes[0], name)
    if not axes:
        raise CntkError("Reduction: at least one axis was expected, none came.")
    static = [a for a in axes if not a.is_dynamic]
    if along_steps and not all(a.is_static for a in static):
        axis = next(a for a in axes if a.is_sequence)
        raise CntkError(f"Reduction operation over multiple axes can not contain sequence axis: {axis}")
    outer = placeholder(x.shape, x.data_type, "operand", x.dynamic_axes) if along_steps else placeholder(name="operand")
    current_session().skip_uids(2)  # CNTK makes two placeholders more
    result: Any = outer
    if static:
        inner = placeholder(name="operand")
        attributes: dict[str, Any] = {
            "axisVec": static,
            "reductionKeepDimensions": True,
            "reductionOpName": operation,
        }
        reduced = call(_REDUCE, [inner], attributes)
        result = as_block(reduced, {inner: outer}, "MultiAxisReduce", "", dict(attributes))
    if along_steps:
        result = _reduced_steps(result, operation)
    if any(a.is_batch for a in axes):
        result = reduce_elements(result, operation, Axis.default_batch())
    if not keep_dimensions and static:
        rank = x.shape.rank
        dropped = sorted({a.static_index + rank if a.static_index < 0 else a.static_index for a in static})
        kept = Shape(d for i, d in enumerate(x.shape) if i not in dropped)
        result = reshape(result, kept)
    block = {"axisVec": list(axes), "reductionKeepDimensions": keep_dimensions, "reductionOpName": operation}
    return as_block(result, {outer: x}, "ReduceElements", name, block)


def _one_axis(operation: str) -> Callable[..., CompositeFunction]:
    def apply(operand: Operand, axis: Axis, name: str = "") -> CompositeFunction:
        return reduce_elements(operand, operation, axis, name)

    apply.__doc__ = f"{operation} along one axis, which becomes 1; see `reduce_elements`."
    return apply


def _many_axes(operation: str) -> Callable[..., CompositeFunction]:
    def apply(
        operand: Operand, axes: Sequence[Axis], keep_dimensions: bool = True, name: str = ""
    ) -> CompositeFunction:
        return reduce_elements_on_axes(operand, operation, axes, keep_dimensions, name)

    apply.__doc__ = f"{operation} along several axes; see `reduce_elements_on_axes`."
    return apply


reduce_sum = _one_axis("Sum")
reduce_log_sum = _one_axis("LogSum")
reduce_mean = _one_axis("Mean")
reduce_max = _one_axis("Max")
reduce_min = _one_axis("Min")
reduce_prod = _one_axis("Prod")
argmax = _one_axis("Argmax")
argmin = _one_axis("Argmin")
reduce_sum_on_axes = _many_axes("Sum")
reduce_log_sum_on_axes = _many_axes("LogSum")
reduce_mean_on_axes = _many_axes("Mean")
reduce_max_on_axes = _many_axes("Max")
reduce_min_on_axes = _many_axes("Min")
reduce_prod_on_axes = _many_axes("Prod")


def _composed(
    op_name: str,
    operand: Operand,
    axes: Sequence[Axis],
    keep_dimensions: bool,
    name: str,
    make: Callable[[Any], CompositeFunction],
) -> CompositeFunction:
    stand_in = placeholder(name="operand")
    x = as_variable(operand)
    stand_in.shape, stand_in.data_type, stand_in.dynamic_axes = x.shape, x.data_type, x.dynamic_axes
    attributes = {"axisVec": list(axes), "reductionKeepDimensions": keep_dimensions}
    return as_block(make(stand_in), {stand_in: x}, op_name, name, attributes)


def reduce_l1(
    operand: Operand, axes: Sequence[Axis], keep_dimensions: bool = True, name: str = ""
) -> CompositeFunction:
    """Sum of absolute values."""
    return _composed(
        "ReduceL1",
        operand,
        axes,
        keep_dimensions,
        name,
        lambda x: reduce_sum_on_axes(absolute(x), axes, keep_dimensions),
    )


def reduce_l2(
    operand: Operand, axes: Sequence[Axis], keep_dimensions: bool = True, name: str = ""
) -> CompositeFunction:
    """Square root of the sum of squares."""
    return _composed(
        "ReduceL2", operand, axes, keep_dimensions, name, lambda x: sqrt(reduce_sum_square(x, axes, keep_dimensions))
    )


def reduce_sum_square(
    operand: Operand, axes: Sequence[Axis], keep_dimensions: bool = True, name: str = ""
) -> CompositeFunction:
    """Sum of squares."""
    return _composed(
        "ReduceSumSquare",
        operand,
        axes,
        keep_dimensions,
        name,
        lambda x: reduce_sum_on_axes(square(x), axes, keep_dimensions),
    )
