"""ONNX in: a model's graph as a function of CNTK's operators.

Every dimension of an ONNX tensor is static or one of CNTK's dynamic axes, and a `Tensor` says which by a mark a
dimension: `B` the batch axis, `S` a sequence axis, `M` both in one, `d` a static dimension. The static ones,
reversed, are the shape of the variable. Inputs get their marks so:

| dimensions of the input | marks |
|---|---|
| the first is named after a sequence or time, the second has a name too | `SB`, as `export_onnx` writes |
| the first is named so, the second is a number (CNTK writes 1) | all static, as CNTK reads its own files |
| the first has any other name | `B` |
| no dimension of any input has a name and the first of each is 1 | `B`: what CNTK makes of its batch axis |
| else | all static |

An operator that cannot treat a dynamic axis as such gets the tensor with all dimensions static (UnpackBatch), and one
that needs a batch gets it made (ToBatch), as CNTK's own reader does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..axis import Axis
from ..errors import CntkError
from ..graph import CompositeFunction, Function, combine
from ..ops.axes import to_batch, unpack_batch
from ..ops.reshaping import alias, reshape, transpose
from ..ops.sequences import sequence_unpack, to_sequence
from ..shape import FREE, INFERRED, Shape
from ..value import CPU, DTYPES, Device
from ..variable import Constant, Parameter, Variable
from .onnx_format import array_of, opset_of, read_onnx

__all__ = ["Delay", "GraphReader", "Node", "Tensor", "import_onnx"]

_DOUBLE: Final = 11
_NUMBERS: Final = frozenset((1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 16))
"""The element types that become float or, the double, double."""
_FOLDED_UNKNOWN: Final = frozenset(("Cast", "Concat", "Gather", "Identity", "Slice", "Squeeze", "Unsqueeze"))
"""Operators that only move dimensions about, so that one that is not known may be among them."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """A value of an ONNX graph: the variable, and what each ONNX dimension is in it."""

    variable: Variable
    marks: str

    @property
    def is_static(self) -> bool:
        return not self.marks.strip("d")

    @property
    def dims(self) -> list[int]:
        """The ONNX dimensions, FREE for those that are not known."""
        static = iter(self.variable.shape[::-1])
        return [next(static) if mark == "d" else FREE for mark in self.marks]

    def place(self, axis: int) -> int:
        """An axis of ONNX, counted from the first dimension.

        Raises:
            CntkError: there is no such axis.
        """
        rank = len(self.marks)
        if not -rank <= axis < rank:
            raise CntkError(f"ONNX model: axis {axis} does not fit a tensor of {rank} dimensions.")
        return axis % rank

    def axis(self, place: int) -> Axis:
        """The static axis of the variable that a dimension is."""
        return Axis.static(self.marks[place + 1 :].count("d"))


Constants = NDArray[Any]


class Delay(NamedTuple):
    """A sequence joined with `offset` steps of a state, before it or behind it."""

    operand: Tensor
    state: Tensor
    offset: int
    past: bool


class Node:
    """A node of the graph with its attributes as Python values."""

    def __init__(self, proto: Any) -> None:
        from onnx.helper import get_attribute_value

        self.op_type: str = proto.op_type
        self.domain: str = proto.domain
        self.name: str = proto.name
        self.inputs: list[str] = list(proto.input)
        self.outputs: list[str] = list(proto.output)
        self.attributes: dict[str, Any] = {a.name: _plain(get_attribute_value(a)) for a in proto.attribute}
        self.proto = proto

    def get(self, key: str, default: Any = None) -> Any:
        return self.attributes.get(key, default)

    def has(self, index: int) -> bool:
        """Whether an input was given; the empty name stands for none."""
        return index < len(self.inputs) and bool(self.inputs[index])

    def wants(self, index: int) -> bool:
        """Whether an output is named."""
        return index < len(self.outputs) and bool(self.outputs[index])

    def refused(self, why: str) -> CntkError:
        return CntkError(f"ONNX model: {self.op_type} '{self.name or ', '.join(self.outputs)}': {why}")


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, (list, tuple)) or type(value).__name__.startswith("Repeated"):
        return [_plain(item) for item in value]
    return value


def import_onnx(data: bytes | bytearray | memoryview, device: Device = CPU) -> CompositeFunction:
    """The function in an ONNX file, with its parameters.

    Args:
        data: the bytes of the file.
        device: where the parameters are asked to be; the work is done on the processor in any case.
    Returns:
        A composite with the graph's inputs, by their names, and its outputs, in their order. Weights are parameters.
    Raises:
        CntkError: the data is truncated, too large, of another format, or uses an operator, or an attribute of one,
            that CNTK has no counterpart for; the sentence names it.
    """
    model = read_onnx(bytes(data))
    try:
        return GraphReader(model.graph, opset_of(model)).read()
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise CntkError(f"ONNX model: the file is damaged, its graph does not fit together: {error!r}.") from None


class GraphReader:
    """Builds the function of one graph."""

    def __init__(self, graph: Any, opset: int) -> None:
        self.graph = graph
        self.opset = opset
        self.values: dict[str, Tensor | Constants] = {}
        self.unknown: dict[str, Tensor] = {}
        """Folded shapes in which -1 stands for a dimension that is not known, and the tensor that has it."""
        self.joined: dict[str, Delay] = {}
        """Sequences joined with what stands beyond an end of them: half of what CNTK's delays are in ONNX."""
        self.batch_names: set[str] = set()
        """What the first dimension of inputs that are batches is called."""
        self.leading_is_one = False
        """Whether the batch axis is a first dimension of just 1 in the file."""

    def read(self) -> CompositeFunction:
        from .onnx_import_operators import IMPORTS

        for initializer in self.graph.initializer:
            self.values[initializer.name] = array_of(initializer)
        self._inputs([row for row in self.graph.input if row.name not in self.values])
        for proto in self.graph.node:
            node = Node(proto)
            if self._folded(node):
                continue
            handler = IMPORTS.get(node.op_type) if node.domain in ("", "ai.onnx") else None
            if handler is None:
                name = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
                raise CntkError(f"ONNX model: the operator '{name}' has no counterpart in CNTK (node '{node.name}').")
            try:
                made = handler(self, node)
            except (KeyError, IndexError, TypeError, ValueError) as error:
                raise node.refused(f"its inputs or attributes do not fit: {error!r}.") from None
            results = made if isinstance(made, list) else [made]
            for name, result in zip(node.outputs, results, strict=False):
                if name:
                    self.values[name] = result
            missing = [name for name in node.outputs[len(results) :] if name]
            if missing:
                raise node.refused(f"its output '{missing[0]}' has no counterpart in CNTK.")
        return self._result()

    # Inputs and outputs

    def _inputs(self, rows: Sequence[Any]) -> None:
        from onnx import TensorProto

        shapes: list[list[int | str]] = []
        for row in rows:
            if not row.type.HasField("tensor_type"):
                raise CntkError(f"ONNX model: the input '{row.name}' is no tensor.")
            element = row.type.tensor_type.elem_type
            if element not in _NUMBERS:
                known = element in TensorProto.DataType.values()
                kind = TensorProto.DataType.Name(element) if known else f"values of type {element}"
                raise CntkError(f"ONNX model: the input '{row.name}' holds {kind}; numbers were expected.")
            shapes.append([_dimension(d) for d in row.type.tensor_type.shape.dim])
        numbers_only = all(isinstance(d, int) for shape in shapes for d in shape)
        self.leading_is_one = numbers_only and all(len(s) > 1 and s[0] == 1 for s in shapes)
        for row, shape in zip(rows, shapes, strict=True):
            marks = "B" + "d" * (len(shape) - 1) if self.leading_is_one else _marks(shape)
            if marks[:1] == "B" and isinstance(shape[0], str):
                self.batch_names.add(shape[0])
            static = [d for d, mark in zip(shape, marks, strict=True) if mark == "d"]
            sizes = Shape((FREE if isinstance(d, str) else d) for d in static[::-1])
            axes = [Axis.default_sequence()] * ("S" in marks) + [Axis.default_batch()] * ("B" in marks)
            data_type = "double" if row.type.tensor_type.elem_type == _DOUBLE else "float"
            self.values[row.name] = Tensor(Variable(sizes, data_type, "Input", axes, row.name), marks)

    def _result(self) -> CompositeFunction:
        inputs = [t for t in self.values.values() if isinstance(t, Tensor) and t.variable.is_input]
        all_static = all(t.is_static for t in inputs)
        outputs: list[Function] = []
        for row in self.graph.output:
            if row.name not in self.values:
                raise CntkError(f"ONNX model: nothing makes the output '{row.name}'.")
            tensor = self.tensor(row.name)
            if all_static or tensor.marks.rstrip("d") not in ("B", "SB"):
                tensor = self.static(tensor)
                if self._is_batch(row, len(tensor.marks)):
                    tensor = self.batched(tensor)
            outputs.append(alias(tensor.variable, row.name) if self._needs_name(tensor, row.name) else _of(tensor))
        return outputs[0] if len(outputs) == 1 else combine(outputs)  # type: ignore[return-value]

    def _is_batch(self, row: Any, rank: int) -> bool:
        """Whether an output's first dimension has the name of the inputs' batch."""
        declared = row.type.tensor_type.shape.dim
        return len(declared) == rank > 0 and declared[0].dim_param in self.batch_names

    @staticmethod
    def _needs_name(tensor: Tensor, name: str) -> bool:
        """Whether the output must be given the name of the graph's: no node here is called so."""
        owner = tensor.variable.owner
        own = tensor.variable.name
        return owner is None or len(owner.outputs) != 1 or name not in (own, f"{own}_Output", f"{own}_Output_0")

    # Values

    def tensor(self, name: str, learn: bool = True) -> Tensor:
        """A value as a variable; weights become parameters, single numbers constants.

        Args:
            learn: false for values that training leaves alone.
        """
        found = self.values.get(name)
        if found is None:
            raise CntkError(f"ONNX model: '{name}' is used, but nothing makes it.")
        if isinstance(found, Tensor):
            return found
        made = self.stored(found, name, learn)
        self.values[name] = made
        return made

    @staticmethod
    def stored(array: Constants, name: str = "", learn: bool = False) -> Tensor:
        """Numbers as a parameter or constant."""
        data_type = "double" if array.dtype == np.float64 else "float"
        kind = Parameter if learn and array.ndim and array.dtype.kind == "f" else Constant
        shape = Shape(array.shape[::-1])
        return Tensor(kind(shape, data_type, array.astype(DTYPES[data_type]), name), "d" * array.ndim)

    def array(self, node: Node, index: int, default: Any = None) -> Any:
        """The numbers of an input that must be known.

        Raises:
            CntkError: they depend on the inputs of the model.
        """
        if not node.has(index):
            return default
        found = self.values.get(node.inputs[index])
        if isinstance(found, Tensor) and isinstance(found.variable, (Parameter, Constant)):
            return found.variable.data
        if not isinstance(found, np.ndarray):
            raise node.refused(f"its input '{node.inputs[index]}' must be a constant.")
        return found

    def known(self, node: Node, index: int) -> Constants | None:
        """The numbers of an input, None when they depend on the inputs of the model."""
        found = self.values.get(node.inputs[index]) if node.has(index) else None
        if isinstance(found, Tensor) and isinstance(found.variable, (Parameter, Constant)):
            return found.variable.data
        return found if isinstance(found, np.ndarray) else None

    def integers(self, node: Node, index: int, attribute: str) -> list[int] | None:
        """Whole numbers that are an attribute in older operator sets and an input in newer ones."""
        if attribute in node.attributes:
            return [int(v) for v in node.get(attribute)]
        found = self.array(node, index)
        return None if found is None else [int(v) for v in np.asarray(found).reshape(-1)]

    # Folding

    def _folded(self, node: Node) -> bool:
        """Computes a node whose inputs are known, as ONNX's reference implementation does."""
        if node.op_type == "Shape" and node.has(0):
            return self._folded_shape(node)
        if node.op_type == "Constant":
            self.values[node.outputs[0]] = self._constant(node)
            return True
        arrays = [self.values.get(name) for name in node.inputs if name]
        if node.op_type in _RANDOM or not all(isinstance(a, np.ndarray) for a in arrays):
            return False
        unknown = next((self.unknown[name] for name in node.inputs if name in self.unknown), None)
        if unknown is not None and node.op_type in ("ConstantOfShape", "Expand"):
            return False
        if unknown is not None and node.op_type not in _FOLDED_UNKNOWN:
            raise node.refused("it computes with the size of a batch or sequence, which CNTK does not give.")
        from onnx.reference import ReferenceEvaluator

        try:
            session = ReferenceEvaluator(node.proto, opsets={"": self.opset})
            results = session.run(None, {name: self.values[name] for name in node.inputs if name})
        except Exception as error:  # of any kind: the reference implementation lets through what NumPy raises
            raise node.refused(f"it cannot be computed: {error}") from error
        for name, result in zip(node.outputs, results, strict=False):
            self.values[name] = np.asarray(result)
            if unknown is not None and -1 in self.values[name]:  # type: ignore[operator]
                self.unknown[name] = unknown
        return True

    def _folded_shape(self, node: Node) -> bool:
        source = self.values.get(node.inputs[0])
        tensor = None if isinstance(source, np.ndarray) else self.tensor(node.inputs[0])
        dims = list(source.shape) if isinstance(source, np.ndarray) else self.tensor(node.inputs[0]).dims
        dims = dims[node.get("start", 0) : node.get("end", len(dims))]
        self.values[node.outputs[0]] = np.array([-1 if d < 0 else d for d in dims], np.int64)
        if tensor is not None and any(d < 0 for d in dims):
            self.unknown[node.outputs[0]] = tensor
        return True

    @staticmethod
    def _constant(node: Node) -> Constants:
        for key, dtype in (("value_float", np.float32), ("value_floats", np.float32), ("value_int", np.int64)):
            if key in node.attributes:
                return np.array(node.get(key), dtype)
        if "value_ints" in node.attributes:
            return np.array(node.get("value_ints"), np.int64)
        if "value" not in node.attributes:
            raise node.refused("a constant of numbers was expected.")
        return array_of(node.get("value"))

    # Between static dimensions and dynamic axes

    def static(self, tensor: Tensor) -> Tensor:
        """The tensor with all dimensions static."""
        marks = tensor.marks
        if tensor.is_static:
            return tensor
        if "M" in marks:
            raise CntkError("ONNX model: sequences and batch are merged into one dimension, which CNTK cannot have.")
        variable: Any = tensor.variable
        order = [i for i, mark in enumerate(marks) if mark == "d"]
        if "S" in marks:
            variable = sequence_unpack(variable, 0.0, True)
            order.insert(0, marks.index("S"))
        variable = unpack_batch(variable)
        order.insert(0, marks.index("B"))
        return permuted(Tensor(variable.output, "d" * len(marks)), [order.index(i) for i in range(len(marks))])

    def dynamic(self, tensor: Tensor, marks: str) -> Tensor:
        """The tensor with the dimensions that `marks` says as dynamic axes."""
        if tensor.marks == marks:
            return tensor
        tensor = self.static(tensor)
        first = [marks.index(mark) for mark in "BS" if mark in marks]
        order = [*first, *(i for i in range(len(marks)) if i not in first)]
        variable: Any = to_batch(permuted(tensor, order).variable)
        if "S" in marks:
            variable = to_sequence(variable)
        return Tensor(variable.output, marks)

    def batched(self, tensor: Tensor) -> Tensor:
        """The tensor with its first dimension, and no other, as the batch axis, or as both dynamic axes."""
        if tensor.marks[:1] == "M" and not tensor.marks[1:].strip("d"):
            return tensor
        return self.dynamic(tensor, "B" + "d" * (len(tensor.marks) - 1))

    def aligned(self, tensors: Sequence[Tensor]) -> tuple[list[Variable], str]:
        """The operands of an elementwise operator, so that CNTK's broadcasting does what ONNX' says, and the marks.

        ONNX aligns at the last dimension, CNTK at the first of the reversed shape, which is the same; dynamic axes must
        meet the same ones or nothing.
        """
        rank = max(len(t.marks) for t in tensors)
        marks = ""
        for place in range(-rank, 0):
            met = {t.marks[place] for t in tensors if len(t.marks) >= -place and t.marks[place] != "d"}
            marks += met.pop() if len(met) == 1 else "d" if not met else "!"
        shaped: list[Tensor] = []
        for tensor in tensors:
            own = marks[rank - len(tensor.marks) :]
            dims = tensor.dims
            clash = any(
                wanted != mark and not (mark == "d" and dims[i] == 1)
                for i, (wanted, mark) in enumerate(zip(own, tensor.marks, strict=True))
                if wanted != "d"
            )
            if clash or "!" in marks:
                fixed = [self.static(t).variable for t in tensors]
                return fixed, "d" * rank
            extra = [i for i, wanted in enumerate(own) if wanted != "d" and tensor.marks[i] == "d"]
            shaped.append(squeezed(tensor, extra))
        return [t.variable for t in shaped], marks


