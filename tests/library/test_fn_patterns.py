"""Regular expressions of XPath against what F&O 3.1, section 5.6, says of them."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xquery_bridge import Engine, Limits
from xquery_bridge.errors import XQueryError
from xquery_bridge.library.fn.analyze_string import analyze_string
from xquery_bridge.library.fn.patterns import PatternError, translated
from xquery_bridge.library.fn.regex import matches, replace, tokenize


@pytest.mark.parametrize(
    ("text", "pattern", "flags", "expected"),
    [
        ("a\nb", "a.b", "", False),
        ("a\nb", "a.b", "s", True),
        ("a\n", "a$", "", False),
        ("a\nb", "^b", "m", True),
        ("a\n", "^$", "m", False),
        ("ab", "A B", "ix", True),
        ("a.b", "a.b", "q", True),
        ("axb", "a.b", "q", False),
        ("e", "[a-z-[aeiou]]", "", False),
        ("\u00a0", r"\s", "", False),
        ("+", r"\w", "", True),
        ("_", r"\w", "", False),
        ("-", "[a-c-1-4]", "", True),
        ("a", r"\p{Lu}", "i", False),
        ("q", "[^Q]", "i", False),
        ("\u0391", r"\p{IsGreek}", "", True),
        ("1a", r"^\i\c*$", "", False),
    ],
)
def test_matches(text: str, pattern: str, flags: str, expected: bool) -> None:
    assert matches(text, pattern, flags) is expected


def test_a_reference_to_a_group_without_a_match_is_empty() -> None:
    assert matches("b", r"^(a)?b\1$")
    assert matches("aba", r"^(a)?b\1$")


@pytest.mark.parametrize(
    "pattern",
    ["(", ")", "[", "a{2,1}", "*", "a**", r"\1", r"(a\1)", r"\q", "(?=a)", "[]", "[z-a]", r"\p{Foo}", "a{,2}"],
)
def test_malformed_patterns_raise(pattern: str) -> None:
    with pytest.raises(XQueryError) as raised:
        matches("a", pattern)
    assert raised.value.code == "FORX0002"


@given(st.text(alphabet="ab|()*?[]-^\\d{}1,.", max_size=8))
@settings(max_examples=150)
def test_every_pattern_is_refused_or_compiles(pattern: str) -> None:
    try:
        python = translated(pattern, "").text
    except PatternError:
        return
    re.compile(python)


@given(st.text(max_size=20), st.text(min_size=1, max_size=2))
@settings(max_examples=50)
def test_the_parts_of_a_split_text_join_to_it(text: str, mark: str) -> None:
    assert mark.join(tokenize(text, mark, "q")) == text


def test_replacements_take_as_many_digits_as_make_a_group() -> None:
    assert replace("ab", "(a)(b)", "$2$1") == "ba"
    assert replace("a", "(a)", "$12") == "a2"
    assert replace("a", "a", r"\$\\") == "$\\"
    with pytest.raises(XQueryError) as raised:
        replace("a", "a", "$x")
    assert raised.value.code == "FORX0004"


@pytest.mark.parametrize(
    "call", [lambda: replace("a", "a*", ""), lambda: tokenize("a", "b?"), lambda: analyze_string("", "")]
)
def test_patterns_that_match_nothing_are_refused_where_text_is_split(call: object) -> None:
    with pytest.raises(XQueryError) as raised:
        call()  # type: ignore[operator]
    assert raised.value.code == "FORX0003"


def test_unknown_flags_are_refused() -> None:
    with pytest.raises(XQueryError) as raised:
        matches("a", "a", "u")
    assert raised.value.code == "FORX0001"


@given(st.text(alphabet="ab1", max_size=12))
@settings(max_examples=40)
def test_an_analyzed_string_keeps_its_text(text: str) -> None:
    found = analyze_string(text, "((a)|b)+1?")
    assert found.string_value == text
    assert all(child.string_value for child in found.children)


def test_groups_stand_inside_their_groups() -> None:
    (match,) = analyze_string("ab", "(a(b))").children
    (outer,) = match.children
    assert [each.value for each in outer.attributes] == ["1"]
    assert [child.kind for child in outer.children] == ["text", "element"]


EXPLODING = "^(a+)+$"


def test_a_repeated_choice_is_told_from_a_plain_repetition() -> None:
    assert all(translated(pattern, "").explosive for pattern in (EXPLODING, "(a|b)*", "(a?b?){3,}", "((ab)+c)*"))
    assert not any(translated(pattern, "").explosive for pattern in ("a+b*", "(ab)+", "(a+)?", "[a-z]+(,|;)", "a|b"))


def test_patterns_that_could_explode_give_the_same_results() -> None:
    assert matches("aaa", EXPLODING) and not matches("aab", EXPLODING)
    assert replace("xaabbx", "(a|b)+", "[$0$1]") == "x[aabbb]x"
    assert tokenize("1ab2ba3", "(a|b)+") == ["1", "2", "3"]


def test_a_match_that_takes_too_long_ends_with_the_time_limit() -> None:
    engine = Engine(dialect="3.1", limits=Limits(seconds=0.5))
    query = (
        "try { matches(string-join((1 to 5000) ! 'ab') || 'c', '^((a|b)*?b?(ab)*)*?(a|ab)+$') } catch * { 'caught' }"
    )
    begin = time.monotonic()
    with pytest.raises(XQueryError) as raised:
        engine.evaluate(query)
    assert raised.value.marklogic_code == "XDMP-EXTIME"
    assert time.monotonic() - begin < 60
    assert engine.evaluate("1 + 1") == [2]
