"""Comparing (XQuery 3.1, section 3.7) values, sequences and whole trees, and keys for values in tables and sorts.

`value_eq value_ne value_lt value_le value_gt value_ge` take two Values of at most one item and a collation, and are
empty where an operand is; `general_eq` and the rest hold if they do for some pair of items. `grouping_key`, `same_key`
and `sort_key` give Python objects that hash or sort as the values compare. A collation of None is by code points.
"""

from __future__ import annotations

import operator as python
from collections.abc import Callable, Sequence
from decimal import Decimal
from math import isnan
from typing import Any, Final

from elementpath.datatypes import AnyURI, Float, UntypedAtomic
from elementpath.xpath_nodes import XPathNode

from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime.arrays import XdmArray
from xquery_bridge.runtime.atomic import (
    ANCESTORS,
    ATOMIC_CLASSES,
    INTEGER_CLASSES,
    NUMERIC_CLASSES,
    PRIMITIVE,
    STRING_CLASSES,
    TYPE_OF_CLASS,
    Float32,
    type_name,
)
from xquery_bridge.runtime.casts import atomic_text, binary_bytes, cast, to_double, to_float, untyped_double
from xquery_bridge.runtime.collations import Collation
from xquery_bridge.runtime.date_times import instant, microseconds_of
from xquery_bridge.runtime.functions import FunctionItem
from xquery_bridge.runtime.json_items import JsonArray, MapMap
from xquery_bridge.runtime.maps import XdmMap
from xquery_bridge.runtime.values import Value, as_list, atomize, optional_atom

_Test = Callable[[Any, Any], bool]

_PYTHON: Final[dict[str, _Test]] = {
    "eq": python.eq,
    "ne": python.ne,
    "lt": python.lt,
    "le": python.le,
    "gt": python.gt,
    "ge": python.ge,
}

#: Classes whose values Python compares as XQuery does, each with its like.
_NATIVE: Final = frozenset((int, float, Float32, Decimal, bool, str))
_FLOATS: Final = frozenset((float, Float32, Float))
_TEXTS: Final = STRING_CLASSES | {UntypedAtomic, AnyURI}


def _family(name: str) -> str:
    """The types that can be compared with each other; an untyped value is a string."""
    primitive = PRIMITIVE[name]
    if primitive in ("decimal", "float", "double"):
        return "numeric"
    return "string" if primitive in ("anyURI", "untypedAtomic") else primitive


_FAMILY: Final[dict[type, str]] = {kind: _family(name) for kind, name in TYPE_OF_CLASS.items()}
_ORDERED: Final = ("numeric", "string", "boolean", "dateTime", "date", "time", "hexBinary", "base64Binary")


def _duration_key(item: Any) -> tuple[int, int]:
    return item.months, microseconds_of(item)


def _name_key(item: Any) -> tuple[str, str]:
    return item.uri or "", item.local_name


#: Family -> the function that gives what stands for a value; the other families are points or spans of time.
_COMPARABLE: Final[dict[str, Callable[[Any], Any]]] = {
    "string": atomic_text,
    "boolean": bool,
    "duration": _duration_key,
    "QName": _name_key,
    "NOTATION": _name_key,
    "hexBinary": binary_bytes,
    "base64Binary": binary_bytes,
    **dict.fromkeys(("dateTime", "date", "time", "gYear", "gYearMonth", "gMonth", "gMonthDay", "gDay"), instant),
}

# ----------------------------------------------------------------------------------------------------- value comparison


def _incomparable(left: Any, name: str, right: Any) -> XQueryError:
    return XQueryError("XPTY0004", f"Invalid coercion: no comparison {type_name(left)} {name} {type_name(right)}")


def _promoted(left: Any, right: Any) -> tuple[Any, Any]:
    """Two numbers in the wider of their types (XQuery 3.1, appendix B.1)."""
    first, second = type(left), type(right)
    if first is float or second is float:
        return to_double(left), to_double(right)
    if first in _FLOATS or second in _FLOATS:
        return to_float(left), to_float(right)
    return left, right


