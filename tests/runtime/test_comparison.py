"""Comparisons: laws of order and equality, general comparison against its definition, deep equality, and keys."""

import operator
from decimal import Decimal
from itertools import pairwise, product
from math import inf, isnan, nan

import pytest
from elementpath.datatypes import AnyURI, UntypedAtomic
from hypothesis import given, settings
from hypothesis import strategies as st

from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime import comparison
from xquery_bridge.runtime.arrays import XdmArray
from xquery_bridge.runtime.atomic import Float32
from xquery_bridge.runtime.casts import cast
from xquery_bridge.runtime.collations import HTML_ASCII, collation
from xquery_bridge.runtime.comparison import (
    deep_equal,
    equal_atoms,
    general_eq,
    general_lt,
    general_ne,
    grouping_key,
    same_key,
    sort_key,
    value_compare,
    value_eq,
    value_lt,
)
from xquery_bridge.runtime.functions import FunctionItem
from xquery_bridge.runtime.json_items import JsonArray, MapMap
from xquery_bridge.runtime.json_nodes import node_from_python
from xquery_bridge.runtime.maps import XdmMap
from xquery_bridge.runtime.node_builder import parse_xml

OPERATORS = ("eq", "ne", "lt", "le", "gt", "ge")
NO_CASE = collation(HTML_ASCII)

NUMBERS = (
    st.integers(-5, 5)
    | st.sampled_from([nan, inf, -inf, -0.0, 0.5, 1.0, 1e300, 0.1])
    | st.sampled_from([Decimal("0.5"), Decimal(1), Decimal("0.1"), Decimal.from_float(0.1)])
    | st.sampled_from([Float32(0.5), Float32(0.1), Float32(nan), cast(3, "byte")])
)
TEXTS = st.sampled_from(["", "a", "B", "b", "1"])
STRINGS = TEXTS | TEXTS.map(UntypedAtomic) | TEXTS.map(AnyURI) | TEXTS.map(lambda text: cast(text, "token"))
TIMES = st.sampled_from(
    [
        cast(text, name)
        for name, text in (
            ("date", "2000-01-01"),
            ("date", "2000-01-01Z"),
            ("date", "1999-12-31-12:00"),
            ("date", "2000-01-01+12:00"),
            ("dateTime", "2000-01-01T00:00:00"),
            ("dateTime", "2000-01-01T01:00:00+01:00"),
            ("dateTimeStamp", "2000-01-01T00:00:00Z"),
            ("time", "00:00:00"),
            ("time", "01:00:00+01:00"),
            ("gYear", "2000"),
            ("gYear", "2000Z"),
            ("gMonthDay", "--01-01"),
            ("duration", "P1Y"),
            ("yearMonthDuration", "P12M"),
            ("dayTimeDuration", "P365D"),
            ("dayTimeDuration", "PT0S"),
            ("yearMonthDuration", "P0M"),
            ("hexBinary", "00"),
            ("base64Binary", "AA=="),
            ("QName", "a"),
        )
    ]
)
ATOMS = NUMBERS | STRINGS | TIMES | st.booleans()


def compared(name, left, right):
    """The outcome of a comparison: a boolean, or the code of the error."""
    try:
        return value_compare(name, left, right)
    except XQueryError as error:
        return error.code


@given(ATOMS, ATOMS)
def test_comparisons_mirror_and_negate_each_other(left, right):
    for name, mirrored in (("eq", "eq"), ("ne", "ne"), ("lt", "gt"), ("le", "ge")):
        assert compared(name, left, right) == compared(mirrored, right, left)
    if compared("eq", left, right) in (True, False):
        assert compared("ne", left, right) is not compared("eq", left, right)
    if compared("lt", left, right) is True:
        assert compared("eq", left, right) is False
        assert compared("gt", left, right) is False
    if compared("le", left, right) in (True, False):
        either = compared("lt", left, right) or compared("eq", left, right)
        assert compared("le", left, right) == either


@given(ATOMS, ATOMS)
def test_same_key_is_finer_than_eq(left, right):
    assert hash(same_key(left)) == hash(same_key(left))
    both_nan = left != left and right != right
    if same_key(left) == same_key(right):
        assert compared("eq", left, right) is True or both_nan


@given(STRINGS | TIMES | st.booleans(), STRINGS | TIMES | st.booleans())
def test_grouping_keys_are_equal_just_where_eq_holds(left, right):
    assert (grouping_key(left) == grouping_key(right)) is (compared("eq", left, right) is True)
    assert equal_atoms(left, right) is (compared("eq", left, right) is True)


@given(NUMBERS, NUMBERS)
def test_grouping_keys_of_numbers(left, right):
    if grouping_key(left) == grouping_key(right):
        assert value_eq(left, right) or (isnan(left) and isnan(right))
    elif not (isinstance(left, Float32) or isinstance(right, Float32)):
        # only an exact decimal beside a shorter one for the same double is equal to it without sharing its key
        assert not value_eq(left, right) or Decimal.from_float(0.1) in (left, right)


