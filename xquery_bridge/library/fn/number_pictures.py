"""fn:format-number: numbers by a picture and a decimal format (F&O 3.1, section 4.7)."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, fields
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache
from typing import Any, Final

from xquery_bridge.errors import XQueryError
from xquery_bridge.library.fn.namespace import FN
from xquery_bridge.runtime.context import StaticContext
from xquery_bridge.runtime.values import string_of

#: Wide enough for any decimal a query can hold and every digit a picture can ask for.
_WIDE: Final = Context(prec=100_000, Emax=999_999, Emin=-999_999)


@dataclass(frozen=True, slots=True)
class DecimalFormat:
    """The properties of a decimal format with their default values."""

    decimal_separator: str = "."
    grouping_separator: str = ","
    infinity: str = "Infinity"
    minus_sign: str = "-"
    NaN: str = "NaN"
    percent: str = "%"
    per_mille: str = "\u2030"
    zero_digit: str = "0"
    digit: str = "#"
    pattern_separator: str = ";"
    exponent_separator: str = "e"

    @property
    def digits(self) -> str:
        """The ten digits of the family."""
        zero = ord(self.zero_digit)
        return "".join(map(chr, range(zero, zero + 10)))


_PROPERTIES: Final = {field.name.replace("_", "-"): field.name for field in fields(DecimalFormat)}
_DEFAULT: Final = DecimalFormat()


def _decimal_format(static: StaticContext, name: str | None) -> DecimalFormat:
    """The format of that name (a lexical QName or EQName), the default one without. Raises FODF1280 when unknown."""
    key = ("", "")
    if name is not None:
        written = name.strip(" \t\r\n")
        braced = re.fullmatch(r"Q\{([^{}]*)\}([^:]+)", written)
        if braced is not None:
            key = (braced[1].strip(), braced[2])
        else:
            prefix, colon, local = written.rpartition(":")
            uri = static.namespaces.get(prefix, "") if colon else ""
            key = (uri, local) if local and (uri or not colon) else ("", "")
        if key == ("", "") or key not in static.decimal_formats:
            raise XQueryError("FODF1280", f"No decimal format is declared as {name!r}")
    given = static.decimal_formats.get(key)
    return _made(tuple(sorted(given.items()))) if given else _DEFAULT


@lru_cache(maxsize=64)
def _made(properties: tuple[tuple[str, str], ...]) -> DecimalFormat:
    return DecimalFormat(**{_PROPERTIES[name]: value for name, value in properties})


# ------------------------------------------------------------------------------------------------------------- pictures


@dataclass(frozen=True, slots=True)
class _SubPicture:
    prefix: str
    suffix: str
    #: Positions of grouping separators, in digits from the decimal separator; `repeat` is the size of regular groups.
    integer_groups: frozenset[int]
    repeat: int
    fraction_groups: frozenset[int]
    least_integer: int
    least_fraction: int
    most_fraction: int
    scaling: int
    least_exponent: int
    factor: int


def _bad(picture: str, why: str) -> XQueryError:
    return XQueryError("FODF1310", f"Invalid picture string {picture!r}: {why}")


@lru_cache(maxsize=512)
def _pictures(picture: str, using: DecimalFormat) -> tuple[_SubPicture, ...]:
    parts = picture.split(using.pattern_separator)
    if len(parts) > 2:
        raise _bad(picture, "more than two sub-pictures")
    return tuple(_analyzed(part, using) for part in parts)


def _analyzed(part: str, using: DecimalFormat) -> _SubPicture:
    """A sub-picture taken apart (sections 4.7.3 and 4.7.4). Raises FODF1310 for what its rules forbid."""
    digits = using.digits
    mantissa_chars = {using.decimal_separator, using.grouping_separator, using.digit, *digits}
    exponent_at = [
        at
        for at, char in enumerate(part)
        if char == using.exponent_separator
        and 0 < at < len(part) - 1
        and part[at - 1] in mantissa_chars
        and part[at + 1] in mantissa_chars
    ]
    active = [at for at, char in enumerate(part) if char in mantissa_chars or at in exponent_at]
    if not active:
        raise _bad(part, "no digit")
    prefix, body, suffix = part[: active[0]], part[active[0] : active[-1] + 1], part[active[-1] + 1 :]
    if len(active) != len(body):
        raise _bad(part, "a passive character between active ones")
    if len(exponent_at) > 1:
        raise _bad(part, "more than one exponent separator")
    signs = [char for char in prefix + suffix if char in (using.percent, using.per_mille)]
    if len(signs) > 1 or (signs and exponent_at):
        raise _bad(part, "percent and per-mille signs and exponents exclude each other")
    mantissa, exponent = body, ""
    if exponent_at:
        split = exponent_at[0] - len(prefix)
        mantissa, exponent = body[:split], body[split + 1 :]
        if any(char not in digits for char in exponent):
            raise _bad(part, "an exponent is written with mandatory digits only")
    if mantissa.count(using.decimal_separator) > 1:
        raise _bad(part, "more than one decimal separator")
    integer, _, fraction = mantissa.partition(using.decimal_separator)
    grouping, optional = using.grouping_separator, using.digit
    if (
        grouping * 2 in mantissa
        or integer.endswith(grouping)
        or fraction.startswith(grouping)
        or fraction.endswith(grouping)
    ):
        raise _bad(part, "a grouping separator next to another separator or at the end")
    integer_digits, fraction_digits = integer.replace(grouping, ""), fraction.replace(grouping, "")
    if not integer_digits and not fraction_digits:
        raise _bad(part, "no digit")
    if optional in integer_digits.lstrip(optional) or optional in fraction_digits.rstrip(optional):
        raise _bad(part, "an optional digit between mandatory ones")

    least_integer = scaling = len(integer_digits.lstrip(optional))
    least_fraction, most_fraction = len(fraction_digits.rstrip(optional)), len(fraction_digits)
    if least_integer == 0 and most_fraction == 0:
        if exponent:
            least_fraction = most_fraction = 1
        else:
            least_integer = 1
    if exponent and least_integer == 0 and integer_digits:
        least_integer = 1
    if least_integer == 0 and least_fraction == 0:
        least_fraction = 1
    positions = _positions(integer[::-1], grouping)
    factor = 1 if not signs else 100 if signs[0] == using.percent else 1000
    return _SubPicture(
        prefix,
        suffix,
        positions,
        _regular(positions, len(integer_digits)),
        _positions(fraction, grouping),
        least_integer,
        least_fraction,
        most_fraction,
        scaling,
        len(exponent),
        factor,
    )


def _positions(text: str, grouping: str) -> frozenset[int]:
    """How many digits stand before each grouping separator."""
    found: list[int] = []
    count = 0
    for char in text:
        if char == grouping:
            found.append(count)
        else:
            count += 1
    return frozenset(found)


def _regular(positions: frozenset[int], size: int) -> int:
    """The size of the groups when separators stand at each multiple of it and nowhere else, else 0."""
    if not positions:
        return 0
    group = min(positions)
    return group if group and positions == set(range(group, max(size, max(positions) + 1), group)) else 0


# ----------------------------------------------------------------------------------------------------------- formatting


@FN.row("format-number($value as xs:numeric?, $picture as xs:string) as xs:string", needs="static")
@FN.row(
    "format-number($value as xs:numeric?, $picture as xs:string, $decimal-format-name as xs:string?) as xs:string",
    needs="static",
)
def format_number(static: StaticContext, value: Any, picture: str, name: str | None = None) -> str:
    """A number by a picture. Raises FODF1310 for a malformed picture, FODF1280 for an unknown decimal format."""
    using = _decimal_format(static, name)
    pictures = _pictures(picture, using)
    if value is None:
        return using.NaN
    is_float = isinstance(value, float)
    if is_float and math.isnan(value):
        return using.NaN
    negative = value < 0 or (is_float and value == 0 and math.copysign(1.0, value) < 0)
    if negative and len(pictures) == 2:
        chosen, before = pictures[1], pictures[1].prefix
    else:
        chosen, before = pictures[0], (using.minus_sign if negative else "") + pictures[0].prefix
    if is_float:
        # Percentages of a double are doubles again, and may be infinite.
        value = type(value)(abs(float(value)) * chosen.factor)
        if math.isinf(value):
            return before + using.infinity + chosen.suffix
        number = Decimal(string_of(value))
    else:
        number = _WIDE.multiply(Decimal(value).copy_abs(), Decimal(chosen.factor))
    return before + _digits_of(number, chosen, using) + chosen.suffix


def _digits_of(number: Decimal, chosen: _SubPicture, using: DecimalFormat) -> str:
    exponent = 0
    if chosen.least_exponent and number:
        exponent = number.adjusted() + 1 - chosen.scaling
        number = number.scaleb(-exponent, context=_WIDE)
    rounded = number.quantize(Decimal(1).scaleb(-chosen.most_fraction), ROUND_HALF_EVEN, context=_WIDE)
    integer, _, fraction = f"{rounded:f}".partition(".")
    integer = integer.lstrip("0").rjust(chosen.least_integer, "0")
    fraction = fraction.rstrip("0").ljust(chosen.least_fraction, "0")
    text = _grouped_integer(integer, chosen, using)
    if fraction:
        text += using.decimal_separator + "".join(
            [
                (using.grouping_separator if at in chosen.fraction_groups else "") + char
                for at, char in enumerate(fraction)
            ]
        )
    if chosen.least_exponent:
        sign = using.minus_sign if exponent < 0 else ""
        text += using.exponent_separator + sign + str(abs(exponent)).rjust(chosen.least_exponent, "0")
    if using.zero_digit == "0":
        return text
    return "".join([using.digits[ord(char) - 48] if "0" <= char <= "9" else char for char in text])


def _grouped_integer(integer: str, chosen: _SubPicture, using: DecimalFormat) -> str:
    if not chosen.integer_groups:
        return integer
    size = len(integer)
    parts: list[str] = []
    for at, char in enumerate(integer):
        left = size - at
        if at and (left % chosen.repeat == 0 if chosen.repeat else left in chosen.integer_groups):
            parts.append(using.grouping_separator)
        parts.append(char)
    return "".join(parts)
