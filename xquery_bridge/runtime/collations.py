"""Collations (F&O 3.1, section 5.3): by code points, HTML's without case, and the Unicode Collation Algorithm.

`collation(uri, base)` gives the one `Collation` object of a URI. The UCA is that of pyuca over the default table, which
is right for the languages that do not tailor it. Nothing here depends on the locale of the process.
"""

from __future__ import annotations

import struct
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any, Final
from urllib.parse import urljoin

from elementpath.datatypes import Base64Binary
from pyuca.collator import Collator_10_0_0

from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime.casts import binary

CODEPOINT: Final = "http://www.w3.org/2005/xpath-functions/collation/codepoint"
HTML_ASCII: Final = "http://www.w3.org/2005/xpath-functions/collation/html-ascii-case-insensitive"
UCA: Final = "http://www.w3.org/2013/collation/UCA"
MARKLOGIC: Final = "http://marklogic.com/collation/"


class Collation:
    """Strings by code points; the base of the others."""

    is_codepoint = True

    def __init__(self, uri: str) -> None:
        self.uri = uri

    def key(self, text: str) -> Any:
        """A hashable Python object that compares with the keys of other strings as the strings do."""
        return text

    def key_binary(self, text: str) -> Base64Binary:
        """fn:collation-key: an xs:base64Binary whose bytes compare as the strings do."""
        key = self.key(text)
        made: Base64Binary = binary(Base64Binary, key if isinstance(key, bytes) else key.encode("utf-8"))
        return made

    def compare(self, left: str, right: str) -> int:
        """-1, 0 or 1 as the first string sorts before, equal to or after the second."""
        if left == right:
            return 0
        first, second = self.key(left), self.key(right)
        return int(first > second) - int(first < second)

    def find(self, text: str, part: str) -> tuple[int, int] | None:
        """Where the first occurrence of a part begins and ends, None if there is none."""
        at = text.find(part)
        return None if at < 0 else (at, at + len(part))

    def contains(self, text: str, part: str) -> bool:
        """Whether the part occurs in the text."""
        return self.find(text, part) is not None

    def starts_with(self, text: str, part: str) -> bool:
        """Whether the text begins with the part."""
        return text.startswith(part)

    def ends_with(self, text: str, part: str) -> bool:
        """Whether the text ends with the part."""
        return text.endswith(part)

    def __repr__(self) -> str:
        return f"<collation {self.uri}>"


_ASCII_LOWER: Final = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


class HtmlAsciiCollation(Collation):
    """Strings by code points, A to Z taken for a to z (F&O 3.1, 5.3.5)."""

    is_codepoint = False

    def key(self, text: str) -> str:
        return text.translate(_ASCII_LOWER)

    def find(self, text: str, part: str) -> tuple[int, int] | None:
        return super().find(self.key(text), self.key(part))

    def starts_with(self, text: str, part: str) -> bool:
        return self.key(text).startswith(self.key(part))

    def ends_with(self, text: str, part: str) -> bool:
        return self.key(text).endswith(self.key(part))


# -------------------------------------------------------------------------------------------------------------- the UCA

#: Primary, secondary and tertiary weight.
_Element = tuple[int, int, int]

_STRENGTHS: Final = {"primary": 1, "secondary": 2, "tertiary": 3, "quaternary": 4, "identical": 5}

#: The languages for which the default table needs no tailoring (CLDR's root collation).
_ROOT_LANGUAGES: Final = frozenset(
    ("ca", "de", "en", "fr", "ga", "id", "it", "lb", "ms", "nl", "pt", "rm", "root", "st", "sw", "xh", "zu")
)

#: The tertiary weights of capital letters (UTS #10, table of tertiary weights).
_CAPITALS: Final = frozenset((0x08, 0x09, 0x0A, 0x0B, 0x0C, 0x0E, 0x11, 0x12, 0x1D))

#: Class of characters that `alternate` concerns -> the first character of the next class in the default table.
_BEHIND: Final = {"space": "_", "punct": "`", "symbol": "\u00a4", "currency": "0"}

