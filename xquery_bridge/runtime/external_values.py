"""Values for external variables: Python values, and what clients send as text (rest-eval.md, section 3)."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from elementpath.datatypes import QName, UntypedAtomic
from elementpath.xpath_nodes import XPathNode

from xquery_bridge.errors import XQueryError
from xquery_bridge.external import ExternalVariable
from xquery_bridge.runtime.casts import cast
from xquery_bridge.runtime.context import StaticContext
from xquery_bridge.runtime.json_items import JsonArray, JsonObject
from xquery_bridge.runtime.json_nodes import binary_node, json_document, null_node
from xquery_bridge.runtime.maps import XdmMap
from xquery_bridge.runtime.node_builder import parse_fragment, parse_xml
from xquery_bridge.runtime.nodes import TextNode
from xquery_bridge.runtime.sequence_types import SequenceType
from xquery_bridge.runtime.values import Value


def from_python(value: Any) -> Value:
    """A Value from a Python value: lists are sequences, dicts maps, None the empty sequence; items stay as they are."""
    if value is None:
        return []
    if isinstance(value, (list, tuple)):
        items: list[Any] = []
        for member in value:
            made = from_python(member)
            if type(made) is list or type(made) is range:
                items.extend(made)
            else:
                items.append(made)
        return items
    if isinstance(value, dict):
        return XdmMap.of([(key, from_python(member)) for key, member in value.items()])
    return value


def from_json(value: Any) -> Value:
    """1.0-ml's items for a JSON value: json:array and json:object, null as the empty sequence."""
    if value is None:
        return []
    if isinstance(value, list):
        return JsonArray([from_json(member) for member in value])
    if isinstance(value, dict):
        made = JsonObject()
        for key, member in value.items():
            made.put(key, from_json(member))
        return made
    return value


def converted_external(value: Any, declared: SequenceType | None, static: StaticContext, name: str) -> Value:
    """A variable's value converted to its declared type. Raises XPTY0004 or FORG0001 naming the variable."""
    try:
        if not isinstance(value, ExternalVariable):
            return value if declared is None else declared.convert(value)
        return _from_client(value, declared, static)
    except XQueryError as error:
        if not error.expression:
            raise XQueryError(
                error.name,
                error.title,
                expression=f"${name} as {declared}",
                detail=error.detail,
                marklogic_code=error.marklogic_code,
            ) from None
        raise


def _from_client(sent: ExternalVariable, declared: SequenceType | None, static: StaticContext) -> Value:
    """What a client sent, as untyped text or as the kind it names, converted to the declared type."""
    wanted = "" if declared is None else str(declared).rstrip("?*+")
    value = sent.value
    if sent.type == "null-node()":
        return null_node()
    if value is None:
        # clients send null for what they have no value for, and do not use it
        return "" if wanted == "xs:string" else []
    if isinstance(value, (list, dict)):
        return from_json(value)
    text = _text(value)
    if sent.type in ("json:array", "json:object") or wanted in ("json:array", "json:object"):
        return from_json(_parse_json(text))
    if sent.type == "document-node()" or ("(" in wanted and wanted != "item()"):
        return _node(text, wanted, sent.type)
    item: Any = UntypedAtomic(text)
    if sent.type.startswith("xs:") and sent.type not in ("xs:untypedAtomic", "xs:string"):
        item = cast(item, sent.type[3:], static)
    elif sent.type == "xs:string":
        item = text
    if declared is None or wanted in ("item()", "xs:anyAtomicType", "xs:untypedAtomic"):
        return item
    if wanted == "xs:QName":
        return _qname(text, static)
    if wanted.startswith("xs:") and isinstance(item, UntypedAtomic):
        return cast(item, wanted[3:])
    return declared.convert(item)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return format(Decimal(repr(value)), "f") if isinstance(value, float) else str(value)


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise XQueryError("FOJS0001", detail=str(error)) from None


def _qname(text: str, static: StaticContext) -> QName:
    prefix, _, local = text.strip().rpartition(":")
    return QName(static.namespace(prefix) if prefix else None, text.strip() if prefix else local)


def _node(text: str, wanted: str, sent: str) -> XPathNode:
    """The node of the kind asked for, from its text."""
    kind = wanted.partition("(")[0]
    stripped = text.lstrip()
    if kind == "text":
        return _text_node(text)
    if kind == "binary":
        made: XPathNode = binary_node(text.strip())
        return made
    if kind in ("object-node", "array-node") or (stripped[:1] in "{[" and stripped):
        document: Any = json_document(_parse_json(text))
        found: XPathNode = document if kind not in ("object-node", "array-node") else document.children[0]
        return found
    if not stripped.startswith("<"):
        return _text_node(text)
    parsed: Any = (
        parse_fragment(text) if kind in ("comment", "processing-instruction", "document-node") else parse_xml(text)
    )
    if kind in ("", "document-node", "node") and (sent or kind != "node"):
        result: XPathNode = parsed
        return result
    if kind == "element":
        element: XPathNode = next(child for child in parsed.children if child.kind == "element")
        return element
    first: XPathNode = parsed.children[0] if kind in ("comment", "processing-instruction") else parsed
    return first


def _text_node(text: str) -> XPathNode:
    return TextNode(text)
