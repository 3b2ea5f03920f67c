"""Numbers on their way into values and out again, and bindings of variables to values."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xquery_bridge.compute import Shape, Value
from xquery_bridge.engine import Engine
from xquery_bridge.errors import XQueryError
from xquery_bridge.library.cntk.arrays import arrays, numbers
from xquery_bridge.runtime.atomic import Float32
from xquery_bridge.runtime.json_items import JsonArray

_ENGINE = Engine()

_NUMBER = st.one_of(
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=False),
    st.decimals(allow_nan=False, allow_infinity=False, places=3),
    st.floats(width=32, allow_nan=False).map(Float32),
)


def _members(tree):
    return JsonArray([_members(member) if isinstance(member, list) else member for member in tree])


@settings(max_examples=40)
@given(st.recursive(st.lists(_NUMBER, max_size=4), lambda inner: st.lists(st.one_of(_NUMBER, inner), max_size=4)))
def test_nested_arrays_are_flattened_depth_first(tree):
    def flat(members):
        for member in members:
            if isinstance(member, list):
                yield from flat(member)
            else:
                yield member

    expected = np.array([float(number) for number in flat(tree)], dtype=np.float64)
    np.testing.assert_array_equal(numbers("f", _members(tree), np.float64), expected)


@settings(max_examples=30)
@given(st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=8))
def test_floats_come_back_as_they_went_in(values):
    value = Value.of(Shape((len(values),)), numbers("f", JsonArray(values), np.float32))
    found = arrays(value).flattened()
    assert found == values
    assert all(type(number) is Float32 for number in found)


def test_what_came_out_does_not_change_with_the_value():
    value = Value.of(Shape((2,)), [1.0, 2.0])
    found = arrays(value)
    value.copy_from(Value.of(Shape((2,)), [3.0, 4.0]))
    assert found.flattened() == [1, 2]


def test_an_integer_beyond_every_float_is_infinite():
    assert numbers("f", JsonArray([10**400, -(10**400)]), np.float32).tolist() == [np.inf, -np.inf]


def test_decimals_are_promoted_to_double_first():
    assert numbers("f", JsonArray([Decimal("0.1")]), np.float64).tolist() == [0.1]


def test_text_untyped_data_and_nodes_are_numbers():
    query = """
        let $n := <n>3.5</n>
        let $v := cntk:batch(cntk:shape(()), json:to-array(("1", $n/text(), xs:untypedAtomic("INF"), $n)))
        let $x := cntk:input-variable(cntk:shape(()), "float")
        return json:array-values(cntk:value-to-array(cntk:abs($x), $v), fn:true())
    """
    assert _ENGINE.evaluate(query) == [1, 3.5, float("inf"), 3.5]


_REFUSED = [
    ("(1, 'x')", 'cntk:batch: $data: a number was expected at position 2, xs:string "x" came'),
    ("('NaN')", 'a number was expected at position 1, xs:string "NaN" came'),
    ("(1, fn:true())", "a number was expected at position 2, xs:boolean came"),
    ("(map:map())", "a number was expected at position 1, map:map came"),
    ("(cntk:cpu())", "a number was expected at position 1, cntk:device came"),
    ("(1, 2, 3)", "must be a multiple of the size (2) of the sample shape '[2]'"),
    ("()", "numbers were expected"),
]


@pytest.mark.parametrize(("items", "sentence"), _REFUSED)
def test_what_is_no_data_is_refused_with_its_place(items, sentence):
    with pytest.raises(XQueryError) as caught:
        _ENGINE.evaluate(f"cntk:batch(cntk:shape(2), json:to-array({items}))")
    assert sentence in caught.value.format_string


@pytest.mark.parametrize(
    ("rest", "sentence"),
    [
        ("cntk:cpu(), 'int8'", '"float" or "double" was expected, "int8" came'),
        ("cntk:cpu(), 'float', fn:true()", "a read-only one was asked for"),
    ],
)
def test_other_data_types_and_read_only_values_are_refused(rest, sentence):
    with pytest.raises(XQueryError) as caught:
        _ENGINE.evaluate(f"cntk:value(cntk:shape(1), json:to-array(1), {rest})")
    assert sentence in caught.value.format_string


def test_sequences_come_back_one_array_each():
    query = """
        let $data := json:to-array((json:to-array(1 to 4), json:to-array((5, 6))))
        let $v := cntk:batch-of-sequences(cntk:shape(2), $data, (fn:true(), fn:true()), cntk:cpu(), "double")
        let $x := cntk:input-variable(cntk:shape(2), "double")
        return (cntk:value-to-array($x, $v), cntk:value-shape($v) ! xdmp:quote(.))
    """
    array, shape = _ENGINE.evaluate(query)
    assert array.json_text() == "[[1, 2, 3, 4], [5, 6]]"
    assert shape == "cntk:shape([2 x * x 2])"


def test_a_sequence_that_is_no_array_is_refused():
    with pytest.raises(XQueryError) as caught:
        _ENGINE.evaluate("cntk:batch-of-sequences(cntk:shape(2), json:to-array((1, 2)), ())")
    assert "a json:array for each sequence was expected, xs:integer came at position 1" in caught.value.format_string


def test_several_variables_and_values_give_one_array_each():
    query = """
        let $x := cntk:input-variable(cntk:shape(2), "float", fn:false(), fn:false(), "x", cntk:default-batch-axis())
        let $v := cntk:batch(cntk:shape(2), json:to-array((1, 2)))
        return cntk:value-to-array(($x, cntk:negate($x)), ($v, $v))
    """
    assert [array.json_text() for array in _ENGINE.evaluate(query)] == ["[[1, 2]]", "[[1, 2]]"]


_NEGATED = """
    let $x := cntk:input-variable(cntk:shape(2), "float", fn:false(), fn:false(), "x", cntk:default-batch-axis())
    let $v := cntk:batch(cntk:shape(2), json:to-array((1, 2)))
    let $f := cntk:negate($x)
    return cntk:value-to-array($f, cntk:evaluate($f, BINDINGS, $f))
"""


@pytest.mark.parametrize("bindings", ["json:to-array(($x, $v))", "json:to-array(json:to-array(($x, $v)))"])
def test_one_pair_is_as_good_as_an_array_of_pairs(bindings):
    [array] = _ENGINE.evaluate(_NEGATED.replace("BINDINGS", bindings))
    assert array.json_text() == "[[-1, -2]]"


@pytest.mark.parametrize(
    ("bindings", "came"),
    [
        ("json:to-array(($v, $x))", "(cntk:value, cntk:variable) came"),
        ("json:to-array((json:to-array(($x, $v)), $x))", "(cntk:variable) came"),
        ("json:to-array(json:to-array($x))", "(cntk:variable) came"),
    ],
)
def test_what_binds_nothing_is_refused_with_what_came(bindings, came):
    with pytest.raises(XQueryError) as caught:
        _ENGINE.evaluate(_NEGATED.replace("BINDINGS", bindings))
    assert (caught.value.marklogic_code, caught.value.code) == ("XDMP-AS", "XPTY0004")
    assert caught.value.title.startswith("cntk:evaluate: a json:array of a cntk:variable and a cntk:value was expected")
    assert caught.value.title.endswith(came)


def test_an_empty_array_binds_nothing():
    with pytest.raises(XQueryError) as caught:
        _ENGINE.evaluate(_NEGATED.replace("BINDINGS", "json:array()"))
    assert caught.value.marklogic_code == "XDMP-CNTKERR"
    assert "have not been provided" in caught.value.format_string
