"""xdmp: functions on atomic values: types, digests, encodings, numbers in other bases, 64-bit arithmetic, dates."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote, quote_plus, unquote_plus

from elementpath.datatypes import DateTime, QName, UnsignedLong

from xquery_bridge.errors import XQueryError
from xquery_bridge.library.fn.date_pictures import DAYS, MONTHS
from xquery_bridge.library.marklogic.xdmp import XDMP
from xquery_bridge.runtime.atomic import atomic_type
from xquery_bridge.runtime.context import XS
from xquery_bridge.runtime.values import string_of


@XDMP.row("type($value as xs:anyAtomicType) as xs:QName")
def type_of(value: Any) -> QName:
    """The type of an atomic value as a QName without a prefix."""
    return QName(XS, atomic_type(value))


@XDMP.row("atomizable($item as item()) as xs:boolean")
def atomizable(item: Any) -> bool:
    """Whether an item has a typed value."""
    from xquery_bridge.runtime.values import atomize

    try:
        atomize(item)
    except XQueryError:
        return False
    return True


# -------------------------------------------------------------------------------------------------------------- digests


def _bytes(item: Any) -> bytes:
    """The bytes that a digest is of: a binary's, else the UTF-8 of the string value."""
    if getattr(item, "kind", "") == "binary":
        return bytes(item.value)
    return string_of(item).encode("utf-8", "surrogatepass")


def _encoded(digest: bytes, encoding: str | None) -> str:
    if encoding in (None, "hex"):
        return digest.hex()
    if encoding == "base64":
        return base64.b64encode(digest).decode()
    raise XQueryError("FOER0000", f'An encoding is "hex" or "base64", not "{encoding}"', marklogic_code="XDMP-ARG")


def _digest(name: str) -> None:
    def digest(item: Any, encoding: str | None = None) -> str:
        """The digest of a string or a binary, in hexadecimal or base64."""
        return _encoded(hashlib.new(name, _bytes(item), usedforsecurity=False).digest(), encoding)

    XDMP.add(f"{name}($data as item()) as xs:string", digest)
    XDMP.add(f"{name}($data as item(), $encoding as xs:string?) as xs:string", digest)


def _hmac(name: str) -> None:
    def hmac_digest(secret: Any, message: Any, encoding: str | None = None) -> str:
        """The keyed digest of a message, in hexadecimal or base64."""
        import hmac

        return _encoded(hmac.new(_bytes(secret), _bytes(message), name).digest(), encoding)

    XDMP.add(f"hmac-{name}($secretkey as item(), $message as item()) as xs:string", hmac_digest)
    XDMP.add(
        f"hmac-{name}($secretkey as item(), $message as item(), $encoding as xs:string?) as xs:string", hmac_digest
    )


for _name in ("md5", "sha1", "sha256", "sha384", "sha512"):
    _digest(_name)
for _name in ("md5", "sha1", "sha256", "sha512"):
    _hmac(_name)