def test_promotion_decides_equality_of_numbers():
    assert value_eq(Decimal("0.1"), 0.1)
    assert value_eq(Float32(0.1), Decimal("0.1"))
    assert not value_eq(Float32(0.1), 0.1)
    assert value_eq(2**24 + 1, Float32(2**24))
    assert value_eq(10**400, inf)
    assert not value_eq(nan, nan)
    assert same_key(Decimal("0.1")) != same_key(0.1)
    assert same_key(nan) == same_key(Float32(nan))
    assert same_key(1) == same_key(Decimal("1.0")) == same_key(Float32(1))
    assert same_key(True) != same_key(1)


def test_keys_with_and_without_a_timezone_differ():
    plain, zoned = cast("2000-01-01", "date"), cast("2000-01-01Z", "date")
    assert value_eq(plain, zoned)
    assert grouping_key(plain) == grouping_key(zoned)
    assert same_key(plain) != same_key(zoned)
    assert same_key(zoned) == same_key(cast("2000-01-01+00:00", "date"))


@pytest.mark.parametrize(
    ("name", "left", "right"),
    [
        ("eq", 1, "1"),
        ("eq", True, 1),
        ("eq", UntypedAtomic("1"), 1),
        ("lt", cast("P1Y", "duration"), cast("P2Y", "duration")),
        ("lt", cast("P1M", "yearMonthDuration"), cast("PT1S", "dayTimeDuration")),
        ("lt", cast("a", "QName"), cast("a", "QName")),
        ("lt", cast("2000", "gYear"), cast("2001", "gYear")),
        ("eq", cast("00", "hexBinary"), cast("AA==", "base64Binary")),
        ("eq", cast("2000-01-01", "date"), cast("2000-01-01T00:00:00", "dateTime")),
    ],
)
def test_incomparable_types_are_a_type_error_that_names_them(name, left, right):
    with pytest.raises(XQueryError, match="no comparison xs:") as caught:
        value_compare(name, left, right)
    assert caught.value.code == "XPTY0004"


def test_value_comparisons_of_empty_and_of_many_items():
    assert value_eq([], 1) == []
    assert value_eq(1, []) == []
    assert value_eq([1], 1) is True
    with pytest.raises(XQueryError) as caught:
        value_eq([1, 2], 1)
    assert caught.value.code == "XPTY0004"


def test_strings_compare_by_code_points_or_by_a_collation():
    assert value_lt("B", "a") is True
    assert value_lt("\uffff", "\U00010000") is True
    assert value_lt("a", "B", NO_CASE) is True
    assert value_eq("a", UntypedAtomic("A"), NO_CASE) is True
    assert grouping_key("a", NO_CASE) == grouping_key(AnyURI("A"), NO_CASE)
    assert general_eq(["x", "a", "y"], ["q", "A"], NO_CASE)


def of_some_pair(name, left, right):
    """General comparison by its definition (XQuery 3.1, 3.7.2): some pair of items compares so."""
    for one, other in product(left, right):
        if type(one) is UntypedAtomic and type(other) not in (UntypedAtomic, str):
            found = value_compare(name, cast(one, "double"), other)
        elif type(other) is UntypedAtomic and type(one) not in (UntypedAtomic, str):
            found = value_compare(name, one, cast(other, "double"))
        else:
            found = value_compare(name, one, other)
        if found:
            return True
    return False


UNTYPED_NUMBERS = st.sampled_from(["1", "0.5", "NaN", "1e0"]).map(UntypedAtomic)


@settings(max_examples=200)
@given(
    st.lists(NUMBERS, max_size=4) | st.lists(UNTYPED_NUMBERS, max_size=4) | st.integers(0, 4).map(range),
    st.lists(NUMBERS, max_size=4) | st.integers(-2, 4).map(lambda low: range(low, low + 3)),
)
def test_general_comparison_of_numbers_is_that_of_some_pair(left, right):
    for name in OPERATORS:
        assert getattr(comparison, f"general_{name}")(left, right) == of_some_pair(name, left, right)


@given(st.lists(TEXTS | TEXTS.map(UntypedAtomic), max_size=4), st.lists(TEXTS | TEXTS.map(UntypedAtomic), max_size=4))
def test_general_comparison_of_texts_is_that_of_some_pair(left, right):
    for name in OPERATORS:
        assert getattr(comparison, f"general_{name}")(left, right) == of_some_pair(name, left, right)


def test_general_comparison_casts_the_untyped_to_the_other_type():
    assert general_eq(UntypedAtomic(" 01 "), 1)
    assert not general_eq(UntypedAtomic("01"), UntypedAtomic("1"))
    assert general_eq(UntypedAtomic("2000-01-01"), cast("2000-01-01Z", "date"))
    assert general_lt(UntypedAtomic("P1M"), cast("P1Y", "yearMonthDuration"))
    assert general_eq(UntypedAtomic("true"), True)
    with pytest.raises(XQueryError) as caught:
        general_eq(UntypedAtomic("x"), 1)
    assert caught.value.code == "FORG0001"
    with pytest.raises(XQueryError) as caught:
        general_eq("1", [1, 2, 3, 4, 5])
    assert caught.value.code == "XPTY0004"


