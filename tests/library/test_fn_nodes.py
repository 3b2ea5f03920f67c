"""Nodes, names and URIs."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xquery_bridge.library.fn.nodes import innermost, outermost
from xquery_bridge.runtime.node_builder import parse_xml
from xquery_bridge.runtime.nodes import deep_nodes

DOCUMENT = """let $d := parse-xml('<p:a xmlns:p="u" xml:lang="en-GB" xml:base="http://b/c/">'
    || '<b id="1">x</b><?t v?><!--c--></p:a>') return """


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("$d/* ! (name(), local-name(), namespace-uri(), string(node-name()))", ["p:a", "a", "u", "p:a"]),
        ("$d//processing-instruction() ! (name(), local-name()), name($d), count(node-name($d))", ["t", "t", "", 0]),
        ("$d//b/lang('EN'), $d//b/lang('en-gb'), $d//b/lang('e')", [True, True, False]),
        ("string(base-uri($d//b)), count(base-uri($d)), nilled($d/*)", ["http://b/c/", 0, False]),
        ("has-children($d//b), has-children($d//b/text()), $d//b/root() is $d", [True, False, True]),
        ("path($d//b/@id), path($d)", ["/Q{u}a[1]/Q{}b[1]/@id", "/"]),
        ("resolve-QName('p:z', $d/*) eq QName('u', 'q:z'), prefix-from-QName(resolve-QName('p:z', $d/*))", [True, "p"]),
        ("namespace-uri-for-prefix('p', $d/*), sort(in-scope-prefixes($d/*))", ["u", "p", "xml"]),
        (
            "generate-id($d) = generate-id($d//b/..), generate-id(()), generate-id($d) = generate-id($d/*)",
            [False, "", False],
        ),
        ("resolve-uri('../x', 'http://b/c/d') , resolve-uri('http://o/', 'http://b/')", ["http://b/x", "http://o/"]),
    ],
)
def test_examples(standard: Callable[[str], list[Any]], query: str, expected: list[Any]) -> None:
    found = standard(
        DOCUMENT + f"({query}) ! (if (. instance of xs:boolean or . instance of xs:integer) then . else string())"
    )
    assert found == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("1 ! name()", "XPTY0004"),
        ("name()", "XPDY0002"),
        ("id('a', <a/>)", "FODC0001"),
        ("QName('', 'p:a')", "FOCA0002"),
        ("QName('u', '1')", "FOCA0002"),
        ("resolve-QName('p:a', <a/>)", "FONS0004"),
        ("resolve-uri('a')", "FONS0005"),
        ("resolve-uri('a', 'b')", "FORG0002"),
        ("parse-xml('<a>')", "FODC0006"),
    ],
)
def test_errors(code: Callable[[str], str], query: str, expected: str) -> None:
    assert code(query) == expected


def test_references_of_a_document_type(standard: Callable[[str], list[Any]]) -> None:
    query = """let $d := parse-xml('<!DOCTYPE a [<!ATTLIST b i ID #IMPLIED r IDREFS #IMPLIED>]>'
        || '<a><b i="x"/><b i="y" r="z x"/></a>')
      return (id('y z', $d)/@i, idref('x', $d)/name(), count(element-with-id('x', $d))) ! string()"""
    assert standard(query) == ["y", "r", "1"]


TREE = list(deep_nodes(parse_xml("<a><b><c/><d>t</d></b><e><f/></e></a>")))


@given(st.lists(st.sampled_from(range(len(TREE))), max_size=6))
@settings(max_examples=60)
def test_innermost_and_outermost_by_their_definitions(chosen: list[int]) -> None:
    nodes = [TREE[at] for at in chosen]

    def above(node: Any) -> set[int]:
        found = set()
        while (node := node.parent) is not None:
            found.add(id(node))
        return found

    ancestors = set().union(*map(above, nodes))
    given_nodes = set(map(id, nodes))
    in_order = [node for node in TREE if id(node) in given_nodes]
    assert list(innermost(nodes)) == [node for node in in_order if id(node) not in ancestors]
    assert list(outermost(nodes)) == [node for node in in_order if not above(node) & given_nodes]
