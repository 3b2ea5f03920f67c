"""Options in maps (F&O 3.1, section 1.5) and the JSON texts that three functions read by them (section 17.5)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime.functions import FunctionItem
from xquery_bridge.runtime.maps import XdmMap
from xquery_bridge.runtime.sequence_types import parse_sequence_type
from xquery_bridge.runtime.values import as_list

_BOOLEAN: Final = parse_sequence_type("xs:boolean")
_STRING: Final = parse_sequence_type("xs:string")
_FALLBACK: Final = parse_sequence_type("function(xs:string) as xs:string")


def boolean_option(options: XdmMap | None, name: str, default: bool) -> bool:
    """A boolean option. Raises XPTY0004 when it is something else."""
    if options is None or name not in options:
        return default
    return bool(_BOOLEAN.convert(options.get(name)))


def choice_option(options: XdmMap | None, name: str, default: str, choices: Collection[str]) -> str:
    """An option that is one of some strings. Raises XPTY0004 for another type, FOJS0005 for another string."""
    if options is None or name not in options:
        return default
    value: str = _STRING.convert(options.get(name))
    if value not in choices:
        raise XQueryError("FOJS0005", f"Option {name} is {value!r}: one of {', '.join(sorted(choices))} expected")
    return value


@dataclass(frozen=True, slots=True)
class JsonOptions:
    """What fn:parse-json and its kin are told of duplicate keys and special characters (kept as escapes, or mapped)."""

    duplicates: str
    escape: bool
    fallback: Callable[[str], str] | None


def json_options(options: XdmMap | None, duplicates: str, policies: Collection[str]) -> JsonOptions:
    """Read the options. Raises XPTY0004 for a wrong type, FOJS0005 for a wrong value or `fallback` besides `escape`."""
    boolean_option(options, "liberal", False)
    escape = boolean_option(options, "escape", False)
    policy = choice_option(options, "duplicates", duplicates, policies)
    fallback = None
    if options is not None and "fallback" in options:
        if escape:
            raise XQueryError("FOJS0005", "The options fallback and escape=true exclude each other")
        items = as_list(options.get("fallback"))
        if len(items) != 1 or not isinstance(items[0], FunctionItem) or items[0].arity != 1:
            raise XQueryError("XPTY0004", "Option fallback is a function of one parameter")
        fallback = _FALLBACK.convert(items[0]).call
    return JsonOptions(policy, escape, fallback)


# ------------------------------------------------------------------------------------------------------------- the text

_STRING_LITERAL: Final = re.compile(r'"((?:[^"\\\x00-\x1f]|\\.)*)"', re.DOTALL)
#: Escapes that may stand for a character XML does not allow.
_SUSPECT: Final = re.compile(r"\\[ubf]")
_PIECE: Final = re.compile(
    r"\\u(?P<high>[dD][89abAB][0-9a-fA-F]{2})\\u(?P<low>[dD][c-fC-F][0-9a-fA-F]{2})"
    r"|\\u(?P<code>[0-9a-fA-F]{4})|\\(?P<short>[\"\\/bfnrt])|(?P<bad>\\.)|(?P<plain>[^\\]+)",
    re.DOTALL,
)
_SHORT: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_SHORT_ESCAPES: Final = {char: f"\\{letter}" for letter, char in _SHORT.items()}


def escape_of(char: str) -> str:
    """The JSON escape of a character: two characters where there is such a form, else `\\uHHHH`."""
    return _SHORT_ESCAPES.get(char) or f"\\u{ord(char):04X}"


def _invalid(code: int) -> bool:
    """Whether XML 1.0 does not allow a character of the basic plane (surrogates alone included)."""
    return (code < 0x20 and code not in (0x9, 0xA, 0xD)) or 0xD800 <= code <= 0xDFFF or code in (0xFFFE, 0xFFFF)


def _no_constant(name: str) -> Any:
    raise XQueryError("FOJS0001", f"Not a well-formed JSON text: {name} is no number of JSON")


@lru_cache(maxsize=16)
def _decoder(pairs: Callable[[list[tuple[str, Any]]], Any], number: Callable[[str], Any]) -> json.JSONDecoder:
    return json.JSONDecoder(object_pairs_hook=pairs, parse_int=number, parse_float=number, parse_constant=_no_constant)


def read_json(text: str, options: JsonOptions, *, pairs: Callable[[list[tuple[str, Any]]], Any], number: Any) -> Any:
    """Decode a JSON text; `pairs` makes an object from its pairs, `number` a number from its text.

    Characters that XML does not allow are replaced as the options say. Raises FOJS0001 for malformed text.
    """

    try:
        if options.escape or _SUSPECT.search(text) is not None:
            _decoder(dict, str).decode(text)
            text = _STRING_LITERAL.sub(lambda found: _rewritten(found[1], options), text)
        return _decoder(pairs, number).decode(text)
    except json.JSONDecodeError as error:
        raise XQueryError(
            "FOJS0001", f"Not a well-formed JSON text: {error.msg}, line {error.lineno}, column {error.colno}"
        ) from None
    except RecursionError:
        raise XQueryError("FOJS0001", "A JSON text is nested too deeply") from None


def _rewritten(body: str, options: JsonOptions) -> str:
    """A string literal of JSON whose value is what the options make of another one's."""
    return json.dumps("".join([_piece(found, options) for found in _PIECE.finditer(body)]), ensure_ascii=False)


def _piece(found: re.Match[str], options: JsonOptions) -> str:
    plain = found["plain"]
    if plain is not None:
        if options.escape and any("\x7f" <= char <= "\x9f" for char in plain):
            return "".join([escape_of(char) if "\x7f" <= char <= "\x9f" else char for char in plain])
        return plain
    if found["high"] is not None:
        return chr(0x10000 + ((int(found["high"], 16) - 0xD800) << 10) + int(found["low"], 16) - 0xDC00)
    short = found["short"]
    char = chr(int(found["code"], 16)) if short is None else _SHORT.get(short, short)
    code = ord(char)
    if options.escape:
        if char == "\\":
            return "\\\\"
        special = code < 0x20 or 0x7F <= code <= 0x9F or _invalid(code)
        return escape_of(char) if special else char
    if not _invalid(code):
        return char
    return "\ufffd" if options.fallback is None else options.fallback(escape_of(char))


def duplicate_key(key: str) -> XQueryError:
    """The error for a key that an object has twice."""
    return XQueryError("FOJS0003", f"The key {key!r} is given twice in an object")
