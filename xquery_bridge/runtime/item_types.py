"""Item types (XQuery 3.1, section 2.5.5), those of 1.0-ml included: what they match and which derives from which."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from xquery_bridge.runtime.arrays import XdmArray
from xquery_bridge.runtime.atomic import (
    ANCESTORS,
    CLASSES_OF,
    NUMERIC,
    NUMERIC_CLASSES,
    PRIMITIVE,
    TYPES,
    ancestors,
)
from xquery_bridge.runtime.context import ENHANCED_PREFIXES, XS
from xquery_bridge.runtime.functions import FunctionItem
from xquery_bridge.runtime.json_items import JsonArray, JsonObject, MapMap
from xquery_bridge.runtime.json_nodes import ArrayNode, BinaryNode, BooleanNode, NullNode, NumberNode, ObjectNode
from xquery_bridge.runtime.maps import XdmMap
from xquery_bridge.runtime.nodes import (
    AttributeNode,
    CommentNode,
    DocumentNode,
    ElementNode,
    NamespaceNode,
    ProcessingInstructionNode,
    TextNode,
    clark,
)
from xquery_bridge.runtime.opaque import CNTK_NAMESPACE, OpaqueItem

if TYPE_CHECKING:
    from xquery_bridge.runtime.sequence_types import SequenceType

MAP_ML: Final = "http://marklogic.com/xdmp/map"
JSON_ML: Final = "http://marklogic.com/xdmp/json"

#: Kind of node in a kind test -> the class of such nodes.
NODE_CLASSES: Final[dict[str, type]] = {
    "document": DocumentNode,
    "element": ElementNode,
    "attribute": AttributeNode,
    "text": TextNode,
    "comment": CommentNode,
    "processing-instruction": ProcessingInstructionNode,
    "namespace-node": NamespaceNode,
    "object": ObjectNode,
    "array": ArrayNode,
    "number": NumberNode,
    "boolean": BooleanNode,
    "null": NullNode,
    "binary": BinaryNode,
}
_ANY_NODE: Final = frozenset(NODE_CLASSES.values())
_JSON_KINDS: Final = ("object", "array", "number", "boolean", "null")

#: Types of nodes above the atomic ones (XDM 3.1, 2.7.1), and what they derive from.
_NODE_TYPES: Final = {
    "untyped": ("untyped", "anyType"),
    "anyType": ("anyType",),
    "anySimpleType": ("anySimpleType", "anyType"),
}

#: The types that nodes have without a schema.
_ELEMENT_TYPE: Final = "untyped"
_ATTRIBUTE_TYPE: Final = "untypedAtomic"

#: Opaque types that pass where another one is declared (cntk-conventions.md, Functions where variables are expected).
_PASSES_AS: Final[dict[tuple[str, str], tuple[str, str]]] = {
    (CNTK_NAMESPACE, local): (CNTK_NAMESPACE, "variable") for local in ("function", "parameter", "constant")
}

#: The first prefix of each namespace of 1.0-ml.
_PREFIXES: Final = {uri: prefix for prefix, uri in reversed(list(ENHANCED_PREFIXES.items()))}


def shown_name(uri: str, local: str) -> str:
    """A name that is told from every other: with a prefix that is always the same, or as Q{uri}local."""
    if not uri:
        return local
    prefix = _PREFIXES.get(uri)
    return f"{prefix}:{local}" if prefix else f"Q{{{uri}}}{local}"


class ItemType:
    """An item type.

    `text` is its canonical form, one for each type. `classes` are the exact classes of its instances where the class
    decides alone; otherwise None, and `matches` looks further.
    """

    __slots__ = ("classes", "text")

    def __init__(self, text: str, classes: frozenset[type] | None = None) -> None:
        self.text = text
        self.classes = classes

    def matches(self, item: Any) -> bool:
        """Whether an item is an instance."""
        return self.classes is not None and type(item) in self.classes

    def derives_from(self, other: ItemType) -> bool:
        """derives-from of subtype-itemtype for types that are not the same (2.5.6.2), with `other` of any class."""
        return False

    def is_subtype_of(self, other: ItemType) -> bool:
        """Whether every instance is one of another type too (2.5.6.2)."""
        if self.text == other.text or isinstance(other, AnyItem):
            return True
        if isinstance(other, ChoiceType):
            return any(self.is_subtype_of(member) for member in other.members)
        return self.derives_from(other)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ItemType) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.text}>"


class AnyItem(ItemType):
    """`item()`."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__("item()")

    def matches(self, item: Any) -> bool:
        return True


