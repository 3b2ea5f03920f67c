"""xdmp:set: a variable gets a new value, wherever it is read from then on."""

import pytest

from .conftest import Fail, Run


@pytest.mark.parametrize(
    ("query", "result"),
    [
        ("let $x := 1 let $_ := xdmp:set($x, 2) return $x", ["2"]),
        ('let $x := 1 return ($x, xdmp:set($x, "a"), $x)', ["1", "a"]),
        ("let $x := 1 return ($x => xdmp:set(2), $x)", ["2"]),
        ("let $x := 0 let $_ := for $i in 1 to 10 return xdmp:set($x, $x + $i) return $x", ["55"]),
        ("let $x := 0 return ((for $i in 1 to 3 return ($x, xdmp:set($x, $x + 1))), $x)", ["0", "1", "2", "3"]),
        ("let $s := 0 let $_ := (1 to 3) ! xdmp:set($s, $s + .) return $s", ["6"]),
        ("for $x in (1, 2) let $_ := xdmp:set($x, $x * 10) return $x", ["10", "20"]),
        ("let $x := 5 let $y := $x * 2 let $_ := xdmp:set($x, 100) return ($x, $y)", ["100", "10"]),
        ("let $x := () return (if (1 = 1) then xdmp:set($x, (1, 2, 3)) else (), fn:count($x))", ["3"]),
        ("let $x := 1 for $k in (2, 1) order by $k return (xdmp:set($x, $x * $k), $x)", ["1", "2"]),
        ("let $stop := fn:false() for $i in 1 to 5 where fn:not($stop) "
         "return ($i, if ($i = 3) then xdmp:set($stop, fn:true()) else ())", ["1", "2", "3"]),
        ("let $x := 1 let $_ := xdmp:set($x, 3) for $y in (1, 1) group by $y return $x", ["3", "3"]),
        ("try { let $x := 1 return (xdmp:set($x, 0), 1 idiv $x) } catch ($e) { 'divided' }", ["divided"]),
    ],
)  # fmt: skip
def test_local_variables(run: Run, query: str, result: list[str]) -> None:
    assert run(query) == result


def test_a_parameter_is_the_functions_own(run: Run) -> None:
    assert run("declare function local:f($p) { xdmp:set($p, $p * 2), $p }; let $x := 4 return (local:f($x), $x)") == [
        "8",
        "4",
    ]
    assert run("let $f := function($p) { xdmp:set($p, $p + 1), $p } return $f(1)") == ["2"]


def test_a_parameter_in_a_loop_of_tail_calls(run: Run) -> None:
    declared = """declare function local:sum($n, $acc) {
        let $_ := xdmp:set($acc, $acc + $n)
        return if ($n = 0) then $acc else local:sum($n - 1, $acc) };"""
    assert run(f"{declared} local:sum(100, 0)") == ["5050"]


def test_functions_share_the_variable_that_they_capture(run: Run) -> None:
    query = """
        let $n := 0
        let $count := function() { xdmp:set($n, $n + 1) }
        return ($count(), $count(), $n)"""
    assert run(query) == ["2"]


def test_variables_of_the_prolog(run: Run) -> None:
    query = """
        declare variable $n as xs:integer := 1;
        declare function local:next() { xdmp:set($n, $n + 1), $n };
        local:next(), local:next(), $n"""
    assert run(query) == ["2", "3", "3"]


def test_a_variable_of_the_same_name_further_out_stays(run: Run) -> None:
    assert run("let $x := 1 return ((let $x := 2 let $_ := xdmp:set($x, 7) return $x), $x)") == ["7", "1"]


def test_what_is_no_variable_cannot_be_set(fail: Fail) -> None:
    assert fail("xdmp:set(1, 2)").marklogic_code == "XDMP-NOTVAR"
    assert fail("some $q in (1, 2) satisfies fn:exists(xdmp:set($q, 1))").marklogic_code == "XDMP-NOTVAR"
    assert fail("xdmp:set($unknown, 2)").marklogic_code == "XDMP-UNDVAR"