def _in_order(family: str, left: Any, right: Any) -> bool:
    """Whether values of a family can be put in order: durations of one kind, and most others."""
    if family != "duration":
        return family in _ORDERED
    first, second = ANCESTORS[TYPE_OF_CLASS[type(left)]], ANCESTORS[TYPE_OF_CLASS[type(right)]]
    return any(kind in first and kind in second for kind in ("yearMonthDuration", "dayTimeDuration"))


def _compare(name: str, test: _Test, left: Any, right: Any, collation: Collation | None) -> bool:
    """A value comparison of two atomic items. Raises XPTY0004."""
    first, second = type(left), type(right)
    if first is second and first in _NATIVE and (collation is None or first is not str):
        return test(left, right)
    family = _FAMILY.get(first)
    if family is None or family != _FAMILY.get(second):
        raise _incomparable(left, name, right)
    if family == "numeric":
        return test(*_promoted(left, right))
    if family == "string" and collation is not None:
        return test(collation.compare(atomic_text(left), atomic_text(right)), 0)
    if name not in ("eq", "ne") and not _in_order(family, left, right):
        raise _incomparable(left, name, right)
    key = _COMPARABLE[family]
    return test(key(left), key(right))


def value_compare(name: str, left: Any, right: Any, collation: Collation | None = None) -> bool:
    """Whether `left name right` holds for two atomic items, `name` one of eq, ne, lt, le, gt, ge. Raises XPTY0004."""
    return _compare(name, _PYTHON[name], left, right, collation)


def _value_operator(name: str) -> Callable[..., Value]:
    test = _PYTHON[name]

    def compare(left: Value, right: Value, collation: Collation | None = None) -> Value:
        if type(left) in ATOMIC_CLASSES and type(right) in ATOMIC_CLASSES:
            return _compare(name, test, left, right, collation)
        first, second = optional_atom(left), optional_atom(right)
        if first is None or second is None:
            return []
        return _compare(name, test, first, second, collation)

    compare.__doc__ = f"`left {name} right`; [] where an operand is empty. Raises XPTY0004."
    return compare


value_eq: Final = _value_operator("eq")
value_ne: Final = _value_operator("ne")
value_lt: Final = _value_operator("lt")
value_le: Final = _value_operator("le")
value_gt: Final = _value_operator("gt")
value_ge: Final = _value_operator("ge")

# --------------------------------------------------------------------------------------------------- general comparison


def _converted(item: UntypedAtomic, other: Any) -> Any:
    """An untyped operand in the type that the other one asks for (XQuery 3.1, 3.7.2)."""
    kind = type(other)
    if kind in _TEXTS:
        return item.value
    if kind in NUMERIC_CLASSES:
        return cast(item, "double")
    name = TYPE_OF_CLASS[kind]
    for kept in ("yearMonthDuration", "dayTimeDuration"):
        if kept in ANCESTORS[name]:
            return cast(item, kept)
    return cast(item, PRIMITIVE[name])


def _general_pair(name: str, test: _Test, left: Any, right: Any, collation: Collation | None) -> bool:
    if type(left) is UntypedAtomic:
        left, right = _converted(left, right), right.value if type(right) is UntypedAtomic else right
    elif type(right) is UntypedAtomic:
        right = _converted(right, left)
    return _compare(name, test, left, right, collation)


def _alike(left: Any, right: Any, collation: Collation | None) -> tuple[Any, Any] | None:
    """Two sequences as Python objects, each of which can be compared with each by Python; None for other mixtures."""
    first = {int} if type(left) is range else set(map(type, left))
    second = {int} if type(right) is range else set(map(type, right))
    both = first | second
    if both <= _TEXTS:
        if both == {str} and collation is None:
            return left, right
        if collation is None:
            return [atomic_text(item) for item in left], [atomic_text(item) for item in right]
        key = collation.key
        return [key(atomic_text(item)) for item in left], [key(atomic_text(item)) for item in right]
    if both <= INTEGER_CLASSES or both <= _FLOATS or both <= INTEGER_CLASSES | {Decimal}:
        return left, right
    numeric = both <= NUMERIC_CLASSES
    if numeric and (_exact_range(left, both) or _exact_range(right, both)):
        return left, right
    untyped = {UntypedAtomic}
    if first == untyped and second <= NUMERIC_CLASSES:
        return [cast(item, "double") for item in left], _doubles(right)
    if second == untyped and first <= NUMERIC_CLASSES:
        return _doubles(left), [cast(item, "double") for item in right]
    if numeric and {float} in (first, second):
        return _doubles(left), _doubles(right)
    return None


