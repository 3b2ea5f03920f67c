"""Node constructors (XQuery 3.1, section 3.9), as generated code calls them.

- `element(prefix, name, namespaces, attributes, content, static, fresh=0)`: a direct constructor.
- `computed_element(name, content, static, in_scope, fresh=0)`, `computed_attribute(name, content, in_scope)`,
  `text(content)`, `comment(content)`, `processing_instruction(name, content, static)`, `namespace(prefix, uri)`,
  `document(content, static, fresh=0)`.
- `attribute_text(parts)`: the value of a direct attribute, `joined(value)` what one enclosed expression gives to it.
- `copy_node(node)`: a parentless deep copy that keeps its namespaces; `adopt(parent, node)` is for builders.

Content is a Value, or for `element` a tuple of parts: a `LiteralText` for characters of the source, else the Value of
an enclosed expression or nested constructor. Bit i of `fresh` says that every node in part i was made by a constructor
within that part and is reachable from nowhere else: such nodes become children as they are, all others are copied.

Names are (prefix, Clark name); `in_scope` maps prefixes to URIs, "" to the default element namespace.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from elementpath.datatypes import QName, UntypedAtomic
from elementpath.xpath_nodes import XPathNode

from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime import values
from xquery_bridge.runtime.context import XML, StaticContext
from xquery_bridge.runtime.json_items import JsonArray, MapMap
from xquery_bridge.runtime.nodes import (
    ISOLATED,
    NO_NAMESPACES,
    NO_NODES,
    AttributeNode,
    CommentNode,
    DocumentNode,
    ElementNode,
    NamespaceNode,
    ProcessingInstructionNode,
    TextNode,
    clark,
    in_scope_namespaces,
    name_parts,
)

XMLNS: Final = "http://www.w3.org/2000/xmlns/"
_XML_ID: Final = clark(XML, "id")

#: NCName (Namespaces in XML 1.0) as a regular expression.
_START = (
    "A-Z_a-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c-\u200d\u2070-\u218f"
    "\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
_NCNAME = f"[{_START}][{_START}\\-.0-9\u00b7\u0300-\u036f\u203f-\u2040]*"
_NCNAME_ONLY: Final = re.compile(_NCNAME)
_QNAME: Final = re.compile(f"(?:({_NCNAME}):)?({_NCNAME})")
_EQNAME: Final = re.compile(f"Q\\{{([^{{}}]*)\\}}({_NCNAME})")


class LiteralText(str):
    """Characters of a direct constructor, which join their neighbours without a blank."""

    __slots__ = ()


# -------------------------------------------------------------------------------------------------------------- content


def _written(item: MapMap | JsonArray) -> Any:
    """The element that stands for a map:map, json:object or json:array in content (1.0-ml)."""
    from xquery_bridge.runtime import json_xml  # which builds on this module

    return json_xml.element_from_array(item) if isinstance(item, JsonArray) else json_xml.element_from_map(item)


class _Content:
    """Gathers the content of an element or document by the rules of 3.9.1.3."""

    __slots__ = ("children", "named", "node", "pending", "static")

    def __init__(self, node: Any, static: StaticContext | None, named: str = "") -> None:
        self.node = node
        #: the prefix that is bound only because the element's name has it
        self.named = named
        self.children: list[Any] = node.children
        self.static = static
        self.pending: list[str] = []

    def flush(self) -> None:
        """Turn the text gathered so far into a text node, unless it is empty."""
        if self.pending:
            text = "".join(self.pending)  # an exact str, also for a single LiteralText
            self.pending.clear()
            if text:
                self.children.append(TextNode(text, self.node))

    def add(self, value: Any, fresh: bool) -> None:
        """Add what one enclosed expression or nested constructor yields."""
        if type(value) is ElementNode and fresh:
            if self.pending:
                self.flush()
            value.parent = self.node
            self.children.append(value)
            return
        pending = self.pending
        after_atomic = False
        items: Any = value if type(value) is list or type(value) is range else (value,)
        for item in items:
            kind = type(item)
            if kind is str or kind is int:
                text = item if kind is str else str(item)
                pending.append(f" {text}" if after_atomic else text)
                after_atomic = True
            elif kind is TextNode and item.name is None:
                after_atomic = False
                pending.append(item.value)
            elif kind is ElementNode and fresh:
                after_atomic = False
                if pending:
                    self.flush()
                item.parent = self.node
                self.children.append(item)
            else:
                for part in content_items([item]):
                    after_atomic = self._add_item(part, fresh, after_atomic)

    def _add_item(self, item: Any, fresh: bool, after_atomic: bool) -> bool:
        """Add one item of any kind; whether it was atomic."""
        if isinstance(item, XPathNode):
            self.add_node(item, fresh)
            return False
        if isinstance(item, (MapMap, JsonArray)):
            self.add_node(_written(item), True)
            return False
        text = item if type(item) is str else values.string_of(item)
        self.pending.append(f" {text}" if after_atomic else text)
        return True

    def add_node(self, item: Any, fresh: bool) -> None:
        """Add one node: its text, its children when it is a document, or the node or a copy of it."""
        kind = item.kind
        if kind == "text" and item.name is None:
            self.pending.append(item.value)
        elif kind == "attribute" or kind == "namespace":
            self._add_property(item, kind, fresh)
        elif kind == "document":
            for child in list(item.children):
                self.add_node(child, fresh)
        else:
            self.flush()
            made = item if fresh else _copy(item, self.static)
            made.parent = self.node
            self.children.append(made)

    def _add_property(self, item: Any, kind: str, fresh: bool) -> None:
        node = self.node
        if node.kind == "document":
            raise XQueryError("XPTY0004", f"{_an(kind)} node cannot be a child of a document node")
        if self.children or any(self.pending):
            raise XQueryError("XQTY0024", f"{_an(kind)} node follows content of element {node.lexical_name}")
        if kind == "namespace":
            self._bind(item.prefix, item.value)
            return
        if fresh:
            made = item
            made.parent = node
        else:
            made = AttributeNode(item.name, item.value, item.prefix, node)
        if node.attributes is NO_NODES:
            node.attributes = [made]
            return
        if any(known.name is made.name for known in node.attributes):
            raise XQueryError("XQDY0025", detail=made.lexical_name)
        node.attributes.append(made)

    def _bind(self, prefix: str, uri: str) -> None:
        """Add the binding of a namespace node; an element's name gives way with its prefix (3.9.4).

        Raises XQDY0102 when it contradicts another binding, or the name of an element without a prefix.
        """
        node = self.node
        named, self.named = self.named, ""
        if prefix != named:
            self.named = named
        elif named and node.namespaces[named] != uri:
            node.prefix = _new_prefix(node.namespaces, named)
            node.namespaces = {**node.namespaces, node.prefix: node.namespace_uri, prefix: uri}
            return
        clash = node.namespaces.get(prefix, uri) != uri or (prefix == "" and not node.prefix and not node.namespace_uri)
        if clash:
            raise XQueryError("XQDY0102", f"The prefix {prefix!r} of element {node.lexical_name} has two namespaces")
        node.namespaces = {**node.namespaces, prefix: uri}


def _an(kind: str) -> str:
    return f"An {kind}" if kind == "attribute" else f"A {kind}"


def content_items(value: Any) -> Iterable[Any]:
    """The items of content, arrays replaced by their members. Raises XQTY0105 for other functions."""
    for item in value if type(value) in (list, range) else (value,):
        if isinstance(item, XPathNode | str | int | float | UntypedAtomic):
            yield item
            continue
        members = values.content_members(item)
        if members is None:
            yield item
        else:
            yield from content_items(members)


def _fix_attributes(node: ElementNode) -> None:
    """Namespace fixup (3.9.4): every attribute's prefix is bound to its namespace, with new prefixes where needed."""
    bound = node.namespaces
    for attribute in node.attributes:
        if attribute.name[0] != "{":  # type: ignore[index]
            continue
        uri, prefix = attribute.namespace_uri, attribute.prefix
        if uri == XML or (prefix and bound.get(prefix) == uri):
            continue
        if not prefix or prefix in bound:
            fitting = [known for known, to in bound.items() if known and to == uri]
            prefix = fitting[0] if fitting else _new_prefix(bound, prefix)
            attribute.prefix = prefix
        if bound.get(prefix) != uri:
            bound = {**bound, prefix: uri}
    node.namespaces = bound


