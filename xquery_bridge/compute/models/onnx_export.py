"""ONNX out: a function's graph with CNTK's dynamic axes as leading dimensions.

A variable of shape [d1 x … x dn] is an ONNX tensor of the dimensions dn, …, d1, behind a dimension `batch` where it has
the batch axis and `sequence`, `batch` where it has a sequence axis too. Sequences of one run are of one length there,
for ONNX has no ragged tensors. Blocks that ONNX has an operator for become that operator, others are written as what is
in them; recurrences over the blocks LSTM, GRU and RNNStep become ONNX' operators, other loops are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import CntkError
from ..graph import BlockFunction, CompositeFunction, Function, as_composite, operands_first
from ..shape import FREE, INFERRED
from ..value import DTYPES
from ..variable import Constant, Parameter, Variable
from .onnx_format import DATA_TYPES, write_onnx

__all__ = ["OLDEST_OPSET", "OPSET", "GraphWriter", "export_onnx"]

OPSET: Final = 21
"""The operator set that is written unless another one is asked for."""
OLDEST_OPSET: Final = 13
_PRODUCER: Final = "cntk-xquery"

Array = NDArray[Any]


def export_onnx(function: Function, opset: int = OPSET) -> bytes:
    """A function with its parameters as an ONNX model.

    Args:
        opset: version of the operator set, 13 to 21; older runtimes need an older one.
    Returns:
        The bytes of the model, which ONNX's checker has found valid. Its inputs are the function's arguments by name or
        uid, its outputs the function's outputs.
    Raises:
        CntkError: an operator that ONNX has no counterpart for, named in the sentence; a loop that is not a recurrence
            of LSTM, GRU or RNNStep; a parameter whose shape is not known yet; more than 2 GiB.
    """
    if not OLDEST_OPSET <= opset <= OPSET:
        raise CntkError(f"ONNX model: an operator set from {OLDEST_OPSET} to {OPSET} was expected, {opset} came.")
    composite = function if isinstance(function, CompositeFunction) else as_composite(function)
    return write_onnx(GraphWriter(opset).model(composite))


class GraphWriter:
    """Writes the nodes of one graph.

    Attributes:
        names: the tensor that holds a variable.
    """

    def __init__(self, opset: int) -> None:
        self.opset = opset
        self.names: dict[Variable, str] = {}
        self.nodes: list[Any] = []
        self._initializers: dict[str, Any] = {}
        self._small: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._taken: set[str] = set()
        self._withheld: dict[Variable, str] = {}
        """Variables no tensor holds, and why."""

    # The model

    def model(self, composite: CompositeFunction) -> Any:
        """The whole model."""
        from onnx import helper

        placeholders = composite.placeholders
        if placeholders:
            raise CntkError(
                f"ONNX model: the function has the placeholder {placeholders[0].as_string()}, which must be replaced."
            )
        inputs = []
        for variable in composite.arguments:
            name = self.names[variable] = self.fresh(variable.name or variable.uid)
            inputs.append(self._value_info(name, variable))
        self.functions(composite.root_function)
        outputs, results = [], []
        for variable in composite.outputs:
            name = self.name(variable)
            results.append(name)
            outputs.append((self._output_name(variable), variable))
        renamed = self._renamed(results, [name for name, _ in outputs], {row.name for row in inputs})
        graph = helper.make_graph(
            self.nodes,
            _identifier(composite.name) or "CNTKGraph",
            inputs,
            [self._value_info(n, v) for n, (_, v) in zip(renamed, outputs, strict=True)],
            list(self._initializers.values()),
        )
        opsets = [helper.make_opsetid("", self.opset)]
        return helper.make_model(
            graph, producer_name=_PRODUCER, opset_imports=opsets, ir_version=helper.find_min_ir_version_for(opsets)
        )

    def _value_info(self, name: str, variable: Variable) -> Any:
        from onnx import helper

        free = iter(range(variable.shape.rank))
        static = [f"{name}_{next(free)}" if d == FREE else d for d in variable.shape[::-1]]
        leading = ["sequence", "batch"][2 - lead(variable) :]
        if INFERRED in variable.shape or variable.data_type not in DATA_TYPES:
            raise CntkError(f"ONNX model: the shape or data type of {variable.as_string()} is not known.")
        return helper.make_tensor_value_info(name, DATA_TYPES[variable.data_type], [*leading, *static])

    @staticmethod
    def _output_name(variable: Variable) -> str:
        owner = variable.owner
        own = variable.name or variable.uid
        return f"{own}_{owner.outputs.index(variable)}" if owner and owner.name and len(owner.outputs) > 1 else own

    def _renamed(self, results: Sequence[str], wanted: Sequence[str], inputs: set[str]) -> list[str]:
        """Gives results the names of the outputs; what is an input, a weight or a result twice is handed on."""
        changed: dict[str, str] = {}
        made: list[str] = []
        for result, name in zip(results, wanted, strict=True):
            if result in inputs or result in self._initializers or result in changed:
                source = changed.get(result, result)
                made.append(self.node("Identity", [source], hint=name))
                continue
            changed[result] = name if name == result else self.fresh(name)
            made.append(changed[result])
        for node in self.nodes:
            node.input[:] = [changed.get(n, n) for n in node.input]
            node.output[:] = [changed.get(n, n) for n in node.output]
        return made

    # Functions

    def functions(self, root: Function) -> None:
        """Writes the functions below a root, operands before their users."""
        from .onnx_export_recurrence import find_recurrences

        ordered = operands_first(root)
        recurrences = find_recurrences(ordered)
        delays = {id(delay) for found in recurrences.values() for delay in found.delays}
        used = {id(v) for f in ordered if id(f) not in recurrences for v in f.operands}
        for function in ordered:
            if id(function) in delays:
                continue
            found = recurrences.get(id(function))
            if found is None:
                self._function(function)
                continue
            found.write(self)
            for delay in found.delays:
                if id(delay.outputs[0]) in used:
                    self._function(delay)

    def _function(self, function: Function) -> None:
        from .onnx_export_operators import BLOCKS, PRIMITIVES

        if getattr(getattr(function, "operator", None), "passes_operands", False):
            return
        if function.outputs and all(v in self.names for v in function.outputs):
            return
        is_block = isinstance(function, BlockFunction)
        handler = (BLOCKS if is_block else PRIMITIVES).get(function.op_name)
        operands = [resolved(v) for v in function.operands]
        if isinstance(function, BlockFunction):  # what the block is applied to; its own leaves are inside
            operands = [v for v, inner in zip(operands, function.mapped, strict=True) if inner is not None]
        made: Any = None
        if handler is not None:
            made = handler(self, function, operands)
        if made is None and isinstance(function, BlockFunction):
            self._open(function)
            return
        if made is None:
            raise CntkError(f"ONNX model: the operator '{function.op_name}' has no counterpart in ONNX.")
        for variable, name in zip(function.outputs, [made] if isinstance(made, str) else made, strict=True):
            self.names[variable] = name

    def _open(self, block: BlockFunction) -> None:
        """Writes what is inside a block."""
        for inner, outer in zip(block.mapped, block.operands, strict=True):
            if inner is not None:
                inner.block_mapping = outer
        self.functions(block.composite.root_function)
        for outer, inner in zip(block.outputs, block.composite.outputs, strict=True):
            self.names[outer] = self.name(inner)

    # Tensors

    def withhold(self, variable: Variable, why: str) -> None:
        """Says that no tensor holds a variable."""
        self._withheld[variable] = why

    def name(self, variable: Variable) -> str:
        """The tensor that holds a variable; parameters and constants are written when they are first used.

        Raises:
            CntkError: the variable comes of a loop, or no tensor holds it.
        """
        variable = resolved(variable)
        found = self.names.get(variable)
        if found is not None:
            return found
        if isinstance(variable, (Parameter, Constant)):
            made = self.weights(variable.data, variable.name or variable.uid)
            self.names[variable] = made
            return made
        if variable in self._withheld:
            raise CntkError(f"ONNX model: {self._withheld[variable]}")
        raise CntkError(
            f"ONNX model: {variable.as_string()} is fed back in a loop that is no recurrence of LSTM, GRU or RNNStep "
            "blocks; ONNX has no counterpart for it."
        )

    def fresh(self, hint: str) -> str:
        """A name that no tensor has."""
        name, count = hint or "tensor", 0
        while name in self._taken:
            count += 1
            name = f"{hint}_{count}"
        self._taken.add(name)
        return name

    def node(self, op_type: str, inputs: Iterable[str], hint: str = "", outputs: int = 1, **attributes: Any) -> Any:
        """Adds a node; the name of its output, or of its outputs."""
        from onnx import helper

        names = [self.fresh(hint or op_type) for _ in range(outputs)]
        self.nodes.append(helper.make_node(op_type, list(inputs), names, name=names[0], **attributes))
        return names[0] if outputs == 1 else names

    def weights(self, array: Array, hint: str) -> str:
        """A tensor of given numbers."""
        from onnx import numpy_helper

        name = self.fresh(hint)
        self._initializers[name] = numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name)
        return name

    def integers(self, values: Iterable[int]) -> str:
        """A vector of whole numbers, as shapes and axes are."""
        return self._shared(np.array(list(values), np.int64), "integers")

    def scalar(self, like: Variable, value: float) -> str:
        """One number in the data type of a variable."""
        return self._shared(np.array(value, DTYPES[like.data_type]), "number")

    def _shared(self, array: Array, hint: str) -> str:
        key = (str(array.dtype), array.shape, array.tobytes())
        if key not in self._small:
            self._small[key] = self.weights(array, hint)
        return self._small[key]

    # Dimensions

    def reshaped(self, x: str, leading: int, dims: Sequence[int], hint: str = "") -> str:
        """With other dimensions behind the first `leading` ones; FREE stands for one that is found."""
        if sum(d < 0 for d in dims) > 1:
            raise CntkError(f"ONNX model: a reshape to {list(dims)} leaves more than one dimension open.")
        target = [*[0] * leading, *(-1 if d < 0 else d for d in dims)]
        return self.node("Reshape", [x, self.integers(target)], hint)  # type: ignore[no-any-return]

    def unsqueezed(self, x: str, axes: Sequence[int]) -> str:
        """With dimensions of 1 at some places of the result."""
        return self.node("Unsqueeze", [x, self.integers(axes)]) if axes else x

    def squeezed(self, x: str, axes: Sequence[int]) -> str:
        """Without dimensions of 1 at some places."""
        return self.node("Squeeze", [x, self.integers(axes)]) if axes else x

    def leading(self, x: str, count: int, start: int = 0) -> str:
        """Some of the dimensions of a tensor, as a vector."""
        shape = self.node("Shape", [x])
        ends = self.integers([count])
        return self.node("Slice", [shape, self.integers([start]), ends])  # type: ignore[no-any-return]

    def aligned(self, variables: Sequence[Variable]) -> list[str]:
        """Operands of an elementwise operator: dimensions of 1 put in behind dynamic axes, so that ranks are equal."""
        rank = max(v.shape.rank for v in variables)
        made = []
        for variable in variables:
            missing = rank - variable.shape.rank
            first = lead(variable)
            places = range(first, first + missing) if first else ()
            made.append(self.unsqueezed(self.name(variable), list(places)))
        return made

    def spread(self, x: str, variable: Variable, like: Variable, sample: Sequence[int]) -> str:
        """A tensor broadcast to the dynamic axes of another variable, and to a sample of these dimensions."""
        own, wanted = lead(variable), lead(like)
        missing = len(sample) - variable.shape.rank
        if own:
            x = self.unsqueezed(x, list(range(own, own + missing)))
        if not wanted:
            target = self.integers(sample)
        else:
            target = self.node("Concat", [self.leading(self.name(like), wanted), self.integers(sample)], axis=0)
        return self.node("Expand", [x, target])  # type: ignore[no-any-return]

    def on_batch(self, operand: Variable, work: Callable[[str], str]) -> str:
        """Work that takes just one leading dimension: others are merged into it, a missing one is put in."""
        x, count = self.name(operand), lead(operand)
        if count == 1:
            return work(x)
        if count == 0:
            return self.squeezed(work(self.unsqueezed(x, [0])), [0])
        if operand.shape.has_free_dimension:
            raise CntkError(f"ONNX model: the shape of {operand.as_string()} must be known.")
        merged = self.node("Reshape", [x, self.integers([-1, *operand.shape[::-1]])])
        result = work(merged)
        rest = self.node("Slice", [self.node("Shape", [result]), self.integers([1]), self.integers([2**31 - 1])])
        target = self.node("Concat", [self.leading(x, 2), rest], axis=0)
        return self.node("Reshape", [result, target])  # type: ignore[no-any-return]

    def reduced(self, op_type: str, x: str, axes: Sequence[int], keep: bool, hint: str = "") -> str:
        """A reduction; its axes are an input in newer operator sets, an attribute in older ones."""
        if op_type == "ReduceSum" or self.opset >= 18:
            return self.node(op_type, [x, self.integers(axes)], hint, keepdims=int(keep))  # type: ignore[no-any-return]
        return self.node(op_type, [x], hint, axes=list(axes), keepdims=int(keep))  # type: ignore[no-any-return]


def lead(variable: Variable) -> int:
    """How many leading dimensions the dynamic axes of a variable take."""
    if variable.has_unknown_axes:
        raise CntkError(f"ONNX model: the dynamic axes of {variable.as_string()} are not known.")
    if len(variable.dynamic_axes) > 2:
        raise CntkError(f"ONNX model: {variable.as_string()} has more dynamic axes than a sequence and a batch axis.")
    return len(variable.dynamic_axes)


def resolved(variable: Variable) -> Variable:
    """The variable that the placeholder of a block stands for."""
    while variable.is_placeholder and variable.block_mapping is not None:
        variable = variable.block_mapping
    return variable


def _identifier(text: str) -> str:
    return "".join(c if c.isalnum() or c == "_" else "_" for c in text)
