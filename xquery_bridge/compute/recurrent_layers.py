"""Recurrent cells and the layers that run them along sequences: LSTM, GRU, RNNStep.

Each is CNTK's Python layer of that name (cntk-semantics section 8, Cells): the state comes first, `dh` (and `dc`), then
x. Shapes are in CNTK order: with h units and i inputs, W is [g·h x i] and H [g·h x h].
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from .axis import Axis
from .convolution_layers import _as_layer, _parameter
from .errors import CntkError
from .graph import CompositeFunction, Function, as_composite, as_variable, combine
from .initializers import Initializer, glorot_uniform
from .ops.binary import element_times, minus, plus
from .ops.blocks import element_divide, number, softplus
from .ops.elementwise import sigmoid, tanh
from .ops.linear import times
from .ops.operator import Operand
from .ops.recurrence import future_value, past_value
from .ops.reshaping import slice as sliced
from .shape import INFERRED
from .variable import Parameter, Variable, placeholder

__all__ = ["gru_block", "gru_layer", "lstm_block", "lstm_layer", "rnn_step_block", "rnn_step_layer"]

Activation = Callable[[Function], Function]
Initial = Initializer | float
InitialState = Operand | float | None

_STEEPNESS = 4
#: The stabilizer's alpha for which its factor is 1.
_ALPHA = math.log(math.exp(_STEEPNESS) - 1) / _STEEPNESS


@dataclass(frozen=True, slots=True)
class _Cell:
    """The options of a cell.

    Attributes:
        op_name: of the block.
        shape: (h) of the output.
        cell_shape: (c) of the inner state; where it is given a projection P [h x c] makes the output of it.
    """

    op_name: str
    shape: Sequence[int]
    cell_shape: Sequence[int] | None
    activation: Activation | None
    init: Initial | None
    init_bias: Initial
    use_peepholes: bool
    enable_self_stabilization: bool

    def __post_init__(self) -> None:
        if len(self.shape) != 1 or (self.cell_shape is not None and len(self.cell_shape) != 1):
            raise CntkError(f"{self.op_name}: shape and cell_shape must be vectors (rank-1 tensors)")

    @property
    def units(self) -> int:
        """How many numbers the inner state has."""
        return self.shape[0] if self.cell_shape is None else self.cell_shape[0]

    def weight(self, shape: Sequence[int], like: Variable, name: str) -> Parameter:
        return _parameter(shape, like, glorot_uniform() if self.init is None else self.init, name)

    def weights(self, like: Variable, gates: int, of_state: int) -> tuple[Parameter, Parameter, Parameter]:
        """The parameters b, W and H: for so many gates, and for those that H feeds."""
        b = _parameter((gates * self.units,), like, self.init_bias, "b")
        w = self.weight((gates * self.units, INFERRED), like, "W")
        return b, w, self.weight((of_state * self.units, self.shape[0]), like, "H")

    def projection(self, like: Variable) -> Parameter | None:
        return None if self.cell_shape is None else self.weight((self.shape[0], self.units), like, "P")

    def projected(self, result: Function, p: Parameter | None, like: Variable) -> Function:
        return result if p is None else times(p, self.stabilized(result, like))

    def activated(self, operand: Function) -> Function:
        return operand if self.activation is None else self.activation(operand)

    def gate(self, stacked: Operand, index: int) -> CompositeFunction:
        """The part of stacked projections that belongs to a gate."""
        return sliced(stacked, [Axis.static(0)], [index * self.units], [(index + 1) * self.units])

    def stabilized(self, operand: Operand, like: Variable) -> Operand:
        """The operand times a learnt factor, which starts at 1."""
        if not self.enable_self_stabilization:
            return operand
        alpha = _parameter((), like, _ALPHA, "alpha")
        steep = number(alpha, _STEEPNESS)
        factor = element_divide(softplus(element_times(steep, alpha)), steep)

        def make(x: Variable) -> Function:
            return element_times(factor, x)

        return _as_layer("Stabilizer", [operand], make, "")

    def block(self, operands: Sequence[Operand], make: Callable[..., Function], name: str) -> Function:
        return _as_layer(self.op_name, operands, make, name)


def lstm_block(
    dh: Operand,
    dc: Operand,
    operand: Operand,
    shape: Sequence[int],
    cell_shape: Sequence[int] | None = None,
    activation: Activation | None = tanh,
    use_peepholes: bool = False,
    init: Initial | None = None,
    init_bias: Initial = 0.0,
    enable_self_stabilization: bool = False,
    name: str = "",
) -> Function:
    """One step of a long short-term memory.

    Args:
        dh, dc: output [h] and inner state [c] of the step before.
        operand: [i].
        shape: (h); cell_shape: (c), h unless given.
    Returns:
        The block `LSTM` with two outputs, h and c, and the parameters b, W, H (gates input, candidate, forget, output),
        with peepholes Ci, Cf, Co, with a cell shape P.
    """
    cell = _Cell("LSTM", shape, cell_shape, activation, init, init_bias, use_peepholes, enable_self_stabilization)

    def make(h: Variable, c: Variable, x: Variable) -> Function:
        b, w, u = cell.weights(x, 4, 4)
        peepholes = [cell.weight((cell.units,), x, f"C{gate}") for gate in "ifo"] if use_peepholes else []
        p = cell.projection(x)

        def peep(gate: Operand, state: Operand, index: int) -> Operand:
            return plus(gate, element_times(peepholes[index], state)) if peepholes else gate

        steady_h, steady_c = cell.stabilized(h, x), cell.stabilized(c, x)
        projected = plus(plus(b, times(w, x)), times(u, steady_h))
        into, candidate, forget, out = (cell.gate(projected, index) for index in range(4))
        write = element_times(sigmoid(peep(into, steady_c, 0)), cell.activated(candidate))
        keep = element_times(sigmoid(peep(forget, steady_c, 1)), c)
        state = plus(keep, write)
        shown = sigmoid(peep(out, cell.stabilized(state, x), 2))
        result = element_times(shown, cell.activated(state))
        return combine([cell.projected(result, p, x), state])

    return cell.block([dh, dc, operand], make, name)


def gru_block(
    dh: Operand,
    operand: Operand,
    shape: Sequence[int],
    cell_shape: Sequence[int] | None = None,
    activation: Activation | None = tanh,
    init: Initial | None = None,
    init_bias: Initial = 0.0,
    enable_self_stabilization: bool = False,
    name: str = "",
) -> Function:
    """One step of a gated recurrent unit: the block `GRU` with the parameters b, W, H, H1 (gates update, reset)."""
    cell = _Cell("GRU", shape, cell_shape, activation, init, init_bias, False, enable_self_stabilization)

    def make(h: Variable, x: Variable) -> Function:
        b, w, u = cell.weights(x, 3, 2)
        u1 = cell.weight((cell.units, shape[0]), x, "H1")
        p = cell.projection(x)
        steady = cell.stabilized(h, x)
        from_input, from_state = plus(b, times(w, x)), times(u, steady)
        update = sigmoid(plus(cell.gate(from_input, 0), cell.gate(from_state, 0)))
        reset = sigmoid(plus(cell.gate(from_input, 1), cell.gate(from_state, 1)))
        candidate = cell.activated(plus(cell.gate(from_input, 2), times(u1, element_times(steady, reset))))
        result = plus(element_times(minus(number(x, 1), update), candidate), element_times(update, steady))
        return cell.projected(result, p, x)

    return cell.block([dh, operand], make, name)


def rnn_step_block(
    dh: Operand,
    operand: Operand,
    shape: Sequence[int],
    cell_shape: Sequence[int] | None = None,
    activation: Activation | None = sigmoid,
    init: Initial | None = None,
    init_bias: Initial = 0.0,
    enable_self_stabilization: bool = False,
    name: str = "",
) -> Function:
    """One step of a plain recurrence: the block `RNNStep` with the parameters W, H, b."""
    cell = _Cell("RNNStep", shape, cell_shape, activation, init, init_bias, False, enable_self_stabilization)

    def make(h: Variable, x: Variable) -> Function:
        b, w, u = cell.weights(x, 1, 1)
        p = cell.projection(x)
        result = cell.activated(plus(plus(times(w, x), times(u, cell.stabilized(h, x))), b))
        return cell.projected(result, p, x)

    return cell.block([dh, operand], make, name)


def _recurrence(
    step: Callable[..., Function],
    states: int,
    operand: Operand,
    go_backwards: bool = False,
    initial_states: Sequence[InitialState] = (),
    return_full_state: bool = False,
    name: str = "",
    **options: object,
) -> Function:
    """A cell whose states are fed back along the sequence axis.

    Args:
        go_backwards: the state of a step comes from the step after.
        initial_states: what stands beyond the ends, one for all states or one for each; 0 unless given.
        return_full_state: all states are outputs, not the first one alone.
        options: of the step.
    Returns:
        `Combine` of the output, or the cell's block with the full state. CNTK: Recurrence.
    Raises:
        CntkError: initial states that are neither none, one nor as many as the cell has.
    """
    if len(initial_states) not in (0, 1, states):
        wanted = "1 initial state was" if states == 1 else f"1 or {states} initial states were"
        raise CntkError(f"Recurrence: {wanted} expected, {len(initial_states)} came.")
    initial = list(initial_states) * (states // len(initial_states)) if initial_states else [None] * states
    delayed = future_value if go_backwards else past_value
    x = as_variable(operand)
    forward = [placeholder(name="") for _ in range(states)]
    before = [
        delayed(stand_in, number(x, 0) if start is None else start, 1)
        for stand_in, start in zip(forward, initial, strict=True)
    ]
    result = step(*before, operand, **options)
    result.replace_placeholders(dict(zip(forward, result.outputs, strict=True)))
    if return_full_state:
        return as_composite(result, name) if name else result
    return combine([result.outputs[0]], name)


lstm_layer = partial(_recurrence, lstm_block, 2)
"""A long short-term memory along sequences; `options` are those of `lstm_block`."""

gru_layer = partial(_recurrence, gru_block, 1)
"""Gated recurrent units along sequences; `options` are those of `gru_block`."""

rnn_step_layer = partial(_recurrence, rnn_step_block, 1)
"""A plain recurrence along sequences; `options` are those of `rnn_step_block`."""
