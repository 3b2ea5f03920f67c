"""Operators on sequences: positions (`Where`), gathering, scattering, unpacking, and the blocks of CNTK's `Sequence`.

Frames of a sequence lie next to each other (see `value`), so each of them is an index array made from the numbers of
steps. Only `Where` on computed conditions needs data for its layout (see `sequence_blocks` for slices). Source:
cntk-semantics section 8, cntk-operators "Sequences and recurrence".
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..axis import UNKNOWN_AXES, Axis, DynamicAxes
from ..errors import CntkError
from ..graph import BlockFunction, CompositeFunction, Function, PrimitiveFunction, as_block, as_variable, combine
from ..plan import Call
from ..shape import FREE, SCALAR, UNKNOWN_SHAPE, Shape
from ..tensor import Array, Layout
from ..variable import Constant, Variable
from .binary import element_times, minus, reconcile_dynamic_axes
from .blocks import element_divide, stand_in
from .elementwise import exp
from .operator import Node, Operand, Operator, Outcome, PlanBuilder, call, register
from .recurrence import future_value, past_value
from .reductions import reduce_elements_along

__all__ = [
    "broadcast_as",
    "sequence_first",
    "sequence_gather",
    "sequence_is_first",
    "sequence_is_last",
    "sequence_last",
    "sequence_reduce_max",
    "sequence_reduce_sum",
    "sequence_scatter",
    "sequence_slice",
    "sequence_softmax",
    "sequence_unpack",
    "sequence_where",
    "to_sequence",
    "to_sequence_like",
]

_EMPTY = "AddSequence: Sequences must be a least one frame long."


def _lengths(layout: Layout | None) -> NDArray[np.int64]:
    """Steps of the sequences of an operand that must have a sequence axis."""
    assert layout is not None
    return layout.steps


def layout_of(plan: PlanBuilder, lengths: NDArray[np.int64], axes: DynamicAxes) -> Layout:
    """The layout of new sequences; without a sequence axis each has just one step."""
    if (lengths < 1).any():
        raise CntkError(_EMPTY)
    if any(axis.is_sequence for axis in axes):
        return plan.layout(lengths)
    if (lengths != 1).any():
        raise CntkError(
            "A PackedValue object with no sequence dynamic axis, must have a layout with exactly one time step and no "
            "sequences beginning in the past."
        )
    return plan.batch_layout(len(lengths))


def _without_sequence(axes: DynamicAxes) -> DynamicAxes:
    return axes if axes == UNKNOWN_AXES else tuple(a for a in axes if not a.is_sequence)


def _require_sequence(function: PrimitiveFunction, operand: Variable) -> None:
    if not operand.has_unknown_axes and not operand.has_sequence_axis:
        raise CntkError(
            f"Axis::OperandSequenceAxis() sentinel cannot be resolved if the operand '{operand.as_string()}' has no "
            "sequence axis or > 1 ordered dynamic axes."
        )


def _origin(variable: Variable) -> Variable:
    """The variable that a placeholder of a block or an output of a block stands for."""
    while True:
        if variable.is_placeholder and variable.block_mapping is not None:
            variable = variable.block_mapping
        elif isinstance(variable.owner, BlockFunction):
            variable = variable.owner.composite.outputs[variable.owner.outputs.index(variable)]
        else:
            return variable


def derived_axes(axes: DynamicAxes, factor: int, addend: int) -> DynamicAxes:
    """The axes after sequences of n steps became such of factor · n + addend; a fixed single step loses the axis."""
    if factor == 0 and addend == 0:
        raise CntkError("Zero size dynamic axis is not allowed")
    if axes == UNKNOWN_AXES:
        return axes
    source = next((a for a in axes if a.is_sequence), None)
    if source is None:
        raise CntkError("A sequence axis was expected, none came.")
    batch = tuple(a for a in axes if not a.is_sequence)
    if factor > 0:
        sign = f"plus_{addend}" if addend > 0 else f"minus_{-addend}"
        return (Axis.dynamic(f"{source.name}_times_{factor}_{sign}"), *batch)
    return (Axis.dynamic(f"{source.name}_fixedSliceOf_{addend}"), *batch) if addend > 1 else batch


def _repetitions(condition: Array, layout: Layout) -> NDArray[np.int64]:
    """How often each step is taken: until as many are as the sum of the condition up to it says.

    A condition of 0 and 1 picks steps, 2 takes a step twice, halves take every other one. Observed in CNTK.
    """
    if ((condition == 0) | (condition == 1)).all():
        return condition.astype(np.int64)
    times = np.empty(layout.frames, np.int64)
    for start, steps in zip(layout.starts, layout.steps, strict=True):
        sums = np.ceil(np.cumsum(condition[start : start + steps]))
        if np.isposinf(sums).any():
            raise CntkError("Where: a condition of finite numbers was expected.")
        taken = np.fmax.accumulate(np.concatenate(([0.0], sums)))
        times[start : start + steps] = np.diff(taken)
    return times


def _add_rows(rows: Array, index: Array, out: Array) -> Call:
    """The call that adds up the rows that go to each row of `out`; 0 where none goes."""

    def step() -> None:
        out.fill(0)
        if np.bincount(index, minlength=1).max() > 1:
            np.add.at(out, index, rows)
        else:
            out[index] = rows

    return step


class _Where(Operator):
    """The positions, counted from 0 in each sequence, at which the condition is 1 (see `_repetitions`)."""

    name = "Where"
    number = 13
    differentiable = False
    uses_steps = True
    dynamic_layout = True

    def infer(self, function: PrimitiveFunction) -> list[Outcome]:
        condition = function.operands[0]
        attributes = function.attributes
        if "newSequenceAxisLengthScalingFactor" in attributes:
            axes = derived_axes(
                condition.dynamic_axes,
                attributes["newSequenceAxisLengthScalingFactor"],
                attributes["newSequenceAxisLengthAdditiveFactor"],
            )
        elif condition.has_unknown_axes:
            axes = UNKNOWN_AXES
        elif not condition.dynamic_axes:
            raise CntkError(f"Where: a condition with dynamic axes was expected, '{condition.as_string()}' came.")
        else:
            name = f"whereNodeDynamicAxis_conditionVar_{_origin(condition).uid}"
            axes = (Axis.dynamic(name), *(a for a in condition.dynamic_axes if not a.is_sequence))
        if axes != UNKNOWN_AXES:
            attributes["newDynamicAxes"] = list(axes)
        return [Outcome(SCALAR, condition.data_type, axes)]

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        condition = node.inputs[0]
        layout = condition.layout
        assert layout is not None
        if np.prod(condition.sample, dtype=np.int64) != 1:
            raise CntkError(f"{node.function.uid} Where operation can only operate on scalar input.")
        times = _repetitions(plan.array_of(condition).reshape(-1), layout)
        chosen = np.repeat(np.arange(layout.frames), times)
        sequence = np.repeat(np.arange(layout.count), layout.steps)[chosen]
        lengths = np.bincount(sequence, minlength=layout.count)
        new = layout_of(plan, lengths, node.function.outputs[0].dynamic_axes)
        out = plan.output(node, (), new, differentiable=False)
        positions = (chosen - layout.starts[sequence]).astype(out.dtype)
        plan.emit(lambda out: partial(np.copyto, out, positions), [], [out])


class _PackedIndex(Operator):
    """Positions within sequences (second operand) as frames of the sequences of the first operand."""

    name = "PackedIndex"
    number = 28
    differentiable = False
    uses_steps = True

    def infer(self, function: PrimitiveFunction) -> list[Outcome]:
        operand, index = function.operands
        return [Outcome(SCALAR, operand.data_type, index.dynamic_axes)]

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        operand, index = node.inputs
        source, layout = operand.layout, index.layout
        if source is None or layout is None:
            raise CntkError(
                f"{node.function.uid} PackedIndex operation requires both inputs to be minibatch data "
                "(must have MBLayouts)."
            )
        if source.count != layout.count:
            raise CntkError(f"PackedIndex: the operands have {source.count} and {layout.count} sequences.")
        out = plan.output(node, (), layout, np.dtype(np.int64), differentiable=False)
        starts = np.repeat(source.starts, layout.steps)
        limits = np.repeat(source.steps, layout.steps)

        def bind(position: Array, out: Array) -> Call:
            def step() -> None:
                if (position >= limits).any():
                    raise CntkError("PackedIndex: a position lies beyond the end of its sequence.")
                np.add(position, starts, out=out, casting="unsafe")

            return step

        plan.emit(bind, [index], [out])


class _GatherPacked(Operator):
    name = "GatherPacked"
    number = 29
    uses_steps = True

    def infer(self, function: PrimitiveFunction) -> list[Outcome]:
        operand, index = function.operands
        return [Outcome(operand.shape, operand.data_type, index.dynamic_axes)]

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        x, index = node.inputs
        out = plan.output(node, x.sample, index.layout, x.dtype)
        plan.emit(lambda x, i, out: partial(np.take, x, i, 0, out, "clip"), [x, index], [out])

    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        g = plan.gradient_of(node.output)
        assert g is not None
        x, index = node.inputs
        plan.accumulate(x, _add_rows, [g, index])


class _ScatterPacked(Operator):
    """Frames put at an index of the layout of the third operand, zeros elsewhere."""

    name = "ScatterPacked"
    number = 30
    uses_steps = True

    def infer(self, function: PrimitiveFunction) -> list[Outcome]:
        operand, _, like = function.operands
        if not all(each.dynamic_axes for each in function.operands):
            listed = ", ".join(f"'{each.as_string()}'" for each in function.operands)
            raise CntkError(f"ScatterPacked: All operands {listed} must have dynamic axes.")
        return [Outcome(operand.shape, operand.data_type, like.dynamic_axes)]

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        x, index, like = node.inputs
        if x.layout is None or index.layout is None or not x.layout.same_as(index.layout):
            raise CntkError("ScatterPacked: the operand must have as many steps as the condition has places.")
        out = plan.output(node, x.sample, like.layout, x.dtype)
        plan.emit(_add_rows, [x, index], [out])

    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        g = plan.gradient_of(node.output)
        assert g is not None
        x, index, _ = node.inputs
        plan.accumulate(x, lambda g, i, out: partial(np.take, g, i, 0, out, "clip"), [g, index])


class _Unpack(Operator):
    """Steps as the last dimension, padded; the second output is 1 at steps that exist."""

    name = "UnpackSequenceOp"
    number = 72
    uses_steps = True

    def infer(self, function: PrimitiveFunction) -> list[Outcome]:
        operand = function.operands[0]
        _require_sequence(function, operand)
        axes = _without_sequence(operand.dynamic_axes)
        shape = operand.shape if operand.shape.is_unknown else operand.shape.append((FREE,))
        outcomes = [Outcome(shape, operand.data_type, axes)]
        if not function.attributes["sequenceUnpackSuppressMaskOutput"]:
            outcomes.append(Outcome(Shape((FREE,)), operand.data_type, axes))
        return outcomes

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        x = node.inputs[0]
        steps = _lengths(x.layout)
        count, longest = len(steps), int(steps.max())
        layout = plan.batch_layout(count)
        out = plan.output(node, (longest, *x.sample), layout)
        rows = _padded_rows(steps)
        node.saved["rows"] = rows
        padding = float(node.attributes["sequenceUnpackPaddingValue"])

        def bind(x: Array, out: Array) -> list[Call]:
            flat = out.reshape(count * longest, *out.shape[2:])
            if len(rows) == len(flat):
                return [partial(np.copyto, flat, x)]
            return [partial(out.fill, padding), partial(flat.__setitem__, rows, x)]

        plan.emit(bind, [x], [out])
        if not node.attributes["sequenceUnpackSuppressMaskOutput"]:
            mask = plan.output(node, (longest,), layout, differentiable=False)
            present = (np.arange(longest) < steps[:, None]).astype(x.dtype)
            plan.emit(lambda out: partial(np.copyto, out, present), [], [mask])

    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        g = plan.gradient_of(node.output)
        assert g is not None
        rows = node.saved["rows"]
        plan.accumulate(
            node.inputs[0],
            lambda g, out: partial(np.take, g.reshape(-1, *g.shape[2:]), rows, 0, out, "clip"),
            [g],
        )


def _padded_rows(steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each frame its place when every sequence is as long as the longest."""
    starts = np.cumsum(steps) - steps
    rows: NDArray[np.int64] = np.arange(int(steps.sum())) + np.repeat(
        np.arange(len(steps)) * int(steps.max()) - starts, steps
    )
    return rows


