"""Dates, times and durations: lexical forms, fields, the time line, and adding to them (F&O 3.1, chapters 8 and 9).

The classes are elementpath's. This module makes and reads them by itself, since elementpath takes the leap years beyond
9999 wrong, writes years before -9999 wrong, and adds to dates by way of Python's datetime. Years here are astronomical,
as in XSD 1.1: 0 is 1 BCE. elementpath keeps that year as -1. Fractions of a second have six digits; more are cut.
"""

from __future__ import annotations

import datetime
import math
import re
from calendar import isleap
from decimal import Decimal
from typing import Any, Final, NamedTuple

from elementpath import datatypes as ep
from elementpath.datatypes import Timezone

from xquery_bridge.errors import XQueryError

_ZONE: Final = r"(?P<zone>Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))?"
_YEAR: Final = r"(?P<year>-?(?:[1-9][0-9]{3,}|0[0-9]{3}))"
_MONTH: Final = r"(?P<month>0[1-9]|1[0-2])"
_DAY: Final = r"(?P<day>0[1-9]|[12][0-9]|3[01])"
_TIME: Final = (
    r"(?:(?P<hour>[01][0-9]|2[0-3]):(?P<minute>[0-5][0-9]):(?P<second>[0-5][0-9])(?:\.(?P<fraction>[0-9]+))?"
    r"|(?P<midnight>24:00:00(?:\.0+)?))"
)

#: Local name -> class of its values, lexical form.
_FORMS: Final[dict[str, tuple[type, re.Pattern[str]]]] = {
    name: (kind, re.compile(form + _ZONE))
    for name, kind, form in (
        ("dateTime", ep.DateTime, f"{_YEAR}-{_MONTH}-{_DAY}T{_TIME}"),
        ("dateTimeStamp", ep.DateTimeStamp, f"{_YEAR}-{_MONTH}-{_DAY}T{_TIME}"),
        ("date", ep.Date, f"{_YEAR}-{_MONTH}-{_DAY}"),
        ("time", ep.Time, _TIME),
        ("gYear", ep.GregorianYear, _YEAR),
        ("gYearMonth", ep.GregorianYearMonth, f"{_YEAR}-{_MONTH}"),
        ("gMonth", ep.GregorianMonth, f"--{_MONTH}"),
        ("gMonthDay", ep.GregorianMonthDay, f"--{_MONTH}-{_DAY}"),
        ("gDay", ep.GregorianDay, f"---{_DAY}"),
    )
}
#: Fields that a value of a type does not have are those of this date; it begins a leap year.
_REFERENCE_YEAR: Final = 2000
#: elementpath refuses larger years.
_MAX_YEAR: Final = 2**31
_DAY_MICROSECONDS: Final = 86_400_000_000


class Fields(NamedTuple):
    """The local fields of a value; `offset` is the timezone in minutes, None without one."""

    year: int
    month: int
    day: int
    hour: int = 0
    minute: int = 0
    second: int = 0
    microsecond: int = 0
    offset: int | None = None


def month_length(year: int, month: int) -> int:
    """The number of days of a month."""
    return (31, 29 if isleap(year) else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]


def days_before(year: int, month: int, day: int) -> int:
    """Days from 0001-01-01 to a date of the proleptic Gregorian calendar."""
    if 1 <= year <= 9999:
        return datetime.date(year, month, day).toordinal() - 1
    cycles, rest = divmod(year, 400)
    return cycles * 146_097 + datetime.date(rest + 400, month, day).toordinal() - 1 - 146_097


def date_after(days: int) -> tuple[int, int, int]:
    """The date that so many days follow 0001-01-01."""
    cycles, rest = divmod(days, 146_097)
    date = datetime.date.fromordinal(rest + 1)
    return date.year + 400 * cycles, date.month, date.day


def fields(item: Any) -> Fields:
    """The fields of a value of a date or time type."""
    moment = item._dt
    year = item._year
    zone = moment.tzinfo
    return Fields(
        year if year > 0 else year + 1,
        moment.month,
        moment.day,
        moment.hour,
        moment.minute,
        moment.second,
        moment.microsecond,
        None if zone is None else round(zone.utcoffset(None).total_seconds()) // 60,
    )


