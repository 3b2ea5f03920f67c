"""Nodes: our own slotted classes below elementpath's abstract ones, with names, order, string and typed values.

`node.name` is the interned Clark name (`{uri}local`, or `local` without a namespace) of an element, an attribute or a
named JSON node, and None otherwise: name tests compare it by identity (`node.name is NAME`, NAME made by `clark`).
Every node answers `kind`, `parent`, `children`, `attributes` (empty tuples where it has none), `string_value`,
`atomized()`, `prefix`, `local_name`, `namespace_uri`, `lexical_name`, `node_name` (a QName), `base_uri`,
`document_uri`.

Functions: `clark`, `name_parts`, `untyped`, `root`, `tree_of`, `order_key`, `precedes`, `in_scope_namespaces`,
`path_of`, `generate_id`, `deep_nodes`.

Document order is (serial of the tree, position in it). Positions are given to a whole tree when an order is first asked
for, so that building costs nothing. A tree whose root has found a parent since (a constructor adopted it) is stale, and
is numbered again as a part of the larger one. Nodes do not change once a query can see them.

Source of the rules: XQuery and XPath Data Model 3.1, sections 2.4, 5 and 6.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin

from elementpath import xpath_nodes
from elementpath.datatypes import QName, UntypedAtomic

XML_NAMESPACE: Final = "http://www.w3.org/XML/1998/namespace"

#: What leaves have for children and attributes. Identity tells leaves from nodes that could have children.
NO_NODES: Final[tuple[Any, ...]] = ()
#: What elements without declarations of their own have for `namespaces`. Never changed.
NO_NAMESPACES: Final[dict[str, str]] = {}
#: String values up to this length stay on their element after first use.
_KEPT_TEXT: Final = 256

Node = xpath_nodes.XPathNode
#: elementpath annotates its classes for the storage of its own trees, which ours replace.
abstract: Any = xpath_nodes

_serials = itertools.count(1)
_names: dict[str, tuple[str, str]] = {}
_intern = sys.intern
_new_untyped = UntypedAtomic.__new__


def clark(uri: str | None, local: str) -> str:
    """The one string object for an expanded name: `{uri}local`, or `local` without a namespace."""
    return _intern(f"{{{uri}}}{local}" if uri else local)


def name_parts(name: str) -> tuple[str, str]:
    """The namespace URI and the local part of a Clark name."""
    found = _names.get(name)
    if found is None:
        uri, _, local = name[1:].rpartition("}") if name.startswith("{") else ("", "", name)
        found = (_intern(uri), _intern(local))
        if len(_names) > 100_000:
            _names.clear()
        _names[name] = found
    return found


def untyped(text: str) -> UntypedAtomic:
    """An xs:untypedAtomic, made without the constructor's case analysis."""
    value = _new_untyped(UntypedAtomic)
    value.value = text
    value.parser = None
    value._xsd_version = None
    return value


