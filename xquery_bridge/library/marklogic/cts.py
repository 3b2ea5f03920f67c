"""The `cts:` namespace: queries and searches over the store (the basics; xquery-1.0-ml.md, section 10).

Every search looks at the documents as the running statement sees them; results come in the order of URIs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final

from elementpath.xpath_nodes import XPathNode

from xquery_bridge.errors import XQueryError
from xquery_bridge.library.marklogic import cts_queries as queries
from xquery_bridge.library.marklogic.cts_queries import Fragment, Order, Query, as_query, shown
from xquery_bridge.library.marklogic.node_edits import uri_of
from xquery_bridge.library.marklogic.xdmp_documents import transaction_of
from xquery_bridge.library.stored_documents import document_node, stored_document
from xquery_bridge.registry import Table
from xquery_bridge.runtime.context import ENHANCED_PREFIXES, DynamicContext
from xquery_bridge.runtime.nodes import TextNode, clark
from xquery_bridge.runtime.values import Value, string_of
from xquery_bridge.store import Document

CTS: Final = Table(ENHANCED_PREFIXES["cts"], "cts")


# ------------------------------------------------------------------------------------------------- combining queries


@CTS.row("and-query($queries as item()*) as cts:and-query")
@CTS.row("and-query($queries as item()*, $options as xs:string*) as cts:and-query")
def and_query(parts: Sequence[Any], options: Sequence[str] = ()) -> Query:
    """All of these; every node where there are none."""
    inner = [as_query(part) for part in parts]
    return _combined("and-query", all, inner, options)


@CTS.row("or-query($queries as item()*) as cts:or-query")
@CTS.row("or-query($queries as item()*, $options as xs:string*) as cts:or-query")
def or_query(parts: Sequence[Any], options: Sequence[str] = ()) -> Query:
    """Any of these; no node where there are none."""
    inner = [as_query(part) for part in parts]
    return _combined("or-query", any, inner, options)


def _combined(
    local: str, combine: Callable[[Iterator[bool]], bool], inner: list[Query], options: Sequence[str]
) -> Query:
    return queries.make(
        local,
        lambda fragment: combine(each.holds(fragment) for each in inner),
        f"({', '.join([each.quoted() for each in inner])})",
        f"({', '.join([shown([option]) for option in options])})",
    )


@CTS.row("true-query() as cts:and-query")
def true_query() -> Query:
    """Every node."""
    return and_query([])


@CTS.row("false-query() as cts:or-query")
def false_query() -> Query:
    """No node."""
    return or_query([])


@CTS.row("not-query($query as item()) as cts:not-query")
def not_query(part: Any) -> Query:
    """Not this."""
    inner = as_query(part)
    return queries.make("not-query", lambda fragment: not inner.holds(fragment), inner.quoted())


@CTS.row("and-not-query($positive-query as item(), $negative-query as item()) as cts:and-not-query")
def and_not_query(positive: Any, negative: Any) -> Query:
    """This and not that."""
    wanted, unwanted = as_query(positive), as_query(negative)
    return queries.make(
        "and-not-query",
        lambda fragment: wanted.holds(fragment) and not unwanted.holds(fragment),
        wanted.quoted(),
        unwanted.quoted(),
    )


@CTS.row("boost-query($matching-query as item(), $boosting-query as item()) as cts:boost-query")
def boost_query(matching: Any, boosting: Any) -> Query:
    """What the first one finds; the second changes the order of relevance, and there is none here."""
    wanted = as_query(matching)
    return queries.make("boost-query", wanted.holds, wanted.quoted(), as_query(boosting).quoted())


@CTS.row("document-fragment-query($query as item()) as cts:document-fragment-query")
def document_fragment_query(part: Any) -> Query:
    """The query, on documents and not on their properties."""
    inner = as_query(part)
    return queries.make("document-fragment-query", inner.holds, inner.quoted())


# ------------------------------------------------------------------------------------------------- queries of documents


@CTS.row("collection-query($uris as xs:string*) as cts:collection-query")
def collection_query(uris: Sequence[str]) -> Query:
    """Documents in any of these collections."""
    wanted = frozenset(uris)
    return queries.make("collection-query", lambda fragment: not wanted.isdisjoint(fragment.collections()), shown(uris))


@CTS.row("directory-query($uris as xs:string*) as cts:directory-query")
@CTS.row("directory-query($uris as xs:string*, $depth as xs:string?) as cts:directory-query")
def directory_query(uris: Sequence[str], depth: str | None = None) -> Query:
    """Documents in any of these directories, with depth "infinity" also in those below."""
    if depth not in (None, "1", "infinity"):
        raise XQueryError("FOER0000", f'A depth is "1" or "infinity", not "{depth}"', marklogic_code="XDMP-ARG")

    def holds(fragment: Fragment) -> bool:
        uri = fragment.uri or ""
        below = [uri[len(each) :] for each in uris if uri.startswith(each) and uri != each]
        return any(depth == "infinity" or "/" not in rest for rest in below)

    return queries.make("directory-query", holds, shown(uris), shown([depth or "1"]))


@CTS.row("document-query($uris as xs:string*) as cts:document-query")
def document_query(uris: Sequence[str]) -> Query:
    """The documents of these URIs."""
    wanted = frozenset(uris)
    return queries.make("document-query", lambda fragment: fragment.uri in wanted, shown(uris))


# ----------------------------------------------------------------------------------------------------- queries of words


@CTS.row("word-query($text as xs:string*) as cts:word-query")
@CTS.row("word-query($text as xs:string*, $options as xs:string*) as cts:word-query")
@CTS.row("word-query($text as xs:string*, $options as xs:string*, $weight as xs:double?) as cts:word-query")
def word_query(texts: Sequence[str], options: Sequence[str] = (), weight: float | None = None) -> Query:
    """Any of these words or phrases."""
    return queries.word_query(texts, options, weight)


def _element_texts(local: str) -> Callable[..., Query]:
    def query(
        names: Sequence[Any], texts: Sequence[str] = (), options: Sequence[str] = (), weight: float | None = None
    ) -> Query:
        """Elements of these names with one of these texts (value queries) or words."""
        find = partial(_find, queries.elements, names)
        return queries.text_query(local, find, shown(names), texts, options, weight)

    return query


def _find(find: Callable[[Any, Sequence[Any]], Iterator[Any]], names: Sequence[Any], node: Any) -> Iterator[Any]:
    return find(node, names)


_ELEMENT: Final = "$element-name as xs:QName*"
_TEXT: Final = "$text as xs:string*"
_MORE: Final = ("", ", $options as xs:string*", ", $options as xs:string*, $weight as xs:double?")

for _local in ("element-value-query", "element-word-query"):
    for _more in _MORE:
        CTS.add(f"{_local}({_ELEMENT}, {_TEXT}{_more}) as cts:{_local}", _element_texts(_local))
CTS.add(f"element-value-query({_ELEMENT}) as cts:element-value-query", _element_texts("element-value-query"))


def _attributes(names: Sequence[Any], attributes: Sequence[Any], node: Any) -> Iterator[Any]:
    wanted = {clark(name.namespace or "", name.local_name) for name in attributes}
    for element in queries.elements(node, names):
        yield from [each for each in element.attributes if each.name in wanted]


def _attribute_texts(local: str) -> Callable[..., Query]:
    def query(
        names: Sequence[Any],
        attributes: Sequence[Any],
        texts: Sequence[str],
        options: Sequence[str] = (),
        weight: float | None = None,
    ) -> Query:
        """Attributes of these names, of such elements, with one of these texts (value queries) or words."""
        find = partial(_attributes, names, attributes)
        return queries.text_query(local, find, f"{shown(names)}, {shown(attributes)}", texts, options, weight)

    return query


for _local in ("element-attribute-value-query", "element-attribute-word-query"):
    for _more in _MORE:
        CTS.add(
            f"{_local}({_ELEMENT}, $attribute-name as xs:QName*, {_TEXT}{_more}) as cts:{_local}",
            _attribute_texts(_local),
        )


def _property_words(
    names: Sequence[str], texts: Sequence[str], options: Sequence[str] = (), weight: float | None = None
) -> Query:
    """Properties of these names with one of these words or phrases in them."""
    find = partial(_find, queries.properties, names)
    return queries.text_query("json-property-word-query", find, shown(names), texts, options, weight)


def _property_values(
    names: Sequence[str], values: Sequence[Any], options: Sequence[str] = (), weight: float | None = None
) -> Query:
    """Properties of these names with one of these values; none stands for null."""
    return queries.property_value_query(names, values, options, weight)


_PROPERTY: Final = "$property-name as xs:string*"

for _more in _MORE:
    CTS.add(f"json-property-word-query({_PROPERTY}, {_TEXT}{_more}) as cts:json-property-word-query", _property_words)
    CTS.add(
        f"json-property-value-query({_PROPERTY}, $value as xs:anyAtomicType*{_more}) as cts:json-property-value-query",
        _property_values,
    )


@CTS.row(f"element-query({_ELEMENT}, $query as item()) as cts:element-query")
def element_query(names: Sequence[Any], part: Any) -> Query:
    """A query that holds within an element of these names."""
    find = partial(_find, queries.elements, names)
    return queries.scope_query("element-query", find, shown(names), as_query(part))


@CTS.row(f"json-property-scope-query({_PROPERTY}, $query as item()) as cts:json-property-scope-query")
def property_scope_query(names: Sequence[str], part: Any) -> Query:
    """A query that holds within a property of these names."""
    find = partial(_find, queries.properties, names)
    return queries.scope_query("json-property-scope-query", find, shown(names), as_query(part))


def _range_query(local: str, find_all: Callable[[Any, Sequence[Any]], Iterator[Any]]) -> Callable[..., Query]:
    def query(
        names: Sequence[Any],
        operator: str,
        values: Sequence[Any],
        options: Sequence[str] = (),
        weight: float | None = None,
    ) -> Query:
        """Nodes of these names whose values compare so with one of these; no index is needed."""
        find = partial(_find, find_all, names)
        return queries.range_query(local, find, shown(names), operator, values, options, weight)

    return query


for _more in _MORE:
    _rest = f"$operator as xs:string, $value as xs:anyAtomicType*{_more}"
    CTS.add(
        f"element-range-query({_ELEMENT}, {_rest}) as cts:element-range-query",
        _range_query("element-range-query", queries.elements),
    )
    CTS.add(
        f"json-property-range-query({_PROPERTY}, {_rest}) as cts:json-property-range-query",
        _range_query("json-property-range-query", queries.properties),
    )


# ------------------------------------------------------------------------------------------------------------ searching


def _fragment(context: DynamicContext, node: Any) -> Fragment:
    uri = uri_of(node)

    def collections() -> Sequence[str]:
        found = None if uri is None or context.transaction is None else context.transaction.get(uri)
        return () if found is None else found.collections

    return Fragment(node, uri, collections)


@CTS.row("search($expression as node()*, $query as item()?) as node()*", needs="dynamic", effects=True)
@CTS.row(
    "search($expression as node()*, $query as item()?, $options as item()*) as node()*", needs="dynamic", effects=True
)
@CTS.row(
    "search($expression as node()*, $query as item()?, $options as item()*, $quality-weight as xs:double?) as node()*",
    needs="dynamic",
    effects=True,
)
def search(
    context: DynamicContext, nodes: Sequence[Any], query: Any, options: Sequence[Any] = (), quality: float | None = None
) -> list[Any]:
    """The nodes for which a query holds, in their order, or backwards by `cts:document-order("descending")`."""
    wanted = None if query is None else as_query(query)
    found = [node for node in nodes if wanted is None or wanted.holds(_fragment(context, node))]
    if any(isinstance(option, Order) and option.descending for option in options):
        found.reverse()
    return found


@CTS.row("contains($nodes as item()*, $query as item()) as xs:boolean?", needs="dynamic", effects=True)
def contains(context: DynamicContext, items: Sequence[Any], query: Any) -> bool:
    """Whether a query holds for any of the nodes; an atomic value is taken as text."""
    wanted = as_query(query)
    nodes = [item if isinstance(item, XPathNode) else TextNode(string_of(item)) for item in items]
    return any(wanted.holds(_fragment(context, node)) for node in nodes)


@CTS.row("doc($uri as xs:string) as document-node()?", needs="dynamic", effects=True)
def doc(context: DynamicContext, uri: str) -> Any:
    """The stored document of a URI."""
    return stored_document(context, uri)


@CTS.row("document-order() as cts:order", "document-order($options as xs:string*) as cts:order")
def document_order(options: Sequence[str] = ()) -> Order:
    """The order of documents, for cts:search."""
    return Order("document-order", "descending" in options)


@CTS.row("unordered() as cts:order")
def unordered() -> Order:
    """No order in particular, for cts:search."""
    return Order("unordered")


def _documents(context: DynamicContext, function: str, query: Any) -> Iterator[Document]:
    """The stored documents for which a query holds, by URI."""
    wanted = None if query is None else as_query(query)
    for document in list(transaction_of(context, function).collection(None)):
        if wanted is None or wanted.holds(_fragment(context, document_node(context, document))):
            yield document


def _listed(values: Sequence[str], start: str | None, options: Sequence[str]) -> Value:
    """Values of a lexicon from `start` on. Options: ascending, descending, limit=n, truncate=n."""
    ordered = sorted(values, reverse="descending" in options)
    if start is not None:
        ordered = [each for each in ordered if (each <= start if "descending" in options else each >= start)]
    for option in options:
        name, _, number = option.partition("=")
        if name in ("limit", "truncate") and number.isdigit():
            ordered = ordered[: int(number)]
    return list(ordered)


@CTS.row("uris() as xs:string*", needs="dynamic", effects=True)
@CTS.row("uris($start as xs:string?) as xs:string*", needs="dynamic", effects=True)
@CTS.row("uris($start as xs:string?, $options as xs:string*) as xs:string*", needs="dynamic", effects=True)
@CTS.row(
    "uris($start as xs:string?, $options as xs:string*, $query as item()?) as xs:string*", needs="dynamic", effects=True
)
def uris(context: DynamicContext, start: str | None = None, options: Sequence[str] = (), query: Any = None) -> Value:
    """The URIs of documents, from one on, of those for which a query holds."""
    if query is None:
        return _listed(transaction_of(context, "uris").uris(), start, options)
    return _listed([document.uri for document in _documents(context, "uris", query)], start, options)


@CTS.row("uri-match($pattern as xs:string) as xs:string*", needs="dynamic", effects=True)
@CTS.row("uri-match($pattern as xs:string, $options as xs:string*) as xs:string*", needs="dynamic", effects=True)
@CTS.row(
    "uri-match($pattern as xs:string, $options as xs:string*, $query as item()?) as xs:string*",
    needs="dynamic",
    effects=True,
)
def uri_match(context: DynamicContext, pattern: str, options: Sequence[str] = (), query: Any = None) -> Value:
    """The URIs that a pattern of `*` and `?` stands for."""
    wanted = queries.wildcard_pattern(pattern)
    return [uri for uri in uris(context, None, options, query) if wanted.fullmatch(uri)]


def _collections(context: DynamicContext, query: Any) -> list[str]:
    found = [name for document in _documents(context, "collections", query) for name in document.collections]
    return list(dict.fromkeys(found))


@CTS.row("collections() as xs:string*", needs="dynamic", effects=True)
@CTS.row("collections($start as xs:string?) as xs:string*", needs="dynamic", effects=True)
@CTS.row("collections($start as xs:string?, $options as xs:string*) as xs:string*", needs="dynamic", effects=True)
@CTS.row(
    "collections($start as xs:string?, $options as xs:string*, $query as item()?) as xs:string*",
    needs="dynamic",
    effects=True,
)
def collections(
    context: DynamicContext, start: str | None = None, options: Sequence[str] = (), query: Any = None
) -> Value:
    """The collections that documents are in."""
    return _listed(_collections(context, query), start, options)


@CTS.row("collection-match($pattern as xs:string) as xs:string*", needs="dynamic", effects=True)
@CTS.row("collection-match($pattern as xs:string, $options as xs:string*) as xs:string*", needs="dynamic", effects=True)
def collection_match(context: DynamicContext, pattern: str, options: Sequence[str] = ()) -> Value:
    """The collections that a pattern of `*` and `?` stands for."""
    wanted = queries.wildcard_pattern(pattern)
    return _listed([name for name in _collections(context, None) if wanted.fullmatch(name)], None, options)


@CTS.row("estimate($query as item()?) as xs:integer", needs="dynamic", effects=True)
@CTS.row("estimate($query as item()?, $options as item()*) as xs:integer", needs="dynamic", effects=True)
def estimate(context: DynamicContext, query: Any, options: Sequence[Any] = ()) -> int:
    """The number of documents for which a query holds; it is exact here."""
    return sum(1 for _ in _documents(context, "estimate", query))
