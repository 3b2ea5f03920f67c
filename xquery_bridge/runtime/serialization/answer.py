"""Items as 1.0-ml quotes them, and as parts of an answer (xquery-1.0-ml.md, section 8; rest-eval.md, section 5)."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import quote as percent_encode

from elementpath.xpath_nodes import XPathNode

from xquery_bridge.answer import Part
from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime import atomic, values
from xquery_bridge.runtime.arrays import XdmArray
from xquery_bridge.runtime.functions import FunctionItem
from xquery_bridge.runtime.json_items import JsonArray, MapMap, json_text
from xquery_bridge.runtime.maps import XdmMap
from xquery_bridge.runtime.nodes import tree_of
from xquery_bridge.runtime.opaque import OpaqueItem
from xquery_bridge.runtime.serialization.adaptive import item_text
from xquery_bridge.runtime.serialization.json import JSON_KINDS, json_node_text
from xquery_bridge.runtime.serialization.parameters import Parameters
from xquery_bridge.runtime.serialization.xml import markup

_UNKNOWN: Final = "application/x-unknown-content-type"
_PLAIN: Final = "text/plain"

#: Node kind -> (Content-Type, X-Primitive).
_NODE_PARTS: Final[dict[str, tuple[str, str]]] = {
    "element": ("application/xml", "element()"),
    "text": (_PLAIN, "text()"),
    "attribute": (_PLAIN, "attribute()"),
    "namespace": (_PLAIN, "namespace-node()"),
    "comment": (_PLAIN, "comment()"),
    "processing-instruction": (_PLAIN, "processing-instruction()"),
    "binary": (_UNKNOWN, "binary()"),
    "object": ("application/json", "object-node()"),
    "array": ("application/json", "array-node()"),
    "number": ("application/json", "number-node()"),
    "boolean": ("application/json", "boolean-node()"),
    "null": ("application/json", "null-node()"),
}


def quote(value: Any) -> str:
    """xdmp:quote: the items, each by itself, without anything between them."""
    return "".join([quote_item(item) for item in values.iterate(value)])


def quote_item(item: Any) -> str:
    """One item: markup without a declaration, JSON text, an atomic value's string value, an opaque item's form."""
    if isinstance(item, XPathNode):
        return _node_text(item)
    if isinstance(item, OpaqueItem):
        return item.quoted()
    if isinstance(item, FunctionItem):
        return item_text(item, Parameters())
    text: str = values.string_of(item)
    return text


def _node_text(node: Any) -> str:
    kind = node.kind
    if kind in ("element", "comment", "processing-instruction"):
        return markup(node)
    if kind in JSON_KINDS:
        return json_node_text(node)
    if kind == "binary":
        return str(node.value.decode("utf-8", "replace"))
    if kind == "document":
        return "".join([_node_text(child) for child in node.children])
    text: str = node.string_value
    return text


def answer_part(item: Any) -> Part:
    """One item of a result as a part of an answer."""
    if isinstance(item, XPathNode):
        return _node_part(item)
    if isinstance(item, MapMap):
        return Part("application/json", "map", item.json_text().encode())
    if isinstance(item, JsonArray):
        return Part("application/json", "array", item.json_text().encode())
    if isinstance(item, OpaqueItem):
        return Part(_PLAIN, item.type_name, item.quoted().encode())
    if isinstance(item, XdmMap | XdmArray):
        return _json_part(item)
    if isinstance(item, FunctionItem):
        return Part(_PLAIN, "function", quote_item(item).encode())
    text: str = values.string_of(item)
    if isinstance(item, float):
        text = text.replace(".0E", "E")  # MarkLogic's form of whole mantissas (rest-eval.md, section 5)
    return Part(_PLAIN, atomic.primitive_type(item), text.encode())


def _json_part(item: XdmMap | XdmArray) -> Part:
    """A map or array of XQuery 3.1: JSON, as clients read maps and arrays; its own text where it holds functions."""
    try:
        return Part("application/json", "map" if isinstance(item, XdmMap) else "array", json_text(item).encode())
    except XQueryError:
        return Part(_PLAIN, "function", quote_item(item).encode())


def _node_part(node: Any) -> Part:
    uri = _stored_uri(node)
    kind = node.kind
    if kind == "document":
        roots = [child for child in node.children if child.kind not in ("comment", "processing-instruction")]
        only = roots[0] if len(roots) == 1 else None
        if only is not None and only.kind != "element":
            content_type, primitive = _NODE_PARTS[only.kind]
            return Part(content_type, primitive, _body(only), uri)
        body = f'<?xml version="1.0" encoding="UTF-8"?>\n{markup(node)}'
        return Part("application/xml", "document-node()", body.encode("utf-8", "surrogatepass"), uri)
    content_type, primitive = _NODE_PARTS[kind]
    name = node.lexical_name if kind == "attribute" else ""
    return Part(content_type, primitive, _body(node), uri, _path(node), name)


def _body(node: Any) -> bytes:
    if node.kind == "binary":
        return bytes(node.value)
    return _node_text(node).encode("utf-8", "surrogatepass")


def _stored_uri(node: Any) -> str:
    """The URI of the stored document that holds a node, as a header can carry it: ASCII as it is, the rest encoded."""
    if node.children == () and node.parent is None:
        return ""
    uri = tree_of(node).uri
    return "" if uri is None else re.sub("[^\x21-\x7e]+", lambda found: percent_encode(found[0]), uri)


def _path(node: Any) -> str:
    """X-Path: the node's path as a header can carry it."""
    return re.sub("[^\x21-\x7e]+", lambda found: percent_encode(found[0]), node_path(node))


def node_path(node: Any) -> str:
    """The path from the root in prefixed names, positions only where there are several of a name."""
    steps: list[str] = []
    while True:
        parent = node.parent
        steps.append(_step(node, parent))
        if parent is None or parent.kind == "document":
            break
        node = parent
    path = "/".join(reversed(steps))
    return path if parent is None else f"/{path}"


def _step(node: Any, parent: Any) -> str:
    kind: str = node.kind
    label: str
    if kind == "attribute":
        return f"@{node.lexical_name}"
    if kind == "element":
        label = node.lexical_name
    elif node.name is not None:
        label = node.name
    elif kind in ("text", "comment", "processing-instruction"):
        label = f"{kind}()"
    else:
        label = _NODE_PARTS[kind][1] if kind in _NODE_PARTS else f"{kind}()"
    if parent is None or kind == "namespace":
        return label
    same = [one for one in parent.children if one.kind == kind and one.name is node.name]
    if len(same) < 2:
        return label
    return f"{label}[{next(at for at, one in enumerate(same, 1) if one is node)}]"
