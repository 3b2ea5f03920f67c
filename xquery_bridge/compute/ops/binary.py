"""Elementwise operators of several operands, with broadcasting.

Shapes are aligned at the first dimension (CNTK order), which in NumPy order is the usual alignment at the last one.
An operand on the batch axis alone is reconciled to the sequence axis of the others (cntk-operators, "Elementwise").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..axis import UNKNOWN_AXES
from ..errors import CntkError
from ..graph import CompositeFunction, PrimitiveFunction, as_variable
from ..plan import Call
from ..shape import Shape
from ..tensor import Array, Layout, Tensor
from ..variable import Variable
from .elementwise import _LOG
from .operator import Node, Operand, Operator, PlanBuilder, broadcast_shape, call, register

__all__ = [
    "clip",
    "element_select",
    "element_times",
    "equal",
    "greater",
    "greater_equal",
    "less",
    "less_equal",
    "log_add_exp",
    "minus",
    "not_equal",
    "plus",
    "pow",
    "reconcile_dynamic_axes",
    "reconciled",
    "square",
]


def common_layout(node: Node) -> Layout | None:
    """The layout of the operands that have one.

    Raises:
        CntkError: two operands have different numbers of samples or steps.
    """
    layout: Layout | None = None
    for tensor in node.inputs:
        if tensor.layout is not None:
            if layout is None:
                layout = tensor.layout
            elif not layout.same_as(tensor.layout) and layout.frames != tensor.layout.frames:
                raise CntkError(
                    f"{node.function.op_name}: the operands have different numbers of samples or steps "
                    f"({layout.frames} and {tensor.layout.frames})."
                )
            elif layout.lengths is None:
                layout = tensor.layout
    return layout


def broadcast_inputs(node: Node, plan: PlanBuilder) -> tuple[list[Tensor], tuple[int, ...], Layout | None]:
    """The operands, aligned to each other, with the sample shape (NumPy order) and the layout of the result.

    Raises:
        CntkError: dimensions that were free until data came do not broadcast.
    """
    rank = max(len(t.sample) for t in node.inputs)
    aligned = [plan.aligned(t, rank) for t in node.inputs]
    try:
        sample = np.broadcast_shapes(*(t.sample for t in node.inputs))
    except ValueError:
        shapes = " and ".join(str(Shape(t.sample[::-1])) for t in node.inputs)
        raise CntkError(
            f"Node '{node.function.uid}' ({node.function.op_name} operation): Input dimensions {shapes} are not "
            "compatible."
        ) from None
    return aligned, sample, common_layout(node)


class Broadcast(Operator):
    """An elementwise operator of two operands that is one call of NumPy."""

    is_elementwise = True

    def __init__(self, name: str, number: int, function: Callable[..., Any], differentiable: bool) -> None:
        self.name = name
        self.number = number
        self.function = function
        self.differentiable = differentiable

    def shape(self, function: PrimitiveFunction) -> Shape:
        return broadcast_shape(self.name, function.operands)

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        operands, sample, layout = broadcast_inputs(node, plan)
        out = plan.output(node, sample, layout, differentiable=self.differentiable)
        plan.ufunc(self.function, operands, out)


class _Plus(Broadcast):
    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        g = plan.gradient_of(node.output)
        assert g is not None
        for operand in node.inputs:
            if plan.wants(operand):
                plan.accumulate_reduced(operand, g)


class _Minus(Broadcast):
    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        g = plan.gradient_of(node.output)
        assert g is not None
        left, right = node.inputs
        if plan.wants(left):
            plan.accumulate_reduced(left, g)
        if plan.wants(right):
            plan.accumulate_broadcast(right, lambda g, out: partial(np.negative, g, out), [g], node.output)


class _ElementTimes(Broadcast):
    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        g = plan.gradient_of(node.output)
        assert g is not None
        aligned, _, _ = broadcast_inputs(node, plan)
        for operand, other in zip(node.inputs, aligned[::-1], strict=True):
            if plan.wants(operand):
                plan.accumulate_broadcast(
                    operand, lambda g, v, out: partial(np.multiply, g, v, out), [g, other], node.output
                )


def _log_calls(x: Array, out: Array) -> list[Call]:
    return _LOG.rule(x, out)


class _Pow(Broadcast):
    """A power; 0 to a negative one is 0, and a base that is not positive gives its exponent no gradient."""

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        operands, sample, layout = broadcast_inputs(node, plan)
        plan.emit(_power_calls, operands, [plan.output(node, sample, layout)])

    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        g = plan.gradient_of(node.output)
        assert g is not None
        (base, exponent), _, _ = broadcast_inputs(node, plan)
        if plan.wants(node.inputs[0]):

            def by_base(g: Array, x: Array, n: Array, out: Array) -> list[Call]:
                lower = np.empty_like(n)
                return [
                    partial(np.subtract, n, n.dtype.type(1), lower),
                    *_power_calls(x, lower, out),
                    partial(np.multiply, out, n, out),
                    partial(np.multiply, out, g, out),
                ]

            plan.accumulate_broadcast(node.inputs[0], by_base, [g, base, exponent], node.output, in_place=False)
        if plan.wants(node.inputs[1]):

            def by_exponent(g: Array, x: Array, y: Array, out: Array) -> list[Call]:
                logarithm, positive = np.empty_like(x), np.empty(x.shape, np.bool_)
                return [
                    *_log_calls(x, logarithm),
                    partial(np.greater, x, x.dtype.type(0), positive),
                    partial(out.fill, 0),
                    partial(np.multiply, y, logarithm, out, where=positive),
                    partial(np.multiply, out, g, out),
                ]

            plan.accumulate_broadcast(node.inputs[1], by_exponent, [g, base, node.output], node.output, in_place=False)


def _power_calls(x: Array, n: Array, out: Array) -> list[Call]:
    def infinite() -> None:
        zero = x == 0
        if zero.any():
            np.copyto(out, x.dtype.type(0), where=zero & (n < 0))

    return [partial(np.power, x, n, out), infinite]


class _LogPlus(Broadcast):
    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        g = plan.gradient_of(node.output)
        assert g is not None
        aligned, _, _ = broadcast_inputs(node, plan)

        def rule(g: Array, x: Array, z: Array, out: Array) -> list[Call]:
            return [
                partial(np.subtract, x, z, out),
                partial(np.fmin, out, x.dtype.type(0), out),  # infinity - infinity counts as 0
                partial(np.exp, out, out),
                partial(np.multiply, out, g, out),
            ]

        for operand, x in zip(node.inputs, aligned, strict=True):
            if plan.wants(operand):
                plan.accumulate_broadcast(operand, rule, [g, x, node.output], node.output, in_place=False)


class _Select(Operator):
    name = "Select"
    number = 42
    helper_ids = 1
    is_elementwise = True

    def shape(self, function: PrimitiveFunction) -> Shape:
        return broadcast_shape(self.name, function.operands)

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        operands, sample, layout = broadcast_inputs(node, plan)
        out = plan.output(node, sample, layout)

        def bind(condition: Array, left: Array, right: Array, out: Array) -> list[Call]:
            chosen = np.empty(condition.shape, np.bool_)
            zero = condition.dtype.type(0)
            return [
                partial(np.not_equal, condition, zero, chosen),
                partial(np.copyto, out, right),
                partial(np.copyto, out, left, where=chosen),
            ]

        plan.emit(bind, operands, [out])

    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        g = plan.gradient_of(node.output)
        assert g is not None
        (condition, _, _), _, _ = broadcast_inputs(node, plan)
        for index, compare in ((1, np.not_equal), (2, np.equal)):
            if plan.wants(node.inputs[index]):
                plan.accumulate_broadcast(
                    node.inputs[index], partial(_masked, compare), [g, condition], node.output, in_place=False
                )


def _masked(compare: Callable[..., Any], g: Array, condition: Array, out: Array) -> list[Call]:
    """The gradient where a condition compares so with 0, zero elsewhere."""
    mask = np.empty(condition.shape, np.bool_)
    return [
        partial(compare, condition, condition.dtype.type(0), mask),
        partial(out.fill, 0),
        partial(np.copyto, out, g, where=mask),
    ]


class _Clip(Operator):
    name = "Clip"
    number = 41
    helper_ids = 1
    is_elementwise = True

    def shape(self, function: PrimitiveFunction) -> Shape:
        return broadcast_shape(self.name, function.operands)

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        operands, sample, layout = broadcast_inputs(node, plan)
        out = plan.output(node, sample, layout)

        def bind(x: Array, low: Array, high: Array, out: Array) -> list[Call]:
            def cross() -> None:  # where the bounds are crossed, elements below the minimum become the minimum
                crossed = low > high
                if crossed.any():
                    np.copyto(out, low, where=crossed & (x < low))

            return [partial(np.maximum, x, low, out=out), partial(np.minimum, out, high, out=out), cross]

        plan.emit(bind, operands, [out])

    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        """The gradient passes to the operand where it was not changed; the bounds get none."""
        g = plan.gradient_of(node.output)
        assert g is not None
        if not plan.wants(node.inputs[0]):
            return
        (x, _, _), _, _ = broadcast_inputs(node, plan)

        def rule(g: Array, x: Array, y: Array, out: Array) -> list[Call]:
            same = np.empty(out.shape, np.bool_)
            return [partial(np.equal, x, y, same), partial(np.multiply, g, same, out)]

        plan.accumulate_broadcast(node.inputs[0], rule, [g, x, node.output], node.output)


class _Reconcile(Operator):
    """Gives the first operand the dynamic axes of the second."""

    name = "ReconcileDynamicAxis"
    number = 50
    uses_steps = True

    def infer(self, function: PrimitiveFunction) -> list[Any]:
        from .operator import Outcome

        operand, like = function.operands
        if not like.dynamic_axes:
            raise CntkError(
                f"ReconcileDynamicAxis: layout operand '{like.as_string()}' must have at least one dynamic axis."
            )
        return [Outcome(operand.shape, operand.data_type, like.dynamic_axes)]

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        x, like = node.inputs
        layout = like.layout
        out = plan.output(node, x.sample, layout)
        out.needs_gradient = x.needs_gradient
        source = x.layout
        if layout is None or source is None or layout.frames == source.frames:
            plan.copy(x, out)
            return
        if source.frames == 1:
            plan.copy(x, out)
        elif source.count == layout.count == source.frames:
            index = np.repeat(source.starts, layout.steps)
            plan.emit(lambda a, out: partial(np.take, a, index, 0, out, "clip"), [x], [out])
        else:
            one, two = (v.uid for v in node.function.operands)
            raise CntkError(
                f"{node.function.uid} ReconcileDynamicAxis operation discovered that {one} operation produced an MB "
                f"layout that is incompatible with that of {two} operation."
            )

    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        g = plan.gradient_of(node.output)
        x = node.inputs[0]
        assert g is not None
        if x.layout is None or g.layout is None or x.shape == g.shape:
            plan.accumulate_reduced(x, g)
        elif x.layout.frames == 1:
            plan.accumulate(x, lambda g, out: partial(np.add.reduce, g, 0, None, out, True), [g])
        else:
            starts = g.layout.starts
            plan.accumulate(x, lambda g, out: partial(np.add.reduceat, g, starts, 0, None, out), [g])


_PLUS = _Plus("Plus", 19, np.add, True)
_MINUS = _Minus("Minus", 20, np.subtract, True)
_ELEMENT_TIMES = _ElementTimes("ElementTimes", 21, np.multiply, True)
_EQUAL = Broadcast("Equal", 22, np.equal, False)
_NOT_EQUAL = Broadcast("NotEqual", 23, np.not_equal, False)
_LESS = Broadcast("Less", 24, np.less, False)
_LESS_EQUAL = Broadcast("LessEqual", 25, np.less_equal, False)
_GREATER = Broadcast("Greater", 26, np.greater, False)
_GREATER_EQUAL = Broadcast("GreaterEqual", 27, np.greater_equal, False)
_CLIP = _Clip()
_SELECT = _Select()
_RECONCILE = _Reconcile()
_LOG_PLUS = _LogPlus("LogPlus", 52, np.logaddexp, True)
_POW = _Pow("Pow", 69, np.power, True)

BINARY = (_PLUS, _MINUS, _ELEMENT_TIMES, _LOG_PLUS, _POW)
COMPARISONS = (_EQUAL, _NOT_EQUAL, _LESS, _LESS_EQUAL, _GREATER, _GREATER_EQUAL)
register(*BINARY, *COMPARISONS, _CLIP, _SELECT, _RECONCILE)


def reconciled(operands: Sequence[Operand]) -> list[Variable]:
    """The operands, those on the batch axis alone reconciled to the sequence axis of the others."""
    variables = [as_variable(v) for v in operands]
    like = next((v for v in variables if v.has_sequence_axis and not v.has_unknown_axes), None)
    if like is None:
        return variables
    return [
        v
        if not v.dynamic_axes or v.dynamic_axes == UNKNOWN_AXES or v.has_sequence_axis
        else reconcile_dynamic_axes(v, like).output
        for v in variables
    ]


def reconcile_dynamic_axes(operand: Operand, axes_as_operand: Operand, name: str = "") -> CompositeFunction:
    """The operand with the dynamic axes of another: a sample stands for all steps of its sequence."""
    return call(_RECONCILE, [operand, axes_as_operand], name=name)


def _function(operator: Broadcast, text: str) -> Callable[..., CompositeFunction]:
    def apply(left: Operand, right: Operand, name: str = "") -> CompositeFunction:
        return call(operator, reconciled([left, right]), name=name)

    apply.__doc__ = f"{text}, elementwise with broadcasting. CNTK: {operator.name}."
    return apply


plus = _function(_PLUS, "left + right")
minus = _function(_MINUS, "left - right")
element_times = _function(_ELEMENT_TIMES, "left · right")
equal = _function(_EQUAL, "1 where left = right, else 0")
not_equal = _function(_NOT_EQUAL, "1 where left ≠ right, else 0")
less = _function(_LESS, "1 where left < right, else 0")
less_equal = _function(_LESS_EQUAL, "1 where left <= right, else 0")
greater = _function(_GREATER, "1 where left > right, else 0")
greater_equal = _function(_GREATER_EQUAL, "1 where left >= right, else 0")
log_add_exp = _function(_LOG_PLUS, "log(e^left + e^right)")
pow = _function(_POW, "left to the power of right")


def square(operand: Operand, name: str = "") -> CompositeFunction:
    """x · x."""
    return call(_ELEMENT_TIMES, [operand, operand], name=name)


def clip(operand: Operand, minimum: Operand, maximum: Operand, name: str = "") -> CompositeFunction:
    """The operand, not below the minimum, not above the maximum."""
    return call(_CLIP, [operand, minimum, maximum], name=name)


def element_select(condition: Operand, then: Operand, otherwise: Operand, name: str = "") -> CompositeFunction:
    """`then` where the condition is not 0, else `otherwise`."""
    return call(_SELECT, [condition, then, otherwise], name=name)