#: Text is given to pyuca in pieces of about this length: its time grows with the square of it.
_PIECE: Final = 200


@cache
def _table() -> Any:
    """pyuca's table, read when first needed."""
    return Collator_10_0_0()


def _pieces(text: str) -> Iterator[str]:
    """A string in pieces that begin with a starter; a long piece is cut before one."""
    begin, end = 0, len(text)
    while begin < end:
        cut = min(begin + _PIECE, end)
        while cut < end and unicodedata.combining(text[cut]):
            cut += 1
        yield text[begin:cut]
        begin = cut


def _elements_of(text: str) -> list[_Element]:
    """The collation elements of a string (UTS #10, section 4)."""
    decomposed = unicodedata.normalize("NFD", text)
    elements = _table().collation_elements
    return [(first, second, third) for piece in _pieces(decomposed) for first, second, third in elements(piece)]


@lru_cache(maxsize=8192)
def _segment_elements(segment: str) -> tuple[_Element, ...]:
    return tuple(_elements_of(segment))


@cache
def _primary(character: str) -> int:
    return _segment_elements(character)[0][0]


@dataclass(frozen=True, slots=True)
class UcaParameters:
    """The parameters of a UCA collation (F&O 3.1, 5.3.4); `strength` counts levels, 5 is identical."""

    strength: int = 3
    alternate: str = "non-ignorable"
    max_variable: str = "punct"
    backwards: bool = False
    case_level: bool = False
    case_first: str = ""
    numeric: bool = False


class UnicodeCollation(Collation):
    """Strings by the Unicode Collation Algorithm."""

    is_codepoint = False

    def __init__(self, uri: str, parameters: UcaParameters) -> None:
        super().__init__(uri)
        self.parameters = parameters
        self._kept_key = lru_cache(maxsize=4096)(self._made_key)

    def key(self, text: str) -> bytes:
        return self._kept_key(text)

    def _made_key(self, text: str) -> bytes:
        """The sort key: the weights of each level in two bytes each, zeros between the levels (UTS #10, section 7)."""
        parameters = self.parameters
        elements = list(self._weighted(self._elements(text)))
        levels = [[element[0] for element in elements if element[0]]]
        if parameters.strength >= 2:
            second = [element[1] for element in elements if element[1]]
            levels.append(second[::-1] if parameters.backwards else second)
        if parameters.case_level:
            levels.append([2 if element[2] & 0x3F in _CAPITALS else 1 for element in elements if element[0]])
        if parameters.strength >= 3:
            levels.append([element[2] for element in elements if element[2]])
        if parameters.strength >= 4:
            levels.append([element[3] for element in elements if element[3]])
        packed = b"\0\0".join([struct.pack(f">{len(level)}H", *level) for level in levels])
        if parameters.strength >= 5:
            packed += b"\0\0" + unicodedata.normalize("NFD", text).encode("utf-32-be", "surrogatepass")
        return packed

    def _elements(self, text: str) -> list[_Element]:
        if not self.parameters.numeric:
            return _elements_of(text)
        elements: list[_Element] = []
        rest = 0
        for begin, end, segment in _segments(text, True):
            if unicodedata.decimal(segment[0], None) is not None:
                elements += _elements_of(text[rest:begin]) if rest < begin else []
                elements += _number_elements(segment)
                rest = end
        return elements + (_elements_of(text[rest:]) if rest < len(text) else [])

    def _weighted(self, elements: list[_Element]) -> Iterator[tuple[int, int, int, int]]:
        """The elements with a fourth weight, the variable ones treated as `alternate` says (UTS #10, section 4.1)."""
        parameters = self.parameters
        behind = _primary(_BEHIND[parameters.max_variable]) if parameters.alternate != "non-ignorable" else 0
        shifted = parameters.alternate == "shifted"
        after_variable = False
        for first, second, third in elements:
            if 0 < first < behind:
                after_variable = True
                if shifted:
                    yield (0, 0, 0, first)
                continue
            if not first and after_variable:
                continue
            after_variable = False
            if first or second or third:
                yield (first, second, self._case_weight(third), 0xFFFF if shifted else 0)

    def _case_weight(self, third: int) -> int:
        """A tertiary weight that sorts capitals where `caseFirst` says."""
        match self.parameters.case_first:
            case "upper":
                return third if third in _CAPITALS else third + 0x40
            case "lower":
                return third + 0x40 if third in _CAPITALS else third
            case _:
                return third

    def _units(self, text: str) -> list[tuple[Any, int, int, bool, bool]]:
        """The collation units that count at the strength: weights, begin and end in the text, whether a character (with
        its marks) begins and ends there."""
        parameters = self.parameters
        strength = min(parameters.strength, 4)
        units: list[tuple[Any, int, int, bool, bool]] = []
        for begin, end, segment in _segments(text, parameters.numeric):
            if parameters.strength == 5:
                found: list[Any] = [unicodedata.normalize("NFD", segment)]
            else:
                number = parameters.numeric and unicodedata.decimal(segment[0], None) is not None
                elements = _number_elements(segment) if number else list(_segment_elements(segment))
                found = [
                    (*weights[:strength], parameters.case_level and weights[2] & 0x3F in _CAPITALS)
                    for weights in self._weighted(elements)
                    if any(weights[:strength])
                ]
            last = len(found) - 1
            units += [(weights, begin, end, at == 0, at == last) for at, weights in enumerate(found)]
        return units

    def find(self, text: str, part: str) -> tuple[int, int] | None:
        wanted = [unit[0] for unit in self._units(part)]
        if not wanted:
            return 0, 0
        units = self._units(text)
        for at in range(len(units) - len(wanted) + 1):
            if self._match(units, wanted, at):
                return units[at][1], units[at + len(wanted) - 1][2]
        return None

    @staticmethod
    def _match(units: list[tuple[Any, int, int, bool, bool]], wanted: list[Any], at: int) -> bool:
        last = at + len(wanted) - 1
        if at < 0 or last >= len(units) or not units[at][3] or not units[last][4]:
            return False
        return all(units[at + offset][0] == weights for offset, weights in enumerate(wanted))

    def starts_with(self, text: str, part: str) -> bool:
        wanted = [unit[0] for unit in self._units(part)]
        return not wanted or self._match(self._units(text), wanted, 0)

    def ends_with(self, text: str, part: str) -> bool:
        wanted = [unit[0] for unit in self._units(part)]
        units = self._units(text)
        return not wanted or self._match(units, wanted, len(units) - len(wanted))