class Tree:
    """What the nodes of one tree share: its root, serial, URIs and ID attributes, and indexes made on demand."""

    __slots__ = (
        "_by_name", "_ids", "base_uri", "id_types", "kept", "numbered", "root", "serial", "unparsed", "uri", "walked",
    )  # fmt: skip

    #: elementpath asks a tree for these; ours has no schema and no elements of another library.
    namespaces: Final[dict[str, str]] = {}
    elements: Final[dict[Any, Any]] = {}
    schema = None

    def __init__(self, root: Node, uri: str | None = None, base_uri: str | None = None) -> None:
        self.root = root
        self.serial = next(_serials)
        self.numbered = False
        self.uri = uri
        self.base_uri = base_uri
        #: (element name, attribute name), both as written -> "ID", "IDREF" or "IDREFS", from the DTD.
        self.id_types: dict[tuple[str, str], str] = {}
        #: Unparsed entities of the DTD: name -> (system id, public id).
        self.unparsed: dict[str, tuple[str | None, str | None]] = {}
        self._by_name: dict[str, list[Any]] | None = None
        self._ids: dict[str, list[Any]] | None = None
        #: What `tree_indexes` and `axes` keep of the tree for the next time: paths, children by test, values.
        self.kept: dict[Any, Any] = {}
        #: how many nodes searches below single nodes have met; after many an index is made
        self.walked = 0

    @property
    def root_node(self) -> Node:
        return self.root

    def number(self) -> None:
        """Give every node its position: an element, its attributes, its children."""
        position = 0
        stack: list[Any] = [self.root]
        pop, extend = stack.pop, stack.extend
        while stack:
            node = pop()
            node.position = position
            position += 1
            children = node.children
            if children is not NO_NODES:
                node.tree = self
                for attribute in node.attributes:
                    attribute.position = position
                    position += 1
                extend(children[::-1])
        self.numbered = True

    def by_name(self, name: str) -> list[Any]:
        """The elements (and named JSON nodes) of that name, in document order."""
        index = self._by_name
        if index is None:
            index = self._by_name = {}
            stack: list[Any] = [self.root]
            pop, extend = stack.pop, stack.extend
            while stack:
                node = pop()
                if (known := node.name) is not None:
                    try:
                        index[known].append(node)
                    except KeyError:
                        index[known] = [node]
                if node.children:
                    extend(node.children[::-1])
        return index.get(name, [])

    def ids(self) -> dict[str, list[ElementNode]]:
        """ID value -> the elements that carry it, in document order (xml:id and the DTD's ID attributes)."""
        if self._ids is None:
            self._ids = {}
            for node in deep_nodes(self.root):
                for attribute in node.attributes:
                    if attribute.is_id:
                        self._ids.setdefault(" ".join(attribute.value.split()), []).append(node)
        return self._ids


class _Common:
    """What every kind of node answers; the classes below mix it in before elementpath's abstract class."""

    if not TYPE_CHECKING:  # the classes below keep values in slots of elementpath's, under names of their own
        __slots__ = ()

    kind: str
    prefix: str = ""

    if TYPE_CHECKING:
        name: str | None
        value: Any
        parent: Any
        position: Any
        children: Any
        attributes: Any
        string_value: Any

    @property
    def local_name(self) -> str:
        """The local part of the name, "" for a node without a name."""
        return "" if self.name is None else name_parts(self.name)[1]

    @property
    def namespace_uri(self) -> str:
        """The namespace URI of the name, "" without one."""
        return "" if self.name is None else name_parts(self.name)[0]

    @property
    def lexical_name(self) -> str:
        """fn:name: the name with its prefix, "" for a node without a name."""
        return f"{self.prefix}:{self.local_name}" if self.prefix else self.local_name

    @property
    def node_name(self) -> QName | None:
        """The name as an xs:QName with its prefix, or None."""
        return None if self.name is None else QName(self.namespace_uri or None, self.lexical_name)

    @property
    def node_kind(self) -> str:
        return self.kind

    @property
    def base_uri(self) -> str | None:
        return None if self.parent is None else self.parent.base_uri

    @property
    def document_uri(self) -> str | None:
        return None

    @property
    def root_node(self) -> Any:
        return root(self)

    @property
    def path(self) -> str:
        return path_of(self)

    def atomized(self) -> Any:
        """The typed value: a bare atomic value, or a list of them."""
        return untyped(self.string_value)

    @property
    def typed_value(self) -> Any:
        return self.atomized()

    @property
    def iter_typed_values(self) -> Iterator[Any]:
        value = self.atomized()
        yield from value if isinstance(value, list) else (value,)

    def __repr__(self) -> str:
        text = self.string_value
        return f"<{self.kind} {self.lexical_name} {text[:40]!r}>"


def _parent_base(node: Any, own: str | None) -> str | None:
    """The base URI of an element: its xml:base against the nearest one above, in a loop for deep trees."""
    given: list[str] = []
    while True:
        for attribute in node.attributes:
            if attribute.name is _XML_BASE:
                given.append(attribute.value)
                break
        parent = node.parent
        if parent is None:
            base = own if own is not None else node.origin
            break
        if parent.kind == "document":
            base = parent.base_uri
            break
        node = parent
    while given:
        part = given.pop()
        base = urljoin(base, part) if base else part
    return base


_XML_BASE: Final = clark(XML_NAMESPACE, "base")
_XML_ID: Final = clark(XML_NAMESPACE, "id")


