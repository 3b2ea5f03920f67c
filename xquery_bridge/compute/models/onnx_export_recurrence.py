"""Recurrences in ONNX: loops over the blocks LSTM, GRU and RNNStep, delays, slices of sequences, stacks.

A loop is recognised by its shape: every state of the block is a PastValue (or every one a FutureValue) by one step of
the output of the block that it becomes, and the block holds the operators that CNTK's cell of the name has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import CntkError
from ..graph import BlockFunction, Function, functions_of
from ..recurrent_layers import gru_block, lstm_block, rnn_step_block
from ..session import session
from ..shape import Shape
from ..variable import Constant, Parameter, Variable, placeholder
from .onnx_export import GraphWriter, lead, resolved
from .onnx_operators import ACTIVATIONS, Activation

__all__ = ["Recurrence", "delayed", "find_recurrences", "recurrent_stack", "sequence_slice"]

Array = NDArray[Any]

_CELLS: Final[dict[str, tuple[Callable[..., Function], int]]] = {
    "LSTM": (lstm_block, 2),
    "GRU": (gru_block, 1),
    "RNNStep": (rnn_step_block, 1),
}
"""CNTK's cells: what makes one, and how many states it has."""
_ONNX_NAME: Final = {"LSTM": "LSTM", "GRU": "GRU", "RNNStep": "RNN"}
_DELAYS: Final = ("PastValue", "FutureValue")


@dataclass(frozen=True)
class Recurrence:
    """A block that is fed its own outputs.

    Attributes:
        delays: what hands the states on, in the order of the block's states.
        weights: the parameters by the names CNTK's layer gives them.
    """

    block: BlockFunction
    delays: list[Function]
    operand: Variable
    activation: Activation
    weights: dict[str, Array]

    def write(self, w: GraphWriter) -> None:
        """Writes the loop as one node."""
        block, x = self.block, resolved(self.operand)
        units = block.outputs[0].shape[0]
        if lead(x) != 2 or x.shape.rank != 1:
            raise CntkError(f"ONNX model: the operand of {block.op_name} must be a sequence of vectors.")
        backwards = self.delays[0].op_name == "FutureValue"
        layout = _LAYOUTS[block.op_name]
        matrices = layout(self.weights)
        name = w.name(x)
        weights = [w.weights(array[None], f"{block.name or block.uid}_{key}") for key, array in matrices.items()]
        peepholes = weights[3:]
        states = [self._initial(w, delay, name, units) for delay in self.delays]
        inputs = [name, *weights[:3], "", *states, *peepholes]
        while inputs[-1] == "":
            inputs.pop()
        functions = ["Sigmoid"] * (block.op_name != "RNNStep") + [self.activation.onnx]
        if block.op_name == "LSTM":
            functions.append(self.activation.onnx)
        made = w.node(
            _ONNX_NAME[block.op_name],
            inputs,
            hidden_size=units,
            direction="reverse" if backwards else "forward",
            activations=functions,
        )
        w.names[block.outputs[0]] = w.squeezed(made, [1])
        for state in block.outputs[1:]:
            w.withhold(
                state, f"the inner state of the {block.op_name} at every step is no output of ONNX' {block.op_name}."
            )

    @staticmethod
    def _initial(w: GraphWriter, delay: Function, x: str, units: int) -> str:
        """The state before the first step as (1, batch, units); "" for zeros."""
        start = resolved(delay.operands[1])
        if isinstance(start, (Parameter, Constant)):
            if not start.data.any():
                return ""
            batch = w.leading(x, 2, 1)
            target = w.node("Concat", [w.integers([1]), batch, w.integers([units])], axis=0)
            return w.node("Expand", [w.name(start), target])  # type: ignore[no-any-return]
        if lead(start) != 1:
            raise CntkError(
                f"ONNX model: the initial state {start.as_string()} must have no dynamic axis or the batch axis alone."
            )
        name = w.unsqueezed(w.name(start), [0])
        if start.shape == (units,):
            return name
        target = w.node("Concat", [w.integers([1]), w.leading(x, 2, 1), w.integers([units])], axis=0)
        return w.node("Expand", [name, target])  # type: ignore[no-any-return]


def _gates(array: Array, count: int, order: Sequence[int]) -> Array:
    parts = np.split(array, count)
    return np.concatenate([parts[i] for i in order])


def _with_bias(w: Array, r: Array, b: Array) -> dict[str, Array]:
    """ONNX' weights; its bias for the state is 0."""
    return {"W": w, "R": r, "B": np.concatenate([b, np.zeros_like(b)])}


def _lstm(p: dict[str, Array]) -> dict[str, Array]:
    order = (0, 3, 2, 1)  # of input, candidate, forget, output: input, output, forget, candidate
    made = _with_bias(*(_gates(p[key].T, 4, order) for key in ("W", "H", "b")))
    if "Ci" in p:
        made["P"] = np.concatenate([p["Ci"], p["Co"], p["Cf"]])
    return made