_RANDOM: Final = frozenset(("RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Multinomial"))


def _of(tensor: Tensor) -> Function:
    from ..graph import as_composite

    owner = tensor.variable.owner
    assert owner is not None
    return as_composite(owner)


def _dimension(dimension: Any) -> int | str:
    return int(dimension.dim_value) if dimension.HasField("dim_value") else dimension.dim_param or "?"


def _marks(shape: Sequence[int | str]) -> str:
    """The marks of an input by the names of its dimensions; the table of the module."""
    static = "d" * len(shape)
    if not shape or isinstance(shape[0], int):
        return static
    name = shape[0].lower()
    if "seq" in name or "time" in name:
        return "SB" + static[2:] if len(shape) > 1 and isinstance(shape[1], str) else static
    return "B" + static[1:]


# Dimensions moved, put in and taken out


def permuted(tensor: Tensor, order: Sequence[int]) -> Tensor:
    """The dimensions in another order: `order[i]` says which one comes to place i."""
    marks = "".join(tensor.marks[i] for i in order)
    statics = [i for i, mark in enumerate(tensor.marks) if mark == "d"]
    moved = [statics.index(i) for i in order if tensor.marks[i] == "d"]
    rank = len(moved)
    if moved == list(range(rank)):
        return Tensor(tensor.variable, marks)
    axes = [Axis.static(rank - 1 - moved[rank - 1 - j]) for j in range(rank)]
    return Tensor(transpose(tensor.variable, axes).output, marks)


