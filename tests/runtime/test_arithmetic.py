"""Arithmetic against Python's own integers, decimals, fractions and datetimes, and the rules for the odd cases."""

import datetime
from decimal import Decimal
from fractions import Fraction
from math import copysign, inf, isnan, nan

import pytest
from elementpath.datatypes import UntypedAtomic
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime.arithmetic import add, divide, integer_divide, modulo, multiply, negate, plus, subtract
from xquery_bridge.runtime.atomic import Float32
from xquery_bridge.runtime.casts import atomic_text, cast
from xquery_bridge.runtime.date_times import day_time_duration, instant, microseconds_of
from xquery_bridge.runtime.json_items import JsonArray, MapMap

INTEGERS = st.integers() | st.integers(-(10**40), 10**40)
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, places=12) | INTEGERS.map(Decimal)
DOUBLES = st.floats()


def error_of(operation, *operands):
    with pytest.raises(XQueryError) as caught:
        operation(*operands)
    return caught.value


@given(INTEGERS, INTEGERS)
def test_integers_are_unbounded_and_stay_integers(left, right):
    assert add(left, right) == left + right
    assert subtract(left, right) == left - right
    assert multiply(left, right) == left * right
    assert type(multiply(left, right)) is int


@given(INTEGERS | DECIMALS, DECIMALS)
def test_decimals_are_exact(left, right):
    for operation, expected in (
        (add, Fraction(left) + Fraction(right)),
        (subtract, Fraction(left) - Fraction(right)),
        (multiply, Fraction(left) * Fraction(right)),
    ):
        result = operation(left, right)
        assert type(result) is Decimal
        assert Fraction(result) == expected


@given(INTEGERS | DECIMALS, INTEGERS | DECIMALS)
def test_a_decimal_quotient_has_eighteen_digits_behind_the_point_or_more(left, right):
    assume(right)
    result = divide(left, right)
    exact = Fraction(left) / Fraction(right)
    assert type(result) is Decimal
    assert abs(Fraction(result) - exact) <= Fraction(1, 2 * 10**18)
    assert abs(Fraction(result) - exact) <= abs(exact) / 10**17
    assert atomic_text(cast(atomic_text(result), "decimal")) == atomic_text(result)


@given(INTEGERS | DECIMALS, INTEGERS | DECIMALS)
def test_quotient_and_remainder_make_the_dividend(left, right):
    assume(right)
    quotient, rest = integer_divide(left, right), modulo(left, right)
    assert type(quotient) is int
    assert Fraction(quotient) * Fraction(right) + Fraction(rest) == Fraction(left)
    assert abs(Fraction(rest)) < abs(Fraction(right))
    assert not rest or (rest < 0) == (left < 0)


@given(DOUBLES, DOUBLES)
def test_doubles_follow_ieee_754(left, right):
    for operation, expected in ((add, left + right), (subtract, left - right), (multiply, left * right)):
        result = operation(left, right)
        assert type(result) is float
        assert result == expected or (isnan(result) and isnan(expected))
    if right:
        assert repr(divide(left, right)) == repr(left / right)


@given(DOUBLES, DOUBLES)
def test_integer_division_of_doubles_is_exact(left, right):
    assume(right and not isnan(right) and abs(left) < inf)
    quotient = integer_divide(left, right)
    if abs(right) == inf:
        assert quotient == 0
    else:
        exact = Fraction(left) / Fraction(right)
        assert abs(quotient) == abs(exact).__floor__()
        assert not quotient or (quotient < 0) == (exact < 0)


def test_division_of_doubles_by_zero():
    assert divide(1.0, 0) == inf
    assert divide(1, -0.0) == -inf
    assert isnan(divide(0.0, 0.0))
    assert isnan(modulo(1.0, 0))
    assert isnan(modulo(inf, 2.0))
    assert modulo(5.5, inf) == 5.5
    assert copysign(1.0, modulo(-4.0, 2.0)) == -1.0


def test_promotion_goes_to_the_wider_type():
    small = cast("0.1", "float")
    assert add(small, 1) == Float32(1.1) and type(add(small, 1)) is Float32
    assert type(add(small, Decimal("0.5"))) is Float32
    assert add(small, 0.0) == float(small) and type(add(small, 0.0)) is float
    assert type(add(Decimal(1), 1.0)) is float
    assert multiply(10**400, 1.0) == inf
    assert type(add(cast(5, "short"), cast(6, "short"))) is int
    assert type(integer_divide(7.5, small)) is int


