"""1.0-ml's mutable items: map:map, json:object, json:array and their JSON text (xquery-1.0-ml.md, sections 6 and 7)."""

from __future__ import annotations

import gc
import math
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from functools import partial
from json.encoder import encode_basestring  # keeps characters beyond ASCII as they are
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from elementpath.xpath_nodes import XPathNode

from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime.atomic import Float32

if TYPE_CHECKING:
    import numpy as np

_Value: TypeAlias = Any


class MapMap:
    """map:map: string keys to Values, in insertion order, passed by reference."""

    __slots__ = ("_entries",)
    type_name = "map:map"

    def __init__(self, entries: Iterable[tuple[str, _Value]] = ()) -> None:
        self._entries: dict[str, _Value] = {}
        for key, value in entries:
            self.put(key, value)

    def put(self, key: str, value: _Value) -> None:
        """Set the value of a key; the empty sequence removes it."""
        if type(value) is list and not value:
            self._entries.pop(key, None)
        else:
            self._entries[key] = value

    def get(self, key: str) -> _Value:
        """The value of a key, [] when there is none."""
        return self._entries.get(key, [])

    def delete(self, key: str) -> None:
        """Remove a key, if it is there."""
        self._entries.pop(key, None)

    def clear(self) -> None:
        """Remove every key."""
        self._entries.clear()

    def keys(self) -> Iterable[str]:
        return self._entries.keys()

    def items(self) -> Iterable[tuple[str, _Value]]:
        return self._entries.items()

    def __contains__(self, key: object) -> bool:
        return key in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def __bool__(self) -> bool:
        return True

    def json_text(self, strict: bool = False) -> str:
        """JSON text: `{"a":111, "b":[2, 3]}`. See `json_text`."""
        return json_text(self, strict=strict)

    def copy(self) -> MapMap:
        """A map of the same kind with the same entries."""
        made = type(self)()
        made._entries = dict(self._entries)
        return made

    def union(self, other: MapMap) -> MapMap:
        """`$a + $b`: the entries of both, the values of a key in both joined."""
        made = self.copy()
        for key, value in other.items():
            if key in made._entries:
                mine = made._entries[key]
                if mine is not value:
                    made._entries[key] = [*_listed(mine), *_listed(value)]
            else:
                made._entries[key] = value
        return made

    def intersection(self, other: MapMap) -> MapMap:
        """`$a * $b`: the entries whose keys are in both, with this map's values."""
        return MapMap((key, value) for key, value in self.items() if key in other)

    def difference(self, other: MapMap) -> MapMap:
        """`$a - $b`: the entries whose keys are not in the other map."""
        return MapMap((key, value) for key, value in self.items() if key not in other)

    def inverse(self) -> MapMap:
        """`-$a`: keys and values swapped; keys of equal values are joined."""
        from xquery_bridge.runtime.values import string_of

        swapped: dict[str, list[str]] = {}
        for key, value in self.items():
            for item in _listed(value):
                swapped.setdefault(string_of(item), []).append(key)
        return MapMap((key, keys[0] if len(keys) == 1 else keys) for key, keys in swapped.items())

    def __repr__(self) -> str:
        return f"<{self.type_name} {list(self._entries)}>"


class JsonObject(MapMap):
    """json:object: a map:map whose keys may have the empty sequence, JSON's null, for a value."""

    __slots__ = ()
    type_name = "json:object"

    def put(self, key: str, value: _Value) -> None:
        """Set the value of a key; the empty sequence is a null."""
        self._entries[key] = value

    def define(self, keys: Iterable[str]) -> None:
        """Add keys in this order, each with a null."""
        for key in keys:
            self._entries.setdefault(key, [])


def _listed(value: _Value) -> Sequence[Any]:
    return value if type(value) is list or type(value) is range else [value]


