"""Documents, collections, texts and the environment (F&O 3.1, sections 14.6 and 14.9).

What a run was given (`DynamicContext.documents`, `collections`, `texts`) comes first, then the store; files of the host
are never read. A document that is read twice is the same node.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from elementpath.datatypes import AnyURI
from elementpath.xpath_nodes import XPathNode

from xquery_bridge.errors import XQueryError
from xquery_bridge.library.fn.namespace import FN
from xquery_bridge.library.fn.strings import is_xml_text
from xquery_bridge.library.fn.uris import is_malformed, resolved
from xquery_bridge.library.stored_documents import document_nodes, stored_document
from xquery_bridge.runtime.context import DynamicContext, StaticContext
from xquery_bridge.runtime.values import Value, as_list, string_of

_LINE_END: Final = re.compile(r"\r\n|\r|\n")
#: The encoding an XML declaration at the start of a text names.
_DECLARED: Final = re.compile(rb"<\?xml[^>]*?\sencoding\s*=\s*[\"']([A-Za-z][\w.\-]*)[\"']")

# ------------------------------------------------------------------------------------------------------------ documents


def _checked(uri: str, code: str) -> None:
    """Raise `code` for what is no URI, and FODC0005 or `code` for one with a fragment."""
    if is_malformed(uri) or "#" in uri:
        raise XQueryError(code, f"{uri!r} is not the URI of a document")


def find_document(dynamic: DynamicContext, static: StaticContext, uri: str) -> Any:
    """The document node of a URI, relative to the static base URI, or None when there is none."""
    absolute = resolved(uri, static.base_uri)
    known: dict[str, Any] = dynamic.memory.setdefault("documents", {})
    if absolute in known:
        return known[absolute]
    found = dynamic.documents(absolute) if dynamic.documents is not None else None
    if found is not None:
        known[absolute] = found
        return found
    return stored_document(dynamic, absolute)


@FN.row("doc($uri as xs:string*) as document-node()*", needs="dynamic static", effects=True)
def doc(dynamic: DynamicContext, static: StaticContext, uris: Sequence[str]) -> Value:
    """The documents of URIs. Raises FODC0002 for a missing one, which 1.0-ml passes over, FODC0005 for what is no URI.

    Standard XQuery takes one URI at most (XPTY0004); 1.0-ml takes any number.
    """
    enhanced = static.dialect == "1.0-ml"
    if not enhanced and len(uris) > 1:
        raise XQueryError("XPTY0004", f"fn:doc takes one URI at most and was called with {len(uris)}")
    found: list[Any] = []
    for uri in uris:
        if not enhanced:
            _checked(uri, "FODC0005")
        try:
            node = find_document(dynamic, static, uri)
        except XQueryError as error:
            if error.code != "FODC0006":
                raise
            raise XQueryError("FODC0002", error.title, expression=f'fn:doc("{uri}")') from None
        if node is not None:
            found.append(node)
        elif not enhanced:
            raise XQueryError("FODC0002", "Document not found", expression=f'fn:doc("{uri}")')
    return found


@FN.row("doc() as document-node()*", needs="dynamic static", effects=True)
def every_document(dynamic: DynamicContext, static: StaticContext) -> Value:
    """1.0-ml: every document of the store. Raises XPST0017 in standard XQuery."""
    if static.dialect != "1.0-ml":
        raise XQueryError("XPST0017", detail="fn:doc()")
    return _stored(dynamic, None)


def _stored(dynamic: DynamicContext, collections: Sequence[str] | None) -> list[Any]:
    """The documents of stored collections, or all of them."""
    if dynamic.transaction is None:
        return []
    return document_nodes(dynamic, dynamic.transaction.collection(collections))


@FN.row("doc-available($uri as xs:string?) as xs:boolean", needs="dynamic static", effects=True)
def doc_available(dynamic: DynamicContext, static: StaticContext, uri: str | None) -> bool:
    """Whether fn:doc would give a document for this URI."""
    if uri is None or (static.dialect != "1.0-ml" and (is_malformed(uri) or "#" in uri)):
        return False
    try:
        return find_document(dynamic, static, uri) is not None
    except XQueryError as error:
        if error.code.startswith("FODC"):
            return False
        raise


# ---------------------------------------------------------------------------------------------------------- collections


def _collection(dynamic: DynamicContext, static: StaticContext, uri: str | None) -> list[Any]:
    """The items of a collection (None: the default one). Raises FODC0002 in standard XQuery without it."""
    if uri is not None and static.dialect != "1.0-ml":
        _checked(uri, "FODC0004")
    absolute = None if uri is None else resolved(uri, static.base_uri)
    known: dict[str | None, list[Any]] = dynamic.memory.setdefault("collections", {})
    if absolute in known:
        return known[absolute]
    found = dynamic.collections(absolute) if dynamic.collections is not None else None
    if found is not None:
        items = known[absolute] = list(as_list(found))
        return items
    if dynamic.transaction is None:
        if static.dialect == "1.0-ml":
            return []
        if uri is None:
            raise XQueryError("FODC0002", "There is no default collection", marklogic_code="XDMP-COLLECTIONNOTFOUND")
        raise XQueryError(
            "FODC0002",
            "Collection not found",
            expression=f'fn:collection("{uri}")',
            marklogic_code="XDMP-COLLECTIONNOTFOUND",
        )
    return _stored(dynamic, None if absolute is None else [absolute])


@FN.row("collection() as item()*", needs="dynamic static", effects=True)
def default_collection(dynamic: DynamicContext, static: StaticContext) -> Value:
    """The default collection: the one a run was given, or every stored document."""
    return _collection(dynamic, static, None)


@FN.row("collection($arg as xs:string*) as item()*", needs="dynamic static", effects=True)
def collection(dynamic: DynamicContext, static: StaticContext, uris: Sequence[str]) -> Value:
    """The items of a collection; 1.0-ml: of any of several, each once. No URI means the default collection."""
    if not len(uris):
        return _collection(dynamic, static, None)
    if len(uris) == 1:
        return _collection(dynamic, static, uris[0])
    if static.dialect != "1.0-ml":
        raise XQueryError("XPTY0004", f"fn:collection takes one URI at most and was called with {len(uris)}")
    once: dict[int, Any] = {}
    for uri in uris:
        for item in _collection(dynamic, static, uri):
            once.setdefault(id(item), item)
    return list(once.values())


def _uris_of(items: Iterable[Any]) -> list[AnyURI]:
    found: list[AnyURI] = []
    for item in items:
        text = item.document_uri if isinstance(item, XPathNode) else string_of(item)
        if text is not None:
            found.append(AnyURI(text))
    return found


@FN.row("uri-collection() as xs:anyURI*", needs="dynamic static", effects=True)
def default_uri_collection(dynamic: DynamicContext, static: StaticContext) -> Value:
    """The URIs of the documents of the default collection."""
    return _uris_of(_collection(dynamic, static, None))


@FN.row("uri-collection($arg as xs:string?) as xs:anyURI*", needs="dynamic static", effects=True)
def uri_collection(dynamic: DynamicContext, static: StaticContext, uri: str | None) -> Value:
    """The URIs of the documents of a collection."""
    return _uris_of(_collection(dynamic, static, uri))


# ---------------------------------------------------------------------------------------------------------------- texts


def read_text(
    dynamic: DynamicContext, static: StaticContext, uri: str, encoding: str | None, *, any_characters: bool = False
) -> str:
    """The text at a URI, without a byte order mark.

    Raises FOUT1170 for what is missing or no URI, FOUT1190 for an encoding that is unknown or does not fit, or (but
    with `any_characters`) for characters that XML does not allow, FOUT1200 when the encoding cannot be told.
    """
    _checked(uri, "FOUT1170")
    if encoding is not None:
        _require_encoding(encoding)
    absolute = resolved(uri, static.base_uri)
    #: The text, or its bytes with the encoding they are known to have (None: not known).
    found: str | tuple[bytes, str | None] | None = None
    if dynamic.texts is not None:
        found = dynamic.texts(absolute, encoding)
    if found is None and dynamic.transaction is not None:
        stored = dynamic.transaction.get(absolute)
        found = None if stored is None else (stored.content, None)
    if found is None:
        raise XQueryError("FOUT1170", "Text not found", expression=f'fn:unparsed-text("{uri}")')
    text = found if isinstance(found, str) else _decoded(found[0], found[1], encoding, uri)
    text = text.removeprefix("\ufeff")
    if not any_characters and not is_xml_text(text):
        raise XQueryError("FOUT1190", f"The text at {uri!r} has characters that XML does not allow")
    return text


def _require_encoding(name: str) -> None:
    try:
        codecs.lookup(name)
    except LookupError:
        raise XQueryError("FOUT1190", f"The encoding {name!r} is not supported") from None


def _undecodable(uri: str, encoding: str | None) -> XQueryError:
    if encoding is None:
        return XQueryError("FOUT1200", f"The text at {uri!r} is not in UTF-8, and no encoding was given")
    return XQueryError("FOUT1190", f"The text at {uri!r} is not in the encoding {encoding!r}")


def _decoded(content: bytes, known: str | None, encoding: str | None, uri: str) -> str:
    """Bytes as text: by the encoding known, a byte order mark, an XML declaration, the encoding asked for, or UTF-8."""
    name = known or encoding
    if known:
        pass
    elif content.startswith((b"\xff\xfe", b"\xfe\xff")):
        name = "utf-16"
    elif content.startswith(b"\xef\xbb\xbf"):
        name = "utf-8"
    elif declared := _DECLARED.match(content):
        name = declared[1].decode("ascii")
    _require_encoding(name or "utf-8")
    try:
        return content.decode(name or "utf-8")
    except UnicodeDecodeError:
        raise _undecodable(uri, encoding) from None


@FN.row("unparsed-text($href as xs:string?) as xs:string?", needs="dynamic static", effects=True)
@FN.row(
    "unparsed-text($href as xs:string?, $encoding as xs:string) as xs:string?", needs="dynamic static", effects=True
)
def unparsed_text(
    dynamic: DynamicContext, static: StaticContext, uri: str | None, encoding: str | None = None
) -> str | None:
    """The text at a URI. Raises FOUT1170, FOUT1190 or FOUT1200."""
    return None if uri is None else read_text(dynamic, static, uri, encoding)


@FN.row("unparsed-text-lines($href as xs:string?) as xs:string*", needs="dynamic static", effects=True)
@FN.row(
    "unparsed-text-lines($href as xs:string?, $encoding as xs:string) as xs:string*",
    needs="dynamic static",
    effects=True,
)
def unparsed_text_lines(
    dynamic: DynamicContext, static: StaticContext, uri: str | None, encoding: str | None = None
) -> Value:
    """The lines of the text at a URI; an empty one after the last line end does not count."""
    if uri is None:
        return []
    lines = _LINE_END.split(read_text(dynamic, static, uri, encoding))
    return lines if lines[-1] else lines[:-1]


@FN.row("unparsed-text-available($href as xs:string?) as xs:boolean", needs="dynamic static", effects=True)
@FN.row(
    "unparsed-text-available($href as xs:string?, $encoding as xs:string) as xs:boolean",
    needs="dynamic static",
    effects=True,
)
def unparsed_text_available(
    dynamic: DynamicContext, static: StaticContext, uri: str | None, encoding: str | None = None
) -> bool:
    """Whether fn:unparsed-text would give a text."""
    try:
        return unparsed_text(dynamic, static, uri, encoding) is not None
    except XQueryError as error:
        if error.code.startswith("FOUT"):
            return False
        raise


# ---------------------------------------------------------------------------------------------------------- environment


@FN.row("environment-variable($name as xs:string) as xs:string?", needs="dynamic")
def environment_variable(dynamic: DynamicContext, name: str) -> str | None:
    """The value of an environment variable of the run; a service gives its queries none."""
    return dynamic.environment.get(name)


@FN.row("available-environment-variables() as xs:string*", needs="dynamic")
def available_environment_variables(dynamic: DynamicContext) -> Value:
    """The names of the environment variables of the run."""
    return list(dynamic.environment)
