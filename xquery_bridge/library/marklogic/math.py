"""The `math:` namespace of 1.0-ml: functions of doubles as the W3C has them, and statistics of sequences."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from decimal import ROUND_DOWN, Decimal
from typing import Any, Final

from xquery_bridge.errors import XQueryError
from xquery_bridge.registry import Table
from xquery_bridge.runtime.comparison import grouping_key, value_eq, value_lt
from xquery_bridge.runtime.json_items import JsonArray
from xquery_bridge.runtime.values import Value

MATH_ML: Final = Table("http://marklogic.com/xdmp/math", "math")


@MATH_ML.row("pi() as xs:double", "PI() as xs:double")
def pi() -> float:
    """The ratio of a circle's circumference to its diameter."""
    return math.pi


def _log(base: Callable[[float], float]) -> Callable[[float], float]:
    return lambda value: -math.inf if value == 0 else base(value)


#: name, function of one double
_UNARY: Final[tuple[tuple[str, Callable[[float], float]], ...]] = (
    ("acos", math.acos),
    ("asin", math.asin),
    ("atan", math.atan),
    ("ceil", lambda value: float(math.ceil(value))),
    ("cos", math.cos),
    ("cosh", math.cosh),
    ("cot", lambda value: 1.0 / math.tan(value)),
    ("degrees", math.degrees),
    ("exp", math.exp),
    ("fabs", math.fabs),
    ("floor", lambda value: float(math.floor(value))),
    ("log", _log(math.log)),
    ("log10", _log(math.log10)),
    ("radians", math.radians),
    ("sin", math.sin),
    ("sinh", math.sinh),
    ("sqrt", math.sqrt),
    ("tan", math.tan),
    ("tanh", math.tanh),
)


def _unary(name: str, function: Callable[[float], float]) -> Callable[[float], float]:
    def call(value: float) -> float:
        if math.isinf(value) and name in ("ceil", "floor"):
            return value
        try:
            return function(value)
        except (ValueError, ZeroDivisionError):
            return math.inf if name == "cot" else math.nan
        except OverflowError:
            return math.copysign(math.inf, value) if name == "sinh" else math.inf

    call.__doc__ = f"The function {name} of a double; NaN outside its domain."
    return call


for _name, _function in _UNARY:
    MATH_ML.add(f"{_name}($arg as xs:double) as xs:double", _unary(_name, _function))


@MATH_ML.row("atan2($y as xs:double, $x as xs:double) as xs:double")
def atan2(y: float, x: float) -> float:
    """The angle of the point (x, y)."""
    return math.atan2(y, x)


@MATH_ML.row("pow($x as xs:double, $y as xs:double) as xs:double")
def power(x: float, y: float) -> float:
    """x to the power of y; NaN outside the domain."""
    try:
        return math.pow(x, y)
    except OverflowError:
        return -math.inf if x < 0 and y % 2 else math.inf
    except ValueError:
        return math.inf if x == 0 else math.nan


@MATH_ML.row("fmod($x as xs:double, $y as xs:double) as xs:double")
def fmod(x: float, y: float) -> float:
    """The remainder of x divided by y, with the sign of x."""
    try:
        return math.fmod(x, y)
    except ValueError:
        return math.nan


@MATH_ML.row("frexp($arg as xs:double) as xs:anyAtomicType+")
def frexp(value: float) -> Value:
    """Mantissa and exponent: value = mantissa * 2^exponent."""
    return list(math.frexp(value))


@MATH_ML.row("ldexp($mantissa as xs:double, $exponent as xs:integer) as xs:double")
def ldexp(mantissa: float, exponent: int) -> float:
    """mantissa * 2^exponent."""
    try:
        return math.ldexp(mantissa, int(exponent))
    except OverflowError:
        return math.copysign(math.inf, mantissa)


@MATH_ML.row("modf($arg as xs:double) as xs:double+")
def modf(value: float) -> Value:
    """The fraction and the integer part."""
    return list(math.modf(value))