class JsonArray:
    """json:array: mutable members, each a Value ([] is null), passed by reference; always a single item.

    A numeric NumPy buffer may stand for the members until one is changed: an array of a million numbers then costs
    neither a million objects nor a copy on its way to and from CNTK values. Indexes count from 0.
    """

    __slots__ = ("_buffer", "_members")
    type_name = "json:array"

    def __init__(self, members: Iterable[_Value] = ()) -> None:
        self._members: list[_Value] | None = list(members)
        self._buffer: np.ndarray[Any, Any] | None = None

    @classmethod
    def from_numpy(cls, array: np.ndarray[Any, Any]) -> JsonArray:
        """An array over a copy of the numbers (flattened in C order).

        float32 members are xs:float, float64 xs:double, integers xs:integer, booleans xs:boolean.
        """
        made = cls.__new__(cls)
        made._buffer = array.reshape(-1).copy()
        made._members = None
        return made

    @classmethod
    def of_rows(cls, rows: Iterable[np.ndarray[Any, Any]]) -> JsonArray:
        """An array of arrays, each over one of these one-dimensional arrays of numbers, which are taken over.

        The types of the members are those of `from_numpy`; whoever gives the rows must not write into them any more.
        """
        new = cls.__new__
        made: list[_Value] = []
        for row in rows:
            inner = new(cls)
            inner._buffer = row
            inner._members = None
            made.append(inner)
        outer = new(cls)
        outer._buffer = None
        outer._members = made
        return outer

    @property
    def buffer(self) -> np.ndarray[Any, Any] | None:
        """The NumPy array that stands for the members, None where they are Python objects. Not to be written into."""
        return self._buffer

    def to_numpy(self, dtype: Any = None) -> np.ndarray[Any, Any]:
        """The members, nested arrays flattened depth first, as a one-dimensional NumPy array (default float64).

        Numeric strings, untyped values and nodes are read as numbers. Raises FORG0001 for anything else. The result may
        be the array's own buffer, read-only.
        """
        import numpy as np

        dtype = np.dtype(np.float64 if dtype is None else dtype)
        if self._buffer is not None:
            view = self._buffer.astype(dtype, copy=False).view()
            view.flags.writeable = False
            return view
        members = self._members or []
        if not _NUMBERS.issuperset(map(type, members)):
            members = [_number(item) for item in self.flattened(nulls=True)]
        try:
            return np.array(members, dtype=dtype)
        except OverflowError:
            return np.array([_number(item) for item in members], dtype=np.float64).astype(dtype)

    @property
    def boxed(self) -> list[_Value]:
        """The members as a Python list, made from the buffer on first use. Changes go through the methods."""
        members = self._members
        if members is None:
            assert self._buffer is not None
            members = _boxed_numbers(self._buffer)
            self._members = members
        return members

    def _changed(self) -> list[_Value]:
        members = self.boxed
        self._buffer = None
        return members

    def items(self) -> list[Any]:
        """The members as a sequence: a null adds nothing, a member that is a sequence its items."""
        members = self.boxed
        if self._buffer is not None or not _SEQUENCES.intersection(map(type, members)):
            return list(members)
        return [item for member in members for item in _listed(member)]

    def members(self) -> list[_Value]:
        """The members, each a Value."""
        return list(self.boxed)

    def flattened(self, nulls: bool = False) -> list[Any]:
        """The members as a sequence, those of inner arrays in their place, depth first. Raises for a cycle.

        With `nulls` a null raises FORG0001: it is no number.
        """
        if self._buffer is not None:
            return list(self.boxed)
        inner = self._inner_buffers()
        if inner:
            import numpy as np

            return _boxed_numbers(np.concatenate(inner))
        result: list[Any] = []
        path: list[int] = [id(self)]
        stack: list[Iterator[Any]] = [iter(self.boxed)]
        while stack:
            for member in stack[-1]:
                if type(member) is list or type(member) is range:
                    if nulls and not member:
                        raise XQueryError("FORG0001", "Invalid cast: null cast as a number")
                    result.extend(member)
                elif isinstance(member, JsonArray):
                    if id(member) in path:
                        raise XQueryError("FOER0000", "A json:array contains itself", marklogic_code="XDMP-JSONCYCLE")
                    path.append(id(member))
                    stack.append(iter(member.boxed))
                    break
                else:
                    result.append(member)
            else:
                stack.pop()
                path.pop()
        return result

    def _inner_buffers(self) -> list[np.ndarray[Any, Any]]:
        """The buffers of the members, if every one is an array over a buffer of the same type of numbers; else none."""
        members = self._members
        if not members or type(members[0]) is not JsonArray or members[0]._buffer is None:
            return []
        dtype = members[0]._buffer.dtype
        found = []
        for member in members:
            if type(member) is not JsonArray or member._buffer is None or member._buffer.dtype != dtype:
                return []
            found.append(member._buffer)
        return found

    def append(self, member: _Value) -> None:
        """Add one member at the end."""
        self._changed().append(member)

    def extend(self, members: Iterable[_Value]) -> None:
        """Add members at the end."""
        self._changed().extend(members)

    def pop(self) -> _Value:
        """Remove the last member and return it."""
        return self._changed().pop()

    def get(self, index: int) -> _Value:
        """The member at an index, [] outside the array."""
        if not 0 <= index < len(self):
            return []
        if self._members is None and self._buffer is not None:
            number = self._buffer[index].item()
            return Float32(number) if self._buffer.dtype.kind == "f" and self._buffer.dtype.itemsize == 4 else number
        return self.boxed[index]

    def set(self, index: int, member: _Value) -> None:
        """Replace the member at an index."""
        self._changed()[index] = member

    def resize(self, length: int, zero: _Value = ()) -> None:
        """Cut the array, or pad it with `zero`, to a length."""
        members = self._changed()
        if length < len(members):
            del members[length:]
        else:
            members.extend([list(zero) if zero == () else zero] * (length - len(members)))

    def part(self, begin: int, end: int) -> JsonArray:
        """A new array of the members from one index up to another."""
        return JsonArray(self.boxed[begin:end])

    def __len__(self) -> int:
        members = self._members
        if members is None:
            assert self._buffer is not None
            return int(self._buffer.shape[0])
        return len(members)

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[_Value]:
        return iter(self.boxed)

    def json_text(self, strict: bool = False) -> str:
        """JSON text: `[1, 2, 3]`. See `json_text`."""
        return json_text(self, strict=strict)

    def __repr__(self) -> str:
        return f"<json:array of {len(self)}>"