class AtomicItemType(ItemType):
    """An atomic type by its local name, or the unions xs:numeric and (of nothing) xs:error."""

    __slots__ = ("name",)
    classes: frozenset[type]

    def __init__(self, name: str) -> None:
        classes = {"numeric": NUMERIC_CLASSES, "error": frozenset[type]()}.get(name)
        super().__init__(f"xs:{name}", CLASSES_OF[name] if classes is None else classes)
        self.name = name

    def derives_from(self, other: ItemType) -> bool:
        if not isinstance(other, AtomicItemType):
            return self.name == "error"
        if self.name == "error" or other.name == "anyAtomicType":
            return True
        if self.name == "numeric" or other.name == "error":
            return False
        if other.name == "numeric":
            return PRIMITIVE[self.name] in NUMERIC
        return other.name in ANCESTORS[self.name]


class NodeType(ItemType):
    """A kind test: `node()`, `element(n, T)`, `document-node(element(n))`, and 1.0-ml's kinds.

    `kind` as in the syntax tree; `name` a Clark name or None; `target` the target of a processing instruction; `member`
    the name asked for by 1.0-ml's `node("n")`; `type` the local name of a type in the namespace of XML Schema.
    """

    __slots__ = ("content", "kind", "member", "name", "nillable", "target", "type")

    def __init__(
        self,
        kind: str,
        name: tuple[str, str] | None = None,
        *,
        type: str | None = None,
        nillable: bool = False,
        content: NodeType | None = None,
        target: str | None = None,
        member: str | None = None,
    ) -> None:
        plain = name is None and content is None and target is None and member is None and type is None
        nodes = _ANY_NODE if kind == "node" else frozenset((NODE_CLASSES[kind],))
        super().__init__(_node_text(kind, name, type, nillable, content, target, member), nodes if plain else None)
        self.kind = kind
        self.name = None if name is None else clark(*name)
        self.type = type
        self.nillable = nillable
        self.content = content
        self.target = target
        self.member = None if member is None else clark("", member)

    def matches(self, item: Any) -> bool:
        kind = type(item)
        if self.classes is not None:
            return kind in self.classes
        if self.kind == "node":
            return kind in _ANY_NODE and kind not in (ElementNode, AttributeNode) and item.name is self.member
        if kind is not NODE_CLASSES[self.kind]:
            return False
        if self.name is not None and item.name is not self.name:
            return False
        if self.member is not None and item.name is not self.member:
            return False
        if self.target is not None and item.target != self.target:
            return False
        if self.type is not None:
            own = _ELEMENT_TYPE if kind is ElementNode else _ATTRIBUTE_TYPE
            if self.type not in type_line(own):
                return False
        return self.content is None or _has_content(item, self.content)

    def derives_from(self, other: ItemType) -> bool:
        if not isinstance(other, NodeType):
            return False
        if other.kind == "node":
            return other.member is None or (other.member == self.member and self.kind not in ("element", "attribute"))
        if self.kind != other.kind:
            return False
        return (
            other.name in (None, self.name)
            and other.target in (None, self.target)
            and other.member in (None, self.member)
            and (other.content is None or (self.content is not None and self.content.is_subtype_of(other.content)))
            and (other.type is None or self._has_type(other))
        )

    def _has_type(self, other: NodeType) -> bool:
        """Whether the type annotation asked for derives from another one's, and nil is allowed there too."""
        own = self.type if self.type is not None else ("anyType" if self.kind == "element" else "anySimpleType")
        return other.type in type_line(own) and (other.nillable or not self.nillable or other.type == "anyType")


