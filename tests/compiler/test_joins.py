"""Loops that become joins find what comparing each pair finds, errors included."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xquery_bridge import Engine
from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime.node_builder import parse_xml

ENGINE = Engine(dialect="3.1")

#: Atomic values of kinds that compare with each other, by conversions, or not at all.
ATOMS = st.sampled_from(
    [
        "1",
        "2",
        "2.0",
        "1.5e0",
        "xs:float('2')",
        "xs:double('NaN')",
        "9007199254740993",
        "9007199254740992e0",
        "0.1",
        "0.1e0",
        "'1'",
        "'2'",
        "'x'",
        "xs:untypedAtomic('1')",
        "xs:untypedAtomic(' 2 ')",
        "xs:untypedAtomic('x')",
        "xs:untypedAtomic('NaN')",
        "xs:anyURI('x')",
        "true()",
        "xs:date('2020-01-01')",
    ]
)
KEYS = st.lists(ATOMS, max_size=2).map(lambda atoms: f"({', '.join(atoms)})")
#: Keys of one kind, so that tables answer.
ALIKE = (
    st.sampled_from(
        [
            ("'a'", "'b'", "xs:untypedAtomic('a')", "xs:untypedAtomic('c')"),
            ("1", "2", "3", "2e0", "xs:double('NaN')"),
            ("xs:untypedAtomic('1')", "xs:untypedAtomic('2')", "xs:untypedAtomic('02')", "xs:untypedAtomic('NaN')"),
        ]
    )
    .flatmap(lambda atoms: st.lists(st.lists(st.sampled_from(atoms), max_size=2), max_size=5))
    .map(lambda lists: [f"({', '.join(each)})" for each in lists])
)
TABLES = ALIKE | st.lists(KEYS, max_size=4)


def outcome(query: str) -> Any:
    """What a query yields, or the code of its error."""
    try:
        return ENGINE.evaluate(query)
    except XQueryError as error:
        return error.code


def table(keys: list[str]) -> str:
    maps = [f"map {{ 'n': {place}, 'k': {key} }}" for place, key in enumerate(keys)]
    return f"({', '.join(maps)})"


@settings(max_examples=150, deadline=None)
@given(TABLES, TABLES, st.sampled_from(["=", "<", "<=", ">", ">=", "eq", "lt", "ge"]), st.booleans())
def test_join_finds_the_pairs_that_compare(left: list[str], right: list[str], operator: str, swapped: bool) -> None:
    condition = f"$y?k {operator} $x?k" if swapped else f"$x?k {operator} $y?k"
    loops = f"let $a := {table(left)}, $b := {table(right)} return for $x in $a, $y in $b"
    result = "$x?n || '-' || $y?n"
    joined = f"{loops} where {condition} return {result}"
    if left and right:
        assert "matching" in ENGINE.compile(joined).python
    assert outcome(joined) == outcome(f"{loops} return if ({condition}) then {result} else ()")


@settings(max_examples=60, deadline=None)
@given(ALIKE, ALIKE)
def test_predicates_and_quantifiers_join_too(left: list[str], right: list[str]) -> None:
    start = f"let $a := {table(left)}, $b := {table(right)} return for $x in $a return"
    naive = f"{start} string-join(for $y in $b return if ($y?k = $x?k) then string($y?n) else (), ' ')"
    assert outcome(f"{start} string-join($b[?k = $x?k]?n ! string(), ' ')") == outcome(naive)
    some = f"{start} (some $y in $b satisfies $y?k = $x?k)"
    assert outcome(some) == outcome(f"{start} exists(for $y in $b return if ($y?k = $x?k) then 1 else ())")


def test_other_conditions_and_the_order_of_tuples_stay() -> None:
    query = """
        for $x in (1, 2), $y in (<y k="2" n="b"/>, <y k="1" n="a"/>, <y k="2" n="c"/>)
        where $y/@k = $x and $y/@n ne 'b'
        return $x || string($y/@n)"""
    assert ENGINE.evaluate(query) == ["1a", "2c"]


def test_probe_is_not_evaluated_without_items_to_compare() -> None:
    query = """
        for $x in 1 to 3 return
        for $y in ()[. instance of element()] where $y/@k = error() return $y"""
    assert ENGINE.evaluate(query) == []


@pytest.mark.parametrize("source", ["/a/b", "//b", "/a/*", "/a/b/self::b"])
@pytest.mark.parametrize("test", ["@k = '1'", "@k = 1", "'2' = @k", "c = 'x'", "c/@n > 1", "3 > c/@n", "@k eq '1'"])
def test_indexes_of_a_tree_answer_predicates(source: str, test: str) -> None:
    naive = f"{source} ! (if ({test}) then path(.) else ())"
    for _ in range(2):
        assert results(f"{source}[{test}] ! path(.)") == results(naive)
    assert results(f"some $k in ({source}) satisfies $k[{test}]") == results(f"exists({naive})")


DOCUMENT = parse_xml(b"""<a><b k="1"><c n="1">x</c></b><b k="2"><c n="2">y</c><c n="7">x</c></b><b/><d k="1"/></a>""")


def results(query: str) -> list[object]:
    return ENGINE.compile(query).run(context_item=DOCUMENT)


@settings(max_examples=100, deadline=None)
@given(st.lists(ATOMS, max_size=4) | ALIKE, KEYS | ALIKE.map(lambda keys: f"({', '.join(keys)})"), st.booleans())
def test_comparing_with_a_sequence_that_stays_finds_the_same(values: list[str], members: str, swapped: bool) -> None:
    start = f"let $all := ({', '.join(values)}), $some := {members} return"
    condition = "$some = $x" if swapped else "$x = $some"
    naive = f"{start} for $x in $all return (function($a, $b) {{ $a = $b }})({'$some, $x' if swapped else '$x, $some'})"
    assert outcome(f"{start} for $x in $all return {condition}") == outcome(naive)


def test_members_are_gathered_once() -> None:
    query = "let $b := (2, 4)[. > 0] return (1 to 5)[. = $b]"
    assert "Members(" in ENGINE.compile(query).python
    assert ENGINE.evaluate(query) == [2, 4]
    assert ENGINE.evaluate("let $b := ('x', 'y')[. ne ''] return <a k='x'/>/@*[. = $b] ! string()") == ["x"]
    with pytest.raises(XQueryError):
        ENGINE.evaluate("let $b := ('x', 'y')[. ne ''] return (1 to 5)[. = $b]")
