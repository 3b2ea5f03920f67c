"""Strings (F&O 3.1, chapter 5, without regular expressions)."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from typing import Any, Final

from elementpath.datatypes import Language

from xquery_bridge.errors import XQueryError
from xquery_bridge.library.fn.namespace import FN
from xquery_bridge.runtime.collations import Collation, collation
from xquery_bridge.runtime.context import DynamicContext, StaticContext
from xquery_bridge.runtime.values import Value, atomize, string_of

#: Characters that are white space to XML, and nothing else.
WHITE_SPACE: Final = " \t\r\n"


@FN.row("codepoints-to-string($arg as xs:integer*) as xs:string")
def codepoints_to_string(codepoints: Sequence[int]) -> str:
    """The string of these code points; FOCH0001 for one that XML does not allow."""
    for codepoint in codepoints:
        if not is_xml_character(codepoint):
            raise XQueryError("FOCH0001", f"{codepoint} is not the code point of an XML character")
    return "".join(map(chr, codepoints))


def is_xml_character(codepoint: int) -> bool:
    """Whether XML 1.0 allows this character (production Char)."""
    return (
        0x20 <= codepoint <= 0xD7FF
        or codepoint in (0x9, 0xA, 0xD)
        or 0xE000 <= codepoint <= 0xFFFD
        or 0x10000 <= codepoint <= 0x10FFFF
    )


_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def is_xml_text(text: str) -> bool:
    """Whether XML 1.0 allows every character of a string."""
    return _NOT_XML.search(text) is None


@FN.row("string-to-codepoints($arg as xs:string?) as xs:integer*")
def string_to_codepoints(text: str | None) -> list[int]:
    """The code points of a string."""
    return [ord(char) for char in text or ""]


@FN.row("compare($comparand1 as xs:string?, $comparand2 as xs:string?) as xs:integer?", needs="static")
@FN.row(
    "compare($comparand1 as xs:string?, $comparand2 as xs:string?, $collation as xs:string) as xs:integer?",
    needs="static",
)
def compare(static: StaticContext, left: str | None, right: str | None, uri: str | None = None) -> int | None:
    """-1, 0 or 1 as the first string sorts before, equal to or after the second."""
    if left is None or right is None:
        return None
    return in_static(static, uri).compare(left, right)


@FN.row("codepoint-equal($comparand1 as xs:string?, $comparand2 as xs:string?) as xs:boolean?")
def codepoint_equal(left: str | None, right: str | None) -> bool | None:
    """Whether the code points are equal."""
    return None if left is None or right is None else left == right


def in_static(static: StaticContext, uri: str | None) -> Collation:
    """The collation an argument names, relative to the static base URI; the default one when there is no argument."""
    return collation(static.default_collation if uri is None else uri, static.base_uri)


@FN.row("concat($arg1 as xs:anyAtomicType?, $arg2 as xs:anyAtomicType?, $arg as xs:anyAtomicType?...) as xs:string")
@FN.row("concat($arg1 as xs:anyAtomicType?, $arg2 as xs:anyAtomicType?) as xs:string")
def concat(*items: Any) -> str:
    """The string values of the arguments, joined."""
    return "".join([string_of(item) for item in items if item is not None])


@FN.row("string-join($arg1 as xs:anyAtomicType*) as xs:string")
@FN.row("string-join($arg1 as xs:anyAtomicType*, $arg2 as xs:string) as xs:string")
def string_join(items: Sequence[Any], separator: str = "") -> str:
    """The string values of the items with a separator between them."""
    return separator.join([item if type(item) is str else string_of(item) for item in items])


@FN.row("substring($sourceString as xs:string?, $start as xs:double) as xs:string")
@FN.row("substring($sourceString as xs:string?, $start as xs:double, $length as xs:double) as xs:string")
def substring(text: str | None, start: float, length: float | None = None) -> str:
    """The characters at positions p, counted from 1, with round(start) <= p < round(start) + round(length)."""
    if not text:
        return ""
    first = round_half_up(start)
    last = float("inf") if length is None else first + round_half_up(length)
    if math.isnan(first) or math.isnan(last) or first == float("inf") or last <= 1:
        return ""
    begin = max(int(first) - 1, 0) if first > 0 else 0
    return text[begin:] if last == float("inf") else text[begin : max(int(last) - 1, 0)]


def round_half_up(number: float) -> float:
    """fn:round of a double: ties go towards positive infinity, NaN and infinities stay."""
    if math.isnan(number) or abs(number) >= 2.0**52:
        return number
    below = math.floor(number)
    return float(below + 1 if number - below >= 0.5 else below)


@FN.row("string-length() as xs:integer", needs="item")
def string_length_of_item(item: Any) -> int:
    """The number of characters of the context item's string value."""
    return len(string_of(item))


