"""Regular expressions of XPath (F&O 3.1, section 5.6.1; XML Schema 1.1, part 2, appendix G) as Python's.

The character data (categories and blocks of Unicode) is elementpath's; the grammar is read here, since Python's `\\s`,
`\\w`, `$` and references to groups without a match mean other things.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

from elementpath.regex import RegexError
from elementpath.regex.unicode_subsets import unicode_subset

_MAX_CODE: Final = 0x10FFFF
_SINGLE: Final = {"n": "\n", "r": "\r", "t": "\t", **{char: char for char in "\\|.?*+(){}-[]^$"}}
#: Characters with a meaning of their own outside classes.
_META: Final = frozenset("\\?*+{}()[]|.^$")
_QUANTITY: Final = re.compile(r"\{([0-9]+)(?:(,)([0-9]+)?)?\}")

_NAME_START: Final = (
    "A-Z_a-z:\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c-\u200d\u2070-\u218f"
    "\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
_NAME_CHARS: Final = f"{_NAME_START}\\-.0-9\u00b7\u0300-\u036f\u203f-\u2040"


class PatternError(ValueError):
    """A malformed regular expression."""


def _class_text(ranges: list[tuple[int, int]]) -> str:
    """Ranges of code points as the inside of a Python character class."""
    return "".join([_one(low) if low == high else f"{_one(low)}-{_one(high)}" for low, high in ranges])


def _one(code: int) -> str:
    char = chr(code)
    if char.isalnum():
        return char
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _complement(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    begin = 0
    for low, high in ranges:
        if low > begin:
            found.append((begin, low - 1))
        begin = high + 1
    if begin <= _MAX_CODE:
        found.append((begin, _MAX_CODE))
    return found


def _ranges_of(names: tuple[str, ...]) -> list[tuple[int, int]]:
    """The code points of categories or blocks, in order, joined where they touch."""
    pairs: list[tuple[int, int]] = []
    for name in names:
        for entry in unicode_subset(name).codepoints:
            pairs.append((entry, entry) if isinstance(entry, int) else (entry[0], entry[1] - 1))
    joined: list[tuple[int, int]] = []
    for low, high in sorted(pairs):
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        else:
            joined.append((low, high))
    return joined


@lru_cache(maxsize=256)
def _property(name: str, negated: bool) -> str:
    """The inside of a class for `\\p{name}` or `\\P{name}`. Raises PatternError for an unknown name."""
    try:
        ranges = _ranges_of((name,))
    except (RegexError, KeyError):
        raise PatternError(f"no category or block {name!r}") from None
    return _class_text(_complement(ranges) if negated else ranges)


@lru_cache(maxsize=16)
def _multi(letter: str) -> str:
    """The inside of a class for one of the escapes s, i, d, c, w, and their complements in capitals."""
    if letter in "sS":
        return " \\t\\n\\r" if letter == "s" else _class_text(_complement([(0x9, 0xA), (0xD, 0xD), (0x20, 0x20)]))
    if letter in "dD":
        return f"\\{letter}"
    if letter in "wW":
        outside = _ranges_of(("P", "Z", "C"))
        return _class_text(_complement(outside) if letter == "w" else outside)
    chars = _NAME_START if letter in "iI" else _NAME_CHARS
    if letter in "ic":
        return chars
    ranges = [_ends(part) for part in re.findall(r"\\.|.-.|.", chars, re.DOTALL)]
    return _class_text(_complement(sorted(ranges)))


def _ends(part: str) -> tuple[int, int]:
    """The first and last code point of a piece of a class: a character, an escaped one, or a range."""
    return (ord(part[0]), ord(part[2])) if len(part) == 3 else (ord(part[-1]), ord(part[-1]))


class _Set:
    """What a class matches: text for the inside of a Python class, and of one whose letters keep their case."""

    __slots__ = ("exact", "parts")

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.exact: list[str] = []

    def python(self, negated: bool) -> str:
        """The set as an atom of Python's syntax."""
        if not self.exact:
            return f"[{'^' if negated else ''}{''.join(self.parts)}]"
        either = f"(?-i:[{''.join(self.exact)}])"
        if self.parts:
            either = f"(?:[{''.join(self.parts)}]|{either})"
        return f"(?:(?!{either})[\\s\\S])" if negated else either


