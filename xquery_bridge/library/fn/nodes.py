"""Nodes: accessors, names, relatives and identifiers (F&O 3.1, chapters 2 and 13, and section 14.5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from elementpath.datatypes import AnyURI, QName
from elementpath.xpath_nodes import XPathNode

from xquery_bridge.errors import XQueryError
from xquery_bridge.library.fn.names import is_ncname
from xquery_bridge.library.fn.namespace import FN
from xquery_bridge.runtime.atomic import type_name
from xquery_bridge.runtime.axes import ddo
from xquery_bridge.runtime.nodes import XML_NAMESPACE, clark, path_of, root, tree_of
from xquery_bridge.runtime.nodes import generate_id as id_of
from xquery_bridge.runtime.values import Value

_Accessor = TypeVar("_Accessor", bound=Callable[[Any], Any])

_XML_LANG: Final = clark(XML_NAMESPACE, "lang")


def context_node(item: Any) -> Any:
    """The context item of a function that takes a node when it has no argument. Raises XPTY0004 for another item."""
    if isinstance(item, XPathNode):
        return item
    raise XQueryError("XPTY0004", f"Invalid coercion: the context item, {type_name(item)}, as node()")


def _accessor(local: str, parameter: str, result: str) -> Callable[[_Accessor], _Accessor]:
    """Register a function of a node that means the context node when it has no argument."""

    def register(implementation: _Accessor) -> _Accessor:
        def of_context(item: Any) -> Any:
            return implementation(context_node(item))

        of_context.__doc__ = f"fn:{local} of the context node."
        FN.add(f"{local}() as {result}", of_context, needs="item")
        FN.add(f"{local}({parameter}) as {result}", implementation)
        return implementation

    return register


# ------------------------------------------------------------------------------------------------------------ accessors


@_accessor("node-name", "$arg as node()?", "xs:QName?")
def node_name(node: Any) -> QName | None:
    """The name of a node as an xs:QName."""
    return None if node is None else node.node_name


@_accessor("base-uri", "$arg as node()?", "xs:anyURI?")
def base_uri(node: Any) -> AnyURI | None:
    """The base URI of a node; a processing instruction that was made by itself has none (XDM 3.1, section 6.5)."""
    if node is None or (node.parent is None and node.kind == "processing-instruction"):
        return None
    return _uri(node.base_uri)


def _uri(text: str | None) -> AnyURI | None:
    """A URI that stands in a tree. Raises FORG0001 for what is none, such as an xml:base of "%gg"."""
    try:
        return None if text is None else AnyURI(text)
    except ValueError:
        raise XQueryError("FORG0001", f"{text!r} is not a URI") from None


# ---------------------------------------------------------------------------------------------------------------- names


@_accessor("name", "$arg as node()?", "xs:string")
def name(node: Any) -> str:
    """The name of a node with its prefix, "" for one without a name."""
    return "" if node is None else node.lexical_name


@_accessor("local-name", "$arg as node()?", "xs:string")
def local_name(node: Any) -> str:
    """The local part of a node's name, "" for one without a name."""
    return "" if node is None else node.local_name


@_accessor("namespace-uri", "$arg as node()?", "xs:anyURI")
def namespace_uri(node: Any) -> AnyURI:
    """The namespace URI of a node's name, "" for one without a namespace."""
    return AnyURI("" if node is None else node.namespace_uri)


@FN.row("lang($testlang as xs:string?, $node as node()) as xs:boolean")
def lang(language: str | None, node: Any) -> bool:
    """Whether the nearest xml:lang says this language, or a sublanguage of it."""
    wanted = (language or "").lower()
    while node is not None:
        for attribute in node.attributes:
            if attribute.name is _XML_LANG:
                found: str = attribute.value.lower()
                return found == wanted or found.startswith(f"{wanted}-")
        node = node.parent
    return False


@FN.row("lang($testlang as xs:string?) as xs:boolean", needs="item")
def lang_of_context(item: Any, language: str | None) -> bool:
    """fn:lang of the context node."""
    return lang(language, context_node(item))


# ------------------------------------------------------------------------------------------------------------ relatives