class _FromPadded(Operator):
    """The last dimension becomes a sequence axis, of which each sequence takes some first steps."""

    uses_steps = True

    def infer(self, function: PrimitiveFunction) -> list[Outcome]:
        operand = function.operands[0]
        described = f"{self.name}: {operand.as_string()} -> Unknown"
        if operand.has_unknown_axes:
            return [Outcome(UNKNOWN_SHAPE, operand.data_type, UNKNOWN_AXES)]
        if not operand.dynamic_axes:
            raise CntkError(f"Function '{described}': Operand '{operand.as_string()}' must have dynamic axes.")
        if operand.has_sequence_axis:
            raise CntkError(
                f"Function '{described}': Input operand '{operand.as_string()}' with #dynamic axes != 1 (batch axis) "
                "is not supported."
            )
        axes = self._axes(function)
        if operand.shape.is_unknown:
            return [Outcome(UNKNOWN_SHAPE, operand.data_type, axes)]
        if operand.shape.rank < 1:
            raise CntkError(
                f"Function '{described}': First input operand '{operand.as_string()}' must be of rank >= 1."
            )
        return [Outcome(Shape(operand.shape[:-1]), operand.data_type, axes)]

    def _axes(self, function: PrimitiveFunction) -> DynamicAxes:
        """The axes of the output."""
        raise CntkError(f"{self.name}: no axes are known.")

    def emit(self, node: Node, plan: PlanBuilder, steps: NDArray[np.int64], layout: Layout) -> None:
        """Takes the first `steps` of every sample."""
        x = node.inputs[0]
        longest = x.sample[0]
        starts = np.cumsum(steps) - steps
        rows = np.arange(layout.frames) + np.repeat(np.arange(len(steps)) * longest - starts, steps)
        node.saved["rows"] = rows
        out = plan.output(node, x.sample[1:], layout, x.dtype)
        plan.emit(
            lambda x, out: partial(np.take, x.reshape(-1, *x.shape[2:]), rows, 0, out, "clip"),
            [x],
            [out],
        )

    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        g = plan.gradient_of(node.output)
        assert g is not None
        rows = node.saved["rows"]

        def bind(g: Array, out: Array) -> list[Call]:
            flat = out.reshape(-1, *out.shape[2:])
            return [partial(out.fill, 0), partial(flat.__setitem__, rows, g)]

        plan.accumulate(node.inputs[0], bind, [g])


