"""fn:format-integer, and the pictures of integers that dates use too (F&O 3.1, section 4.6)."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from xquery_bridge.errors import XQueryError
from xquery_bridge.library.fn.namespace import FN
from xquery_bridge.library.fn.number_words import SEQUENCES, cardinal, ordinal, ordinal_suffix

_MODIFIER: Final = re.compile(r"([co](\(.+\))?)?[at]?", re.DOTALL)
_WORDS: Final = ("w", "W", "Ww")


class PictureError(ValueError):
    """A malformed digit pattern; the caller knows the code of its function."""


@dataclass(frozen=True, slots=True)
class DigitPattern:
    """A decimal-digit-pattern: its family of digits, how many must be there, where separators stand.

    `separators` are (digits to the right, character); with `repeat` they go on at every multiple of it.
    """

    zero: str
    least: int
    size: int
    separators: tuple[tuple[int, str], ...]
    repeat: int

    def write(self, number: int, least: int = 0) -> str:
        """A number that is not negative, with at least so many digits."""
        return self.grouped(str(number).rjust(max(self.least, least), "0"))

    def grouped(self, digits: str) -> str:
        """ASCII digits with separators, in the pattern's family."""
        if self.zero == "0" and not self.separators:
            return digits
        marks = dict(self.separators)
        mark = self.separators[0][1] if self.separators else ""
        parts: list[str] = []
        size = len(digits)
        zero = ord(self.zero)
        for at, char in enumerate(digits):
            left = size - at
            if at:
                if self.repeat:
                    parts.append(mark if left % self.repeat == 0 else "")
                else:
                    parts.append(marks.get(left, ""))
            parts.append(chr(zero + ord(char) - 48))
        return "".join(parts)


def zero_of(digit: str) -> str:
    """The zero of the family that a decimal digit belongs to."""
    return chr(ord(digit) - unicodedata.decimal(digit))


def is_digit(char: str) -> bool:
    """Whether a character is a decimal digit of any script (category Nd)."""
    return unicodedata.category(char) == "Nd"


@lru_cache(maxsize=512)
def digit_pattern(token: str) -> DigitPattern:
    """The pattern that a token with a digit is. Raises PictureError for a malformed one."""
    digits = [char for char in token if is_digit(char)]
    zeros = set(map(zero_of, digits))
    if len(zeros) != 1:
        raise PictureError("digits of several scripts")
    slots: list[str] = []
    separators: list[tuple[int, str]] = []
    for char in token:
        if char == "#" or is_digit(char):
            slots.append(char)
        elif unicodedata.category(char)[0] in "LN":
            raise PictureError(f"{char!r} among digits")
        else:
            separators.append((len(slots), char))
    places = [at for at, _ in separators]
    if len(set(places)) != len(places) or any(at in (0, len(slots)) for at in places):
        raise PictureError("grouping separators at the ends or next to each other")
    mandatory = next(at for at, char in enumerate(slots) if char != "#")
    if "#" in slots[mandatory:]:
        raise PictureError("an optional digit behind a mandatory one")
    size = len(slots)
    from_right = tuple((size - at, char) for at, char in reversed(separators))
    return DigitPattern(zeros.pop(), size - mandatory, size, from_right, _regular(from_right, size))


def _regular(separators: tuple[tuple[int, str], ...], size: int) -> int:
    """The size of the groups when one character stands at each multiple of it and nowhere else, else 0."""
    if not separators or len({char for _, char in separators}) != 1:
        return 0
    group = separators[0][0]
    return group if [at for at, _ in separators] == list(range(group, size, group)) else 0


def formatted(number: int, token: str, *, as_ordinal: bool = False, least: int = 0) -> str:
    """An integer by the first token of a picture. Raises PictureError.

    A number beyond its numbering sequence, and a token that names none, are written in decimal digits.
    """
    sign, number = ("-", -number) if number < 0 else ("", number)
    if token in _WORDS:
        words = ordinal(number) if as_ordinal else cardinal(number)
        if token == "W":
            words = words.upper()
        elif token == "Ww":
            words = re.sub(r"[a-z]+", lambda found: found[0] if found[0] == "and" else found[0].capitalize(), words)
        return sign + words
    if any(map(is_digit, token)):
        text = digit_pattern(token).write(number, least)
        return sign + text + (ordinal_suffix(number) if as_ordinal else "")
    sequence = SEQUENCES.get(token)
    found = None if sequence is None else sequence(number)
    if found is None:
        return sign + str(number).rjust(least, "0") + (ordinal_suffix(number) if as_ordinal else "")
    return sign + found


@lru_cache(maxsize=512)
def _split(picture: str) -> tuple[str, bool]:
    """The first token of a picture, and whether ordinal numbers are asked for. Raises PictureError."""
    token, semicolon, modifier = picture.rpartition(";")
    if not semicolon:
        token, modifier = picture, ""
    if not token:
        raise PictureError("nothing before the format modifier")
    if _MODIFIER.fullmatch(modifier) is None:
        raise PictureError(f"{modifier!r} is no format modifier")
    if any(map(is_digit, token)):
        digit_pattern(token)
    return token, modifier.startswith("o")


@FN.row("format-integer($value as xs:integer?, $picture as xs:string) as xs:string")
@FN.row("format-integer($value as xs:integer?, $picture as xs:string, $lang as xs:string?) as xs:string")
def format_integer(number: int | None, picture: str, language: str | None = None) -> str:
    """An integer by a picture: digits, letters, Roman numerals, words. Raises FODF1310 for a malformed picture.

    Words and ordinals are English in every language.
    """
    try:
        token, as_ordinal = _split(picture)
        return "" if number is None else formatted(int(number), token, as_ordinal=as_ordinal)
    except PictureError as error:
        raise XQueryError("FODF1310", f"Invalid picture string {picture!r}: {error}") from None