def _new_prefix(bound: Mapping[str, str], like: str) -> str:
    stem = like or "ns"
    number = 0 if not like else 1
    while f"{stem}{number}" in bound:
        number += 1
    return f"{stem}{number}"


def _own_binding(prefix: str, name: str) -> dict[str, str]:
    """The bindings that an element's own name needs."""
    if name[0] != "{":
        return NO_NAMESPACES
    uri = name_parts(name)[0]
    return NO_NAMESPACES if uri == XML else {prefix: uri}


# ------------------------------------------------------------------------------------------------------------- elements


def element(
    prefix: str,
    name: str,
    namespaces: Mapping[str, str],
    attributes: Sequence[tuple[str, str, str]],
    content: Sequence[Any],
    static: StaticContext,
    fresh: int = 0,
    nested: int = 0,
) -> ElementNode:
    """A direct element constructor (3.9.1).

    `namespaces` are the declarations on it (prefix -> URI) and those of the direct constructors around it; `attributes`
    are (prefix, Clark name, value) in source order; `content` and `fresh` see the module. The bits of `nested` tell
    which parts of the content are direct elements themselves: they are no copies, and inherit no namespace that is only
    used.
    """
    own = NO_NAMESPACES if name[0] != "{" else _own_binding(prefix, name)
    node = ElementNode(name, prefix, None, {**namespaces, **own} if namespaces else own)
    node.origin = static.base_uri
    qualified = False
    if attributes:
        node.attributes = made = []
        for given, key, value in attributes:
            if key[0] == "{":
                qualified = True
                value = _attribute_value(key, value)
            made.append(AttributeNode(key, value if type(value) is str else str(value), given, node))
    only = content[0] if len(content) == 1 else None
    if type(only) is list:
        if len(only) == 1:
            only = only[0]
            if type(only) is TextNode and only.name is None:
                only = only.value
        elif not only:
            content = ()
    if type(only) is str or type(only) is int:
        if text := str(only):
            node.children.append(TextNode(text, node))
    elif content:
        gathered = _Content(node, static)
        for index, part in enumerate(content):
            if type(part) is LiteralText:
                gathered.pending.append(part)
            else:
                gathered.add(part, bool(fresh >> index & 1))
        gathered.flush()
        qualified = qualified or len(node.attributes) > len(attributes)
    if qualified:
        _fix_attributes(node)
    if nested and node.namespaces:
        for index, part in enumerate(content):
            if nested >> index & 1 and not node.namespaces.keys() <= part.namespaces.keys():
                part.namespaces = {**part.namespaces, ISOLATED: ""}
    return node