def _follows_from_steps(lengths: Variable) -> bool:
    """Whether sequence lengths are those of a convolution over steps, known without data."""
    stopped = _origin(lengths).owner
    shape = _origin(stopped.operands[0]).owner if stopped is not None and stopped.op_name == "StopGradient" else None
    return shape is not None and shape.op_name == "ConvolutionSequenceShape"


class _ToSequence(_FromPadded):
    name = "ToSequenceOp"
    number = 70

    def layout_depends_on_data(self, function: Function) -> bool:
        return len(function.operands) > 1 and not _follows_from_steps(function.operands[1])

    def _axes(self, function: PrimitiveFunction) -> DynamicAxes:
        operand = function.operands[0]
        axis = Axis.dynamic(f"{function.attributes['sequenceAxis']}{_origin(operand).uid}")
        axes = (axis, *operand.dynamic_axes)
        function.attributes["newDynamicAxes"] = list(axes)
        return axes

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        x = node.inputs[0]
        assert x.layout is not None
        if len(x.sample) < 2:
            raise CntkError(f"{node.function.uid} ToSequence operation can only operate on input data of rank >= 2.")
        longest = x.sample[0]
        if len(node.inputs) == 1:
            steps = np.full(x.layout.count, longest, np.int64)
        else:
            steps = np.asarray(node.inputs[1].bound().reshape(-1), np.int64)
            if len(steps) != x.layout.count:
                raise CntkError(f"ToSequence: {x.layout.count} sequence lengths were expected, {len(steps)} came.")
            if (steps < 1).any():
                raise CntkError(_EMPTY)
            if (steps > longest).any():
                raise CntkError(f"ToSequence: sequence lengths up to {longest} were expected, {steps.max()} came.")
        self.emit(node, plan, steps, plan.layout(steps))