@given(st.floats(width=32), st.floats(width=32))
def test_floats_are_rounded_to_32_bits(left, right):
    result = multiply(Float32(left), Float32(right))
    assert result == Float32(left * right) or isnan(left * right)


def test_untyped_operands_are_doubles():
    assert add(UntypedAtomic("1"), UntypedAtomic("2")) == 3.0
    assert type(add(UntypedAtomic("1"), 2)) is float
    assert type(negate(UntypedAtomic("1"))) is float
    assert error_of(add, UntypedAtomic("x"), 1).code == "FORG0001"


def test_an_empty_operand_gives_an_empty_result():
    for operation in (add, subtract, multiply, divide, integer_divide, modulo):
        assert operation([], 1) == []
        assert operation(1, []) == []
    assert negate([]) == [] and plus([]) == []
    assert add([1], [2]) == 3


@pytest.mark.parametrize(
    ("operation", "operands", "code"),
    [
        (divide, (1, 0), "FOAR0001"),
        (divide, (Decimal(1), 0), "FOAR0001"),
        (integer_divide, (1.0, 0.0), "FOAR0001"),
        (modulo, (1, 0), "FOAR0001"),
        (modulo, (Decimal(1), Decimal(0)), "FOAR0001"),
        (integer_divide, (nan, 1), "FOAR0002"),
        (integer_divide, (inf, 1), "FOAR0002"),
        (integer_divide, (1, nan), "FOAR0002"),
        (add, ([1, 2], 1), "XPTY0004"),
        (add, ("1", 1), "XPTY0004"),
        (add, (True, 1), "XPTY0004"),
        (negate, ("1",), "XPTY0004"),
        (plus, (True,), "XPTY0004"),
        (add, (cast("P1Y", "duration"), cast("P1Y", "duration")), "XPTY0004"),
        (add, (cast("12:00:00", "time"), cast("P1Y", "yearMonthDuration")), "XPTY0004"),
        (subtract, (cast("PT1S", "dayTimeDuration"), cast("2000-01-01", "date")), "XPTY0004"),
        (multiply, (cast("PT1S", "dayTimeDuration"), nan), "FOCA0005"),
        (multiply, (cast("PT1S", "dayTimeDuration"), inf), "FODT0002"),
        (divide, (cast("P1M", "yearMonthDuration"), 0), "FODT0002"),
        (divide, (cast("P1M", "yearMonthDuration"), cast("P0M", "yearMonthDuration")), "FOAR0001"),
        (add, (cast("2000-01-01", "date"), cast("P178000000Y", "yearMonthDuration")), None),
        (add, (cast("2147483000-01-01", "date"), cast("P1000Y", "yearMonthDuration")), "FODT0001"),
    ],
)
def test_each_failure_has_its_code(operation, operands, code):
    if code is None:
        operation(*operands)
    else:
        assert error_of(operation, *operands).code == code


def test_a_type_error_names_both_operands():
    assert "xs:string + xs:integer" in error_of(add, "a", 1).title


def test_signs():
    assert str(negate(0.0)) == "-0.0"
    assert str(negate(Decimal("0.0"))) == "0.0"
    assert negate(Decimal("1." + "1" * 50)) == Decimal("-1." + "1" * 50)
    assert type(negate(Float32(1.0))) is Float32
    assert plus(cast(5, "byte")) == 5 and type(plus(cast(5, "byte"))) is int


MOMENTS = st.datetimes(datetime.datetime(1000, 1, 1), datetime.datetime(5000, 1, 1))
SPANS = st.timedeltas(datetime.timedelta(days=-300_000), datetime.timedelta(days=300_000))