def _segments(text: str, numeric: bool) -> Iterator[tuple[int, int, str]]:
    """A string cut into characters with the marks that follow them; with `numeric` a run of digits is one segment."""
    begin, end = 0, len(text)
    while begin < end:
        stop = begin + 1
        if numeric and unicodedata.decimal(text[begin], None) is not None:
            while stop < end and unicodedata.decimal(text[stop], None) is not None:
                stop += 1
        else:
            while stop < end and unicodedata.combining(text[stop]):
                stop += 1
        yield begin, stop, text[begin:stop]
        begin = stop


def _number_elements(digits: str) -> list[_Element]:
    """The elements of a run of digits that sorts as a number: those of the digit zero, its length, its digits."""
    values = [unicodedata.decimal(digit) for digit in digits]
    while len(values) > 1 and not values[0]:
        values.pop(0)
    _, second, third = _segment_elements("0")[0]
    zero = _primary("0")
    # not below the weight of zero, where the variable characters are
    weights = [zero + min(len(values), 0x8000), *(zero + value for value in values)]
    return [(zero, second, third), *((weight, 0, 0) for weight in weights)]


# ----------------------------------------------------------------------------------------------------------------- URIs


def _flag(value: str) -> bool:
    return {"yes": True, "no": False}[value]


def _one_of(*allowed: str) -> Callable[[str], str]:
    return lambda value: {name: name for name in allowed}[value]