class _ToSequenceLike(_FromPadded):
    name = "ToSequenceLikeOp"
    number = 71

    def _axes(self, function: PrimitiveFunction) -> DynamicAxes:
        operand, like = function.operands
        if not like.has_sequence_axis and not like.has_unknown_axes:
            raise CntkError(
                f"Function '{self.name}: {operand.as_string()} -> Unknown': Operand(1) '{like.as_string()}' must be a "
                "sequence (have at least 2 dynamic axes)."
            )
        return like.dynamic_axes

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        x, like = node.inputs
        assert x.layout is not None and like.layout is not None
        if len(x.sample) < 2:
            raise CntkError(
                f"{node.function.uid} ToSequenceLike operation can only operate on input data of rank >= 2."
            )
        steps = like.layout.steps
        if x.sample[0] != steps.max():
            raise CntkError(
                f"{node.function.uid} ToSequenceLike operation's Input(0) trailing dimension ({x.sample[0]}) must "
                f"match the number of timesteps ({steps.max()}) in Input(1)'s MBLayout."
            )
        if x.layout.count != len(steps):
            raise CntkError(f"ToSequenceLike: the operands have {x.layout.count} and {len(steps)} sequences.")
        self.emit(node, plan, steps, like.layout)


_WHERE = _Where()
_PACKED_INDEX = _PackedIndex()
_GATHER_PACKED = _GatherPacked()
_SCATTER_PACKED = _ScatterPacked()
_UNPACK = _Unpack()
_TO_SEQUENCE = _ToSequence()
_TO_SEQUENCE_LIKE = _ToSequenceLike()
register(_WHERE, _PACKED_INDEX, _GATHER_PACKED, _SCATTER_PACKED, _UNPACK, _TO_SEQUENCE, _TO_SEQUENCE_LIKE)

