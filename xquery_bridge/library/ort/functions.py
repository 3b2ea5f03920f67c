"""The rows of the `ort:` namespace (ort-functions.json). Shapes are ONNX', the last dimension fastest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from elementpath.datatypes import UnsignedLong

from xquery_bridge.errors import XQueryError
from xquery_bridge.library.ort import sessions
from xquery_bridge.library.ort.items import DATA_TYPES, ORT_NAMESPACE, OrtSession, OrtValue
from xquery_bridge.library.ort.sessions import RUN_OPTIONS, SESSION_OPTIONS, read_options, refused
from xquery_bridge.registry import Table
from xquery_bridge.runtime.atomic import type_name
from xquery_bridge.runtime.json_items import JsonArray, MapMap
from xquery_bridge.runtime.json_nodes import BinaryNode

ORT: Final = Table(ORT_NAMESPACE, "ort")


# Sessions


@ORT.row(
    "session($model as node()) as ort:session", "session($model as node(), $options as map:map) as ort:session",
    effects=True,
)  # fmt: skip
def session(model: Any, options: MapMap | None = None) -> OrtSession:
    """A session that runs the model in a binary node or in a document of one: ONNX, or CNTK's, which becomes ONNX."""
    node = model
    if node.kind == "document":
        node = next((child for child in node.children if isinstance(child, BinaryNode)), node)
    if not isinstance(node, BinaryNode):
        raise XQueryError("XPTY0004", f"ort:session: $model: a binary node was expected, {type_name(model)} came")
    settings = read_options("ort:session", SESSION_OPTIONS, options)
    return OrtSession(sessions.session_for(node.value, settings))


@ORT.row("session-input-count($session as ort:session) as xs:unsignedLong")
def session_input_count(held: OrtSession) -> UnsignedLong:
    """How many inputs the model has."""
    return UnsignedLong(len(held.session.get_inputs()))


@ORT.row("session-input-name($session as ort:session, $index as xs:unsignedLong) as xs:string")
def session_input_name(held: OrtSession, index: int) -> str:
    """The name of an input, counted from 0."""
    return str(_at("ort:session-input-name", held.session.get_inputs(), index).name)


@ORT.row("session-input-type($session as ort:session, $index as xs:unsignedLong) as map:map", effects=True)
def session_input_type(held: OrtSession, index: int) -> MapMap:
    """What an input is: kind, element-type and shape (-1 for a dimension of any size)."""
    return _type(_at("ort:session-input-type", held.session.get_inputs(), index))


@ORT.row("session-output-count($session as ort:session) as xs:unsignedLong")
def session_output_count(held: OrtSession) -> UnsignedLong:
    """How many outputs the model has."""
    return UnsignedLong(len(held.session.get_outputs()))


@ORT.row("session-output-name($session as ort:session, $index as xs:unsignedLong) as xs:string")
def session_output_name(held: OrtSession, index: int) -> str:
    """The name of an output, counted from 0."""
    return str(_at("ort:session-output-name", held.session.get_outputs(), index).name)


@ORT.row("session-output-type($session as ort:session, $index as xs:unsignedLong) as map:map", effects=True)
def session_output_type(held: OrtSession, index: int) -> MapMap:
    """What an output is: kind, element-type and shape (-1 for a dimension of any size)."""
    return _type(_at("ort:session-output-type", held.session.get_outputs(), index))


def _at(where: str, rows: Sequence[Any], index: int) -> Any:
    if not 0 <= index < len(rows):
        raise refused(f"{where}: $index: a number from 0 to {len(rows) - 1} was expected, {index} came.")
    return rows[index]


def _type(row: Any) -> MapMap:
    """onnxruntime says `tensor(float)`, `seq(map(int64,tensor(float)))`."""
    kind, _, inner = row.type.rstrip(")").partition("(")
    made = MapMap()
    made.put("kind", {"seq": "sequence"}.get(kind, kind))
    made.put("element-type", inner)
    made.put("shape", JsonArray([d if isinstance(d, int) else -1 for d in row.shape]))
    return made


@ORT.row(
    "run($session as ort:session, $inputs as map:map) as map:map",
    "run($session as ort:session, $inputs as map:map, $options as map:map) as map:map",
    effects=True,
)
def run(held: OrtSession, inputs: MapMap, options: MapMap | None = None) -> MapMap:
    """The outputs of a model, by name, for inputs by name: each an ort:value."""
    settings = read_options("ort:run", RUN_OPTIONS, options)
    given: dict[str, Any] = {}
    for name, held_value in inputs.items():
        value = held_value[0] if type(held_value) is list and len(held_value) == 1 else held_value
        if not isinstance(value, OrtValue):
            came = "a sequence" if type(value) is list else type_name(value)
            raise XQueryError("XPTY0004", f'ort:run: $inputs: an ort:value was expected for "{name}", {came} came')
        given[name] = value.value
    return MapMap(
        (name, OrtValue(_held(result))) for name, result in sessions.run(held.session, given, settings).items()
    )


def _held(result: Any) -> Any:
    """A result of onnxruntime as a value holds it."""
    return result if isinstance(result, (np.ndarray, list, dict)) else np.asarray(result)


# Values


