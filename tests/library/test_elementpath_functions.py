"""What elementpath computes for us: which rows, with which results, and that calls never meet one another."""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any
from urllib.parse import quote, unquote

import pytest
from elementpath.datatypes import Float
from hypothesis import given, settings
from hypothesis import strategies as st

from docs import elementpath_section
from xquery_bridge.errors import XQueryError
from xquery_bridge.library import tables
from xquery_bridge.library.elementpath_functions import NATIVE, LibraryFunction, OfContextNode
from xquery_bridge.registry import Registry
from xquery_bridge.runtime.atomic import Float32
from xquery_bridge.runtime.casts import cast
from xquery_bridge.runtime.values import string_of

FN = "http://www.w3.org/2005/xpath-functions"
MATH = f"{FN}/math"
REGISTRY = Registry(tables())
STANDARD = [row for row in REGISTRY.rows() if row.uri in (FN, MATH)]

TEXTS = st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=10)


def served(local: str, arity: int = 1, uri: str = FN) -> Callable[..., Any]:
    """The implementation of a row that elementpath serves."""
    row = REGISTRY.lookup(uri, local, arity)
    assert row is not None and row.served_by == "elementpath"
    return row.implementation


# ----------------------------------------------------------------------------------------------------------------- rows


def test_a_row_is_native_or_goes_through_elementpath() -> None:
    for row in REGISTRY.rows():
        through_elementpath = isinstance(row.implementation, LibraryFunction | OfContextNode)
        assert row.served_by == ("elementpath" if through_elementpath else "native"), row.signature


def test_each_standard_function_is_served_or_has_its_reason() -> None:
    native = [f"{row.prefix}:{row.local}" for row in STANDARD if row.served_by == "native"]
    reasons = [name for names in NATIVE.values() for name in names.split()]
    assert sorted(reasons) == sorted(set(native))


def test_elementpath_never_serves_some_arities_of_a_name_only() -> None:
    by_name: dict[str, set[str]] = {}
    for row in STANDARD:
        by_name.setdefault(f"{row.prefix}:{row.local}", set()).add(row.served_by)
    assert [name for name, kinds in by_name.items() if len(kinds) > 1] == []


def test_the_architecture_page_lists_what_is_served() -> None:
    page = elementpath_section.PAGE.read_text(encoding="utf-8")
    assert page == elementpath_section.rewritten(page), "run: python -m docs.elementpath_section"


def test_a_name_that_elementpath_lacks_is_refused() -> None:
    with pytest.raises((KeyError, ValueError)):
        LibraryFunction(FN, "no-such-function", 1)


# -------------------------------------------------------------------------------------------------------------- results


@given(st.floats())
@settings(max_examples=60)
def test_inverse_functions_are_pythons_within_their_domain(value: float) -> None:
    for name in ("asin", "acos", "atan", "tan"):
        try:
            expected = getattr(math, name)(value)
        except ValueError:
            expected = math.nan
        found = served(name, uri=MATH)(value)
        assert type(found) is float
        assert found == expected or (math.isnan(found) and math.isnan(expected))


@given(st.floats(), st.floats())
@settings(max_examples=60)
def test_atan2_is_pythons(y: float, x: float) -> None:
    found, expected = served("atan2", 2, MATH)(y, x), math.atan2(y, x)
    assert str(found) == str(expected)


@given(TEXTS)
@settings(max_examples=60)
def test_escaping_leaves_ascii_and_can_be_undone(text: str) -> None:
    encoded = served("encode-for-uri")(text)
    assert encoded == quote(text, safe="") and unquote(encoded) == text
    iri_to_uri, escape_html_uri = served("iri-to-uri"), served("escape-html-uri")
    assert iri_to_uri(text).isascii() and escape_html_uri(text).isascii()
    assert iri_to_uri(iri_to_uri(text)) == iri_to_uri(text)


@given(st.integers(-(10**6), 10**6))
@settings(max_examples=60)
def test_parts_of_a_year_month_duration_add_up(months: int) -> None:
    duration = cast(f"{'-' if months < 0 else ''}P{abs(months)}M", "yearMonthDuration")
    assert served("years-from-duration")(duration) * 12 + served("months-from-duration")(duration) == months


@given(st.decimals(-(10**9), 10**9, places=6))
@settings(max_examples=60)
def test_parts_of_a_day_time_duration_add_up(seconds: Decimal) -> None:
    duration = cast(f"{'-' if seconds < 0 else ''}PT{abs(seconds):f}S", "dayTimeDuration")
    days, hours, minutes, rest = (
        served(f"{part}-from-duration")(duration) for part in ("days", "hours", "minutes", "seconds")
    )
    assert ((days * 24 + hours) * 60 + minutes) * 60 + rest == seconds