@MATH_ML.row("trunc($arg as xs:numeric?) as xs:numeric?")
@MATH_ML.row("trunc($arg as xs:numeric?, $precision as xs:integer) as xs:numeric?")
def truncate(value: Any, precision: int = 0) -> Any:
    """A number cut after so many digits behind the point."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return value
    exact = value if isinstance(value, Decimal) else Decimal(repr(value) if isinstance(value, float) else int(value))
    if exact.as_tuple().exponent >= -precision:  # type: ignore[operator]
        return value
    cut = exact.quantize(Decimal(1).scaleb(-precision), ROUND_DOWN) if exact else exact
    if isinstance(value, Decimal):
        return cut
    return type(value)(cut) if isinstance(value, float) else int(cut)


# ----------------------------------------------------------------------------------------------------------- statistics


def _statistic(name: str, least: int, function: Callable[[Sequence[float]], float]) -> None:
    def call(values: Sequence[float]) -> float | None:
        if len(values) < least:
            return None
        return math.nan if not all(map(math.isfinite, values)) else float(function(values))

    call.__doc__ = f"The {name} of numbers; nothing for fewer than {least}."
    MATH_ML.add(f"{name}($arg as xs:double*) as xs:double?", call)


_statistic("median", 1, statistics.median)
_statistic("stddev", 2, statistics.stdev)
_statistic("stddev-p", 1, statistics.pstdev)
_statistic("variance", 2, statistics.variance)
_statistic("variance-p", 1, statistics.pvariance)


@MATH_ML.row("percentile($arg as xs:double*, $p as xs:double*) as xs:double*")
def percentile(values: Sequence[float], shares: Sequence[float]) -> Value:
    """Values below which shares of the numbers lie, interpolated between neighbours. Raises XDMP-ARG beyond 0 to 1."""
    found: list[float] = []
    ordered = sorted(values)
    for share in shares if ordered else ():
        if not 0 <= share <= 1:
            raise XQueryError("FOER0000", f"A percentile is from 0 to 1, not {share}", marklogic_code="XDMP-ARG")
        at = share * (len(ordered) - 1)
        below = math.floor(at)
        above = min(below + 1, len(ordered) - 1)
        found.append(ordered[below] + (at - below) * (ordered[above] - ordered[below]))
    return found


@MATH_ML.row("mode($arg as xs:anyAtomicType*) as xs:anyAtomicType*")
@MATH_ML.row("mode($arg as xs:anyAtomicType*, $options as xs:string*) as xs:anyAtomicType*")
def mode(values: Sequence[Any], options: Sequence[str] = ()) -> Value:
    """The values that occur most often, in the order of their first occurrence."""
    counts: dict[Any, tuple[Any, int]] = {}
    for value in values:
        key = grouping_key(value)
        first, count = counts.get(key, (value, 0))
        counts[key] = (first, count + 1)
    most = max((count for _, count in counts.values()), default=0)
    return [value for value, count in counts.values() if count == most]


@MATH_ML.row("rank($arg1 as xs:anyAtomicType*, $arg2 as xs:anyAtomicType) as xs:integer?")
@MATH_ML.row("rank($arg1 as xs:anyAtomicType*, $arg2 as xs:anyAtomicType, $options as xs:string*) as xs:integer?")
def rank(values: Sequence[Any], value: Any, options: Sequence[str] = ()) -> int | None:
    """The position of a value among others in ascending order (option `descending`: the reverse); nothing if absent."""
    if not any(value_eq(each, value) is True for each in values):
        return None
    if "descending" in options:
        return 1 + sum(value_lt(value, each) is True for each in values)
    return 1 + sum(value_lt(each, value) is True for each in values)


@MATH_ML.row("percent-rank($arg as xs:anyAtomicType*, $value as xs:anyAtomicType) as xs:double?")
@MATH_ML.row(
    "percent-rank($arg as xs:anyAtomicType*, $value as xs:anyAtomicType, $options as xs:string*) as xs:double?"
)
def percent_rank(values: Sequence[Any], value: Any, options: Sequence[str] = ()) -> float | None:
    """The rank of a value as a share of the places: (rank - 1) / (count - 1)."""
    place = rank(values, value, options)
    if place is None:
        return None
    return (place - 1) / (len(values) - 1) if len(values) > 1 else 0.0


def _pairs(arrays: Sequence[JsonArray]) -> Iterator[tuple[float, float]]:
    for array in arrays:
        numbers = array.to_numpy()
        if len(numbers) != 2:
            raise XQueryError(
                "FORG0006", f"Each array is a pair of numbers, not {len(numbers)} of them", marklogic_code="XDMP-ARG"
            )
        yield float(numbers[0]), float(numbers[1])


def _covariance(arrays: Sequence[JsonArray], less: int) -> float | None:
    pairs = list(_pairs(arrays))
    if len(pairs) <= less:
        return None
    mean_x = math.fsum(x for x, _ in pairs) / len(pairs)
    mean_y = math.fsum(y for _, y in pairs) / len(pairs)
    return math.fsum((x - mean_x) * (y - mean_y) for x, y in pairs) / (len(pairs) - less)


@MATH_ML.row("covariance($arg as json:array*) as xs:double?", effects=True)
def covariance(arrays: Sequence[JsonArray]) -> float | None:
    """The covariance of a sample of pairs; nothing for fewer than two."""
    return _covariance(arrays, 1)


@MATH_ML.row("covariance-p($arg as json:array*) as xs:double?", effects=True)
def covariance_of_population(arrays: Sequence[JsonArray]) -> float | None:
    """The covariance of a population of pairs."""
    return _covariance(arrays, 0)


@MATH_ML.row("correlation($arg as json:array*) as xs:double?", effects=True)
def correlation(arrays: Sequence[JsonArray]) -> float | None:
    """The correlation coefficient of pairs; nothing for fewer than two, or when one side does not vary."""
    pairs = list(_pairs(arrays))
    if len(pairs) < 2:
        return None
    try:
        return statistics.correlation([x for x, _ in pairs], [y for _, y in pairs])
    except statistics.StatisticsError:
        return None
