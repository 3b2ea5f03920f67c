"""Integers in English words, Roman numerals, letters and other numbering sequences, for format-integer and dates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

_UNITS: Final = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS: Final = ["-", "-", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SCALES: Final = (
    (10**18, "quintillion"),
    (10**15, "quadrillion"),
    (10**12, "trillion"),
    (10**9, "billion"),
    (10**6, "million"),
    (10**3, "thousand"),
)
_IRREGULAR_ORDINALS: Final = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
_ROMAN: Final = (
    (1000, "m"),
    (900, "cm"),
    (500, "d"),
    (400, "cd"),
    (100, "c"),
    (90, "xc"),
    (50, "l"),
    (40, "xl"),
    (10, "x"),
    (9, "ix"),
    (5, "v"),
    (4, "iv"),
    (1, "i"),
)


def cardinal(number: int) -> str:
    """A number in words, in lower case: "one hundred and twenty-three". Beyond 10^21 in digits."""
    if number < 20:
        return _UNITS[number]
    if number < 100:
        tens, rest = divmod(number, 10)
        return _TENS[tens] + (f"-{_UNITS[rest]}" if rest else "")
    if number < 1000:
        hundreds, rest = divmod(number, 100)
        return f"{_UNITS[hundreds]} hundred" + (f" and {cardinal(rest)}" if rest else "")
    if number >= 10**21:
        return str(number)
    scale, name = next((scale, name) for scale, name in _SCALES if number >= scale)
    count, rest = divmod(number, scale)
    joined = "" if not rest else f" and {cardinal(rest)}" if rest < 100 else f" {cardinal(rest)}"
    return f"{cardinal(count)} {name}{joined}"


def ordinal(number: int) -> str:
    """The place of a number in words: "twenty-first"."""
    words = cardinal(number)
    if words[-1].isdigit():
        return words + ordinal_suffix(number)
    at = max(words.rfind(" "), words.rfind("-")) + 1
    last = words[at:]
    if last in _IRREGULAR_ORDINALS:
        return words[:at] + _IRREGULAR_ORDINALS[last]
    return words[:-1] + "ieth" if last.endswith("y") else f"{words}th"


def ordinal_suffix(number: int) -> str:
    """What English puts behind the digits of a place: st, nd, rd, th."""
    if number // 10 % 10 == 1:
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")


def roman(number: int) -> str | None:
    """A Roman numeral in lower case; None for what has none."""
    if not 1 <= number <= 9999:
        return "0" if number == 0 else None
    parts: list[str] = []
    for value, letters in _ROMAN:
        count, number = divmod(number, value)
        parts.append(letters * count)
    return "".join(parts)


def _lettered(alphabet: str) -> Callable[[int], str | None]:
    """Numbers as a, b … z, aa, ab …; zero has no such form."""

    def write(number: int) -> str | None:
        if number == 0:
            return None
        letters: list[str] = []
        while number:
            number, at = divmod(number - 1, len(alphabet))
            letters.append(alphabet[at])
        return "".join(reversed(letters))

    return write


def _listed(first: str, count: int, zero: str = "") -> Callable[[int], str | None]:
    """Numbers as consecutive characters, as far as they go."""

    def write(number: int) -> str | None:
        if number == 0:
            return zero or None
        return chr(ord(first) + number - 1) if number <= count else None

    return write


_CJK_DIGITS: Final = "\u3007\u4e00\u4e8c\u4e09\u56db\u4e94\u516d\u4e03\u516b\u4e5d"
_CJK_UNITS: Final = ((1000, "\u5343"), (100, "\u767e"), (10, "\u5341"))
_CJK_MYRIADS: Final = ((10**12, "\u5146"), (10**8, "\u5104"), (10**4, "\u842c"))


def _cjk(number: int) -> str | None:
    """Japanese numerals, as one counts with them."""
    if number < 10:
        return _CJK_DIGITS[number]
    if number >= 10**16:
        return None
    parts: list[str] = []
    for value, sign in (*_CJK_MYRIADS, *_CJK_UNITS):
        count, number = divmod(number, value)
        if count:
            # A single thousand, hundred or ten needs no digit.
            parts.append(sign if count == 1 and value < 10**4 else f"{_cjk(count)}{sign}")
    if number:
        parts.append(_CJK_DIGITS[number])
    return "".join(parts)


_LATIN: Final = "abcdefghijklmnopqrstuvwxyz"
_GREEK: Final = "".join(map(chr, [*range(0x3B1, 0x3C2), *range(0x3C3, 0x3CA)]))
_CYRILLIC: Final = "".join(map(chr, [*range(0x430, 0x439), *range(0x43A, 0x44A), *range(0x44D, 0x450)]))

#: First token of a picture -> the numbering sequence it asks for; None for a number beyond it.
SEQUENCES: Final[dict[str, Callable[[int], str | None]]] = {
    "a": _lettered(_LATIN),
    "A": _lettered(_LATIN.upper()),
    "i": roman,
    "I": lambda number: None if (found := roman(number)) is None else found.upper(),
    "\u03b1": _lettered(_GREEK),
    "\u0391": _lettered(_GREEK.upper()),
    "\u0430": _lettered(_CYRILLIC),
    "\u0410": _lettered(_CYRILLIC.upper()),
    "\u4e00": _cjk,
    "\u2460": _listed("\u2460", 20, "\u24ea"),
    "\u2474": _listed("\u2474", 20),
    "\u2488": _listed("\u2488", 20),
    "\u24b6": _listed("\u24b6", 26),
    "\u24d0": _listed("\u24d0", 26),
    "\u2776": _listed("\u2776", 10),
    "\u2780": _listed("\u2780", 10),
    "\u278a": _listed("\u278a", 10),
}
