"""Collations: keys, searching, and what their URIs ask for."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime.casts import binary_bytes
from xquery_bridge.runtime.collations import CODEPOINT, HTML_ASCII, UCA, collation

TEXTS = st.text(st.sampled_from("aAbB\u00e1e\u0301\u0300 -0123\u00df\u4e2d\U0001f600"), max_size=8) | st.text(
    max_size=5
)
URIS = (
    CODEPOINT,
    HTML_ASCII,
    UCA,
    f"{UCA}?strength=primary",
    f"{UCA}?lang=en;strength=secondary;alternate=shifted",
    f"{UCA}?strength=quaternary;alternate=shifted",
    f"{UCA}?alternate=blanked;strength=primary",
    f"{UCA}?numeric=yes",
    f"{UCA}?strength=identical",
    f"{UCA}?strength=primary;caseLevel=yes",
    "http://marklogic.com/collation/",
    "http://marklogic.com/collation/en/S1/AS",
)


@given(st.sampled_from(URIS), TEXTS, TEXTS)
def test_keys_binaries_and_compare_agree(uri, left, right):
    using = collation(uri)
    order = using.compare(left, right)
    assert order == -using.compare(right, left)
    assert (using.key(left) == using.key(right)) is (order == 0)
    assert (using.key(left) < using.key(right)) is (order < 0)
    if not any("\ud800" <= char <= "\udfff" for char in left + right):
        one, other = binary_bytes(using.key_binary(left)), binary_bytes(using.key_binary(right))
        assert (one > other) - (one < other) == order


@given(st.sampled_from(URIS), TEXTS, TEXTS)
def test_what_is_found_is_equal_to_what_was_sought(uri, text, part):
    using = collation(uri)
    found = using.find(text, part)
    assert using.contains(text, part) is (found is not None)
    if found is not None:
        begin, end = found
        assert using.compare(text[begin:end], part) == 0 or "numeric" in uri or "blanked" in uri or end == 0
    if using.starts_with(text, part) or using.ends_with(text, part):
        assert using.contains(text, part)


@given(st.sampled_from(URIS), TEXTS)
def test_a_text_starts_and_ends_with_itself_and_with_nothing(uri, text):
    using = collation(uri)
    for part in (text, ""):
        assert using.starts_with(text, part)
        assert using.ends_with(text, part)
        assert using.contains(text, part)


@pytest.mark.parametrize(
    ("parameters", "equal", "unequal"),
    [
        ("strength=primary", ("abc", "\u00c1Bc"), ("abc", "abd")),
        ("strength=secondary", ("abc", "ABC"), ("abc", "\u00e1bc")),
        ("strength=tertiary", ("\u00e1", "a\u0301"), ("a", "A")),
        ("alternate=blanked;strength=primary", ("a-b c", "abc"), ("abc", "abd")),
        ("alternate=shifted;strength=tertiary", ("a-b", "ab"), ("ab", "aB")),
        ("alternate=shifted;strength=quaternary", ("ab", "ab"), ("a-b", "ab")),
        ("alternate=shifted;maxVariable=space;strength=primary", ("a b", "ab"), ("a-b", "ab")),
        ("strength=primary;caseLevel=yes", ("a", "\u00e1"), ("a", "A")),
        ("numeric=yes", ("a007", "a7"), ("a70", "a7")),
    ],
)
def test_parameters_say_what_is_equal(parameters, equal, unequal):
    using = collation(f"{UCA}?{parameters}")
    assert using.compare(*equal) == 0
    assert using.compare(*unequal) != 0


@pytest.mark.parametrize(
    ("parameters", "ordered"),
    [
        ("", ["-", "1", "10", "9", "a", "A", "\u00e1", "b", "B", "\u00df", "z"]),
        ("caseFirst=upper", ["A", "a", "B", "b"]),
        ("caseFirst=lower", ["a", "A", "b", "B"]),
        ("numeric=yes", ["a1", "a9", "a10", "a100", "b2"]),
        ("backwards=yes", ["cote", "c\u00f4te", "cot\u00e9", "c\u00f4t\u00e9"]),
        ("backwards=no", ["cote", "cot\u00e9", "c\u00f4te", "c\u00f4t\u00e9"]),
    ],
)
def test_parameters_say_what_sorts_first(parameters, ordered):
    key = collation(f"{UCA}?{parameters}").key
    backwards = list(reversed(ordered))
    assert sorted(backwards, key=key) == ordered


def test_searching_goes_by_whole_characters():
    primary = collation(f"{UCA}?strength=primary")
    assert primary.find("xxA\u0301bcy", "abc") == (2, 6)
    assert primary.find("stra\u00dfe", "STRASSE") == (0, 6)
    assert not primary.contains("stra\u00dfe", "ras")
    assert not collation(UCA).contains("a\u0301", "a")
    assert not collation(f"{UCA}?numeric=yes").contains("a10", "1")
    assert collation(HTML_ASCII).find("xABC", "bc") == (2, 4)


def test_html_ignores_the_case_of_ascii_only():
    using = collation(HTML_ASCII)
    assert using.compare("aZ", "Az") == 0
    assert using.compare("\u00e9", "\u00c9") != 0
    assert using.ends_with("xAB", "ab") and using.starts_with("ABx", "ab")


def test_relative_uris_are_resolved():
    assert collation("collation/codepoint", "http://www.w3.org/2005/xpath-functions/x") is collation(CODEPOINT)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "http://example.com/",
        "collation/codepoint",
        f"{UCA}?fallback=no;lang=sv",
        f"{UCA}?fallback=no;strength=9",
        f"{UCA}?fallback=no;unheard=of",
        f"{UCA}?fallback=no;reorder=digit",
        f"{UCA}?fallback=maybe",
        "http://marklogic.com/collation/en/S9",
    ],
)
def test_what_is_not_supported_is_refused(uri):
    with pytest.raises(XQueryError) as caught:
        collation(uri)
    assert caught.value.code == "FOCH0002"


def test_without_fallback_no_the_nearest_collation_serves():
    assert collation(f"{UCA}?lang=sv;unheard=of;strength=primary").compare("a", "A") == 0


def test_long_texts_take_time_in_proportion():
    text = "\u00e9t\u00e9 " * 20_000
    before = sys.getrecursionlimit()
    assert collation(UCA).compare(text, text + "x") == -1
    assert sys.getrecursionlimit() == before
