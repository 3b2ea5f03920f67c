"""Paths kept with a tree, cuts and searches find what walking finds."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xquery_bridge import Engine
from xquery_bridge.runtime import axes
from xquery_bridge.runtime.axes import descendant
from xquery_bridge.runtime.node_builder import parse_xml
from xquery_bridge.runtime.node_tests import node_test

ENGINE = Engine(dialect="3.1")
WIDE = parse_xml("<r>" + "".join(f"<{'ab'[n % 2]} n='{n}'>{n}<c/></{'ab'[n % 2]}>" for n in range(200)) + "</r>")


def results(query: str) -> list[object]:
    return ENGINE.compile(query).run(context_item=WIDE)


@pytest.mark.parametrize(
    ("query", "same"),
    [
        ("/r/a[7]/@n/string()", "for $x at $p in /r/a where $p = 7 return string($x/@n)"),
        ("/r/*[@n = '100']/following-sibling::a[position() le 3]/@n/string()", "('102', '104', '106')"),
        ("/r/*[@n = '100']/preceding-sibling::b[1]/@n/string()", "'99'"),
        ("/r/*[@n = '100']/preceding-sibling::*[position() lt 3]/@n/string()", "('98', '99')"),
        ("/r/*[@n = '3']/preceding-sibling::a[5]", "()"),
        ("count(/r/*[@n = '199']/following-sibling::node())", "0"),
        ("/r/a[@n > 100][2]/@n/string()", "'104'"),
        ("(/r/a[@n > 100])[position() lt 3]/@n/string()", "('102', '104')"),
        ("/r/a[position() lt 3][@n = '2']/@n/string()", "'2'"),
        ("/r/a/c/../@n/string()", "/r/a/@n/string()"),
        ("for $r in /r return count($r/b/c)", "100"),
    ],
)
def test_wide_elements(query: str, same: str) -> None:
    assert results(query) == results(same)
    assert results(query) == results(same), "the second time, from what was kept"


def test_a_cut_asks_the_predicate_of_no_more_than_it_needs() -> None:
    assert ENGINE.evaluate("(1, 2, 0)[6 idiv . > 2][1]") == [1]


def test_a_kept_list_is_not_changed_by_what_gets_it() -> None:
    query = (
        "let $s := /r/a return (count(($s, /r/b)), count(reverse($s)), count(sort($s, (), function($x) { -$x/@n })))"
    )
    assert results(query) == results(query) == [200, 100, 100]
    assert results("count(/r/a)") == [100]


@settings(max_examples=40, deadline=None)
@given(
    st.recursive(
        st.just("<a/>"), lambda inner: st.lists(inner, max_size=4).map(lambda parts: f"<b k='1'>x{''.join(parts)}</b>")
    )
)
def test_the_index_of_names_finds_descendants_in_order(text: str) -> None:
    document = parse_xml(f"<r>{text}{text}</r>")
    tests = [node_test("element", "", name) for name in ("a", "b", "z")]
    nodes = [document, *descendant(document, axes.ANY_NODE)]
    walked = [[descendant(node, test) for test in tests] for node in nodes]
    document.tree.number()
    document.tree.walked = 1_000_000
    assert [[descendant(node, test) for test in tests] for node in nodes] == walked


def test_an_adopted_tree_is_searched_as_a_part_of_the_larger_one() -> None:
    query = """
        let $inner := <i>{ for $n in 1 to 100 return <x n="{$n}"/> }</i>
        let $found := count($inner/x[@n = '5']/following-sibling::x)
        let $outer := <o><x n="0"/>{ $inner }</o>
        return ($found, count($outer//x), count($outer/i/x[@n = '5']/following-sibling::x), count($outer/i/x))"""
    assert ENGINE.evaluate(query) == [95, 101, 95, 100]