def _node_text(
    kind: str,
    name: tuple[str, str] | None,
    type: str | None,
    nillable: bool,
    content: NodeType | None,
    target: str | None,
    member: str | None,
) -> str:
    label = f"{kind}-node" if kind == "document" or kind in _JSON_KINDS else kind
    inside = "" if name is None else shown_name(*name)
    if type is not None:
        inside = f"{inside or '*'}, xs:{type}{'?' if nillable else ''}"
    if content is not None:
        inside = content.text
    if target is not None:
        inside = target
    if member is not None:
        inside = '"' + member.replace('"', '""') + '"'
    return f"{label}({inside})"


def type_line(name: str) -> tuple[str, ...]:
    """The local name of a type and of all it derives from, up to anyType."""
    known = _NODE_TYPES.get(name)
    if known is not None:
        return known
    if name in TYPES:
        return (*ancestors(name), "anySimpleType", "anyType")
    return (name, "anySimpleType", "anyType")


def _has_content(document: Any, content: NodeType) -> bool:
    """document-node(T): just one child beside comments and processing instructions, and it is a T (2.5.5.2)."""
    others = [child for child in document.children if child.kind not in ("comment", "processing-instruction")]
    return len(others) == 1 and content.matches(others[0])


class ContainerType(ItemType):
    """1.0-ml's map:map, json:object (a map:map, too) and json:array."""

    __slots__ = ()
    _CLASSES: Final = {
        "map:map": frozenset((MapMap, JsonObject)),
        "json:object": frozenset((JsonObject,)),
        "json:array": frozenset((JsonArray,)),
    }

    def __init__(self, text: str) -> None:
        super().__init__(text, self._CLASSES[text])

    def derives_from(self, other: ItemType) -> bool:
        return self.text == "json:object" and other.text == "map:map"


class OpaqueType(ItemType):
    """A type known by its QName only: cntk:variable, cts:query."""

    __slots__ = ("name",)

    def __init__(self, uri: str, local: str) -> None:
        super().__init__(shown_name(uri, local))
        self.name = (uri, local)

    def matches(self, item: Any) -> bool:
        return isinstance(item, OpaqueItem) and self.name in opaque_names(type(item))

    def derives_from(self, other: ItemType) -> bool:
        if not isinstance(other, OpaqueType):
            return False
        if _PASSES_AS.get(self.name) == other.name:
            return True
        return any(
            self.name == (kind.uri, kind.local) and other.name in opaque_names(kind) for kind in _opaque_classes()
        )


_OPAQUE_NAMES: Final[dict[type, frozenset[tuple[str, str]]]] = {}


def opaque_names(kind: type[OpaqueItem]) -> frozenset[tuple[str, str]]:
    """The types (uri, local) that instances of a class have: its own, its base classes', and what it passes for."""
    known = _OPAQUE_NAMES.get(kind)
    if known is None:
        bases = [base for base in kind.__mro__ if issubclass(base, OpaqueItem) and base is not OpaqueItem]
        own = [(base.uri, base.local) for base in bases]
        known = frozenset((*own, *(_PASSES_AS[name] for name in own if name in _PASSES_AS)))
        _OPAQUE_NAMES[kind] = known
    return known


def _opaque_classes() -> list[type[OpaqueItem]]:
    found: list[type[OpaqueItem]] = []
    stack = [OpaqueItem]
    while stack:
        below = stack.pop().__subclasses__()
        found += below
        stack += below
    return found


_FUNCTIONS: Final = frozenset((FunctionItem, XdmMap, XdmArray))


