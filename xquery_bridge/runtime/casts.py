"""Casting between atomic types, and their lexical forms (F&O 3.1, chapter 19).

`cast(item, name, static)` and `castable(item, name, static)` take one atomic item and the local name of a type in the
namespace of XML Schema; `atomic_text(item)` is the cast to xs:string. For every target type there is a table from the
class of the operand to the function that converts it; a class that is not in it cannot be cast.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from ctypes import c_float
from decimal import Decimal
from functools import cache
from math import inf, isinf, isnan, nan, nextafter
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from elementpath import datatypes as ep
from elementpath.datatypes import Float, UntypedAtomic

from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime.atomic import (
    ANCESTORS,
    ATOMIC_CLASSES,
    INTEGER_CLASSES,
    NUMERIC_CLASSES,
    PRIMITIVE,
    STRING_CLASSES,
    TYPE_OF_CLASS,
    TYPES,
    Float32,
    float32,
    type_name,
)
from xquery_bridge.runtime.date_times import (
    date_time_text,
    duration_text,
    parse_date_time,
    parse_duration,
    recast,
    recast_duration,
)

if TYPE_CHECKING:
    from xquery_bridge.runtime.context import StaticContext

_Converter = Callable[[Any], Any]

# -------------------------------------------------------------------------------------------------------- lexical forms

#: Python converts at most 4,300 digits to or from an int unless told otherwise; Decimal has no such bound.
_PLAIN_DIGITS: Final = 4000


def integer_text(number: int) -> str:
    """The canonical lexical form of xs:integer."""
    return int.__repr__(number) if number.bit_length() < 13_000 else format(Decimal(number), "f")


def decimal_text(number: Decimal) -> str:
    """The canonical lexical form of xs:decimal: no exponent, no zero or point at the end, no negative zero."""
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def double_text(number: float) -> str:
    """The lexical form of xs:double: decimal from 1.0E-6 to 1.0E6, with an exponent beyond (F&O 3.1, 19.1.2)."""
    return _number_text(float.__repr__(number))


def float_text(number: float) -> str:
    """The lexical form of xs:float: the fewest digits that read back as the same 32-bit number."""
    return _number_text(str(np.float32(number)))


_NAMED: Final = {"inf": "INF", "-inf": "-INF", "nan": "NaN", "0.0": "0", "-0.0": "-0"}


def _number_text(python: str) -> str:
    """Python's shortest form of a number, as XML Schema writes it."""
    if "e" not in python:
        whole, _, part = python.partition(".")
        if len(whole) <= 6 and python in _NAMED:
            return _NAMED[python]
        if len(whole) < 7 or (len(whole) == 7 and whole[0] == "-"):
            if part == "0":
                return whole
            if whole not in ("0", "-0") or not part.startswith("000000"):
                return python
    sign, digits, exponent = Decimal(python).as_tuple()
    text = "".join(map(str, digits))
    point = len(text) + int(exponent)  # digits before the decimal point
    text = text.rstrip("0")
    before = "-" if sign else ""
    if -5 <= point <= 6:
        if point <= 0:
            return f"{before}0.{'0' * -point}{text}"
        return f"{before}{text[:point]:0<{point}}{'.' if len(text) > point else ''}{text[point:]}"
    return f"{before}{text[0]}.{text[1:] or '0'}E{point - 1}"


def _boolean_text(item: bool) -> str:
    return "true" if item else "false"


def _value_text(item: Any) -> str:
    return item.value  # type: ignore[no-any-return]