def build(kind: Any, of: Fields) -> Any:
    """A value of a class from its fields. Raises FODT0001 for a year out of range."""
    year = of.year
    if abs(year) >= _MAX_YEAR:
        raise XQueryError("FODT0001", f"Overflow in date/time operation: year {year}", marklogic_code="XDMP-DATETIME")
    zone = None if of.offset is None else Timezone(datetime.timedelta(minutes=of.offset))
    held = year if 1 <= year <= 9999 else 4 if isleap(year) else 6
    made = kind.__new__(kind)
    made._dt = datetime.datetime(held, of.month, of.day, of.hour, of.minute, of.second, of.microsecond, zone)
    made._year = year if year > 0 else year - 1
    return made


def parse_date_time(text: str, name: str) -> Any:
    """A value of a date or time type from its lexical form, white space collapsed. Raises ValueError."""
    kind, form = _FORMS[name]
    match = form.fullmatch(text)
    if match is None:
        raise ValueError(text)
    parts = match.groupdict()
    zone = parts["zone"]
    if zone is None and name == "dateTimeStamp":
        raise ValueError(text)
    year, month, day = (
        int(parts.get(part) or default) for part, default in (("year", _REFERENCE_YEAR), ("month", 1), ("day", 1))
    )
    if day > month_length(year, month):
        raise ValueError(text)
    offset = None if zone is None else 0 if zone == "Z" else int(zone[1:3]) * 60 + int(zone[4:6])
    if offset and zone is not None and zone[0] == "-":
        offset = -offset
    if parts.get("midnight"):
        if name != "time":
            year, month, day = date_after(days_before(year, month, day) + 1)
        return build(kind, Fields(year, month, day, offset=offset))
    hour, minute, second = (int(parts.get(part) or 0) for part in ("hour", "minute", "second"))
    microsecond = int(f"{parts.get('fraction') or '0':0<6}"[:6])
    return build(kind, Fields(year, month, day, hour, minute, second, microsecond, offset))


def recast(item: Any, name: str) -> Any:
    """A dateTime or date as another type: the fields it has, midnight for those it lacks (F&O 3.1, 19.1.5)."""
    of = fields(item)
    kind = _FORMS[name][0]
    if name == "dateTimeStamp" and of.offset is None:
        raise ValueError(str(item))
    if name in ("dateTime", "dateTimeStamp"):
        return build(kind, of)
    if name == "time":
        return build(kind, of._replace(year=_REFERENCE_YEAR, month=1, day=1))
    return build(
        kind,
        Fields(
            of.year if name in ("date", "gYear", "gYearMonth") else _REFERENCE_YEAR,
            of.month if name not in ("gYear", "gDay") else 1,
            of.day if name in ("date", "gMonthDay", "gDay") else 1,
            offset=of.offset,
        ),
    )


def _year_text(year: int) -> str:
    return f"-{-year:04}" if year < 0 else f"{year:04}"


def zone_text(offset: int | None) -> str:
    """A timezone in minutes as `Z` or `+hh:mm`; "" for none."""
    if not offset:
        return "" if offset is None else "Z"
    return f"{'-' if offset < 0 else '+'}{abs(offset) // 60:02}:{abs(offset) % 60:02}"


#: local name -> how its fields are written; a dateTimeStamp is written as a dateTime.
_WRITTEN: Final = {
    "dateTime": "{y}-{f.month:02}-{f.day:02}T{f.hour:02}:{f.minute:02}:{f.second:02}{part}{zone}",
    "date": "{y}-{f.month:02}-{f.day:02}{zone}",
    "time": "{f.hour:02}:{f.minute:02}:{f.second:02}{part}{zone}",
    "gYear": "{y}{zone}",
    "gYearMonth": "{y}-{f.month:02}{zone}",
    "gMonth": "--{f.month:02}{zone}",
    "gMonthDay": "--{f.month:02}-{f.day:02}{zone}",
    "gDay": "---{f.day:02}{zone}",
}


