"""Recurrent loops: a strongly connected part of the graph, run step by step over all sequences at once.

The sequences are sorted, longest first, and the frames laid out step by step: the frames of step t are those of the
sequences that still have a step t, so the active batch shrinks and no frame is padding. Every value of the loop is one
tensor over all steps, of which a step writes its rows; a delayed value is a view of earlier rows, without a copy. What
does not depend on the loop (products of the inputs, above all) has been computed before, for all steps in one call.
Backward the steps run in reverse order, and what operands without a frame axis receive (weights) is computed once, for
all steps together, when they are through.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import CntkError
from .lstm_loop import LstmCell, emit_lstm, match_lstm
from .ops.recurrence import Delay
from .plan import Call, Node, PlanBuilder
from .step_order import StepOrder
from .tensor import Array, Layout, Tensor
from .variable import Variable

if TYPE_CHECKING:
    from .flow import Step

__all__ = ["emit_loop"]

_RECONCILE = "ReconcileDynamicAxis"
_MAY_BE_VIEWS = ("StopGradient", "Slice")


def emit_loop(group: Sequence[Step], plan: PlanBuilder, used: set[Variable]) -> None:
    """Emits the steps of a loop.

    Args:
        used: the variables that are needed outside the loop.
    Raises:
        CntkError: the loop has no delay, delays in both directions, or an operator that needs whole sequences.
    """
    inside = {v for step in group for v in step.outputs}
    lengths = _sequence_layout(group, inside, plan)
    body = _hoist(group, inside, lengths, plan)
    delays = [step for step in body if isinstance(step.operator, Delay)]
    directions = {step.operator.direction for step in delays if isinstance(step.operator, Delay)}
    names = ", ".join(sorted(step.function.op_name for step in body))
    if not delays:
        raise CntkError(f"A loop needs a PastValue or a FutureValue; this one has only {names}.")
    if len(directions) > 1:
        raise CntkError(
            "It is not allowed to have multiple different stepping directions in the same loop (loop connected to "
            f"{delays[-1].function.uid} {delays[-1].function.op_name} operation)."
        )
    for step in body:
        if step.operator.uses_steps and not isinstance(step.operator, Delay):
            raise CntkError(f"{step.function.op_name}: this operator needs whole sequences: it cannot be in a loop.")
    _Loop(_ordered(body), plan, lengths, directions.pop(), used).emit()


def _sequence_layout(group: Sequence[Step], inside: set[Variable], plan: PlanBuilder) -> Layout:
    """The numbers of steps, from an operand outside the loop."""
    for step in group:
        for operand in step.operands:
            if operand not in inside:
                layout = plan.tensor(operand).layout
                if layout is not None and layout.lengths is not None and not _is_initial(step, operand):
                    return layout
    raise CntkError("A loop needs an operand with a sequence axis, which says how many steps there are.")


def _is_initial(step: Step, operand: Variable) -> bool:
    return isinstance(step.operator, Delay) and operand is step.operands[1]


def _hoist(group: Sequence[Step], inside: set[Variable], layout: Layout, plan: PlanBuilder) -> list[Step]:
    """Computes what depends on nothing but axes of the loop; gives the steps that are left."""
    rest = list(group)
    while True:
        ready = [
            step
            for step in rest
            if not any(
                v in inside for v in (step.operands[:1] if step.function.op_name == _RECONCILE else step.operands)
            )
        ]
        if not ready:
            return rest
        for step in ready:
            rest.remove(step)
            inputs = [
                Tensor((layout.frames,), np.dtype(np.float32), layout) if v in inside else plan.tensor(v)
                for v in step.operands
            ]
            plan.run_node(Node(step.function, step.operator, inputs), step.outputs)
            inside.difference_update(step.outputs)


def _ordered(body: Sequence[Step]) -> list[Step]:
    """The steps, operands before their users; what a delay carries comes from earlier steps."""
    owner = {v: step for step in body for v in step.outputs}
    done: set[int] = set()
    ordered: list[Step] = []
    for first in body:
        stack = [(first, iter(_needed(first)))]
        if id(first) in done:
            continue
        done.add(id(first))
        while stack:
            step, operands = stack[-1]
            operand = next(operands, None)
            if operand is None:
                ordered.append(step)
                stack.pop()
                continue
            below = owner.get(operand)
            if below is not None and id(below) not in done:
                done.add(id(below))
                stack.append((below, iter(_needed(below))))
    return ordered


def _needed(step: Step) -> list[Variable]:
    """The operands that must have been computed in the same step."""
    return [step.operands[1]] if isinstance(step.operator, Delay) else step.operands


class _Loop:
    """One loop of one plan."""

    def __init__(
        self, body: list[Step], plan: PlanBuilder, sequences: Layout, direction: int, used: set[Variable]
    ) -> None:
        self.body = body
        self.plan = plan
        self.sequences = sequences
        self.direction = direction
        self.outputs = {v: step for step in body for v in step.outputs}
        self.used_set = used
        self.used = [v for v in self.outputs if v in used]
        order = self.order = StepOrder(sequences, direction)
        self.active, self.starts = order.active, order.starts
        self.layout = Layout(sequences.frames)
        self.layouts = [plan.batch_layout(count) for count in self.active]
        self.kept = self._kept()
        self.wholes: dict[Variable, Tensor] = {}
        """Values over all steps, in the order of the loop."""
        self.parts: dict[Variable, list[Tensor]] = {}
        """Values of each step."""
        self.initials: dict[Variable, list[Tensor]] = {}
        """Of a delay, its values at the steps that lie beyond the ends."""
        self.deferred: dict[int, Step] = {}
        self._made: list[Tensor] = []

    def _kept(self) -> set[Variable]:
        """The values that must be kept for all steps: all in training, else those used outside or delayed."""
        if self.plan.differentiates:
            return set(self.outputs)
        kept = set(self.used)
        kept.update(step.operands[0] for step in self.body if isinstance(step.operator, Delay))
        for step in reversed(self.body):
            views = step.operator.is_view or step.function.op_name in _MAY_BE_VIEWS
            if views and any(v in kept for v in step.outputs):
                kept.update(step.operands)
        return kept

    def emit(self) -> None:
        """Emits the forward pass and books the backward pass."""
        for step in self.body:
            for operand in step.operands:
                if operand not in self.outputs and not _is_initial(step, operand):
                    self._bring_in(operand)
        cell = match_lstm(self.body, self.used_set)
        if cell is not None and self.wholes[cell.projected].layout is not None:
            self._emit_lstm(cell)
        else:
            self._emit_steps()
        for variable in self.used:
            self.plan.bind_variable(variable, self._bring_out(variable))

    def _emit_lstm(self, cell: LstmCell) -> None:
        first = [self._initial(step, 0, 1) for step in (cell.output_delay, cell.state_delay)]
        projected, weight = self.wholes[cell.projected], self.wholes[cell.weight]
        made = emit_lstm(self.plan, self.order, self.layout, cell.units, projected, weight, *first)
        self.wholes[cell.output], self.wholes[cell.state] = made

    def _emit_steps(self) -> None:
        self.plan.record(self._deferred_gradients)
        for t in range(len(self.active)):
            for step in self.body:
                if isinstance(step.operator, Delay):
                    self._delay(step, t)
                else:
                    self._run(step, t)

    # Frames in the order of the sequences, and in the order of the loop

    def _bring_in(self, variable: Variable) -> None:
        """A value from outside, its frames in the order of the loop."""
        if variable in self.wholes:
            return
        tensor = self.plan.tensor(variable)
        if tensor.layout is None:
            self.wholes[variable] = tensor
            return
        if tensor.layout.frames != self.layout.frames:
            raise CntkError(
                f"'{variable.as_string()}' has {tensor.layout.frames} steps in all, {self.layout.frames} were expected "
                "in this loop."
            )
        self.wholes[variable] = self._reordered(tensor, self.order.frames, self.order.inverse, self.layout)

    def _bring_out(self, variable: Variable) -> Tensor:
        """A value of the loop, its frames in the order of the sequences."""
        return self._reordered(self.whole(variable), self.order.inverse, self.order.frames, self.sequences)

    def _reordered(self, tensor: Tensor, index: Array, back: Array, layout: Layout) -> Tensor:
        if self.order.is_identity:
            return tensor.derived(tensor.shape, lambda a: a, layout)
        plan = self.plan
        out = plan.new(tensor.sample, layout, tensor.dtype)
        out.needs_gradient = tensor.needs_gradient
        plan.emit(lambda a, out: partial(np.take, a, index, 0, out, "clip"), [tensor], [out])

        def gradient() -> None:
            g = plan.gradient_of(out)
            if g is not None and plan.wants(tensor):
                plan.accumulate(tensor, lambda g, out: partial(np.take, g, back, 0, out, "clip"), [g])

        if out.needs_gradient:
            plan.record(gradient)
        return out

    # Forward

    def _part(self, variable: Variable, t: int) -> Tensor:
        """The rows of a step."""
        parts = self.parts.get(variable)
        if parts is None:
            whole = self.wholes[variable]
            if whole.layout is None:
                return whole
            parts = self.parts[variable] = self._rows(whole)
        return parts[t]

    def _rows(self, whole: Tensor) -> list[Tensor]:
        whole.partitioned = True
        return [
            whole.rows(start, stop, layout)
            for start, stop, layout in zip(self.starts, self.starts[1:], self.layouts, strict=False)
        ]

    def _run(self, step: Step, t: int) -> None:
        node = Node(step.function, step.operator, [self._part(v, t) for v in step.operands])
        self._made = []
        with self.plan.outputs_made_by(partial(self._make, step, t)):
            step.operator.forward(node, self.plan)
        for variable, tensor in zip(step.outputs, node.outputs, strict=True):
            self.parts.setdefault(variable, []).append(tensor)
            if tensor in self._made and tensor.parent is not None:
                self.wholes[variable].needs_gradient |= tensor.needs_gradient
        if not any(tensor.needs_gradient for tensor in node.inputs):
            return
        weights = any(t.layout is None and t.needs_gradient for t in node.inputs)
        deferrable = weights and not node.saved
        if deferrable:
            self.deferred[id(step)] = step
        self.plan.record(partial(self._step_gradient, node, deferrable))

    def _make(self, step: Step, t: int, node: Node, index: int, sample: tuple[int, ...], dtype: Any) -> Tensor:
        """The place for an output of a step: rows of the value over all steps where that is kept."""
        variable = step.outputs[index]
        if variable in self.kept:
            whole = self.wholes.get(variable)
            if whole is None:
                whole = self.wholes[variable] = self.plan.new(sample, self.layout, dtype)
                whole.partitioned = True
            made = whole.rows(self.starts[t], self.starts[t + 1], self.layouts[t])
        else:
            made = self.plan.new(sample, self.layouts[t], dtype)
        self._made.append(made)
        return made

    def _delay(self, step: Step, t: int) -> None:
        offset = Delay.offset(Node(step.function, step.operator, []))
        operand, output = step.operands[0], step.outputs[0]
        if t < offset:
            tensor = self._initial(step, t, offset)
            self.initials.setdefault(output, []).append(tensor)
        else:
            tensor = self._part(operand, t - offset)
            if self.active[t] != self.active[t - offset]:
                tensor = tensor.rows(0, self.active[t], self.layouts[t])
        self.parts.setdefault(output, []).append(tensor)

    def _initial(self, step: Step, t: int, offset: int) -> Tensor:
        """The value of a delay at a step before its first operand: its initial state."""
        plan, count = self.plan, self.active[t]
        if step.operands[1] in self.outputs:
            raise CntkError(f"{step.function.op_name}: the initial state must not depend on the loop it begins.")
        initial = plan.tensor(step.operands[1])
        shape = step.outputs[0].shape
        if shape.has_unbound_dimension or shape.is_unknown:
            raise CntkError(f"{step.function.op_name}: the shape of a loop must be known, it is {shape}.")
        tensor = plan.new(shape.numpy_shape, self.layouts[t], initial.dtype)
        tensor.needs_gradient = initial.needs_gradient
        source = initial.layout
        if source is None or (source.count == 1 and source.frames == 1):
            plan.emit(lambda a, out: partial(np.copyto, out, a), [initial], [tensor])
            if initial.needs_gradient:
                plan.record(partial(self._initial_gradient, tensor, initial, None))
            return tensor
        if source.count != len(self.order.sequences):
            raise CntkError(
                f"{step.function.op_name}: the initial state has {source.count} samples, the loop "
                f"{len(self.order.sequences)} sequences."
            )
        sequence = self.order.sequences[:count]
        rows = source.starts[sequence]
        if source.lengths is not None:
            rows = rows + (source.lengths[sequence] - offset + t if self.direction > 0 else offset - 1 - t)
        rank = len(shape)

        def bind(a: Array, out: Array) -> list[Call]:
            picked = np.empty((len(rows), *a.shape[1:]), a.dtype)
            spread = picked.reshape(len(rows), *(1,) * (rank + 1 - a.ndim), *a.shape[1:])
            return [partial(np.take, a, rows, 0, picked, "clip"), partial(np.copyto, out, spread)]

        plan.emit(bind, [initial], [tensor])
        if initial.needs_gradient:
            plan.record(partial(self._initial_gradient, tensor, initial, rows))
        return tensor

    def whole(self, variable: Variable) -> Tensor:
        """A value of the loop over all steps, in the order of the loop."""
        whole = self.wholes.get(variable)
        if whole is not None:
            return whole
        step = self.outputs[variable]
        if isinstance(step.operator, Delay):
            whole = self._delayed_whole(step)
        else:  # its steps are views of the rows of its operand, so it is the same view of the whole operand
            node = Node(step.function, step.operator, [self.whole(v) for v in step.operands])
            step.operator.forward(node, self.plan)
            for output, tensor in zip(step.outputs, node.outputs, strict=True):
                self.wholes[output] = tensor
            return self.wholes[variable]
        self.wholes[variable] = whole
        return whole

    def _delayed_whole(self, step: Step) -> Tensor:
        offset = Delay.offset(Node(step.function, step.operator, []))
        operand, output = step.operands[0], step.outputs[0]
        source = self.whole(operand)
        whole = self.plan.new(source.sample, self.layout, source.dtype)
        earlier = np.maximum(self.order.step - offset, 0)
        index = np.asarray(self.starts)[earlier] + self.order.rank
        self.plan.emit(lambda a, out: partial(np.take, a, index, 0, out, "clip"), [source], [whole])
        for t, tensor in enumerate(self.initials[output]):
            start, stop = self.starts[t], self.starts[t + 1]
            self.plan.emit(lambda a, out, i=start, j=stop: partial(np.copyto, out[i:j], a), [tensor], [whole])
        whole.needs_gradient = source.needs_gradient
        if whole.needs_gradient and not self.plan.in_backward_pass:
            self.plan.record(partial(self._delayed_gradient, output, whole))
        return whole

    # Backward

    def _delayed_gradient(self, output: Variable, whole: Tensor) -> None:
        """Hands what a delayed value got outside the loop to the rows it is made of."""
        g = self.plan.gradient_of(whole)
        if g is None:
            return
        for t, part in enumerate(self.parts[output]):
            if self.plan.wants(part):
                rows = g.rows(self.starts[t], self.starts[t + 1], self.layouts[t])
                self.plan.accumulate(part, lambda g, out: partial(np.copyto, out, g), [rows])

    def _step_gradient(self, node: Node, deferrable: bool) -> None:
        with self.plan.no_gradient_for((lambda t: t.layout is None) if deferrable else None):
            self.plan.node_gradient(node)

    def _deferred_gradients(self) -> None:
        """What operands without frames receive, from all steps at once."""
        for step in reversed(self.body):
            if id(step) not in self.deferred:
                continue
            outputs = [self.whole(v) for v in step.outputs]
            if not any(self.plan.has_gradient(t) for t in outputs):
                continue
            node = Node(step.function, step.operator, [self.whole(v) for v in step.operands])
            node.outputs = outputs
            with self.plan.no_gradient_for(lambda t: t.layout is not None):
                step.operator.gradient(node, self.plan)

    def _initial_gradient(self, tensor: Tensor, initial: Tensor, rows: Array | None) -> None:
        g = self.plan.gradient_of(tensor)
        if g is None or not self.plan.wants(initial):
            return
        if rows is None:
            if initial.layout is None:
                self.plan.accumulate_reduced(initial, g)
            else:
                self.plan.accumulate(initial, lambda g, out: partial(_sum_to, g, out), [g])
            return

        def bind(g: Array, out: Array) -> list[Call]:
            return [partial(out.fill, 0), lambda: out.__setitem__(rows, _summed(g, out.shape[1:]))]

        self.plan.accumulate(initial, bind, [g])


def _summed(g: Array, sample: tuple[int, ...]) -> Array:
    """Frames of a broadcast value summed down to the sample that was broadcast."""
    padded = (1,) * (g.ndim - 1 - len(sample)) + sample
    axes = tuple(i + 1 for i, d in enumerate(padded) if d == 1 and g.shape[i + 1] != 1)
    summed: Array = g.sum(axes).reshape(g.shape[0], *sample)
    return summed


def _sum_to(g: Array, out: Array) -> None:
    np.copyto(out, _summed(g, out.shape[1:]).sum(0, keepdims=True))