_SEQUENCES: Final = frozenset((list, range))
_NUMBERS: Final = frozenset((int, float, bool, Float32))


def _boxed_numbers(buffer: np.ndarray[Any, Any]) -> list[_Value]:
    """The numbers of a buffer as items: float32 as xs:float, float64 as xs:double, integers, booleans."""
    numbers: list[_Value] = buffer.tolist()
    if buffer.dtype.kind != "f" or buffer.dtype.itemsize != 4:
        return numbers
    # a million new objects would set off the garbage collector again and again, which takes most of the time
    collects = gc.isenabled()
    gc.disable()
    try:
        return list(map(partial(float.__new__, Float32), numbers))
    finally:
        if collects:
            gc.enable()


def _number(item: Any) -> float | int:
    """An item of an array as a number for NumPy. Raises FORG0001."""
    if type(item) in _NUMBERS:
        return item  # type: ignore[no-any-return]
    from xquery_bridge.runtime.casts import cast
    from xquery_bridge.runtime.values import atomize_one

    if isinstance(item, MapMap):
        raise XQueryError("FORG0001", f"Invalid cast: {item.type_name} cast as a number")
    number: float = cast(atomize_one(item), "double")
    return number


# ------------------------------------------------------------------------------------------------------------ JSON text


def _infinite(number: float) -> str:
    return "NaN" if number != number else "INF" if number > 0 else "-INF"


def _float_json(number: float, strict: bool) -> str:
    """A double or float; NaN, INF and -INF are strings and -0 is 0, all of which raise when strict."""
    if not math.isfinite(number):
        if strict:
            raise XQueryError("FOER0000", f"{_infinite(number)} has no JSON form", marklogic_code="XDMP-JSONNUMBER")
        return f'"{_infinite(number)}"'
    if number == 0:
        if strict and math.copysign(1.0, number) < 0:
            raise XQueryError("FOER0000", "-0 has no JSON form", marklogic_code="XDMP-JSONNUMBER")
        return "0"
    from xquery_bridge.runtime.values import string_of

    return string_of(number)


