"""The `map:` namespace of the W3C (F&O 3.1, section 17.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from xquery_bridge.errors import XQueryError
from xquery_bridge.registry import Table
from xquery_bridge.runtime.arrays import XdmArray
from xquery_bridge.runtime.functions import FunctionItem
from xquery_bridge.runtime.maps import XdmMap
from xquery_bridge.runtime.values import Value, as_list, from_items

MAP: Final = Table("http://www.w3.org/2005/xpath-functions/map", "map")
_DUPLICATES: Final = {"reject", "use-first", "use-last", "use-any", "combine"}


@MAP.row("merge($maps as map(*)*) as map(*)")
@MAP.row("merge($maps as map(*)*, $options as map(*)) as map(*)")
def merge(maps: Sequence[XdmMap], options: XdmMap | None = None) -> XdmMap:
    """One map with the entries of all; option `duplicates`: use-first (default), use-last, use-any, combine, reject."""
    policy: Any = "use-first"
    if options is not None and "duplicates" in options:
        policy = options.get("duplicates")
        if policy not in _DUPLICATES:
            raise XQueryError("FOJS0005", f"Option duplicates is {policy!r}: one of {', '.join(sorted(_DUPLICATES))}")
    return XdmMap.merged(maps, policy)


@MAP.row("size($map as map(*)) as xs:integer")
def size(the_map: XdmMap) -> int:
    """The number of entries."""
    return len(the_map)


@MAP.row("keys($map as map(*)) as xs:anyAtomicType*")
def keys(the_map: XdmMap) -> Value:
    """The keys, in the order they were put."""
    return list(the_map.keys())


@MAP.row("contains($map as map(*), $key as xs:anyAtomicType) as xs:boolean")
def contains(the_map: XdmMap, key: Any) -> bool:
    """Whether there is an entry with this key."""
    return key in the_map


@MAP.row("get($map as map(*), $key as xs:anyAtomicType) as item()*")
def get(the_map: XdmMap, key: Any) -> Value:
    """The value of a key, nothing when there is none."""
    return the_map.get(key)


@MAP.row("find($input as item()*, $key as xs:anyAtomicType) as array(*)")
def find(items: Sequence[Any], key: Any) -> XdmArray:
    """The values of a key in all maps at any depth of the items."""
    found: list[Value] = []
    stack = list(reversed(items))
    while stack:
        item = stack.pop()
        if isinstance(item, XdmMap):
            if key in item:
                found.append(item.get(key))
            stack += reversed([inner for value in item.values() for inner in as_list(value)])
        elif isinstance(item, XdmArray):
            stack += reversed([inner for member in item.members() for inner in as_list(member)])
    return XdmArray(found)


@MAP.row("put($map as map(*), $key as xs:anyAtomicType, $value as item()*) as map(*)")
def put(the_map: XdmMap, key: Any, value: Value) -> XdmMap:
    """The map with an entry added or replaced."""
    return the_map.put(key, from_items(value))


@MAP.row("entry($key as xs:anyAtomicType, $value as item()*) as map(*)")
def entry(key: Any, value: Value) -> XdmMap:
    """A map with one entry."""
    value = from_items(value)
    return XdmMap({key: (key, value)}) if type(key) is str or type(key) is int else XdmMap.of([(key, value)])


@MAP.row("remove($map as map(*), $keys as xs:anyAtomicType*) as map(*)")
def remove(the_map: XdmMap, unwanted: Sequence[Any]) -> XdmMap:
    """The map without the entries of these keys."""
    return the_map.remove(unwanted)


@MAP.row("for-each($map as map(*), $action as function(xs:anyAtomicType, item()*) as item()*) as item()*", effects=True)
def for_each(the_map: XdmMap, action: FunctionItem) -> Value:
    """The results of calling a function with each key and value, joined."""
    results: list[Any] = []
    for key, value in the_map.items():
        results.extend(as_list(action.call(key, value)))
    return results