def unsqueezed(tensor: Tensor, places: Sequence[int]) -> Tensor:
    """With dimensions of 1 put in, so that they stand at these places of the result."""
    for place in sorted(places):
        index = tensor.marks[place:].count("d")
        at = Axis.static(index)
        variable = reshape(tensor.variable, Shape((1,)), at, at).output
        tensor = Tensor(variable, f"{tensor.marks[:place]}d{tensor.marks[place:]}")
    return tensor


def squeezed(tensor: Tensor, places: Sequence[int]) -> Tensor:
    """Without the static dimensions of 1 at these places."""
    for place in sorted(places, reverse=True):
        if tensor.marks[place] != "d" or tensor.dims[place] not in (1, FREE):
            raise CntkError(f"ONNX model: dimension {place} of {tensor.dims} is not 1 and cannot be squeezed.")
        index = tensor.marks[place + 1 :].count("d")
        variable = reshape(tensor.variable, Shape(()), Axis.static(index), Axis.static(index + 1)).output
        tensor = Tensor(variable, tensor.marks[:place] + tensor.marks[place + 1 :])
    return tensor


def shaped(tensor: Tensor, dims: Sequence[int], marks: str) -> Tensor:
    """The static dimensions replaced by others, one of which may be -1 or FREE."""
    if sum(d < 0 for d in dims) > 1:
        raise CntkError(f"ONNX model: a reshape to {list(dims)} leaves more than one dimension open.")
    new = Shape(INFERRED if d < 0 else d for d in dims[::-1])
    return Tensor(reshape(tensor.variable, new).output, marks)
