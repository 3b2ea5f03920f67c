"""What loops do not change is computed once, and nothing else about a query changes."""

from __future__ import annotations

import pytest

from xquery_bridge import Engine
from xquery_bridge.errors import XQueryError

ENGINE = Engine(dialect="3.1")
ENHANCED = Engine(dialect="1.0-ml")


def is_hoisted(query: str, engine: Engine = ENGINE) -> bool:
    return "keep(" in engine.compile(query).python


@pytest.mark.parametrize(
    ("query", "result"),
    [
        ("for $i in 1 to 3 return $i + count(tokenize('a b', ' '))", [3, 4, 5]),
        ("for $i in 1 to 2, $j in 1 to 2 return $i + count(tokenize(string($i), 'x'))", [2, 2, 3, 3]),
        ("(1 to 3) ! (. + xs:integer('2'))", [3, 4, 5]),
        ("(1 to 4)[. > xs:integer('2')]", [3, 4]),
        ("let $s := ('b', 'a') return for $i in 1 to 2 order by -$i return sort($s)[$i]", ["b", "a"]),
        ("for $i in 1 to 4 group by $k := $i mod 2 return sum($i) + xs:integer('1')", [5, 7]),
        ("for $f in (for $i in 1 to 2 return function() { $i + xs:integer('1') }) return $f()", [2, 3]),
    ],
)
def test_what_a_loop_does_not_change_is_computed_once(query: str, result: list[object]) -> None:
    assert is_hoisted(query)
    assert ENGINE.evaluate(query) == result


def test_an_error_is_not_raised_where_it_was_not() -> None:
    query = "for $i in 1 to 3 return if ($i > 5) then xs:integer('x') else $i"
    assert is_hoisted(query)
    assert ENGINE.evaluate(query) == [1, 2, 3]


def test_an_error_is_caught_where_it_was() -> None:
    query = "for $i in 1 to 3 return try { $i + xs:integer('x') } catch * { -$i }"
    assert is_hoisted(query)
    assert ENGINE.evaluate(query) == [-1, -2, -3]


def test_an_empty_loop_evaluates_nothing() -> None:
    assert ENGINE.evaluate("for $i in () return xs:integer('x')") == []


def test_constructed_nodes_stay_different() -> None:
    assert ENGINE.evaluate("count((for $i in 1 to 3 return <a/>) | ())") == [3]
    assert ENGINE.evaluate("declare function local:f() { <a/> }; count((for $i in 1 to 3 return local:f()) | ())") == [
        3
    ]


def test_maps_of_1_0_ml_are_read_when_their_turn_comes() -> None:
    query = """
        let $m := map:map()
        for $i in 1 to 3
        let $_ := map:put($m, "k", $i)
        return (map:get($m, "k"), map:count($m), fn:string(map:get($m, "k")))"""
    assert ENHANCED.evaluate(query) == [1, 1, "1", 2, 1, "2", 3, 1, "3"]


def test_arrays_of_1_0_ml_are_atomized_when_their_turn_comes() -> None:
    query = """
        let $a := json:array()
        for $i in 1 to 3
        let $_ := json:array-push($a, $i)
        return fn:string-join(fn:data($a) ! fn:string(.), ",")"""
    assert ENHANCED.evaluate(query) == ["1", "1,2", "1,2,3"]


def test_effects_of_unused_variables_happen_in_order() -> None:
    query = """
        let $a := json:array()
        let $unused := json:array-push($a, "x")
        let $all := for $i in 1 to 2 let $unused := json:array-push($a, $i) return fn:upper-case("y")
        return (json:array-values($a), $all)"""
    assert ENHANCED.evaluate(query) == ["x", 1, 2, "Y", "Y"]


def test_an_effect_in_a_counted_branch_happens_once() -> None:
    query = """
        let $a := json:array()
        let $n := fn:count(for $i in 1 to 2 return try { (json:array-push($a, $i), $i) } catch ($e) { 0 })
        return ($n, json:array-values($a))"""
    assert ENHANCED.evaluate(query) == [2, 1, 2]


def test_a_position_that_no_loop_changes_is_hoisted_out_of_an_index() -> None:
    assert ENGINE.evaluate("for $i in (-1, 0, 1, 2) return (7, 8)[xs:integer($i)]") == [7, 8]


def test_errors_name_their_place_after_moving() -> None:
    with pytest.raises(XQueryError) as caught:
        ENGINE.evaluate("for $i in 1 to 3\nreturn $i + xs:integer('x')")
    assert caught.value.frames[0].line == 2


@pytest.mark.parametrize(
    "entries",
    [
        "for $i in (1, 2, 1) return map:entry($i, $i || 'x')",
        "for $i in (1, 2, 1.0, '1') return map:entry($i, ($i, 'y'))",
        "for $i in 1 to 3 where $i > 1 return map { 'k' || $i: ($i)[. = 2] }",
        "for $i in (<a>x</a>, <b>x</b>) return map:entry($i, name($i))",
    ],
)
def test_a_map_merged_from_entries_is_that_of_the_maps(entries: str) -> None:
    prolog = 'declare namespace map = "http://www.w3.org/2005/xpath-functions/map"; '
    query = f"{prolog} let $m := (0 ! map:merge({entries})), $n := map:merge(({entries}, ())) return deep-equal($m, $n)"
    assert "first_entries" in ENGINE.compile(query).python
    assert ENGINE.evaluate(query) == [True]


def test_entries_need_one_key() -> None:
    prolog = 'declare namespace map = "http://www.w3.org/2005/xpath-functions/map"; '
    with pytest.raises(XQueryError) as caught:
        ENGINE.evaluate(f"{prolog} map:merge(for $i in 1 to 2 return map:entry((), $i))")
    assert caught.value.code == "XPTY0004"


def test_a_variable_that_is_set_is_read_anew() -> None:
    query = """
        let $s := (1, 2)
        for $i in 1 to 3
        let $_ := xdmp:set($s, ($s, 10 + $i))
        return ((1 to 15)[. = $s][fn:last()], fn:count(fn:reverse($s)))"""
    assert ENHANCED.evaluate(query) == [11, 3, 12, 4, 13, 5]
