"""Ordering, grouping and windows of FLWOR expressions (XQuery 3.1, sections 3.12.4 to 3.12.8)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from operator import itemgetter
from typing import Any, Final

from elementpath.datatypes import UntypedAtomic

from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime.atomic import type_name
from xquery_bridge.runtime.collations import Collation
from xquery_bridge.runtime.comparison import grouping_key, value_lt
from xquery_bridge.runtime.values import Value, atomize

#: What `for $x allowing empty in ()` binds: the empty sequence, once.
EMPTY_ONCE: Final[list[Value]] = [[]]


def order_value(value: Value) -> Any:
    """The key of an order specification: one atomic value or [], untyped as a string. Raises XPTY0004 for more."""
    if type(value) is list and not value:
        return value
    item = atomize(value)
    if type(item) is list or type(item) is range:
        if not len(item):
            return []
        if len(item) > 1:
            raise XQueryError("XPTY0004", "Invalid coercion: an order by key of more than one item")
        item = item[0]
    return item.value if type(item) is UntypedAtomic else item


def order_rows(rows: list[Any], specs: Sequence[tuple[bool, bool, Collation | None]]) -> None:
    """Sort rows in place by their first columns; each spec is (descending, empty greatest, collation).

    Sorting by the last key first keeps every sort a plain, stable one. Raises XPTY0004 for keys of unlike types.
    """
    for column in range(len(specs) - 1, -1, -1):
        descending, greatest, collation = specs[column]
        keys = [row[column] for row in rows]
        kinds = set(map(type, keys))
        if kinds <= _EXACT or (kinds == _STRINGS and collation is None) or (kinds == _DOUBLES and not _has_nan(keys)):
            rows.sort(key=itemgetter(column), reverse=descending)
            continue
        ranked = _ranked(keys, greatest, collation)
        order = sorted(range(len(rows)), key=ranked.__getitem__, reverse=descending)
        rows[:] = [rows[index] for index in order]


_EXACT: Final = {int, Decimal}
_DOUBLES: Final = {float}
_STRINGS: Final = {str}


def _has_nan(keys: list[Any]) -> bool:
    return any(key != key for key in keys)


def _ranked(keys: list[Any], greatest: bool, collation: Collation | None) -> list[Any]:
    """Python sort keys: empty first or last, then NaN next to it, then the values (section 3.12.8)."""
    empty, nan = ((2, 0), (1, 0)) if greatest else ((-2, 0), (-1, 0))
    present = [key for key in keys if type(key) is not list]
    if not present:
        return [empty] * len(keys)
    if all(isinstance(key, (int, float, Decimal)) and type(key) is not bool for key in present):
        return [empty if type(key) is list else nan if key != key else (0, key) for key in keys]
    if all(isinstance(key, str) for key in present):
        if collation is None:
            return [empty if type(key) is list else (0, key) for key in keys]
        return [empty if type(key) is list else (0, collation.key(key)) for key in keys]
    first = present[0]
    try:
        for key in present:
            value_lt(key, first)
    except XQueryError:
        other = next((key for key in present if type(key) is not type(first)), first)
        title = f"Invalid coercion: order by keys of types {type_name(first)} and {type_name(other)}"
        raise XQueryError("XPTY0004", title) from None
    return [empty if type(key) is list else (0, _Ordered(key)) for key in keys]


class _Ordered:
    """A value that Python's sort compares by the operator lt."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __lt__(self, other: _Ordered) -> bool:
        return value_lt(self.value, other.value) is True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Ordered) and not (self < other) and not (other < self)

    def __hash__(self) -> int:
        return hash(str(self.value))


def group_key(value: Value, collation: Collation | None = None) -> Any:
    """The hashable key of a grouping value. Raises XPTY0004 for more than one item."""
    if type(value) is list or type(value) is range:
        if len(value) > 1:
            raise XQueryError("XPTY0004", "Invalid coercion: a grouping key of more than one item")
        if not len(value):
            return ()
        value = value[0]
    return grouping_key(value, collation)


def group_value(value: Value) -> Value:
    """The value a grouping variable has for its group: untyped values become strings."""
    if (type(value) is list or type(value) is range) and len(value) == 1:
        value = value[0]
    return value.value if type(value) is UntypedAtomic else value


#: Tells whether a window starts (or ends) at an item: of (item, position, previous, next), for ends of the start's too.
Condition = Callable[..., Any] | None


def tumbling_windows(items: Sequence[Any], start: Condition, end: Condition, only: bool) -> Iterator[tuple[Any, ...]]:
    """Windows that do not overlap: each yields its items and the (item, position, previous, next) of start and end."""
    count = len(items)
    begin = -1
    opened: tuple[Any, ...] = ()
    for at in range(count):
        here = (items[at], at + 1, items[at - 1] if at else [], items[at + 1] if at + 1 < count else [])
        if end is None and not only and start is not None:
            # without an end condition a window ends where the next one starts
            if start(*here):
                if begin >= 0:
                    yield (list(items[begin:at]), *opened, *_place(items, at - 1))
                begin, opened = at, here
            continue
        if begin < 0:
            if start is not None and not start(*here):
                continue
            begin, opened = at, here
        if end is None or end(*opened, *here):
            yield (list(items[begin : at + 1]), *opened, *here)
            begin = -1
    if begin >= 0 and not only:
        yield (list(items[begin:]), *opened, *_place(items, count - 1))


def _place(items: Sequence[Any], at: int) -> tuple[Any, ...]:
    return (items[at], at + 1, items[at - 1] if at else [], items[at + 1] if at + 1 < len(items) else [])


def sliding_windows(items: Sequence[Any], start: Condition, end: Condition, only: bool) -> Iterator[tuple[Any, ...]]:
    """A window for every item at which the start condition holds, up to the first end after it."""
    places = [_place(items, at) for at in range(len(items))]
    for at, opened in enumerate(places):
        if start is not None and not start(*opened):
            continue
        for last in range(at, len(places)):
            if end is None or end(*opened, *places[last]):
                yield (list(items[at : last + 1]), *opened, *places[last])
                break
        else:
            if not only:
                yield (list(items[at:]), *opened, *places[-1])
