"""xdmp: functions on the documents of the store.

A statement sees the state at its start, and what it changes is stored when it ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from elementpath.datatypes import UnsignedLong

from xquery_bridge.errors import XQueryError
from xquery_bridge.library.marklogic.node_edits import uri_of
from xquery_bridge.library.marklogic.options import option_values
from xquery_bridge.library.marklogic.xdmp import XDMP
from xquery_bridge.library.stored_documents import document_nodes, document_of, kind_of_uri
from xquery_bridge.runtime.context import DynamicContext
from xquery_bridge.runtime.json_items import MapMap
from xquery_bridge.store import Document, Transaction


def transaction_of(context: DynamicContext, function: str) -> Transaction:
    """The running statement's view of the store. Raises XDMP-NODB where the query runs without one."""
    if context.transaction is None:
        raise XQueryError(
            "FOER0000", "There is no database here", expression=f"xdmp:{function}", marklogic_code="XDMP-NODB"
        )
    transaction: Transaction = context.transaction
    return transaction


def existing(context: DynamicContext, uri: str, function: str) -> Document:
    """The document of a URI. Raises XDMP-DOCNOTFOUND."""
    found = transaction_of(context, function).get(uri)
    if found is None:
        raise XQueryError("FODC0002", expression=f'xdmp:{function}("{uri}")', marklogic_code="XDMP-DOCNOTFOUND")
    return found


# ------------------------------------------------------------------------------------------------------ whole documents


@XDMP.row("document-insert($uri as xs:string, $root as item()) as empty-sequence()", needs="dynamic", effects=True)
@XDMP.row(
    "document-insert($uri as xs:string, $root as item(), $options as item()*) as empty-sequence()",
    needs="dynamic",
    effects=True,
)
def document_insert(context: DynamicContext, uri: str, node: Any, options: Sequence[Any] = ()) -> None:
    """Store a document, or replace it, when the statement ends. Options: a map or element with `collections`."""
    collections: Sequence[str] = ()
    if len(options) == 1 and (isinstance(options[0], MapMap) or getattr(options[0], "name", "").endswith("options")):
        collections = _option_collections(options[0])
    _insert(context, uri, node, collections)


def _option_collections(options: Any) -> list[str]:
    values = option_values(options)
    if isinstance(options, MapMap):
        return values.get("collections", [])
    return [text for value in values.get("collections", []) for text in value.split()]


@XDMP.row(
    "document-insert($uri as xs:string, $root as item(), $permissions as item()*, $collections as xs:string*)"
    " as empty-sequence()",
    "document-insert($uri as xs:string, $root as item(), $permissions as item()*, $collections as xs:string*,"
    " $quality as xs:int?) as empty-sequence()",
    "document-insert($uri as xs:string, $root as item(), $permissions as item()*, $collections as xs:string*,"
    " $quality as xs:int?, $forest-ids as xs:unsignedLong*) as empty-sequence()",
    needs="dynamic",
    effects=True,
)
def document_insert_into(
    context: DynamicContext,
    uri: str,
    node: Any,
    permissions: Sequence[Any],
    collections: Sequence[str],
    quality: int | None = None,
    forests: Sequence[int] = (),
) -> None:
    """Store a document in collections. Permissions, quality and forests are accepted; there is one user, one forest."""
    _insert(context, uri, node, collections)


def _insert(context: DynamicContext, uri: str, node: Any, collections: Iterable[str]) -> None:
    if not uri:
        raise XQueryError("FOER0000", "A document needs a URI", marklogic_code="XDMP-URI")
    document = document_of(uri, node, [str(name) for name in collections])
    transaction_of(context, "document-insert").insert(document)


@XDMP.row(
    "document-delete($uri as xs:string) as empty-sequence()",
    "document-delete($uri as xs:string, $options as item()?) as empty-sequence()",
    needs="dynamic",
    effects=True,
)
def document_delete(context: DynamicContext, uri: str, options: Any = None) -> None:
    """Remove a document when the statement ends. Raises XDMP-DOCNOTFOUND unless `if-not-exists` allows it."""
    transaction = transaction_of(context, "document-delete")
    if option_values(options).get("if-not-exists") != ["allow"] or transaction.get(uri) is not None:
        transaction.delete(uri)