class DocumentNode(_Common, abstract.DocumentNode):
    """A document node. Its URIs are its tree's, which it has from the start."""

    __slots__ = ()
    kind = "document"
    attributes = NO_NODES
    namespace_nodes = NO_NODES
    nilled = None

    def __init__(self, uri: str | None = None, base_uri: str | None = None) -> None:
        self.name = None
        self.value = None
        self.parent = None
        self.children = []
        self.tree: Any = Tree(self, uri, base_uri if base_uri is not None else uri)

    @property
    def base_uri(self) -> str | None:
        base: str | None = self.tree.base_uri
        return base

    @property
    def document_uri(self) -> str | None:
        uri: str | None = self.tree.uri
        return uri

    @property
    def string_value(self) -> str:
        return _text_below(self)


class ElementNode(_Common, abstract.ElementNode):
    """An element. `namespaces`: the bindings declared on it (prefix -> URI, "" undeclares); see `in_scope_namespaces`.

    elementpath's storage for schema types and wrapped trees, which we have no use for, holds our own fields under their
    proper names, so that an element takes 120 bytes.
    """

    __slots__ = ()
    kind = "element"

    if TYPE_CHECKING:
        prefix: str
        attributes: Sequence[AttributeNode]
        namespaces: dict[str, str]
        origin: str | None
    else:
        prefix = abstract.ElementNode.xsd_type
        origin = abstract.ElementNode.xsd_element
        namespaces = abstract.ElementNode._nsmap
        attributes = abstract.ElementNode._attributes
        xsd_type = None
        xsd_element = None

    def __init__(
        self, name: str, prefix: str = "", parent: Any = None, namespaces: dict[str, str] = NO_NAMESPACES
    ) -> None:
        self.name = name
        self.prefix = prefix
        self.parent = parent
        self.namespaces = namespaces
        self.value = None
        self.children = []
        self.attributes = NO_NODES
        self.tree: Any = None
        #: The static base URI of the constructor that made it, while it is the root.
        self.origin = None
        self._namespace_nodes: Any = None

    @property
    def base_uri(self) -> str | None:
        return _parent_base(self, None)

    @property
    def nsmap(self) -> dict[str, str]:
        return in_scope_namespaces(self)

    @property
    def namespace_nodes(self) -> list[NamespaceNode]:
        """One node for each binding in scope, the same objects every time."""
        if self._namespace_nodes is None:
            self._namespace_nodes = [
                NamespaceNode(prefix, uri, self) for prefix, uri in in_scope_namespaces(self).items()
            ]
        found: list[NamespaceNode] = self._namespace_nodes
        return found

    def attribute(self, name: str) -> AttributeNode | None:
        """The attribute with that Clark name (made by `clark`), or None."""
        for attribute in self.attributes:
            if attribute.name is name:
                return attribute
        return None

    @property
    def nilled(self) -> bool:
        """False: without schema validation no element is nilled (XDM 3.1, section 6.2.4)."""
        return False

    @property
    def is_id(self) -> bool:
        return False

    @property
    def is_idrefs(self) -> bool:
        return False

    @property
    def string_value(self) -> str:
        known = self.value
        if known is not None:
            return known.value
        return _text_below(self)

    def atomized(self) -> UntypedAtomic:
        known: UntypedAtomic | None = self.value
        if known is None:
            text = _text_below(self)
            known = untyped(text)
            if len(text) <= _KEPT_TEXT:
                self.value = known
        return known


class AttributeNode(_Common, abstract.AttributeNode):
    """An attribute; `value` is its string value."""

    __slots__ = ()
    kind = "attribute"
    children = NO_NODES
    attributes = NO_NODES
    namespace_nodes = NO_NODES

    if TYPE_CHECKING:
        prefix: str
    else:
        prefix = abstract.AttributeNode.xsd_type
        xsd_type = None

    def __init__(self, name: str, value: str, prefix: str = "", parent: Any = None) -> None:
        self.name = name
        self.value = value
        self.prefix = prefix
        self.parent = parent

    @property
    def base_uri(self) -> str | None:
        return None if self.parent is None else self.parent.base_uri

    @property
    def string_value(self) -> str:
        return self.value

    def atomized(self) -> UntypedAtomic:
        return untyped(self.value)

    def _dtd_type(self) -> str:
        tree = None if self.parent is None else tree_of(self)
        if tree is None or not tree.id_types:
            return ""
        return tree.id_types.get((self.parent.lexical_name, self.lexical_name), "")

    @property
    def is_id(self) -> bool:
        return self.name is _XML_ID or self._dtd_type() == "ID"

    @property
    def is_idrefs(self) -> bool:
        return self._dtd_type() in ("IDREF", "IDREFS")


