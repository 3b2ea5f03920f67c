"""Types of the syntax tree as sequence types of the runtime, and what the compiler knows of values of such types."""

from __future__ import annotations

from functools import lru_cache
from typing import Final
from urllib.parse import urljoin

from xquery_bridge.compiler.scope import Scope
from xquery_bridge.compiler.types import ITEM, NOTHING, StaticType, common
from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime import item_types as items
from xquery_bridge.runtime.atomic import ANCESTORS, PRIMITIVE, TYPES
from xquery_bridge.runtime.casts import LIST_TYPES, is_cast_target
from xquery_bridge.runtime.collations import collation
from xquery_bridge.runtime.context import FN, XS
from xquery_bridge.runtime.item_types import ItemType
from xquery_bridge.runtime.sequence_types import SequenceType, parse_sequence_type
from xquery_bridge.syntax import tree

#: Atomic type -> the kind of a static type; derived types have the kind of the first of these that they derive from.
_ATOMIC_KINDS: Final = {
    "integer": "integer",
    "decimal": "decimal",
    "double": "double",
    "float": "float",
    "string": "string",
    "untypedAtomic": "untyped",
    "boolean": "boolean",
    "anyURI": "uri",
    "QName": "qname",
    "dateTime": "date",
    "date": "date",
    "time": "date",
    "duration": "duration",
}

_NODE_KINDS: Final = {
    "document": "document",
    **{kind: kind for kind in ("node", "element", "attribute", "text", "comment", "processing-instruction")},
    "namespace-node": "namespace-node",
    **dict.fromkeys(("object", "array", "number", "boolean", "null"), "json-node"),
    "binary": "json-node",
}

#: Types that no cast makes (XQuery 3.1, 3.14.2).
_NO_TARGETS: Final = frozenset(("anyAtomicType", "anySimpleType", "NOTATION"))
#: Schema test -> MarkLogic's code for a type that is not defined.
_UNDEFINED: Final = {
    "complex-type": "XDMP-UNDCOMTYP",
    "schema-type": "XDMP-UNDTYP",
    "simple-type": "XDMP-UNDSIMTYP",
}
_XQUERY: Final = "http://www.w3.org/2012/xquery"
#: Namespaces whose annotations are reserved in function tests as in declarations.
_RESERVED: Final = frozenset(
    (
        "http://www.w3.org/XML/1998/namespace",
        XS,
        "http://www.w3.org/2001/XMLSchema-instance",
        FN,
        f"{FN}/math",
        f"{FN}/map",
        f"{FN}/array",
        _XQUERY,
    )
)


@lru_cache(maxsize=1024)
def _sequence_type(item: ItemType, occurrence: str) -> SequenceType:
    """A sequence type, one for all queries that name it: each is made of many closures."""
    return SequenceType(item, occurrence)