Factor = tuple[int, int]
"""How many steps a new sequence has: (a, b) for a · n + b."""


def _where(condition: Operand, factor: Factor | None, name: str = "") -> CompositeFunction:
    attributes: dict[str, Any] = {}
    if factor is not None:
        attributes["newSequenceAxisLengthScalingFactor"] = int(factor[0])
        attributes["newSequenceAxisLengthAdditiveFactor"] = int(factor[1])
    return call(_WHERE, [condition], attributes, name)


def _gathered(operand: Variable, condition: Operand, factor: Factor | None) -> CompositeFunction:
    positions = _where(condition, factor)
    return call(_GATHER_PACKED, [operand, call(_PACKED_INDEX, [operand, positions])])


def _number(like: Variable, value: float) -> Constant:
    return Constant(SCALAR, "float" if like.data_type == "unknown" else like.data_type, value)


def sequence_where(condition: Operand, name: str = "") -> CompositeFunction:
    """The positions, counted from 0, at which a condition is not 0, as a sequence of scalars. CNTK: Where."""
    return _where(condition, None, name)


def sequence_gather(
    operand: Operand, condition: Operand, factor: Factor | None = None, name: str = ""
) -> CompositeFunction:
    """The steps at which the condition is not 0; with a factor (a, b) the new axis is named for a · n + b steps."""
    x, a = stand_in(operand)
    c, b = stand_in(condition, "condition")
    return as_block(_gathered(a, b, factor), {a: x, b: c}, "Sequence::Gather", name)


def sequence_scatter(
    operand: Operand, condition: Operand, factor: Factor | None = None, name: str = ""
) -> CompositeFunction:
    """The steps put where the condition is not 0, zeros elsewhere; the axes of the condition."""
    x, a = stand_in(operand)
    c, b = stand_in(condition, "condition")
    index = call(_PACKED_INDEX, [b, _where(b, factor)])
    return as_block(call(_SCATTER_PACKED, [a, index, b]), {a: x, b: c}, "Sequence::Scatter", name)


def _ends(like: Variable, steps: int, delayed: Callable[..., CompositeFunction]) -> CompositeFunction:
    """1 at the first (or last) steps, 0 elsewhere."""
    outside, inside = _number(like, 1), _number(like, 0)
    return delayed(reconcile_dynamic_axes(inside, like), outside, steps)


def sequence_slice(operand: Operand, begin_index: int, end_index: int, name: str = "") -> CompositeFunction:
    """The steps from `begin_index` up to, not including, `end_index`; negative ones count from the end, 0 as an end is
    the end. A slice of one step has no sequence axis."""
    if begin_index == 0 and end_index == 0:
        return combine([as_variable(operand)], name)
    x, a = stand_in(operand)
    before_end: Any = None
    if end_index > 0:
        before_end = _ends(a, end_index, past_value)
    elif end_index < 0:
        last = _ends(a, -end_index, future_value)
        before_end = minus(_number(a, 1), last)
    from_begin: Any = None
    if begin_index > 0:
        first = _ends(a, begin_index, past_value)
        from_begin = minus(_number(a, 1), first)
    elif begin_index < 0:
        from_begin = _ends(a, -begin_index, future_value)
    condition = before_end if from_begin is None else from_begin
    if from_begin is not None and before_end is not None:
        condition = element_times(from_begin, before_end)
    size = end_index - begin_index
    return as_block(_gathered(a, condition, (0 if size > 0 else 1, size)), {a: x}, "Sequence::Slice", name)