#: exact class -> the function that gives the canonical lexical form, the cast to xs:string
TEXT: Final[dict[type, Callable[[Any], str]]] = {
    **dict.fromkeys(INTEGER_CLASSES, integer_text),
    **dict.fromkeys(STRING_CLASSES, str.__str__),
    bool: _boolean_text,
    float: double_text,
    Float32: float_text,
    Float: float_text,
    Decimal: decimal_text,
    UntypedAtomic: _value_text,
    ep.AnyURI: _value_text,
    ep.HexBinary: lambda item: item.value.decode("ascii").upper(),
    ep.Base64Binary: lambda item: "".join(item.value.decode("ascii").split()),
    **{kind: duration_text for kind, name in TYPE_OF_CLASS.items() if PRIMITIVE[name] == "duration"},
    **{
        kind: date_time_text
        for kind, name in TYPE_OF_CLASS.items()
        if PRIMITIVE[name] in ("dateTime", "date", "time") or name[0] == "g"
    },
}
for _kind in ATOMIC_CLASSES:
    TEXT.setdefault(_kind, str)


def atomic_text(item: Any) -> str:
    """An atomic item cast to xs:string."""
    return TEXT[type(item)](item)


# -------------------------------------------------------------------------------------------------------- from a string

_SPACE: Final = " \t\r\n"
_RUNS_OF_SPACE: Final = re.compile(r"[ \t\r\n]+")
_EACH_SPACE: Final = str.maketrans("\t\r\n", "   ")

_DECIMAL: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_INTEGER: Final = re.compile(r"[+-]?[0-9]+")
_DOUBLE: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_INFINITE: Final = {"INF": inf, "+INF": inf, "-INF": -inf, "NaN": nan}
_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}