def _attribute_value(name: str, value: str) -> str:
    """xml:id values lose extra white space; xml:space must be preserve or default (3.9.1.1)."""
    if name is _XML_ID:
        return " ".join(value.split())
    return str(value)


def computed_element(
    name: Any,
    content: Any,
    static: StaticContext,
    in_scope: Mapping[str, str] | None = None,
    fresh: int = 0,
    namespaces: Mapping[str, str] = NO_NAMESPACES,
) -> ElementNode:
    """`element N { content }` (3.9.3.1). `name` is (prefix, uri, local) or the Value of the name expression.

    `namespaces` are the declarations of the direct constructors around it.
    """
    prefix, uri, local = _qualified(name, in_scope or static.namespaces, static.default_element_namespace)
    if uri == XMLNS or prefix == "xmlns" or (prefix == "xml") != (uri == XML):
        raise XQueryError("XQDY0096", f"{prefix}:{local} in namespace {uri!r} is no name for an element")
    key = clark(uri, local)
    own = _own_binding(prefix, key)
    node = ElementNode(key, prefix, None, {**namespaces, **own} if namespaces else own)
    node.origin = static.base_uri
    gathered = _Content(node, static, prefix if prefix in own and prefix not in namespaces else "")
    gathered.add(content, bool(fresh & 1))
    gathered.flush()
    if node.attributes:
        _fix_attributes(node)
    return node


def document(content: Any, static: StaticContext, fresh: int = 0) -> DocumentNode:
    """`document { content }` (3.9.3.3): no attributes or namespaces may come (XPTY0004)."""
    node = DocumentNode(None, static.base_uri)
    gathered = _Content(node, static)
    gathered.add(content, bool(fresh & 1))
    gathered.flush()
    return node


# ------------------------------------------------------------------------------------------------- the other node kinds