class FunctionType(ItemType):
    """`function(*)` (`params` None) or `function(T1, T2) as R`. Annotations have no meaning of their own (2.5.5.7)."""

    __slots__ = ("params", "result")

    def __init__(self, params: tuple[SequenceType, ...] | None = None, result: SequenceType | None = None) -> None:
        if params is None or result is None:
            super().__init__("function(*)", _FUNCTIONS)
        else:
            super().__init__(f"function({', '.join([param.text for param in params])}) as {result.text}")
        self.params = params
        self.result = result

    def matches(self, item: Any) -> bool:
        if type(item) not in _FUNCTIONS:
            return False
        params, result = self.params, self.result
        if params is None or result is None:
            return True
        if len(params) != item.arity:
            return False
        if isinstance(item, XdmMap):
            return (
                accepts(params[0], "xs:anyAtomicType") and result.low == 0 and all(map(result.matches, item.values()))
            )
        if isinstance(item, XdmArray):
            return accepts(params[0], "xs:integer") and all(map(result.matches, item.members()))
        own = item.params
        if own is not None:
            for declared, param in zip(own, params, strict=True):
                if declared is not None and not param.is_subtype_of(declared):
                    return False
        return result.text == "item()*" if item.result is None else bool(item.result.is_subtype_of(result))

    def derives_from(self, other: ItemType) -> bool:
        if not isinstance(other, FunctionType):
            return False
        if other.params is None or other.result is None:
            return True
        if self.params is None or self.result is None or len(self.params) != len(other.params):
            return False
        wider = zip(self.params, other.params, strict=True)
        return self.result.is_subtype_of(other.result) and all(theirs.is_subtype_of(own) for own, theirs in wider)


def accepts(param: SequenceType, text: str) -> bool:
    """Whether a function whose parameter has the type in `text` takes all that another parameter type allows."""
    from xquery_bridge.runtime.sequence_types import parse_sequence_type

    return param.is_subtype_of(parse_sequence_type(text))


class MapType(ItemType):
    """`map(*)` (`key` None) or `map(K, V)`."""

    __slots__ = ("key", "value")

    def __init__(self, key: ItemType | None = None, value: SequenceType | None = None) -> None:
        if key is None or value is None:
            super().__init__("map(*)", frozenset((XdmMap,)))
        else:
            super().__init__(f"map({key.text}, {value.text})")
        self.key = key
        self.value = value

    def matches(self, item: Any) -> bool:
        if type(item) is not XdmMap:
            return False
        if self.key is None or self.value is None:
            return True
        is_key, is_value = self.key.matches, self.value.matches
        return all(is_key(key) and is_value(value) for key, value in item.items())

    def derives_from(self, other: ItemType) -> bool:
        if isinstance(other, MapType):
            if other.key is None or other.value is None:
                return True
            if self.key is None or self.value is None:
                return other.text == "map(xs:anyAtomicType, item()*)"
            return self.key.is_subtype_of(other.key) and self.value.is_subtype_of(other.value)
        if not isinstance(other, FunctionType):
            return False
        if other.params is None or other.result is None:
            return True
        if len(other.params) != 1 or not accepts(other.params[0], "xs:anyAtomicType"):
            return False
        if self.value is None:
            return other.result.text == "item()*"
        return other.result.low == 0 and self.value.is_subtype_of(other.result)


class ArrayType(ItemType):
    """`array(*)` (`member` None) or `array(T)`."""

    __slots__ = ("member",)

    def __init__(self, member: SequenceType | None = None) -> None:
        if member is None:
            super().__init__("array(*)", frozenset((XdmArray,)))
        else:
            super().__init__(f"array({member.text})")
        self.member = member

    def matches(self, item: Any) -> bool:
        return type(item) is XdmArray and (self.member is None or all(map(self.member.matches, item.members())))

    def derives_from(self, other: ItemType) -> bool:
        if isinstance(other, ArrayType):
            if other.member is None:
                return True
            return other.member.text == "item()*" if self.member is None else self.member.is_subtype_of(other.member)
        if not isinstance(other, FunctionType):
            return False
        if other.params is None or other.result is None:
            return True
        if len(other.params) != 1 or not accepts(other.params[0], "xs:integer"):
            return False
        return other.result.text == "item()*" if self.member is None else self.member.is_subtype_of(other.result)


