"""fn:parse-ietf-date: dates as mail, HTTP and C's asctime write them (F&O 3.1, section 9.9.3)."""

from __future__ import annotations

import re
from typing import Final

from elementpath.datatypes import DateTime

from xquery_bridge.errors import XQueryError
from xquery_bridge.library.fn.namespace import FN

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
#: name -> hours from UTC
_ZONES: Final = {
    "ut": 0,
    "utc": 0,
    "gmt": 0,
    "est": -5,
    "edt": -4,
    "cst": -6,
    "cdt": -5,
    "mst": -7,
    "mdt": -6,
    "pst": -8,
    "pdt": -7,
}

_S: Final = r"[ \t\r\n]+"
_S0: Final = r"[ \t\r\n]*"
_SEPARATOR: Final = rf"(?:{_S0}-{_S0}|{_S})"
_DAY_NAME: Final = r"(?:mon|tue|wed|thu|fri|sat|sun|monday|tuesday|wednesday|thursday|friday|saturday|sunday)"
_MONTH: Final = f"(?:{'|'.join(_MONTHS)})"
_ZONE: Final = f"(?:{'|'.join(_ZONES)})"


def _time(group: str) -> str:
    offset = (
        rf"(?P<sign{group}>[+-])(?P<zh{group}>[0-9]{{1,2}}):?(?P<zm{group}>[0-9]{{2}})?(?:{_S0}\({_S0}{_ZONE}{_S0}\))?"
    )
    return (
        rf"(?P<h{group}>[0-9]{{1,2}}):(?P<m{group}>[0-9]{{2}})(?::(?P<s{group}>[0-9]{{2}}(?:\.[0-9]+)?))?"
        rf"(?:{_S0}(?:(?P<zone{group}>{_ZONE})|{offset}))?"
    )


_YEAR: Final = r"[0-9]{2}|[0-9]{4}"
_MAIL: Final = rf"(?P<d1>[0-9]{{1,2}}){_SEPARATOR}(?P<mon1>{_MONTH}){_SEPARATOR}(?P<y1>{_YEAR}){_S}{_time('1')}"
_ASCTIME: Final = rf"(?P<mon2>{_MONTH}){_SEPARATOR}(?P<d2>[0-9]{{1,2}}){_S}{_time('2')}{_S}(?P<y2>{_YEAR})"
_DATE: Final = re.compile(rf"{_S0}(?:{_DAY_NAME},?{_S})?(?:{_MAIL}|{_ASCTIME}){_S0}", re.IGNORECASE | re.ASCII)


@FN.row("parse-ietf-date($value as xs:string?) as xs:dateTime?")
def parse_ietf_date(text: str | None) -> DateTime | None:
    """The dateTime that a text in one of those forms means; in UTC when it names no timezone. Raises FORG0010."""
    if text is None:
        return None
    found = _DATE.fullmatch(text)
    if found is None:
        raise XQueryError("FORG0010", f"{text!r} is not a date as mail, HTTP or asctime write them")
    way = "1" if found["mon1"] else "2"
    month = _MONTHS.index(found[f"mon{way}"].lower()) + 1
    year = found[f"y{way}"]
    written = (
        f"{'19' if len(year) == 2 else ''}{year}-{month:02}-{int(found[f'd{way}']):02}"
        f"T{int(found[f'h{way}']):02}:{found[f'm{way}']}:{found[f's{way}'] or '00'}{_offset(found, way)}"
    )
    try:
        return DateTime.fromstring(written)
    except (ValueError, OverflowError):
        raise XQueryError("FORG0010", f"{text!r} is not a date: a part is out of its range") from None


def _offset(found: re.Match[str], way: str) -> str:
    zone = found[f"zone{way}"]
    if zone is not None:
        hours = _ZONES[zone.lower()]
        return f"{'-' if hours < 0 else '+'}{abs(hours):02}:00"
    sign = found[f"sign{way}"]
    if sign is None:
        return "Z"
    return f"{sign}{int(found[f'zh{way}']):02}:{found[f'zm{way}'] or '00'}"