def _exact_range(items: Any, kinds: set[type]) -> bool:
    """Whether these are a range of integers that other numbers can be compared with without being promoted."""
    limit = 2**53 if Float32 not in kinds else 2**24
    return type(items) is range and -limit <= items[0] and items[-1] <= limit


def _doubles(items: Any) -> Any:
    return items if _exact_range(items, {float}) else [to_double(item) for item in items]


def _least(items: Any) -> Any:
    return items[0] if type(items) is range else min(items)


def _greatest(items: Any) -> Any:
    return items[-1] if type(items) is range else max(items)


def _compare_alike(name: str, left: Any, right: Any) -> bool:
    """A general comparison of sequences that are not empty, of values Python compares; no loop over pairs."""
    if type(left) is range and type(right) is range and name == "eq":
        return max(left[0], right[0]) <= min(left[-1], right[-1])
    all_left, all_right = left, right
    left, right = _without_nan(left), _without_nan(right)
    if name == "ne" and (left is not all_left or right is not all_right):
        return True
    if not len(left) or not len(right):
        return False
    match name:
        case "eq":
            if type(left) is range or type(right) is range:
                bounds, others = (left, right) if type(left) is range else (right, left)
                low, high = bounds[0], bounds[-1]
                return any(low <= item <= high and item == int(item) for item in others)
            few, many = (left, right) if len(left) <= len(right) else (right, left)
            return not set(few).isdisjoint(many)
        case "ne":
            one = left[0]
            return any(item != one for item in right) or any(item != one for item in left)
        case "lt":
            return bool(_least(left) < _greatest(right))
        case "le":
            return bool(_least(left) <= _greatest(right))
        case "gt":
            return bool(_greatest(left) > _least(right))
        case _:
            return bool(_greatest(left) >= _least(right))


def _without_nan(items: Any) -> Any:
    """The items without the NaNs among them; the same object if there are none."""
    if type(items) is range or not isinstance(items[0], float | int | Decimal):
        return items
    kept = [item for item in items if item == item]
    return items if len(kept) == len(items) else kept


def _general_operator(name: str) -> Callable[..., bool]:
    test = _PYTHON[name]

    def compare(left: Value, right: Value, collation: Collation | None = None) -> bool:
        kind = type(left)
        if kind is type(right) and kind in _NATIVE and (collation is None or kind is not str):
            return test(left, right)
        left, right = atomize(left), atomize(right)
        if type(left) is UntypedAtomic and collation is None:
            other = type(right)
            if other is str:
                return test(left.value, right)
            if other is UntypedAtomic:
                return test(left.value, right.value)
            if other is float or other is int or other is Decimal:
                return test(untyped_double(left), float(right))
        many = type(left) is list or type(left) is range
        if not many and type(right) is not list and type(right) is not range:
            return _general_pair(name, test, left, right, collation)
        left, right = as_list(left), as_list(right)
        if not len(left) or not len(right):
            return False
        if len(left) * len(right) > _FEW_PAIRS:
            alike = _alike(left, right, collation)
            if alike is not None:
                return _compare_alike(name, *alike)
        for one in left:
            for other in right:
                if _general_pair(name, test, one, other, collation):
                    return True
        return False

    compare.__doc__ = f"Whether `left {name} right` holds for some item of each. Raises XPTY0004, FORG0001."
    return compare


#: Up to so many pairs are compared one by one.
_FEW_PAIRS: Final = 4


general_eq: Final = _general_operator("eq")
general_ne: Final = _general_operator("ne")
general_lt: Final = _general_operator("lt")
general_le: Final = _general_operator("le")
general_gt: Final = _general_operator("gt")
general_ge: Final = _general_operator("ge")

# ----------------------------------------------------------------------------------------------------------------- keys

_NAN: Final = ("NaN",)


