"""Sequence types: matching, function conversion and subtyping (XQuery 3.1, sections 2.5.4 to 2.5.6 and 3.1.5.2).

A type is compiled once into closures for its kind and occurrence, so that a value which fits costs a look at its class.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any, Final

from elementpath.datatypes import AnyURI, UntypedAtomic

from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime.atomic import ANCESTORS, CLASSES_OF, INTEGER_CLASSES, NUMERIC_CLASSES
from xquery_bridge.runtime.casts import cast
from xquery_bridge.runtime.context import ENHANCED_PREFIXES, XS
from xquery_bridge.runtime.functions import FunctionItem
from xquery_bridge.runtime.item_types import (
    ANY_ARRAY,
    ANY_FUNCTION,
    ANY_ITEM,
    ANY_MAP,
    NODE_CLASSES,
    SCHEMA_COMPONENTS,
    ArrayType,
    AtomicItemType,
    ChoiceType,
    FunctionType,
    ItemType,
    MapType,
    NodeType,
    OpaqueType,
    SchemaComponentType,
    is_atomic,
    named_type,
)
from xquery_bridge.runtime.values import Value, atomize, describe

#: Occurrence indicator -> the fewest and the most items.
_LIMITS: Final[dict[str, tuple[int, int | None]]] = {"": (1, 1), "?": (0, 1), "*": (0, None), "+": (1, None)}


class SequenceType:
    """An item type and how often it occurs; `item` is None for empty-sequence().

    `matches(value)` says whether a Value is an instance. `convert(value)` gives the Value by the function conversion
    rules (3.1.5.2): a bare item where exactly one is declared. It raises XPTY0004 in MarkLogic's words (XDMP-AS),
    FORG0001 for untyped text that cannot be cast, FOTY0013 for what cannot be atomized.

    `lenient`, for the signatures of built-in functions: an xs:integer in the range of a derived integer type is taken
    for one, and a function argument is only wrapped where its result needs conversion.
    """

    __slots__ = ("convert", "high", "item", "lenient", "low", "matches", "occurrence", "text")

    text: str
    convert: Callable[[Value], Value]
    matches: Callable[[Value], bool]

    def __init__(self, item: ItemType | None, occurrence: str = "", *, lenient: bool = False) -> None:
        self.item = item
        self.occurrence = occurrence
        self.lenient = lenient
        self.low: int
        self.high: int | None
        self.low, self.high = (0, 0) if item is None else _LIMITS[occurrence]
        text = "empty-sequence()" if item is None else item.text
        if occurrence and isinstance(item, FunctionType) and item.params is not None:
            text = f"({text})"
        self.text = text + occurrence
        self.matches = _matcher(item, occurrence)
        self.convert = _converter(self, item, occurrence)

    def is_subtype_of(self, other: SequenceType) -> bool:
        """subtype(self, other), 2.5.6.1."""
        return self.text == other.text or _is_subtype(self, other)

    def refused(self, value: Value) -> XQueryError:
        """The error for a Value that is no instance."""
        return XQueryError("XPTY0004", f"Invalid coercion: {describe(value)} as {self.text}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SequenceType) and self.text == other.text and self.lenient == other.lenient

    def __hash__(self) -> int:
        return hash(self.text)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<SequenceType {self.text}>"


@lru_cache(maxsize=4096)
def _is_subtype(one: SequenceType, other: SequenceType) -> bool:
    if one.low < other.low or (other.high is not None and (one.high is None or one.high > other.high)):
        return False
    if one.item is None:
        return True
    return other.item is not None and one.item.is_subtype_of(other.item)


# ------------------------------------------------------------------------------------------------------------- matching


def _matcher(item: ItemType | None, occurrence: str) -> Callable[[Value], bool]:
    if item is None:
        return _is_empty
    test = _item_test(item)
    low, high = _LIMITS[occurrence]
    if item is ANY_ITEM and high is None:
        return lambda value: low == 0 or (type(value) is not list and type(value) is not range) or len(value) > 0
    ints_match = test(0)
    classes = item.classes

    def matches_any_number(value: Value) -> bool:
        kind = type(value)
        if kind is list:
            if len(value) < low:
                return False
            return all(map(test, value)) if classes is None else classes.issuperset(map(type, value))
        if kind is range:
            return low <= len(value) and (ints_match or not value)
        return test(value)

    def matches_at_most_one(value: Value) -> bool:
        kind = type(value)
        if kind is list or kind is range:
            return len(value) == 1 and test(value[0]) if value else low == 0
        return test(value)

    if high is None:
        return matches_any_number
    if classes is None:
        return matches_at_most_one

    def matches_class(value: Value) -> bool:
        return type(value) in classes or matches_at_most_one(value)

    return matches_class


def _is_empty(value: Value) -> bool:
    return (type(value) is list or type(value) is range) and not len(value)


def _item_test(item: ItemType) -> Callable[[Any], bool]:
    """The membership test of a type as a plain function."""
    classes = item.classes
    if classes is None:
        return item.matches
    return lambda one: type(one) in classes


# ----------------------------------------------------------------------------------------------------------- conversion


def _converter(declared: SequenceType, item: ItemType | None, occurrence: str) -> Callable[[Value], Value]:
    if item is None:
        return _empty_converter(declared)
    if item is ANY_ITEM and occurrence == "*":
        return _unchanged
    one = _item_converter(declared, item)
    low, high = _LIMITS[occurrence]
    classes, atomic = item.classes, is_atomic(item)
    wraps = isinstance(item, FunctionType) and item.params is not None
    test = _item_test(item)
    ints_match = test(0)
    mixed = isinstance(item, ChoiceType) and not atomic

    def slow(value: Value) -> Value:
        items: Any = value if type(value) is list or type(value) is range else [value]
        if atomic or (mixed and not all(map(test, items))):
            atoms = atomize(value) if atomic else _atomized_where_needed(items, test)
            items = atoms if type(atoms) is list or type(atoms) is range else [atoms]
        count = len(items)
        if count < low or (high is not None and count > high):
            raise declared.refused(value)
        if count == 1:
            return one(items[0])
        return [one(member) for member in items]

    if high is None:

        def convert_many(value: Value) -> Value:
            kind = type(value)
            if kind is list:
                fits = (
                    classes.issuperset(map(type, value)) if classes is not None else not wraps and all(map(test, value))
                )
                if fits and len(value) >= low:
                    return value
            elif kind is range and ints_match and len(value) >= low:
                return value
            return slow(value)

        return convert_many
    if wraps:
        return slow
    if classes is None:

        def convert_tested(value: Value) -> Value:
            return value if type(value) is not list and type(value) is not range and test(value) else slow(value)

        return convert_tested
    if low == 0:

        def convert_optional(value: Value) -> Value:
            return value if type(value) in classes or (type(value) is list and not value) else slow(value)

        return convert_optional

    def convert_one(value: Value) -> Value:
        return value if type(value) in classes else slow(value)

    return convert_one


def _unchanged(value: Value) -> Value:
    return value


def _empty_converter(declared: SequenceType) -> Callable[[Value], Value]:
    def convert(value: Value) -> Value:
        if not _is_empty(value):
            raise declared.refused(value)
        return value

    return convert


def _atomized_where_needed(items: Any, test: Callable[[Any], bool]) -> list[Any]:
    """The items, those that are no instances of a choice of types replaced by their typed values."""
    found: list[Any] = []
    for member in items:
        atoms = member if test(member) else atomize(member)
        found.extend(atoms) if type(atoms) is list or type(atoms) is range else found.append(atoms)
    return found


def _item_converter(declared: SequenceType, item: ItemType) -> Callable[[Any], Any]:
    """The conversion of one item, atomized already where the type is atomic."""
    if isinstance(item, AtomicItemType):
        return _atom_converter(declared, item)
    if isinstance(item, FunctionType) and item.params is not None:
        return _function_converter(declared, item)
    if isinstance(item, ChoiceType):
        return _choice_converter(declared, item)
    test = _item_test(item)

    def convert(one: Any) -> Any:
        if test(one):
            return one
        raise declared.refused(one)

    return convert


#: What numeric types may be promoted to (XQuery 3.1, B.1).
_PROMOTED: Final[dict[str, frozenset[type]]] = {
    "double": NUMERIC_CLASSES - CLASSES_OF["double"],
    "float": CLASSES_OF["decimal"],
}


def _atom_converter(declared: SequenceType, item: AtomicItemType) -> Callable[[Any], Any]:
    name, classes = item.name, item.classes
    promoted = _PROMOTED.get(name, frozenset())
    from_untyped = "double" if name == "numeric" else name
    narrowed: frozenset[type] = frozenset()
    if declared.lenient and name != "integer" and "integer" in ANCESTORS.get(name, ()):
        narrowed = INTEGER_CLASSES - classes

    def convert(atom: Any) -> Any:
        kind = type(atom)
        if kind in classes:
            return atom
        if kind is UntypedAtomic:
            if name in ("QName", "NOTATION"):
                raise XQueryError("XPTY0117", f"Invalid coercion: {describe(atom)} as {declared.text}")
            if name == "error":
                raise declared.refused(atom)
            return cast(atom, from_untyped)
        if kind in promoted:
            return cast(atom, name)
        if kind is AnyURI and name == "string":
            return atom.value
        if kind in narrowed:
            try:
                return cast(atom, name)
            except XQueryError:
                raise declared.refused(atom) from None
        raise declared.refused(atom)

    return convert


def _choice_converter(declared: SequenceType, item: ChoiceType) -> Callable[[Any], Any]:
    """The first of the types that takes the item as it is, else the first that it can be converted to."""
    test = _item_test(item)
    ways = [_item_converter(declared, member) for member in item.members]

    def convert(one: Any) -> Any:
        if test(one):
            return one
        for way in ways:
            try:
                return way(one)
            except XQueryError:
                continue
        raise declared.refused(one)

    return convert


# ---------------------------------------------------------------------------------------------------- function coercion


def _function_converter(declared: SequenceType, item: FunctionType) -> Callable[[Any], Any]:
    """Function coercion (3.1.5.3): a function of the declared type around one of the same arity, a map or an array."""
    params, result = item.params, item.result
    assert params is not None and result is not None
    arity = len(params)
    to_result = None if result.text == "item()*" else result.convert
    to_params = [None if declared.lenient or param.text == "item()*" else param.convert for param in params]

    def convert(one: Any) -> Any:
        if not isinstance(one, FunctionItem) or one.arity != arity:
            raise declared.refused(one)
        if (declared.lenient and to_result is None) or (type(one) is FunctionItem and _fits(one, item)):
            return one
        call = one.call
        if to_result is not None or any(to_params):
            call = _coerced(call, to_params, to_result)
        return FunctionItem(one.name, arity, params, result, call, one.annotations)

    return convert


def _fits(function: FunctionItem, wanted: FunctionType) -> bool:
    """Whether a function has the wanted signature or a subtype of it, found out once for each pair of signatures."""
    own = function.params
    if own is None and function.result is None:
        assert wanted.result is not None
        return wanted.result.text == "item()*"
    return _signature_fits(None if own is None else tuple(own), function.result, wanted)


@lru_cache(maxsize=1024)
def _signature_fits(
    own: tuple[SequenceType | None, ...] | None, result: SequenceType | None, wanted: FunctionType
) -> bool:
    return wanted.matches(FunctionItem(None, len(wanted.params or ()), own, result, _uncalled))


def _uncalled(*_: Any) -> Any:
    raise AssertionError("only the signature counts")


_Convert = Callable[[Value], Value]


def _coerced(
    call: Callable[..., Value], params: list[_Convert | None], result: _Convert | None
) -> Callable[..., Value]:
    if len(params) == 1:
        param = params[0]
        if param is None:
            assert result is not None
            return lambda argument: result(call(argument))
        if result is None:
            return lambda argument: call(param(argument))
        return lambda argument: result(call(param(argument)))

    def coerced(*args: Value) -> Value:
        converted = [arg if param is None else param(arg) for param, arg in zip(params, args, strict=True)]
        value = call(*converted)
        return value if result is None else result(value)

    return coerced


# -------------------------------------------------------------------------------------------------------- types as text

_TOKEN: Final = re.compile(r"""\s*(Q\{[^{}]*\}[\w.\-]+|[\w.\-]+(?::[\w.\-]+)?|"[^"]*"|[()*+?|,])""")

