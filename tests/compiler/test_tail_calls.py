"""Calls in tail position need no stack: of the function itself, and round a cycle of functions."""

import pytest

from xquery_bridge import Engine, XQueryError

PARITY = """
declare function local:even($n as xs:integer) as xs:boolean { if ($n eq 0) then true() else local:odd($n - 1) };
declare function local:odd($n as xs:integer) as xs:boolean { if ($n eq 0) then false() else local:even($n - 1) };
"""


@pytest.fixture(scope="module")
def engine():
    return Engine(dialect="3.1")


@pytest.mark.parametrize(
    ("declarations", "call", "result"),
    [
        ("declare function local:f($n, $s) { if ($n eq 0) then $s else local:f($n - 1, $s + $n) };",
         "local:f(1000000, 0)", 500000500000),
        (PARITY, "local:even(1000000)", True),
        (PARITY, "local:odd(1000000)", False),
        ("declare function local:a($n) { switch ($n) case 0 return 'end' default return local:b($n - 1) };"
         "declare function local:b($n) { let $m := $n return local:c($m) };"
         "declare function local:c($n) { typeswitch ($n) case xs:integer return local:a($n) default return () };",
         "local:a(600000)", "end"),
        ("declare function local:a($n) { if ($n mod 2 eq 0 and $n gt 0) then local:a($n - 1) else local:b($n) };"
         "declare function local:b($n) { if ($n le 0) then 'done' else local:a($n - 1) };",
         "local:a(500001)", "done"),
        ("let $f := function($f, $n) { if ($n eq 0) then 'end' else $f($f, $n - 1) } return",
         "$f($f, 1000000)", "end"),
        ("let $f := function($f, $g, $n) { if ($n eq 0) then $n else let $m := $n - 1 return $g($g, $f, $m) } return",
         "$f($f, $f, 1000000)", 0),
        ("declare function local:f($g, $n) { if ($n eq 0) then 'end' else $g($g, $n - 1) };",
         "local:f(local:f#2, 1000000)", "end"),
        ("declare function local:f($g as function(*), $n as xs:integer) { if ($n eq 0) then $n else $g($g, $n - 1) };",
         "local:f#2(local:f#2, 1000000)", 0),
    ],
)  # fmt: skip
def test_tail_calls_go_on_without_end(engine, declarations, call, result):
    assert engine.evaluate(f"{declarations} {call}") == [result]


def test_calls_round_a_cycle_that_are_not_in_tail_position_keep_their_value(engine):
    functions = """
    declare function local:up($n) { if ($n ge 10) then $n else local:on($n + 1) };
    declare function local:on($n) { if ($n mod 3 eq 0) then local:up($n) + 100 else local:up($n) };
    """
    assert engine.evaluate(f"{functions} local:up(1), local:on(4) * 2, local:up#1(2), (3, 5) ! local:up(.)") == [
        310, 420, 310, 210, 210,
    ]  # fmt: skip


def test_a_result_is_converted_to_the_type_of_each_function_on_the_way(engine):
    functions = """
    declare function local:d($n) as xs:double { if ($n eq 0) then 1 else local:i($n - 1) };
    declare function local:i($n) as xs:decimal { if ($n eq 0) then 2 else local:d($n - 1) cast as xs:decimal };
    """
    assert (
        engine.evaluate(f"{functions} local:d(1) instance of xs:double, local:i(0) instance of xs:decimal")
        == [True] * 2
    )


def test_a_function_item_that_calls_itself_can_be_called_in_every_way(engine):
    query = """let $f := function($f, $n) { if ($n eq 0) then 'end' else $f($f, $n - 1) }
    return ($f($f, 3), $f(?, 2)($f), apply($f, [$f, 1]), fold-left(1 to 2, 'x', function($a, $b) { $f($f, $b) }),
            for-each(1 to 2, $f($f, ?)), [$f](1)($f, 4))"""
    assert engine.evaluate(query) == ["end"] * 7
    with pytest.raises(XQueryError) as raised:
        engine.evaluate("let $f := function($f, $n) { $f($f) } return $f($f, 1)")
    assert raised.value.code == "XPTY0004"


def test_an_error_at_the_end_of_a_cycle_has_its_place(engine):
    functions = """declare function local:a($n) { if ($n eq 0) then 1 div 0 else local:b($n - 1) };
declare function local:b($n) { local:a($n) };
"""
    with pytest.raises(XQueryError) as raised:
        engine.evaluate(f"{functions} local:b(5)")
    assert raised.value.code == "FOAR0001"
    assert (raised.value.frames[0].line, raised.value.frames[0].operation) == (1, "local:a#1")
