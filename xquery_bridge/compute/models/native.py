"""CNTK v2 `.model` files: functions to bytes and back. Source: cntk-semantics section 15, and files CNTK 2.7 wrote.

A file holds the leaves of a graph, then its functions, operands before users, those inside blocks too. Variables and
functions refer to each other by uid, an output by `<uid of the function>_Output_<i>`. An output that is used before its
function comes, as in every loop, is listed among the leaves as a placeholder with the uid of the output.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np

from ..axis import UNKNOWN_AXES
from ..errors import CntkError
from ..graph import (
    COMBINE,
    BlockFunction,
    CompositeFunction,
    Function,
    InferenceRule,
    PrimitiveFunction,
    as_composite,
)
from ..ops import OPERATORS
from ..random import RandomStream
from ..shape import Shape
from ..value import CPU, DTYPES, Device
from ..variable import Constant, Parameter, Variable
from .attributes import DATA_TYPES, attributes_from_file, attributes_to_file, axis_from_file, axis_to_file
from .dictionary import Dictionary, FileAxis, SizeT, read_dictionary, write_dictionary

__all__ = ["load_model", "save_model"]

_COMPOSITE_VERSION, _PRIMITIVE_VERSION, _VARIABLE_VERSION = 3, 24, 1
"""The versions CNTK 2.7 writes; newer ones are refused."""
_KINDS = ("Input", "Output", "Parameter", "Constant", "Placeholder")
"""Kinds of variables, each at its number in the files."""
_BLOCK = 57
"""The operator number of a block."""
_LARGEST = 2**31 - 1
"""The most bytes that CNTK reads and writes in one file."""
_VERSION_1_MARK = "BCN".encode("utf-16-le")
"""How a model of CNTK's first version begins."""

_Kind = TypeVar("_Kind")


# Writing


def save_model(function: Function) -> bytes:
    """A function with its parameters, as CNTK's `Function::Save` writes it.

    Raises:
        CntkError: an operator CNTK has no number for, a parameter without values, or more than 2 GiB.
    """
    composite = function if isinstance(function, CompositeFunction) else as_composite(function)
    functions = list(_outside_in(composite.root_function))
    leaves = _leaves(functions)
    uids = _Uids(leaves, functions)
    written = _composite_header(composite, uids)
    written["inputs"] = [_variable_dictionary(variable, uids) for variable in leaves]
    written["primitive_functions"] = [_function_dictionary(function, uids) for function in reversed(functions)]
    data = write_dictionary(written)
    if len(data) > _LARGEST:
        raise CntkError(f"CNTK model: the model has {len(data)} bytes; the format takes {_LARGEST} at most.")
    return data


def _outside_in(root: Function) -> Iterator[Function]:
    """The functions below a root in the order CNTK visits them: itself, its inside, then its operands, depth first."""
    seen: set[int] = set()
    stack = [root]
    while stack:
        function = stack.pop()
        if id(function) in seen:
            continue
        seen.add(id(function))
        yield function
        stack += [v.owner for v in reversed(function.operands) if v.owner is not None]
        if isinstance(function, BlockFunction):
            stack.append(function.composite.root_function)


def _leaves(functions: list[Function]) -> list[Variable]:
    """The leaves of functions given outside in, and the outputs that are used before their functions come."""
    place = {id(function): index for index, function in enumerate(functions)}
    leaves: dict[Variable, None] = {}
    for index, function in enumerate(functions):
        for variable in function.operands:
            if variable.owner is None or place[id(variable.owner)] <= index:
                leaves.setdefault(variable)
    return list(leaves)