class TextNode(_Common, abstract.TextNode):
    """A text node; `value` is its text, never empty inside a tree. A named one is a string member of a JSON object."""

    __slots__ = ()
    kind = "text"
    children = NO_NODES
    attributes = NO_NODES
    namespace_nodes = NO_NODES

    def __init__(self, value: str, parent: Any = None) -> None:
        self.name = None
        self.value = value
        self.parent = parent

    @property
    def string_value(self) -> str:
        return self.value

    def atomized(self) -> UntypedAtomic:
        return untyped(self.value)


class CommentNode(_Common, abstract.CommentNode):
    """A comment; `value` is its text."""

    __slots__ = ()
    kind = "comment"
    children = NO_NODES
    attributes = NO_NODES
    namespace_nodes = NO_NODES

    def __init__(self, value: str, parent: Any = None) -> None:
        self.name = None
        self.value = value
        self.parent = parent

    @property
    def string_value(self) -> str:
        return self.value

    def atomized(self) -> str:
        return self.value


class ProcessingInstructionNode(_Common, abstract.ProcessingInstructionNode):
    """A processing instruction: `target`, and `value` for the rest. `name` is None, so that name tests pass it by."""

    __slots__ = ("_target",)
    kind = "processing-instruction"
    children = NO_NODES
    attributes = NO_NODES
    namespace_nodes = NO_NODES

    def __init__(self, target: str, value: str, parent: Any = None, base_uri: str | None = None) -> None:
        self.name = None
        self._target = (_intern(target), base_uri)
        self.value = value
        self.parent = parent

    @property
    def target(self) -> str:
        return self._target[0]

    @property
    def base_uri(self) -> str | None:
        return self._target[1] if self.parent is None else self.parent.base_uri

    @property
    def content(self) -> str:
        return self.value

    @property
    def local_name(self) -> str:
        return self._target[0]

    @property
    def lexical_name(self) -> str:
        return self._target[0]

    @property
    def node_name(self) -> QName:
        return QName(None, self._target[0])

    @property
    def string_value(self) -> str:
        return self.value

    def atomized(self) -> str:
        return self.value


class NamespaceNode(_Common, abstract.NamespaceNode):
    """A namespace node: `prefix` ("" for the default namespace) and `value`, the URI."""

    __slots__ = ("prefix",)
    kind = "namespace"
    children = NO_NODES
    attributes = NO_NODES
    namespace_nodes = NO_NODES

    def __init__(self, prefix: str, uri: str, parent: Any = None) -> None:
        self.name = None
        self.prefix = prefix
        self.value = uri
        self.parent = parent

    @property
    def local_name(self) -> str:
        return self.prefix

    @property
    def lexical_name(self) -> str:
        return self.prefix

    @property
    def node_name(self) -> QName | None:
        return QName(None, self.prefix) if self.prefix else None

    @property
    def base_uri(self) -> None:
        return None

    @property
    def string_value(self) -> str:
        return self.value

    def atomized(self) -> str:
        return self.value


# ------------------------------------------------------------------------------------------------- walking and ordering


def _text_below(node: Any) -> str:
    """The text of all text nodes below, in order; a loop, for trees of any depth."""
    children = node.children
    if len(children) == 1:
        only = children[0]
        if only.kind == "text":
            return only.value
    elif not children:
        return ""
    parts: list[str] = []
    stack: list[Any] = list(reversed(children))
    while stack:
        node = stack.pop()
        if node.kind == "text":
            parts.append(node.value)
        elif node.children:
            stack.extend(node.children[::-1])
        elif node.kind in _VALUE_KINDS:
            parts.append(node.string_value)
    return "".join(parts)


#: JSON leaves that have a string value of their own (json_nodes).
_VALUE_KINDS: Final = frozenset(("number", "boolean"))


def deep_nodes(node: Any) -> Iterator[Any]:
    """The node and everything below it (without attributes and namespaces), in document order."""
    stack = [node]
    while stack:
        node = stack.pop()
        yield node
        if node.children:
            stack.extend(node.children[::-1])


