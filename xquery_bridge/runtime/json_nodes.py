"""The JSON nodes of 1.0-ml and its binary nodes (xquery-1.0-ml.md, section 4).

Classes `ObjectNode`, `ArrayNode`, `NumberNode`, `BooleanNode`, `NullNode`, `BinaryNode`; a string is a `TextNode`. A
member of an object carries its key as `name`, which child steps by name select. Constructors: `object_node(entries)`,
`array_node(value)`, `number_node(value)`, `boolean_node(value)`, `null_node()`, `binary_node(value)`. Conversion:
`node_from_python(data)`, `python_from_node(node)`, `json_document(data, uri)`; Python's dict, list, str, bool, numbers
and None stand for JSON's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

from elementpath import xpath_nodes
from elementpath.datatypes import HexBinary, UntypedAtomic

from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime import values
from xquery_bridge.runtime.json_items import JsonArray, MapMap
from xquery_bridge.runtime.nodes import (
    NO_NODES,
    DocumentNode,
    TextNode,
    _Common,
    _text_below,
    clark,
)

#: As in `nodes`: elementpath's annotations are for trees of its own.
XPathNode: Any = xpath_nodes.XPathNode
#: Gives the markup of a node.
_TextOf: TypeAlias = Callable[[Any], str]


class _JsonNode(_Common, XPathNode):
    """A JSON node; `name` is its key in the object above it, None elsewhere."""

    __slots__ = ()
    attributes = NO_NODES
    namespace_nodes = NO_NODES
    children: Any = NO_NODES
    nilled = None

    def shallow_copy(self) -> Any:
        """The node alone, with its key, without parent and children."""
        made = type(self)()
        made.name = self.name
        made.value = self.value
        return made


class _JsonParent(_JsonNode):
    """An object or an array."""

    __slots__ = ("children", "tree")

    if TYPE_CHECKING:
        children: list[Any]
    origin = None

    def __init__(self) -> None:
        self.name = None
        self.value = None
        self.parent = None
        self.children = []
        self.tree: Any = None

    @property
    def string_value(self) -> str:
        return _text_below(self)


class ObjectNode(_JsonParent):
    """`object-node { … }`: its children are its members, each with its key as name."""

    __slots__ = ()
    kind = "object"


class ArrayNode(_JsonParent):
    """`array-node { … }`; it atomizes to the values of its members, one after another."""

    __slots__ = ()
    kind = "array"

    def atomized(self) -> Any:
        found: list[Any] = []
        stack = list(self.children[::-1])
        while stack:
            node = stack.pop()
            if node.kind == "array":
                stack.extend(node.children[::-1])
            else:
                value = node.atomized()
                found.extend(value if isinstance(value, list) else (value,))
        return found


class _JsonLeaf(_JsonNode):
    __slots__ = ()

    def __init__(self, value: Any = None) -> None:
        self.name = None
        self.value = value
        self.parent = None

    def atomized(self) -> Any:
        return self.value

    @property
    def string_value(self) -> str:
        text: str = values.string_of(self.value)
        return text


class NumberNode(_JsonLeaf):
    """A number; its typed value is the number."""

    __slots__ = ()
    kind = "number"


class BooleanNode(_JsonLeaf):
    """A boolean; its typed value is the boolean."""

    __slots__ = ()
    kind = "boolean"


class NullNode(_JsonLeaf):
    """null: it stays in sequences, and atomizes to the empty sequence."""

    __slots__ = ()
    kind = "null"

    def atomized(self) -> Any:
        return []

    @property
    def string_value(self) -> str:
        return ""


class BinaryNode(_JsonLeaf):
    """A binary node; `value` is its bytes, its typed value an xs:hexBinary."""

    __slots__ = ()
    kind = "binary"

    def atomized(self) -> Any:
        return HexBinary(self.value.hex().upper())

    @property
    def string_value(self) -> str:
        text: str = self.value.hex().upper()
        return text


# --------------------------------------------------------------------------------------------------------- constructors


def _copied(node: Any) -> Any:
    from xquery_bridge.runtime.construction import copy_node  # construction knows every kind of node, these included

    return copy_node(node)


def _member(item: Any, text_of_markup: _TextOf | None = None) -> Any:
    """A new node for one item of a constructor's content: numbers and booleans by kind, nodes copied, the rest text.

    With `text_of_markup` elements and their like become text.
    """
    if isinstance(item, XPathNode):
        if item.kind == "document":
            return _member(item.children[0], text_of_markup) if item.children else TextNode("")
        if text_of_markup is not None and item.kind not in _NAMEABLE:
            return TextNode(text_of_markup(item))
        made = _copied(item)
        if made.kind != "element":
            made.name = None
        return made
    if isinstance(item, bool):
        return BooleanNode(item)
    if isinstance(item, int | float | Decimal):
        fits = isinstance(item, float) or -_LARGEST_NUMBER <= item <= _LARGEST_NUMBER
        return NumberNode(item) if fits else TextNode(values.string_of(item))
    if isinstance(item, MapMap):
        return object_node(item.items(), text_of_markup)
    if isinstance(item, JsonArray):
        made = ArrayNode()
        for member in item.members():
            child = json_node(member, text_of_markup)
            child.parent = made
            made.children.append(child)
        return made
    return TextNode(values.string_of(item))


#: Integers beyond have no exact form in JavaScript: they become text (xquery-1.0-ml.md, section 7).
_LARGEST_NUMBER = 2**53 - 1


def json_node(value: Any, text_of_markup: _TextOf | None = None) -> Any:
    """The JSON node for a Value, as xdmp:to-json makes it: several items are an array, none is null."""
    items = values.as_list(value)
    if len(items) == 1:
        return _member(items[0], text_of_markup)
    return array_node(items, text_of_markup) if items else NullNode()


def array_node(value: Any, text_of_markup: _TextOf | None = None) -> ArrayNode:
    """`array-node { value }`: one member for each item."""
    made = ArrayNode()
    for child in [_member(item, text_of_markup) for item in values.as_list(value)]:
        child.parent = made
        made.children.append(child)
    return made


def object_node(entries: Iterable[tuple[Any, Any]], text_of_markup: _TextOf | None = None) -> ObjectNode:
    """`object-node { key : value, … }`: a sequence of several becomes an array, an empty one null.

    Raises XDMP-DUPKEY for a key given twice.
    """
    made = ObjectNode()
    seen: set[str] = set()
    for key_value, value in entries:
        atoms = values.as_list(values.atomize(key_value))
        if len(atoms) != 1:
            raise XQueryError("XPTY0004", "The key of an object node is not one item")
        key = values.string_of(atoms[0])
        if key in seen:
            raise XQueryError("FOER0000", "Duplicate key of an object node", detail=key, marklogic_code="XDMP-DUPKEY")
        seen.add(key)
        child = json_node(value, text_of_markup)
        if child.kind in _NAMEABLE:
            child.name = clark("", key)
        child.parent = made
        made.children.append(child)
    return made


#: Kinds that can carry a key. (Markup inside JSON has no key to be found by.)
_NAMEABLE = frozenset(("object", "array", "number", "boolean", "null", "text"))


def _content(value: Any) -> Any:
    """The one atomic value inside a constructor, None for the empty sequence."""
    atoms = values.as_list(values.atomize(value))
    if len(atoms) > 1:
        raise XQueryError("XPTY0004", "A number, boolean or binary node is made of one item")
    return atoms[0] if atoms else None


def number_node(value: Any) -> Any:
    """`number-node { value }`: cast to xs:double (FORG0001); [] for the empty sequence."""
    atom = _content(value)
    if atom is None:
        return []
    text = values.string_of(atom).strip()
    try:
        number = float({"INF": "inf", "-INF": "-inf", "true": "1", "false": "0"}.get(text, text))
    except ValueError:
        raise XQueryError("FORG0001", expression=f'xs:double("{text}")') from None
    return NumberNode(number)


def boolean_node(value: Any) -> Any:
    """`boolean-node { value }`: cast to xs:boolean (FORG0001); [] for the empty sequence."""
    atom = _content(value)
    if atom is None:
        return []
    if isinstance(atom, int | float | Decimal):
        return BooleanNode(bool(atom) and atom == atom)
    text = values.string_of(atom).strip()
    if text not in ("true", "false", "1", "0"):
        raise XQueryError("FORG0001", expression=f'xs:boolean("{text}")')
    return BooleanNode(text in ("true", "1"))


def null_node() -> NullNode:
    """`null-node { }`."""
    return NullNode()


def binary_node(value: Any) -> Any:
    """`binary { value }`: xs:hexBinary, or a string in its form (FORG0001); [] for the empty sequence."""
    atom = _content(value)
    if atom is None:
        return []
    if not isinstance(atom, str | UntypedAtomic | HexBinary):
        raise XQueryError("FORG0001", "A binary node is made of xs:hexBinary or a string in its form")
    text = values.string_of(atom).strip()
    try:
        return BinaryNode(bytes.fromhex(text) if not any(char.isspace() for char in text) else bytes.fromhex("-"))
    except ValueError:
        raise XQueryError("FORG0001", expression=f'xs:hexBinary("{text}")') from None


# ----------------------------------------------------------------------------------------------------------- conversion


def node_from_python(data: Any) -> Any:
    """The JSON node (a text node for a string) of decoded JSON; a loop, for data of any depth."""
    top: list[Any] = []
    stack: list[tuple[Any, str | None, Any]] = [(data, None, None)]
    while stack:
        value, key, parent = stack.pop()
        node: Any
        if isinstance(value, dict):
            node = ObjectNode()
            stack.extend([(member, name, node) for name, member in reversed(list(value.items()))])
        elif isinstance(value, list | tuple):
            node = ArrayNode()
            stack.extend([(member, None, node) for member in reversed(value)])
        elif value is None:
            node = NullNode()
        elif isinstance(value, bool):
            node = BooleanNode(value)
        elif isinstance(value, str):
            node = TextNode(value)
        else:
            node = NumberNode(value)
        if key is not None:
            node.name = clark("", key)
        if parent is None:
            top.append(node)
        else:
            node.parent = parent
            parent.children.append(node)
    return top[0]


def json_document(data: Any, uri: str | None = None) -> DocumentNode:
    """A document node over the JSON node of decoded JSON."""
    document = DocumentNode(uri)
    root = node_from_python(data)
    root.parent = document
    document.children.append(root)
    return document


def python_from_node(node: Any) -> Any:
    """Decoded JSON of a JSON node, a text node or a document of one; a loop, for trees of any depth."""
    if node.kind == "document":
        node = node.children[0]
    made = _python_value(node)
    stack = [(node, made)]
    while stack:
        source, target = stack.pop()
        for child in source.children if isinstance(target, dict | list) else ():
            value = _python_value(child)
            if isinstance(target, dict):
                target[child.name] = value
            else:
                target.append(value)
            if isinstance(value, dict | list):
                stack.append((child, value))
    return made


def _python_value(node: Any) -> Any:
    if node.kind == "object":
        return {}
    if node.kind == "array":
        return []
    if node.kind == "null":
        return None
    if node.kind == "number":
        number = node.value
        return int(number) if isinstance(number, float) and math.isfinite(number) and number == int(number) else number
    return node.value if node.kind == "boolean" else node.string_value


__all__ = [
    "ArrayNode",
    "BinaryNode",
    "BooleanNode",
    "NullNode",
    "NumberNode",
    "ObjectNode",
    "array_node",
    "binary_node",
    "boolean_node",
    "json_document",
    "json_node",
    "node_from_python",
    "null_node",
    "number_node",
    "object_node",
    "python_from_node",
]