@given(st.dates(), st.times(), st.sampled_from(["", "Z", "+05:30", "-14:00"]))
@settings(max_examples=60)
def test_a_date_and_a_time_joined_have_the_parts_of_both(date: Any, time: Any, zone: str) -> None:
    day = cast(date.isoformat() + zone, "date")
    clock = cast(time.isoformat(), "time")
    joined = served("dateTime", 2)(day, clock)
    assert joined == cast(f"{date.isoformat()}T{time.isoformat()}{zone}", "dateTime")
    assert served("month-from-dateTime")(joined) == served("month-from-date")(day) == date.month
    assert served("day-from-dateTime")(joined) == served("day-from-date")(day) == date.day
    assert served("hours-from-dateTime")(joined) == served("hours-from-time")(clock) == time.hour
    assert served("minutes-from-dateTime")(joined) == served("minutes-from-time")(clock) == time.minute
    assert served("seconds-from-time")(clock) == Decimal(time.second * 10**6 + time.microsecond).scaleb(-6)


def test_nothing_gives_nothing() -> None:
    for row in STANDARD:
        if row.served_by == "elementpath" and row.params and all(str(each.type).endswith("?") for each in row.params):
            found = row.implementation(*[None] * row.arity)
            assert found == ("" if str(row.result) == "xs:string" else []), row.signature


def test_a_float_comes_back_in_32_bits() -> None:
    assert type(LibraryFunction(FN, "head", 1)([Float(0.1), 2])) is Float32


# -------------------------------------------------------------------------------------------------------- in a query


def test_nodes_of_every_kind_are_accepted(enhanced: Callable[..., list[Any]], text: Callable[[str], str]) -> None:
    assert text(
        "string-join(for $n in (<a x='1'>t<!--c--></a>)/(., @x, text(), comment()) return (nilled($n), '-'), ' ')"
    ) == ("false - - - -")
    assert text("<a/>/string(nilled())") == "false"
    assert text("count((document { <a/> }/document-uri(), document-uri(<a/>), document-uri(())))") == "0"
    assert enhanced("fn:nilled(object-node { 'a': 1 }), fn:document-uri(array-node { 1 })") == []


def test_a_recursive_query_keeps_the_arguments_of_each_call(text: Callable[[str], str]) -> None:
    query = """
        declare function local:down($n as xs:integer) as xs:string {
          if ($n eq 0) then "" else encode-for-uri(concat(local:down($n - 1), "/"))
        };
        local:down(4)"""
    expected = ""
    for _ in range(4):
        expected = quote(f"{expected}/", safe="")
    assert text(query) == expected


def test_closures_over_a_served_function_keep_their_own_arguments(text: Callable[[str], str]) -> None:
    query = """
        let $f := for $i in 1 to 3 return math:atan2(?, $i),
            $g := math:atan2#2,
            $h := for $i in 1 to 3 return $g($i, ?)
        return string-join(for $each in ($f, $h) return round($each(1) * 1000), " ")"""
    assert text(query) == "785 464 322 785 1107 1249"


def test_threads_do_not_share_arguments() -> None:
    encode = served("encode-for-uri")

    def repeat(text: str) -> bool:
        return all(encode(text) == quote(text, safe="") for _ in range(200))

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(repeat, ["a b", "/", "é", "~"]))


def test_an_error_keeps_its_code_and_says_what_is_wrong(code: Callable[[str], str]) -> None:
    zones = 'dateTime(xs:date("2020-01-01Z"), xs:time("10:00:00+01:00"))'
    assert code(zones) == "FORG0008"
    assert code("(1, 2) ! nilled()") == "XPTY0004"
    with pytest.raises(XQueryError) as raised:
        LibraryFunction(FN, "codepoints-to-string", 1)([0])
    assert (raised.value.code, "codepoint" in raised.value.title) == ("FOCH0001", True)


def test_a_caught_error_has_the_name_of_the_standard(text: Callable[[str], str]) -> None:
    query = 'try { dateTime(xs:date("2020-01-01Z"), xs:time("10:00:00+01:00")) } catch err:FORG0008 { "caught" }'
    assert text(query) == "caught"


def test_names_of_a_qname_have_their_types(standard: Callable[..., list[Any]]) -> None:
    name = 'QName("urn:a", "p:b")'
    items = standard(f"prefix-from-QName({name}), local-name-from-QName({name}), namespace-uri-from-QName({name})")
    assert [string_of(item) for item in items] == ["p", "b", "urn:a"]
    assert standard(
        f"local-name-from-QName({name}) instance of xs:NCName, namespace-uri-from-QName({name}) instance of xs:anyURI"
    ) == [True, True]