@_accessor("root", "$arg as node()?", "node()?")
def root_(node: Any) -> Any:
    """The node at the top of the tree."""
    return None if node is None else root(node)


@_accessor("path", "$arg as node()?", "xs:string?")
def path(node: Any) -> str | None:
    """A path expression that selects the node within its tree."""
    return None if node is None else path_of(node)


@_accessor("has-children", "$node as node()?", "xs:boolean")
def has_children(node: Any) -> bool:
    """Whether a node has a child."""
    return node is not None and len(node.children) > 0


@FN.row("innermost($nodes as node()*) as node()*")
def innermost(nodes: Sequence[Any]) -> Value:
    """The nodes that are no ancestor of another one, in document order."""
    above: set[int] = set()
    for node in nodes:
        up = node.parent
        while up is not None and id(up) not in above:
            above.add(id(up))
            up = up.parent
    return ddo([node for node in nodes if id(node) not in above])


@FN.row("outermost($nodes as node()*) as node()*")
def outermost(nodes: Sequence[Any]) -> Value:
    """The nodes that have no other one as an ancestor, in document order."""
    given = {id(node) for node in nodes}
    #: Ancestors already looked at: whether one of the nodes is at or above them.
    covered: dict[int, bool] = {}

    def is_covered(node: Any) -> bool:
        line: list[int] = []
        answer = False
        while node is not None:
            known = covered.get(id(node))
            if known is not None or id(node) in given:
                answer = known if known is not None else True
                break
            line.append(id(node))
            node = node.parent
        for seen in line:
            covered[seen] = answer
        return answer

    return ddo([node for node in nodes if not is_covered(node.parent)])


# ---------------------------------------------------------------------------------------------------------- identifiers


@_accessor("generate-id", "$arg as node()?", "xs:string")
def generate_id(node: Any) -> str:
    """Letters and digits that stand for a node, the same each time; "" for no node."""
    return "" if node is None else id_of(node)


def _ids(function: str, texts: Sequence[str], node: Any) -> tuple[Any, list[str]]:
    """The tree of a node and the white-space separated candidates. Raises FODC0001 unless its root is a document."""
    if root(node).kind != "document":
        raise XQueryError("FODC0001", f"fn:{function} of a node in a tree whose root is not a document")
    return tree_of(node), [token for text in texts for token in text.split() if is_ncname(token)]


@FN.row("id($arg as xs:string*, $node as node()) as element()*")
def id_(texts: Sequence[str], node: Any) -> Value:
    """The elements whose ID is one of the tokens of the strings, in document order."""
    tree, tokens = _ids("id", texts, node)
    known = tree.ids()
    return ddo([known[token][0] for token in tokens if token in known])


@FN.row("element-with-id($arg as xs:string*, $node as node()) as element()*")
def element_with_id(texts: Sequence[str], node: Any) -> Value:
    """The elements identified by the tokens: fn:id's, since only a schema makes the content of an element an ID."""
    return id_(texts, node)


@FN.row("idref($arg as xs:string*, $node as node()) as node()*")
def idref(texts: Sequence[str], node: Any) -> Value:
    """The attributes of type IDREF or IDREFS (by the document's DTD) that refer to one of the strings."""
    tree, _ = _ids("idref", texts, node)
    wanted = set(texts)
    if not tree.id_types:
        return []
    found: list[Any] = []
    stack: list[Any] = [tree.root]
    while stack:
        at = stack.pop()
        found += [each for each in at.attributes if each.is_idrefs and not wanted.isdisjoint(each.value.split())]
        stack.extend(at.children[::-1])
    return found


def _of_context(local: str, result: str, implementation: Callable[[Sequence[str], Any], Value]) -> None:
    def of_context(item: Any, texts: Sequence[str]) -> Value:
        return implementation(texts, context_node(item))

    of_context.__doc__ = f"fn:{local} in the tree of the context node."
    FN.add(f"{local}($arg as xs:string*) as {result}", of_context, needs="item")


_of_context("id", "element()*", id_)
_of_context("element-with-id", "element()*", element_with_id)
_of_context("idref", "node()*", idref)