class _Uids:
    """The uids in a file: those of the graph, but for what was loaded or made in another session under a uid in use."""

    def __init__(self, leaves: list[Variable], functions: list[Function]) -> None:
        self._changed: dict[Variable | Function, str] = {}
        taken: set[str] = set()
        items: list[Variable | Function] = [*(v for v in leaves if v.owner is None), *functions]
        for item in items:
            uid, copies = item.uid, 1
            while uid in taken:
                copies += 1
                uid = f"{item.uid}_{copies}"
            taken.add(uid)
            if uid != item.uid:
                self._changed[item] = uid

    def of(self, item: Variable | Function) -> str:
        """The uid of a leaf, an output or a function."""
        if isinstance(item, Variable) and item.owner is not None:
            return self.of(item.owner) + item.uid.removeprefix(item.owner.uid)
        return self._changed.get(item, item.uid)


def _variable_dictionary(variable: Variable, uids: _Uids) -> Dictionary:
    kind = "Placeholder" if variable.is_output else variable.kind
    written = Dictionary(
        version=SizeT(_VARIABLE_VERSION),
        type="Variable",
        uid=uids.of(variable),
        kind=SizeT(_KINDS.index(kind)),
        data_type=SizeT(DATA_TYPES.index(variable.data_type)),
        dynamic_axis=[axis_to_file(axis) for axis in variable.dynamic_axes],
        is_sparse=variable.is_sparse,
        needs_gradient=variable.needs_gradient and kind != "Placeholder",
        shape=Shape(variable.shape),
    )
    if variable.name:
        written["name"] = variable.name
    if isinstance(variable, (Parameter, Constant)):
        written["value"] = variable.data
    return written


def _composite_header(composite: CompositeFunction, uids: _Uids) -> Dictionary:
    written = Dictionary(
        version=SizeT(_COMPOSITE_VERSION),
        type="CompositeFunction",
        root=uids.of(composite.root_function),
        uid=composite.uid,
    )
    if composite.name:
        written["name"] = composite.name
    return written


def _function_dictionary(function: Function, uids: _Uids) -> Dictionary:
    written = Dictionary(version=SizeT(_PRIMITIVE_VERSION), type="PrimitiveFunction", uid=uids.of(function))
    written["inputs"] = [uids.of(variable) for variable in function.operands]
    if function.name:
        written["name"] = function.name
    attributes = function.attributes
    stream = function.state.get("stream")
    if isinstance(stream, RandomStream):  # an operator that drew goes on from there when it is loaded
        attributes = {**attributes, "rngOffset": stream.offset}
    written["attributes"] = attributes_to_file(function.op_name, attributes)
    if isinstance(function, BlockFunction):
        pairs = [
            (inner, outer) for inner, outer in zip(function.mapped, function.operands, strict=True) if inner is not None
        ]
        written["op"] = SizeT(_BLOCK)
        written["block_function_op_name"] = function.op_name
        written["block_function_composite"] = _composite_header(function.composite, uids)
        written["block_function_composite_arguments_map_keys"] = [uids.of(inner) for inner, _ in pairs]
        written["block_function_composite_arguments_map_values"] = [uids.of(outer) for _, outer in pairs]
        return written
    assert isinstance(function, PrimitiveFunction)
    number = getattr(function.operator, "number", -1)
    if number < 0:
        raise CntkError(f"CNTK model: the operator '{function.op_name}' cannot be written: CNTK has no number for it.")
    written["op"] = SizeT(number)
    return written


# Reading


def load_model(data: bytes | bytearray | memoryview, device: Device = CPU) -> CompositeFunction:
    """The function in a `.model` file.

    Args:
        data: the bytes of the file.
        device: where the parameters are asked to be; the work is done on the processor in any case.
    Returns:
        A composite with the uids, names, attributes and values of the file.
    Raises:
        CntkError: the data is truncated, too large, of another format, or uses an operator that is not known here.
    """
    if len(data) > _LARGEST:
        raise CntkError(f"CNTK model: the data has {len(data)} bytes; the format takes {_LARGEST} at most.")
    if not data:
        raise CntkError("CNTK model: the data is empty.")
    if bytes(data[: len(_VERSION_1_MARK)]) == _VERSION_1_MARK:
        raise CntkError("CNTK model: this is a model of CNTK version 1; only models of version 2 can be read.")
    return _Loader(read_dictionary(data)).load()