# The name characters of XML 1.0, fifth edition (productions 4 and 4a), without the colon.
_NAME_START: Final = (
    "A-Z_a-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c-\u200d\u2070-\u218f\u2c00-\u2fef"
    "\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
_NAME_PART: Final = _NAME_START + "\\-.0-9\u00b7\u0300-\u036f\u203f-\u2040"
_NCNAME: Final = re.compile(f"[{_NAME_START}][{_NAME_PART}]*")
_QNAME: Final = re.compile(f"(?:([{_NAME_START}][{_NAME_PART}]*):)?([{_NAME_START}][{_NAME_PART}]*)")

#: Type derived from xs:token -> its lexical space.
_TOKENS: Final[dict[str, re.Pattern[str]]] = {
    "token": re.compile("(?s).*"),
    "language": re.compile("[a-zA-Z]{1,8}(?:-[a-zA-Z0-9]{1,8})*"),
    "NMTOKEN": re.compile(f"[:{_NAME_PART}]+"),
    "Name": re.compile(f"[:{_NAME_START}][:{_NAME_PART}]*"),
    "NCName": _NCNAME,
    "ID": _NCNAME,
    "IDREF": _NCNAME,
    "ENTITY": _NCNAME,
}

#: Type derived from xs:integer -> least and greatest value.
_BOUNDS: Final[dict[str, tuple[int | None, int | None]]] = {
    "nonPositiveInteger": (None, 0),
    "negativeInteger": (None, -1),
    "long": (-(2**63), 2**63 - 1),
    "int": (-(2**31), 2**31 - 1),
    "short": (-(2**15), 2**15 - 1),
    "byte": (-128, 127),
    "nonNegativeInteger": (0, None),
    "unsignedLong": (0, 2**64 - 1),
    "unsignedInt": (0, 2**32 - 1),
    "unsignedShort": (0, 2**16 - 1),
    "unsignedByte": (0, 255),
    "positiveInteger": (1, None),
}

#: List type -> the type of its members (F&O 3.1, 19.3.1).
LIST_TYPES: Final = {"NMTOKENS": "NMTOKEN", "IDREFS": "IDREF", "ENTITIES": "ENTITY"}


def collapsed(text: str) -> str:
    """A string with its white space collapsed (XML Schema, whiteSpace=collapse)."""
    text = text.strip(_SPACE)
    return _RUNS_OF_SPACE.sub(" ", text) if not text.isalnum() else text


def _parse_boolean(text: str) -> bool:
    return _BOOLEANS[text.strip(_SPACE)]


def _parse_decimal(text: str) -> Decimal:
    text = text.strip(_SPACE)
    if _DECIMAL.fullmatch(text) is None:
        raise ValueError(text)
    number = Decimal(text)
    return number if number else Decimal(0)


def _parse_integer(text: str) -> int:
    text = text.strip(_SPACE)
    if _INTEGER.fullmatch(text) is None:
        raise ValueError(text)
    return int(text) if len(text) < _PLAIN_DIGITS else int(Decimal(text))


def _parse_double(text: str) -> float:
    text = text.strip(_SPACE)
    if _DOUBLE.fullmatch(text) is not None:
        return float(text)
    return _INFINITE[text]


def _parse_float(text: str) -> Float32:
    text = text.strip(_SPACE)
    number = _parse_double(text)
    if isnan(number) or isinf(number):
        return float32(number)
    # exponents out of range make numbers that need no care and Decimals that need much
    exact = Decimal(text) if 1e-50 < abs(number) < 1e40 else number
    return float32(nearest_float(exact, number))


def untyped_double(item: Any) -> float:
    """An xs:untypedAtomic as a double. Raises FORG0001."""
    text = item.value
    return float(text) if _PLAIN_NUMBER.fullmatch(text) is not None else cast(item, "double")


#: The lexical forms of numbers that most documents have.
_PLAIN_NUMBER: Final = re.compile("[0-9]+(?:[.][0-9]+)?")


def parse_double(text: str, name: str = "double") -> float:
    """The xs:double (or xs:float, by `name`: rounded to 32 bits just once) of a lexical form. Raises FORG0001."""
    try:
        return float(_parse_float(text)) if name == "float" else _parse_double(text)
    except (ValueError, KeyError):
        raise _invalid(text, name) from None


def nearest_float(exact: int | float | Decimal, number: float) -> float:
    """The 32-bit number nearest to an exact number whose nearest 64-bit number is given.

    Rounding twice errs when the first rounding ends just between two 32-bit numbers; then the exact number decides.
    """
    rounded = c_float(number).value
    if number in (exact, rounded) or isinf(number):
        return rounded
    below, above = c_float(nextafter(number, -inf)).value, c_float(nextafter(number, inf)).value
    return rounded if below == above else above if exact > number else below


def _parse_hex(text: str) -> Any:
    text = text.strip(_SPACE)
    if len(text) % 2 or not _HEX.fullmatch(text):
        raise ValueError(text)
    return binary(ep.HexBinary, bytes.fromhex(text))


def _parse_base64(text: str) -> Any:
    text = _RUNS_OF_SPACE.sub("", text)
    if not _BASE64.fullmatch(text):
        raise ValueError(text)
    return binary(ep.Base64Binary, base64.b64decode(text))


_HEX: Final = re.compile("[0-9a-fA-F]*")
_BASE64: Final = re.compile("(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=|[A-Za-z0-9+/][AQgw]==)?")


def binary(kind: Any, data: bytes) -> Any:
    """An xs:hexBinary or xs:base64Binary of these bytes."""
    made = kind.__new__(kind)
    made.ordered = True
    made.value = data.hex().upper().encode("ascii") if kind is ep.HexBinary else base64.b64encode(data)
    return made


def binary_bytes(item: Any) -> bytes:
    """The bytes of an xs:hexBinary or xs:base64Binary."""
    if isinstance(item, ep.HexBinary):
        return bytes.fromhex(item.value.decode("ascii"))
    return base64.b64decode(item.value)


def _untyped(text: str) -> UntypedAtomic:
    made = UntypedAtomic.__new__(UntypedAtomic)
    made.value = text
    made.parser = None
    return made


def _uri(text: str) -> ep.AnyURI:
    """Every string is in the lexical space of xs:anyURI (XML Schema 1.1)."""
    made = ep.AnyURI.__new__(ep.AnyURI)
    made.value = collapsed(text)
    return made


def _token(name: str) -> _Converter:
    kind, form = TYPES[name].classes[0], _TOKENS[name]

    def parse(text: str) -> Any:
        text = collapsed(text)
        if form.fullmatch(text) is None:
            raise ValueError(text)
        return str.__new__(kind, text)

    return parse


def _normalized(text: str) -> Any:
    return str.__new__(ep.NormalizedString, text.translate(_EACH_SPACE))


def _date_time(name: str) -> _Converter:
    return lambda text: parse_date_time(text.strip(_SPACE), name)


def _duration(name: str) -> _Converter:
    return lambda text: parse_duration(text.strip(_SPACE), name)


_DATE_TIMES: Final = ("dateTime", "dateTimeStamp", "date", "time", "gYear", "gYearMonth", "gMonth", "gMonthDay", "gDay")
_DURATIONS: Final = ("duration", "yearMonthDuration", "dayTimeDuration")

#: Type -> the function that reads its lexical forms, raising ValueError, KeyError or an XQueryError. Those derived from
#: xs:integer are read as one.
_PARSERS: Final[dict[str, _Converter]] = {
    "untypedAtomic": _untyped,
    "string": lambda text: text,
    "normalizedString": _normalized,
    **{name: _token(name) for name in _TOKENS},
    "anyURI": _uri,
    "boolean": _parse_boolean,
    "decimal": _parse_decimal,
    "integer": _parse_integer,
    "double": _parse_double,
    "float": _parse_float,
    **{name: _duration(name) for name in _DURATIONS},
    **{name: _date_time(name) for name in _DATE_TIMES},
    "hexBinary": _parse_hex,
    "base64Binary": _parse_base64,
}

# -------------------------------------------------------------------------------------------------------- from a number


def _whole(number: float | Decimal) -> int:
    """A number with its fraction cut off (F&O 3.1, 19.1.3.4)."""
    _require_finite(number, "integer")
    return int(number)


def _exact(number: float) -> Decimal:
    """A double or float as the decimal that is equal to it (F&O 3.1, 19.1.3.3)."""
    _require_finite(number, "decimal")
    return Decimal(float(number)) if number else Decimal(0)


def _require_finite(number: float | Decimal, name: str) -> None:
    if isnan(number) or number in (inf, -inf):
        text = double_text(float(number))
        raise XQueryError("FOCA0002", f"Invalid cast: {text} cast as xs:{name}", marklogic_code="XDMP-CAST")


#: All integers up to this one are xs:float values.
_EXACT_IN_FLOAT: Final = 2**24


def to_double(number: Any) -> float:
    """A number of any type as xs:double: the nearest, beyond the range an infinity."""
    try:
        return float(number)
    except OverflowError:
        return inf if number > 0 else -inf


def to_float(number: Any) -> Float32:
    """A number of any type as xs:float: the nearest, beyond the range an infinity."""
    if type(number) is int and -_EXACT_IN_FLOAT <= number <= _EXACT_IN_FLOAT:
        return float32(number)
    return float32(nearest_float(number, to_double(number)))


def _number_boolean(number: Any) -> bool:
    return not isnan(number) and number != 0


#: Target -> from a number of any of the four kinds.
_FROM_NUMBER: Final[dict[str, dict[str, _Converter]]] = {
    "boolean": dict.fromkeys(("integer", "decimal", "float", "double"), _number_boolean),
    "integer": {"integer": int, "decimal": int, "float": _whole, "double": _whole},
    "decimal": {"integer": Decimal, "decimal": lambda item: item, "float": _exact, "double": _exact},
    "double": {"integer": to_double, "decimal": to_double, "float": float, "double": float},
    "float": {"integer": to_float, "decimal": to_float, "float": float32, "double": float32},
}
_FROM_BOOLEAN: Final[dict[str, _Converter]] = {
    "boolean": lambda item: item,
    "integer": int,
    "decimal": lambda item: Decimal(int(item)),
    "double": float,
    "float": float32,
}


def _number_kind(kind: type) -> str:
    name = TYPE_OF_CLASS[kind]
    return "integer" if "integer" in ANCESTORS[name] else PRIMITIVE[name]


def _bounded(name: str, convert: _Converter) -> _Converter:
    """The conversion to a type derived from xs:integer."""
    low, high = _BOUNDS[name]
    kind = TYPES[name].classes[0]

    def restrict(item: Any) -> Any:
        number = convert(item)
        if (low is not None and number < low) or (high is not None and number > high):
            raise ValueError(number)
        return int.__new__(kind, number)

    return restrict


# ------------------------------------------------------------------------------------------------------------ the table


@cache
def _conversions(name: str) -> dict[type, _Converter]:
    """Operand class -> conversion to a type: the columns of the casting table (F&O 3.1, 19.1)."""
    if name in _BOUNDS:
        return {kind: _bounded(name, convert) for kind, convert in _conversions("integer").items()}
    parse = _PARSERS[name]
    found: dict[type, _Converter] = dict.fromkeys(STRING_CLASSES, parse)
    if name == "string":
        found |= dict.fromkeys(STRING_CLASSES, str.__str__)
    found[UntypedAtomic] = lambda item: parse(item.value)
    primitive = PRIMITIVE[name]
    if primitive in ("string", "untypedAtomic") or name == "string":
        for kind in ATOMIC_CLASSES - STRING_CLASSES - {UntypedAtomic}:
            found[kind] = _by_text(parse, TEXT[kind])
        if name == "untypedAtomic":
            found[UntypedAtomic] = lambda item: item
    elif name == "anyURI":
        found[ep.AnyURI] = lambda item: item
    elif name in _FROM_NUMBER:
        for kind in NUMERIC_CLASSES:
            found[kind] = _FROM_NUMBER[name][_number_kind(kind)]
        found[bool] = _FROM_BOOLEAN[name]
    elif primitive == "duration":
        for other in _DURATIONS:
            found |= {kind: _named(recast_duration, name) for kind in TYPES[other].classes}
    elif primitive in ("hexBinary", "base64Binary"):
        target = TYPES[name].classes[0]
        for kind in (ep.HexBinary, ep.Base64Binary):
            found[kind] = lambda item: binary(target, binary_bytes(item))
    else:
        sources = {"dateTime", "dateTimeStamp", "date"} if name != "time" else {"dateTime", "dateTimeStamp"}
        for other in sources:
            found |= {kind: _named(recast, name) for kind in TYPES[other].classes}
        found |= {kind: lambda item: item for kind in TYPES[name].classes}
        if name == "dateTime":
            found |= {kind: _named(recast, name) for kind in TYPES["dateTimeStamp"].classes}
    return found


def _by_text(parse: _Converter, text: Callable[[Any], str]) -> _Converter:
    return lambda item: parse(text(item))


def _named(convert: Callable[[Any, str], Any], name: str) -> _Converter:
    return lambda item: convert(item, name)


#: Target types that `cast` finds in the table.
_TABLED: Final = frozenset(_PARSERS) | frozenset(_BOUNDS)


def cast(item: Any, name: str, static: StaticContext | None = None) -> Any:
    """One atomic item cast to a type of XML Schema, by local name; a list for the list types.

    `static` gives the namespaces for xs:QName. Raises FORG0001 for a value that the type does not have, XPTY0004 for
    types between which there is no cast, FOCA0002 for NaN and INF where there is no such number, FODT000x for overflow,
    XPST0080 for types that nothing can be cast to, XPST0051 for unknown ones.
    """
    if name in _TABLED:
        convert = _conversions(name).get(type(item))
        if convert is None:
            raise _impossible(item, name)
        try:
            return convert(item)
        except (ValueError, KeyError):
            raise _invalid(item, name) from None
    if name == "QName":
        return _qname(item, static)
    if name in LIST_TYPES:
        return _list(item, name)
    if name == "numeric":
        return item if type(item) in NUMERIC_CLASSES else cast(item, "double")
    if name == "error":
        raise _invalid(item, name)
    if name in ("NOTATION", "anyAtomicType", "anySimpleType"):
        raise XQueryError("XPST0080", f"Invalid target type for a cast: xs:{name}")
    raise XQueryError("XPST0051", f"Undefined type xs:{name}")


def castable(item: Any, name: str, static: StaticContext | None = None) -> bool:
    """Whether `cast` gives a value. Raises XPST0080 and XPST0051 as it does."""
    try:
        if name in _TABLED:
            convert = _conversions(name).get(type(item))
            if convert is None:
                return False
            convert(item)
        else:
            cast(item, name, static)
    except XQueryError as error:
        if error.code.startswith("XPST"):
            raise
        return False
    except (ValueError, KeyError):
        return False
    return True


def is_cast_target(name: str) -> bool:
    """Whether a type of XML Schema, by local name, can stand behind `cast as` and has a constructor function."""
    return name in _TABLED or name in LIST_TYPES or name in ("QName", "numeric", "error")


def _list(item: Any, name: str) -> list[Any]:
    """The tokens of a string as items of the member type."""
    if type(item) is not UntypedAtomic and type(item) not in STRING_CLASSES:
        raise _impossible(item, name)
    tokens = collapsed(atomic_text(item))
    if not tokens:
        raise _invalid(item, name)
    member = _PARSERS[LIST_TYPES[name]]
    try:
        return [member(token) for token in tokens.split(" ")]
    except ValueError:
        raise _invalid(item, name) from None


def qname(uri: str, local: str, prefix: str = "") -> ep.QName:
    """An xs:QName value of parts that are known to be valid."""
    made: Any = ep.QName.__new__(ep.QName)
    made.uri, made.local_name = uri, local
    made.prefix = prefix or None
    made.qname = f"{prefix}:{local}" if prefix else local
    return made  # type: ignore[no-any-return]


def _qname(item: Any, static: StaticContext | None) -> ep.QName:
    """A lexical QName with the static namespaces; unprefixed in the default element namespace (F&O 3.1, 19.2)."""
    if type(item) is ep.QName:
        return item
    if type(item) is not UntypedAtomic and type(item) not in STRING_CLASSES:
        raise _impossible(item, "QName")
    match = _QNAME.fullmatch(collapsed(atomic_text(item)))
    if match is None:
        raise _invalid(item, "QName")
    prefix, local = match[1] or "", match[2]
    if not prefix:
        return qname(static.default_element_namespace if static is not None else "", local)
    uri = static.namespaces.get(prefix) if static is not None else None
    if not uri:
        raise XQueryError(
            "FONS0004", f"No namespace is declared for the prefix {prefix}", marklogic_code="XDMP-UNBPRFX"
        )
    return qname(uri, local, prefix)


# --------------------------------------------------------------------------------------------------------------- errors


def _shown(item: Any) -> str:
    """An operand in a message."""
    if type(item) is float or type(item) is Decimal or type(item) is int:
        return atomic_text(item)
    text = atomic_text(item)
    text = text if len(text) <= 64 else f"{text[:61]}..."
    quoted = '"' + text.replace('"', '""') + '"'
    return quoted if type(item) is str or type(item) is UntypedAtomic else f"{type_name(item)}({quoted})"


def _invalid(item: Any, name: str) -> XQueryError:
    return XQueryError("FORG0001", f"Invalid cast: {_shown(item)} cast as xs:{name}")


def _impossible(item: Any, name: str) -> XQueryError:
    if type(item) not in ATOMIC_CLASSES:
        return XQueryError("XPTY0004", f"Invalid cast: {type_name(item)} cast as xs:{name}")
    return XQueryError(
        "XPTY0004", f"Invalid cast: {type_name(item)} cannot be cast as xs:{name}", marklogic_code="XDMP-CAST"
    )