def _gru(p: dict[str, Array]) -> dict[str, Array]:
    return _with_bias(p["W"].T, np.concatenate([p["H"].T, p["H1"].T]), p["b"])


def _rnn(p: dict[str, Array]) -> dict[str, Array]:
    return _with_bias(p["W"].T, p["H"].T, p["b"])


_LAYOUTS: Final = {"LSTM": _lstm, "GRU": _gru, "RNNStep": _rnn}


def find_recurrences(functions: Sequence[Function]) -> dict[int, Recurrence]:
    """The recurrences among functions of one level, by the id of their block."""
    found: dict[int, Recurrence] = {}
    for function in functions:
        if isinstance(function, BlockFunction) and function.op_name in _CELLS:
            made = _recurrence(function)
            if made is not None:
                found[id(function)] = made
    return found


def _recurrence(block: BlockFunction) -> Recurrence | None:
    states = _CELLS[block.op_name][1]
    arguments = [v for v, inner in zip(block.operands, block.mapped, strict=True) if inner is not None]
    if len(arguments) != states + 1:
        return None
    delays: list[Function] = []
    for state, output in zip(arguments, block.outputs, strict=False):
        delay = state.owner
        if delay is None or delay.op_name not in _DELAYS or int(delay.attributes["offset"]) != 1:
            return None
        if delay.operands[0] is not output:
            return None
        delays.append(delay)
    if len({delay.op_name for delay in delays}) != 1:
        return None
    activation, weights = _cell(block)
    return Recurrence(block, delays, arguments[-1], activation, weights)


def _cell(block: BlockFunction) -> tuple[Activation, dict[str, Array]]:
    """The activation and the parameters of a block, which must be built as CNTK's cell is.

    Raises:
        CntkError: it is built otherwise: with self-stabilization, a projection, an activation that ONNX does not have.
    """
    make, states = _CELLS[block.op_name]
    held = [v for v in block.operands if isinstance(resolved(v), (Parameter, Constant)) and resolved(v).shape.rank]
    inside = [f.op_name for f in functions_of(block.composite.root_function)]
    units = block.outputs[0].shape
    x = block.operands[-1]
    for activation in ACTIVATIONS:
        for peepholes in (False, True) if block.op_name == "LSTM" else (False,):
            options: dict[str, Any] = {"use_peepholes": True} if peepholes else {}
            with session():
                stand_ins = [placeholder(Shape(s), x.data_type) for s in (*[units] * states, x.shape)]
                made = make(*stand_ins, units, activation=activation.function, init=0.0, **options)
            reference = made.root_function
            assert isinstance(reference, BlockFunction)
            if [f.op_name for f in functions_of(reference.composite.root_function)] != inside:
                continue
            names = [p.name for p in reference.parameters]
            if [v.shape for v in held] == [p.shape for p in reference.parameters]:
                return activation, {n: resolved(v).data for n, v in zip(names, held, strict=True)}  # type: ignore[attr-defined]
    raise CntkError(
        f"ONNX model: the {block.op_name} '{block.name or block.uid}' has no counterpart in ONNX: one without "
        "self-stabilization and projection, with an activation of "
        f"{', '.join(row.onnx for row in ACTIVATIONS)}, was expected."
    )


def delayed(w: GraphWriter, f: Function, operands: list[Variable]) -> str:
    """PastValue and FutureValue outside a loop: the initial state joined on before, or behind, the other steps."""
    x, initial = operands
    offset = int(f.attributes["offset"])
    sample = list(f.outputs[0].shape[::-1])
    if lead(initial) == 2:
        raise CntkError(f"ONNX model: the initial state of {f.as_string()} is a sequence; a constant was expected.")
    whole = w.spread(w.name(x), x, x, sample) if list(x.shape[::-1]) != sample else w.name(x)
    ends = w.node("Concat", [w.integers([offset]), w.leading(w.name(x), 2, 1), w.integers(sample)], axis=0)
    state = w.name(initial)
    if lead(initial):
        state = w.unsqueezed(state, list(range(1, 1 + len(sample) - initial.shape.rank)))
    beyond = w.node("Expand", [state, ends])
    past = f.op_name == "PastValue"
    joined = w.node("Concat", [beyond, whole] if past else [whole, beyond], axis=0)
    bounds = [[0], [-offset]] if past else [[offset], [2**31 - 1]]
    inputs = [joined, *(w.integers(v) for v in bounds), w.integers([0])]
    return w.node("Slice", inputs, f.name or f.uid)  # type: ignore[no-any-return]