@XDMP.row(
    "directory($uri as xs:string*) as document-node()*",
    "directory($uri as xs:string*, $depth as xs:string?) as document-node()*",
    needs="dynamic",
    effects=True,
)
def directory(context: DynamicContext, uris: Sequence[str], depth: str | None = None) -> list[Any]:
    """Documents in directories, whose URIs end in "/"; with depth "infinity" also in those below, else "1"."""
    if depth not in (None, "1", "infinity"):
        raise XQueryError(
            "FOER0000", f'The depth of a directory is "1" or "infinity", not "{depth}"', marklogic_code="XDMP-ARG"
        )
    paths = [uri if uri.endswith("/") else f"{uri}/" for uri in uris]
    found = transaction_of(context, "directory").directory(paths, deep=depth == "infinity")
    return document_nodes(context, found)


@XDMP.row("directory-delete($uri as xs:string) as empty-sequence()", needs="dynamic", effects=True)
def directory_delete(context: DynamicContext, uri: str) -> None:
    """Remove every document below a directory."""
    transaction = transaction_of(context, "directory-delete")
    for document in list(transaction.directory([uri if uri.endswith("/") else f"{uri}/"], deep=True)):
        transaction.delete(document.uri)


@XDMP.row("collection-delete($uri as xs:string) as empty-sequence()", needs="dynamic", effects=True)
def collection_delete(context: DynamicContext, uri: str) -> None:
    """Remove every document of a collection."""
    transaction = transaction_of(context, "collection-delete")
    for document in list(transaction.collection([uri])):
        transaction.delete(document.uri)


# --------------------------------------------------------------------------------------------------------- collections


def _with_collections(change: Callable[[tuple[str, ...], Sequence[str]], Iterable[str]]) -> Callable[..., None]:
    def apply(context: DynamicContext, uri: str, collections: Sequence[str]) -> None:
        """Change the collections a document is in. Raises XDMP-DOCNOTFOUND."""
        document = existing(context, uri, "document-set-collections")
        names = tuple(dict.fromkeys(change(document.collections, collections)))
        transaction_of(context, "document-set-collections").insert(replace(document, collections=names))

    return apply


for _name, _change in (
    ("document-add-collections", lambda old, given: (*old, *given)),
    ("document-set-collections", lambda old, given: given),
    ("document-remove-collections", lambda old, given: [name for name in old if name not in given]),
):
    XDMP.add(
        f"{_name}($uri as xs:string, $collections as xs:string*) as empty-sequence()",
        _with_collections(_change),
        needs="dynamic",
        effects=True,
    )


@XDMP.row("document-get-collections($uri as xs:string*) as xs:string*", needs="dynamic", effects=True)
def document_get_collections(context: DynamicContext, uris: Sequence[str]) -> list[str]:
    """The collections that documents are in."""
    transaction = transaction_of(context, "document-get-collections")
    found = [transaction.get(uri) for uri in uris]
    return [name for document in found if document is not None for name in document.collections]


@XDMP.row("node-collections($node as node()) as xs:string*", needs="dynamic", effects=True)
def node_collections(context: DynamicContext, node: Any) -> list[str]:
    """The collections of the document that a node belongs to."""
    uri = uri_of(node)
    return [] if uri is None else document_get_collections(context, [uri])


# ---------------------------------------------------------------------------------------------------------------- nodes


@XDMP.row("node-uri($node as node()?) as xs:string?")
def node_uri(node: Any) -> str | None:
    """The URI of the document that a node belongs to."""
    return None if node is None else uri_of(node)


_KIND_NAMES: Final = {"processing-instruction": "processing-instruction", "namespace": "namespace"}


@XDMP.row("node-kind($node as node()?) as xs:string")
def node_kind(node: Any) -> str:
    """The kind of a node: document element attribute text … object array number boolean null; "" for none."""
    return "" if node is None else _KIND_NAMES.get(node.kind, node.kind)


@XDMP.row("path($node as node()) as xs:string", "path($node as node(), $include-document as xs:boolean?) as xs:string")
def path(node: Any, include_document: bool | None = None) -> str:
    """The path of a node from its root, in the form `/a/b[2]`; with the document's fn:doc call where asked for."""
    from xquery_bridge.runtime.serialization.answer import node_path

    uri = uri_of(node)
    before = f'fn:doc("{uri}")' if include_document and uri else ""
    return f"{before}{node_path(node)}" if node.kind != "document" else before or "/"


