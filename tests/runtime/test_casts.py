"""The casting table, lexical forms, and that a value read from its lexical form is the value."""

import datetime
import struct
from decimal import Context, Decimal
from fractions import Fraction
from math import inf, isnan, nan, nextafter

import pytest
from elementpath import datatypes as ep
from elementpath.datatypes import UntypedAtomic
from hypothesis import given, settings
from hypothesis import strategies as st

from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime.atomic import ATOMIC_TYPES, TYPE_OF_CLASS, Float32
from xquery_bridge.runtime.casts import (
    atomic_text,
    cast,
    castable,
    decimal_text,
    double_text,
    float_text,
    integer_text,
    parse_double,
)
from xquery_bridge.runtime.context import StaticContext
from xquery_bridge.runtime.date_times import date_after, days_before, instant

FLOATS = st.integers(0, 2**32 - 1).map(lambda bits: struct.unpack("f", struct.pack("I", bits))[0])
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, places=9)

#: A value of each primitive type in its canonical form.
SAMPLES = {
    "untypedAtomic": "a  b",
    "string": "a\tb",
    "anyURI": "http://a/b",
    "boolean": "true",
    "decimal": "-1.25",
    "integer": "-12",
    "double": "1.0E21",
    "float": "1.0E-7",
    "duration": "-P1Y2M3DT4H5M6.7S",
    "yearMonthDuration": "P1Y2M",
    "dayTimeDuration": "-P1DT0.5S",
    "dateTime": "2000-02-29T23:59:59.999-14:00",
    "dateTimeStamp": "0000-01-01T00:00:00Z",
    "date": "-0044-03-15",
    "time": "12:00:00+05:30",
    "gYear": "12000",
    "gYearMonth": "1999-12Z",
    "gMonth": "--02",
    "gMonthDay": "--02-29",
    "gDay": "---31",
    "hexBinary": "0FB7",
    "base64Binary": "D7c=",
    "language": "en-GB",
    "NMTOKEN": "1a",
    "NCName": "\u00e9t\u00e9",
    "unsignedByte": "255",
}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_canonical_form_is_read_and_written_unchanged(name):
    value = cast(SAMPLES[name], name)
    assert TYPE_OF_CLASS[type(value)] == name
    assert atomic_text(value) == SAMPLES[name]
    assert cast(value, "string") == SAMPLES[name]
    assert cast(value, "untypedAtomic").value == SAMPLES[name]
    assert atomic_text(cast(UntypedAtomic(SAMPLES[name]), name)) == SAMPLES[name]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0"),
        (-0.0, "-0"),
        (1e21, "1.0E21"),
        (1e-7, "1.0E-7"),
        (1e6, "1.0E6"),
        (999999.5, "999999.5"),
        (0.000001, "0.000001"),
        (-0.00001234, "-0.00001234"),
        (123456.0, "123456"),
        (-1234567.5, "-1.2345675E6"),
        (5e-324, "5.0E-324"),
        (inf, "INF"),
        (-inf, "-INF"),
        (nan, "NaN"),
    ],
)
def test_doubles_have_an_exponent_from_a_million_on_and_below_a_millionth(number, text):
    assert double_text(number) == text


@given(st.floats(allow_nan=False))
def test_a_double_reads_back_from_its_lexical_form(number):
    assert parse_double(double_text(number)) == number


@given(FLOATS.filter(lambda number: not isnan(number)))
def test_a_float_reads_back_from_the_fewest_digits(number):
    text = float_text(number)
    assert cast(text, "float") == number
    digits = text.split("E")[0].replace(".", "").replace("-", "").strip("0")
    if number and abs(number) != inf:
        assert len(digits) <= 9
        fewer = float(f"{number:.{max(len(digits) - 2, 0)}e}")
        assert len(digits) == 1 or Float32(fewer) != number