def joined(value: Any) -> str:
    """Atomized items as strings, with one blank between them."""
    if type(value) is str:
        return value
    return " ".join([values.string_of(item) for item in values.as_list(values.atomize(value))])


def attribute_text(parts: Iterable[Any]) -> str:
    """The value of a direct attribute from its parts: `LiteralText`, or the Value of an enclosed expression."""
    return "".join([part if type(part) is LiteralText else joined(part) for part in parts])


def computed_attribute(name: Any, content: Any, in_scope: Mapping[str, str]) -> AttributeNode:
    """`attribute N { content }` (3.9.3.2). `name` is (prefix, uri, local) or the Value of the name expression."""
    prefix, uri, local = _qualified(name, in_scope, "")
    if (
        uri == XMLNS
        or prefix == "xmlns"
        or (not uri and not prefix and local == "xmlns")
        or (prefix == "xml" and uri != XML)
        or (uri == XML and prefix not in ("", "xml"))
    ):
        raise XQueryError("XQDY0044", f"{prefix}:{local} in namespace {uri!r} is no name for an attribute")
    if uri == XML:
        prefix = "xml"
    elif uri and not prefix:
        fitting = [known for known, to in in_scope.items() if known and to == uri]
        prefix = min(fitting) if fitting else "ns0"
    key = clark(uri, local)
    return AttributeNode(key, _attribute_value(key, joined(content)), prefix)


def text(content: Any) -> Any:
    """`text { content }` (3.9.3.4): the text node, or [] when the content is the empty sequence."""
    if type(content) is str:
        return TextNode(content)
    atoms = values.as_list(values.atomize(content))
    return TextNode(" ".join([values.string_of(item) for item in atoms])) if atoms else []


def comment(content: Any) -> CommentNode:
    """`comment { content }` (3.9.3.6). Raises XQDY0072 for `--` or a `-` at the end."""
    value = joined(content)
    if "--" in value or value.endswith("-"):
        raise XQueryError("XQDY0072", "The content of a comment must not hold '--' or end with '-'")
    return CommentNode(value)


def processing_instruction(name: Any, content: Any, static: StaticContext | None = None) -> ProcessingInstructionNode:
    """`processing-instruction N { content }` (3.9.3.5). `name` is a str that the source gave, or a Value."""
    target = _ncname(name, "XQDY0041", "processing instruction")
    if target.lower() == "xml":
        raise XQueryError("XQDY0064", "A processing instruction must not be called 'xml'")
    value = joined(content)
    if "?>" in value:
        raise XQueryError("XQDY0026", "The content of a processing instruction must not hold '?>'")
    return ProcessingInstructionNode(
        target, value.lstrip(" \t\r\n"), None, static.base_uri if static is not None else None
    )


def namespace(prefix: Any, content: Any) -> NamespaceNode:
    """`namespace P { uri }` (3.9.3.7). `prefix` is a str that the source gave, or a Value (empty: the default)."""
    items = values.as_list(values.atomize(prefix)) if type(prefix) is not str else [prefix]
    name = _ncname(items, "XQDY0074", "namespace") if items and str(values.string_of(items[0])).strip() else ""
    uri = joined(content)
    if name == "xmlns" or uri == XMLNS or (name == "xml") != (uri == XML) or not uri:
        raise XQueryError("XQDY0101", f"The prefix {name!r} cannot be bound to {uri!r}")
    return NamespaceNode(name, uri)


def _single(value: Any, what: str) -> Any:
    """The one atomic value of a name expression. Raises XPTY0004."""
    items = values.as_list(values.atomize(value))
    if len(items) != 1:
        raise XQueryError("XPTY0004", f"The name of the {what} is {len(items)} items, not one")
    return items[0]


def _ncname(value: Any, code: str, what: str) -> str:
    item = _single(value, what)
    if not isinstance(item, str | UntypedAtomic):
        if isinstance(item, QName) and code == "XQDY0041":
            return str(item.local_name)
        raise XQueryError("XPTY0004", f"The name of the {what} is neither a string nor untyped")
    name = values.string_of(item).strip(" \t\r\n")
    if not _NCNAME_ONLY.fullmatch(name):
        raise XQueryError(code, f"{name!r} is no name for a {what}")
    return name


