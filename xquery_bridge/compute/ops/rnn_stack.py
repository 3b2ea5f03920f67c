"""OptimizedRNNStack: several recurrent layers, one or two directions, all weights in one blob.

The blob holds all weights, then all biases: for each layer and direction Wx [G·h x in] and Wh [G·h x h], row by row,
then for each layer and direction bx and bh. Gates: lstm input, forget, candidate, output; gru reset, update, candidate;
one for rnnTanh and rnnReLU. Layers after the first take the outputs of all directions of the one before. Source:
cntk-semantics section 8 (lstm, rnnTanh, rnnReLU); the order and the formulas of cuDNN's documentation for gru, in which
the reset gate weighs Wh h + bh. CNTK itself has no forward pass on a CPU.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import CntkError
from ..graph import CompositeFunction, Outcome, PrimitiveFunction
from ..plan import Call, Node, PlanBuilder
from ..shape import INFERRED, UNKNOWN_SHAPE, Shape
from ..step_order import StepOrder
from ..tensor import Array
from ..variable import Constant, Parameter, Variable
from .operator import Operand, Operator, call, common_axes, register

__all__ = ["optimized_rnnstack"]

State = tuple[Array, ...]
"""What a cell hands to the next step; the output comes first."""
Reals = NDArray[Any]


class Forward(NamedTuple):
    """One step: the new state, and what its gradient needs."""

    state: State
    kept: tuple[Array, ...]


class Backward(NamedTuple):
    """The gradient of one step: by what the inputs gave, by what the state gave, by the state apart from Wh."""

    inputs: Array
    recurrent: Array
    state: State


class Cell(NamedTuple):
    """A recurrent cell.

    Attributes:
        gates: G.
        states: how many arrays its state has.
        forward: from Wx x + bx, Wh h + bh and the state before.
        backward: from the gradient by the new state, what the step kept, and the state before.
    """

    gates: int
    states: int
    forward: Callable[[Array, Array, State], Forward]
    backward: Callable[[State, tuple[Array, ...], State], Backward]


def _sigmoid(x: Array) -> Array:
    return 0.5 * np.tanh(0.5 * x) + 0.5


def _lstm_forward(x: Array, r: Array, before: State) -> Forward:
    i, f, g, o = np.split(x + r, 4, 1)
    i, f, g, o = _sigmoid(i), _sigmoid(f), np.tanh(g), _sigmoid(o)
    c = f * before[1] + i * g
    shown = np.tanh(c)
    return Forward((o * shown, c), (i, f, g, o, shown))


def _lstm_backward(g_state: State, kept: tuple[Array, ...], before: State) -> Backward:
    i, f, g, o, shown = kept
    dh, dc = g_state
    dc = dc + dh * o * (1 - shown * shown)
    dz = np.concatenate(
        [dc * g * i * (1 - i), dc * before[1] * f * (1 - f), dc * i * (1 - g * g), dh * shown * o * (1 - o)], 1
    )
    return Backward(dz, dz, (np.zeros_like(dh), dc * f))


def _gru_forward(x: Array, r: Array, before: State) -> Forward:
    reset_x, update_x, candidate_x = np.split(x, 3, 1)
    reset_r, update_r, candidate_r = np.split(r, 3, 1)
    reset, update = _sigmoid(reset_x + reset_r), _sigmoid(update_x + update_r)
    candidate = np.tanh(candidate_x + reset * candidate_r)
    return Forward(((1 - update) * candidate + update * before[0],), (reset, update, candidate, candidate_r))


def _gru_backward(g_state: State, kept: tuple[Array, ...], before: State) -> Backward:
    reset, update, candidate, candidate_r = kept
    [dh] = g_state
    d_candidate = dh * (1 - update) * (1 - candidate * candidate)
    d_update = dh * (before[0] - candidate) * update * (1 - update)
    d_reset = d_candidate * candidate_r * reset * (1 - reset)
    inputs = np.concatenate([d_reset, d_update, d_candidate], 1)
    recurrent = np.concatenate([d_reset, d_update, d_candidate * reset], 1)
    return Backward(inputs, recurrent, (dh * update,))


def _plain(activation: Callable[[Array], Array], derivative: Callable[[Array], Array]) -> Cell:
    def forward(x: Array, r: Array, before: State) -> Forward:
        h = activation(x + r)
        return Forward((h,), (h,))

    def backward(g_state: State, kept: tuple[Array, ...], before: State) -> Backward:
        dz = g_state[0] * derivative(kept[0])
        return Backward(dz, dz, (np.zeros_like(dz),))

    return Cell(1, 1, forward, backward)


CELLS: dict[str, Cell] = {
    "lstm": Cell(4, 2, _lstm_forward, _lstm_backward),
    "gru": Cell(3, 1, _gru_forward, _gru_backward),
    "rnnTanh": _plain(np.tanh, lambda h: 1 - h * h),
    "rnnReLU": _plain(lambda z: np.maximum(z, 0), lambda h: (h > 0).astype(h.dtype)),
}


class Weights(NamedTuple):
    """Of one layer and direction, views of the blob (or of its gradient)."""

    x: Array
    h: Array
    bx: Array
    bh: Array


def blob_size(cell: Cell, inputs: int, hidden: int, layers: int, directions: int) -> int:
    """How many numbers all weights and biases are."""
    rows = cell.gates * hidden
    first = inputs + hidden
    later = hidden * directions + hidden
    return directions * rows * (first + (layers - 1) * later + 2 * layers)


def blob_parts(blob: Array, cell: Cell, inputs: int, hidden: int, layers: int, directions: int) -> list[list[Weights]]:
    """By layer and direction, the parts of a blob."""
    rows = cell.gates * hidden
    position = 0

    def take(*shape: int) -> Array:
        nonlocal position
        size = int(np.prod(shape))
        part = blob[position : position + size].reshape(shape)
        position += size
        return part

    matrices = [
        [(take(rows, inputs if layer == 0 else hidden * directions), take(rows, hidden)) for _ in range(directions)]
        for layer in range(layers)
    ]
    return [[Weights(x, h, take(rows), take(rows)) for x, h in layer] for layer in matrices]


class _Run:
    """One layer in one direction: forward keeps what backward needs."""

    def __init__(self, cell: Cell, order: StepOrder, hidden: int) -> None:
        self.cell = cell
        self.order = order
        self.hidden = hidden
        self.inputs: Array = np.empty(0)
        self.steps: list[tuple[tuple[Array, ...], State]] = []

    def forward(self, x: Array, weights: Weights) -> Array:
        """The outputs of all frames, in the order of the layout."""
        order = self.order
        self.inputs = x[order.frames]
        self.steps = []
        projected = self.inputs @ weights.x.T + weights.bx
        out = np.empty((len(x), self.hidden), x.dtype)
        state: State = (np.zeros((order.active[0], self.hidden), x.dtype),) * self.cell.states
        for count, start in zip(order.active, order.starts, strict=False):
            before = tuple(part[:count] for part in state)
            recurrent = before[0] @ weights.h.T + weights.bh
            state, kept = self.cell.forward(projected[start : start + count], recurrent, before)
            out[start : start + count] = state[0]
            self.steps.append((kept, before))
        return out[order.inverse]

    def backward(self, g: Array, weights: Weights, gradients: Weights) -> Array:
        """Adds to the gradients of the weights; gives that of the inputs, in the order of the layout."""
        order, size = self.order, self.hidden
        by_output = g[order.frames]
        by_inputs = np.empty((len(g), self.cell.gates * size), g.dtype)
        by_recurrent = np.empty_like(by_inputs)
        befores = np.empty((len(g), size), g.dtype)
        carried = [np.zeros((order.active[0], size), g.dtype) for _ in range(self.cell.states)]
        for t in reversed(range(len(order.active))):
            rows = slice(order.starts[t], order.starts[t + 1])
            count = order.active[t]
            kept, before = self.steps[t]
            above = (carried[0][:count] + by_output[rows], *(part[:count] for part in carried[1:]))
            step = self.cell.backward(above, kept, before)
            by_inputs[rows], by_recurrent[rows], befores[rows] = step.inputs, step.recurrent, before[0]
            for part, found in zip(carried, step.state, strict=True):
                part[:count] = found
            carried[0][:count] += step.recurrent @ weights.h
        gradients.x[...] += by_inputs.T @ self.inputs
        gradients.h[...] += by_recurrent.T @ befores
        gradients.bx[...] += by_inputs.sum(0)
        gradients.bh[...] += by_recurrent.sum(0)
        result: Reals = (by_inputs @ weights.x)[order.inverse]
        return result


class _Stack:
    """A stack for sequences of given lengths."""

    def __init__(self, node: Node, inputs: int) -> None:
        attributes = node.attributes
        layout = node.inputs[0].layout
        assert layout is not None
        self.cell = CELLS[attributes["recurrentOp"]]
        self.hidden, self.layers = int(attributes["hiddenSize"]), int(attributes["numLayers"])
        self.directions = 2 if attributes["bidirectional"] else 1
        self.sizes = (self.cell, inputs, self.hidden, self.layers, self.directions)
        orders = [StepOrder(layout, direction) for direction in (1, -1)[: self.directions]]
        self.runs = [[_Run(self.cell, order, self.hidden) for order in orders] for _ in range(self.layers)]

    def forward(self, x: Array, blob: Array, out: Array) -> None:
        parts = blob_parts(blob.reshape(-1), *self.sizes)
        for runs, weights in zip(self.runs, parts, strict=True):
            x = np.concatenate([run.forward(x, w) for run, w in zip(runs, weights, strict=True)], 1)
        np.copyto(out, x)

    def backward(self, g: Array, blob: Array, by_operand: Array, by_blob: Array) -> None:
        by_blob.fill(0)
        parts = blob_parts(blob.reshape(-1), *self.sizes)
        gradients = blob_parts(by_blob.reshape(-1), *self.sizes)
        for runs, weights, found in zip(self.runs[::-1], parts[::-1], gradients[::-1], strict=True):
            pieces = np.split(g, self.directions, 1)
            each = [run.backward(p, w, f) for run, p, w, f in zip(runs, pieces, weights, found, strict=True)]
            g = each[0] if len(each) == 1 else each[0] + each[1]
        np.copyto(by_operand, g)


class _OptimizedRnnStack(Operator):
    name = "OptimizedRNNStack"
    number = 49
    uses_steps = True

    def infer(self, function: PrimitiveFunction) -> list[Outcome]:
        operand, blob = function.operands
        data_type, axes = function.check_data_types(), common_axes(function)
        if operand.shape.is_unknown:
            return [Outcome(UNKNOWN_SHAPE, data_type, axes)]
        attributes = function.attributes
        hidden, layers = int(attributes["hiddenSize"]), int(attributes["numLayers"])
        directions = 2 if attributes["bidirectional"] else 1
        cell = CELLS.get(attributes["recurrentOp"])
        if cell is not None and operand.shape.rank == 1 and not operand.shape.has_unbound_dimension:
            self._infer_blob(blob, blob_size(cell, operand.shape[0], hidden, layers, directions), hidden)
        return [Outcome(Shape((hidden * directions, *operand.shape[1:])), data_type, axes)]

    @staticmethod
    def _infer_blob(blob: Variable, size: int, hidden: int) -> None:
        if isinstance(blob, (Parameter, Constant)) and blob.shape.count(INFERRED):
            shape = (size,) if blob.shape.rank == 1 else (hidden, size // hidden)
            blob.infer_shape(Shape(shape))

    def forward(self, node: Node, plan: PlanBuilder) -> None:
        x, blob = node.inputs
        attributes = node.attributes
        if attributes["recurrentOp"] not in CELLS:
            raise CntkError(
                f"OptimizedRNNStack: a recurrentOp among {', '.join(sorted(CELLS))} was expected, "
                f"'{attributes['recurrentOp']}' came."
            )
        if x.layout is None or x.layout.lengths is None or len(x.sample) != 1:
            raise CntkError("OptimizedRNNStack: sequences of vectors were expected.")
        hidden, layers = int(attributes["hiddenSize"]), int(attributes["numLayers"])
        size = blob_size(CELLS[attributes["recurrentOp"]], x.sample[0], hidden, layers, 1 + attributes["bidirectional"])
        if blob.size != size:
            raise CntkError(f"OptimizedRNNStack: {size} weights were expected, {blob.size} came.")
        stack = _Stack(node, x.sample[0])
        node.saved["stack"] = stack
        out = plan.output(node, (stack.hidden * stack.directions,), x.layout)

        def bind(x: Array, blob: Array, out: Array) -> Call:
            return lambda: stack.forward(x, blob, out)

        plan.emit(bind, [x, blob], [out])

    def gradient(self, node: Node, plan: PlanBuilder) -> None:
        g = plan.gradient_of(node.output)
        assert g is not None
        x, blob = node.inputs
        stack: _Stack = node.saved["stack"]
        by_operand, by_blob = plan.new(x.sample, x.layout, x.dtype), plan.new(blob.shape, None, blob.dtype)

        def bind(g: Array, blob: Array, by_operand: Array, by_blob: Array) -> Call:
            return lambda: stack.backward(g, blob, by_operand, by_blob)

        plan.emit(bind, [g, blob], [by_operand, by_blob])
        for tensor, contribution in ((x, by_operand), (blob, by_blob)):
            if plan.wants(tensor):
                plan.accumulate_tensor(tensor, contribution)


_STACK = _OptimizedRnnStack()
register(_STACK)


def optimized_rnnstack(
    operand: Operand,
    weights: Operand,
    hidden_size: int,
    num_layers: int,
    bidirectional: bool = False,
    recurrent_op: str = "lstm",
    name: str = "",
) -> CompositeFunction:
    """Recurrent layers over sequences of vectors.

    Args:
        weights: the blob, of any shape with as many elements as are needed; inferred dimensions are found.
        recurrent_op: "lstm", "gru", "rnnTanh" or "rnnReLU".
    Returns:
        [hidden], or [2 · hidden] with both directions: forward, then backward.
    """
    if hidden_size < 1 or num_layers < 1:
        raise CntkError(
            f"OptimizedRNNStack: a hidden size and a number of layers above 0 were expected, {hidden_size} and "
            f"{num_layers} came."
        )
    attributes = {
        "hiddenSize": int(hidden_size),
        "numLayers": int(num_layers),
        "bidirectional": bool(bidirectional),
        "recurrentOp": recurrent_op,
    }
    return call(_STACK, [operand, weights], attributes, name)
