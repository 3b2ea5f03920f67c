"""Serialization: a value as text (XSLT and XQuery Serialization 3.1), as quoted by 1.0-ml, or as parts of an answer.

- `serialize(value, parameters=None) -> str`: by `Parameters` (methods xml, xhtml, html, text, json, adaptive).
- `parameters_of(params, base=None)`: `Parameters` from fn:serialize's second argument: an element, a map, or nothing.
- `from_options(options, namespaces, base)`: those of `declare option output:…`.
- `quote(value)`: xdmp:quote. `markup(node)`: one node as plain XML. `json_node_text(node)`: 1.0-ml's JSON.
- `answer_part(item)`: one item as a part of an answer (rest-eval.md, section 5).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from elementpath.xpath_nodes import XPathNode

from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime import values
from xquery_bridge.runtime.arrays import XdmArray
from xquery_bridge.runtime.functions import FunctionItem
from xquery_bridge.runtime.maps import XdmMap
from xquery_bridge.runtime.nodes import ElementNode, TextNode
from xquery_bridge.runtime.serialization.adaptive import adaptive_text
from xquery_bridge.runtime.serialization.answer import answer_part, quote
from xquery_bridge.runtime.serialization.html import html_text
from xquery_bridge.runtime.serialization.json import json_node_text, json_text
from xquery_bridge.runtime.serialization.parameters import Parameters, from_element, from_entries, from_options
from xquery_bridge.runtime.serialization.xhtml import xhtml_text
from xquery_bridge.runtime.serialization.xml import MarkupWriter, markup, xml_text

__all__ = [
    "Parameters",
    "answer_part",
    "from_options",
    "json_node_text",
    "markup",
    "parameters_of",
    "quote",
    "serialize",
]


def parameters_of(params: Any, base: Parameters | None = None) -> Parameters:
    """The parameters that fn:serialize's second argument gives. Raises XPTY0004 for another kind of item."""
    items = values.as_list(params) if params is not None else []
    if not items:
        return base or Parameters()
    if len(items) == 1 and isinstance(items[0], XPathNode):
        return from_element(items[0], base)
    if len(items) == 1 and isinstance(items[0], XdmMap):
        return from_entries([(key, _option_items(key, value)) for key, value in items[0].items()], base)
    raise XQueryError("XPTY0004", "Serialization parameters are an element or a map")


def _option_items(key: Any, value: Any) -> list[Any]:
    found = values.as_list(value)
    if key != "use-character-maps":
        return list(found)
    if len(found) > 1 or not all(isinstance(item, XdmMap) for item in found):
        raise XQueryError("XPTY0004", "use-character-maps is a map")
    pairs = [(char, values.as_list(text)) for item in found for char, text in item.items()]
    if any(len(texts) != 1 for _, texts in pairs):
        raise XQueryError("XPTY0004", "A character map goes from xs:string to xs:string")
    return [(char, texts[0]) for char, texts in pairs]


def serialize(value: Any, parameters: Parameters | None = None) -> str:
    """A value as text. Errors are those of the specification: SENR0001, SERE…, SEPM…, SESU…."""
    parameters = parameters or Parameters()
    if type(value) is ElementNode and parameters.method == "xml" and _as_it_is(parameters):
        return markup(value)
    method = parameters.method
    if method == "json":
        text = json_text(value, parameters)
    elif method == "adaptive":
        text = adaptive_text(value, parameters)
    else:
        nodes = normalized(value, parameters.item_separator)
        if method == "text":
            text = _plain_text(nodes, parameters)
        elif method == "html":
            text = html_text(nodes, parameters)
        elif method == "xhtml":
            text = xhtml_text(nodes, parameters)
        else:
            text = xml_text(nodes, parameters)
    return f"\ufeff{text}" if parameters.byte_order_mark and parameters.encoding.upper().startswith("UTF") else text


def _as_it_is(parameters: Parameters) -> bool:
    return (
        parameters.plain
        and parameters.omit_xml_declaration
        and parameters.standalone is None
        and parameters.doctype_system is None
        and parameters.version in ("", "1.0")
        and not parameters.byte_order_mark
    )


def normalized(value: Any, separator: str | None) -> list[Any]:
    """Sequence normalization (section 2): a list of nodes that are no documents, adjacent text in one node.

    Raises SENR0001 for attributes, namespaces and functions.
    """
    items = list(_flattened(value))
    nodes: list[Any] = []
    pending: list[str] = []
    after_atomic = False

    def flush() -> None:
        text = "".join(pending)
        pending.clear()
        if text:
            nodes.append(TextNode(text))

    for index, item in enumerate(items):
        if separator is not None and index:
            pending.append(separator)
        if not isinstance(item, XPathNode):
            if isinstance(item, FunctionItem):
                raise XQueryError("SENR0001", "A function cannot be serialized by this method")
            if after_atomic and separator is None:
                pending.append(" ")
            pending.append(values.string_of(item))
            after_atomic = True
            continue
        after_atomic = False
        kind = item.kind  # type: ignore[attr-defined]
        if kind in ("attribute", "namespace"):
            raise XQueryError("SENR0001", f"A parentless {kind} node cannot be serialized by this method")
        tops: Any = item.children if kind == "document" else (item,)
        for node in tops:
            if node.kind == "text":
                pending.append(node.value)
            else:
                flush()
                nodes.append(node)
    flush()
    return nodes


def _flattened(value: Any) -> Iterable[Any]:
    for item in values.iterate(value):
        if isinstance(item, XdmArray):
            for member in item.members():
                yield from _flattened(member)
        else:
            yield item


def _plain_text(nodes: list[Any], parameters: Parameters) -> str:
    """The text method (section 8): string values, character map and normalization, nothing escaped."""
    parts = [node.string_value for node in nodes if node.kind not in ("comment", "processing-instruction")]
    text = "".join(parts)
    writer = MarkupWriter(parameters)
    if not parameters.character_map and not parameters.normalization_form:
        return _encodable(text, parameters)
    return writer.characters(text, lambda raw: raw)


def _encodable(text: str, parameters: Parameters) -> str:
    """Check that the encoding has every character: the text method has no references (SERE0008)."""
    try:
        text.encode(parameters.encoding)
    except UnicodeEncodeError as error:
        char = text[error.start]
        raise XQueryError("SERE0008", f"{parameters.encoding} has no character U+{ord(char):04X}") from None
    return text