# --------------------------------------------------------------------------------------------------- looking and asking


@XDMP.row("exists($expression as item()*) as xs:boolean")
def exists(items: Sequence[Any]) -> bool:
    """Whether there is an item."""
    return len(items) > 0


@XDMP.row(
    "estimate($expression as item()*) as xs:integer",
    "estimate($expression as item()*, $maximum as xs:double?) as xs:integer",
)
def estimate(items: Sequence[Any], maximum: float | None = None) -> int:
    """The number of items, at most `maximum`; it is exact here."""
    return len(items) if maximum is None else min(len(items), int(maximum))


_FORMATS: Final = {"xml": "xml", "json": "json", "text": "text", "binary": "binary"}


@XDMP.row("uri-format($uri as xs:string) as xs:string")
def uri_format(uri: str) -> str:
    """The format of a document by the suffix of its URI: xml, json, text or binary."""
    return _FORMATS[kind_of_uri(uri)]


@XDMP.row("uri-content-type($uri as xs:string) as xs:string")
def uri_content_type(uri: str) -> str:
    """The content type of a document by the suffix of its URI."""
    import mimetypes

    known = {"xml": "application/xml", "json": "application/json"}
    kind = kind_of_uri(uri)
    return (
        known.get(kind)
        or mimetypes.guess_type(uri)[0]
        or ("text/plain" if kind == "text" else "application/x-unknown-content-type")
    )


@XDMP.row("binary-size($source as binary()?) as xs:unsignedLong?")
def binary_size(source: Any) -> UnsignedLong | None:
    """The number of bytes of a binary node."""
    return None if source is None else UnsignedLong(len(source.value))


@XDMP.row(
    "subbinary($source as binary(), $starting-location as xs:double) as binary()",
    "subbinary($source as binary(), $starting-location as xs:double, $length as xs:double) as binary()",
)
def subbinary(source: Any, start: float, length: float = float("inf")) -> Any:
    """Bytes of a binary node from a location, counted from 1."""
    from xquery_bridge.library.fn.strings import round_half_up
    from xquery_bridge.runtime.json_nodes import BinaryNode

    data = bytes(source.value)
    first = round_half_up(start)
    last = first + round_half_up(length)
    begin = max(int(first), 1) - 1
    end = len(data) if last == float("inf") else max(int(last) - 1, begin)
    return BinaryNode(data[begin:end])


@XDMP.row("document-get-quality($uri as xs:string) as xs:integer?", needs="dynamic", effects=True)
def document_get_quality(context: DynamicContext, uri: str) -> int | None:
    """The quality of a document, which is always 0 here; nothing for a document that is not there."""
    return None if transaction_of(context, "document-get-quality").get(uri) is None else 0


@XDMP.row("document-get-properties($uri as xs:string*, $property as xs:QName) as element()*", effects=True)
@XDMP.row("document-properties() as document-node()*", effects=True)
@XDMP.row("document-properties($uri as xs:string*) as document-node()*", effects=True)
def no_properties(*arguments: Any) -> list[Any]:
    """Documents have no properties here."""
    return []


@XDMP.row("document-get-permissions($uri as xs:string) as item()*", effects=True)
@XDMP.row("default-permissions() as item()*", effects=True)
@XDMP.row("default-collections() as item()*", effects=True)
def no_permissions(*arguments: Any) -> list[Any]:
    """There is one user, who may do everything: no document carries permissions."""
    return []


@XDMP.row("permission($role as xs:string, $capability as xs:string) as item()?")
def permission(role: str, capability: str) -> MapMap:
    """A permission, as document functions accept it."""
    return MapMap([("role", role), ("capability", capability)])


@XDMP.row("document-timestamp($uri as xs:string) as xs:integer?", needs="dynamic", effects=True)
def document_timestamp(context: DynamicContext, uri: str) -> int | None:
    """The version of a document: it rises with every change in the store."""
    document = transaction_of(context, "document-timestamp").get(uri)
    return None if document is None else document.version
