"""fn:format-dateTime, fn:format-date and fn:format-time (F&O 3.1, section 9.8).

Names are English and the calendar is the Gregorian one; a query that asks for others is told so in the result, as
section 9.8.4.8 has it.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from xquery_bridge.errors import XQueryError
from xquery_bridge.library.fn.integer_pictures import DigitPattern, PictureError, digit_pattern, formatted, is_digit
from xquery_bridge.library.fn.namespace import FN
from xquery_bridge.runtime.date_times import Fields, add_microseconds, build, days_before, fields, month_length

MONTHS: Final = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
DAYS: Final = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_CALENDARS: Final = frozenset(
    [
        "AD",
        "AH",
        "AME",
        "AM",
        "AP",
        "AS",
        "BE",
        "CB",
        "CE",
        "CL",
        "CS",
        "EE",
        "FE",
        "ISO",
        "JE",
        "KE",
        "KY",
        "ME",
        "MS",
        "NS",
        "OS",
        "RS",
        "SE",
        "SH",
        "SS",
        "TE",
        "VE",
        "VS",
    ]
)
_GREGORIAN: Final = ("AD", "ISO")
#: component -> what it is formatted by when the picture does not say
_DEFAULTS: Final = {
    **dict.fromkeys("YMDdWwHhf", "1"),
    **dict.fromkeys("FPCE", "n"),
    **dict.fromkeys("ms", "01"),
    **dict.fromkeys("Zz", "01:01"),
}
#: kind of value -> the components it does not have
_MISSING: Final = {"dateTime": "", "date": "HhPmsf", "time": "YMDdFWwE"}
_MARKER: Final = re.compile(r"\[\[|\]\]|\[([^\[\]]*)\]|([\[\]])")
_WIDTH: Final = re.compile(r"(\*|[0-9]+)(?:-(\*|[0-9]+))?")
_EQNAME: Final = re.compile(r"(?:Q\{([^{}]*)\}|([\w.\-]+):)?([\w.\-]+)")


def _bad(picture: str, why: str) -> XQueryError:
    return XQueryError("FOFD1340", f"Invalid picture string {picture!r}: {why}")


@dataclass(frozen=True, slots=True)
class _Component:
    """A variable marker: component, first presentation modifier, whether ordinal, traditional, least and most width."""

    letter: str
    token: str
    as_ordinal: bool
    traditional: bool
    least: int
    most: int | None
    has_width: bool


@lru_cache(maxsize=512)
def _parts(picture: str) -> tuple[str | _Component, ...]:
    """A picture as literal text and components. Raises FOFD1340."""
    parts: list[str | _Component] = []
    at = 0
    for found in _MARKER.finditer(picture):
        if found.start() > at:
            parts.append(picture[at : found.start()])
        at = found.end()
        if found[2] is not None:
            raise _bad(picture, f"{found[2]!r} without its partner")
        parts.append(found[0][0] if found[1] is None else _component(picture, "".join(found[1].split())))
    if at < len(picture):
        parts.append(picture[at:])
    return tuple(parts)


def _component(picture: str, marker: str) -> _Component:
    letter, rest = marker[:1], marker[1:]
    if letter not in _DEFAULTS or not letter:
        raise _bad(picture, f"no component {letter!r}")
    token, comma, width = rest.rpartition(",")
    least, most = 0, None
    if comma:
        found = _WIDTH.fullmatch(width)
        if found is None:
            raise _bad(picture, f"{width!r} is no width")
        least = 0 if found[1] == "*" else int(found[1])
        most = None if found[2] in (None, "*") else int(found[2])
        if (found[1] != "*" and least == 0) or (most is not None and (most == 0 or most < least)):
            raise _bad(picture, f"{width!r} is no width")
    else:
        token = rest
    modifier = token[-1] if len(token) > 1 and token[-1] in "atco" else ""
    token = (token[:-1] if modifier else token) or _DEFAULTS[letter]
    try:
        if any(map(is_digit, token)) and letter not in "Zz":
            digit_pattern(token[::-1] if letter == "f" else token)
        elif "#" in token:
            raise PictureError("no mandatory digit")
    except PictureError as error:
        raise _bad(picture, str(error)) from None
    return _Component(letter, token, modifier == "o", modifier == "t", least, most, bool(comma))


# ----------------------------------------------------------------------------------------------------------- components


def _weekday(of: Fields) -> int:
    return days_before(of.year, of.month, of.day) % 7 + 1


def _day_of_year(of: Fields) -> int:
    return days_before(of.year, of.month, of.day) - days_before(of.year, 1, 1) + 1


def _week_of_year(of: Fields) -> int:
    """The week by ISO 8601: the first one has the year's first Thursday."""
    thursday = days_before(of.year, of.month, of.day) - _weekday(of) + 4
    year = of.year
    if thursday < days_before(year, 1, 1):
        year -= 1
    elif thursday >= days_before(year + 1, 1, 1):
        year += 1
    return (thursday - days_before(year, 1, 1)) // 7 + 1