class TypeResolver:
    """Resolves the types that a module's expressions name, with the prefixes in scope."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    # -------------------------------------------------------------------------------------------------- sequence types

    def optional(self, written: tree.SequenceType | None) -> SequenceType | None:
        """The type of a declaration that may have none."""
        return None if written is None else self.resolve(written)

    def resolve(self, written: tree.SequenceType) -> SequenceType:
        """The sequence type written. Raises XPST0051 for unknown types, XPST0081 for unbound prefixes, XPST0008."""
        if written.item is None:
            return SequenceType(None)
        return _sequence_type(self._item(written.item), written.occurrence)

    def parse(self, text: str) -> SequenceType:
        """The type that the compiler itself names."""
        return parse_sequence_type(text)

    def static(self, type: SequenceType) -> StaticType:
        return static_type(type)

    def is_one(self, type: SequenceType) -> bool:
        """Whether exactly one item is declared: what function mapping goes by (xquery-1.0-ml.md, section 4)."""
        return type.low == 1 and type.high == 1

    def _item(self, written: tree.ItemType) -> ItemType:
        match written:
            case tree.AnyItemType():
                return items.ANY_ITEM
            case tree.AtomicOrUnionType():
                return self._named(written.name)
            case tree.KindTest():
                return self._kind_test(written)
            case tree.FunctionTest():
                return self._function_test(written)
            case tree.MapTest():
                if written.key is None or written.value is None:
                    return items.ANY_MAP
                key = self._named(written.key.name)
                if not items.is_atomic(key):
                    raise XQueryError("XPST0051", f"{key} is no atomic type, and cannot be the type of a map's keys")
                return items.MapType(key, self.resolve(written.value))
            case tree.ArrayTest():
                return items.ANY_ARRAY if written.member is None else items.ArrayType(self.resolve(written.member))

    def _named(self, name: tree.Name) -> ItemType:
        uri, local = self.scope.element_name(name)
        found = items.named_type(uri, local)
        if found is None:
            raise XQueryError("XPST0051", detail=str(name))
        return found

    def _function_test(self, written: tree.FunctionTest) -> ItemType:
        for annotation in written.annotations:
            uri, local = self.scope.expand(annotation.name, _XQUERY)
            if uri in _RESERVED and not (uri == _XQUERY and local in ("private", "public")):
                raise XQueryError("XQST0045", f"No annotation is known as %{annotation.name}")
        if written.params is None or written.result is None:
            return items.ANY_FUNCTION
        return items.FunctionType(tuple(self.resolve(param) for param in written.params), self.resolve(written.result))

    def _known_type(self, kind: str, name: tree.Name) -> None:
        """Schema tests know the types of XML Schema itself. Raises XPST0008 for others."""
        uri, local = self.scope.element_name(name)
        if uri == XS and (local in TYPES or local == "anySimpleType") and kind != "complex-type":
            return
        if uri == XS and local == "anyType" and kind != "simple-type":
            return
        raise XQueryError("XPST0008", f"Undefined type {name} in {kind}()", marklogic_code=_UNDEFINED[kind])

    def _kind_test(self, written: tree.KindTest) -> ItemType:
        kind = written.kind
        if kind in ("schema-element", "schema-attribute"):
            if written.name is not None:
                self.scope.element_name(written.name)
            raise XQueryError("XPST0008", f"No schema declares {kind}({written.name})")
        if kind in items.SCHEMA_COMPONENTS:
            if kind in _UNDEFINED and written.name is not None:
                self._known_type(kind, written.name)
            return items.SchemaComponentType(kind, "" if written.name is None else str(written.name))
        if kind == "processing-instruction":
            target = written.literal if written.literal is not None else None
            if target is None and written.name is not None:
                target = written.name.local
            return items.NodeType(kind, target=None if target is None else " ".join(target.split()))
        if written.literal is not None:
            return items.NodeType(kind, member=written.literal)
        if written.content is not None:
            content = self._kind_test(written.content)
            assert isinstance(content, items.NodeType)
            return items.NodeType(kind, content=content)
        name = None
        if written.name is not None:
            name = self.scope.element_name(written.name) if kind == "element" else self.scope.expand(written.name, "")
        type = None if written.type is None else self._annotation_type(written.type)
        return items.NodeType(kind, name, type=type, nillable=written.nillable)

    def _annotation_type(self, name: tree.Name) -> str:
        """The local name of a type that nodes are annotated with. Raises XPST0008 for an unknown one."""
        uri, local = self.scope.element_name(name)
        known = local in TYPES or local in LIST_TYPES or local in ("untyped", "anyType", "anySimpleType")
        if uri != XS or not (known or local in ("numeric", "error")):
            raise XQueryError("XPST0008", f"No schema declares type {name}")
        return local

    # ----------------------------------------------------------------------------------------------------------- casts

    def is_constructor(self, local: str) -> bool:
        """Whether xs:LOCAL is a constructor function."""
        return is_cast_target(local)

    def constructed(self, local: str) -> SequenceType:
        """The result type of the constructor function xs:LOCAL (F&O 3.1, chapter 18)."""
        if local == "error":
            return SequenceType(None)
        member = LIST_TYPES.get(local)
        return parse_sequence_type(f"xs:{local}?" if member is None else f"xs:{member}*")

    def cast_target(self, name: tree.Name) -> str:
        """The local name of a cast's type. Raises XPST0080 for abstract types, XQST0052 for unknown ones."""
        uri, local = self.scope.element_name(name)
        if uri == XS and local in _NO_TARGETS:
            raise XQueryError("XPST0080", detail=str(name))
        if uri != XS or not is_cast_target(local):
            modern = self.scope.static.dialect != "1.0"
            raise XQueryError("XQST0052" if modern else "XPST0051", f"{name} is no type that values can be cast to")
        return local

    def cast_result(self, target: str, operand: StaticType, optional: bool) -> StaticType:
        """The static type of a cast: no item only where the operand may be empty and that is allowed."""
        low = 0 if optional and not (operand.low and (operand.is_a("atomic") or operand.kind == "element")) else 1
        if target in LIST_TYPES:
            return StaticType("string", 0, None)
        if target == "error":
            return StaticType("item", 0, 1)
        return StaticType(atomic_kind(target), low, 1)

    # ------------------------------------------------------------------------------------------------------ collations

    def collation(self, uri: str, code: str = "XQST0076") -> str:
        """The URI of a collation, relative to the static base URI. Raises `code` for one that is not known."""
        written = " ".join(uri.split())
        resolved = urljoin(self.scope.static.base_uri or "", written)
        try:
            collation(resolved)
        except XQueryError:
            raise XQueryError(code, f"Collation {resolved} is not known") from None
        return resolved


@lru_cache(maxsize=4096)
def static_type(type: SequenceType) -> StaticType:
    """What the compiler knows of a value that has been converted to a type, or matches it."""
    if type.item is None:
        return NOTHING
    return StaticType(_kind(type.item), type.low, type.high)


def atomic_kind(name: str) -> str:
    """The kind of items of an atomic type."""
    if name == "numeric":
        return "numeric"
    if name not in PRIMITIVE:
        return "atomic"
    if "integer" in ANCESTORS[name]:
        return "integer"
    return _ATOMIC_KINDS.get(PRIMITIVE[name], "atomic")


def _kind(item: ItemType) -> str:
    match item:
        case items.AtomicItemType():
            return atomic_kind(item.name)
        case items.NodeType():
            return _NODE_KINDS[item.kind]
        case items.MapType():
            return "map"
        case items.ArrayType():
            return "array"
        case items.FunctionType():
            return "function"
        case items.ContainerType() | items.OpaqueType():
            return "opaque"
        case items.ChoiceType():
            kind = _kind(item.members[0])
            for member in item.members[1:]:
                kind = common(kind, _kind(member))
            return kind
        case _:
            return ITEM.kind
