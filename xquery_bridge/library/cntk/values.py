"""Rows of cntk:value (cntk-functions.md, group value). Data is in memory order: the first dimension is the fastest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xquery_bridge.compute import CntkError, Device, Function, Shape, Value, Variable, as_variable
from xquery_bridge.compute.value import DTYPES
from xquery_bridge.library.cntk import arrays
from xquery_bridge.library.cntk.groups import VALUE
from xquery_bridge.runtime.json_items import JsonArray


def _dtype(where: str, data_type: str) -> type[Any]:
    found = DTYPES.get(data_type)
    if found is None:
        raise CntkError(f'{where}: $data-type: "float" or "double" was expected, "{data_type}" came.')
    return found


def value(
    shape: Shape, data: JsonArray, device: Device | None = None, data_type: str = "float", read_only: bool = False
) -> Value:
    """A value without batch and steps: as many numbers as the shape has elements."""
    numbers = arrays.numbers("cntk:value", data, _dtype("cntk:value", data_type))
    return Value.of(shape, numbers, data_type, device, read_only)


def batch(
    shape: Shape, data: JsonArray, device: Device | None = None, data_type: str = "float", read_only: bool = False
) -> Value:
    """Samples of a shape, one after another."""
    numbers = arrays.numbers("cntk:batch", data, _dtype("cntk:batch", data_type))
    return Value.batch(shape, numbers, data_type, device, read_only)


def sequence(
    shape: Shape,
    data: JsonArray,
    start: bool,
    device: Device | None = None,
    data_type: str = "float",
    read_only: bool = False,
) -> Value:
    """One sequence, whose steps are samples of the shape."""
    numbers = arrays.numbers("cntk:sequence", data, _dtype("cntk:sequence", data_type))
    return Value.sequence(shape, numbers, start, data_type, device, read_only)


def batch_of_sequences(
    shape: Shape,
    data: JsonArray,
    starts: Sequence[bool],
    device: Device | None = None,
    data_type: str = "float",
    read_only: bool = False,
) -> Value:
    """Sequences of samples of a shape, one inner array each; a flag says whether a sequence starts anew."""
    where = "cntk:batch-of-sequences"
    parts = arrays.sequences(where, data, _dtype(where, data_type))
    return Value.batch_of_sequences(shape, parts, starts, data_type, device, read_only)


VALUE.serve(
    "value($shape as cntk:shape, $data as json:array [, $device as cntk:device, $data-type as xs:string,"
    " $read-only as xs:boolean]) as cntk:value",
    value,
)
VALUE.serve(
    "batch($shape as cntk:shape, $data as json:array [, $device as cntk:device, $data-type as xs:string,"
    " $read-only as xs:boolean]) as cntk:value",
    batch,
)
VALUE.serve(
    "sequence($shape as cntk:shape, $data as json:array, $sequence-start-flag as xs:boolean [, $device as cntk:device,"
    " $data-type as xs:string, $read-only as xs:boolean]) as cntk:value",
    sequence,
)
VALUE.serve(
    "batch-of-sequences($shape as cntk:shape, $data as json:array, $sequence-start-flags as xs:boolean*"
    " [, $device as cntk:device, $data-type as xs:string, $read-only as xs:boolean]) as cntk:value",
    batch_of_sequences,
)

# --------------------------------------------------------------------------------------------- reading and changing


def to_array(variables: Sequence[Variable | Function], values: Sequence[Value]) -> list[JsonArray]:
    """The numbers of each value, as its variable has them: one inner array for each sequence or sample."""
    outputs = [
        output
        for variable in variables
        for output in (variable.outputs if isinstance(variable, Function) else (as_variable(variable),))
    ]
    if len(outputs) != len(values):
        raise CntkError(
            f"cntk:value-to-array: a value for each variable was expected, {len(values)} values came for "
            f"{len(outputs)} variables."
        )
    return [arrays.arrays(value, variable) for variable, value in zip(outputs, values, strict=True)]


def data_type(of: Value) -> str:
    """ "float" or "double"."""
    return of.data_type


def device(of: Value) -> Device:
    """The device the value was asked to be on."""
    return of.device


def is_read_only(of: Value) -> bool:
    """Whether the value cannot be copied into."""
    return of.read_only


def is_valid(of: Value) -> bool:
    """Whether the value has its data; not after it was erased."""
    return of.is_valid


def shape_of(of: Value) -> Shape:
    """The dimensions of a sample, then steps, then sequences or samples."""
    return of.shape


VALUE.serve("value-to-array($variable as cntk:variable*, $value as cntk:value*) as json:array*", to_array)
VALUE.serve("value-shape($value as cntk:value) as cntk:shape", shape_of)
VALUE.serve("value-data-type($value as cntk:value) as xs:string", data_type)
VALUE.serve("value-device($value as cntk:value) as cntk:device", device)
VALUE.serve("value-is-readonly($value as cntk:value) as xs:boolean", is_read_only)
VALUE.serve("value-is-valid($value as cntk:value) as xs:boolean", is_valid)
VALUE.serve("value-alias($value as cntk:value, $read-only as xs:boolean) as cntk:value", Value.alias)
VALUE.serve("value-deep-clone($value as cntk:value, $read-only as xs:boolean) as cntk:value", Value.deep_clone)
VALUE.serve("value-copy-from($value as cntk:value, $source-value as cntk:value) as empty-sequence()", Value.copy_from)
VALUE.serve("value-erase($value as cntk:value) as empty-sequence()", Value.erase)