def date_time_text(item: Any) -> str:
    """The canonical lexical form of a date or time type, its own timezone kept (F&O 3.1, 19.1.2.2)."""
    of = fields(item)
    part = f".{of.microsecond:06}".rstrip("0") if of.microsecond else ""
    name = "dateTime" if item.name == "dateTimeStamp" else item.name
    return _WRITTEN[name].format(y=_year_text(of.year), f=of, part=part, zone=zone_text(of.offset))


def local_microseconds(item: Any) -> int:
    """Microseconds from 0001-01-01T00:00:00 to a value's local time, its timezone left aside."""
    of: datetime.datetime = item._dt
    seconds = of.hour * 3600 + of.minute * 60 + of.second
    year = item._year
    days = days_before(year if year > 0 else year + 1, of.month, of.day)
    return days * _DAY_MICROSECONDS + seconds * 1_000_000 + of.microsecond


def instant(item: Any) -> int:
    """Microseconds from 0001-01-01T00:00:00Z; a value without a timezone is in UTC, the implicit one."""
    zone = item._dt.tzinfo
    local = local_microseconds(item)
    return local if zone is None else local - round(zone.utcoffset(None).total_seconds()) * 1_000_000


def add_months(item: Any, months: int) -> Any:
    """A dateTime or date some months later; the day is cut to the month's length (F&O 3.1, 9.7.1)."""
    of = fields(item)
    years, month = divmod(of.month - 1 + months, 12)
    year = of.year + years
    day = min(of.day, month_length(year, month + 1))
    return build(type(item), of._replace(year=year, month=month + 1, day=day))