def sequence_first(operand: Operand, name: str = "") -> CompositeFunction:
    """The first step of each sequence."""
    return sequence_slice(operand, 0, 1, name)


def sequence_last(operand: Operand, name: str = "") -> CompositeFunction:
    """The last step of each sequence."""
    return sequence_slice(operand, -1, 0, name)


def sequence_is_first(operand: Operand, name: str = "") -> CompositeFunction:
    """1 at the first step of each sequence, 0 elsewhere; a scalar."""
    x, a = stand_in(operand)
    return as_block(_ends(a, 1, past_value), {a: x}, "Sequence::IsFirst", name)


def sequence_is_last(operand: Operand, name: str = "") -> CompositeFunction:
    """1 at the last step of each sequence, 0 elsewhere; a scalar."""
    x, a = stand_in(operand)
    return as_block(_ends(a, 1, future_value), {a: x}, "Sequence::IsLast", name)


def _reduced(operand: Operand, operation: str, padding: float, name: str) -> CompositeFunction:
    x, a = stand_in(operand)
    unpacked = sequence_unpack(a, padding, True)
    reduced = reduce_elements_along(unpacked, operation, Axis.static(-1), False)
    return as_block(reduced, {a: x}, "Sequence::ReduceElements", name)


def sequence_reduce_sum(operand: Operand, name: str = "") -> CompositeFunction:
    """The sum of the steps of each sequence."""
    return _reduced(operand, "Sum", 0.0, name)


def sequence_reduce_max(operand: Operand, name: str = "") -> CompositeFunction:
    """The largest of the steps of each sequence, elementwise."""
    return _reduced(operand, "Max", -np.inf, name)


def broadcast_as(operand: Operand, like: Operand, name: str = "") -> CompositeFunction:
    """The operand at every step of another one. CNTK: Sequence::BroadcastAs."""
    x, a = stand_in(operand)
    y, b = stand_in(like, "broadcastAs")
    return as_block(reconcile_dynamic_axes(a, b), {a: x, b: y}, "Sequence::BroadcastAs", name)


def sequence_softmax(operand: Operand, name: str = "") -> CompositeFunction:
    """Softmax over the steps of each sequence, for each element of the sample."""
    x, a = stand_in(operand)
    shifted = minus(a, broadcast_as(sequence_reduce_max(a), a))
    powers = exp(shifted)
    result = element_divide(powers, broadcast_as(sequence_reduce_sum(powers), a))
    return as_block(result, {a: x}, "Sequence::Softmax", name)


def sequence_unpack(
    operand: Operand, padding_value: float = 0.0, suppress_mask_output: bool = False, name: str = ""
) -> CompositeFunction:
    """Steps as a new last dimension, padded to the longest sequence.

    Returns:
        Two outputs, [d1 x … x *] and the mask [*], both on the batch axis; one when the mask is suppressed.
    """
    attributes = {
        "sequenceUnpackPaddingValue": float(padding_value),
        "sequenceUnpackSuppressMaskOutput": bool(suppress_mask_output),
    }
    return call(_UNPACK, [operand], attributes, name)


def to_sequence(
    operand: Operand,
    sequence_axis_name_prefix: str = "toSequence_",
    sequence_lengths: Operand | None = None,
    name: str = "",
) -> CompositeFunction:
    """The last dimension as a new sequence axis.

    Args:
        sequence_lengths: how many of the first steps of each sample to take; all of them unless given.
    """
    operands = [operand] if sequence_lengths is None else [operand, sequence_lengths]
    return call(_TO_SEQUENCE, operands, {"sequenceAxis": sequence_axis_name_prefix}, name)


def to_sequence_like(operand: Operand, dynamic_axes_like: Operand, name: str = "") -> CompositeFunction:
    """The last dimension as the sequence axis of another operand, with its numbers of steps."""
    return call(_TO_SEQUENCE_LIKE, [operand, dynamic_axes_like], {}, name)
