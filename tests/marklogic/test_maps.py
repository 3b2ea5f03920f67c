"""map: of 1.0-ml: mutable maps passed by reference (xquery-1.0-ml.md, section 6)."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xquery_bridge.engine import Engine

from .conftest import Fail, Run

NAMESPACES = (
    'xmlns:map="http://marklogic.com/xdmp/map" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xmlns:xs="http://www.w3.org/2001/XMLSchema"'
)


@pytest.mark.parametrize(
    ("query", "result"),
    [
        ("map:map()", ["{}"]),
        ('map:get(map:new((map:entry("a", 1), map:entry("a", 2))), "a")', ["2"]),
        ('map:new(map:entry("a", (1, 2)))', ['{"a":[1, 2]}']),
        ('let $m := map:map() return (map:put($m, "a", 1), map:put($m, "a", ()), map:count($m))', ["0"]),
        ("xdmp:type(map:count(map:map()))", ["unsignedInt"]),
        ('map:get(map:map(), "a")', []),
        ('map:keys(map:new((map:entry("b", 1), map:entry("a", 1))))', ["b", "a"]),
        ('let $m := map:entry("a", 1) return (map:contains($m, "a"), map:delete($m, "a"), map:contains($m, "a"))',
         ["true", "false"]),
        ('let $m := map:entry("a", 1) return (map:clear($m), map:count($m))', ["0"]),
        ('map:set-javascript-by-ref(map:map(), fn:true())', []),
        ('map:map() instance of map:map, map:map() instance of json:object', ["true", "false"]),
        ('map:new() => map:with("a", 1) => xdmp:to-json()', ['{"a":1}']),
        ('map:get(map:entry("1", "one"), "1")', ["one"]),
        ('let $m := map:entry("a", map:entry("b", 2)) return map:get(map:get($m, "a"), "b")', ["2"]),
    ],
)  # fmt: skip
def test_functions(run: Run, query: str, result: list[str]) -> None:
    assert run(query) == result


def test_a_map_is_passed_by_reference(run: Run) -> None:
    declared = 'declare function local:fill($m as map:map) { map:put($m, "filled", fn:true()) };'
    assert run(f"{declared} let $m := map:map() let $_ := local:fill($m) return $m") == ['{"filled":true}']


def test_with_returns_the_same_map(run: Run) -> None:
    assert run('let $m := map:map() let $n := map:with($m, "a", 1) return map:get($m, "a")') == ["1"]


def test_new_makes_another_map(run: Run) -> None:
    query = 'let $m := map:entry("a", 1) let $n := map:new($m) let $_ := map:put($n, "a", 2) return ($m, $n)'
    assert run(query) == ['{"a":1}', '{"a":2}']


def test_operators(run: Run) -> None:
    query = """let $m := map:new((map:entry("a", 1), map:entry("c", 3)))
        let $n := map:new((map:entry("b", 2), map:entry("c", 3)))
        return (map:keys($m + $n), map:keys($m * $n), map:keys($m - $n), map:get(-$m, "1"))"""
    assert run(query) == ["a", "c", "b", "c", "a", "a"]


def test_the_element_of_a_map_in_content(run: Run) -> None:
    assert run('<x>{map:entry("a", "v")}</x>') == [
        f'<x><map:map {NAMESPACES}><map:entry key="a">'
        '<map:value xsi:type="xs:string">v</map:value></map:entry></map:map></x>'
    ]


def test_a_map_of_its_element(run: Run) -> None:
    assert run('map:get(map:map(<x>{map:entry("a", (5, "b"))}</x>/*), "a")') == ["5", "b"]


def test_keys_are_strings(fail: Fail, run: Run) -> None:
    assert fail('map:put(map:map(), 1, "x")').marklogic_code == "XDMP-AS"
    assert run('map:keys(map:entry(xs:untypedAtomic("k"), 1))') == ["k"]


VALUES = st.one_of(st.integers(-(2**53) + 1, 2**53 - 1), st.booleans(), st.text(max_size=5))


@settings(max_examples=25)
@given(entries=st.dictionaries(st.text(min_size=1, max_size=4), VALUES, max_size=4))
def test_a_map_survives_its_json_and_back(entries: dict[str, object]) -> None:
    (text,) = _evaluate("xdmp:to-json-string(xdmp:from-json-string($json))", json=json.dumps(entries))
    assert json.loads(text) == entries


_ENGINE = Engine()


def _evaluate(query: str, **variables: object) -> list[str]:
    return _ENGINE.evaluate(f"declare variable $json external; {query}", variables)
