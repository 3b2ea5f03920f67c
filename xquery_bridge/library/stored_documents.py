"""Documents of the store as trees, and trees as documents: what fn:doc, fn:collection and the xdmp: functions share."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from elementpath.xpath_nodes import XPathNode

from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime.atomic import type_name
from xquery_bridge.runtime.context import DynamicContext
from xquery_bridge.runtime.json_nodes import BinaryNode, json_document
from xquery_bridge.runtime.node_builder import parse_xml
from xquery_bridge.runtime.nodes import DocumentNode, TextNode
from xquery_bridge.runtime.opaque import OpaqueItem, no_typed_value
from xquery_bridge.runtime.serialization import json_node_text, markup
from xquery_bridge.runtime.values import string_of
from xquery_bridge.store import Document, Kind

_KIND_OF_ROOT: Final[dict[str, Kind]] = {
    "element": "xml",
    "comment": "xml",
    "processing-instruction": "xml",
    "text": "text",
    "binary": "binary",
    "object": "json",
    "array": "json",
    "number": "json",
    "boolean": "json",
    "null": "json",
}

#: File name suffix -> kind of document, for content that does not say it itself.
_KIND_OF_SUFFIX: Final[dict[str, Kind]] = {
    "xml": "xml",
    "xsd": "xml",
    "xsl": "xml",
    "xslt": "xml",
    "svg": "xml",
    "xhtml": "xml",
    "json": "json",
    "txt": "text",
    "text": "text",
    "csv": "text",
    "xqy": "text",
    "xq": "text",
    "xquery": "text",
    "sjs": "text",
    "js": "text",
    "html": "text",
    "htm": "text",
    "css": "text",
    "md": "text",
}


def kind_of_uri(uri: str) -> Kind:
    """The kind of document that a URI's suffix stands for; binary where it says nothing."""
    return _KIND_OF_SUFFIX.get(uri.rpartition(".")[2].lower(), "binary")


def document_node(context: DynamicContext, document: Document) -> DocumentNode:
    """The tree of a stored document; the same one each time that version is asked for within a run."""
    known: dict[tuple[str, int], DocumentNode] = context.memory.setdefault("stored documents", {})
    key = (document.uri, document.version)
    found = known.get(key)
    if found is None:
        found = known[key] = _parsed(document)
    return found


def _parsed(document: Document) -> DocumentNode:
    if document.kind == "xml":
        return parse_xml(document.content, uri=document.uri)
    if document.kind == "json":
        return json_document(json.loads(document.content), document.uri)
    made = DocumentNode(document.uri)
    if document.kind == "binary":
        leaf: Any = BinaryNode(document.content)
    elif document.content:
        leaf = TextNode(document.content.decode("utf-8"))
    else:
        return made  # no text node is empty below a document
    leaf.parent = made
    made.children.append(leaf)
    return made


def stored_document(context: DynamicContext, uri: str) -> DocumentNode | None:
    """The document of a URI as this statement sees the store, or None."""
    if context.transaction is None:
        return None
    document = context.transaction.get(uri)
    return None if document is None else document_node(context, document)


def document_nodes(context: DynamicContext, documents: Iterable[Document]) -> list[Any]:
    """The trees of some stored documents, in their order."""
    return [document_node(context, document) for document in list(documents)]


def document_of(uri: str, root: Any, collections: Iterable[str] = ()) -> Document:
    """A document to be stored, from a node.

    Raises XDMP-DOCROOT for what is no document: attributes, several roots; XPTY0004 for items that are no nodes,
    FOTY0013 for those that have no value to store.
    """
    if isinstance(root, OpaqueItem):
        raise no_typed_value(root)
    if not isinstance(root, XPathNode):
        raise XQueryError("XPTY0004", f"Invalid coercion: {type_name(root)} as node()", expression=f'document "{uri}"')
    node: Any = root
    if node.kind == "document":
        roots = [child for child in node.children if child.kind not in ("comment", "processing-instruction")]
        blank = [child for child in roots if child.kind == "text" and not child.string_value.strip()]
        if len(roots) > 1:
            roots = [child for child in roots if child not in blank]
        if len(roots) != 1:
            raise _bad_root(uri, f"a document node with {len(roots)} roots")
        top = roots[0]
    else:
        top = node
    kind = _KIND_OF_ROOT.get(top.kind)
    if kind is None:
        raise _bad_root(uri, f"a node of kind {top.kind}")
    return Document(uri, kind, _content(kind, node, top), tuple(dict.fromkeys(collections)))


def _content(kind: Kind, node: Any, top: Any) -> bytes:
    if kind == "binary":
        return bytes(top.value)
    if kind == "text":
        return string_of(top).encode("utf-8", "surrogatepass")
    if kind == "json":
        return json_node_text(top).encode("utf-8", "surrogatepass")
    nodes = node.children if node.kind == "document" else [node]
    return "".join([markup(child) for child in nodes if child.kind != "text"]).encode("utf-8", "surrogatepass")


def _bad_root(uri: str, what: str) -> XQueryError:
    return XQueryError("FOER0000", f"Document {uri} cannot be made of {what}", marklogic_code="XDMP-DOCROOT")
