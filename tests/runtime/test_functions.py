"""Function items: calls, partial application and lookups of functions, maps and arrays alike."""

import pytest

from xquery_bridge.engine import Engine
from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime.arrays import XdmArray
from xquery_bridge.runtime.calls import PLACEHOLDER, call_one, callable_of, lookup, lookup_all, partial_application
from xquery_bridge.runtime.functions import FunctionItem
from xquery_bridge.runtime.maps import XdmMap
from xquery_bridge.runtime.sequence_types import parse_sequence_type

_INTEGER, _STRING = parse_sequence_type("xs:integer"), parse_sequence_type("xs:string")


def _joining() -> FunctionItem:
    return FunctionItem(None, 3, [_STRING, None, _STRING], _STRING, lambda *args: "-".join(args))


def test_partial_application_keeps_the_types_of_open_parameters_and_result():
    made = partial_application(_joining(), ["a", PLACEHOLDER, PLACEHOLDER])
    assert (made.arity, list(made.params), made.result, made.name) == (2, [None, _STRING], _STRING, None)
    assert made.call("b", "c") == "a-b-c"
    again = partial_application([made], [PLACEHOLDER, "z"])
    assert again.call("y") == "a-y-z"


def test_fixed_arguments_are_converted_when_they_are_fixed():
    with pytest.raises(XQueryError, match="1 as xs:string"):
        partial_application(_joining(), [1, PLACEHOLDER, PLACEHOLDER])


def test_maps_and_arrays_are_called_like_functions():
    for item, key, value in ((XdmMap.of([("a", 1)]), "a", 1), (XdmArray([7]), 1, 7)):
        assert isinstance(item, FunctionItem) and item.name is None and item.label == "function#1"
        assert call_one(item, key) == call_one([item], [key]) == callable_of(item, 1)(key) == value
        assert partial_application(item, [PLACEHOLDER]).call(key) == value
        with pytest.raises(XQueryError, match="XPTY0004"):
            callable_of(item, 2)


@pytest.mark.parametrize("wrong", [1, [], [_joining(), _joining()], "f"])
def test_what_is_no_function_is_not_called(wrong):
    with pytest.raises(XQueryError, match="XPTY0004"):
        call_one(wrong, 1)


def test_a_wrong_number_of_arguments_is_refused():
    for call in (lambda: call_one(_joining(), 1), lambda: _joining().coerced_call("a")):
        with pytest.raises(XQueryError, match="XPTY0004"):
            call()


def test_lookups_reach_every_item_and_key():
    maps = [XdmMap.of([("a", [1, 2])]), XdmArray([3, [4, 5]])]
    assert lookup(maps[0], ["a", "b"]) == [1, 2] and lookup(maps[1], [2, 1]) == [4, 5, 3]
    assert lookup_all(maps) == [1, 2, 3, 4, 5]
    with pytest.raises(XQueryError, match="XPTY0004"):
        lookup(maps[1], "a")
    with pytest.raises(XQueryError, match="FOAY0001"):
        lookup(maps[1], 3)


def test_calls_of_functions_are_plain_python_functions_however_deep():
    item = Engine().evaluate('xquery version "3.1"; function($x as xs:integer) as xs:integer { $x + 1 }')[0]
    assert type(item) is FunctionItem and type(item.call).__name__ == "function" and item.call(1) == 2
    coerced = parse_sequence_type("function(xs:integer) as xs:double").convert(item)
    assert type(coerced.call).__name__ == "function"
    deep = """xquery version "3.1";
        declare function local:g($n as xs:integer, $f as function(xs:double) as xs:double) as xs:double
        { if ($n = 0) then $f(0) else local:g($n - 1, function($x) { $f($x) + 1 }) };
        local:g(3000, function($y) { $y })"""
    assert Engine().evaluate(deep) == [3000.0]
