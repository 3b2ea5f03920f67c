"""map:map, json:object and json:array as XML elements, and back (xquery-1.0-ml.md, sections 6 and 7).

    <map:map><map:entry key="a"><map:value xsi:type="xs:string">x</map:value></map:entry></map:map>
    <json:object><json:entry key="a"><json:value xsi:type="xs:integer">1</json:value></json:entry></json:object>
    <json:array><json:value xsi:type="xs:integer">1</json:value><json:value xsi:nil="true"/></json:array>

Each item of a map's Value has an element of its own. A null is nil; a map, array or node stands inside its element.
A member of an array that is a sequence of several items is written as an array of them (ours).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from elementpath.datatypes import QName
from elementpath.xpath_nodes import XPathNode

from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime.atomic import ATOMIC_CLASSES, TYPES, atomic_type
from xquery_bridge.runtime.casts import cast, qname
from xquery_bridge.runtime.construction import adopt, copy_node
from xquery_bridge.runtime.context import XS
from xquery_bridge.runtime.item_types import JSON_ML, MAP_ML
from xquery_bridge.runtime.json_items import JsonArray, JsonObject, MapMap, items_from_python
from xquery_bridge.runtime.json_nodes import python_from_node
from xquery_bridge.runtime.node_builder import NodeBuilder
from xquery_bridge.runtime.node_tests import JSON_KINDS
from xquery_bridge.runtime.nodes import AttributeNode, ElementNode, TextNode, clark, in_scope_namespaces, untyped
from xquery_bridge.runtime.opaque import no_typed_value
from xquery_bridge.runtime.values import Value, as_list, from_items, optional, string_of

_XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
_TYPE: Final = clark(_XSI, "type")
_NIL: Final = clark(_XSI, "nil")
_KEY: Final = clark("", "key")
_MAP: Final = clark(MAP_ML, "map")
_OBJECT: Final = clark(JSON_ML, "object")
_ARRAY: Final = clark(JSON_ML, "array")
#: Element of a container -> (the namespace of its parts, whether it has entries with keys).
_CONTAINERS: Final[dict[str, tuple[str, bool]]] = {
    _MAP: (MAP_ML, True),
    _OBJECT: (JSON_ML, True),
    _ARRAY: (JSON_ML, False),
}


# -------------------------------------------------------------------------------------------------------------- writing


def element_from_map(the_map: MapMap) -> ElementNode:
    """The element for a map:map or json:object. Raises FOTY0013 for functions and opaque items in it."""
    return _written(the_map)


def element_from_array(array: JsonArray) -> ElementNode:
    """The element for a json:array. Raises FOTY0013 for functions and opaque items in it."""
    return _written(array)


def _written(container: MapMap | JsonArray) -> ElementNode:
    writer = _Writer()
    writer.container(container, {"xsi": _XSI, "xs": XS})
    made: ElementNode = writer.builder.result()
    return made


class _Writer:
    def __init__(self) -> None:
        self.builder = NodeBuilder(document=False)
        self.open: list[Any] = []

    def container(self, item: MapMap | JsonArray, namespaces: dict[str, str]) -> None:
        """A container's element. Raises XDMP-JSONCYCLE when it holds itself."""
        if any(outer is item for outer in self.open):
            raise XQueryError("FOER0000", "A container contains itself", marklogic_code="XDMP-JSONCYCLE")
        self.open.append(item)
        builder = self.builder
        if isinstance(item, JsonArray):
            builder.start("json:array", JSON_ML, {"json": JSON_ML, **namespaces})
            for member in item.members():
                items = as_list(member)
                self.value(
                    "json", JSON_ML, None if not len(items) else items[0] if len(items) == 1 else JsonArray(items)
                )
        else:
            is_object = isinstance(item, JsonObject)
            prefix, uri = ("json", JSON_ML) if is_object else ("map", MAP_ML)
            builder.start("json:object" if is_object else "map:map", uri, {prefix: uri, **namespaces})
            for key, value in item.items():
                self.entry(prefix, uri, key, value)
        builder.end()
        self.open.pop()

    def entry(self, prefix: str, uri: str, key: str, value: Value) -> None:
        self.builder.start(f"{prefix}:entry", uri)
        self.builder.attribute("key", key)
        items: Iterable[Any] = as_list(value)
        for item in items:
            self.value(prefix, uri, item)
        if not len(as_list(value)):
            self.value(prefix, uri, None)
        self.builder.end()

    def value(self, prefix: str, uri: str, item: Any) -> None:
        """One `value` element; None is a null."""
        if isinstance(item, XPathNode):
            item = _json_content(item)
        builder = self.builder
        builder.start(f"{prefix}:value", uri)
        if item is None:
            self.mark(_NIL, "true")
        elif type(item) in ATOMIC_CLASSES:
            self.mark(_TYPE, f"xs:{atomic_type(item)}")
            if isinstance(item, QName) and item.prefix and item.uri:
                builder.current.namespaces = {**builder.current.namespaces, item.prefix: item.uri}
            builder.text(string_of(item))
        elif isinstance(item, MapMap | JsonArray):
            self.container(item, {})
        elif isinstance(item, XPathNode):
            self.node(item)
        else:
            raise no_typed_value(item)
        builder.end()

    def mark(self, name: str, value: str) -> None:
        """An attribute in the xsi namespace, whose prefix the outermost element declares."""
        target = self.builder.current
        target.attributes = [*target.attributes, AttributeNode(name, value, "xsi", target)]

    def node(self, node: Any) -> None:
        """A copy of a node; a document's children stand for it, and the value of an attribute, namespace or binary."""
        parent = self.builder.current
        kind = node.kind
        if kind in ("attribute", "namespace", "binary"):
            self.mark(_TYPE, "xs:hexBinary" if kind == "binary" else "xs:untypedAtomic")
            self.builder.text(string_of(node))
            return
        for each in list(node.children) if kind == "document" else [node]:
            adopt(parent, copy_node(each))


