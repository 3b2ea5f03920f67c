"""xdmp:parse-dateTime: dates read by a picture, the reverse of fn:format-dateTime."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from elementpath.datatypes import DateTime

from xquery_bridge.errors import XQueryError
from xquery_bridge.library.fn.date_pictures import MONTHS
from xquery_bridge.library.marklogic.xdmp import XDMP

_MARKER: Final = re.compile(r"\[\[|\]\]|\[\s*([A-Za-z])([^\]]*)\]")
_MONTH_NAMES: Final = {name[:length].casefold(): at for at, name in enumerate(MONTHS, 1) for length in (3, len(name))}


def _number(text: str) -> int:
    return int(text)


def _month(text: str) -> int:
    return int(text) if text.isdigit() else _MONTH_NAMES[text.casefold()]


def _zone(text: str) -> str:
    text = text.strip().removeprefix("GMT").removeprefix("UTC")
    if text in ("", "Z"):
        return "Z"
    sign, digits = text[0], text[1:].replace(":", "")
    hours, minutes = (digits[:-2], digits[-2:]) if len(digits) > 2 else (digits, "00")
    return f"{sign}{int(hours):02}:{minutes}"


_ZONE: Final = r"(?:GMT|UTC)?(?:Z|[+-]\d{1,2}(?::?\d\d)?)?"

#: Component -> (what its text looks like, how it is read, the part of the date it is).
_COMPONENTS: Final[dict[str, tuple[str, Callable[[str], Any], str]]] = {
    "Y": (r"-?\d+", _number, "year"),
    "M": (r"\d+|[A-Za-z]+", _month, "month"),
    "D": (r"\d+", _number, "day"),
    "H": (r"\d+", _number, "hour"),
    "h": (r"\d+", _number, "half"),
    "m": (r"\d+", _number, "minute"),
    "s": (r"\d+", _number, "second"),
    "f": (r"\d+", str, "fraction"),
    "P": (r"[AaPp]\.?[Mm]\.?", lambda text: text[0].lower(), "noon"),
    "F": (r"[A-Za-z]+", str, "weekday"),
    "Z": (_ZONE, _zone, "zone"),
    "z": (_ZONE, _zone, "zone"),
}


def _pattern(picture: str) -> tuple[re.Pattern[str], list[str]]:
    """The regular expression of a picture, and the component that each of its groups is."""
    parts: list[str] = []
    components: list[str] = []
    at = 0
    for found in _MARKER.finditer(picture):
        parts.append(re.escape(picture[at : found.start()]))
        at = found.end()
        if found[1] is None:
            parts.append(re.escape(found[0][0]))
            continue
        if found[1] not in _COMPONENTS:
            raise XQueryError("FOFD1340", f"Component {found[0]} of a picture cannot be read", expression=picture)
        shape = _COMPONENTS[found[1]][0]
        width = len(re.match(r"\d*", found[2])[0])  # type: ignore[index]
        if shape == r"\d+" and width > 1:  # [D01] next to another number has just these digits
            shape = rf"\d{{{width}}}"
        elif found[1] == "Y" and width > 1:
            shape = rf"-?\d{{{width},}}?"
        parts.append(f"({shape})")
        components.append(found[1])
    parts.append(re.escape(picture[at:]))
    return re.compile("".join(parts)), components


@XDMP.row("parse-dateTime($picture as xs:string, $value as xs:string) as xs:dateTime")
@XDMP.row("parse-dateTime($picture as xs:string, $value as xs:string, $language as xs:string?) as xs:dateTime")
@XDMP.row(
    "parse-dateTime($picture as xs:string, $value as xs:string, $language as xs:string?, $calendar as xs:string?)"
    " as xs:dateTime"
)
@XDMP.row(
    "parse-dateTime($picture as xs:string, $value as xs:string, $language as xs:string?, $calendar as xs:string?,"
    " $country as xs:string?) as xs:dateTime"
)
def parse_date_time(
    picture: str, text: str, language: str | None = None, calendar: str | None = None, country: str | None = None
) -> DateTime:
    """The dateTime that a text says by a picture, such as `[Y0001]-[M01]-[D01]`; English names of months.

    Raises FOFD1340 for a picture, XDMP-DATETIME for a text that does not fit.
    """
    pattern, components = _pattern(picture)
    match = pattern.fullmatch(text)
    if match is None:
        raise _unfit(picture, text)
    parts: dict[str, Any] = {"year": 1, "month": 1, "day": 1, "hour": 0, "minute": 0, "second": 0, "zone": ""}
    try:
        for component, value in zip(components, match.groups(), strict=True):
            _, read, name = _COMPONENTS[component]
            parts[name] = read(value)
    except KeyError:
        raise _unfit(picture, text) from None
    if "half" in parts:
        parts["hour"] = parts["half"] % 12 + (12 if parts.get("noon") == "p" else 0)
    fraction = f".{parts['fraction']}" if "fraction" in parts else ""
    date = f"{parts['year']:04}-{parts['month']:02}-{parts['day']:02}"
    time = f"{parts['hour']:02}:{parts['minute']:02}:{parts['second']:02}{fraction}"
    try:
        return DateTime.fromstring(f"{date}T{time}{parts['zone']}")
    except (ValueError, OverflowError):
        raise _unfit(picture, text) from None


def _unfit(picture: str, text: str) -> XQueryError:
    return XQueryError(
        "FORG0001",
        f'"{text}" is no date and time in the form "{picture}"',
        expression="xdmp:parse-dateTime",
        marklogic_code="XDMP-DATETIME",
    )
