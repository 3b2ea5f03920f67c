"""Queries of the `cts:` namespace as items: what each asks of a node, and the text that would make it again.

A query is decided by looking at the nodes themselves (there are no indexes): it holds for a node when something in its
subtree, or its document, is as the query says. Words are runs of letters and digits. A text in lower case is found in
any case, one without diacritics with and without them, unless an option says otherwise, as MarkLogic's defaults do.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from elementpath.datatypes import QName

from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime.atomic import type_name
from xquery_bridge.runtime.comparison import value_eq, value_ge, value_gt, value_le, value_lt, value_ne
from xquery_bridge.runtime.context import ENHANCED_PREFIXES
from xquery_bridge.runtime.nodes import clark, deep_nodes
from xquery_bridge.runtime.opaque import OpaqueItem
from xquery_bridge.runtime.values import as_list, atomize, describe_item, string_of

_CTS: Final = ENHANCED_PREFIXES["cts"]
_WORD: Final = re.compile(r"\w+")
_WILD_WORD: Final = re.compile(r"[\w*?]+")


@dataclass(slots=True)
class Fragment:
    """A node to be searched, with what is known of its document."""

    node: Any
    uri: str | None
    collections: Callable[[], Sequence[str]]

    def within(self, node: Any) -> Fragment:
        """A part of it."""
        return Fragment(node, self.uri, self.collections)


class Query(OpaqueItem):
    """A cts:query. `shown` are its arguments as XQuery text."""

    __slots__ = ("holds", "shown")
    uri: ClassVar[str] = _CTS
    prefix: ClassVar[str] = "cts"
    local: ClassVar[str] = "query"

    def __init__(self, holds: Callable[[Fragment], bool], *shown: str) -> None:
        self.holds = holds
        self.shown = shown

    @property
    def description(self) -> str:
        return ", ".join(self.shown)


class Order(OpaqueItem):
    """A cts:order: of documents, ascending or not, or none in particular."""

    __slots__ = ("descending", "name")
    uri: ClassVar[str] = _CTS
    prefix: ClassVar[str] = "cts"
    local: ClassVar[str] = "order"

    def __init__(self, name: str, descending: bool = False) -> None:
        self.name, self.descending = name, descending

    def quoted(self) -> str:
        option = '"descending"' if self.descending else ""
        return f"cts:{self.name}({option})"


_CLASSES: Final[dict[str, type[Query]]] = {}


def make(local: str, holds: Callable[[Fragment], bool], *shown: str) -> Query:
    """A query of the type `cts:local`."""
    kind = _CLASSES.get(local)
    if kind is None:
        kind = _CLASSES[local] = type(f"Query_{local}", (Query,), {"__slots__": (), "local": local})
    return kind(holds, *shown)


def shown(items: Sequence[Any]) -> str:
    """Items as XQuery text: one as it is, others in parentheses."""
    texts = [_shown_item(item) for item in items]
    return texts[0] if len(texts) == 1 else f"({', '.join(texts)})"


def _shown_item(item: Any) -> str:
    if isinstance(item, OpaqueItem):
        return item.quoted()
    if isinstance(item, QName):
        return f'fn:QName("{item.namespace or ""}", "{string_of(item)}")'
    return describe_item(item)


def as_query(item: Any) -> Query:
    """A query; a string stands for a word query. Raises XPTY0004."""
    if isinstance(item, Query):
        return item
    if isinstance(item, str):
        return word_query([item])
    raise XQueryError("XPTY0004", f"Invalid coercion: {type_name(item)} as cts:query")


# ---------------------------------------------------------------------------------------------------------------- words


def _without_diacritics(text: str) -> str:
    return "".join([char for char in unicodedata.normalize("NFD", text) if not unicodedata.combining(char)])


class TextPattern:
    """What a text is compared by: words and options."""

    def __init__(self, text: str, options: Sequence[str]) -> None:
        chosen = set(options)
        exact = "exact" in chosen
        self.folds_case = "case-insensitive" in chosen or (
            not exact and "case-sensitive" not in chosen and text == text.lower()
        )
        self.folds_diacritics = "diacritic-insensitive" in chosen or (
            not exact and "diacritic-sensitive" not in chosen and text == _without_diacritics(text)
        )
        self.exact = text if exact else None
        wild = "wildcarded" in chosen
        words = (_WILD_WORD if wild else _WORD).findall(self.folded(text))
        self.words = [re.compile(_wildcards(word) if wild else re.escape(word)) for word in words]

    def folded(self, text: str) -> str:
        if self.folds_diacritics:
            text = _without_diacritics(text)
        return text.casefold() if self.folds_case else text

    def occurs_in(self, text: str) -> bool:
        """Whether the words stand in a text, one after another."""
        found, count = _WORD.findall(self.folded(text)), len(self.words)
        if not count:
            return False
        return any(self._are(found[at : at + count]) for at in range(len(found) - count + 1))

    def is_value(self, text: str) -> bool:
        """Whether a text consists of the words."""
        if self.exact is not None:
            return text == self.exact
        found = _WORD.findall(self.folded(text))
        return len(found) == len(self.words) and self._are(found)

    def _are(self, words: Sequence[str]) -> bool:
        return all(pattern.fullmatch(word) for pattern, word in zip(self.words, words, strict=True))


def _wildcards(word: str) -> str:
    return "".join([".*" if char == "*" else "." if char == "?" else re.escape(char) for char in word])


def wildcard_pattern(text: str) -> re.Pattern[str]:
    """The pattern of `*` and `?` for a whole text."""
    return re.compile(_wildcards(text), re.DOTALL)


def _options(options: Sequence[str], weight: float | None) -> tuple[str, str]:
    language = [] if any(option.startswith("lang=") for option in options) else ["lang=en"]
    listed = ", ".join([describe_item(option) for option in (*language, *options)])
    return f"({listed})", f"{1.0 if weight is None else weight:g}"


def word_query(texts: Sequence[str], options: Sequence[str] = (), weight: float | None = None) -> Query:
    """Any of these words or phrases, in a text node."""
    patterns = [TextPattern(text, options) for text in texts]

    def holds(fragment: Fragment) -> bool:
        return any(_has_words(node, patterns) for node in deep_nodes(fragment.node))

    return make("word-query", holds, shown(texts), *_options(options, weight))


def _has_words(node: Any, patterns: Sequence[TextPattern]) -> bool:
    return node.kind in _LEAVES and any(pattern.occurs_in(node.string_value) for pattern in patterns)


_LEAVES: Final = frozenset(("text", "attribute", "number", "boolean"))

# ------------------------------------------------------------------------------------------------- elements, properties


def elements(node: Any, names: Sequence[Any]) -> Iterator[Any]:
    """The elements of these QNames in a subtree."""
    wanted = {clark(name.namespace or "", name.local_name) for name in names}
    for each in deep_nodes(node):
        if each.kind == "element" and each.name in wanted:
            yield each


def properties(node: Any, names: Sequence[str]) -> Iterator[Any]:
    """The values of the properties of these names in a subtree, members of arrays one after another."""
    wanted = {clark("", name) for name in names}
    for each in deep_nodes(node):
        if each.kind not in _NOT_JSON and each.name in wanted:
            yield from _members(each)


_NOT_JSON: Final = frozenset(("element", "attribute", "comment", "processing-instruction", "document", "namespace"))


def _members(node: Any) -> Iterator[Any]:
    if node.kind != "array":
        yield node
        return
    for child in node.children:
        yield from _members(child)


def text_query(
    local: str,
    find: Callable[[Any], Iterator[Any]],
    name: str,
    texts: Sequence[str],
    options: Sequence[str],
    weight: float | None,
) -> Query:
    """Nodes that `find` gives whose text has these words (word queries), or consists of them (value queries)."""
    patterns = [TextPattern(text, options) for text in texts]

    def holds(fragment: Fragment) -> bool:
        if local.endswith("word-query"):
            return any(_has_words(leaf, patterns) for node in find(fragment.node) for leaf in _with_leaves(node))
        found = find(fragment.node)
        return any(not patterns or any(each.is_value(node.string_value) for each in patterns) for node in found)

    return make(local, holds, name, shown(texts), *_options(options, weight))


def _with_leaves(node: Any) -> Iterator[Any]:
    return deep_nodes(node) if node.kind != "attribute" else iter((node,))


def property_value_query(
    names: Sequence[str], given: Sequence[Any], options: Sequence[str], weight: float | None
) -> Query:
    """Properties of these names that have one of these values; no value stands for null."""
    tests: list[Callable[[Any], bool]] = [_value_test(value, options) for value in given]
    if not tests:
        tests = [lambda node: node.kind == "null"]

    def holds(fragment: Fragment) -> bool:
        return any(test(node) for node in properties(fragment.node, names) for test in tests)

    return make("json-property-value-query", holds, shown(names), shown(given), *_options(options, weight))


def _value_test(value: Any, options: Sequence[str]) -> Callable[[Any], bool]:
    if type(value) is bool:
        return lambda node: node.kind == "boolean" and node.value is value
    if isinstance(value, str):
        pattern = TextPattern(value, options)
        return lambda node: node.kind == "text" and pattern.is_value(node.string_value)
    return lambda node: node.kind == "number" and value_eq(node.value, value) is True


_OPERATORS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "=": value_eq,
    "!=": value_ne,
    "<": value_lt,
    "<=": value_le,
    ">": value_gt,
    ">=": value_ge,
}


def range_query(
    local: str,
    find: Callable[[Any], Iterator[Any]],
    name: str,
    operator: str,
    given: Sequence[Any],
    options: Sequence[str],
    weight: float | None,
) -> Query:
    """Nodes that `find` gives that compare so with one of the values, cast to its type; others are passed over."""
    from xquery_bridge.runtime.atomic import atomic_type
    from xquery_bridge.runtime.casts import cast, castable

    compare = _OPERATORS.get(operator)
    if compare is None:
        known = ", ".join(_OPERATORS)
        raise XQueryError("FOER0000", f"{operator!r} is no operator of a range: {known}", marklogic_code="XDMP-ARG")

    def holds(fragment: Fragment) -> bool:
        for node in find(fragment.node):
            for atom in as_list(atomize(node)):
                for value in given:
                    kind = atomic_type(value)
                    if castable(atom, kind) and compare(cast(atom, kind), value) is True:
                        return True
        return False

    return make(local, holds, name, describe_item(operator), shown(given), *_options(options, weight))


def scope_query(local: str, find: Callable[[Any], Iterator[Any]], name: str, inner: Query) -> Query:
    """A query that holds within a node that `find` gives."""
    return make(
        local,
        lambda fragment: any(inner.holds(fragment.within(node)) for node in find(fragment.node)),
        name,
        shown([inner]),
    )


__all__ = [
    "Fragment",
    "Order",
    "Query",
    "as_query",
    "elements",
    "make",
    "properties",
    "property_value_query",
    "range_query",
    "scope_query",
    "shown",
    "string_of",
    "text_query",
    "wildcard_pattern",
    "word_query",
]