def _take(dictionary: Dictionary, key: str, kind: type[_Kind], default: _Kind | None = None) -> _Kind:
    value = dictionary.get(key, default)
    if type(value) is not kind:
        what = "is missing" if value is None else f"is of type {type(value).__name__}"
        raise CntkError(f"CNTK model: the data is not a CNTK v2 model: '{key}' {what}, {kind.__name__} was expected.")
    return value


def _take_all(dictionary: Dictionary, key: str, kind: type[_Kind]) -> list[_Kind]:
    values: list[Any] = _take(dictionary, key, list)
    if any(type(value) is not kind for value in values):
        raise CntkError(f"CNTK model: the data is not a CNTK v2 model: '{key}' has an item that is no {kind.__name__}.")
    return values


def _check_header(dictionary: Dictionary, kind: str, newest: int) -> None:
    found = _take(dictionary, "type", str)
    if found != kind:
        raise CntkError(f"CNTK model: a '{kind}' was expected, a '{found}' came.")
    version = _take(dictionary, "version", SizeT)
    if version > newest:
        raise CntkError(f"CNTK model: a {kind} of version {version} was found; versions up to {newest} can be read.")


def _name_of(table: tuple[str, ...], number: int, what: str) -> str:
    if number >= len(table):
        raise CntkError(f"CNTK model: {number} is not the number of a {what} that can be read.")
    return table[number]


