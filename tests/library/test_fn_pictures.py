"""Numbers and dates by pictures: examples of F&O 3.1, sections 4.6, 4.7 and 9.8, and laws."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xquery_bridge.errors import XQueryError
from xquery_bridge.library.fn.ietf_dates import parse_ietf_date
from xquery_bridge.library.fn.integer_pictures import format_integer
from xquery_bridge.library.fn.number_pictures import format_number
from xquery_bridge.library.fn.number_words import cardinal, ordinal, roman
from xquery_bridge.runtime.context import StaticContext
from xquery_bridge.runtime.values import string_of

STATIC = StaticContext(
    decimal_formats={
        ("", "de"): {"decimal-separator": ",", "grouping-separator": "."},
        ("", "ar"): {"zero-digit": "\u0660"},
    }
)


@pytest.mark.parametrize(
    ("number", "picture", "expected"),
    [
        (12345.6, "#,###.00", "12,345.60"),
        (12345678.9, "9,999.99", "12,345,678.90"),
        (123.9, "9999", "0124"),
        (0.14, "01%", "14%"),
        (-6, "000", "-006"),
        (-6, "#0;(#0)", "(6)"),
        (1234.5678, "00.000e0", "12.346e2"),
        (0.234, "0.0e0", "2.3e-1"),
        (0.2, "#.#e0", "0.2e0"),
        (float("nan"), "0", "NaN"),
        (float("-inf"), "0", "-Infinity"),
        (2.5, "0", "2"),
        (1e308, "0%", "Infinity%"),
    ],
)
def test_numbers(number: float, picture: str, expected: str) -> None:
    assert format_number(STATIC, number, picture) == expected


def test_decimal_formats_have_separators_and_digits_of_their_own() -> None:
    assert format_number(STATIC, 1234.5, "#.##0,00", "de") == "1.234,50"
    assert format_number(STATIC, 12, "\u0660", "ar") == "\u0661\u0662"


@pytest.mark.parametrize("picture", ["", "a", "0.0.0", "0;0;0", "#0#", "0,", "0,,0", "0%%", "0e0%", "0 0", "0,.0"])
def test_malformed_number_pictures(picture: str) -> None:
    with pytest.raises(XQueryError) as raised:
        format_number(STATIC, 1, picture)
    assert raised.value.code == "FODF1310"


def test_unknown_decimal_formats() -> None:
    with pytest.raises(XQueryError) as raised:
        format_number(STATIC, 1, "0", "fr")
    assert raised.value.code == "FODF1280"


@given(st.integers(-(10**12), 10**12))
@settings(max_examples=50)
def test_grouped_integers_are_python_s(number: int) -> None:
    assert format_number(STATIC, number, "#,##0") == f"{number:,}"
    assert format_integer(number, "#,##0") == f"{number:,}"


@pytest.mark.parametrize(
    ("number", "picture", "expected"),
    [
        (123, "0000", "0123"),
        (123, "w", "one hundred and twenty-three"),
        (21, "1;o", "21st"),
        (112, "1;o", "112th"),
        (14, "Ww;o", "Fourteenth"),
        (7, "a", "g"),
        (28, "A", "AB"),
        (57, "I", "LVII"),
        (None, "1", ""),
        (5, "\u2460", "\u2464"),
        (-5, "w", "-five"),
    ],
)
def test_integers(number: int | None, picture: str, expected: str) -> None:
    assert format_integer(number, picture) == expected


@pytest.mark.parametrize("picture", ["", ";o", "1;x", "0#", ",0", "0,", "0,,0", "1a2", "\u06600"])
def test_malformed_integer_pictures(picture: str) -> None:
    with pytest.raises(XQueryError) as raised:
        format_integer(1, picture)
    assert raised.value.code == "FODF1310"


@given(st.integers(0, 10**18))
@settings(max_examples=50)
def test_words_of_different_numbers_differ(number: int) -> None:
    assert cardinal(number) != cardinal(number + 1)
    assert ordinal(number).endswith(("th", "st", "nd", "rd"))


@given(st.integers(1, 3998))
@settings(max_examples=50)
def test_roman_numerals_add_up(number: int) -> None:
    values = [{"i": 1, "v": 5, "x": 10, "l": 50, "c": 100, "d": 500, "m": 1000}[char] for char in roman(number) or ""]
    total = sum(-one if one < after else one for one, after in zip(values, [*values[1:], 0], strict=True))
    assert total == number


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("format-date(xs:date('2002-12-31'), '[Y0001]-[M01]-[D01]')", "2002-12-31"),
        ("format-date(xs:date('2002-12-31'), '[D1o] [MNn], [Y]')", "31st December, 2002"),
        ("format-date(xs:date('2002-12-31'), '[D01] [MN,*-3] [Y0001]')", "31 DEC 2002"),
        ("format-date(xs:date('2002-12-31'), '[[[Y01]]]')", "[02]"),
        ("format-date(xs:date('2002-12-31'), '[FNn,3-3] [W] [d]')", "Tue 1 365"),
        ("format-date(xs:date('-0055-03-01'), '[Y][EN]')", "55BC"),
        ("format-date(xs:date('2002-12-31'), '[MNn]', 'xx', (), ())", "[Language: en]December"),
        ("format-time(xs:time('15:58:45.762'), '[h]:[m01] [PN]')", "3:58 PM"),
        ("format-time(xs:time('15:58:45.762+02:00'), '[H01]:[m01]:[s01].[f001] [Z]')", "15:58:45.762 +02:00"),
        ("format-time(xs:time('15:58:45.762'), '[f,2-2]')", "76"),
        ("format-time(xs:time('15:58:45Z'), '[z]')", "GMT+00:00"),
        ("format-dateTime(xs:dateTime('2002-12-31T00:00:00-05:30'), '[Z0] [Z0000] [ZZ]')", "-5:30 -0530 -05:30"),
    ],
)
def test_dates(text: Callable[[str], str], query: str, expected: str) -> None:
    assert text(query) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("format-date(current-date(), '[bla]')", "FOFD1340"),
        ("format-date(current-date(), '[Y')", "FOFD1340"),
        ("format-date(current-date(), '[Y,4-3]')", "FOFD1340"),
        ("format-date(current-date(), '[H]')", "FOFD1350"),
        ("format-time(current-time(), '[Y]')", "FOFD1350"),
    ],
)
def test_malformed_date_pictures(code: Callable[[str], str], query: str, expected: str) -> None:
    assert code(query) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Wed, 06 Jun 1994 07:29:35 GMT", "1994-06-06T07:29:35Z"),
        ("Wed, 6 Jun 94 07:29:35", "1994-06-06T07:29:35Z"),
        ("Wed Jun 06 11:54:45 EST 0090", "0090-06-06T11:54:45-05:00"),
        ("Sunday, 06-Nov-94 08:49:37 +0130", "1994-11-06T08:49:37+01:30"),
    ],
)
def test_dates_of_mail(written: str, expected: str) -> None:
    assert string_of(parse_ietf_date(written)) == expected


@pytest.mark.parametrize("written", ["", "6 Jun 1994", "Wed, 31 Feb 1994 07:29:35", "06 Jun 1994 25:29:35"])
def test_what_is_no_date_of_mail(written: str) -> None:
    with pytest.raises(XQueryError) as raised:
        parse_ietf_date(written)
    assert raised.value.code == "FORG0010"