@ORT.row("value($data as xs:numeric*, $shape as xs:long*, $type as xs:string) as ort:value")
def value(data: Sequence[Any], shape: Sequence[int], type: str) -> OrtValue:
    """A tensor of numbers; the last dimension is the fastest."""
    wanted = DATA_TYPES.get(type.lower())
    if wanted is None or wanted is np.object_:
        known = ", ".join(name for name in DATA_TYPES if name != "string")
        raise refused(f'ort:value: $type: one of {known} was expected, "{type}" came.')
    try:
        array = np.array(data, dtype=wanted)
        fits = array.dtype.kind not in "iu" or all(item == int(item) for item in data)
    except (OverflowError, ValueError, TypeError):
        fits = False
    if not fits:
        raise refused(f"ort:value: $data: numbers that fit {type} were expected.")
    return OrtValue(_shaped("ort:value", array, shape))


@ORT.row("string($content as xs:string*, $shape as xs:long*) as ort:value")
def string(content: Sequence[str], shape: Sequence[int]) -> OrtValue:
    """A tensor of texts."""
    return OrtValue(_shaped("ort:string", np.array([str(item) for item in content], dtype=object), shape))


def _shaped(where: str, array: Any, shape: Sequence[int]) -> Any:
    dims = [int(d) for d in shape]
    if any(d < 0 for d in dims) or math.prod(dims) != array.size:
        shown = " x ".join(str(d) for d in dims)
        raise refused(f"{where}: $shape: {array.size} items cannot have the shape [{shown}].")
    return array.reshape(dims)


@ORT.row("string-content($value as ort:value) as xs:string*")
def string_content(held: OrtValue) -> list[str]:
    """The texts of a tensor, in memory order."""
    array = _tensor("ort:string-content", held)
    if array.dtype.kind not in "OUS":
        raise refused(f"ort:string-content: a tensor of strings was expected, one of {held.kind} came.")
    return [str(item) for item in array.reshape(-1)]


@ORT.row("value-get-array($value as ort:value) as xs:numeric*")
def value_get_array(held: OrtValue) -> list[Any]:
    """The numbers of a tensor, in memory order."""
    array = _tensor("ort:value-get-array", held)
    if array.dtype.kind in "OUS":
        raise refused("ort:value-get-array: a tensor of numbers was expected, one of strings came.")
    if array.dtype.kind == "b":
        array = array.astype(np.int64)
    elif array.dtype == np.float16:
        array = array.astype(np.float32)
    elif array.dtype.kind == "u":
        return [int(item) for item in array.reshape(-1)]
    return JsonArray.from_numpy(array).items()


@ORT.row("value-get-shape($value as ort:value) as xs:long*")
def value_get_shape(held: OrtValue) -> list[int]:
    """The dimensions of a tensor."""
    return [int(d) for d in _tensor("ort:value-get-shape", held).shape]


@ORT.row("value-get-type($value as ort:value) as xs:string")
def value_get_type(held: OrtValue) -> str:
    """The element type of a tensor; "sequence" or "map" for what is none."""
    return held.kind


@ORT.row("value-is-tensor($value as ort:value) as xs:boolean")
def value_is_tensor(held: OrtValue) -> bool:
    """Whether a value is a tensor, and neither a sequence nor a map."""
    return held.is_tensor


def _tensor(where: str, held: OrtValue) -> Any:
    if not held.is_tensor:
        raise refused(f"{where}: a tensor was expected, a {held.kind} came.")
    return held.value


# Sequences and maps


@ORT.row("sequence($values as ort:value*) as ort:value")
def sequence(values: Sequence[OrtValue]) -> OrtValue:
    """A sequence of tensors or maps of one type."""
    kinds = list(dict.fromkeys(item.kind for item in values))
    if len(kinds) > 1:
        raise refused(f"ort:sequence: values of one type were expected, {' and '.join(kinds)} came.")
    return OrtValue([item.value for item in values])


@ORT.row("map($key as ort:value, $value as ort:value) as ort:value")
def map_(key: OrtValue, value: OrtValue) -> OrtValue:
    """A map from the elements of one tensor, whole numbers or texts, to those of another."""
    keys, values = _tensor("ort:map", key).reshape(-1), _tensor("ort:map", value).reshape(-1)
    if keys.dtype.kind not in "iOUS":
        raise refused(f"ort:map: $key: a tensor of int64 or string was expected, one of {key.kind} came.")
    if len(keys) != len(values):
        raise refused(f"ort:map: as many keys as values were expected, {len(keys)} and {len(values)} came.")
    return OrtValue(dict(zip(keys.tolist(), values.tolist(), strict=True)))


@ORT.row("value-count($value as ort:value) as xs:unsignedLong")
def value_count(held: OrtValue) -> UnsignedLong:
    """How many values a sequence has; a map has two, its keys and its values."""
    if held.is_tensor:
        raise refused("ort:value-count: a sequence or a map was expected, a tensor came.")
    return UnsignedLong(2 if isinstance(held.value, dict) else len(held.value))


@ORT.row("get-value($value as ort:value, $index as xs:unsignedLong) as ort:value")
def get_value(held: OrtValue, index: int) -> OrtValue:
    """A value of a sequence, counted from 0; of a map its keys (0) or its values (1) as a tensor."""
    if held.is_tensor:
        raise refused("ort:get-value: a sequence or a map was expected, a tensor came.")
    if isinstance(held.value, dict):
        parts = [_vector(list(held.value.keys())), _vector(list(held.value.values()))]
        return OrtValue(_at("ort:get-value", parts, index))
    return OrtValue(_held(_at("ort:get-value", held.value, index)))


def _vector(items: list[Any]) -> Any:
    if items and isinstance(items[0], str):
        return np.array(items, dtype=object)
    return np.array(items, dtype=np.int64 if all(isinstance(item, int) for item in items) else np.float32)


TABLES: Final = (ORT,)