def add_time(item: Any, duration: ep.DayTimeDuration) -> Any:
    """A dateTime, date or time a xs:dayTimeDuration later; a date is cut to its day."""
    if type(item) is ep.Date:
        moment: datetime.datetime = item._dt
        if moment.year == item._year:
            try:
                moment += datetime.timedelta(math.floor(duration.seconds) // 86_400)
            except OverflowError:
                pass  # a year that Python has no date for
            else:
                made = _new_date(ep.Date)
                made._dt, made._year = moment, moment.year
                return made
    return add_microseconds(item, microseconds_of(duration))


_new_date: Final = ep.Date.__new__


def add_microseconds(item: Any, microseconds: int) -> Any:
    """A dateTime, date or time some microseconds later, in its own timezone; a time goes round the clock."""
    moment: datetime.datetime = item._dt
    if moment.year == item._year and not isinstance(item, ep.Time):
        try:
            moment += datetime.timedelta(microseconds=microseconds)
        except OverflowError:
            pass  # a year that Python has no date for
        else:
            kind: Any = type(item)
            made = kind.__new__(kind)
            if isinstance(item, ep.Date):
                moment = moment.replace(hour=0, minute=0, second=0, microsecond=0)
            made._dt, made._year = moment, moment.year
            return made
    days, rest = divmod(local_microseconds(item) + microseconds, _DAY_MICROSECONDS)
    of = fields(item)
    if isinstance(item, ep.Date):
        year, month, day = date_after(days)
        return build(type(item), of._replace(year=year, month=month, day=day))
    if isinstance(item, ep.Time):
        year, month, day = of.year, of.month, of.day
    else:
        year, month, day = date_after(days)
    seconds, microsecond = divmod(rest, 1_000_000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return build(type(item), Fields(year, month, day, hour, minute, second, microsecond, of.offset))


# ------------------------------------------------------------------------------------------------------------ durations

_DURATION: Final = re.compile(
    r"(?P<sign>-)?P(?=[0-9T])(?:(?P<years>[0-9]+)Y)?(?:(?P<months>[0-9]+)M)?(?:(?P<days>[0-9]+)D)?"
    r"(?P<time>T(?=[0-9])(?:(?P<hours>[0-9]+)H)?(?:(?P<minutes>[0-9]+)M)?"
    r"(?:(?P<seconds>[0-9]+)(?:\.(?P<fraction>[0-9]+))?S)?)?"
)
#: The longest duration that is held: elementpath's bounds.
_MAX_MONTHS: Final = 2**31
_MAX_SECONDS: Final = 2**63


def duration_overflow() -> XQueryError:
    """FODT0002."""
    return XQueryError("FODT0002", "Overflow in duration operation", marklogic_code="XDMP-DURATION")


def day_time_duration(microseconds: int) -> ep.DayTimeDuration:
    """A xs:dayTimeDuration. Raises FODT0002 when it is too long."""
    if abs(microseconds) >= _MAX_SECONDS * 1_000_000:
        raise duration_overflow()
    made = _new_duration(ep.DayTimeDuration)
    made.months = 0
    made.seconds = Decimal(microseconds).scaleb(-6)
    return made


def duration_of_seconds(seconds: Decimal) -> ep.DayTimeDuration:
    """A xs:dayTimeDuration of seconds with six digits after the point. Raises FODT0002 when it is too long."""
    if not -_MAX_SECONDS < seconds < _MAX_SECONDS:
        raise duration_overflow()
    made = _new_duration(ep.DayTimeDuration)
    made.months = 0
    made.seconds = seconds if seconds else _NO_SECONDS
    return made


_NO_SECONDS: Final = Decimal(0).scaleb(-6)
_new_duration: Final = ep.DayTimeDuration.__new__


def year_month_duration(months: int) -> ep.YearMonthDuration:
    """A xs:yearMonthDuration. Raises FODT0002 when it is too long."""
    if abs(months) >= _MAX_MONTHS:
        raise duration_overflow()
    return ep.YearMonthDuration(months)


def microseconds_of(item: Any) -> int:
    """The days and shorter parts of a duration in microseconds."""
    return int(item.seconds.scaleb(6))


def parse_duration(text: str, name: str) -> Any:
    """A duration of a type from its lexical form, white space collapsed. Raises ValueError, FODT0002."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(text)
    part = match.groupdict()
    if name == "yearMonthDuration" and (part["days"] is not None or part["time"] is not None):
        raise ValueError(text)
    if name == "dayTimeDuration" and (part["years"] is not None or part["months"] is not None):
        raise ValueError(text)
    sign = -1 if part["sign"] else 1
    months = int(part["years"] or 0) * 12 + int(part["months"] or 0)
    minutes = (int(part["days"] or 0) * 24 + int(part["hours"] or 0)) * 60 + int(part["minutes"] or 0)
    seconds = minutes * 60 + int(part["seconds"] or 0)
    microseconds = seconds * 1_000_000 + int(f"{part['fraction'] or '0':0<6}"[:6])
    if name == "yearMonthDuration":
        return year_month_duration(sign * months)
    if name == "dayTimeDuration":
        return day_time_duration(sign * microseconds)
    if months >= _MAX_MONTHS or seconds >= _MAX_SECONDS:
        raise duration_overflow()
    return ep.Duration(sign * months, Decimal(sign * microseconds).scaleb(-6))


def recast_duration(item: Any, name: str) -> Any:
    """A duration as another duration type: the parts that type has (F&O 3.1, 19.1.4)."""
    if name == "yearMonthDuration":
        return ep.YearMonthDuration(item.months)
    if name == "dayTimeDuration":
        return ep.DayTimeDuration(item.seconds)
    return ep.Duration(item.months, item.seconds)


def duration_text(item: Any) -> str:
    """The canonical lexical form of a duration (F&O 3.1, 19.1.2.1)."""
    months, microseconds = abs(item.months), abs(microseconds_of(item))
    seconds, fraction = divmod(microseconds, 1_000_000)
    parts: list[str] = ["-P" if item.months < 0 or item.seconds < 0 else "P"]
    parts += [f"{number}{mark}" for number, mark in ((months // 12, "Y"), (months % 12, "M")) if number]
    parts += [f"{seconds // 86400}D"] if seconds >= 86400 else []
    hours, minutes, seconds = seconds // 3600 % 24, seconds // 60 % 60, seconds % 60
    if hours or minutes or seconds or fraction:
        parts.append("T")
        parts += [f"{number}{mark}" for number, mark in ((hours, "H"), (minutes, "M")) if number]
        if seconds or fraction:
            parts.append(f"{seconds}.{fraction:06}".rstrip("0").rstrip(".") + "S")
    elif len(parts) == 1:
        parts.append("0M" if type(item) is ep.YearMonthDuration else "T0S")
    return "".join(parts)