@FN.row("string-length($arg as xs:string?) as xs:integer")
def string_length(text: str | None) -> int:
    """The number of characters."""
    return len(text or "")


@FN.row("normalize-space() as xs:string", needs="item")
def normalize_space_of_item(item: Any) -> str:
    """fn:normalize-space of the context item's string value."""
    return normalize_space(string_of(item))


@FN.row("normalize-space($arg as xs:string?) as xs:string")
def normalize_space(text: str | None) -> str:
    """The string without outer white space and with one blank for each run of it inside."""
    return " ".join(words(text or ""))


def words(text: str) -> list[str]:
    """The parts of a string between runs of XML's white space, which is what Python splits ASCII text of XML at."""
    if text.isascii():
        return text.split()
    return [part for part in text.translate(_BLANKS).split(" ") if part]


_BLANKS: Final = str.maketrans("\t\r\n", "   ")
_FORMS: Final = {"NFC", "NFD", "NFKC", "NFKD"}


@FN.row("normalize-unicode($arg as xs:string?) as xs:string")
@FN.row("normalize-unicode($arg as xs:string?, $normalizationForm as xs:string) as xs:string")
def normalize_unicode(text: str | None, form: str = "NFC") -> str:
    """The string in a Unicode normalization form; "" changes nothing; FOCH0003 for a form that is not supported."""
    name = form.strip(WHITE_SPACE).upper()
    if name and name not in _FORMS:
        raise XQueryError("FOCH0003", f"Normalization form {form!r} is not supported: NFC, NFD, NFKC or NFKD expected")
    return unicodedata.normalize(name, text or "") if name else text or ""  # type: ignore[arg-type]


@FN.row("upper-case($arg as xs:string?) as xs:string")
def upper_case(text: str | None) -> str:
    """The string in upper case."""
    return (text or "").upper()


@FN.row("lower-case($arg as xs:string?) as xs:string")
def lower_case(text: str | None) -> str:
    """The string in lower case."""
    return (text or "").lower()


@FN.row("translate($arg as xs:string?, $mapString as xs:string, $transString as xs:string) as xs:string")
def translate(text: str | None, characters: str, replacements: str) -> str:
    """Replace each character found in the first list by the one at its place in the second, or drop it."""
    table: dict[int, str | None] = {}
    for at, char in enumerate(characters):
        table.setdefault(ord(char), replacements[at] if at < len(replacements) else None)
    return (text or "").translate(table)


@FN.row("contains($arg1 as xs:string?, $arg2 as xs:string?) as xs:boolean", needs="static")
@FN.row("contains($arg1 as xs:string?, $arg2 as xs:string?, $collation as xs:string) as xs:boolean", needs="static")
def contains(static: StaticContext, text: str | None, part: str | None, uri: str | None = None) -> bool:
    """Whether the first string contains the second."""
    return in_static(static, uri).contains(text or "", part or "")


