"""The `math:` namespace of the W3C (F&O 3.1, section 4.8): on xs:double, with IEEE results where Python raises."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from xquery_bridge.registry import Table

MATH: Final = Table("http://www.w3.org/2005/xpath-functions/math", "math")


@MATH.row("pi() as xs:double")
def pi() -> float:
    """The ratio of a circle's circumference to its diameter."""
    return math.pi


def _quiet(function: Callable[[float], float], overflow: float = math.inf) -> Callable[[float | None], float | None]:
    """A function of one double: nothing for nothing, NaN outside its domain, an infinity for what is too large."""

    def call(value: float | None) -> float | None:
        if value is None:
            return None
        try:
            return function(value)
        except ValueError:
            return math.nan
        except OverflowError:
            return overflow

    call.__doc__ = f"math:{function.__name__.strip('_')} of a double; NaN outside the domain."
    return call


def _log(base: Callable[[float], float]) -> Callable[[float], float]:
    def log(value: float) -> float:
        return -math.inf if value == 0 else base(value)

    log.__name__ = base.__name__
    return log


def exp10(value: float) -> float:
    """Ten to the power of a double."""
    return math.pow(10.0, value)


#: name, function
_UNARY: Final = (
    ("exp", math.exp),
    ("exp10", exp10),
    ("log", _log(math.log)),
    ("log10", _log(math.log10)),
    ("sqrt", math.sqrt),
    ("sin", math.sin),
    ("cos", math.cos),
)
for _name, _function in _UNARY:
    MATH.add(f"{_name}($arg as xs:double?) as xs:double?", _quiet(_function))


@MATH.row("pow($x as xs:double?, $y as xs:numeric) as xs:double?")
def power(base: float | None, exponent: float) -> float | None:
    """The first number to the power of the second."""
    if base is None:
        return None
    try:
        return math.pow(base, exponent)
    except ValueError:
        # Zero to a negative power; any other case has no real result.
        if base == 0 and exponent < 0:
            odd = float(exponent).is_integer() and exponent % 2 == 1
            return math.copysign(math.inf, base) if odd else math.inf
        return math.nan
    except OverflowError:
        odd = float(exponent).is_integer() and exponent % 2 == 1
        return -math.inf if base < 0 and odd else math.inf
