"""Numbers (F&O 3.1, chapter 4): rounding, and conversion to numbers and booleans."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal
from math import isfinite, isnan, nan
from typing import Any, Final

from xquery_bridge.errors import XQueryError
from xquery_bridge.library.fn.namespace import FN
from xquery_bridge.runtime.casts import cast
from xquery_bridge.runtime.values import Value, atomize, ebv, optional

#: Wide enough for any decimal a query can hold: rounding must not be limited by the default context's 28 digits.
_WIDE: Final = Context(prec=10_000)
#: The decimal zero; Python also has a negative one, which XQuery has not.
_ZERO: Final = Decimal(0)


@FN.row("abs($arg as xs:numeric?) as xs:numeric?")
def absolute(number: Any) -> Any:
    """The absolute value, of the operand's type."""
    if number is None:
        return None
    if isinstance(number, int):
        return abs(int(number))
    return number.copy_abs() if type(number) is Decimal else type(number)(abs(float(number)))


def _whole(number: Any, rounding: str) -> Any:
    """Round to an integral value in a direction, keeping the operand's type."""
    if number is None:
        return None
    if isinstance(number, int):
        return int(number)
    if type(number) is Decimal:
        return number.to_integral_value(rounding=rounding, context=_WIDE) or _ZERO
    plain = float(number)
    if isnan(plain) or abs(plain) >= 2.0**52:
        return number
    rounded = float(Decimal(plain).to_integral_value(rounding=rounding))
    return type(number)(-0.0 if rounded == 0 and (plain < 0 or str(plain)[0] == "-") else rounded)


@FN.row("ceiling($arg as xs:numeric?) as xs:numeric?")
def ceiling(number: Any) -> Any:
    """The smallest integral value that is not less than the operand."""
    return _whole(number, ROUND_CEILING)


@FN.row("floor($arg as xs:numeric?) as xs:numeric?")
def floor(number: Any) -> Any:
    """The largest integral value that is not greater than the operand."""
    if type(number) is float and 0 < number < 2.0**52:
        return float(int(number))
    return _whole(number, ROUND_FLOOR)


@FN.row("round($arg as xs:numeric?) as xs:numeric?")
@FN.row("round($arg as xs:numeric?, $precision as xs:integer) as xs:numeric?")
def round_(number: Any, precision: int = 0) -> Any:
    """Round to a number of decimal places; a tie goes towards positive infinity."""
    return _rounded(number, precision, half_to_even=False)


@FN.row("round-half-to-even($arg as xs:numeric?) as xs:numeric?")
@FN.row("round-half-to-even($arg as xs:numeric?, $precision as xs:integer) as xs:numeric?")
def round_half_to_even(number: Any, precision: int = 0) -> Any:
    """Round to a number of decimal places; a tie goes to the even neighbour."""
    return _rounded(number, precision, half_to_even=True)


def _rounded(number: Any, precision: int, *, half_to_even: bool) -> Any:
    if number is None:
        return None
    if isinstance(number, int):
        if precision >= 0:
            return int(number)
        if -precision > number.bit_length() // 3 + 2:  # more than it has digits
            return 0
        return int(_quantized(Decimal(int(number)), precision, half_to_even))
    if type(number) is Decimal:
        exponent = number.as_tuple().exponent
        if not isinstance(exponent, int) or precision >= -exponent:
            return number
        if -precision > number.adjusted() + 2:
            return _ZERO
        return _quantized(number, precision, half_to_even) or _ZERO
    plain = float(number)
    if not isfinite(plain) or plain == 0 or precision > 400:
        return number
    if precision < -400:
        return type(number)(-0.0 if plain < 0 else 0.0)
    rounded = float(_quantized(Decimal(plain), precision, half_to_even))
    return type(number)(-0.0 if rounded == 0 and plain < 0 else rounded)


def _quantized(number: Decimal, precision: int, half_to_even: bool) -> Decimal:
    towards_infinity = ROUND_HALF_DOWN if number < 0 else ROUND_HALF_UP
    rounding = ROUND_HALF_EVEN if half_to_even else towards_infinity
    if precision == 0:
        return number.to_integral_value(rounding=rounding, context=_WIDE)
    scaled = number.scaleb(precision, context=_WIDE).to_integral_value(rounding=rounding, context=_WIDE)
    result = scaled.scaleb(-precision, context=_WIDE)
    return result.quantize(Decimal(1), context=_WIDE) if precision < 0 else result


@FN.row("number() as xs:double", needs="item")
def number_of_item(item: Any) -> float:
    """The context item as a double, NaN when it is no number."""
    return number(optional(atomize(item)))


@FN.row("number($arg as xs:anyAtomicType?) as xs:double")
def number(value: Any) -> float:
    """The value cast to xs:double, NaN when it cannot be or is the empty sequence."""
    if type(value) is float:
        return value
    if value is None:
        return nan
    try:
        return cast(value, "double")  # type: ignore[no-any-return]
    except XQueryError:
        return nan


@FN.row("boolean($arg as item()*) as xs:boolean")
def boolean(value: Value) -> bool:
    """The effective boolean value."""
    return ebv(value)


@FN.row("not($arg as item()*) as xs:boolean")
def not_(value: Value) -> bool:
    """Whether the effective boolean value is false."""
    return not ebv(value)


@FN.row("true() as xs:boolean")
def true() -> bool:
    """The value true."""
    return True


@FN.row("false() as xs:boolean")
def false() -> bool:
    """The value false."""
    return False