#: What signatures of functions call the namespaces of the W3C besides 1.0-ml's prefixes.
_PREFIXES: Final[Mapping[str, str]] = ENHANCED_PREFIXES
_NODE_LABELS: Final = {
    "document-node": "document",
    **{f"{kind}-node": kind for kind in ("object", "array", "number", "boolean", "null")},
}


@cache
def parse_sequence_type(text: str) -> SequenceType:
    """The type that a signature of a built-in function names (`lenient`): `xs:string?`, `map(*)`, `cntk:variable*`.

    Prefixes are those of 1.0-ml. `(A|B)` is either, `(A, B)` a sequence of these, `node` is `node()` and `string`
    `xs:string` (xquery-1.0-ml.md, head). Raises ValueError for anything else: signatures are ours.
    """
    return _Reader(text).whole()


class _Reader:
    """Reads a sequence type by recursive descent."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[str] = []
        at = 0
        while at < len(text.rstrip()):
            found = _TOKEN.match(text, at)
            if found is None:
                raise ValueError(f"not a sequence type: {text!r}")
            self.tokens.append(found[1])
            at = found.end()
        self.at = 0

    def whole(self) -> SequenceType:
        made = self.sequence()
        if self.at != len(self.tokens):
            raise ValueError(f"not a sequence type: {self.text!r}")
        return made

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, *expected: str) -> str:
        token = self.peek()
        if not token or (expected and token not in expected):
            raise ValueError(f"not a sequence type: {self.text!r}")
        self.at += 1
        return token

    def took(self, token: str) -> bool:
        found = self.peek() == token
        self.at += found
        return found

    def occurrence(self) -> str:
        return self.take() if self.peek() in ("?", "*", "+") else ""

    def sequence(self) -> SequenceType:
        if self.peek() == "(":
            return self.parenthesized()
        name = self.take()
        if name in ("empty-sequence", "empty") and self.took("("):
            self.take(")")
            return SequenceType(None, lenient=True)
        item = self.item(name)
        return SequenceType(item, self.occurrence(), lenient=True)

    def parenthesized(self) -> SequenceType:
        """`(A)`, `(A|B)` or `(A, B)`, and an occurrence for all of it."""
        self.take("(")
        members = [self.sequence()]
        separator = ""
        while not self.took(")"):
            separator = self.take("|", ",")
            members.append(self.sequence())
        outer = self.occurrence()
        if separator == ",":
            outer = "*"
        low = min(_LIMITS[outer][0], *[member.low for member in members])
        many = _LIMITS[outer][1] is None or any(member.high is None for member in members)
        occurrence = ("+" if low else "*") if many else ("" if low else "?")
        flat: list[ItemType] = []
        for member in members:
            if member.item is not None:
                flat.extend(member.item.members if isinstance(member.item, ChoiceType) else [member.item])
        items = tuple(dict.fromkeys(flat))
        return SequenceType(items[0] if len(items) == 1 else ChoiceType(items), occurrence, lenient=True)

    def item(self, name: str) -> ItemType:
        if not self.took("("):
            return self.named(name)
        kind = _NODE_LABELS.get(name, name)
        if name == "item":
            self.take(")")
            return ANY_ITEM
        if name == "function":
            return self.function()
        if name == "map":
            return self.map()
        if name == "array":
            return self.array()
        if kind == "node" or kind in NODE_CLASSES:
            return self.node(kind)
        if name in SCHEMA_COMPONENTS:
            inside = "" if self.peek() == ")" else self.take()
            self.take(")")
            return SchemaComponentType(name, inside)
        raise ValueError(f"not a sequence type: {self.text!r}")

    def named(self, name: str) -> ItemType:
        if name == "node":
            return NodeType("node")
        if name == "function":
            return ANY_FUNCTION
        uri, local = self.expand(name, XS)
        found = named_type(uri, local)
        if found is None:
            if uri == XS:
                raise ValueError(f"no such type: {name} in {self.text!r}")
            return OpaqueType(uri, local)
        return found

    def expand(self, name: str, default: str) -> tuple[str, str]:
        if name.startswith("Q{"):
            uri, _, local = name[2:].partition("}")
            return uri, local
        prefix, _, local = name.rpartition(":")
        if not prefix:
            return default, local
        if prefix not in _PREFIXES:
            raise ValueError(f"prefix {prefix} in {self.text!r} is not known")
        return _PREFIXES[prefix], local

    def function(self) -> ItemType:
        if self.took("*"):
            self.take(")")
            return ANY_FUNCTION
        params: list[SequenceType] = []
        while not self.took(")"):
            if params:
                self.take(",")
            params.append(self.sequence())
        self.take("as")
        return FunctionType(tuple(params), self.sequence())

    def map(self) -> ItemType:
        if self.took("*"):
            self.take(")")
            return ANY_MAP
        key = self.item(self.take())
        self.take(",")
        value = self.sequence()
        self.take(")")
        return MapType(key, value)

    def array(self) -> ItemType:
        if self.took("*"):
            self.take(")")
            return ANY_ARRAY
        member = self.sequence()
        self.take(")")
        return ArrayType(member)

    def node(self, kind: str) -> NodeType:
        """The inside of a kind test, from after its parenthesis."""
        if self.took(")"):
            return NodeType(kind)
        token = self.take()
        if token.startswith('"'):
            self.take(")")
            return NodeType(kind, member=token[1:-1])
        if kind == "document":
            self.take("(")
            content = self.node(_NODE_LABELS.get(token, token))
            self.take(")")
            return NodeType(kind, content=content)
        if kind == "processing-instruction":
            self.take(")")
            return NodeType(kind, target=token)
        name = None if token == "*" else self.expand(token, "")
        type, nillable = None, False
        if self.took(","):
            type = self.expand(self.take(), XS)[1]
            nillable = self.took("?")
        self.take(")")
        return NodeType(kind, name, type=type, nillable=nillable)
