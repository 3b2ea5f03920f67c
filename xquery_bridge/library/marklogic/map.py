"""The `map:` namespace of 1.0-ml: mutable maps with string keys, passed by reference (xquery-1.0-ml.md, section 6).

Whoever reads a map sees what was put into it before, so even readers count as effects: the compiler keeps their place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from elementpath.datatypes import UnsignedInt

from xquery_bridge.registry import Table
from xquery_bridge.runtime.json_items import MapMap
from xquery_bridge.runtime.json_xml import map_from_xml
from xquery_bridge.runtime.nodes import ElementNode
from xquery_bridge.runtime.values import Value

MAP_ML: Final = Table("http://marklogic.com/xdmp/map", "map")


@MAP_ML.row("map() as map:map", "new() as map:map", effects=True)
def new_map() -> MapMap:
    """A new empty map."""
    return MapMap()


@MAP_ML.row("map($map as element()) as map:map", effects=True)
def map_of_element(element: ElementNode) -> MapMap:
    """The map that a map:map element describes."""
    return map_from_xml(element)


@MAP_ML.row("new($maps as map:map*) as map:map", effects=True)
def new_from(maps: Sequence[MapMap]) -> MapMap:
    """A new map with the entries of all; of equal keys the last one wins."""
    merged = MapMap()
    for source in maps:
        for key, value in source.items():
            merged.put(key, value)
    return merged


@MAP_ML.row("entry($key as xs:string, $value as item()*) as map:map", effects=True)
def entry(key: str, value: Value) -> MapMap:
    """A new map with one entry."""
    made = MapMap()
    made.put(key, value)
    return made


@MAP_ML.row("put($map as map:map, $key as xs:string, $value as item()*) as empty-sequence()", effects=True)
def put(the_map: MapMap, key: str, value: Value) -> None:
    """Set the value of a key; the empty sequence removes it."""
    the_map.put(key, value)


@MAP_ML.row("with($map as map:map, $key as xs:string, $value as item()*) as map:map", effects=True)
def with_(the_map: MapMap, key: str, value: Value) -> MapMap:
    """Set the value of a key and return the same map."""
    the_map.put(key, value)
    return the_map


@MAP_ML.row("get($map as map:map, $key as xs:string) as item()*", effects=True)
def get(the_map: MapMap, key: str) -> Value:
    """The value of a key, nothing when there is none."""
    return the_map.get(key)


@MAP_ML.row("contains($map as map:map, $key as xs:string) as xs:boolean", effects=True)
def contains(the_map: MapMap, key: str) -> bool:
    """Whether there is an entry with this key."""
    return key in the_map


@MAP_ML.row("count($map as map:map) as xs:unsignedInt", effects=True)
def count(the_map: MapMap) -> UnsignedInt:
    """The number of entries."""
    return UnsignedInt(len(the_map))


@MAP_ML.row("keys($map as map:map) as xs:string*", effects=True)
def keys(the_map: MapMap) -> Value:
    """The keys, in the order they were put."""
    return list(the_map.keys())


@MAP_ML.row("delete($map as map:map, $key as xs:string) as empty-sequence()", effects=True)
def delete(the_map: MapMap, key: str) -> None:
    """Remove the entry of a key, if there is one."""
    the_map.delete(key)


@MAP_ML.row("clear($map as map:map) as empty-sequence()", effects=True)
def clear(the_map: MapMap) -> None:
    """Remove every entry."""
    the_map.clear()


@MAP_ML.row("set-javascript-by-ref($map as map:map, $byref as xs:boolean) as empty-sequence()", effects=True)
def set_javascript_by_ref(the_map: MapMap, by_reference: bool) -> None:
    """Accepted; it tells MarkLogic's JavaScript engine how to take the map, and there is none here."""