def test_long_ranges_are_not_walked_through():
    assert general_eq(range(10**15), [-1, -2, 10**14, 7.5, -3])
    assert not general_eq(range(10**15), [-1, 0.5, nan, inf, -inf])
    assert general_eq(range(10**15), range(10**15 - 1, 10**16))
    assert general_lt(range(10**6, 10**6 + 3), [1, 10**6 + 1, 2, 3])


def test_a_json_array_compares_by_its_members():
    assert general_eq(JsonArray([1, 2, 3]), 2)
    assert not general_ne(JsonArray([2]), [2])


def test_nodes_compare_by_their_typed_values():
    items = parse_xml("<a><b>1</b><b>2</b></a>").children[0].children
    assert general_eq(items, 2)
    assert value_eq(items[0], "1") is True


# ------------------------------------------------------------------------------------------------------- deep equality


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        ("<a x='1' y='2'>t<!--c--></a>", "<a y='2' x='1'>t<?p i?></a>", True),
        ("<a x='1'/>", "<a x='2'/>", False),
        ("<a x='1'/>", "<a y='1'/>", False),
        ("<a><b/><c/></a>", "<a><c/><b/></a>", False),
        ("<a xmlns='u'/>", "<p:a xmlns:p='u'/>", True),
        ("<a xmlns='u'/>", "<a/>", False),
        ("<a>A</a>", "<a>a</a>", False),
    ],
)
def test_nodes_are_equal_by_content(left, right, equal):
    left, right = parse_xml(left), parse_xml(right)
    assert deep_equal(left, right) is equal
    assert deep_equal(left.children[0], right.children[0]) is equal
    assert not deep_equal(left, right.children[0])


def test_texts_in_nodes_compare_by_the_collation():
    assert deep_equal(parse_xml("<a x='Q'>A</a>"), parse_xml("<a x='q'>a</a>"), NO_CASE)


def test_sequences_maps_and_arrays_are_equal_by_entries():
    assert deep_equal([1, nan, "a"], [1.0, nan, UntypedAtomic("a")])
    assert not deep_equal([1], [1, 1])
    assert not deep_equal(1, "1")
    assert deep_equal(range(3), [0, 1, 2])
    one = XdmMap.of([(1, [1, 2]), ("k", XdmArray([[], 3]))])
    other = XdmMap.of([("k", XdmArray([[], 3.0])), (1.0, [1, 2])])
    assert deep_equal(one, other)
    assert not deep_equal(one, other.put(1, 1))
    assert not deep_equal(XdmArray([1, 2]), XdmArray([[1, 2]]))
    assert deep_equal(MapMap([("a", [1, 2])]), MapMap([("a", [1, 2])]))
    assert not deep_equal(MapMap([("a", 1)]), MapMap([("b", 1)]))
    assert not deep_equal(JsonArray([1]), XdmArray([1]))


def test_items_that_contain_themselves_are_compared_in_finite_time():
    one, other = MapMap(), MapMap()
    one.put("self", one)
    other.put("self", other)
    assert deep_equal(one, other)


def test_functions_are_not_compared():
    function = FunctionItem(None, 0, None, None, lambda: [])
    with pytest.raises(XQueryError) as caught:
        deep_equal(function, function)
    assert caught.value.code == "FOTY0015"


def test_json_nodes_are_equal_by_content():
    data = {"a": [1, None, {"b": True}], "c": "x"}
    assert deep_equal(node_from_python(data), node_from_python({"c": "x", **data}))
    for other in ({"a": [1, None, {"b": True}]}, {**data, "c": "y"}, {**data, "a": [1, None, {"b": False}]}):
        assert not deep_equal(node_from_python(data), node_from_python(other))


def test_trees_of_any_depth_are_compared():
    text = "<a>" * 20_000 + "</a>" * 20_000
    assert deep_equal(parse_xml(text), parse_xml(text))


# ------------------------------------------------------------------------------------------------------------- sorting


@given(st.lists(NUMBERS.filter(lambda number: not isinstance(number, Decimal)), max_size=8))
def test_sort_keys_order_numbers_with_nan_first(numbers):
    ordered = sorted(numbers, key=lambda number: sort_key([number]))
    for one, other in pairwise(ordered):
        assert isnan(one) or operator.le(one, other)


def test_sort_keys_compare_item_by_item():
    keys = [[2], [], [1, "b"], [1], [1, "a"]]
    assert sorted(keys, key=sort_key) == [[], [1], [1, "a"], [1, "b"], [2]]
    dates = [cast("2000-01-02", "date"), cast("2000-01-01", "date")]
    assert sorted(dates, key=lambda item: sort_key([item])) == dates[::-1]
    assert sorted(["b", "A"], key=lambda item: sort_key([item], NO_CASE)) == ["A", "b"]


@pytest.mark.parametrize(
    "items", [[1, "a"], [True, 1], [cast("P1Y", "duration"), cast("P2Y", "duration")], ["a", True]]
)
def test_sort_keys_of_unlike_items_do_not_compare(items):
    with pytest.raises((TypeError, XQueryError)):
        sorted(items, key=lambda item: sort_key([item]))
