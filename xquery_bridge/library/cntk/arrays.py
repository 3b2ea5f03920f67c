"""Numbers between json:array and NumPy, and bindings of variables to values (cntk-conventions.md, Data in, Data out).

A flat array of numbers goes to NumPy in one step; only arrays with anything else in them are looked through.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final, NoReturn

import numpy as np
from numpy.typing import NDArray

from xquery_bridge.compute import Function, Value, Variable, as_variable
from xquery_bridge.errors import XQueryError
from xquery_bridge.library.cntk.items import CntkConstant, CntkFunction, CntkParameter, CntkValue, CntkVariable
from xquery_bridge.runtime.atomic import NUMERIC_CLASSES, Float32, type_name
from xquery_bridge.runtime.casts import cast
from xquery_bridge.runtime.json_items import JsonArray, MapMap
from xquery_bridge.runtime.opaque import OpaqueItem
from xquery_bridge.runtime.values import atomize_one

#: Classes whose instances NumPy turns into numbers by itself.
_DIRECT: Final = frozenset((int, float, Float32, Decimal))


def numbers(where: str, array: JsonArray, dtype: type[Any]) -> NDArray[Any]:
    """The numbers of an array, nested ones flattened depth first: numbers, numeric text, untyped data or nodes.

    The result may be the array's own buffer: it is not to be written into.

    Raises:
        XQueryError: XPTY0004, saying at which place what came, for anything that is not a number and for the text NaN.
    """
    buffer = array.buffer
    if buffer is not None:
        return buffer.astype(dtype, copy=False)
    members: Sequence[Any] = array.boxed
    if not _DIRECT.issuperset(map(type, members)):
        members = _flat(array)
        if not _DIRECT.issuperset(map(type, members)):
            members = [_number(where, place, item) for place, item in enumerate(members, 1)]
    try:
        return np.array(members, dtype=dtype)
    except OverflowError:
        return np.array([_number(where, place, item) for place, item in enumerate(members, 1)], dtype=dtype)


def _flat(array: JsonArray) -> list[Any]:
    """The members, nested arrays in their place; a null stands nowhere for a number."""
    if not any(type(member) is JsonArray for member in array.boxed):
        return [
            item
            for member in array.boxed
            for item in (member if type(member) is list or type(member) is range else (member,))
        ]
    return array.flattened()


def _number(where: str, place: int, item: Any) -> float:
    kind = type(item)
    if kind in NUMERIC_CLASSES:
        try:
            return float(item)
        except OverflowError:
            return float("inf") if item > 0 else float("-inf")
    if kind is bool or isinstance(item, MapMap | OpaqueItem):
        _refuse(where, place, type_name(item))
    try:
        number: float = cast(atomize_one(item), "double")
    except XQueryError:
        _refuse(where, place, _shown(item))
    if math.isnan(number):
        _refuse(where, place, _shown(item))
    return number


def _shown(item: Any) -> str:
    """An item in a message: its type, and the beginning of its text."""
    text = item if isinstance(item, str) else str(getattr(item, "string_value", ""))
    return f'{type_name(item)} "{text[:40]}"' if text else type_name(item)


def _refuse(where: str, place: int, came: str) -> NoReturn:
    raise XQueryError("XPTY0004", f"{where}: $data: a number was expected at position {place}, {came} came")


def sequences(where: str, array: JsonArray, dtype: type[Any]) -> list[NDArray[Any]]:
    """The numbers of each inner array.

    Raises:
        XQueryError: XPTY0004 where a member is not an array, or has something in it that is no number.
    """
    found: list[NDArray[Any]] = []
    for place, member in enumerate(array.boxed, 1):
        if not isinstance(member, JsonArray):
            came = "a sequence" if type(member) is list else type_name(member)
            raise XQueryError(
                "XPTY0004",
                f"{where}: $data: a json:array for each sequence was expected, {came} came at position {place}",
            )
        found.append(numbers(where, member, dtype))
    return found


def arrays(value: Value, variable: Variable | None = None) -> JsonArray:
    """The numbers of a value: one inner array for each sequence or sample, flat, in memory order."""
    if variable is not None:
        if value.has_batch or not variable.dynamic_axes:
            value.check(variable)
        else:
            value = value.for_variable(variable)
    copied = value.array.copy()
    if not value.has_batch:
        return JsonArray.of_rows([copied.reshape(-1)])
    if value.lengths is None:
        return JsonArray.of_rows(list(copied.reshape(len(copied), -1)))
    flat = copied.reshape(-1)
    size = value.sample_shape.total_size
    bounds = [0, *(np.cumsum(value.lengths) * size).tolist()]
    return JsonArray.of_rows([flat[start:end] for start, end in pairwise(bounds)])


# --------------------------------------------------------------------------------------------------------- bindings


#: The exact classes of items that stand for a variable.
_VARIABLES: Final = frozenset((CntkVariable, CntkParameter, CntkConstant, CntkFunction))


def bindings(where: str, array: JsonArray) -> dict[Variable, Value]:
    """The values by their variables: one (variable, value) pair, or an array of pairs; an empty array binds nothing.

    Raises:
        XQueryError: XPTY0004 for anything else, saying what came.
    """
    members = array.boxed
    if members and type(members[0]) is not JsonArray:
        members = [array]
    bound: dict[Variable, Value] = {}
    for member in members:
        pair = member.boxed if type(member) is JsonArray else ()
        if len(pair) != 2 or type(pair[0]) not in _VARIABLES or type(pair[1]) is not CntkValue:
            _refuse_pair(where, member.items() if isinstance(member, JsonArray) else member)
        variable = pair[0].value
        bound[variable.output if isinstance(variable, Function) else variable] = pair[1].value
    return bound


def _refuse_pair(where: str, came: Any) -> NoReturn:
    items = came if isinstance(came, list) else [came]
    shown = ", ".join(type_name(item) for item in items[:4]) or "nothing"
    raise XQueryError(
        "XPTY0004",
        f"{where}: a json:array of a cntk:variable and a cntk:value was expected, or an array of such pairs; "
        f"({shown}) came",
    )


def variable_pairs(where: str, array: JsonArray) -> list[tuple[Variable, Variable]]:
    """Pairs of variables, as `cntk:as-block` takes them. Raises XPTY0004."""
    members = array.boxed
    pairs = members if members and isinstance(members[0], JsonArray) else [array] if members else []
    found: list[tuple[Variable, Variable]] = []
    for pair in pairs:
        both = pair.items() if isinstance(pair, JsonArray) else [pair]
        if len(both) != 2 or not all(type(item) in _VARIABLES for item in both):
            shown = ", ".join(type_name(item) for item in both[:4])
            raise XQueryError("XPTY0004", f"{where}: pairs of two cntk:variable were expected, ({shown}) came")
        found.append((as_variable(both[0].value), as_variable(both[1].value)))
    return found


def number_pairs(where: str, array: JsonArray) -> list[tuple[int, float]]:
    """Pairs of a count and a number, as schedules take them: one pair, or an array of pairs. Raises XPTY0004."""
    members = array.boxed
    pairs = members if members and isinstance(members[0], JsonArray) else [array] if members else []
    found: list[tuple[int, float]] = []
    for pair in pairs:
        both = numbers(where, pair, np.float64).tolist() if isinstance(pair, JsonArray) else []
        if len(both) != 2 or both[0] != both[0] // 1:
            raise XQueryError("XPTY0004", f"{where}: $pairs: json:arrays of a whole number and a number were expected")
        found.append((int(both[0]), both[1]))
    return found