def _week_of_month(of: Fields) -> int:
    """The week of the month: the first one has its first Thursday; days before it count with the month before."""
    thursday = of.day - _weekday(of) + 4
    if thursday < 1:
        year, month = (of.year, of.month - 1) if of.month > 1 else (of.year - 1, 12)
        thursday += month_length(year, month)
    return (thursday - 1) // 7 + 1


_NUMBERS: Final[dict[str, Callable[[Fields], int]]] = {
    "Y": lambda of: abs(of.year),
    "M": lambda of: of.month,
    "D": lambda of: of.day,
    "d": _day_of_year,
    "F": _weekday,
    "W": _week_of_year,
    "w": _week_of_month,
    "H": lambda of: of.hour,
    "h": lambda of: of.hour % 12 or 12,
    "P": lambda of: of.hour // 12,
    "m": lambda of: of.minute,
    "s": lambda of: of.second,
    "C": lambda of: 1,
    "E": lambda of: int(of.year > 0),
}
_NAMES: Final[dict[str, Callable[[Fields], str]]] = {
    "M": lambda of: MONTHS[of.month - 1],
    "F": lambda of: DAYS[_weekday(of) - 1],
    "P": lambda of: "Pm" if of.hour >= 12 else "Am",
    "C": lambda of: "AD",
    "E": lambda of: "AD" if of.year > 0 else "BC",
}
#: Names that stand in capitals whatever the picture says of the case of their other letters.
_CAPITALS: Final = "CE"


def _name(part: _Component, of: Fields) -> str:
    name = _NAMES[part.letter](of)
    if part.most is not None and len(name) > part.most:
        name = name[: max(3, part.least)] if part.most >= 3 else name[: part.most]
    name = name.ljust(part.least)
    if part.token == "N":
        return name.upper()
    return name if part.token == "Nn" or part.letter in _CAPITALS else name.lower()


def _number(part: _Component, of: Fields) -> str:
    number = _NUMBERS[part.letter](of)
    token = part.token
    if token in ("N", "n", "Nn"):
        token = "1"
    least, most = part.least, part.most
    pattern: DigitPattern | None = digit_pattern(token) if any(map(is_digit, token)) else None
    if part.letter == "Y":
        if not part.has_width and pattern is not None and pattern.size > 1:
            most = pattern.size
        if most is not None:
            number %= 10**most
    return formatted(number, token, as_ordinal=part.as_ordinal, least=least).ljust(least)


def _fraction(part: _Component, of: Fields) -> str:
    """Fractions of a second: digits count from the point, so the pattern is read from its end; more digits are cut."""
    digits = f"{of.microsecond:06}".rstrip("0")
    if not any(map(is_digit, part.token)):
        return formatted(of.microsecond, part.token, as_ordinal=part.as_ordinal)
    pattern = digit_pattern(part.token[::-1])
    least = max(pattern.least, part.least)
    most = part.most if part.has_width else pattern.size if pattern.size > 1 else None
    if most is not None:
        digits = digits[: max(least, most)].rstrip("0")
    return pattern.grouped(digits.ljust(least, "0")[::-1])[::-1]


_MILITARY: Final = "YXWVUTSRQPONZABCDEFGHIKLM"


