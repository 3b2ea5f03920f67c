"""Blocks of CNTK's `Sequence` that are computed as one operator: slices, folds, softmax.

A slice is a `Where` on a condition that depends on positions alone: it is recognised, whatever made it, and computed as
one gathering, so that its layout needs no data. Source: cntk-operators "Sequences and recurrence".
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ..graph import BlockFunction, Function, PrimitiveFunction
from ..plan import Call
from ..tensor import Array, Layout
from ..variable import Constant, Variable
from .operator import Node, Operator, PlanBuilder, fuse
from .sequences import layout_of

Mask = NDArray[np.bool_]
Chooser = Callable[[Array, Array], Mask]
"""From positions and numbers of steps of their sequences to which of them are chosen."""


def _value_of(variable: Variable) -> float | None:
    return float(variable.data.reshape(-1)[0]) if isinstance(variable, Constant) and variable.data.size == 1 else None


def _chooser(variable: Variable) -> Chooser | None:
    """What a condition of CNTK's slices chooses, None when it depends on more than positions."""
    function = variable.owner
    if not isinstance(function, PrimitiveFunction):
        return None
    if function.op_name in ("PastValue", "FutureValue"):
        source = function.operands[0].owner
        if source is None or source.op_name != "ReconcileDynamicAxis":
            return None
        inner, outer = _value_of(source.operands[0]), _value_of(function.operands[1])
        if inner != 0 or outer != 1:
            return None
        offset = int(function.attributes["offset"])
        if function.op_name == "PastValue":
            return lambda position, steps: position < offset
        return lambda position, steps: position >= steps - offset
    if function.op_name == "Minus" and _value_of(function.operands[0]) == 1:
        inside = _chooser(function.operands[1])
        return None if inside is None else lambda position, steps: ~inside(position, steps)
    if function.op_name == "ElementTimes":
        left, right = (_chooser(v) for v in function.operands)
        if left is not None and right is not None:
            return lambda position, steps: left(position, steps) & right(position, steps)
    return None


class _SequenceSlice(Operator):
    """A slice of each sequence, by position alone."""

    name = "Sequence::Slice"
    uses_steps = True

    @staticmethod
    def _choice(block: BlockFunction) -> Chooser | None:
        gather = block.composite.root_function
        if gather.op_name != "GatherPacked" or not gather.operands[0].is_placeholder:
            return None
        index = gather.operands[1].owner
        where = index.operands[1].owner if index is not None and index.op_name == "PackedIndex" else None
        return _chooser(where.operands[0]) if where is not None and where.op_name == "Where" else None

    def accepts(self, block: BlockFunction) -> bool:
        return self._choice(block) is not None

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        block = node.function
        assert isinstance(block, BlockFunction)
        choose = self._choice(block)
        x = node.inputs[next(i for i, inner in enumerate(block.mapped) if inner is not None)]
        assert choose is not None and x.layout is not None
        steps = x.layout.steps
        position = np.arange(x.layout.frames) - np.repeat(x.layout.starts, steps)
        rows = np.flatnonzero(choose(position, np.repeat(steps, steps)))
        sequence = np.repeat(np.arange(len(steps)), steps)[rows]
        lengths = np.bincount(sequence, minlength=len(steps))
        layout = layout_of(plan, lengths, block.outputs[0].dynamic_axes)
        out = plan.output(node, x.sample, layout)
        node.saved["rows"], node.saved["operand"] = rows, x
        plan.emit(lambda x, out: partial(np.take, x, rows, 0, out, "clip"), [x], [out])

    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        g = plan.gradient_of(node.output)
        assert g is not None
        rows = node.saved["rows"]
        plan.accumulate(
            node.saved["operand"], lambda g, out: [partial(out.fill, 0), partial(out.__setitem__, rows, g)], [g]
        )


def _frame_sequences(layout: Layout) -> NDArray[np.intp]:
    return np.repeat(np.arange(layout.count), layout.steps)


class _SequenceReduce(Operator):
    """The sum or the maximum of the steps of each sequence."""

    name = "Sequence::ReduceElements"
    uses_steps = True

    @staticmethod
    def _operation(block: Function) -> str | None:
        assert isinstance(block, BlockFunction)
        root = block.composite.root_function
        unpack = root.operands[0].owner if root.op_name == "ReduceElements" else None
        if unpack is None or unpack.op_name != "UnpackSequenceOp" or not unpack.operands[0].is_placeholder:
            return None
        operation = str(root.attributes["reductionOpName"])
        return operation if operation in ("Sum", "Max") else None

    def accepts(self, block: BlockFunction) -> bool:
        return self._operation(block) is not None

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        x = node.inputs[0]
        assert x.layout is not None
        starts = x.layout.starts
        fold = np.add if self._operation(node.function) == "Sum" else np.maximum
        out = plan.output(node, x.sample, plan.batch_layout(x.layout.count))
        plan.emit(lambda x, out: partial(fold.reduceat, x, starts, 0, None, out), [x], [out])

    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        g = plan.gradient_of(node.output)
        assert g is not None
        x = node.inputs[0]
        assert x.layout is not None
        rows = _frame_sequences(x.layout)
        if self._operation(node.function) == "Sum":
            plan.accumulate(x, lambda g, out: partial(np.take, g, rows, 0, out, "clip"), [g])
            return

        def bind(g: Array, x: Array, y: Array, out: Array) -> list[Call]:
            largest = np.empty_like(x)
            same = np.empty(x.shape, np.bool_)
            return [
                partial(np.take, y, rows, 0, largest, "clip"),
                partial(np.equal, x, largest, same),
                partial(np.take, g, rows, 0, out, "clip"),
                partial(np.multiply, out, same, out),
            ]

        plan.accumulate(x, bind, [g, x, node.output])


class _SequenceSoftmax(Operator):
    """Softmax over the steps of each sequence, for each element of the sample."""

    name = "Sequence::Softmax"
    uses_steps = True

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        x = node.inputs[0]
        assert x.layout is not None
        rows, starts, count = _frame_sequences(x.layout), x.layout.starts, x.layout.count
        out = plan.output(node, x.sample, x.layout)

        def bind(x: Array, out: Array) -> list[Call]:
            each = np.empty((count, *x.shape[1:]), x.dtype)
            spread = np.empty_like(x)
            return [
                partial(np.maximum.reduceat, x, starts, 0, None, each),
                partial(np.take, each, rows, 0, spread, "clip"),
                partial(np.subtract, x, spread, out),
                partial(np.exp, out, out),
                partial(np.add.reduceat, out, starts, 0, None, each),
                partial(np.take, each, rows, 0, spread, "clip"),
                partial(np.divide, out, spread, out),
            ]

        plan.emit(bind, [x], [out])

    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        g = plan.gradient_of(node.output)
        assert g is not None
        x = node.inputs[0]
        assert x.layout is not None
        rows, starts, count = _frame_sequences(x.layout), x.layout.starts, x.layout.count

        def bind(g: Array, y: Array, out: Array) -> list[Call]:
            each = np.empty((count, *y.shape[1:]), y.dtype)
            spread = np.empty_like(y)
            return [
                partial(np.multiply, g, y, out),
                partial(np.add.reduceat, out, starts, 0, None, each),
                partial(np.take, each, rows, 0, spread, "clip"),
                partial(np.subtract, g, spread, out),
                partial(np.multiply, out, y, out),
            ]

        plan.accumulate(x, bind, [g, node.output])


fuse("Sequence::Slice", _SequenceSlice())
fuse("Sequence::ReduceElements", _SequenceReduce())
fuse("Sequence::Softmax", _SequenceSoftmax())