def sequence_slice(w: GraphWriter, f: Function, operands: list[Variable]) -> str:
    """The steps from one place to another: CNTK says which by a condition that depends on the place alone."""
    assert isinstance(f, BlockFunction)
    [x] = operands
    gather = f.composite.root_function
    where = next((g for g in functions_of(gather) if g.op_name == "Where"), None)
    bounds = None if where is None else _bounds(where.operands[0])
    if bounds is None:
        raise CntkError(f"ONNX model: the slice {f.as_string()} of a sequence is not built as CNTK builds it.")
    begin, end = bounds
    inputs = [w.name(x), *(w.integers([v]) for v in (begin, end or 2**31 - 1, 0))]
    taken: str = w.node("Slice", inputs, f.name or f.uid)
    return taken if f.outputs[0].has_sequence_axis else w.squeezed(taken, [0])


def _bounds(condition: Variable) -> tuple[int, int] | None:
    """First and last place, as in `sequence_slice` of `compute`, that a condition is 1 for."""
    function = resolved(condition).owner
    if function is None:
        return None
    if function.op_name in _DELAYS:
        offset = int(function.attributes["offset"])
        return (0, offset) if function.op_name == "PastValue" else (-offset, 0)
    if function.op_name == "Minus":
        inner = _bounds(function.operands[1])
        if inner is None:
            return None
        return (inner[1], 0) if inner[0] == 0 else (0, inner[0])
    if function.op_name == "ElementTimes":
        parts = [_bounds(v) for v in function.operands]
        if None in parts:
            return None
        begin = next((p[0] for p in parts if p is not None and p[0]), 0)
        end = next((p[1] for p in parts if p is not None and p[1]), 0)
        return begin, end
    return None


_STACK_CELLS: Final[dict[str, tuple[str, int, tuple[int, ...], list[str]]]] = {
    "lstm": ("LSTM", 4, (0, 3, 1, 2), ["Sigmoid", "Tanh", "Tanh"]),
    "gru": ("GRU", 3, (1, 0, 2), ["Sigmoid", "Tanh"]),
    "rnnTanh": ("RNN", 1, (0,), ["Tanh"]),
    "rnnReLU": ("RNN", 1, (0,), ["Relu"]),
}
"""ONNX' name, number of gates, ONNX' order of them, activations."""


def _blob_parts(blob: Array, gates: int, units: int, inputs: int, layers: int, ways: int) -> Iterator[list[Array]]:
    """For each layer W, R and B of all directions; gates in CNTK's order."""
    position = 0

    def take(*shape: int) -> Array:
        nonlocal position
        size = int(np.prod(shape))
        position += size
        return blob[position - size : position].reshape(shape)

    rows = gates * units
    weights = [
        [(take(rows, inputs if n == 0 else ways * units), take(rows, units)) for _ in range(ways)]
        for n in range(layers)
    ]
    biases = [[(take(rows), take(rows)) for _ in range(ways)] for _ in range(layers)]
    for layer, bias in zip(weights, biases, strict=True):
        yield [
            np.stack([wx for wx, _ in layer]),
            np.stack([wh for _, wh in layer]),
            np.stack([np.concatenate(pair) for pair in bias]),
        ]


def recurrent_stack(w: GraphWriter, f: Function, operands: list[Variable]) -> str:
    """OptimizedRNNStack: a node a layer."""
    x, blob = operands
    if not isinstance(blob, (Parameter, Constant)):
        raise CntkError("ONNX model: the weights of OptimizedRNNStack must be a parameter.")
    op_type, gates, order, activations = _STACK_CELLS[f.attributes["recurrentOp"]]
    units, layers = int(f.attributes["hiddenSize"]), int(f.attributes["numLayers"])
    ways = 2 if f.attributes["bidirectional"] else 1
    options: dict[str, Any] = {"linear_before_reset": 1} if op_type == "GRU" else {}
    name = w.name(x)
    for parts in _blob_parts(blob.data.reshape(-1), gates, units, x.shape[0], layers, ways):
        count = 2 * gates
        both = (*order, *(gates + i for i in order))
        ordered = [
            np.stack([_gates(one, gates, order) for one in parts[0]]),
            np.stack([_gates(one, gates, order) for one in parts[1]]),
            np.stack([_gates(one, count, both) for one in parts[2]]),
        ]
        inputs = [name, *(w.weights(p, f"{blob.name or blob.uid}_{k}") for p, k in zip(ordered, "WRB", strict=True))]
        made = w.node(
            op_type,
            inputs,
            hidden_size=units,
            direction="bidirectional" if ways == 2 else "forward",
            activations=activations * ways,
            **options,
        )
        if ways == 1:
            name = w.squeezed(made, [1])
        else:
            moved = w.node("Transpose", [made], perm=[0, 2, 1, 3])
            name = w.node("Reshape", [moved, w.integers([0, 0, ways * units])])
    return name
