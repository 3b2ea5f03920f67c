"""JSON texts as maps and arrays, and as XML (F&O 3.1, section 17.5)."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from xquery_bridge.errors import XQueryError
from xquery_bridge.library.fn.documents import read_text
from xquery_bridge.library.fn.json_options import (
    JsonOptions,
    boolean_option,
    duplicate_key,
    escape_of,
    json_options,
    read_json,
)
from xquery_bridge.library.fn.namespace import FN
from xquery_bridge.runtime.arrays import XdmArray
from xquery_bridge.runtime.casts import cast
from xquery_bridge.runtime.context import DynamicContext, StaticContext
from xquery_bridge.runtime.maps import XdmMap
from xquery_bridge.runtime.node_builder import NodeBuilder
from xquery_bridge.runtime.nodes import DocumentNode, clark, untyped
from xquery_bridge.runtime.values import Value, string_of

# ------------------------------------------------------------------------------------------------------ maps and arrays


def _member(value: Any) -> Value:
    """A decoded value as a Value: null is the empty sequence, a list an array."""
    if value is None:
        return []
    return XdmArray([_member(member) for member in value]) if type(value) is list else value


def parsed_json(text: str, options: XdmMap | None) -> Value:
    """The item a JSON text stands for: maps, arrays, strings, doubles, booleans; null is the empty sequence."""
    chosen = json_options(options, "use-first", ("reject", "use-first", "use-last"))
    return _member(read_json(text, chosen, pairs=_pairs(chosen.duplicates), number=float))


@lru_cache(maxsize=8)
def _pairs(duplicates: str) -> Callable[[list[tuple[str, Any]]], XdmMap]:
    """What makes a map of the pairs of an object, by a policy for duplicate keys."""

    def make(pairs: list[tuple[str, Any]]) -> XdmMap:
        entries = dict(pairs)
        if len(entries) != len(pairs):
            if duplicates == "reject":
                seen: set[str] = set()
                raise duplicate_key(next(key for key, _ in pairs if key in seen or seen.add(key)))  # type: ignore[func-returns-value]
            if duplicates == "use-first":
                entries = {}
                for key, value in pairs:
                    entries.setdefault(key, value)
        return XdmMap.of([(key, _member(value)) for key, value in entries.items()])

    return make


@FN.row("parse-json($json-text as xs:string?) as item()?")
@FN.row("parse-json($json-text as xs:string?, $options as map(*)) as item()?")
def parse_json(text: str | None, options: XdmMap | None = None) -> Value:
    """The item a JSON text stands for. Raises FOJS0001 for malformed text, FOJS0003 for a refused duplicate key."""
    return None if text is None else parsed_json(text, options)


@FN.row("json-doc($href as xs:string?) as item()?", needs="dynamic static", effects=True)
@FN.row("json-doc($href as xs:string?, $options as map(*)) as item()?", needs="dynamic static", effects=True)
def json_doc(dynamic: DynamicContext, static: StaticContext, uri: str | None, options: XdmMap | None = None) -> Value:
    """fn:parse-json of the text at a URI."""
    return None if uri is None else parsed_json(read_text(dynamic, static, uri, None, any_characters=True), options)


# ---------------------------------------------------------------------------------------------------------- JSON to XML


class _Number(str):
    """The text of a number, to be written as it was read."""

    __slots__ = ()


class _Pairs(list[tuple[str, Any]]):
    """The pairs of an object, duplicates included."""

    __slots__ = ()


@FN.row("json-to-xml($json-text as xs:string?) as document-node()?", needs="static", deterministic=False)
@FN.row(
    "json-to-xml($json-text as xs:string?, $options as map(*)) as document-node()?", needs="static", deterministic=False
)
def json_to_xml(static: StaticContext, text: str | None, options: XdmMap | None = None) -> DocumentNode | None:
    """The XML form of a JSON text: elements map, array, string, number, boolean, null, keys in attributes."""
    if text is None:
        return None
    if boolean_option(options, "validate", False):
        raise XQueryError("FOJS0004", "Option validate is true: nothing can be validated here")
    chosen = json_options(options, "retain", ("reject", "use-first", "retain"))
    value = read_json(text, chosen, pairs=_Pairs, number=_Number)
    builder = NodeBuilder(base_uri=static.base_uri)
    _build(builder, value, None, chosen)
    made: DocumentNode = builder.result()
    return made


def _build(builder: NodeBuilder, value: Any, key: str | None, options: JsonOptions) -> None:
    kind = type(value)
    name = _ELEMENTS[kind]
    builder.start(name, FN.uri)
    if key is not None:
        if options.escape and "\\" in key:
            builder.attribute("escaped-key", "true")
        builder.attribute("key", key)
    if kind is _Pairs:
        seen: set[str] = set()
        for inner_key, member in value:
            if inner_key in seen and options.duplicates != "retain":
                if options.duplicates == "reject":
                    raise duplicate_key(inner_key)
                continue
            seen.add(inner_key)
            _build(builder, member, inner_key, options)
    elif kind is list:
        for member in value:
            _build(builder, member, None, options)
    elif kind is str:
        if options.escape and "\\" in value:
            builder.attribute("escaped", "true")
        builder.text(value)
    elif kind is _Number:
        builder.text(str(value))
    elif kind is bool:
        builder.text("true" if value else "false")
    builder.end()


_ELEMENTS: Final[dict[type, str]] = {
    _Pairs: "map",
    list: "array",
    str: "string",
    _Number: "number",
    bool: "boolean",
    type(None): "null",
}

# ---------------------------------------------------------------------------------------------------------- XML to JSON

_KINDS: Final = {clark(FN.uri, name): name for name in _ELEMENTS.values()}
_TRUE: Final = ("true", "1")
_FALSE: Final = ("false", "0")
#: A well-formed escape sequence, or a backslash that begins none.
_ESCAPE: Final = re.compile(r"\\(?:[\"\\/bfnrt]|u[0-9a-fA-F]{4})?")
#: What the text of a JSON string cannot hold or, by the specification, is escaped.
_SPECIAL: Final = re.compile(r"[\"\\/\x00-\x1f\x7f-\x9f]")


def _malformed(title: str) -> XQueryError:
    return XQueryError("FOJS0006", f"Not the XML form of a JSON text: {title}")


@FN.row("xml-to-json($input as node()?) as xs:string?")
@FN.row("xml-to-json($input as node()?, $options as map(*)) as xs:string?")
def xml_to_json(node: Any, options: XdmMap | None = None) -> str | None:
    """The JSON text that the XML form describes. Raises FOJS0006 for another form, FOJS0007 for a bad escape in it."""
    if node is None:
        return None
    indent = boolean_option(options, "indent", False)
    if node.kind == "document":
        elements = _elements_of(node)
        if len(elements) != 1:
            raise _malformed(f"a document with {len(elements)} elements at the top")
        node = elements[0]
    if node.kind != "element":
        raise _malformed(f"a node of kind {node.kind}")
    parts: list[str] = []
    _write(node, parts, indent="\n" if indent else None)
    return "".join(parts)


def _elements_of(node: Any) -> list[Any]:
    """The child elements of an element that may not have text."""
    found = []
    for child in node.children:
        if child.kind == "element":
            found.append(child)
        elif child.kind == "text" and child.value.strip(" \t\r\n"):
            raise _malformed(f"text in {node.lexical_name or 'a document'}")
    return found


def _flag(element: Any, name: str) -> bool:
    for attribute in element.attributes:
        if attribute.name == name:
            text = attribute.value.strip(" \t\r\n")
            if text not in _TRUE and text not in _FALSE:
                raise _malformed(f"{name}={text!r}")
            return text in _TRUE
    return False


def _write(element: Any, parts: list[str], *, indent: str | None) -> None:
    kind = _KINDS.get(element.name)
    if kind is None:
        raise _malformed(f"an element {element.name}")
    for attribute in element.attributes:
        # A key says nothing outside a map; it may be there, since any part of a larger tree can be converted.
        allowed = attribute.name in ("key", "escaped-key") or (kind == "string" and attribute.name == "escaped")
        if not allowed and (attribute.name[0] != "{" or attribute.namespace_uri == FN.uri):
            raise _malformed(f"an attribute {attribute.lexical_name} of {kind}")
    _flag(element, "escaped-key")
    if kind in ("map", "array"):
        _write_members(element, kind, parts, indent)
        return
    if any(child.kind == "element" for child in element.children):
        raise _malformed(f"an element inside {kind}")
    text = "".join([child.value for child in element.children if child.kind == "text"])
    if kind == "string":
        parts.append(f'"{_escaped(text, _flag(element, "escaped"))}"')
    elif kind == "null":
        if text:
            raise _malformed("text in null")
        parts.append("null")
    elif kind == "boolean":
        trimmed = text.strip(" \t\r\n")
        if trimmed not in _TRUE and trimmed not in _FALSE:
            raise _malformed(f"boolean {text!r}")
        parts.append("true" if trimmed in _TRUE else "false")
    else:
        parts.append(_number_text(text))


def _write_members(element: Any, kind: str, parts: list[str], indent: str | None) -> None:
    opening, closing = "{}" if kind == "map" else "[]"
    inner = None if indent is None else f"{indent}  "
    seen: set[str] = set()
    parts.append(opening)
    members = _elements_of(element)
    for at, member in enumerate(members):
        parts.append(("," if at else "") + (inner or ""))
        if kind == "map":
            key = next((each.value for each in member.attributes if each.name == "key"), None)
            if key is None:
                raise _malformed("a member of a map without a key")
            text = _escaped(key, _flag(member, "escaped-key"))
            plain = json.loads(f'"{text}"')
            if plain in seen:
                raise _malformed(f"the key {key!r} is given twice in a map")
            seen.add(plain)
            parts.append(f'"{text}":' + (" " if indent is not None else ""))
        _write(member, parts, indent=inner)
    parts.append((indent or "") + closing if members else closing)


def _number_text(text: str) -> str:
    try:
        number = cast(untyped(text), "double")
    except XQueryError:
        raise _malformed(f"number {text!r}") from None
    if not math.isfinite(number):
        raise _malformed(f"number {text!r}")
    return string_of(number)


def _escape_special(char: str) -> str:
    return f"\\{char}" if char in '"\\/' else escape_of(char)


def _escaped(text: str, has_escapes: bool) -> str:
    """Text as the inside of a JSON string; escapes it has already are kept, and checked (FOJS0007)."""
    if not has_escapes:
        return _SPECIAL.sub(lambda found: _escape_special(found[0]), text)
    parts: list[str] = []
    at = 0
    for found in _ESCAPE.finditer(text):
        if len(found[0]) == 1:
            raise XQueryError("FOJS0007", f"Invalid escape sequence in {text!r}")
        parts += [_SPECIAL.sub(lambda special: _escape_special(special[0]), text[at : found.start()]), found[0]]
        at = found.end()
    parts.append(_SPECIAL.sub(lambda special: _escape_special(special[0]), text[at:]))
    return "".join(parts)