def _decimal_group(number: Decimal) -> Any:
    """A decimal has the key of a double when it is that double's shortest form, since the two are then equal by eq.

    Another decimal may have just the double's value; it must not get its key.
    """
    if number == number.to_integral_value():
        return number
    nearest = to_double(number)
    if Decimal(repr(nearest)) == number:
        return nearest
    return ("decimal", number)


def grouping_key(item: Any, collation: Collation | None = None) -> Any:
    """A hashable key, the same for atomic items that are equal by eq, or both NaN; untyped values are strings.

    Keys of values that cannot be compared differ. (Equality of numbers of several types is not transitive; the key of
    an xs:float is that of the double with its value.)
    """
    kind = type(item)
    if kind is str:
        return item if collation is None or collation.is_codepoint else ("string", collation.key(item))
    if kind is int:
        return item
    family = _FAMILY[kind]
    if family == "string":
        text = item.value if kind is UntypedAtomic else atomic_text(item)
        return text if collation is None or collation.is_codepoint else ("string", collation.key(text))
    if family == "numeric":
        if kind is Decimal:
            return _decimal_group(item)
        if kind in INTEGER_CLASSES:
            return int(item)
        return _NAN if isnan(item) else float(item)
    return (family, _COMPARABLE[family](item))


def same_key(item: Any) -> Any:
    """A hashable key, the same for atomic items that op:same-key takes for the same (F&O 3.1, 17.1.1).

    Strings compare by code points, numbers by exact values; a date or time with a timezone differs from one without.
    """
    kind = type(item)
    if kind is str or kind is int:
        return item
    family = _FAMILY[kind]
    if family == "string":
        return atomic_text(item)
    if family == "numeric":
        if kind is Decimal:
            return item
        if kind in INTEGER_CLASSES:
            return int(item)
        return _NAN if isnan(item) else float(item)
    key = _COMPARABLE[family]
    if key is instant:
        return (family, item.tzinfo is not None, instant(item))
    return (family, key(item))


class _Ranked:
    """A sort key of a family besides numbers and strings. Comparing it with a key of another family is a TypeError."""

    __slots__ = ("family", "item", "key")

    def __init__(self, family: str, item: Any) -> None:
        self.family = family
        self.item = item
        self.key = _COMPARABLE[family](item)

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, _Ranked):
            return NotImplemented
        return _compare("lt", python.lt, self.item, other.item, None)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Ranked) and self.family == other.family and bool(self.key == other.key)

    def __hash__(self) -> int:
        return hash((self.family, self.key))


def sort_key(items: Sequence[Any], collation: Collation | None = None) -> Any:
    """What Python sorts by where fn:sort sorts by these atomic items: NaN before all numbers, a shorter sequence first.

    Comparing the keys raises TypeError or XPTY0004 where items cannot be compared.
    """
    return tuple([_rank(item, collation) for item in items])


def _rank(item: Any, collation: Collation | None) -> tuple[int, Any]:
    family = _FAMILY[type(item)]
    if family == "numeric":
        return (-1, 0) if isnan(item) else (0, item)
    if family == "string":
        text = atomic_text(item)
        return (0, text if collation is None or collation.is_codepoint else _Key(collation.key(text)))
    return (0, _Ranked(family, item))


class _Key:
    """A collation's key, which is not to be compared with anything else."""

    __slots__ = ("key",)

    def __init__(self, key: Any) -> None:
        self.key = key

    def __lt__(self, other: object) -> bool:
        return bool(self.key < other.key) if isinstance(other, _Key) else NotImplemented

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and bool(self.key == other.key)

    def __hash__(self) -> int:
        return hash(self.key)


# -------------------------------------------------------------------------------------------------------- deep equality


def deep_equal(left: Value, right: Value, collation: Collation | None = None) -> bool:
    """fn:deep-equal (F&O 3.1, 14.2.5): values by eq, NaN equal to itself; nodes by content; maps and arrays by entries.

    The maps and arrays of 1.0-ml compare by entries, opaque items by identity. Raises FOTY0015 for other functions.
    A loop, so that trees may be of any depth.
    """
    work: list[tuple[Value, Value]] = [(left, right)]
    met: set[tuple[int, int]] = set()
    while work:
        first, second = work.pop()
        first, second = as_list(first), as_list(second)
        if len(first) != len(second):
            return False
        if type(first) is range and type(second) is range:
            if first != second:
                return False
            continue
        for one, other in zip(first, second, strict=True):
            if not _equal(one, other, collation, work, met):
                return False
    return True


