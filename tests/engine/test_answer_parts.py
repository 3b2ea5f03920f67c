"""Items of XQuery 3.1 as parts of an answer: maps and arrays are JSON, as clients read them."""

import json

import pytest

from xquery_bridge import Engine


@pytest.fixture(scope="module")
def engine():
    return Engine(dialect="3.1")


@pytest.mark.parametrize(
    ("query", "primitive", "value"),
    [
        ('map { "a": (1, 2), 1: [1, ()] }', "map", {"a": [1, 2], "1": [1, None]}),
        ("[1, 'x', true(), 1.5]", "array", [1, "x", True, 1.5]),
        ("array { }", "array", []),
        ('map { "n": xs:double("INF") }', "map", {"n": "INF"}),
    ],
)
def test_maps_and_arrays_are_json(engine, query, primitive, value):
    [part] = engine.answer(query).parts
    assert (part.content_type, part.primitive) == ("application/json", primitive)
    assert json.loads(part.body) == value


def test_functions_are_text_also_inside_an_array(engine):
    parts = engine.answer("concat#3, [concat#3]").parts
    assert [(part.content_type, part.primitive) for part in parts] == [("text/plain", "function")] * 2
    assert [part.body for part in parts] == [b"fn:concat#3", b"[fn:concat#3]"]
