"""json: of 1.0-ml: arrays and ordered objects, their members, elements and JSON (xquery-1.0-ml.md, section 7)."""

import json

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from xquery_bridge.engine import Engine

from .conftest import Fail, Run


@pytest.mark.parametrize(
    ("query", "result"),
    [
        ("json:array()", ["[]"]),
        ("json:to-array()", ["[]"]),
        ("json:to-array((1, 2, 3), 2)", ["[1, 2]"]),
        ("json:to-array(1, 3, 0)", ["[1, 0, 0]"]),
        ("json:to-array((1, 2), 3)", ["[1, 2, null]"]),
        ("json:array-values(json:to-array((1, json:to-array((2, 3)))))", ["1", "[2, 3]"]),
        ("json:array-values(json:to-array((1, json:to-array((2, 3)))), fn:true())", ["1", "2", "3"]),
        ("json:array-size(json:to-array((1, 2)))", ["2"]),
        ("let $a := json:array() return (json:array-push($a, (1, 2)), json:array-push($a, json:null()), $a)",
         ["[1, 2, null]"]),
        ("let $a := json:to-array((1, 2)) return (json:array-pop($a), $a)", ["2", "[1]"]),
        ("json:array-pop(json:array())", []),
        ("let $a := json:to-array((1, 2)) return (json:array-resize($a, 3, 9), $a)", ["[1, 2, 9]"]),
        ("let $a := json:to-array((1, 2)) return (json:array-resize($a, 1), $a)", ["[1]"]),
        ("let $a := json:array() let $b := json:array-with($a, (1, 2)) return $a", ["[1, 2]"]),
        ("json:subarray(json:to-array((1, 2, 3)), 2)", ["[2, 3]"]),
        ("json:subarray(json:to-array((1, 2, 3)), 1, 2)", ["[1, 2]"]),
        ('let $a := json:to-array((1, 2)) return (json:set-item-at($a, 1, "z"), $a)', ['["z", 2]']),
        ("fn:count(json:null())", ["0"]),
        ('let $o := json:object() return (map:put($o, "b", 1), map:put($o, "a", ()), $o)', ['{"b":1, "a":null}']),
        ('json:object-define(("b", "a"))', ['{"b":null, "a":null}']),
        ("json:object() instance of map:map, json:object() instance of json:object", ["true", "true"]),
        ("json:array() instance of json:array, json:array() instance of map:map", ["true", "false"]),
    ],
)  # fmt: skip
def test_functions(run: Run, query: str, result: list[str]) -> None:
    assert run(query) == result


@pytest.mark.parametrize(
    ("query", "result"),
    [
        ("json:to-array((5, 6))[2]", ["6"]),
        ("json:to-array((5, 6))[7]", []),
        ("json:to-array((5, json:to-array(())))[2]", ["[]"]),
        ("let $a := json:to-array((json:to-array((1, 2)), json:to-array((3, 4)))) "
         "for $i in 1 to 2, $j in 1 to 2 return $a[$i][$j]", ["1", "2", "3", "4"]),
        ("for $x in (json:to-array((1, 2)), json:to-array(3)) return $x[1]", ["1", "3"]),
        ("(json:to-array((1, 2)), json:to-array((3, 4)))[2]", ["[3, 4]"]),
        ("(json:to-array((1, 2)), json:to-array((3, 4)))[2][1]", ["3"]),
        ("json:to-array((1, 2))[. instance of json:array]", ["[1, 2]"]),
        ("json:to-array((1, 2)) ! json:array-size(.)", ["2"]),
        ("let $a := json:to-array((7, 8)) let $i := 1 + 1 return $a[$i]", ["8"]),
        ("let $a := json:array() return (json:array-push($a, ()), fn:count($a[1]))", ["0"]),
    ],
)  # fmt: skip
def test_a_number_in_brackets_selects_a_member(run: Run, query: str, result: list[str]) -> None:
    assert run(query) == result


@pytest.mark.parametrize(
    ("query", "result"),
    [
        ("fn:count(json:to-array((1, 2)))", "1"),
        ("fn:exists(json:array())", "true"),
        ("fn:max(json:to-array((1, 5, 2)))", "5"),
        ("fn:min(json:to-array((1, 5, 2)))", "1"),
        ("fn:sum(json:to-array((1, 5, 2)))", "8"),
        ("fn:avg(json:to-array((1, 5, 3)))", "3"),
        ('fn:index-of(json:to-array(("a", "b")), "b")', "2"),
        ("fn:string(json:to-array((1, 'a')))", '[1, "a"]'),
        ('fn:concat("x", json:to-array((1, 2)))', "x[1, 2]"),
        ('"x" || json:to-array((1, 2))', "x[1, 2]"),
        ("json:to-array((1, 2)) = 2", "true"),
        ("json:to-array((1, 2)) != 2", "true"),
        ("json:to-array((1, 2)) > 2", "false"),
        ("json:to-array(5) + 1", "6"),
        ("json:to-array(5) eq 5", "true"),
        ("fn:sum((json:to-array((1, 2)), 3))", "6"),
    ],
)
def test_standard_functions_see_the_members(run: Run, query: str, result: str) -> None:
    assert run(query) == [result]


def test_positions_outside_are_refused_where_something_is_set(fail: Fail) -> None:
    assert fail("json:set-item-at(json:array(), 1, 1)").marklogic_code == "XDMP-ARGINDEX"