def json_text(value: _Value, strict: bool = False) -> str:
    """JSON text of an item or Value in MarkLogic's style (rest-eval.md, section 5): `", "` between, `":"` after keys.

    Several items are an array, none null. `strict` is xdmp:to-json-string's way: NaN, the infinities and -0 raise
    (cntk-conventions.md, Data out). Raises FOTY0013 for opaque items and functions.
    """
    parts: list[str] = []
    # Frames of (iterator of (prefix, value), closing text): a loop, for data of any depth.
    stack: list[tuple[Iterator[tuple[str, Any]], str]] = []
    path: list[int] = []
    pending: tuple[str, Any] | None = ("", value)
    while True:
        if pending is not None:
            prefix, item = pending
            pending = None
            parts.append(prefix)
            if type(item) in _SEQUENCES and len(item) == 1:  # a sequence of one item is that item
                item = item[0]
            opened = _opened(item)
            if opened is None:
                parts.append(_leaf_json(item, strict))
            else:
                if id(item) in path:
                    raise XQueryError("FOER0000", "A json:array contains itself", marklogic_code="XDMP-JSONCYCLE")
                parts.append(opened[0])
                stack.append((opened[1], opened[2]))
                path.append(id(item))
        if not stack:
            return "".join(parts)
        pending = next(stack[-1][0], None)
        if pending is None:
            parts.append(stack.pop()[1])
            path.pop()


def _opened(item: Any) -> tuple[str, Iterator[tuple[str, Any]], str] | None:
    """The opening text, members and closing text of an array or object."""
    kind = type(item)
    if kind is list or kind is range:
        if len(item) == 0:
            return None
        return "[", ((", " if at else "", member) for at, member in enumerate(item)), "]"
    if kind is JsonArray:
        return "[", ((", " if at else "", member) for at, member in enumerate(item.boxed)), "]"
    if isinstance(item, MapMap):
        return (
            "{",
            (
                (f"{', ' if at else ''}{encode_basestring(key)}:", member)
                for at, (key, member) in enumerate(item.items())
            ),
            "}",
        )
    from xquery_bridge.runtime.arrays import XdmArray
    from xquery_bridge.runtime.maps import XdmMap

    if isinstance(item, XdmArray):
        return "[", ((", " if at else "", member) for at, member in enumerate(item.members())), "]"
    if isinstance(item, XdmMap):
        from xquery_bridge.runtime.values import string_of

        return (
            "{",
            (
                (f"{', ' if at else ''}{encode_basestring(string_of(key))}:", member)
                for at, (key, member) in enumerate(item.items())
            ),
            "}",
        )
    return None


def _leaf_json(item: Any, strict: bool) -> str:
    kind = type(item)
    if kind is str:
        return encode_basestring(item)
    if kind is bool:
        return "true" if item else "false"
    if isinstance(item, int):
        return int.__repr__(item)
    if isinstance(item, float):
        return _float_json(item, strict)
    if kind is list or kind is range:
        return "null"
    from xquery_bridge.runtime.values import string_of

    if kind is Decimal:
        return string_of(item)
    if isinstance(item, XPathNode) and item.kind in _JSON_NODE_KINDS:  # type: ignore[attr-defined]
        from xquery_bridge.runtime.json_nodes import python_from_node

        return json_text(_items_of(python_from_node(item)), strict)
    if isinstance(item, XPathNode) and item.kind in _MARKUP_KINDS:  # type: ignore[attr-defined]
        from xquery_bridge.runtime.serialization import quote

        return encode_basestring(quote(item))
    return encode_basestring(string_of(item))


_MARKUP_KINDS: Final = frozenset(("document", "element", "comment", "processing-instruction"))
_JSON_NODE_KINDS: Final = frozenset(("object", "array", "number", "boolean", "null"))


def _items_of(value: Any) -> Any:
    """1.0-ml's items of decoded JSON; null is the empty sequence. A loop, for data of any depth."""
    top = JsonArray([value])
    stack: list[Any] = [top]
    while stack:
        target = stack.pop()
        slots: Iterable[tuple[Any, Any]] = (
            enumerate(target.boxed) if isinstance(target, JsonArray) else list(target.items())
        )
        for at, member in slots:
            made: Any = member
            if member is None:
                made = []
            elif isinstance(member, dict):
                made = JsonObject(member.items())
                stack.append(made)
            elif isinstance(member, list) and member:
                made = JsonArray(member)
                stack.append(made)
            elif isinstance(member, list):
                made = JsonArray()
            if isinstance(target, JsonArray):
                target.set(at, made)
            else:
                target.put(at, made)
    return top.get(0)


items_from_python = _items_of