def _qualified(name: Any, in_scope: Mapping[str, str], default: str) -> tuple[str, str, str]:
    """(prefix, uri, local) from a name expression's value (3.9.3.1). Raises XPTY0004 or XQDY0074."""
    if type(name) is tuple:
        return name
    item = _single(name, "node")
    if isinstance(item, QName):
        return item.prefix or "", item.uri or "", item.local_name
    if not isinstance(item, str | UntypedAtomic):
        raise XQueryError("XPTY0004", "The name of the node is neither a QName nor a string nor untyped")
    written = values.string_of(item).strip(" \t\r\n")
    if found := _EQNAME.fullmatch(written):
        return "", " ".join(found[1].split()), found[2]
    found = _QNAME.fullmatch(written)
    if found is None:
        raise XQueryError("XQDY0074", f"{written!r} is not a QName")
    prefix, local = found[1] or "", found[2]
    if not prefix:
        return "", default, local
    uri = XML if prefix == "xml" else in_scope.get(prefix)
    if not uri:
        raise XQueryError("XQDY0074", f"The prefix of {written!r} has no namespace")
    return prefix, uri, local


# -------------------------------------------------------------------------------------------------------------- copying


def adopt(parent: Any, node: Any) -> None:
    """Make a parentless node the last child of another. For trees that no query has seen yet."""
    node.parent = parent
    parent.children.append(node)


def copy_node(node: Any) -> Any:
    """A deep copy without a parent, with all namespaces in scope of the original."""
    return _copy(node, None)


def _copy(node: Any, static: StaticContext | None) -> Any:
    """Copy as content (3.9.1.3, rule 1e): namespaces by the module's copy-namespaces mode."""
    made = _shallow(node)
    if node.kind == "element":
        preserve = static is None or static.preserve_namespaces
        if preserve:
            scope = node.namespaces if node.parent is None else _scope(node)
            made.namespaces = scope or NO_NAMESPACES
        else:
            made.namespaces = _used(node)
        if static is not None and not static.inherit_namespaces:
            made.namespaces = {**made.namespaces, ISOLATED: ""}
        _copy_below(node, made, preserve)
    elif node.children:
        _copy_below(node, made, True)
    return made


def _scope(node: ElementNode) -> dict[str, str]:
    found = in_scope_namespaces(node)
    del found["xml"]
    return found


def _used(node: ElementNode) -> dict[str, str]:
    """The bindings that the names of an element and its attributes use."""
    used = dict(_own_binding(node.prefix, node.name))  # type: ignore[arg-type]
    for attribute in node.attributes:
        if attribute.prefix and attribute.prefix != "xml":
            used[attribute.prefix] = attribute.namespace_uri
    return used


def _copy_below(source: Any, target: Any, preserve: bool) -> None:
    """Copy the children, in a loop, for trees of any depth."""
    stack = [(source, target)]
    while stack:
        source, target = stack.pop()
        children = target.children
        for child in source.children:
            kind = type(child)
            if kind is TextNode and child.name is None:
                children.append(TextNode(child.value, target))
                continue
            made = _shallow(child)
            made.parent = target
            children.append(made)
            below = child.children
            if kind is ElementNode:
                made.namespaces = child.namespaces if preserve else _used(child)
                if len(below) == 1 and type(below[0]) is TextNode:
                    made.children.append(TextNode(below[0].value, made))
                    continue
            if below:
                stack.append((child, made))


def _shallow(node: Any) -> Any:
    """The node alone, without parent and children, with its attributes."""
    cls = type(node)
    if cls is ElementNode:
        made = ElementNode(node.name, node.prefix)
        made.value = node.value
        if node.attributes:
            made.attributes = [AttributeNode(one.name, one.value, one.prefix, made) for one in node.attributes]
        return made
    kind = node.kind
    if kind == "text":
        copied = TextNode(node.value)
        copied.name = node.name
        return copied
    if kind == "comment":
        return CommentNode(node.value)
    if kind == "processing-instruction":
        return ProcessingInstructionNode(node.target, node.value, None, node.base_uri)
    if kind == "attribute":
        return AttributeNode(node.name, node.value, node.prefix)
    if kind == "namespace":
        return NamespaceNode(node.prefix, node.value)
    if kind == "document":
        return DocumentNode(None, node.base_uri)
    return node.shallow_copy()