class ChoiceType(ItemType):
    """One of several types: `(A|B)` in the signatures of built-in functions."""

    __slots__ = ("members",)

    def __init__(self, members: tuple[ItemType, ...]) -> None:
        classes: frozenset[type] | None = frozenset()
        for member in members:
            classes = None if classes is None or member.classes is None else classes | member.classes
        super().__init__(f"({'|'.join([member.text for member in members])})", classes)
        self.members = members

    def matches(self, item: Any) -> bool:
        return any(member.matches(item) for member in self.members)

    def is_subtype_of(self, other: ItemType) -> bool:
        return all(member.is_subtype_of(other) for member in self.members)


class SchemaComponentType(ItemType):
    """1.0-ml's tests for schema components (`element-decl()` …): nothing matches, there is no schema."""

    __slots__ = ()

    def __init__(self, kind: str, name: str = "") -> None:
        super().__init__(f"{kind}({name})", frozenset())


ANY_ITEM: Final = AnyItem()
ANY_NODE: Final = NodeType("node")
ANY_FUNCTION: Final = FunctionType()
ANY_MAP: Final = MapType()
ANY_ARRAY: Final = ArrayType()

#: 1.0-ml's tests for schema components.
SCHEMA_COMPONENTS: Final = frozenset(
    (
        "attribute-decl",
        "complex-type",
        "element-decl",
        "schema-component",
        "schema-particle",
        "schema-root",
        "schema-type",
        "simple-type",
        "schema-facet",
        "schema-wildcard",
        "model-group",
    )
)

#: Namespace -> the opaque types in it.
# fmt: off
OPAQUE_TYPES: Final[dict[str, frozenset[str]]] = {
    CNTK_NAMESPACE: frozenset((
        "axis", "constant", "data-type", "device", "function", "initializer", "learner", "parameter", "schedule",
        "shape", "trainer", "value", "variable",
    )),
    ENHANCED_PREFIXES["cts"]: frozenset((
        "query", "reference", "order", "region", "box", "circle", "point", "polygon", "complex-polygon",
        "linestring", "period", "token", "entity", "entity-dictionary", "after-query", "and-not-query",
        "and-query", "before-query", "boost-query", "collection-query", "directory-query",
        "document-fragment-query", "document-query", "element-attribute-pair-geospatial-query",
        "element-attribute-range-query", "element-attribute-value-query", "element-attribute-word-query",
        "element-child-geospatial-query", "element-geospatial-query", "element-pair-geospatial-query",
        "element-query", "element-range-query", "element-value-query", "element-word-query", "false-query",
        "field-range-query", "field-value-query", "field-word-query", "geospatial-region-query",
        "json-property-child-geospatial-query", "json-property-geospatial-query",
        "json-property-pair-geospatial-query", "json-property-range-query", "json-property-scope-query",
        "json-property-value-query", "json-property-word-query", "locks-fragment-query", "locks-query",
        "lsqt-query", "near-query", "not-in-query", "not-query", "or-query", "path-geospatial-query",
        "path-range-query", "period-compare-query", "period-range-query", "properties-fragment-query",
        "properties-query", "range-query", "registered-query", "reverse-query", "similar-query",
        "triple-range-query", "true-query", "word-query",
    )),
    ENHANCED_PREFIXES["ort"]: frozenset(("session", "value")),
    ENHANCED_PREFIXES["math"]: frozenset(("linear-model",)),
    ENHANCED_PREFIXES["sem"]: frozenset(("blank", "iri", "invalid", "store", "triple", "unknown")),
}
# fmt: on


@lru_cache(maxsize=1024)
def named_type(uri: str, local: str) -> ItemType | None:
    """The item type of that name, or None when there is none (XPST0051)."""
    if uri == XS:
        return AtomicItemType(local) if local in TYPES or local in ("numeric", "error") else None
    text = shown_name(uri, local)
    if text in ContainerType._CLASSES:
        return ContainerType(text)
    return OpaqueType(uri, local) if local in OPAQUE_TYPES.get(uri, ()) else None


def is_atomic(item: ItemType) -> bool:
    """Whether instances are atomic values, so that conversion atomizes (3.1.5.2)."""
    if isinstance(item, ChoiceType):
        return all(is_atomic(member) for member in item.members)
    return isinstance(item, AtomicItemType)