def _timezone(part: _Component, of: Fields, zone_name: str | None) -> str:
    offset, token = of.offset, part.token
    if token == "Z" and part.letter == "Z":
        if offset is None:
            return "J"
        if offset % 60 == 0 and abs(offset) <= 720:
            return _MILITARY[offset // 60 + 12]
        token = "01:01"
    if offset is None:
        return ""
    if token in ("N", "n", "Nn"):
        if zone_name is not None:
            return {"N": zone_name.upper(), "n": zone_name.lower(), "Nn": zone_name}[token]
        if offset == 0:
            return "utc" if token == "n" else "UTC"
        token = "01:01"
    if part.traditional and offset == 0:
        return "Z"
    prefix = "GMT" if part.letter == "z" else ""
    if not any(map(is_digit, token)):
        token = "01:01"
    hours, minutes = divmod(abs(offset), 60)
    sign = "-" if offset < 0 else "+"
    at = [index for index, char in enumerate(token) if is_digit(char)]
    separator = token[at[0] : at[-1] + 1].strip("".join([token[index] for index in at])) if len(at) > 1 else ""
    pattern = digit_pattern(token[at[0]])
    if separator:
        split = token.index(separator)
        hour_digits = sum(index < split for index in at)
        text = pattern.write(hours, hour_digits) + separator + pattern.write(minutes, len(at) - hour_digits)
    elif len(at) <= 2:
        text = pattern.write(hours, len(at)) + (f":{pattern.write(minutes, 2)}" if minutes else "")
    else:
        text = pattern.write(hours, len(at) - 2) + pattern.write(minutes, 2)
    return f"{prefix}{sign}{text}"


# ----------------------------------------------------------------------------------------------------------- formatting


def _format(kind: str, value: Any, picture: str, language: str | None, calendar: str | None, place: str | None) -> Any:
    if value is None:
        return None
    parts = _parts(picture)
    before = _announced(language, calendar)
    value, zone_name = _in_place(kind, value, place)
    of = fields(value)
    text: list[str] = []
    for part in parts:
        if isinstance(part, str):
            text.append(part)
        elif part.letter in _MISSING[kind]:
            raise XQueryError("FOFD1350", f"A picture asks for the component {part.letter} of an xs:{kind}")
        elif part.letter in "Zz":
            text.append(_timezone(part, of, zone_name))
        elif part.letter == "f":
            text.append(_fraction(part, of))
        elif part.letter in _NAMES and part.token in ("N", "n", "Nn"):
            text.append(_name(part, of))
        else:
            text.append(_number(part, of))
    return before + "".join(text)


def _announced(language: str | None, calendar: str | None) -> str:
    """What stands before the result when another language or calendar was asked for. Raises FOFD1340."""
    before = ""
    if language is not None and language.lower().partition("-")[0] not in ("en", ""):
        before = "[Language: en]"
    if calendar is not None:
        found = _EQNAME.fullmatch(calendar.strip())
        if found is None or (not found[1] and not found[2] and found[3] not in _CALENDARS):
            raise XQueryError("FOFD1340", f"{calendar!r} is not a calendar")
        if found[1] or found[2] or found[3] not in _GREGORIAN:
            before += "[Calendar: AD]"
    return before


def _in_place(kind: str, value: Any, place: str | None) -> tuple[Any, str | None]:
    """A dateTime with a timezone in that of a place (an IANA name), and what the timezone is called there."""
    of = fields(value)
    if place is None or "/" not in place or kind != "dateTime" or of.offset is None or not 1 < of.year < 9999:
        return value, None
    try:
        zone = ZoneInfo(place)
    except (KeyError, ValueError, OSError):
        return value, None
    own = datetime.timezone(datetime.timedelta(minutes=of.offset))
    there = datetime.datetime(*of[:7], own).astimezone(zone)
    away = there.utcoffset()
    assert away is not None
    minutes = round(away.total_seconds()) // 60
    moved = add_microseconds(value, (minutes - of.offset) * 60_000_000)
    return build(type(value), fields(moved)._replace(offset=minutes)), there.tzname()


def _formatter(kind: str) -> Callable[..., Any]:
    def format_value(
        value: Any, picture: str, language: str | None = None, calendar: str | None = None, place: str | None = None
    ) -> Any:
        return _format(kind, value, picture, language, calendar, place)

    format_value.__doc__ = (
        f"An xs:{kind} by a picture. Raises FOFD1340 for a malformed one, FOFD1350 for a missing part."
    )
    return format_value


for _kind in ("dateTime", "date", "time"):
    _implementation = _formatter(_kind)
    FN.add(f"format-{_kind}($value as xs:{_kind}?, $picture as xs:string) as xs:string?", _implementation)
    FN.add(
        f"format-{_kind}($value as xs:{_kind}?, $picture as xs:string, $language as xs:string?,"
        " $calendar as xs:string?, $place as xs:string?) as xs:string?",
        _implementation,
    )
