"""Calls of what is no function, and the places of errors within functions that are passed on."""

import pytest

from xquery_bridge.errors import XQueryError


@pytest.mark.parametrize("called", ["5", "(5)", "-5", "1.5", "1e0", "'a'", "true()", "<a/>", "()", "(abs#1, abs#1)"])
@pytest.mark.parametrize("arguments", ["()", "(1)", "(1, 2)"])
def test_what_is_no_function_cannot_be_called(code, called, arguments):
    assert code(f"({called}){arguments}") == "XPTY0004"
    assert code(f"let $f := {called} return $f{arguments}") == "XPTY0004"


def test_an_error_in_a_function_that_is_passed_on_has_its_place_and_that_of_the_call(engine):
    query = "1,\n2,\n  for-each((1, 2), string-length#1)"
    with pytest.raises(XQueryError) as caught:
        engine.evaluate(query)
    assert caught.value.code == "XPTY0004"
    assert [(frame.line, frame.column) for frame in caught.value.frames] == [(3, 20), (3, 3)]


def test_an_argument_of_the_wrong_type_has_the_place_of_the_function(engine):
    query = "let $f := function($x as xs:integer) {\n  $x + 1\n}\nreturn for-each(('a', 'b'), $f)"
    with pytest.raises(XQueryError) as caught:
        engine.evaluate(query)
    assert [frame.line for frame in caught.value.frames] == [2, 4]