class _Loader:
    """Builds the graph of one dictionary."""

    def __init__(self, dictionary: Dictionary) -> None:
        self.dictionary = dictionary
        self.variables: dict[str, Variable] = {}
        self.functions: dict[str, Function] = {}
        self.operators: dict[int, InferenceRule] = {operator.number: operator for operator in OPERATORS.values()}
        self.operators[COMBINE.number] = COMBINE
        self.users: dict[str, list[Function]] = {}
        """The functions that use a placeholder, by its uid."""

    def load(self) -> CompositeFunction:
        _check_header(self.dictionary, "CompositeFunction", _COMPOSITE_VERSION)
        for entry in _take_all(self.dictionary, "inputs", Dictionary):
            variable = self._leaf(entry)
            if variable.uid in self.variables:
                raise CntkError(f"CNTK model: the variable '{variable.uid}' is listed twice.")
            self.variables[variable.uid] = variable
        for entry in _take_all(self.dictionary, "primitive_functions", Dictionary):
            self._add(entry)
        composite = self._composite(self.dictionary)
        # what was inferred while loops were open is inferred again
        composite.replace_placeholders({})
        return composite

    def _leaf(self, entry: Dictionary) -> Variable:
        _check_header(entry, "Variable", _VARIABLE_VERSION)
        uid, name = _take(entry, "uid", str), _take(entry, "name", str, "")
        kind = _name_of(_KINDS, _take(entry, "kind", SizeT), "kind of variable")
        data_type = _name_of(DATA_TYPES, _take(entry, "data_type", SizeT), "data type")
        shape = _take(entry, "shape", Shape)
        needs_gradient = _take(entry, "needs_gradient", bool)
        if kind == "Output":
            raise CntkError(f"CNTK model: the output '{uid}' is listed among the leaves.")
        if kind in ("Parameter", "Constant"):
            values = _take(entry, "value", np.ndarray)
            if data_type not in DTYPES or values.dtype != DTYPES[data_type] or values.shape != shape.numpy_shape:
                raise CntkError(
                    f"CNTK model: the values of '{uid}' have another shape or data type than the variable, "
                    f"{data_type} of shape {shape}."
                )
            made: Callable[..., Parameter | Constant] = Parameter if kind == "Parameter" else Constant
            stored = made(shape, data_type, values, name, uid)
            stored.needs_gradient = needs_gradient
            return stored
        axes = tuple(axis_from_file(axis) for axis in _take_all(entry, "dynamic_axis", FileAxis))
        if any(not axis.is_dynamic for axis in axes) and axes != UNKNOWN_AXES:
            raise CntkError(f"CNTK model: the variable '{uid}' has an axis among its dynamic axes that is not dynamic.")
        return Variable(shape, data_type, kind, axes, name, _take(entry, "is_sparse", bool), needs_gradient, uid)

    def _add(self, entry: Dictionary) -> None:
        _check_header(entry, "PrimitiveFunction", _PRIMITIVE_VERSION)
        uid = _take(entry, "uid", str)
        if uid in self.functions:
            raise CntkError(f"CNTK model: the function '{uid}' is listed twice.")
        operands = [self._variable(name, uid) for name in _take_all(entry, "inputs", str)]
        function = (
            self._block(entry, operands) if _take(entry, "op", SizeT) == _BLOCK else self._primitive(entry, operands)
        )
        function.uid = uid
        self.functions[uid] = function
        try:
            function.infer_outputs()
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise CntkError(
                f"CNTK model: the operands or attributes of '{uid}' ({function.op_name}) do not fit: {error!r}."
            ) from None
        for operand in function.operands:
            if operand.is_placeholder:
                self.users.setdefault(operand.uid, []).append(function)
        if not getattr(getattr(function, "operator", None), "passes_operands", False):
            for output in function.outputs:
                self._define(output)

    def _define(self, output: Variable) -> None:
        """Makes an output known, and puts it where it was used before."""
        known = self.variables.get(output.uid)
        if known is not None and not known.is_placeholder:
            raise CntkError(f"CNTK model: '{output.uid}' is an output and a leaf.")
        self.variables[output.uid] = output
        for user in self.users.pop(output.uid, ()):
            user.operands = [output if operand is known else operand for operand in user.operands]

    def _variable(self, uid: str, user: str) -> Variable:
        variable = self.variables.get(uid)
        if variable is None:
            raise CntkError(f"CNTK model: '{user}' uses '{uid}', which the model does not define before it.")
        return variable

    def _primitive(self, entry: Dictionary, operands: list[Variable]) -> Function:
        number = _take(entry, "op", SizeT)
        operator = self.operators.get(number)
        if operator is None:
            raise CntkError(
                f"CNTK model: the operator number {number} of '{_take(entry, 'uid', str)}' is not known here."
            )
        attributes = attributes_from_file(operator.name, _take(entry, "attributes", Dictionary))
        return PrimitiveFunction(operator, operands, attributes, _take(entry, "name", str, ""))

    def _block(self, entry: Dictionary, operands: list[Variable]) -> Function:
        uid = _take(entry, "uid", str)
        op_name = _take(entry, "block_function_op_name", str)
        composite = self._composite(_take(entry, "block_function_composite", Dictionary))
        keys = _take_all(entry, "block_function_composite_arguments_map_keys", str)
        values = _take_all(entry, "block_function_composite_arguments_map_values", str)
        if len(keys) != len(values):
            raise CntkError(f"CNTK model: the block '{uid}' maps {len(keys)} placeholders to {len(values)} variables.")
        arguments = {
            self._variable(inner, uid): self._variable(outer, uid) for inner, outer in zip(keys, values, strict=True)
        }
        attributes = attributes_from_file(op_name, _take(entry, "attributes", Dictionary))
        block = BlockFunction(composite, arguments, op_name, attributes, _take(entry, "name", str, ""))
        if set(block.operands) != set(operands):
            raise CntkError(f"CNTK model: the block '{uid}' does not have the leaves of its inside as operands.")
        return block

    def _composite(self, entry: Dictionary) -> CompositeFunction:
        _check_header(entry, "CompositeFunction", _COMPOSITE_VERSION)
        root = self.functions.get(_take(entry, "root", str))
        if root is None:
            raise CntkError(f"CNTK model: the root '{entry['root']}' is not among the functions.")
        composite = CompositeFunction(root, _take(entry, "name", str, ""))
        composite.uid = _take(entry, "uid", str)
        return composite