def _equal(one: Any, other: Any, collation: Collation | None, work: list[Any], met: set[tuple[int, int]]) -> bool:
    """Whether two items are equal, as far as what they contain is; that is left as work."""
    if type(one) in ATOMIC_CLASSES:
        return type(other) in ATOMIC_CLASSES and equal_atoms(one, other, collation)
    if isinstance(one, XPathNode):
        return isinstance(other, XPathNode) and _equal_nodes(one, other, collation, work)
    if isinstance(one, XdmArray):
        return isinstance(other, XdmArray) and _all_equal(one.members(), other.members(), work)
    if isinstance(one, XdmMap):
        if not isinstance(other, XdmMap) or len(one) != len(other):
            return False
        for key, value in one.items():
            if key not in other:
                return False
            work.append((value, other.get(key)))
        return True
    for item in (one, other):
        if isinstance(item, FunctionItem) and not isinstance(item, XdmMap | XdmArray):
            raise XQueryError("FOTY0015", "fn:deep-equal compares no functions")
    if isinstance(one, MapMap | JsonArray):
        # these can contain themselves
        if (id(one), id(other)) in met:
            return True
        met.add((id(one), id(other)))
        if isinstance(one, JsonArray):
            return isinstance(other, JsonArray) and _all_equal(one.members(), other.members(), work)
        if not isinstance(other, MapMap) or len(one) != len(other) or any(key not in other for key, _ in one.items()):
            return False
        work += [(value, other.get(key)) for key, value in one.items()]
        return True
    return one is other


def _all_equal(first: Sequence[Value], second: Sequence[Value], work: list[Any]) -> bool:
    if len(first) != len(second):
        return False
    work += zip(first, second, strict=True)
    return True


def equal_atoms(left: Any, right: Any, collation: Collation | None = None) -> bool:
    """Whether two atomic items are equal by eq, or both NaN; values that cannot be compared are not."""
    if _FAMILY[type(left)] != _FAMILY[type(right)]:
        return False
    if _compare("eq", python.eq, left, right, collation):
        return True
    return type(left) in _FLOATS and type(right) in _FLOATS and isnan(left) and isnan(right)


def _equal_texts(left: str, right: str, collation: Collation | None) -> bool:
    return left == right or (collation is not None and collation.compare(left, right) == 0)


def _equal_nodes(one: Any, other: Any, collation: Collation | None, work: list[Any]) -> bool:
    kind = one.kind
    if kind != other.kind:
        return False
    match kind:
        case "text" | "comment":
            return _equal_texts(one.string_value, other.string_value, collation)
        case "attribute" | "processing-instruction" | "namespace":
            same = one.name == other.name and one.local_name == other.local_name
            return same and _equal_texts(one.string_value, other.string_value, collation)
        case "element":
            if one.name != other.name or not _equal_attributes(one, other, collation):
                return False
            work.append((_content(one), _content(other)))
        case "document" | "array":
            work.append((_content(one), _content(other)))
        case "object":
            members = {child.name: child for child in other.children}
            if len(members) != len(one.children) or any(child.name not in members for child in one.children):
                return False
            work += [(child, members[child.name]) for child in one.children]
        case "number":
            return equal_atoms(one.value, other.value)
        case _:
            return bool(one.value == other.value)
    return True


def _equal_attributes(one: Any, other: Any, collation: Collation | None) -> bool:
    if len(one.attributes) != len(other.attributes):
        return False
    values = {attribute.name: attribute.value for attribute in other.attributes}
    for attribute in one.attributes:
        value = values.get(attribute.name)
        if value is None or not _equal_texts(attribute.value, value, collation):
            return False
    return True


def _content(node: Any) -> list[Any]:
    """The children that count: no comments and no processing instructions."""
    return [child for child in node.children if child.kind not in ("comment", "processing-instruction")]