@given(st.integers(0x20000000, 0x60000000), st.sampled_from([-1, 0, 1]))
def test_a_number_between_two_floats_is_rounded_once(bits, side):
    number = struct.unpack("f", struct.pack("I", bits))[0]
    neighbour = struct.unpack("f", struct.pack("I", bits + 1))[0]
    tiny = Fraction(abs(number)) / 2**80
    exact = (Fraction(number) + Fraction(neighbour)) / 2 + side * (tiny if neighbour > number else -tiny)
    power = 0
    while exact.denominator >> power != 1:
        power += 1
    text = str(Decimal(exact.numerator * 5**power).scaleb(-power, context=Context(prec=500)))
    expected = number if side < 0 else neighbour if side > 0 else (number if bits % 2 == 0 else neighbour)
    assert cast(text.replace("E+", "E"), "float") == expected


@given(DECIMALS)
def test_a_decimal_is_written_without_an_exponent(number):
    text = decimal_text(number)
    assert "E" not in text
    assert Decimal(text) == number
    assert not text.endswith(".") and not text.startswith("-0.0" + "0" * 20)


def test_decimals_and_integers_may_have_any_number_of_digits():
    assert decimal_text(Decimal("1E+30")) == "1" + "0" * 30
    assert decimal_text(Decimal("-0.00")) == "0"
    digits = "7" * 6000
    assert integer_text(cast(digits, "integer")) == digits


@given(st.datetimes(), st.integers(-14 * 60, 14 * 60))
def test_date_times_agree_with_those_of_python(moment, minutes):
    zone = datetime.timezone(datetime.timedelta(minutes=minutes))
    moment = moment.replace(tzinfo=zone)
    value = cast(moment.isoformat(), "dateTime")
    assert instant(value) == (moment - datetime.datetime(1, 1, 1, tzinfo=datetime.UTC)) // datetime.timedelta(
        microseconds=1
    )
    assert instant(cast(atomic_text(value), "dateTime")) == instant(value)


@given(st.integers(-(10**9), 10**9))
def test_days_and_dates_are_one_another_s_inverse(days):
    assert days_before(*date_after(days)) == days


def test_leap_years_are_right_beyond_those_of_python():
    assert castable("12000-02-29", "date")
    assert not castable("11999-02-29", "date")
    assert castable("-0004-02-29", "date")
    assert castable("0000-02-29", "date")
    assert not castable("-0001-02-29", "date")


def test_the_hour_24_is_midnight_of_the_next_day():
    assert atomic_text(cast("1999-12-31T24:00:00", "dateTime")) == "2000-01-01T00:00:00"
    assert atomic_text(cast("-0001-12-31T24:00:00Z", "dateTime")) == "0000-01-01T00:00:00Z"
    assert atomic_text(cast("24:00:00", "time")) == "00:00:00"
    assert not castable("24:00:01", "time")


@given(st.integers(0, 10**7), st.integers(0, 10**12), st.booleans())
def test_durations_read_back(months, microseconds, negative):
    sign = -1 if negative else 1
    value = ep.Duration(sign * months, Decimal(sign * microseconds).scaleb(-6))
    read = cast(atomic_text(value), "duration")
    assert (read.months, read.seconds) == (value.months, value.seconds)


@given(st.binary(max_size=100))
def test_binaries_convert_into_each_other(data):
    value = cast(data.hex(), "hexBinary")
    assert atomic_text(cast(cast(value, "base64Binary"), "hexBinary")) == data.hex().upper()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("1.", "integer"),
        ("", "integer"),
        ("1e0", "decimal"),
        ("inf", "double"),
        ("1_0", "integer"),
        ("\u0661", "integer"),
        ("TRUE", "boolean"),
        ("256", "unsignedByte"),
        ("0", "positiveInteger"),
        ("P", "duration"),
        ("P1D", "yearMonthDuration"),
        ("P1Y", "dayTimeDuration"),
        ("PT", "duration"),
        ("2001-02-29", "date"),
        ("2001-02-01T00:00:00", "dateTimeStamp"),
        ("02001-01-01", "date"),
        ("2000-01-01\u00a0", "date"),
        ("--02-30", "gMonthDay"),
        ("0", "hexBinary"),
        ("AB==C", "base64Binary"),
        ("AB==", "boolean"),
        ("1a", "NCName"),
        ("a b", "NMTOKEN"),
        ("abcdefghi", "language"),
        ("", "NMTOKENS"),
        ("x", "error"),
    ],
)
def test_what_a_type_does_not_have_is_an_invalid_cast(text, name):
    assert not castable(text, name)
    with pytest.raises(XQueryError, match="cast as xs:") as caught:
        cast(text, name)
    assert caught.value.code == "FORG0001"


