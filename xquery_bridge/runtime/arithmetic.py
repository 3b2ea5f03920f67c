"""Arithmetic on Values (XQuery 3.1, section 3.5; F&O 3.1, chapters 4, 8 and 9).

`add subtract multiply divide integer_divide modulo` take two Values, `negate` and `plus` one: at most one item each
after atomization; the result of an empty operand is empty. Integers are unbounded. Decimals are exact but for division,
which gives at least 18 digits behind the point and 18 significant ones, and for results of more than 10,000 digits.
The implementations stand in tables by the kinds of the operands, and are found by their classes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from math import inf, isinf, isnan, nan
from typing import Any, Final

from elementpath.datatypes import UntypedAtomic

from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime.atomic import (
    ANCESTORS,
    ATOMIC_CLASSES,
    PRIMITIVE,
    TYPE_OF_CLASS,
    Float32,
    float32,
    type_name,
)
from xquery_bridge.runtime.casts import cast, to_double, to_float, untyped_double
from xquery_bridge.runtime.date_times import (
    add_microseconds,
    add_months,
    add_time,
    day_time_duration,
    duration_of_seconds,
    duration_overflow,
    instant,
    microseconds_of,
    year_month_duration,
)
from xquery_bridge.runtime.json_items import MapMap
from xquery_bridge.runtime.values import Value, optional_atom

_Operation = Callable[[Any, Any], Any]

#: Digits that the result of a decimal operation may have before it is rounded.
_MAX_DIGITS: Final = 10_000
#: Digits of a decimal quotient behind the point, and significant ones, at the least.
_QUOTIENT_DIGITS: Final = 18
_EXACT: Final = Context(prec=_MAX_DIGITS, rounding=ROUND_HALF_EVEN, Emax=999_999_999, Emin=-999_999_999, traps=[])
_ONE: Final = Decimal(1)
#: For quotients that end after a few digits.
_SHORT: Final = Context(prec=_QUOTIENT_DIGITS, traps=[])

# -------------------------------------------------------------------------------------------------------------- numbers


def divided_by_zero() -> XQueryError:
    """FOAR0001."""
    return XQueryError("FOAR0001")


def overflow(title: str = "Numeric overflow") -> XQueryError:
    """FOAR0002."""
    return XQueryError("FOAR0002", title)


def sum_integers(items: list[int] | range) -> int:
    """The sum of integers; that of a range without going through it."""
    return (items[0] + items[-1]) * len(items) // 2 if type(items) is range and items else sum(items)


def _held(number: Decimal) -> Decimal:
    """A decimal result, as long as no digit before its point was rounded away."""
    if number.is_finite() and number.adjusted() < _MAX_DIGITS:
        return number if number else Decimal(0)
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or (exponent > 0 and len(number.as_tuple().digits) >= _MAX_DIGITS):
        raise overflow()
    return number if number else Decimal(0)


def _decimal_add(left: Any, right: Any) -> Decimal:
    number = _EXACT.add(left, right)
    return number if number and number.adjusted() < _MAX_DIGITS else _held(number)


def _decimal_subtract(left: Any, right: Any) -> Decimal:
    number = _EXACT.subtract(left, right)
    return number if number and number.adjusted() < _MAX_DIGITS else _held(number)


def _decimal_multiply(left: Any, right: Any) -> Decimal:
    number = _EXACT.multiply(left, right)
    return number if number and number.adjusted() < _MAX_DIGITS else _held(number)


#: The operators on an xs:decimal that is a Decimal and an integer or another decimal.
decimal_add: Final = _decimal_add
decimal_subtract: Final = _decimal_subtract
decimal_multiply: Final = _decimal_multiply


def _ratio(number: Any) -> tuple[int, int]:
    """A decimal or integer as (integer, power of ten)."""
    if isinstance(number, int):
        return int(number), 0
    sign, digits, exponent = number.as_tuple()
    whole = int(Decimal((0, digits, 0)))
    return (-whole if sign else whole), int(exponent)


def decimal_divide(left: Any, right: Any) -> Decimal:
    """The quotient of two integers or decimals as a decimal, rounded half to even. Raises FOAR0001."""
    if not right:
        raise divided_by_zero()
    if type(left) is int and type(right) is int:
        whole, rest = divmod(left, right)
        if not rest:
            return Decimal(whole)
    short = _SHORT.divide(left, right)
    if -_QUOTIENT_DIGITS < short.adjusted() < _QUOTIENT_DIGITS and _EXACT.multiply(short, right) == left:
        short = short.normalize(_EXACT)
        if short.adjusted() < 1 or short != short.to_integral_value():
            return short
        return _EXACT.quantize(short, _ONE)
    dividend, dividend_power = _ratio(left)
    divisor, divisor_power = _ratio(right)
    if not dividend:
        return Decimal(0)
    magnitude = _digits(dividend) + dividend_power - _digits(divisor) - divisor_power
    places = max(_QUOTIENT_DIGITS, -dividend_power, -divisor_power, _QUOTIENT_DIGITS - magnitude)
    power = dividend_power - divisor_power + places
    if power >= 0:
        dividend *= 10**power
    else:
        divisor *= 10**-power
    quotient = _rounded_quotient(dividend, divisor)
    result = _EXACT.create_decimal(quotient).scaleb(-places, context=_EXACT).normalize(_EXACT)
    return _held(_EXACT.quantize(result, Decimal(1)) if int(result.as_tuple().exponent) > 0 else result)


def _digits(number: int) -> int:
    """About the number of decimal digits; never too large by more than one."""
    return int(number.bit_length() * 0.30103) + 1


def _rounded_quotient(dividend: int, divisor: int) -> int:
    """The nearest integer to a quotient, the even one of two."""
    if divisor < 0:
        dividend, divisor = -dividend, -divisor
    whole, rest = divmod(dividend, divisor)
    twice = rest * 2
    return whole + 1 if twice > divisor or (twice == divisor and whole & 1) else whole


def _double_divide(left: float, right: float) -> float:
    try:
        return left / right
    except ZeroDivisionError:
        if isnan(left) or left == 0:
            return nan
        return inf if (left > 0) == (math.copysign(1.0, right) > 0) else -inf


def _double_modulo(left: float, right: float) -> float:
    """The remainder with the sign of the dividend; NaN of INF or by 0 (F&O 3.1, 4.2.6)."""
    if isnan(left) or isnan(right) or isinf(left) or right == 0:
        return nan
    return math.fmod(left, right)


def _integer_modulo(left: int, right: int) -> int:
    if not right:
        raise divided_by_zero()
    rest = abs(left) % abs(right)
    return -rest if left < 0 else rest


def _decimal_modulo(left: Any, right: Any) -> Decimal:
    if not right:
        raise divided_by_zero()
    (dividend, power), (divisor, other) = _ratio(left), _ratio(right)
    least = min(power, other)
    rest = _integer_modulo(dividend * 10 ** (power - least), divisor * 10 ** (other - least))
    return _held(_EXACT.create_decimal(rest).scaleb(least, context=_EXACT))


def _truncated(left: int, right: int) -> int:
    whole = abs(left) // abs(right)
    return whole if (left < 0) == (right < 0) else -whole


def _integer_quotient(left: int, right: int) -> int:
    if not right:
        raise divided_by_zero()
    return _truncated(left, right)


def _decimal_quotient(left: Any, right: Any) -> int:
    if not right:
        raise divided_by_zero()
    (dividend, power), (divisor, other) = _ratio(left), _ratio(right)
    least = min(power, other)
    return _truncated(dividend * 10 ** (power - least), divisor * 10 ** (other - least))


def _double_quotient(left: float, right: float) -> int:
    """The exact quotient of two doubles cut to an integer. Raises FOAR0001 and FOAR0002 (F&O 3.1, 4.2.5)."""
    if right == 0:
        raise divided_by_zero()
    if isnan(left) or isnan(right) or isinf(left):
        raise overflow("Numeric overflow: no integer is the quotient of NaN or INF")
    if isinf(right):
        return 0
    (dividend, part), (divisor, other) = left.as_integer_ratio(), right.as_integer_ratio()
    return _truncated(dividend * other, divisor * part)


# ------------------------------------------------------------------------------------------------------------ durations


def _factor(number: Any) -> Fraction:
    """A number that a duration is multiplied by. Raises FOCA0005 for NaN, FODT0002 for INF."""
    if isinstance(number, float):
        if isnan(number):
            raise XQueryError("FOCA0005", "Invalid argument: NaN in the arithmetic of durations")
        if isinf(number):
            raise duration_overflow()
    return Fraction(number)


def _divisor(number: Any) -> Fraction:
    """One divided by a number, for a duration. Raises FOCA0005 for NaN, FODT0002 for zero."""
    if isinstance(number, float) and isinf(number):
        return Fraction(0)
    factor = _factor(number)
    if not factor:
        raise duration_overflow()
    return 1 / factor


def _months(number: Fraction | float) -> Any:
    """Months, a half of one counted as one (fn:round)."""
    if isinf(number):
        raise duration_overflow()
    return year_month_duration(math.floor(Fraction(number) + Fraction(1, 2)))


def _multiply_months(duration: Any, number: Any) -> Any:
    """In double arithmetic where the factor is one: P2Y11M * 2.3e0 is 80.5 months, not a little less."""
    factor = _factor(number)
    return _months(duration.months * (float(number) if isinstance(number, float) else factor))


def _divide_months(duration: Any, number: Any) -> Any:
    factor = _divisor(number)
    return _months(duration.months / float(number) if isinstance(number, float) else duration.months * factor)


def _multiply_time(duration: Any, number: Any) -> Any:
    if type(number) is int:
        return duration_of_seconds(_EXACT.multiply(duration.seconds, number))
    return day_time_duration(round(microseconds_of(duration) * _factor(number)))


def _divide_time(duration: Any, number: Any) -> Any:
    return day_time_duration(round(microseconds_of(duration) * _divisor(number)))


def _difference(left: Any, right: Any) -> Any:
    return day_time_duration(instant(left) - instant(right))


def _swapped(operation: _Operation) -> _Operation:
    return lambda left, right: operation(right, left)


# ----------------------------------------------------------------------------------------------------------- the tables

#: Kind of a pair of numbers -> the function that brings an operand to it (XQuery 3.1, appendix B.1).
_PROMOTIONS: Final[dict[str, Callable[[Any], Any]]] = {
    "integer": int,
    "decimal": lambda number: int(number) if isinstance(number, int) else number,
    "float": to_float,
    "double": to_double,
}
_ORDER: Final = ("integer", "decimal", "float", "double")


def _to_float(operation: _Operation) -> _Operation:
    """A function on doubles for floats: with twice the digits and two more, rounding twice does no harm."""
    return lambda left, right: float32(operation(float(left), float(right)))


def _double_add(left: float, right: float) -> float:
    return left + right


def _double_subtract(left: float, right: float) -> float:
    return left - right


def _double_multiply(left: float, right: float) -> float:
    return left * right


def _numeric(integers: _Operation, decimals: _Operation, doubles: _Operation) -> dict[str, _Operation]:
    return {"integer": integers, "decimal": decimals, "float": _to_float(doubles), "double": doubles}


#: Operator -> kind of the numbers -> function.
_NUMERIC: Final[dict[str, dict[str, _Operation]]] = {
    "+": _numeric(lambda left, right: left + right, _decimal_add, _double_add),
    "-": _numeric(lambda left, right: left - right, _decimal_subtract, _double_subtract),
    "*": _numeric(lambda left, right: left * right, _decimal_multiply, _double_multiply),
    "div": _numeric(decimal_divide, decimal_divide, _double_divide),
    "mod": _numeric(_integer_modulo, _decimal_modulo, _double_modulo),
    "idiv": {
        **_numeric(_integer_quotient, _decimal_quotient, _double_quotient),
        "float": lambda left, right: _double_quotient(float(left), float(right)),
    },
}

_YM: Final = "yearMonthDuration"
_DT: Final = "dayTimeDuration"

#: (operator, kinds) -> function, where one is not a number (XQuery 3.1, appendix B.2).
_TEMPORAL: Final[dict[tuple[str, str, str], _Operation]] = {
    ("+", _YM, _YM): lambda left, right: year_month_duration(left.months + right.months),
    ("-", _YM, _YM): lambda left, right: year_month_duration(left.months - right.months),
    ("div", _YM, _YM): lambda left, right: decimal_divide(left.months, right.months),
    ("+", _DT, _DT): lambda left, right: day_time_duration(microseconds_of(left) + microseconds_of(right)),
    ("-", _DT, _DT): lambda left, right: day_time_duration(microseconds_of(left) - microseconds_of(right)),
    ("div", _DT, _DT): lambda left, right: decimal_divide(microseconds_of(left), microseconds_of(right)),
    **{("*", _YM, number): _multiply_months for number in _ORDER},
    **{("*", number, _YM): _swapped(_multiply_months) for number in _ORDER},
    **{("div", _YM, number): _divide_months for number in _ORDER},
    **{("*", _DT, number): _multiply_time for number in _ORDER},
    **{("*", number, _DT): _swapped(_multiply_time) for number in _ORDER},
    **{("div", _DT, number): _divide_time for number in _ORDER},
    **{("-", kind, kind): _difference for kind in ("dateTime", "date", "time")},
}
for _kind in ("dateTime", "date"):
    _TEMPORAL["+", _kind, _YM] = lambda moment, duration: add_months(moment, duration.months)
    _TEMPORAL["+", _YM, _kind] = _swapped(_TEMPORAL["+", _kind, _YM])
    _TEMPORAL["-", _kind, _YM] = lambda moment, duration: add_months(moment, -duration.months)
for _kind in ("dateTime", "date", "time"):
    _TEMPORAL["+", _kind, _DT] = add_time
    _TEMPORAL["+", _DT, _kind] = _swapped(_TEMPORAL["+", _kind, _DT])
    _TEMPORAL["-", _kind, _DT] = lambda moment, duration: add_microseconds(moment, -microseconds_of(duration))

#: 1.0-ml's operators on maps (xquery-1.0-ml.md, section 6).
_ON_MAPS: Final[dict[str, Callable[[MapMap, MapMap], MapMap]]] = {
    "+": MapMap.union,
    "*": MapMap.intersection,
    "-": MapMap.difference,
}


def _kind_of(kind: type) -> str:
    """The kind of operand that a class is to the tables; an untyped value is a double."""
    name = TYPE_OF_CLASS[kind]
    for kept in ("integer", _YM, _DT):
        if kept in ANCESTORS[name]:
            return kept
    return "double" if name == "untypedAtomic" else PRIMITIVE[name]


def _operation(operator: str, left: type, right: type) -> _Operation | None:
    """The function for operands of two classes; None when the operator has none."""
    kinds = _kind_of(left), _kind_of(right)
    if not all(kind in _ORDER for kind in kinds):
        found = _TEMPORAL.get((operator, *kinds))
    else:
        kind = max(kinds, key=_ORDER.index)
        found = _NUMERIC[operator][kind]
        promote = _PROMOTIONS[kind]
        exact = {"integer": (int,), "decimal": (Decimal, int), "float": (Float32,), "double": (float,)}[kind]
        if left not in exact and left is not UntypedAtomic:
            found = _first(promote, found)
        if right not in exact and right is not UntypedAtomic:
            found = _second(promote, found)
    if found is None:
        return None
    if left is UntypedAtomic:
        found = _first(untyped_double, found)
    if right is UntypedAtomic:
        found = _second(untyped_double, found)
    return found


def _first(convert: Callable[[Any], Any], operation: _Operation) -> _Operation:
    return lambda left, right: operation(convert(left), right)


def _second(convert: Callable[[Any], Any], operation: _Operation) -> _Operation:
    return lambda left, right: operation(left, convert(right))


def _operator(operator: str, doc: str) -> Callable[[Value, Value], Value]:
    """The function of an operator on Values, with the operations for pairs of classes it has met."""
    known: dict[tuple[type, type], _Operation | None] = {}
    on_maps = _ON_MAPS.get(operator)

    def apply(left: Value, right: Value) -> Value:
        pair = type(left), type(right)
        operation = known.get(pair)
        if operation is not None:
            return operation(left, right)
        if pair[0] in ATOMIC_CLASSES and pair[1] in ATOMIC_CLASSES:
            operation = known[pair] = _operation(operator, *pair)
            if operation is None:
                raise _no_operation(left, operator, right)
            return operation(left, right)
        if on_maps is not None and isinstance(left, MapMap) and isinstance(right, MapMap):
            return on_maps(left, right)
        first, second = optional_atom(left), optional_atom(right)
        if first is None or second is None:
            return []
        return apply(first, second)

    apply.__doc__ = doc
    return apply


def _no_operation(left: Any, operator: str, right: Any) -> XQueryError:
    return XQueryError("XPTY0004", f"Invalid coercion: no operator {type_name(left)} {operator} {type_name(right)}")


add: Final = _operator("+", "`left + right`. Raises XPTY0004, FOAR0002, FODT0001, FODT0002.")
subtract: Final = _operator("-", "`left - right`. Raises XPTY0004, FOAR0002, FODT0001, FODT0002.")
multiply: Final = _operator("*", "`left * right`. Raises XPTY0004, FOAR0002, FODT0002, FOCA0005.")
divide: Final = _operator("div", "`left div right`. Raises XPTY0004, FOAR0001, FODT0002, FOCA0005.")
integer_divide: Final = _operator("idiv", "`left idiv right`. Raises XPTY0004, FOAR0001, FOAR0002.")
modulo: Final = _operator("mod", "`left mod right`. Raises XPTY0004, FOAR0001.")


def _number(value: Value, operator: str) -> Any:
    """The operand of a sign as one of the four kinds of number, None for none. Raises XPTY0004."""
    item = optional_atom(value)
    if item is None:
        return None
    kind = _kind_of(type(item))
    if kind not in _ORDER:
        raise XQueryError("XPTY0004", f"Invalid coercion: no operator {operator} {type_name(item)}")
    return cast(item, "double") if type(item) is UntypedAtomic else _PROMOTIONS[kind](item)


def negate(value: Value) -> Value:
    """`- value`; of a map of 1.0-ml keys and values change places. Raises XPTY0004."""
    if type(value) is int or type(value) is float:
        return -value
    if isinstance(value, MapMap):
        return value.inverse()
    number = _number(value, "-")
    if number is None:
        return []
    if type(number) is Decimal:
        return number.copy_negate() if number else number
    return float32(-float(number)) if type(number) is Float32 else -number


def plus(value: Value) -> Value:
    """`+ value`: the number itself. Raises XPTY0004."""
    if type(value) is int or type(value) is float:
        return value
    number = _number(value, "+")
    return [] if number is None else number
