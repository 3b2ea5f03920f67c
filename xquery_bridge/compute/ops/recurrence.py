"""PastValue and FutureValue: the operand some steps earlier or later, an initial state beyond the ends.

In a loop they are what carries the state (see `loop`); elsewhere they are one gathering of frames. Source:
cntk-semantics section 8, and CNTK for initial states with dynamic axes: a sample of the batch stands for all steps
beyond its sequence, a sequence gives its last steps (PastValue) or its first ones (FutureValue).
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..axis import UNKNOWN_AXES
from ..errors import CntkError
from ..graph import CompositeFunction, PrimitiveFunction, as_variable
from ..plan import Call
from ..shape import SCALAR, UNKNOWN_SHAPE
from ..tensor import Array, Layout, Tensor
from ..variable import Constant, Variable
from .operator import Node, Operand, Operator, Outcome, PlanBuilder, broadcast_shape, call, register

__all__ = ["future_value", "past_value", "sequence_delay"]

Indices = NDArray[np.int64]


class Shift(NamedTuple):
    """Where the frames of a delayed value come from.

    Attributes:
        source: for each frame a frame of the operand; any one beyond the ends.
        inside: the frames that have one.
        beyond: the frames that lie beyond the ends.
        initial: for each of `beyond` a frame of the initial state, None when that has no dynamic axes.
    """

    source: Indices
    inside: Indices
    beyond: Indices
    initial: Indices | None


class Delay(Operator):
    """The operand `offset` steps earlier (direction 1) or later (-1)."""

    uses_steps = True

    def __init__(self, name: str, number: int, direction: int) -> None:
        self.name = name
        self.number = number
        self.direction = direction

    def infer(self, function: PrimitiveFunction) -> list[Outcome]:
        operand, initial = function.operands
        axes = operand.dynamic_axes
        data_type = function.check_data_types()
        if axes != UNKNOWN_AXES and not (len(axes) == 2 and operand.has_sequence_axis):
            raise CntkError(
                f"PastValue/FutureValue Function '{self.name}: {operand.as_string()} -> Unknown': Input operand "
                f"'{operand.as_string()}' with #dynamic axes != 2 (1 sequence axis and 1 batch axis) is not supported."
            )
        if operand.shape.is_unknown or initial.shape.is_unknown:
            return [Outcome(UNKNOWN_SHAPE, data_type, axes)]
        return [Outcome(broadcast_shape(self.name, function.operands), data_type, axes)]

    @staticmethod
    def offset(node: Node) -> int:
        """How many steps."""
        return int(node.attributes["offset"])

    def shift(self, layout: Layout, offset: int, initial: Layout | None) -> Shift:
        """The frames of a delayed value."""
        steps = np.repeat(layout.steps, layout.steps)
        position = np.arange(layout.frames) - np.repeat(layout.starts, layout.steps)
        if self.direction > 0:
            outside = position < offset
            source = np.arange(layout.frames) - offset
        else:
            outside = position >= steps - offset
            source = np.arange(layout.frames) + offset
        beyond = np.flatnonzero(outside)
        rows: Indices | None = None
        if initial is not None:
            if initial.count not in (1, layout.count):
                raise CntkError(
                    f"{self.name}: the initial state has {initial.count} samples, the operand {layout.count} sequences."
                )
            sequence = np.repeat(np.arange(layout.count), layout.steps)[beyond]
            if initial.count == 1:
                sequence = np.zeros_like(sequence)
            rows = initial.starts[sequence]
            if initial.lengths is not None:
                if self.direction > 0:
                    within = initial.lengths[sequence] - offset + position[beyond]
                else:
                    within = position[beyond] + offset - steps[beyond]
                if (within < 0).any() or (within >= initial.lengths[sequence]).any():
                    raise CntkError(f"{self.name}: an initial state of at least {offset} steps was expected.")
                rows = rows + within
        return Shift(np.where(outside, 0, source), np.flatnonzero(~outside), beyond, rows)

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        x, initial = node.inputs
        assert x.layout is not None
        shift = self.shift(x.layout, self.offset(node), initial.layout)
        node.saved["shift"] = shift
        sample = np.broadcast_shapes(x.sample, initial.sample)
        out = plan.output(node, sample, x.layout)
        emit_shift(plan, shift, x, initial, out)

    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        g = plan.gradient_of(node.output)
        assert g is not None
        x, initial = node.inputs
        shift: Shift = node.saved["shift"]
        if plan.wants(x):
            inside, source = shift.inside, shift.source[shift.inside]

            def back(g: Array, out: Array) -> list[Call]:
                moved = np.empty((len(inside), *g.shape[1:]), g.dtype)
                return [
                    partial(out.fill, 0),
                    partial(np.take, g, inside, 0, moved, "clip"),
                    partial(out.__setitem__, source, moved),
                ]

            if x.sample == g.sample:
                plan.accumulate(x, back, [g])
            else:
                whole = plan.new(g.sample, g.layout, g.dtype)
                plan.emit(back, [g], [whole])
                plan.accumulate_reduced(x, whole)
        if plan.wants(initial):
            emit_initial_gradient(plan, shift, g, initial)


def emit_shift(plan: PlanBuilder, shift: Shift, x: Tensor, initial: Tensor, out: Tensor) -> None:
    """Emits the gathering of a delayed value: frames of the operand, then the initial state beyond the ends."""
    rank = len(out.sample)

    def bind(a: Array, start: Array, out: Array) -> list[Call]:
        a = a.reshape(a.shape[0], *(1,) * (rank + 1 - a.ndim), *a.shape[1:])
        a = np.broadcast_to(a, (a.shape[0], *out.shape[1:]))
        calls: list[Call] = [partial(np.take, a, shift.source, 0, out, "clip")]
        if not len(shift.beyond):
            return calls
        if shift.initial is None:
            calls.append(partial(out.__setitem__, shift.beyond, start))
            return calls
        start = start.reshape(start.shape[0], *(1,) * (rank + 1 - start.ndim), *start.shape[1:])
        rows = np.empty((len(shift.beyond), *start.shape[1:]), start.dtype)
        return [
            *calls,
            partial(np.take, start, shift.initial, 0, rows, "clip"),
            partial(out.__setitem__, shift.beyond, rows),
        ]

    plan.emit(bind, [x, initial], [out])


def emit_initial_gradient(plan: PlanBuilder, shift: Shift, g: Tensor, initial: Tensor) -> None:
    """Adds up what the initial state gets from the steps beyond the ends."""
    if not len(shift.beyond):
        return
    rows = plan.new(g.sample, plan.batch_layout(len(shift.beyond)), g.dtype)
    plan.emit(lambda g, out: partial(np.take, g, shift.beyond, 0, out, "clip"), [g], [rows])
    if shift.initial is None or initial.layout is None:
        plan.accumulate_reduced(initial, rows)
        return
    target = shift.initial
    whole = plan.new(g.sample, initial.layout, g.dtype)
    plan.emit(lambda r, out: [partial(out.fill, 0), partial(np.add.at, out, target, r)], [rows], [whole])
    plan.accumulate_reduced(initial, whole)


PAST_VALUE = Delay("PastValue", 37, 1)
FUTURE_VALUE = Delay("FutureValue", 38, -1)
register(PAST_VALUE, FUTURE_VALUE)


def _delayed(
    operator: Delay, operand: Operand, initial_state: Operand | float | None, offset: int, name: str
) -> CompositeFunction:
    x = as_variable(operand)
    if int(offset) < 1:
        raise CntkError(f"{operator.name}: the offset must be at least 1, {offset} came.")
    if initial_state is None or isinstance(initial_state, (int, float)):
        data_type = "float" if x.data_type == "unknown" else x.data_type
        initial: Variable = Constant(SCALAR, data_type, float(initial_state or 0))
    else:
        initial = as_variable(initial_state)
    return call(operator, [x, initial], {"offset": int(offset)}, name)


def past_value(
    operand: Operand, initial_state: Operand | float | None = None, offset: int = 1, name: str = ""
) -> CompositeFunction:
    """The operand `offset` steps earlier.

    Args:
        initial_state: what stands before the first step: a number or variable that broadcasts to the operand, of no
            dynamic axes, of one sample for each sequence, or a sequence whose last steps are taken; 0 for None.
    """
    return _delayed(PAST_VALUE, operand, initial_state, offset, name)


def future_value(
    operand: Operand, initial_state: Operand | float | None = None, offset: int = 1, name: str = ""
) -> CompositeFunction:
    """The operand `offset` steps later; the initial state stands behind the last step."""
    return _delayed(FUTURE_VALUE, operand, initial_state, offset, name)


def sequence_delay(
    operand: Operand, initial_state: Operand | float | None = None, time_step: int = 1, name: str = ""
) -> Operand:
    """The operand `time_step` steps earlier, later when it is negative, itself when it is 0."""
    if time_step == 0:
        return operand
    if time_step > 0:
        return past_value(operand, initial_state, time_step, name)
    return future_value(operand, initial_state, -time_step, name)