@pytest.mark.parametrize(
    ("source", "name"),
    [
        (True, "date"),
        (1, "dateTime"),
        (1.0, "hexBinary"),
        (cast("2000-01-01", "date"), "time"),
        (cast("12:00:00", "time"), "dateTime"),
        (cast("P1M", "yearMonthDuration"), "integer"),
        (cast("2000", "gYear"), "date"),
        (cast("00", "hexBinary"), "boolean"),
        (cast("http://a", "anyURI"), "double"),
        (1, "QName"),
        (1, "IDREFS"),
    ],
)
def test_types_without_a_cast_between_them_are_a_type_error(source, name):
    assert not castable(source, name)
    with pytest.raises(XQueryError) as caught:
        cast(source, name)
    assert caught.value.code == "XPTY0004"


@pytest.mark.parametrize(
    ("source", "name", "code"),
    [
        (nan, "integer", "FOCA0002"),
        (Float32(inf), "decimal", "FOCA0002"),
        ("P99999999999Y", "duration", "FODT0002"),
        ("99999999999-01-01", "date", "FODT0001"),
        ("p:q", "QName", "FONS0004"),
        ("x", "NOTATION", "XPST0080"),
        ("x", "anyAtomicType", "XPST0080"),
        ("x", "untyped", "XPST0051"),
    ],
)
def test_each_failure_has_its_code(source, name, code):
    with pytest.raises(XQueryError) as caught:
        cast(source, name)
    assert caught.value.code == code


def test_a_date_time_casts_to_its_parts():
    moment = cast("1999-05-06T07:08:09.5+01:00", "dateTime")
    parts = {
        "date": "1999-05-06+01:00",
        "time": "07:08:09.5+01:00",
        "gYear": "1999+01:00",
        "gYearMonth": "1999-05+01:00",
        "gMonth": "--05+01:00",
        "gMonthDay": "--05-06+01:00",
        "gDay": "---06+01:00",
    }
    assert {name: atomic_text(cast(moment, name)) for name in parts} == parts
    assert atomic_text(cast(cast(moment, "date"), "dateTime")) == "1999-05-06T00:00:00+01:00"


def test_numbers_cast_to_each_other():
    assert cast(-1.9, "integer") == -1
    assert cast(0.1, "decimal") == Decimal.from_float(0.1)
    assert cast(10**400, "double") == inf
    assert cast(2**24 + 1, "float") == 2**24
    assert cast(Decimal("1.5"), "boolean") is True
    assert cast(nan, "boolean") is False
    assert type(cast(cast(5, "short"), "integer")) is int
    assert type(cast(True, "decimal")) is Decimal
    assert cast(nextafter(3.4028235677973366e38, 0.0), "float") == Float32(3.4028234663852886e38)


def test_list_union_and_name_types():
    assert cast(" a  b ", "NMTOKENS") == ["a", "b"]
    assert type(cast("1", "numeric")) is float
    assert cast(7, "numeric") == 7
    static = StaticContext(namespaces={"p": "urn:p"}, default_element_namespace="urn:d")
    name = cast(" p:q ", "QName", static)
    assert (name.uri, name.prefix, name.local_name) == ("urn:p", "p", "q")
    assert cast(UntypedAtomic("q"), "QName", static).uri == "urn:d"


def test_white_space_is_replaced_or_collapsed_as_the_type_says():
    assert cast("a\t\nb ", "normalizedString") == "a  b "
    assert cast(" a\t\nb ", "token") == "a b"
    assert cast(" a\u00a0 ", "token") == "a\u00a0"
    assert cast(" 12\n", "int") == 12


@settings(max_examples=30)
@given(st.sampled_from([row.name for row in ATOMIC_TYPES]), st.sampled_from([row.name for row in ATOMIC_TYPES]))
def test_castable_says_whether_cast_gives_a_value_of_the_type(source, target):
    if source not in SAMPLES or target in ("anyAtomicType", "NOTATION", "QName"):
        return
    value = cast(SAMPLES[source], source)
    if castable(value, target):
        assert TYPE_OF_CLASS[type(cast(value, target))] == target
    else:
        with pytest.raises(XQueryError):
            cast(value, target)
