"""xdmp: functions between items and text: quoting, describing, parsing, JSON (xquery-1.0-ml.md, sections 7 and 8)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from elementpath.datatypes import QName
from elementpath.xpath_nodes import XPathNode

from xquery_bridge.errors import XQueryError
from xquery_bridge.library.marklogic.options import option_values
from xquery_bridge.library.marklogic.xdmp import XDMP
from xquery_bridge.runtime.atomic import ATOMIC_CLASSES, type_name
from xquery_bridge.runtime.functions import FunctionItem
from xquery_bridge.runtime.json_items import JsonArray, JsonObject, MapMap, items_from_python, json_text
from xquery_bridge.runtime.json_nodes import BinaryNode, json_document, json_node, python_from_node
from xquery_bridge.runtime.json_xml import element_from_array, element_from_map
from xquery_bridge.runtime.node_builder import parse_fragment, parse_xml
from xquery_bridge.runtime.nodes import DocumentNode, TextNode, root
from xquery_bridge.runtime.opaque import OpaqueItem
from xquery_bridge.runtime.serialization import Parameters, from_options, markup, quote, serialize
from xquery_bridge.runtime.serialization.answer import node_path
from xquery_bridge.runtime.values import Value, describe_item, string_of

# -------------------------------------------------------------------------------------------------------------- quoting

#: Options of xdmp:quote by MarkLogic's names -> serialization parameters of ours.
_QUOTE_OPTIONS: Final = {
    "method": "method",
    "indent": "indent",
    "omit-xml-declaration": "omit-xml-declaration",
    "encoding": "encoding",
    "output-encoding": "encoding",
    "media-type": "media-type",
    "cdata-section-elements": "cdata-section-elements",
    "doctype-public": "doctype-public",
    "doctype-system": "doctype-system",
    "standalone": "standalone",
    "normalization-form": "normalization-form",
    "byte-order-mark": "byte-order-mark",
    "include-content-type": "include-content-type",
    "escape-uri-attributes": "escape-uri-attributes",
}


@XDMP.row("quote($arg as item()*) as xs:string", effects=True)
def quote_items(items: Sequence[Any]) -> str:
    """The items as text: markup, JSON, string values, and the documented form of cntk: items."""
    return quote(items)


@XDMP.row("quote($arg as item()*, $options as item()?) as xs:string", effects=True)
def quote_with_options(items: Sequence[Any], options: Any) -> str:
    """The items as text by serialization options, an element or a map:map."""
    given = {
        _QUOTE_OPTIONS[name]: " ".join(values)
        for name, values in option_values(options).items()
        if name in _QUOTE_OPTIONS
    }
    if not given or not all(isinstance(item, XPathNode) for item in items):
        return quote(items)
    parameters: Parameters = from_options(given, {})
    return serialize(list(items), parameters)


@XDMP.row(
    "describe($item as item()*) as xs:string",
    "describe($item as item()*, $max-sequence-length as xs:unsignedInt?) as xs:string",
    effects=True,
)
def describe(items: Sequence[Any], count: int | None = 3) -> str:
    """The items as an expression that would give them, each cut after 64 characters; () for the number means all.

    The documented form of a cntk: item is not cut (cntk-conventions.md, Quoting).
    """
    return _listed(items, [_described_whole(item) for item in items[:count]])


@XDMP.row(
    "describe($item as item()*, $max-sequence-length as xs:unsignedInt?, $max-item-length as xs:unsignedInt?)"
    " as xs:string",
    effects=True,
)
def describe_within(items: Sequence[Any], count: int | None, length: int | None) -> str:
    """The items as an expression that would give them, each cut after a length; () for a limit means none."""
    return _listed(items, [described(item, length) for item in items[:count]])


def _listed(items: Sequence[Any], shown: list[str]) -> str:
    if len(items) == 1 and shown:
        return shown[0]
    return f"({', '.join(shown)}{', ...' if len(shown) < len(items) else ''})"


def _described_whole(item: Any) -> str:
    return item.quoted() if isinstance(item, OpaqueItem) else described(item)


def described(item: Any, length: int | None = 64) -> str:
    """One item, cut with `...` after `length` characters."""
    if type(item) in ATOMIC_CLASSES:
        return _described_atom(item, length)
    if isinstance(item, OpaqueItem):
        return _cut(item.quoted(), length)
    if isinstance(item, MapMap):
        kind = "json:object" if isinstance(item, JsonObject) else "map:map"
        return f"{kind}({_cut(markup(element_from_map(item)), length)})"
    if isinstance(item, JsonArray):
        return f"json:array({_cut(markup(element_from_array(item)), length)})"
    if isinstance(item, FunctionItem):
        return quote(item)
    return _described_node(item, length)


def _described_atom(item: Any, length: int | None) -> str:
    text = string_of(item)
    if type(item) is str:
        return '"' + _cut(text.replace("&", "&amp;").replace('"', "&quot;"), length) + '"'
    if isinstance(item, QName):
        return f'fn:QName("{item.namespace or ""}", "{text}")'
    if type(item) in (bool, int, Decimal):
        return describe_item(item)
    return f'{type_name(item)}("{_cut(text, length)}")'


def _described_node(node: Any, length: int | None) -> str:
    top = root(node)
    uri = top.document_uri if top.kind == "document" else None
    if uri:
        path = "" if node is top else node_path(node)
        return f'fn:doc("{uri}"){path}'
    if node.kind == "document":
        return f"document{{{_cut(quote(node), length)}}}"
    if node.kind == "attribute":
        return (
            f'attribute{{fn:QName("{node.namespace_uri or ""}","{node.lexical_name}")}}{{"{_cut(node.value, length)}"}}'
        )
    if node.kind == "text":
        return f'text{{"{_cut(node.string_value, length)}"}}'
    shape = _DESCRIBED.get(node.kind, "%s")
    text = node.string_value if shape != "%s" else quote(node)
    if node.kind == "boolean":
        text = f"fn:{text}()"
    return shape % _cut(text, length)


#: Kind of node -> the constructor that makes it of its string value; the others are their markup.
_DESCRIBED: Final = {
    "number": "number-node{%s}",
    "boolean": "boolean-node{%s}",
    "null": "null-node{%s}",
    "binary": 'binary{"%s"}',
}


def _cut(text: str, length: int | None) -> str:
    return text if length is None or len(text) <= length else f"{text[:length]}..."


# -------------------------------------------------------------------------------------------------------------- parsing


@XDMP.row(
    "unquote($arg as xs:string) as document-node()+",
    "unquote($arg as xs:string, $default-namespace as xs:string?) as document-node()+",
    "unquote($arg as xs:string, $default-namespace as xs:string?, $options as item()*) as document-node()+",
    deterministic=False,
)
def unquote(text: str, namespace: str | None = None, options: Sequence[Any] = ()) -> Value:
    """The document that a text describes: JSON when it begins with a brace or bracket, else XML.

    Options `format-xml`, `format-json`, `format-text` and `format-binary` choose, `repair-none` and `repair-full` are
    accepted. Raises XDMP-DOCPARSE or XDMP-JSONDOC with the place of the fault.
    """
    chosen = {string_of(option) for option in options}
    start = text.lstrip()[:1]
    if "format-json" in chosen or (start in ("{", "[") and start and not chosen.intersection(_OTHER_FORMATS)):
        return json_document(parsed_json(text))
    if chosen.intersection(("format-text", "format-binary")) or not text.strip():
        made = DocumentNode()
        if text:
            node: Any = BinaryNode(text.encode()) if "format-binary" in chosen else TextNode(text)
            node.parent = made
            made.children.append(node)
        return made
    if not text.lstrip("\ufeff \t\r\n").startswith("<"):
        return parse_fragment(text)
    document = parse_xml(text.lstrip() if not text.lstrip().startswith("<?xml") else text.strip())
    if namespace:
        _set_default_namespace(document, namespace)
    return document


_OTHER_FORMATS: Final = frozenset(("format-xml", "format-text", "format-binary"))


def _set_default_namespace(document: DocumentNode, uri: str) -> None:
    """Put elements without a namespace into one."""
    from xquery_bridge.runtime.nodes import clark, deep_nodes, name_parts

    for node in deep_nodes(document):
        if node.kind == "element" and not node.prefix and not name_parts(node.name)[0]:
            node.name = clark(uri, node.name)
            if node.parent is document:
                node.namespaces = {"": uri, **node.namespaces}


def parsed_json(text: str) -> Any:
    """Decoded JSON. Raises FOJS0001 (XDMP-JSONDOC) with the place of the fault."""
    try:
        return json.loads(text, parse_constant=_no_constant)
    except ValueError as error:
        raise XQueryError(
            "FOJS0001", "Document is not JSON", detail=f"-- {error}", marklogic_code="XDMP-JSONDOC"
        ) from None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON value")


# ----------------------------------------------------------------------------------------------------------------- JSON


@XDMP.row("to-json($item as item()*) as document-node()", effects=True)
def to_json(items: Sequence[Any]) -> DocumentNode:
    """A document of JSON nodes: a map an object, several items or a json:array an array, none null."""
    json_text(list(items), strict=True)
    made = DocumentNode()
    node = json_node(list(items), text_of_markup=quote)
    node.parent = made
    made.children.append(node)
    return made


@XDMP.row("to-json-string($item as item()*) as xs:string", effects=True)
def to_json_string(items: Sequence[Any]) -> str:
    """JSON text. Raises for NaN, the infinities and -0, which have no form."""
    return json_text(list(items) if len(items) != 1 else items[0], strict=True)


@XDMP.row("from-json($arg as item()) as item()*", deterministic=False)
def from_json(item: Any) -> Value:
    """json:object, json:array or atomic values for JSON nodes, or for JSON text."""
    if isinstance(item, XPathNode):
        return items_from_python(python_from_node(item))
    return items_from_python(parsed_json(string_of(item)))


@XDMP.row("from-json-string($arg as xs:string) as item()*", deterministic=False)
def from_json_string(text: str) -> Value:
    """json:object, json:array or atomic values for JSON text; null is the empty sequence."""
    return items_from_python(parsed_json(text))
