"""The json method (XSLT and XQuery Serialization 3.1, section 9), and JSON text in the style of 1.0-ml."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from decimal import Decimal
from typing import Any, Final

from elementpath.xpath_nodes import XPathNode

from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime import values
from xquery_bridge.runtime.arrays import XdmArray
from xquery_bridge.runtime.functions import FunctionItem
from xquery_bridge.runtime.maps import XdmMap
from xquery_bridge.runtime.nodes import ElementNode, TextNode
from xquery_bridge.runtime.serialization.parameters import Parameters
from xquery_bridge.runtime.serialization.xml import encoder, markup

JSON_KINDS: Final = frozenset(("object", "array", "number", "boolean", "null"))

_SPECIAL: Final = re.compile('["\\\\/\x00-\x1f\x7f-\x9f]')
_SHORT: Final = {
    '"': '\\"',
    "\\": "\\\\",
    "/": "\\/",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
}


def _escaped(found: re.Match[str]) -> str:
    char = found[0]
    return _SHORT.get(char) or f"\\u{ord(char):04X}"


# ------------------------------------------------------------------------------------------------------ style of 1.0-ml


def json_string(text: str) -> str:
    """A JSON string, only what must be escaped escaped."""
    return json.dumps(text, ensure_ascii=False)


def json_number(number: Any) -> str:
    """A JSON number; what JSON has no form for as answers and quoting write it: "NaN", "INF", "-INF", and 0 for -0."""
    if isinstance(number, float):
        if math.isnan(number):
            return '"NaN"'
        if math.isinf(number):
            return '"INF"' if number > 0 else '"-INF"'
        if number == 0:
            return "0"
        if type(number) is float and number == int(number) and abs(number) < 1e18:
            return str(int(number))
    text: str = values.string_of(number)
    return text


def json_node_text(node: Any) -> str:
    """JSON text of a JSON node: `[1, 2, 3]`, `{"a":111, "b":[2, 3]}` (rest-eval.md, section 5)."""
    if node.kind == "document":
        node = node.children[0]
    out: list[str] = []
    stack: list[Any] = [node]
    while stack:
        node = stack.pop()
        if type(node) is str:
            out.append(node)
            continue
        kind = node.kind
        if kind in ("object", "array"):
            out.append("{" if kind == "object" else "[")
            stack.append("}" if kind == "object" else "]")
            for index in range(len(node.children) - 1, -1, -1):
                child = node.children[index]
                stack.append(child)
                comma = ", " if index else ""
                key = f"{json_string(child.name or '')}:" if kind == "object" else ""
                if comma or key:
                    stack.append(comma + key)
        else:
            out.append(_leaf(node))
    return "".join(out)


def _leaf(node: Any) -> str:
    kind = node.kind
    if kind == "number":
        return json_number(node.value)
    if kind == "boolean":
        return "true" if node.value else "false"
    if kind == "null":
        return "null"
    if type(node) is ElementNode:
        return json_string(markup(node))
    return json_string(node.string_value)


# ------------------------------------------------------------------------------------------------------ the json method


class _Writer:
    """Writes a value by the rules of section 9. The work stack holds values and finished strings."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self.encode = encoder(parameters)

    def string(self, text: str) -> str:
        """A string: the character map first, then normalization, escaping and the encoding (section 9.1.9)."""
        parameters = self.parameters
        mapped = parameters.character_map
        pieces = re.split(f"([{re.escape(''.join(mapped))}])", text) if mapped else [text]
        done: list[str] = []
        for piece in pieces:
            if piece in mapped:
                done.append(mapped[piece])
                continue
            if parameters.normalization_form:
                piece = unicodedata.normalize(parameters.normalization_form, piece)
            piece = _SPECIAL.sub(_escaped, piece)
            if self.encode(piece) != piece:
                piece = "".join([char if self.encode(char) == char else _surrogates(char) for char in piece])
            done.append(piece)
        return f'"{"".join(done)}"'

    def write(self, value: Any) -> str:
        indent = self.parameters.indent
        out: list[str] = []
        stack: list[tuple[Any, int]] = [(value, 0)]
        while stack:
            value, level = stack.pop()
            if level < 0:
                out.append(value)
                continue
            item = self._one(value)
            if isinstance(item, XdmMap):
                self._open("{", "}", self._entries(item), level, indent, out, stack)
            elif isinstance(item, XdmArray):
                members = [("", member) for member in item.members()]
                self._open("[", "]", members, level, indent, out, stack)
            else:
                out.append(self.atomic(item))
        return "".join(out)

    def _one(self, value: Any) -> Any:
        items = values.as_list(value)
        if len(items) > 1:
            raise XQueryError("SERE0023", "A sequence of several items has no JSON form")
        return items[0] if items else None

    def _entries(self, item: XdmMap) -> list[tuple[str, Any]]:
        seen: set[str] = set()
        entries: list[tuple[str, Any]] = []
        for key, member in item.items():
            text = values.string_of(key)
            if text in seen and not self.parameters.allow_duplicate_names:
                raise XQueryError("SERE0022", f"Two keys are written {text!r}")
            seen.add(text)
            entries.append((self.string(text) + (": " if self.parameters.indent else ":"), member))
        return entries

    def _open(
        self,
        before: str,
        after: str,
        members: list[tuple[str, Any]],
        level: int,
        indent: bool,
        out: list[str],
        stack: list[tuple[Any, int]],
    ) -> None:
        if not members:
            out.append(before + after)
            return
        margin = "\n" + "  " * (level + 1) if indent else ""
        out.append(before)
        stack.append((("\n" + "  " * level if indent else "") + after, -1))
        for index in range(len(members) - 1, -1, -1):
            label, member = members[index]
            stack.append((member, level + 1))
            stack.append((("," if index else "") + margin + label, -1))

    def atomic(self, item: Any) -> str:
        """An item that is no map and no array."""
        if item is None:
            return "null"
        if isinstance(item, bool):
            return "true" if item else "false"
        if isinstance(item, float) and not math.isfinite(item):
            raise XQueryError("SERE0020", f"{values.string_of(item)} has no JSON form")
        if isinstance(item, int | float | Decimal):
            return str(values.string_of(item))
        if isinstance(item, XPathNode):
            return self.node(item)
        if isinstance(item, FunctionItem):
            raise XQueryError("SERE0021", "A function has no JSON form")
        return self.string(values.string_of(item))

    def node(self, node: Any) -> str:
        """A node: JSON nodes as JSON, others by the json-node-output-method, as a string."""
        from xquery_bridge.runtime.serialization import serialize  # the methods call each other here

        if node.kind in JSON_KINDS or (
            node.kind == "document" and len(node.children) == 1 and node.children[0].kind in JSON_KINDS
        ):
            return json_node_text(node)
        if type(node) is TextNode and node.name is not None:
            return self.string(node.value)
        parameters = Parameters(
            method=self.parameters.json_node_output_method, encoding=self.parameters.encoding, omit_xml_declaration=True
        )
        return self.string(serialize(node, parameters))


def _surrogates(char: str) -> str:
    units = char.encode("utf-16-be")
    return "".join([f"\\u{units[at] << 8 | units[at + 1]:04X}" for at in range(0, len(units), 2)])


def json_text(value: Any, parameters: Parameters) -> str:
    """A value by the json method."""
    return _Writer(parameters).write(value)