def test_the_element_of_an_array(run: Run) -> None:
    (text,) = run('let $a := json:to-array((1, "a")) return (json:array-push($a, ()), <x>{$a}</x>)')
    assert '<json:value xsi:type="xs:integer">1</json:value><json:value xsi:type="xs:string">a</json:value>' in text
    assert '<json:value xsi:nil="true"/>' in text


@pytest.mark.parametrize("make", ['json:to-array((1, "a", fn:true(), json:to-array((2, 3))))', "json:array()"])
def test_an_array_of_its_element(run: Run, make: str) -> None:
    assert run(f"json:array(<x>{{{make}}}</x>/*)") == run(make)


def test_an_object_of_its_element(run: Run) -> None:
    query = 'let $o := json:object() return (map:put($o, "b", 1), map:put($o, "a", ()), json:object(<x>{$o}</x>/*))'
    assert run(query) == ['{"b":1, "a":null}']


@pytest.mark.parametrize(
    ("items", "text", "kind"),
    [
        ("()", "null", "null"),
        ("1", "1", "number"),
        ("1.5", "1.5", "number"),
        ("fn:true()", "true", "boolean"),
        ('"a"', "a", "text"),
        ("9007199254740991", "9007199254740991", "number"),
        ("9007199254740992", "9007199254740992", "text"),
        ('(1, "a", fn:false())', '[1, "a", false]', "array"),
        ("json:to-array(1)", "[1]", "array"),
        ('map:entry("a", (1, 2))', '{"a":[1, 2]}', "object"),
        ("json:object()", "{}", "object"),
        ("xs:date('2020-01-02')", "2020-01-02", "text"),
        ("<a>b</a>", "<a>b</a>", "text"),
        ('map:entry("a", <b/>)', '{"a":"<b/>"}', "object"),
        ("object-node { 'a': 1 }", '{"a":1}', "object"),
    ],
)
def test_to_json(run: Run, items: str, text: str, kind: str) -> None:
    assert run(f"xdmp:to-json({items}), xdmp:node-kind(xdmp:to-json({items})/node())") == [text, kind]
    assert run(f"xdmp:to-json({items}) instance of document-node()") == ["true"]


@pytest.mark.parametrize("number", ["xs:double('NaN')", "xs:double('INF')", "-xs:double('INF')", "-0e0"])
def test_numbers_without_a_json_form(fail: Fail, number: str) -> None:
    assert fail(f"xdmp:to-json-string({number})").marklogic_code == "XDMP-JSONNUMBER"
    assert fail(f"xdmp:to-json(({number}, 1))").marklogic_code == "XDMP-JSONNUMBER"


@pytest.mark.parametrize(
    "text",
    ['["a", false]', '{"a":[1, {"b":null}], "c":"x"}', '"text"', "true", "12", "[]", "{}", "[null, [], [[1]]]"],
)
def test_json_text_round_trip(run: Run, text: str) -> None:
    assert run("declare variable $t external; xdmp:to-json-string(xdmp:from-json-string($t))", t=text) == [text]
    assert run("declare variable $t external; xdmp:quote(xdmp:to-json(xdmp:from-json-string($t)))", t=text) == [
        text.strip('"') if text == '"text"' else text
    ]


def test_from_json_gives_objects_and_arrays(run: Run) -> None:
    query = "xdmp:from-json(xdmp:unquote('{\"a\":[1]}'))"
    assert run(f"{query} instance of json:object, map:get({query}, 'a') instance of json:array") == ["true", "true"]
    assert run("xdmp:from-json(number-node { 1 }), xdmp:from-json(array-node { 1, 'a' })") == ["1", '[1, "a"]']
    assert run("fn:count(xdmp:from-json(null-node {}))") == ["0"]


def test_json_that_is_none(fail: Fail) -> None:
    assert fail("xdmp:from-json-string('{')").marklogic_code == "XDMP-JSONDOC"
    assert fail("xdmp:from-json-string('[NaN]')").marklogic_code == "XDMP-JSONDOC"


def test_an_array_that_contains_itself_is_refused_as_text(fail: Fail) -> None:
    assert fail("let $a := json:array() return (json:array-push($a, $a), xdmp:quote($a))").marklogic_code == (
        "XDMP-JSONCYCLE"
    )


#: Without -0.0, which has no form of its own in JSON text here.
NUMBERS = st.floats(-1e6, 1e6).map(lambda number: number + 0.0)
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(-(2**53) + 1, 2**53 - 1), st.text(max_size=5), NUMBERS)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=8,
)
_ENGINE = Engine()


def _json(expression: str, text: str) -> object:
    (result,) = _ENGINE.evaluate(f"declare variable $t external; {expression}", {"t": text})
    return json.loads(result)


@settings(max_examples=40)
@given(tree=TREES)
def test_json_survives_items_and_nodes(tree: object) -> None:
    text = json.dumps(tree)
    assert _json("xdmp:to-json-string(xdmp:from-json-string($t))", text) == tree
    assert _json("xdmp:to-json-string(xdmp:from-json(xdmp:to-json(xdmp:from-json-string($t))))", text) == tree


@settings(max_examples=25)
@given(tree=st.lists(TREES, max_size=3))
def test_an_array_survives_its_element(tree: list[object]) -> None:
    text = json.dumps(tree)
    assume(all(char in "\t\n" or " " <= char <= "\ud7ff" for char in json.dumps(tree, ensure_ascii=False)))
    query = "let $a := xdmp:from-json-string($t) return xdmp:to-json-string(json:array(<x>{$a}</x>/*))"
    assert _json(query, text) == tree
