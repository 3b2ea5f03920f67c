"""Durations, dates and times (F&O 3.1, chapters 8 and 9): their parts, timezones, and the clock of the run."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from elementpath.datatypes import DateTime

from xquery_bridge.errors import XQueryError
from xquery_bridge.library.fn.namespace import FN
from xquery_bridge.runtime import date_times
from xquery_bridge.runtime.context import DynamicContext
from xquery_bridge.runtime.date_times import Fields, add_microseconds, build, fields, microseconds_of

_MINUTE: Final = 60_000_000


def _seconds(whole: int, microseconds: int) -> Decimal:
    return Decimal(whole * 1_000_000 + microseconds).scaleb(-6).normalize() if microseconds else Decimal(whole)


def _quotient(number: int, unit: int, base: int = 0) -> int:
    """How many units are in a number, cut towards zero, without the multiples of `base` units; its sign kept."""
    count = abs(number) // unit
    if base:
        count %= base
    return -count if number < 0 else count


def _seconds_of(duration: Any) -> Decimal:
    part = abs(microseconds_of(duration)) % _MINUTE
    found = _seconds(*divmod(part, 1_000_000))
    return -found if duration.seconds < 0 and found else found


def _zone(of: Fields) -> Any:
    return None if of.offset is None else date_times.day_time_duration(of.offset * _MINUTE)


#: name, parameter type, result type, the part of a duration or of the fields of a date
_DURATION_PARTS: Final[tuple[tuple[str, str, Callable[[Any], Any]], ...]] = (
    ("years", "xs:integer", lambda duration: _quotient(duration.months, 12)),
    ("months", "xs:integer", lambda duration: _quotient(duration.months, 1, 12)),
    ("days", "xs:integer", lambda duration: _quotient(microseconds_of(duration), 1440 * _MINUTE)),
    ("hours", "xs:integer", lambda duration: _quotient(microseconds_of(duration), 60 * _MINUTE, 24)),
    ("minutes", "xs:integer", lambda duration: _quotient(microseconds_of(duration), _MINUTE, 60)),
    ("seconds", "xs:decimal", _seconds_of),
)
_FIELDS: Final[tuple[tuple[str, str, str, Callable[[Fields], Any]], ...]] = (
    ("year", "dateTime date", "xs:integer", lambda of: of.year),
    ("month", "dateTime date", "xs:integer", lambda of: of.month),
    ("day", "dateTime date", "xs:integer", lambda of: of.day),
    ("hours", "dateTime time", "xs:integer", lambda of: of.hour),
    ("minutes", "dateTime time", "xs:integer", lambda of: of.minute),
    ("seconds", "dateTime time", "xs:decimal", lambda of: _seconds(of.second, of.microsecond)),
    ("timezone", "dateTime date time", "xs:dayTimeDuration", _zone),
)


def _part(read: Callable[[Any], Any], name: str) -> Callable[[Any], Any]:
    def part(value: Any) -> Any:
        return None if value is None else read(value)

    part.__doc__ = f"The {name} of the value; nothing for nothing."
    return part


for _name, _result, _read in _DURATION_PARTS:
    FN.add(f"{_name}-from-duration($arg as xs:duration?) as {_result}?", _part(_read, _name))
for _name, _types, _result, _field in _FIELDS:
    for _type in _types.split():

        def _read_field(value: Any, field: Callable[[Fields], Any] = _field) -> Any:
            return field(fields(value))

        FN.add(f"{_name}-from-{_type}($arg as xs:{_type}?) as {_result}?", _part(_read_field, _name))


# ------------------------------------------------------------------------------------------------------------ timezones


def _adjusted(value: Any, zone: Any) -> Any:
    """A date or time in a timezone (a duration), or without one. Raises FODT0003 for an impossible timezone."""
    if value is None:
        return None
    of = fields(value)
    if zone is None:
        return build(type(value), of._replace(offset=None))
    minutes, rest = divmod(microseconds_of(zone), _MINUTE)
    if rest or abs(minutes) > 14 * 60:
        raise XQueryError("FODT0003", f"Invalid timezone value {date_times.duration_text(zone)}")
    if of.offset is not None and of.offset != minutes:
        value = add_microseconds(value, (minutes - of.offset) * _MINUTE)
    return build(type(value), fields(value)._replace(offset=minutes))


def _adjusted_to_implicit(dynamic: DynamicContext, value: Any) -> Any:
    """The value in the implicit timezone."""
    return _adjusted(value, implicit_timezone(dynamic))


def _adjusted_to(value: Any, zone: Any) -> Any:
    """The value in a timezone: the same instant, or the same local time for a value without one; () takes it off."""
    return _adjusted(value, zone)


for _type in ("dateTime", "date", "time"):
    FN.add(f"adjust-{_type}-to-timezone($arg as xs:{_type}?) as xs:{_type}?", _adjusted_to_implicit, needs="dynamic")
    FN.add(
        f"adjust-{_type}-to-timezone($arg as xs:{_type}?, $timezone as xs:dayTimeDuration?) as xs:{_type}?",
        _adjusted_to,
    )


@FN.row("dateTime($arg1 as xs:date?, $arg2 as xs:time?) as xs:dateTime?")
def date_time(date: Any, time: Any) -> Any:
    """A date and a time together. Raises FORG0008 when their timezones differ."""
    if date is None or time is None:
        return None
    day, clock = fields(date), fields(time)
    if day.offset is not None and clock.offset is not None and day.offset != clock.offset:
        raise XQueryError("FORG0008", "The timezones of a date and a time to be joined are different")
    offset = clock.offset if day.offset is None else day.offset
    return build(DateTime, clock._replace(year=day.year, month=day.month, day=day.day, offset=offset))


# ---------------------------------------------------------------------------------------------------------------- clock


@FN.row("current-dateTime() as xs:dateTimeStamp", needs="dynamic")
def current_datetime(dynamic: DynamicContext) -> Any:
    """The moment the run began, with the implicit timezone; the same for the whole run."""
    return dynamic.current_datetime


@FN.row("current-date() as xs:date", needs="dynamic")
def current_date(dynamic: DynamicContext) -> Any:
    """The date of fn:current-dateTime()."""
    return date_times.recast(dynamic.current_datetime, "date")


@FN.row("current-time() as xs:time", needs="dynamic")
def current_time(dynamic: DynamicContext) -> Any:
    """The time of fn:current-dateTime()."""
    return date_times.recast(dynamic.current_datetime, "time")


@FN.row("implicit-timezone() as xs:dayTimeDuration", needs="dynamic")
def implicit_timezone(dynamic: DynamicContext) -> Any:
    """The timezone that values without one are taken to be in."""
    offset = dynamic.implicit_timezone.utcoffset(None)
    return date_times.day_time_duration(round(offset.total_seconds()) * 1_000_000)