@FN.row("starts-with($arg1 as xs:string?, $arg2 as xs:string?) as xs:boolean", needs="static")
@FN.row("starts-with($arg1 as xs:string?, $arg2 as xs:string?, $collation as xs:string) as xs:boolean", needs="static")
def starts_with(static: StaticContext, text: str | None, part: str | None, uri: str | None = None) -> bool:
    """Whether the first string begins with the second."""
    return in_static(static, uri).starts_with(text or "", part or "")


@FN.row("ends-with($arg1 as xs:string?, $arg2 as xs:string?) as xs:boolean", needs="static")
@FN.row("ends-with($arg1 as xs:string?, $arg2 as xs:string?, $collation as xs:string) as xs:boolean", needs="static")
def ends_with(static: StaticContext, text: str | None, part: str | None, uri: str | None = None) -> bool:
    """Whether the first string ends with the second."""
    return in_static(static, uri).ends_with(text or "", part or "")


@FN.row("substring-before($arg1 as xs:string?, $arg2 as xs:string?) as xs:string", needs="static")
@FN.row(
    "substring-before($arg1 as xs:string?, $arg2 as xs:string?, $collation as xs:string) as xs:string", needs="static"
)
def substring_before(static: StaticContext, text: str | None, mark: str | None, uri: str | None = None) -> str:
    """What stands before the first occurrence of the second string; "" when it does not occur."""
    found = in_static(static, uri).find(text or "", mark or "")
    return "" if found is None else (text or "")[: found[0]]


@FN.row("substring-after($arg1 as xs:string?, $arg2 as xs:string?) as xs:string", needs="static")
@FN.row(
    "substring-after($arg1 as xs:string?, $arg2 as xs:string?, $collation as xs:string) as xs:string", needs="static"
)
def substring_after(static: StaticContext, text: str | None, mark: str | None, uri: str | None = None) -> str:
    """What stands behind the first occurrence of the second string; "" when it does not occur."""
    found = in_static(static, uri).find(text or "", mark or "")
    return "" if found is None else (text or "")[found[1] :]


@FN.row("contains-token($input as xs:string*, $token as xs:string) as xs:boolean", needs="static")
@FN.row(
    "contains-token($input as xs:string*, $token as xs:string, $collation as xs:string) as xs:boolean", needs="static"
)
def contains_token(static: StaticContext, texts: Sequence[str], token: str, uri: str | None = None) -> bool:
    """Whether one of the strings, split at white space, has a token equal to the given one."""
    wanted, using = token.strip(WHITE_SPACE), in_static(static, uri)
    parts = [part for text in texts for part in words(text)]
    return bool(wanted) and any(using.compare(part, wanted) == 0 for part in parts)


@FN.row("default-collation() as xs:string", needs="static")
def default_collation(static: StaticContext) -> str:
    """The URI of the default collation."""
    return static.default_collation


@FN.row("collation-key($key as xs:string) as xs:base64Binary", needs="static")
@FN.row("collation-key($key as xs:string, $collation as xs:string) as xs:base64Binary", needs="static")
def collation_key(static: StaticContext, text: str, uri: str | None = None) -> Value:
    """A binary that compares as the string does in the collation."""
    return in_static(static, uri).key_binary(text)


@FN.row("string() as xs:string", needs="item")
def string_of_context_item(item: Any) -> str:
    """The string value of the context item."""
    return string_of(item)


@FN.row("string($arg as item()?) as xs:string")
def string(item: Any) -> str:
    """The string value of an item, "" for the empty sequence."""
    return "" if item is None else string_of(item)


@FN.row("data() as xs:anyAtomicType*", needs="item")
def data_of_item(item: Any) -> Value:
    """The typed value of the context item."""
    return atomize(item)


@FN.row("data($arg as item()*) as xs:anyAtomicType*")
def data(items: Sequence[Any]) -> Value:
    """The typed values of the items."""
    return atomize(items)


@FN.row("default-language() as xs:language", needs="dynamic")
def default_language(dynamic: DynamicContext) -> Language:
    """The default language of the run."""
    return Language(dynamic.default_language)