def _hash(bits: int) -> Callable[[str], UnsignedLong]:
    def hash_of(text: str) -> UnsignedLong:
        """A hash of a string, the same in every run."""
        return UnsignedLong(int.from_bytes(hashlib.sha256(text.encode()).digest()[: bits // 8], "big"))

    return hash_of


XDMP.add("hash32($string as xs:string) as xs:unsignedLong", _hash(32))
XDMP.add("hash64($string as xs:string) as xs:unsignedLong", _hash(64))


# ------------------------------------------------------------------------------------------------------------ encodings


@XDMP.row("base64-encode($plaintext as xs:string) as xs:string")
def base64_encode(text: str) -> str:
    """The base64 form of a string's UTF-8."""
    return base64.b64encode(text.encode("utf-8", "surrogatepass")).decode()


@XDMP.row("base64-decode($encoded as xs:string) as xs:string")
def base64_decode(text: str) -> str:
    """The string that a base64 form stands for. Raises XDMP-BASE64 for what is none."""
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode("utf-8", "replace")
    except binascii.Error as error:
        raise XQueryError("FOER0000", "Not base64", detail=str(error), marklogic_code="XDMP-BASE64") from None


@XDMP.row("url-encode($plaintext as xs:string) as xs:string")
@XDMP.row("url-encode($plaintext as xs:string, $noSpacePlus as xs:boolean?) as xs:string")
def url_encode(text: str, percent: bool | None = None) -> str:
    """A string with what is not allowed in a query part escaped; blanks as "+", or as %20."""
    return quote(text, safe="") if percent else quote_plus(text)


@XDMP.row("url-decode($encoded as xs:string) as xs:string")
def url_decode(text: str) -> str:
    """The string that an escaped one stands for."""
    return unquote_plus(text)


def _number_in(base: int, name: str) -> None:
    digits: Final = "0123456789abcdef"

    def to_text(number: int) -> str:
        """An integer in another base."""
        rest, text = abs(number), ""
        while rest or not text:
            rest, digit = divmod(rest, base)
            text = digits[digit] + text
        return f"-{text}" if number < 0 else text

    def to_integer(text: str) -> int:
        """The integer that a text in another base stands for."""
        try:
            return int(text.strip(), base)
        except ValueError:
            raise XQueryError("FORG0001", f"Invalid cast: {text!r} is no {name} number") from None

    XDMP.add(f"integer-to-{name}($val as xs:integer) as xs:string", to_text)
    XDMP.add(f"{name}-to-integer(${name} as xs:string) as xs:integer", to_integer)


for _base, _name in ((2, "binary"), (8, "octal"), (16, "hex")):
    _number_in(_base, _name)


@XDMP.row("key-from-QName($name as xs:QName) as xs:string")
def key_from_qname(name: QName) -> str:
    """A QName in Clark notation, as keys of maps have it."""
    return f"{{{name.namespace}}}{name.local_name}" if name.namespace else name.local_name


@XDMP.row("QName-from-key($key as xs:string) as xs:QName")
def qname_from_key(key: str) -> QName:
    """The QName that Clark notation stands for."""
    uri, _, local = key[1:].partition("}") if key.startswith("{") else ("", "", key)
    return QName(uri or None, local)


# -------------------------------------------------------------------------------------------------------------- numbers

_MODULUS: Final = 2**64


@XDMP.row("random() as xs:unsignedLong", deterministic=False, effects=True)
def random() -> UnsignedLong:
    """A random number of 64 bits."""
    return UnsignedLong(secrets.randbelow(_MODULUS))


@XDMP.row("random($max as xs:unsignedLong) as xs:unsignedLong", deterministic=False, effects=True)
def random_up_to(most: int) -> UnsignedLong:
    """A random number from 0 to a largest one."""
    return UnsignedLong(secrets.randbelow(most + 1))


_OPERATIONS_64: Final[dict[str, Callable[[int, int], int]]] = {
    "add64": lambda x, y: x + y,
    "mul64": lambda x, y: x * y,
    "and64": lambda x, y: x & y,
    "or64": lambda x, y: x | y,
    "xor64": lambda x, y: x ^ y,
    "step64": lambda x, y: x + (y or 1) * 0x9E3779B97F4A7C15,
}


def _operation_64(name: str, operation: Callable[[int, int], int]) -> None:
    def apply(left: int, right: int) -> UnsignedLong:
        """Arithmetic modulo 2 to the 64th."""
        return UnsignedLong(operation(int(left), int(right)) % _MODULUS)

    XDMP.add(f"{name}($x as xs:unsignedLong, $y as xs:unsignedLong) as xs:unsignedLong", apply)


for _name, _operation in _OPERATIONS_64.items():
    _operation_64(_name, _operation)


@XDMP.row("not64($x as xs:unsignedLong) as xs:unsignedLong")
def not64(number: int) -> UnsignedLong:
    """The complement of 64 bits."""
    return UnsignedLong(int(number) ^ (_MODULUS - 1))


@XDMP.row("lshift64($x as xs:unsignedLong, $y as xs:integer) as xs:unsignedLong")
def lshift64(number: int, places: int) -> UnsignedLong:
    """64 bits moved to the left, by a negative number to the right."""
    moved = int(number) << places if places >= 0 else int(number) >> -places
    return UnsignedLong(moved % _MODULUS)


@XDMP.row("rshift64($x as xs:unsignedLong, $y as xs:integer) as xs:unsignedLong")
def rshift64(number: int, places: int) -> UnsignedLong:
    """64 bits moved to the right, by a negative number to the left."""
    return lshift64(number, -places)


# ---------------------------------------------------------------------------------------------------------------- dates

_DATE_PARTS: Final[dict[str, tuple[str, Callable[[Any], Any]]]] = {
    "dayname-from-date": ("xs:string", lambda date: DAYS[date.weekday()]),
    "month-name-from-date": ("xs:string", lambda date: MONTHS[date.month - 1]),
    "quarter-from-date": ("xs:integer", lambda date: (date.month + 2) // 3),
    "week-from-date": ("xs:integer", lambda date: date.isocalendar()[1]),
    "weekday-from-date": ("xs:integer", lambda date: date.isoweekday()),
    "yearday-from-date": ("xs:integer", lambda date: date.timetuple().tm_yday),
}


def _date_part(name: str, result: str, part: Callable[[Any], Any]) -> None:
    def apply(date: Any) -> Any:
        """A part of a date."""
        import datetime

        return None if date is None else part(datetime.date(date.year, date.month, date.day))

    XDMP.add(f"{name}($arg as xs:date?) as {result}?", apply)


for _name, (_result, _part) in _DATE_PARTS.items():
    _date_part(_name, _result, _part)


@XDMP.row("strftime($format as xs:string, $value as xs:dateTime) as xs:string")
def strftime(pattern: str, moment: Any) -> str:
    """A dateTime in the form of a C format."""
    import datetime

    zone = None if moment.tzinfo is None else datetime.timezone(moment.tzinfo.offset)
    plain = datetime.datetime(
        moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second, tzinfo=zone
    )
    return plain.strftime(pattern)


@XDMP.row("timestamp-to-wallclock($timestamp as xs:unsignedLong) as xs:dateTime")
def timestamp_to_wallclock(timestamp: int) -> Any:
    """The time of a timestamp, which counts units of 100 nanoseconds since 1970."""
    import datetime

    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=int(timestamp) // 10)
    return DateTime.fromstring(moment.isoformat())


@XDMP.row("wallclock-to-timestamp($timestamp as xs:dateTime) as xs:unsignedLong")
def wallclock_to_timestamp(moment: Any) -> UnsignedLong:
    """The timestamp of a time."""
    import datetime

    plain = datetime.datetime(
        moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second, moment.microsecond
    )
    if moment.tzinfo is not None:
        plain -= moment.tzinfo.offset
    return UnsignedLong(round((plain - datetime.datetime(1970, 1, 1)) / datetime.timedelta(microseconds=1)) * 10)


@XDMP.row("position($test as xs:string?, $target as xs:string?) as xs:integer?")
def position(part: str | None, text: str | None) -> int | None:
    """Where a string first occurs in another, counted from 1; 0 for nowhere."""
    return None if part is None or text is None else text.find(part) + 1


@XDMP.row("diacritic-less($string as xs:string) as xs:string")
def diacritic_less(text: str) -> str:
    """A string without its diacritics."""
    import unicodedata

    return "".join([char for char in unicodedata.normalize("NFD", text) if not unicodedata.combining(char)])


@XDMP.row("initcap($string as xs:string?) as xs:string?")
def initcap(text: str | None) -> str | None:
    """A string with a capital at the beginning of each word."""
    return None if text is None else text.title()
