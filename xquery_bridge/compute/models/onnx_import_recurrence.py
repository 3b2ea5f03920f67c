"""LSTM, GRU and RNN of ONNX as CNTK's recurrences.

Gates stand in another order: ONNX has input, output, forget, candidate (LSTM) and update, reset, hidden (GRU), with
one bias for the operand and one for the state, which CNTK adds up. Where CNTK's layer of the name computes the node,
that is what is made; a GRU whose reset comes after its product is made of CNTK's operators.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..axis import Axis
from ..graph import Function, combine
from ..ops import binary, blocks, reshaping, sequences
from ..ops.elementwise import sigmoid
from ..ops.linear import times
from ..ops.recurrence import future_value, past_value
from ..recurrent_layers import gru_layer, lstm_layer, rnn_step_layer
from ..shape import Shape
from ..value import DTYPES
from ..variable import Parameter, Variable, placeholder
from .onnx_import import GraphReader, Node, Tensor, unsqueezed
from .onnx_operators import ACTIVATIONS

__all__ = ["RECURRENT_IMPORTS"]

Array = NDArray[Any]
_FUNCTIONS: Final = {row.onnx.lower(): row.function for row in ACTIVATIONS}


class _Direction(NamedTuple):
    """What one direction of a node computes with; weights as ONNX has them."""

    number: int
    backwards: bool
    activations: list[Callable[..., Function]]
    w: Array
    r: Array
    b: Array
    """The sum of both biases."""
    rb: Array
    """The bias of the state alone."""
    p: Array | None
    data_type: str

    @property
    def units(self) -> int:
        return int(self.r.shape[1])


def _directions(g: GraphReader, node: Node, gates: int, defaults: Sequence[str], data_type: str) -> list[_Direction]:
    kind = node.get("direction", "forward")
    ways = {"forward": [False], "reverse": [True], "bidirectional": [False, True]}.get(kind)
    if ways is None:
        raise node.refused(f"the direction '{kind}' is not known.")
    if node.get("clip") is not None or node.get("input_forget", 0):
        raise node.refused("clipping and coupled gates have no counterpart in CNTK.")
    names = node.get("activations") or list(defaults) * len(ways)
    if node.get("activation_alpha") or node.get("activation_beta"):
        raise node.refused("activations with numbers of their own have no counterpart in CNTK.")
    unknown = [name for name in names if name.lower() not in _FUNCTIONS]
    if unknown:
        raise node.refused(f"the activation {unknown[0]} has no counterpart in CNTK.")
    w, r = (np.asarray(g.array(node, i)) for i in (1, 2))
    units = r.shape[2]
    biases = np.asarray(g.array(node, 3, np.zeros((len(ways), 2 * gates * units), w.dtype)))
    peepholes = g.array(node, 7) if gates == 4 else None
    made = []
    for i, backwards in enumerate(ways):
        both = biases[i].reshape(2, gates * units)
        functions = [_FUNCTIONS[name.lower()] for name in names[i * len(defaults) : (i + 1) * len(defaults)]]
        p = None if peepholes is None or not np.any(peepholes[i]) else np.asarray(peepholes[i])
        made.append(_Direction(i, backwards, functions, w[i], r[i], both[0] + both[1], both[1], p, data_type))
    return made


def _operand(g: GraphReader, node: Node) -> Tensor:
    if node.has(4):
        lengths = g.known(node, 4)
        if lengths is None or len(set(lengths.reshape(-1).tolist())) > 1:
            raise node.refused("lengths of sequences have no counterpart in CNTK: sequences carry their own.")
        raise node.refused("sequence_lens was given; CNTK's sequences carry their own lengths.")
    return g.dynamic(g.tensor(node.inputs[0]), "BSd" if node.get("layout", 0) else "SBd")


def _initial(g: GraphReader, node: Node, position: int, index: int) -> Any:
    """The state of a direction before the first step: a number, a constant, or a sample for each sequence."""
    known = g.known(node, position)
    batch_first = bool(node.get("layout", 0))
    if not node.has(position) or (known is not None and not known.any()):
        return 0.0
    if known is not None:
        state = known[:, index] if batch_first else known[index]
        if state.shape[0] == 1:
            return g.stored(state[0]).variable
    given = g.tensor(node.inputs[position])
    given = g.dynamic(given, "Bdd" if batch_first else "dBd")
    units = given.variable.shape[0]
    part = reshaping.slice(given.variable, [Axis.static(1)], [index], [index + 1])
    return reshaping.reshape(part, Shape((units,))).output


def _gates(array: Array, order: Sequence[int]) -> Array:
    """The blocks of rows that belong to the gates, in another order."""
    parts = np.split(array, len(order))
    return np.concatenate([parts[i] for i in order])


def _fill(function: Function, values: dict[str, Array]) -> None:
    """Gives the parameters of a layer their numbers."""
    for parameter in function.root_function.operands:
        if isinstance(parameter, Parameter) and parameter.name in values:
            parameter.data = values[parameter.name].T.reshape(parameter.shape.numpy_shape)


def _lstm(x: Variable, d: _Direction, states: Sequence[Any]) -> list[Variable]:
    gate, candidate, output = d.activations
    if gate is not sigmoid or candidate is not output:
        return _composed_lstm(x, d, states)
    layer = lstm_layer(
        x,
        d.backwards,
        states,
        True,
        shape=(d.units,),
        activation=candidate,
        use_peepholes=d.p is not None,
        init=0.0,
    )
    order = (0, 3, 2, 1)  # input, candidate, forget, output
    values = {"W": _gates(d.w, order), "H": _gates(d.r, order), "b": _gates(d.b, order)}
    if d.p is not None:
        values |= dict(zip(("Ci", "Co", "Cf"), np.split(d.p, 3), strict=True))
    _fill(layer, values)
    return layer.outputs


def _stored(d: _Direction, array: Array, name: str) -> Parameter:
    numbers = np.ascontiguousarray(array.T, DTYPES[d.data_type])
    return Parameter(Shape(numbers.shape[::-1]), d.data_type, numbers, name)


def _loop(d: _Direction, states: Sequence[Any], step: Callable[..., list[Any]]) -> list[Variable]:
    """Feeds the results of a step back along the sequence."""
    delayed = future_value if d.backwards else past_value
    stand_ins = [placeholder() for _ in states]
    before = [delayed(s, start, 1).output for s, start in zip(stand_ins, states, strict=True)]
    results = [made.output for made in step(*before)]
    whole = combine(results)
    whole.replace_placeholders(dict(zip(stand_ins, results, strict=True)))
    return whole.outputs


def _part(stacked: Any, index: int, units: int) -> Function:
    return reshaping.slice(stacked, [Axis.static(0)], [index * units], [(index + 1) * units])


def _composed_lstm(x: Variable, d: _Direction, states: Sequence[Any]) -> list[Variable]:
    gate, candidate, shown = d.activations
    w, r, b = _stored(d, d.w, "W"), _stored(d, d.r, "H"), _stored(d, d.b, "b")
    peepholes = None if d.p is None else [_stored(d, part, n) for part, n in zip(np.split(d.p, 3), "iof", strict=True)]

    def step(h: Variable, c: Variable) -> list[Any]:
        stacked = binary.plus(binary.plus(b, times(w, x)), times(r, h))
        i, o, f, g = (_part(stacked, index, d.units) for index in range(4))
        if peepholes is not None:
            i = binary.plus(i, binary.element_times(peepholes[0], c))
            f = binary.plus(f, binary.element_times(peepholes[2], c))
        state = binary.plus(binary.element_times(gate(f), c), binary.element_times(gate(i), candidate(g)))
        if peepholes is not None:
            o = binary.plus(o, binary.element_times(peepholes[1], state))
        return [binary.element_times(gate(o), shown(state)), state]

    return _loop(d, states, step)


def _gru(after: bool) -> Callable[..., list[Variable]]:
    """GRU; `after`: the reset comes after the product with the state and its bias (linear_before_reset)."""

    def make(x: Variable, d: _Direction, states: Sequence[Any]) -> list[Variable]:
        gate, candidate = d.activations
        u = d.units
        if not after and gate is sigmoid:
            layer = gru_layer(x, d.backwards, states, True, shape=(u,), activation=candidate, init=0.0)
            _fill(layer, {"W": d.w, "H": d.r[: 2 * u], "H1": d.r[2 * u :], "b": d.b})
            return layer.outputs
        w, r, r1 = _stored(d, d.w, "W"), _stored(d, d.r[: 2 * u], "H"), _stored(d, d.r[2 * u :], "H1")
        inner = d.rb[2 * u :] if after else np.zeros_like(d.rb[2 * u :])
        b = _stored(d, np.concatenate([d.b[: 2 * u], d.b[2 * u :] - inner]), "b")
        rb = _stored(d, inner, "b1")

        def step(h: Variable) -> list[Any]:
            fed, kept = binary.plus(b, times(w, x)), times(r, h)
            z, reset = (gate(binary.plus(_part(fed, i, u), _part(kept, i, u))) for i in range(2))
            if after:
                state = binary.element_times(reset, binary.plus(times(r1, h), rb))
            else:
                state = times(r1, binary.element_times(reset, h))
            new = candidate(binary.plus(_part(fed, 2, u), state))
            rest = binary.minus(blocks.number(x, 1), z)
            return [binary.plus(binary.element_times(rest, new), binary.element_times(z, h))]

        return _loop(d, states, step)

    return make


def _rnn(x: Variable, d: _Direction, states: Sequence[Any]) -> list[Variable]:
    layer = rnn_step_layer(x, d.backwards, states, True, shape=(d.units,), activation=d.activations[0], init=0.0)
    _fill(layer, {"W": d.w, "H": d.r, "b": d.b})
    return layer.outputs


def _stacked(parts: Sequence[Variable], marks: str, place: int) -> Tensor:
    """The results of the directions along a dimension of their own."""
    tensors = [unsqueezed(Tensor(v, marks), [place]) for v in parts]
    if len(tensors) == 1:
        return tensors[0]
    joined = reshaping.splice([t.variable for t in tensors], tensors[0].axis(place)).output
    return Tensor(joined, tensors[0].marks)


def _recurrent(
    gates: int, defaults: Sequence[str], states: int, cell: Callable[[Node], Callable[..., list[Variable]]]
) -> Callable[[GraphReader, Node], list[Tensor]]:
    def handler(g: GraphReader, node: Node) -> list[Tensor]:
        x = _operand(g, node)
        batch_first = bool(node.get("layout", 0))
        make = cell(node)
        ways = _directions(g, node, gates, defaults, x.variable.data_type)
        results = [make(x.variable, d, [_initial(g, node, 5 + s, d.number) for s in range(states)]) for d in ways]
        marks, place = ("BSd", 2) if batch_first else ("SBd", 1)
        made = [_stacked([outputs[0] for outputs in results], marks, place)]
        for state in range(states):
            if not node.wants(1 + state):
                made.append(made[0])
                continue
            last = [
                (sequences.sequence_first if d.backwards else sequences.sequence_last)(outputs[state]).output
                for d, outputs in zip(ways, results, strict=True)
            ]
            made.append(_stacked(last, "Bd", 1 if batch_first else 0))
        return made

    return handler


RECURRENT_IMPORTS: Final[dict[str, Callable[[GraphReader, Node], list[Tensor]]]] = {
    "GRU": _recurrent(
        3, ("Sigmoid", "Tanh"), 1, lambda node: _gru(bool(node.get("linear_before_reset", 0)))
    ),
    "LSTM": _recurrent(4, ("Sigmoid", "Tanh", "Tanh"), 2, lambda node: _lstm),
    "RNN": _recurrent(1, ("Tanh",), 1, lambda node: _rnn),
}  # fmt: skip
"""What reads a node, by its operator's name in ONNX."""