#: Keyword of a UCA collation URI -> field of the parameters, reader of its value (raises KeyError).
_KEYWORDS: Final[dict[str, tuple[str, Callable[[str], Any]]]] = {
    "strength": ("strength", lambda value: {**_STRENGTHS, **{str(level): level for level in range(1, 6)}}[value]),
    "alternate": ("alternate", _one_of("non-ignorable", "shifted", "blanked")),
    "maxVariable": ("max_variable", _one_of(*_BEHIND)),
    "backwards": ("backwards", _flag),
    "caseLevel": ("case_level", _flag),
    "caseFirst": ("case_first", _one_of("upper", "lower")),
    "numeric": ("numeric", _flag),
}


def _unsupported(uri: str) -> XQueryError:
    return XQueryError("FOCH0002", f"Unsupported collation: {uri}")


def _unicode(uri: str) -> Collation:
    """A collation of the UCA family. With fallback=no all it asks for must be there (F&O 3.1, 5.3.4)."""
    pairs = [part.partition("=") for part in uri.partition("?")[2].split(";") if part]
    given = {keyword: value for keyword, _, value in pairs}
    if given.get("fallback", "yes") not in ("yes", "no"):
        raise _unsupported(uri)
    exactly = given.get("fallback") == "no"
    parameters = UcaParameters()
    for keyword, value in given.items():
        if keyword in ("fallback", "normalization"):
            continue  # text is always compared in its normal form
        try:
            if keyword == "lang":
                known = value.lower().split("-")[0] in _ROOT_LANGUAGES and "-u-" not in value.lower()
                if exactly and not known:
                    raise KeyError(value)
                if value.lower() == "fr-ca" and "backwards" not in given:
                    parameters = replace(parameters, backwards=True)
            elif keyword == "version":
                if exactly and [int(part) for part in value.split(".")] > [10, 0, 0]:
                    raise KeyError(value)
            else:
                field, read = _KEYWORDS[keyword]
                parameters = replace(parameters, **{field: read(value)})
        except (KeyError, ValueError):
            if exactly:
                raise _unsupported(uri) from None
    return UnicodeCollation(uri, parameters)


#: Attributes of MarkLogic's collation URIs -> what they set.
_MARKLOGIC: Final[dict[str, dict[str, Any]]] = {
    **{f"S{level}": {"strength": level} for level in range(1, 5)},
    "SI": {"strength": 5},
    "AS": {"alternate": "shifted"},
    "AN": {"alternate": "non-ignorable"},
    "CU": {"case_first": "upper"},
    "CL": {"case_first": "lower"},
    "CX": {"case_first": ""},
    "EO": {"case_level": True},
    "EX": {"case_level": False},
    "FO": {"backwards": True},
    "FX": {"backwards": False},
    "MO": {"numeric": True},
    "MX": {"numeric": False},
    "NO": {},
    "NX": {},
}


def _marklogic(uri: str) -> Collation:
    """`http://marklogic.com/collation/[language][/attribute …]`: the UCA; `codepoint` the order of code points."""
    parts = [part for part in uri[len(MARKLOGIC) :].split("/") if part]
    if parts == ["codepoint"]:
        return Collation(uri)
    parameters = UcaParameters()
    for at, part in enumerate(parts):
        if part in _MARKLOGIC:
            parameters = replace(parameters, **_MARKLOGIC[part])
        elif at or not all(piece.isalnum() for piece in part.replace("_", "-").split("-")):
            raise _unsupported(uri)
    return UnicodeCollation(uri, parameters)


@lru_cache(maxsize=256)
def collation(uri: str, base: str | None = None) -> Collation:
    """The collation of a URI, a relative one resolved against a base URI. Raises FOCH0002 for one that is not known."""
    for candidate in dict.fromkeys((uri, urljoin(base or "", uri))):
        if candidate == CODEPOINT:
            return _CODEPOINT
        if candidate == HTML_ASCII:
            return HtmlAsciiCollation(candidate)
        if candidate == UCA or candidate.startswith(UCA + "?"):
            return _unicode(candidate)
        if candidate.startswith(MARKLOGIC):
            return _marklogic(candidate)
    raise _unsupported(uri)


_CODEPOINT: Final = Collation(CODEPOINT)
