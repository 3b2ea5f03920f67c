"""Function mapping: a call for each item of a sequence where a parameter takes one (xquery-1.0-ml.md, section 4)."""

import pytest

from .conftest import Fail, Run

DOUBLE = "declare function local:double($x as xs:integer) { $x * 2 };"


def test_a_sequence_is_mapped_over(run: Run) -> None:
    assert run(f"{DOUBLE} local:double((1, 2, 3))") == ["2", "4", "6"]


def test_the_empty_sequence_gives_no_call(run: Run) -> None:
    query = 'declare function local:f($x as item()) { xdmp:document-insert("/called", <a/>), 99 }; local:f(());'
    assert run(f"{query} fn:doc-available('/called')") == ["false"]


def test_several_sequences_give_their_product(run: Run) -> None:
    query = "declare function local:f($x as xs:integer, $y as xs:integer) { $x * 10 + $y };"
    assert run(f"{query} local:f((1, 2), (3, 4))") == ["13", "14", "23", "24"]


@pytest.mark.parametrize("type", ["xs:integer?", "xs:integer+"])
def test_only_parameters_of_one_item_are_mapped(run: Run, fail: Fail, type: str) -> None:
    declared = f"declare function local:f($x as {type}) {{ fn:count($x) }};"
    wrong = "(1, 2)" if type.endswith("?") else "()"
    assert fail(f"{declared} local:f({wrong})").marklogic_code == "XDMP-AS"
    assert run(f"{declared} local:f(7)") == ["1"]


def test_the_option_turns_it_off(fail: Fail, run: Run) -> None:
    option = 'declare option xdmp:mapping "false";'
    error = fail(f"{option} {DOUBLE} local:double((1, 2))")
    assert error.format_string == ("XDMP-AS: (err:XPTY0004) $x as xs:integer -- Invalid coercion: (1, 2) as xs:integer")
    assert fail(f"{option} {DOUBLE} local:double(())").marklogic_code == "XDMP-AS"
    assert run(f"{option} {DOUBLE} local:double(4)") == ["8"]


def test_built_in_functions_are_mapped(run: Run) -> None:
    assert run('map:keys((map:entry("a", 1), map:entry("b", 2)))') == ["a", "b"]
    assert run("xdmp:integer-to-hex((255, 16))") == ["ff", "10"]
    assert run("map:keys(())") == []


def test_calls_come_in_order_with_their_effects(run: Run) -> None:
    query = """
        let $seen := json:array()
        let $_ := for $x in (1, 2) return local:note($seen, ($x, $x * 10))
        return $seen"""
    declared = "declare function local:note($a as json:array, $x as xs:integer) { json:array-push($a, $x) };"
    assert run(declared + query) == ["[1, 10, 2, 20]"]


def test_the_standard_dialect_does_not_map(fail: Fail) -> None:
    query = 'xquery version "3.1"; declare function local:f($x as xs:integer) { $x }; local:f((1, 2))'
    assert fail(query).code == "XPTY0004"
