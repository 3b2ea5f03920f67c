"""Sequences (F&O 3.1, chapter 14): selecting, comparing, aggregating, and how many."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from elementpath.datatypes import AnyURI, DayTimeDuration, Float, UntypedAtomic, YearMonthDuration

from xquery_bridge.errors import XQueryError
from xquery_bridge.library.fn.namespace import FN
from xquery_bridge.library.fn.strings import in_static, round_half_up
from xquery_bridge.runtime.arithmetic import add, decimal_add, divide
from xquery_bridge.runtime.atomic import NUMERIC_CLASSES, type_name
from xquery_bridge.runtime.casts import cast, to_double, to_float, untyped_double
from xquery_bridge.runtime.comparison import deep_equal as deeply_equal
from xquery_bridge.runtime.comparison import grouping_key, value_compare
from xquery_bridge.runtime.context import StaticContext
from xquery_bridge.runtime.values import Value


@FN.row("empty($arg as item()*) as xs:boolean")
def empty(items: Sequence[Any]) -> bool:
    """Whether there is no item."""
    return len(items) == 0


@FN.row("exists($arg as item()*) as xs:boolean")
def exists(items: Sequence[Any]) -> bool:
    """Whether there is an item."""
    return len(items) > 0


@FN.row("head($arg as item()*) as item()?")
def head(items: Sequence[Any]) -> Value:
    """The first item."""
    return items[0] if len(items) else []


@FN.row("tail($arg as item()*) as item()*")
def tail(items: Sequence[Any]) -> Value:
    """All items but the first."""
    return items[1:]


@FN.row("insert-before($target as item()*, $position as xs:integer, $inserts as item()*) as item()*")
def insert_before(items: Sequence[Any], position: int, inserts: Sequence[Any]) -> Value:
    """The items with others inserted at a position; before the first it counts as 1, behind the last as the end."""
    at = max(position, 1) - 1
    return [*items[:at], *inserts, *items[at:]]


@FN.row("remove($target as item()*, $position as xs:integer) as item()*")
def remove(items: Sequence[Any], position: int) -> Value:
    """The items without the one at a position."""
    if not 1 <= position <= len(items):
        return list(items)
    return [*items[: position - 1], *items[position:]]


@FN.row("reverse($arg as item()*) as item()*")
def reverse(items: Sequence[Any]) -> Value:
    """The items in reverse order."""
    return items[::-1] if isinstance(items, range) else list(items[::-1])


@FN.row("subsequence($sourceSeq as item()*, $startingLoc as xs:double) as item()*")
@FN.row("subsequence($sourceSeq as item()*, $startingLoc as xs:double, $length as xs:double) as item()*")
def subsequence(items: Sequence[Any], start: float, length: float | None = None) -> Value:
    """The items at positions p with round(start) <= p < round(start) + round(length)."""
    first = round_half_up(start)
    last = math.inf if length is None else first + round_half_up(length)
    if math.isnan(first) or math.isnan(last) or first == math.inf or last <= 1:
        return []
    begin = max(int(first) - 1, 0) if first > 0 else 0
    return items[begin:] if last == math.inf else items[begin : max(int(last) - 1, 0)]


@FN.row("unordered($sourceSeq as item()*) as item()*")
def unordered(items: Sequence[Any]) -> Value:
    """The items, in the order they have."""
    return items


@FN.row("distinct-values($arg as xs:anyAtomicType*) as xs:anyAtomicType*", needs="static")
@FN.row("distinct-values($arg as xs:anyAtomicType*, $collation as xs:string) as xs:anyAtomicType*", needs="static")
def distinct_values(static: StaticContext, items: Sequence[Any], uri: str | None = None) -> Value:
    """The first of each set of equal values; NaN equals itself, values of types without comparison differ."""
    if isinstance(items, range):
        return items
    using = in_static(static, uri)
    kinds = set(map(type, items))
    if kinds == {int} or (kinds == {str} and using.is_codepoint):
        return list(dict.fromkeys(items))
    found: dict[Any, Any] = {}
    numbers = _Numbers()
    mixed = len({numbers.group(kind) for kind in kinds if kind in NUMERIC_CLASSES}) > 1
    for item in items:
        if not mixed or type(item) not in NUMERIC_CLASSES:
            found.setdefault(grouping_key(item, using), item)
        elif numbers.add(item):
            found["number", len(found)] = item
    return list(found.values())


class _Numbers:
    """Numbers of several types, no two equal by eq, which promotes each pair by itself and is not transitive."""

    def __init__(self) -> None:
        #: type of a number added -> type of the one to come -> the former, promoted to be compared with the latter
        self._held: dict[str, dict[str, set[Any]]] = {
            one: {other: set() for other in ("exact", "float", "double")} for one in ("exact", "float", "double")
        }
        self._has_nan = False

    @staticmethod
    def group(kind: type) -> str:
        """Which of the three a class belongs to; integers and decimals are exact."""
        return "double" if kind is float else "float" if issubclass(kind, Float) else "exact"

    def add(self, item: Any) -> bool:
        """Add a number unless it equals one that is there; whether it was added."""
        if math.isnan(item):
            known, self._has_nan = self._has_nan, True
            return not known
        group = self.group(type(item))
        if group == "exact":
            forms = {"exact": item, "float": float(to_float(item)), "double": to_double(item)}
        else:
            forms = dict.fromkeys(self._held, float(item))
        if any(form in self._held[other][group] for other, form in forms.items()):
            return False
        for other, form in forms.items():
            self._held[group][other].add(form)
        return True


@FN.row("index-of($seq as xs:anyAtomicType*, $search as xs:anyAtomicType) as xs:integer*", needs="static")
@FN.row(
    "index-of($seq as xs:anyAtomicType*, $search as xs:anyAtomicType, $collation as xs:string) as xs:integer*",
    needs="static",
)
def index_of(static: StaticContext, items: Sequence[Any], search: Any, uri: str | None = None) -> Value:
    """The positions of the items that are equal to a value by the operator eq."""
    using = in_static(static, uri)
    wanted = grouping_key(search, using)
    if isinstance(search, float) and math.isnan(search):
        return []
    return [at for at, item in enumerate(items, 1) if grouping_key(item, using) == wanted]


@FN.row("deep-equal($parameter1 as item()*, $parameter2 as item()*) as xs:boolean", needs="static")
@FN.row(
    "deep-equal($parameter1 as item()*, $parameter2 as item()*, $collation as xs:string) as xs:boolean", needs="static"
)
def deep_equal(static: StaticContext, left: Sequence[Any], right: Sequence[Any], uri: str | None = None) -> bool:
    """Whether two sequences are equal item by item: values by eq, nodes by content, maps and arrays by entries."""
    return deeply_equal(left, right, in_static(static, uri))


@FN.row("zero-or-one($arg as item()*) as item()?")
def zero_or_one(items: Sequence[Any]) -> Value:
    """The sequence when it has at most one item; else FORG0003."""
    if len(items) > 1:
        raise XQueryError("FORG0003")
    return items


@FN.row("one-or-more($arg as item()*) as item()+")
def one_or_more(items: Sequence[Any]) -> Value:
    """The sequence when it has an item; else FORG0004."""
    if not len(items):
        raise XQueryError("FORG0004")
    return items


@FN.row("exactly-one($arg as item()*) as item()")
def exactly_one(items: Sequence[Any]) -> Value:
    """The item when there is just one; else FORG0005."""
    if len(items) != 1:
        raise XQueryError("FORG0005")
    return items[0]


@FN.row("count($arg as item()*) as xs:integer")
def count(items: Sequence[Any]) -> int:
    """The number of items."""
    return len(items)


def _numbers(items: Sequence[Any]) -> Sequence[Any]:
    """The items with untyped values as doubles."""
    if isinstance(items, range):
        return items
    return [untyped_double(item) if type(item) is UntypedAtomic else item for item in items]


@FN.row("sum($arg as xs:anyAtomicType*) as xs:anyAtomicType")
@FN.row("sum($arg as xs:anyAtomicType*, $zero as xs:anyAtomicType?) as xs:anyAtomicType?")
def sum_(items: Sequence[Any], *zero: Any) -> Any:
    """The sum by the operator +, from left to right; without items 0 or the second argument."""
    if not len(items):
        return zero[0] if zero else 0
    return _total(_numbers(items))


def _total(items: Sequence[Any]) -> Any:
    """Add up; integers and doubles, the common cases, without a call an item."""
    if isinstance(items, range):
        return (items[0] + items[-1]) * len(items) // 2
    kinds = set(map(type, items))
    if kinds in ({int}, {float}):
        return sum(items)
    if kinds <= {int, Decimal}:
        total = items[0]
        for item in items[1:]:
            total = decimal_add(total, item)
        return total
    for family in (_is_number, _is(YearMonthDuration), _is(DayTimeDuration)):
        if all(map(family, items)):
            break
    else:
        raise XQueryError(
            "FORG0006", f"Invalid argument type: fn:sum of {', '.join(sorted(map(type_name, items[:2])))}"
        )
    total = items[0]
    for item in items[1:]:
        total = add(total, item)
    return total


def _is_number(item: Any) -> bool:
    return isinstance(item, int | float | Decimal) and type(item) is not bool


def _is(kind: type) -> Any:
    return lambda item: isinstance(item, kind)


@FN.row("avg($arg as xs:anyAtomicType*) as xs:anyAtomicType?")
def average(items: Sequence[Any]) -> Any:
    """The sum divided by the number of items; nothing without items."""
    if not len(items):
        return None
    return divide(_total(_numbers(items)), len(items))


@FN.row("max($arg as xs:anyAtomicType*) as xs:anyAtomicType?", needs="static")
@FN.row("max($arg as xs:anyAtomicType*, $collation as xs:string) as xs:anyAtomicType?", needs="static")
def maximum(static: StaticContext, items: Sequence[Any], uri: str | None = None) -> Any:
    """The greatest item by the operator gt; NaN when one is NaN."""
    return _extreme(static, items, uri, largest=True)


@FN.row("min($arg as xs:anyAtomicType*) as xs:anyAtomicType?", needs="static")
@FN.row("min($arg as xs:anyAtomicType*, $collation as xs:string) as xs:anyAtomicType?", needs="static")
def minimum(static: StaticContext, items: Sequence[Any], uri: str | None = None) -> Any:
    """The least item by the operator lt; NaN when one is NaN."""
    return _extreme(static, items, uri, largest=False)


def _extreme(static: StaticContext, items: Sequence[Any], uri: str | None, *, largest: bool) -> Any:
    if not len(items):
        return None
    items = _numbers(items)
    if isinstance(items, range):
        items = (items[0], items[-1])
    kinds = set(map(type, items))
    if kinds == {int}:
        return max(items) if largest else min(items)
    if all(map(_is_number, items)):
        items = _promoted(items)
        for item in items:
            if math.isnan(item):
                return item
        return max(items) if largest else min(items)
    if AnyURI in kinds and len(kinds) > 1:
        items = [item.value if type(item) is AnyURI else item for item in items]
        kinds = set(map(type, items))
    using = in_static(static, uri)
    if kinds == {str} and using.is_codepoint:
        return max(items) if largest else min(items)
    best = items[0]
    operator = "gt" if largest else "lt"
    try:
        for item in items:
            if value_compare(operator, item, best, using):
                best = item
    except XQueryError as error:
        if error.code == "XPTY0004":
            raise XQueryError("FORG0006", f"Invalid argument type: {error.title}") from None
        raise
    return best


def _promoted(items: Sequence[Any]) -> Sequence[Any]:
    """Numbers of the least type that all can be promoted to."""
    if any(type(item) is float for item in items):
        return [float(item) for item in items]
    if any(isinstance(item, Float) for item in items):
        return [cast(item, "float") for item in items]
    return items
