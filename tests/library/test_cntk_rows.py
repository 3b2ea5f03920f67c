"""How the rows of the cntk: table are written, and what all of them have in common."""

import re

import pytest

from xquery_bridge.engine import Engine
from xquery_bridge.errors import XQueryError
from xquery_bridge.library.cntk import TABLE
from xquery_bridge.library.cntk.rows import arities

_ENGINE = Engine()


def test_brackets_stand_for_what_may_be_left_out_from_the_right():
    assert arities("f($a as xs:string [, $b as xs:double, $c as cntk:axis*]) as cntk:function") == [
        "f($a as xs:string) as cntk:function",
        "f($a as xs:string, $b as xs:double) as cntk:function",
        "f($a as xs:string, $b as xs:double, $c as cntk:axis*) as cntk:function",
    ]


def test_all_parameters_may_be_optional():
    assert arities("f([$a as xs:double]) as cntk:shape") == ["f() as cntk:shape", "f($a as xs:double) as cntk:shape"]


def test_each_function_has_every_arity_between_its_shortest_and_longest_form():
    forms: dict[str, list[int]] = {}
    for row in TABLE.rows:
        forms.setdefault(row.local, []).append(row.arity)
    assert all(sorted(found) == list(range(min(found), max(found) + 1)) for found in forms.values())


def test_every_row_has_types_that_can_be_read_and_a_summary():
    for row in TABLE.rows:
        assert row.result is not None
        assert len(row.params) == row.arity
        assert row.summary, row.signature


def test_only_rows_without_effects_do_without_the_session_of_the_request():
    assert all(row.effects == (row.needs == ("dynamic",)) for row in TABLE.rows)


def test_an_arity_that_no_form_has_is_undefined():
    with pytest.raises(XQueryError) as caught:
        _ENGINE.evaluate('cntk:element-max(cntk:scalar("float", 1), cntk:scalar("float", 2))')
    assert caught.value.code == "XPST0017"


def test_uids_start_at_0_in_each_request_and_count_on_within_it():
    query = 'for $i in 1 to 2 return cntk:variable-uid(cntk:input-variable(cntk:shape(2), "float"))'
    assert _ENGINE.evaluate(query) == ["Input0", "Input1"]
    assert _ENGINE.evaluate(query) == ["Input0", "Input1"]


def test_unseeded_parameters_are_the_same_in_each_request_and_differ_within_it():
    query = """
        for $i in 1 to 2
        let $w := cntk:parameter(cntk:shape((2, 3)), "double", cntk:glorot-uniform-initializer())
        return json:array-values(cntk:value-to-array($w, cntk:parameter-value($w)), fn:true())
    """
    first = _ENGINE.evaluate(query)
    assert first == _ENGINE.evaluate(query)
    assert first[:6] != first[6:]


def test_what_cntk_refuses_is_refused_with_its_sentence():
    with pytest.raises(XQueryError) as caught:
        _ENGINE.evaluate("cntk:axis-static-index(cntk:default-batch-axis())")
    expected = "XDMP-CNTKERR: (err:FOER0000) Cannot query the static axis index for a non-static axis"
    assert caught.value.format_string == expected


@pytest.mark.parametrize(
    "query",
    ["cntk:abs(1)", "cntk:axis('a')", "cntk:shape-rank(cntk:axis(0))", "cntk:evaluate(cntk:scalar('float', 1), 1, ())"],
)
def test_an_argument_of_another_type_is_a_type_error(query):
    with pytest.raises(XQueryError) as caught:
        _ENGINE.evaluate(query)
    assert re.match(r"XDMP-AS: \(err:XPTY0004\)", caught.value.format_string)


def test_a_function_stands_for_its_output_and_a_parameter_is_a_variable():
    query = """
        let $p := cntk:parameter-from-scalar(cntk:shape(3), "float", 1, cntk:cpu(), "p")
        return (cntk:variable-name($p), cntk:variable-kind(cntk:abs($p)), $p instance of cntk:variable)
    """
    assert _ENGINE.evaluate(query) == ["p", "Output", True]


def test_marks_of_dimensions_are_64_bit_numbers_without_a_sign():
    query = """
        let $free := cntk:shape-free-dimension()
        let $shape := cntk:shape((2, $free, cntk:shape-inferred-dimension()))
        return (cntk:shape-dimensions($shape), xdmp:quote($shape), cntk:shape-has-free-dimension($shape))
    """
    assert _ENGINE.evaluate(query) == [2, 2**64 - 3, 2**64 - 1, "cntk:shape([2 x * x ?])", True]
