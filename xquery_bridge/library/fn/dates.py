"""Durations, dates and times (F&O 3.1, chapters 8 and 9): their parts, timezones, and the clock of the run."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from xquery_bridge.errors import XQueryError
from xquery_bridge.library.fn.namespace import FN
from xquery_bridge.runtime import date_times
from xquery_bridge.runtime.context import DynamicContext
from xquery_bridge.runtime.date_times import add_microseconds, build, fields, microseconds_of

_MINUTE: Final = 60_000_000


@FN.row("year-from-dateTime($arg as xs:dateTime?) as xs:integer?")
@FN.row("year-from-date($arg as xs:date?) as xs:integer?")
def year(value: Any) -> int | None:
    """The year of a date or dateTime; there is a year 0, and negative ones are before it."""
    return None if value is None else fields(value).year


@FN.row("seconds-from-dateTime($arg as xs:dateTime?) as xs:decimal?")
def seconds(value: Any) -> Decimal | None:
    """The second of a dateTime, with its fraction."""
    if value is None:
        return None
    of = fields(value)
    return (
        Decimal(of.second * 1_000_000 + of.microsecond).scaleb(-6).normalize() if of.microsecond else Decimal(of.second)
    )


@FN.row("timezone-from-date($arg as xs:date?) as xs:dayTimeDuration?")
def timezone(value: Any) -> Any:
    """The timezone of a date, nothing when it has none."""
    offset = None if value is None else fields(value).offset
    return None if offset is None else date_times.day_time_duration(offset * _MINUTE)


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
