"""What a model is made of: its operators, parameters, shapes and sizes, as data and as a tree to read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from xquery_bridge.compute import Axis, CntkError, Function, Shape, Variable
from xquery_bridge.compute.graph import BlockFunction, operands_first
from xquery_bridge.compute.models import detect_format, import_onnx, load_model
from xquery_bridge.compute.session import session
from xquery_bridge.compute.value import DTYPES
from xquery_bridge.compute.variable import Constant, Parameter

__all__ = ["describe", "load_any", "tree"]

Description = dict[str, Any]

#: Formats by the names `detect_format` gives, as a reader knows them.
_FORMATS: Final = {"cntk": "CNTK v2", "onnx": "ONNX"}


def load_any(data: bytes) -> tuple[str, Function]:
    """The function in a model file of any format that is read, and the format: "cntk" or "onnx".

    Raises:
        CntkError: the data is neither, or a model that cannot be read.
    """
    found = detect_format(data)
    if not found:
        raise CntkError("the data is neither a model of CNTK v2 nor of ONNX.")
    with session():
        return found, import_onnx(data) if found == "onnx" else load_model(data)


def describe(function: Function, model_format: str = "", size: int = 0) -> Description:
    """A function as plain data: inputs, outputs, operators in the order of computation, totals.

    Shapes are in CNTK's order; a dimension that is free is "*".
    """
    seen: set[Variable] = set()
    operators = _operators(function.root_function, seen)
    stored = [v for v in function.inputs if isinstance(v, (Parameter, Constant))]
    learnt = [v for v in stored if isinstance(v, Parameter)]
    return {
        "format": model_format,
        "bytes": size,
        "name": function.name,
        "root": function.root_function.op_name,
        "inputs": [_variable(v) for v in function.arguments],
        "outputs": [_variable(v) for v in function.outputs],
        "operators": operators,
        "totals": {
            "operators": sum(1 for _ in _every(operators)),
            "parameters": len(learnt),
            "constants": len(stored) - len(learnt),
            "values": sum(v.data.size for v in learnt),
            "valueBytes": sum(v.data.nbytes for v in stored),
        },
    }


def _counts(function: Function) -> bool:
    """Whether a function computes something; CNTK's Combine only names several outputs."""
    return not getattr(getattr(function, "operator", None), "passes_operands", False)


def _operators(root: Function, seen: set[Variable]) -> list[Description]:
    return [_operator(each, seen) for each in operands_first(root) if _counts(each)]


def _every(operators: Sequence[Description]) -> Iterator[Description]:
    for each in operators:
        yield each
        yield from _every(each["inside"])


def _operator(function: Function, seen: set[Variable]) -> Description:
    stored = [v for v in function.operands if isinstance(v, (Parameter, Constant))]
    new = [v for v in stored if v not in seen]
    seen.update(new)
    inside = _operators(function.composite.root_function, seen) if isinstance(function, BlockFunction) else []
    return {
        "operator": function.op_name,
        "kind": function.kind,
        "name": function.name,
        "uid": function.uid,
        "inputs": [_label(v) for v in function.operands],
        "outputs": [_variable(v) for v in function.outputs],
        "attributes": {key: _plain(value) for key, value in function.attributes.items()},
        "parameters": [_variable(v) for v in new],
        "inside": inside,
    }


def _label(variable: Variable) -> str:
    while variable.is_placeholder and variable.block_mapping is not None:
        variable = variable.block_mapping
    owner = variable.owner
    if owner is not None:
        return owner.name or owner.uid
    return variable.name or variable.uid


def _variable(variable: Variable) -> Description:
    made: Description = {
        "kind": variable.kind.lower(),
        "name": variable.name,
        "uid": variable.uid,
        "dataType": variable.data_type,
        "shape": _plain(variable.shape),
        "dynamicAxes": ["batch" if axis.is_batch else "sequence" for axis in variable.dynamic_axes],
    }
    if isinstance(variable, (Parameter, Constant)):
        count = variable.shape.total_size
        made["values"] = count
        made["bytes"] = count * DTYPES[variable.data_type]().itemsize
    return made


def _plain(value: Any) -> Any:
    if isinstance(value, Shape):
        return ["*" if d == -3 else "?" if d < 0 else d for d in value]
    if isinstance(value, Axis):
        return value.static_index if value.is_static else value.name
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value if isinstance(value, (str, int, float, bool)) or value is None else str(value)


# The tree

Branch = tuple[str, list[Any]]


def tree(description: Description, title: str) -> str:
    """A description as lines of a tree."""
    totals = description["totals"]
    heading = title
    if description["format"]:
        heading += f"  {_FORMATS[description['format']]}, {description['bytes']:,} bytes"
    branches: list[Branch] = [
        ("inputs", [(_line(v), []) for v in description["inputs"]]),
        ("outputs", [(_line(v), []) for v in description["outputs"]]),
        (f"operators ({totals['operators']:,})", [_branch(each) for each in description["operators"]]),
        (
            f"{totals['parameters']:,} parameters of {totals['values']:,} values, {totals['constants']:,} constants, "
            f"{totals['valueBytes']:,} bytes in all",
            [],
        ),
    ]
    return "\n".join([heading, *_lines(branches, "")])


def _branch(operator: Description) -> Branch:
    outputs = ", ".join(_dimensions(v) for v in operator["outputs"])
    text = f"{operator['operator']}  {operator['name'] or operator['uid']}  {outputs}"
    if operator["inputs"]:
        text += f"  <- {', '.join(operator['inputs'])}"
    return text, [*((_line(v), []) for v in operator["parameters"]), *(_branch(each) for each in operator["inside"])]


def _dimensions(variable: Description) -> str:
    shape = "[" + " x ".join(str(d) for d in variable["shape"]) + "]"
    axes = variable["dynamicAxes"]
    return f"{shape} of a {' and '.join(axes)}" if axes else shape


def _line(variable: Description) -> str:
    text = f"{variable['kind']} {variable['name'] or variable['uid']}  {variable['dataType']} {_dimensions(variable)}"
    if "values" in variable:
        text += f"  {variable['values']:,} values, {variable['bytes']:,} bytes"
    return text


def _lines(branches: Sequence[Branch], indent: str) -> Iterator[str]:
    for index, (text, below) in enumerate(branches):
        last = index == len(branches) - 1
        yield f"{indent}{'└─ ' if last else '├─ '}{text}"
        yield from _lines(below, indent + ("   " if last else "│  "))