def _json_content(node: Any) -> Any:
    """The items that a JSON node, or a document of one, stands for; any other node as it is. None is a null."""
    if node.kind == "document" and len(node.children) == 1:
        only = node.children[0]
        return _json_content(only) if only.kind in JSON_KINDS else node
    return optional(items_from_python(python_from_node(node))) if node.kind in JSON_KINDS else node


# -------------------------------------------------------------------------------------------------------------- reading


def map_from_xml(element: ElementNode) -> MapMap:
    """The map that a map:map element describes. Raises XPTY0004 for another element."""
    made = _read(element, _MAP, "map:map")
    assert isinstance(made, MapMap)
    return made


def object_from_xml(element: ElementNode) -> MapMap:
    """The object that a json:object element describes. Raises XPTY0004 for another element."""
    made = _read(element, _OBJECT, "json:object")
    assert isinstance(made, JsonObject)
    return made


def array_from_xml(element: ElementNode) -> JsonArray:
    """The array that a json:array element describes. Raises XPTY0004 for another element."""
    made = _read(element, _ARRAY, "json:array")
    assert isinstance(made, JsonArray)
    return made


def _read(element: ElementNode, wanted: str, label: str) -> MapMap | JsonArray:
    if element.name is not wanted:
        raise XQueryError("XPTY0004", f"Invalid coercion: element({element.lexical_name}) as element({label})")
    return _container(element)


def _container(element: ElementNode) -> MapMap | JsonArray:
    assert element.name is not None
    uri, keyed = _CONTAINERS[element.name]
    values = clark(uri, "value")
    if not keyed:
        return JsonArray([_value(child) for child in _parts(element, values)])
    made = JsonObject() if element.name is _OBJECT else MapMap()
    for entry in _parts(element, clark(uri, "entry")):
        key = entry.attribute(_KEY)
        if key is None:
            raise XQueryError("XPTY0004", f"Invalid coercion: {entry.lexical_name} has no attribute key")
        items: list[Any] = []
        for child in _parts(entry, values):
            found = _value(child)
            items.extend(found) if type(found) is list else items.append(found)
        made.put(key.value, items[0] if len(items) == 1 else items)
    return made


def _parts(element: ElementNode, name: str) -> list[ElementNode]:
    """The child elements, all of one name. Raises XPTY0004 for another one."""
    found = [child for child in element.children if child.kind == "element"]
    for child in found:
        if child.name is not name:
            raise XQueryError(
                "XPTY0004", f"Invalid coercion: element({child.lexical_name}) in element({element.lexical_name})"
            )
    return found


def _value(element: ElementNode) -> Value:
    """What a `value` element holds: null, an atomic value of its xsi:type, a container, or nodes."""
    nil = element.attribute(_NIL)
    if nil is not None and nil.value.strip() in ("true", "1"):
        return []
    type = element.attribute(_TYPE)
    if type is not None:
        return _typed(element, type.value.strip())
    if not any(child.kind == "element" for child in element.children):
        nodes = [child for child in element.children if child.kind != "text"]
        return from_items([copy_node(node) for node in nodes]) if nodes else untyped(element.string_value)
    found: list[Any] = []
    for child in element.children:
        if _is_blank(child):
            continue
        found.append(_container(child) if child.name in _CONTAINERS else copy_node(child))
    return from_items(found)


def _is_blank(node: Any) -> bool:
    """Whether a node is the white space between elements."""
    return isinstance(node, TextNode) and not node.value.strip()


def _typed(element: ElementNode, name: str) -> Value:
    """The text of an element cast to the type named. Raises XPST0051 for unknown types, FORG0001 for bad text."""
    prefix, _, local = name.rpartition(":")
    namespaces = in_scope_namespaces(element)
    if namespaces.get(prefix, "") != XS or local not in TYPES:
        raise XQueryError("XPST0051", detail=name)
    text = element.string_value
    if local in ("untypedAtomic", "anyAtomicType"):
        return untyped(text)
    if local == "QName":
        prefix, _, local = text.strip().rpartition(":")
        if prefix and prefix not in namespaces:
            raise XQueryError("FONS0004", f"Prefix {prefix} in {text.strip()} has no namespace")
        return qname(namespaces.get(prefix, ""), local, prefix)
    return cast(untyped(text), local)