@given(MOMENTS, SPANS)
def test_adding_to_date_times_agrees_with_python(moment, span):
    value = cast(moment.isoformat(), "dateTime")
    duration = multiply(cast("PT0.000001S", "dayTimeDuration"), span // datetime.timedelta(microseconds=1))
    assert atomic_text(add(value, duration)) == atomic_text(cast((moment + span).isoformat(), "dateTime"))
    assert add(value, duration) == add(duration, value)
    assert instant(subtract(add(value, duration), duration)) == instant(value)
    assert microseconds_of(subtract(add(value, duration), value)) == microseconds_of(duration)


@given(st.dates(), st.integers(-10_000, 10_000))
def test_adding_days_to_dates_agrees_with_python(date, days):
    assume(1 <= date.toordinal() + days <= datetime.date.max.toordinal())
    result = add(cast(date.isoformat(), "date"), cast(f"{'-' if days < 0 else ''}P{abs(days)}D", "dayTimeDuration"))
    assert atomic_text(result) == (date + datetime.timedelta(days)).isoformat()


@pytest.mark.parametrize(
    ("date", "duration", "result"),
    [
        ("2000-01-31", "P1M", "2000-02-29"),
        ("1999-01-31Z", "P1M", "1999-02-28Z"),
        ("2000-03-31", "-P1M", "2000-02-29"),
        ("0001-01-01", "-P1M", "0000-12-01"),
        ("0000-02-29", "-P1Y", "-0001-02-28"),
        ("9999-12-31", "P1M", "10000-01-31"),
    ],
)
def test_months_later_the_day_is_cut_to_the_month(date, duration, result):
    assert atomic_text(add(cast(date, "date"), cast(duration, "yearMonthDuration"))) == result


def test_times_go_round_the_clock_and_days_are_counted_with_timezones():
    late = cast("23:30:00+01:00", "time")
    assert atomic_text(add(late, cast("P1DT1H", "dayTimeDuration"))) == "00:30:00+01:00"
    assert atomic_text(subtract(cast("2000-01-02", "date"), cast("2000-01-01-05:00", "date"))) == "PT19H"
    assert atomic_text(subtract(cast("10:00:00Z", "time"), cast("11:00:00", "time"))) == "-PT1H"
    assert atomic_text(subtract(cast("0001-01-01", "date"), cast("-0001-01-01", "date"))) == "P731D"


def test_durations_scale_and_divide():
    assert atomic_text(multiply(cast("P2Y11M", "yearMonthDuration"), 2.3)) == "P6Y9M"
    assert atomic_text(multiply(cast("P2Y11M", "yearMonthDuration"), Decimal("2.3"))) == "P6Y9M"
    assert atomic_text(multiply(-0.5, cast("P1M", "yearMonthDuration"))) == "P0M"
    assert atomic_text(divide(cast("P2Y11M", "yearMonthDuration"), 1.5)) == "P1Y11M"
    assert error_of(multiply, cast("P1Y", "yearMonthDuration"), 1e308).code == "FODT0002"
    assert atomic_text(divide(cast("P2DT53M11S", "dayTimeDuration"), cast("P1DT10H", "dayTimeDuration"))).startswith(
        "1.437834967320261438"
    )
    assert atomic_text(divide(cast("PT1H", "dayTimeDuration"), Decimal("1.5"))) == "PT40M"
    assert divide(cast("P3Y4M", "yearMonthDuration"), cast("-P1Y4M", "yearMonthDuration")) == Decimal("-2.5")
    assert atomic_text(divide(cast("PT1H", "dayTimeDuration"), inf)) == "PT0S"


def test_the_maps_of_ml_unite_intersect_differ_and_invert():
    left, right = MapMap([("a", 1), ("b", 2)]), MapMap([("b", 2), ("c", 3)])
    assert sorted(add(left, right).keys()) == ["a", "b", "c"]
    assert list(multiply(left, right).keys()) == ["b"]
    assert list(subtract(left, right).keys()) == ["a"]
    assert negate(left).get("1") == "a"
    assert error_of(divide, left, right).code == "FOTY0013"


def test_a_json_array_of_one_member_computes_as_the_member():
    assert add(JsonArray([2]), 3) == 5
    assert error_of(add, JsonArray([2, 3]), 3).code == "XPTY0004"


def test_a_result_beyond_ten_thousand_digits_is_rounded_or_refused():
    long = Decimal("1." + "3" * 6000)
    assert len(str(multiply(long, long))) < 10_010
    assert error_of(multiply, Decimal("9" * 6000), Decimal("9" * 6000)).code == "FOAR0002"


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["2020-03-01", "0001-01-01Z", "9999-12-31", "-0044-03-15+01:00", "12345-02-28"]),
    st.integers(-(10**12), 10**12),
    st.integers(-3, 3),
)
def test_a_date_and_a_duration_give_the_day_of_the_moment(text, microseconds, times):
    duration = multiply(day_time_duration(microseconds), times)
    date, moment = cast(text, "date"), cast(cast(text, "date"), "dateTime")
    for operator in (add, subtract):
        assert atomic_text(operator(date, duration)) == atomic_text(cast(operator(moment, duration), "date"))


def test_a_duration_of_no_time_has_no_sign():
    assert atomic_text(multiply(cast("-PT0S", "dayTimeDuration"), -1)) == "PT0S"
    assert error_of(multiply, cast("P1D", "dayTimeDuration"), 10**40).code == "FODT0002"