def root(node: Any) -> Any:
    """The node without a parent at the top of the tree."""
    tree = getattr(node, "tree", None)
    if tree is not None and tree.root.parent is None:
        return tree.root
    while (parent := node.parent) is not None:
        node = parent
    return node


def tree_of(node: Any) -> Tree:
    """The tree a node belongs to; a node alone gets one when first asked. Not for nodes that cannot have children."""
    top = root(node)
    tree: Tree | None = getattr(top, "tree", None)
    if tree is None or tree.root is not top:
        tree = Tree(top)
        if top.children is not NO_NODES:
            top.tree = tree
    return tree


def order_key(node: Any) -> tuple[int, float]:
    """What document order sorts by: (serial of the tree, position in it)."""
    holder = node
    if node.children is NO_NODES:
        holder = node.parent
        if holder is None:
            try:
                return (node.position, 0)
            except AttributeError:
                node.position = next(_serials)
                return (node.position, 0)
    tree = holder.tree
    if tree is None or tree.root.parent is not None:
        tree = tree_of(holder)
    if not tree.numbered:
        tree.number()
    if node.kind == "namespace":
        siblings = holder.namespace_nodes
        return (tree.serial, holder.position + (siblings.index(node) + 1) / (len(siblings) + 2))
    return (tree.serial, node.position)


def precedes(left: Node, right: Node) -> bool:
    """`left << right`."""
    return order_key(left) < order_key(right)


def generate_id(node: Node) -> str:
    """fn:generate-id: letters and digits, one for each node, the same each time within the process."""
    serial, position = order_key(node)
    return f"n{serial}x{position}".replace(".", "y")


# ----------------------------------------------------------------------------------------------------------- namespaces

#: In `ElementNode.namespaces`: this element inherits nothing from its parent (copy-namespaces no-inherit).
ISOLATED: Final = "*"


def in_scope_namespaces(element: Any) -> dict[str, str]:
    """The namespaces in scope of an element, by prefix ("" the default namespace), `xml` included.

    An element sees its parent's bindings, overlaid with its own; an unprefixed one without a namespace has no default
    namespace, whatever stands above it (XQuery 3.1, sections 3.9.1.3 and 3.9.4).
    """
    line: list[Any] = []
    node = element
    while node is not None and node.kind == "element":
        line.append(node)
        if ISOLATED in node.namespaces:
            break
        node = node.parent
    scope: dict[str, str] = {}
    for node in reversed(line):
        if node.namespaces:
            scope.update(node.namespaces)
        if not node.prefix and node.name[0] != "{":
            scope.pop("", None)
    scope.pop(ISOLATED, None)
    found = {prefix: uri for prefix, uri in scope.items() if uri}
    found["xml"] = XML_NAMESPACE
    return found


# ---------------------------------------------------------------------------------------------------------------- paths


def path_of(node: Any) -> str:
    """fn:path: the path of a node from its root, `/` for a document node (F&O 3.1, section 14.5)."""
    steps: list[str] = []
    while (parent := node.parent) is not None:
        steps.append(_step_to(node, parent))
        node = parent
    if node.kind == "document":
        return "/" + "/".join(reversed(steps))
    return "/".join(["Q{http://www.w3.org/2005/xpath-functions}root()", *reversed(steps)])


def _step_to(node: Any, parent: Any) -> str:
    kind = node.kind
    if kind == "attribute":
        return f"@{_braced(node)}" if node.namespace_uri else f"@{node.local_name}"
    if kind == "namespace":
        return (
            f"namespace::{node.prefix}"
            if node.prefix
            else 'namespace::*[Q{http://www.w3.org/2005/xpath-functions}local-name()=""]'
        )
    same = [sibling for sibling in parent.children if sibling.kind == kind and sibling.name is node.name]
    if kind == "processing-instruction":
        same = [sibling for sibling in same if sibling.target == node.target]
        label = f"processing-instruction({node.target})"
    elif kind == "element":
        label = _braced(node)
    elif kind in ("text", "comment"):
        label = f"{kind}()"
    else:
        label = node.name if node.name is not None else f"{kind}-node()"
    at = next(index for index, sibling in enumerate(same, 1) if sibling is node)
    return f"{label}[{at}]"


def _braced(node: Any) -> str:
    return f"Q{{{node.namespace_uri}}}{node.local_name}"