class _Translator:
    """One pass over a pattern; `at` is the next character."""

    def __init__(self, pattern: str, flags: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.dot = "[\\s\\S]" if "s" in flags else "[^\\n\\r]"
        if "m" in flags:
            self.start, self.end = "(?:\\A|(?<=\\n)(?!\\Z))", "(?=\\n|\\Z)"
        else:
            self.start, self.end = "\\A", "\\Z"
        self.ignore_case = "i" in flags
        self.groups = 0
        self.after_range = False
        self.closed: set[int] = set()
        #: Choices so far: quantifiers that may stop at several places, and alternatives.
        self.choices = 0
        self.explosive = False

    def whole(self) -> str:
        text = self.alternatives()
        if self.at < len(self.pattern):
            raise PatternError(f"{self.pattern[self.at]!r} at {self.at + 1} without its partner")
        return text

    def peek(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def alternatives(self) -> str:
        branches = [self.branch()]
        while self.peek() == "|":
            self.at += 1
            self.choices += 1
            branches.append(self.branch())
        return "|".join(branches)

    def branch(self) -> str:
        parts: list[str] = []
        while (char := self.peek()) and char not in "|)":
            choices = self.choices
            atom = self.atom(char)
            quantifier = self.quantifier()
            if quantifier and quantifier != "?":
                self.explosive = self.explosive or self.choices > choices
            self.choices += bool(quantifier)
            if quantifier and atom in (self.start, self.end):
                atom = f"(?:{atom})"
            parts.append(atom + quantifier)
        return "".join(parts)

    def quantifier(self) -> str:
        char = self.peek()
        if char in ("?", "*", "+"):
            text = char
            self.at += 1
        elif char == "{":
            found = _QUANTITY.match(self.pattern, self.at)
            if found is None or (found[3] is not None and int(found[3]) < int(found[1])):
                raise PatternError(f"no quantity at {self.at + 1}")
            text = found[0]
            self.at = found.end()
        else:
            return ""
        if self.peek() == "?":
            self.at += 1
            text += "?"
        return text

    def atom(self, char: str) -> str:
        self.at += 1
        if char not in _META:
            return char if char.isalnum() else re.escape(char)
        match char:
            case ".":
                return self.dot
            case "^":
                return self.start
            case "$":
                return self.end
            case "(":
                return self.group()
            case "[":
                return self.char_class()
            case "\\":
                return self.escape()
            case _:
                raise PatternError(f"{char!r} at {self.at} is out of place")

    def group(self) -> str:
        number = 0
        if self.peek() == "?":
            if self.pattern[self.at : self.at + 2] != "?:":
                raise PatternError("a group may begin with ?: only")
            self.at += 2
        else:
            self.groups += 1
            number = self.groups
        inside = self.alternatives()
        if self.peek() != ")":
            raise PatternError("a group is not closed")
        self.at += 1
        if number:
            self.closed.add(number)
        return f"({inside})" if number else f"(?:{inside})"

    def escape(self) -> str:
        char = self.peek()
        self.at += 1
        if char in _SINGLE:
            return re.escape(_SINGLE[char])
        if char and char in "sSdDwWiIcC":
            return f"[{_multi(char)}]"
        if char in ("p", "P"):
            text = f"[{self.named_property(char)}]"
            return f"(?-i:{text})" if self.ignore_case else text
        if char.isascii() and char.isdigit() and char != "0":
            return self.back_reference(int(char))
        raise PatternError(f"no escape \\{char}")

    def back_reference(self, number: int) -> str:
        """As many digits as make a group that is open or closed before this place; it must be closed."""
        while (char := self.peek()).isascii() and char.isdigit() and number * 10 + int(char) <= self.groups:
            number = number * 10 + int(char)
            self.at += 1
        if number not in self.closed:
            raise PatternError(f"\\{number} refers to no group before it")
        # A group without a match stands for the empty string, where Python would not match at all.
        return f"(?:(?({number})\\{number}|))"

    def named_property(self, letter: str) -> str:
        end = self.pattern.find("}", self.at)
        if self.peek() != "{" or end < 0:
            raise PatternError(f"\\{letter} without a name in braces")
        name = self.pattern[self.at + 1 : end]
        self.at = end + 1
        return _property(name, letter == "P")

    # ------------------------------------------------------------------------------------------------------- classes

    def char_class(self) -> str:
        """A class after its opening bracket; a subtraction is a look ahead that must not match."""
        negated = self.peek() == "^"
        if negated:
            self.at += 1
        found = _Set()
        first = True
        subtracted = ""
        while True:
            char = self.peek()
            if not char:
                raise PatternError("a character class is not closed")
            if char == "]":
                if first:
                    raise PatternError("an empty character class")
                self.at += 1
                break
            if char == "-" and self.pattern[self.at + 1 : self.at + 2] == "[":
                if first:
                    raise PatternError("nothing to subtract from")
                self.at += 2
                subtracted = self.char_class()
                if self.peek() != "]":
                    raise PatternError("a subtraction must end its character class")
                self.at += 1
                break
            self.member(found, first)
            first = False
        text = found.python(negated)
        return f"(?:(?!{subtracted}){text})" if subtracted else text

    def member(self, found: _Set, first: bool) -> None:
        """A character, range or escape inside a class."""
        is_hyphen = self.peek() == "-"
        low = self.single(found)
        if low is None:
            return
        rest = self.pattern[self.at : self.at + 2]
        if is_hyphen and not (first or rest[:1] == "]" or rest == "-["):
            # A hyphen behind a range cannot begin another one, so it stands for itself.
            if not self.after_range:
                raise PatternError("a hyphen in the middle of a class must be escaped")
            self.after_range = False
            found.parts.append("\\-")
            return
        self.after_range = False
        if rest[:1] == "-" and rest not in ("-]", "-["):
            self.at += 1
            high = self.single(None)
            if high is None or ord(high) < ord(low):
                raise PatternError(f"no range from {low!r}")
            found.parts.append(f"{_one(ord(low))}-{_one(ord(high))}")
            self.after_range = True
        else:
            found.parts.append(_one(ord(low)))

    def single(self, found: _Set | None) -> str | None:
        """The next character, escaped or not; None for an escape of many, which goes into the set."""
        char = self.peek()
        self.at += 1
        if char == "[" or not char:
            raise PatternError("[ inside a character class must be escaped")
        if char != "\\":
            return char
        char = self.peek()
        self.at += 1
        if char in _SINGLE:
            return _SINGLE[char]
        if found is not None and char and char in "sSdDwWiIcC":
            found.parts.append(_multi(char))
            return None
        if found is not None and char in ("p", "P"):
            (found.exact if self.ignore_case else found.parts).append(self.named_property(char))
            return None
        raise PatternError(f"no escape \\{char} in a character class")


class Translation(NamedTuple):
    """A Python pattern (to be compiled with re.IGNORECASE for the flag i).

    `explosive`: a repeated part contains choices itself, as in `(a+)+`, so a backtracking engine may need time that
    grows exponentially with the text.
    """

    text: str
    explosive: bool


def translated(pattern: str, flags: str) -> Translation:
    """The Python pattern of an XPath one. Raises PatternError."""
    translator = _Translator(pattern, flags)
    text = translator.whole()
    return Translation(text, translator.explosive)
