"""Axis steps against the definition of each axis, and the laws of document order."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime.axes import (
    AXES,
    REVERSE_AXES,
    STEPS,
    child_at,
    ddo,
    except_,
    first_child,
    intersect,
    last_child,
    path_result,
    require_node,
    root_document,
    union,
)
from xquery_bridge.runtime.node_builder import parse_xml
from xquery_bridge.runtime.node_tests import ANY_NODE, node_test
from xquery_bridge.runtime.nodes import ElementNode, order_key

XML = st.recursive(
    st.sampled_from(["t", "<a/>", "<b k='1' j='2'/>", "<!--c-->", "<?p i?>"]),
    lambda inner: st.builds(
        lambda name, kids: f"<{name} k='v'>{''.join(kids)}</{name}>",
        st.sampled_from(["a", "b"]),
        st.lists(inner, max_size=4),
    ),
    max_leaves=14,
)
DOCUMENTS = XML.map(lambda text: parse_xml(f"<r>{text}</r>"))
TESTS = [
    ANY_NODE,
    node_test("element", "", "a"),
    node_test("element", "", "b"),
    node_test("attribute", "", "k"),
    node_test("element"),
    node_test("attribute"),
    node_test("text"),
    node_test("comment"),
    node_test("processing-instruction", "", "p"),
    node_test("element", None, "a"),
    node_test("element", "", None),
]


def everything(document):
    """All nodes with their attributes, in document order."""
    found = []

    def walk(node):
        found.append(node)
        found.extend(node.attributes)
        for child in node.children:
            walk(child)

    walk(document)
    return found


def ancestors(node):
    return [] if node.parent is None else [node.parent, *ancestors(node.parent)]


def defined(axis, node, nodes):
    """The axis by its definition, in document order."""
    at = {id(one): index for index, one in enumerate(nodes)}
    tree = [one for one in nodes if one.kind != "attribute"]
    above = ancestors(node)
    below = [one for one in tree if node in ancestors(one)]
    siblings = [] if node.parent is None or node.kind == "attribute" else node.parent.children
    return {
        "child": [one for one in below if one.parent is node],
        "descendant": below,
        "descendant-or-self": [node, *below],
        "attribute": list(node.attributes),
        "self": [node],
        "parent": above[:1],
        "ancestor": above[::-1],
        "ancestor-or-self": [*above[::-1], node],
        "following-sibling": [one for one in siblings if at[id(one)] > at[id(node)]],
        "preceding-sibling": [one for one in siblings if at[id(one)] < at[id(node)]],
        "following": [one for one in tree if at[id(one)] > at[id(node)] and one not in below],
        "preceding": [one for one in tree if at[id(one)] < at[id(node)] and one not in above],
    }[axis]


@settings(max_examples=60, deadline=None)
@given(DOCUMENTS, st.randoms(use_true_random=False))
def test_every_axis_is_what_the_specification_defines(document, chance: random.Random):
    nodes = everything(document)
    node = chance.choice(nodes)
    some = sorted(chance.sample(nodes, min(len(nodes), 4)), key=order_key)
    for axis in AXES:
        if axis in ("namespace", "property"):
            continue
        for test in TESTS:
            expected = [one for one in defined(axis, node, nodes) if test.matches(one)]
            in_axis_order = expected[::-1] if axis in REVERSE_AXES else expected
            assert AXES[axis](node, test) == in_axis_order, (axis, test)
            assert STEPS[axis](node, test) == expected, (axis, test)
            wanted = {id(one) for each in some for one in defined(axis, each, nodes) if test.matches(one)}
            assert STEPS[axis](some, test) == [one for one in nodes if id(one) in wanted], (axis, test)


@settings(max_examples=40, deadline=None)
@given(st.lists(DOCUMENTS, min_size=1, max_size=3), st.randoms(use_true_random=False))
def test_ddo_sorts_and_removes_duplicates_across_trees(documents, chance: random.Random):
    pool = [node for document in documents for node in everything(document)]
    picked = [chance.choice(pool) for _ in range(12)]
    result = ddo(picked)
    assert len({id(node) for node in result}) == len(result) == len({id(node) for node in picked})
    keys = [order_key(node) for node in result]
    assert keys == sorted(keys)
    assert ddo(result) == result
    other = [chance.choice(pool) for _ in range(12)]
    assert union(picked, other) == union(other, picked) == ddo(picked + other)
    assert ddo(intersect(picked, other) + except_(picked, other)) == result


def test_positions_cut():
    a = parse_xml("<a>t<b i='1'/><c/><b i='2'/></a>").children[0]
    b = node_test("element", "", "b")
    assert first_child(a, b) is a.children[1]
    assert child_at(a, b, 2) is last_child(a, b) is a.children[3]
    assert child_at(a, b, 3) == child_at(a, b, 0) == last_child(a, node_test("element", "", "z")) == []


def test_steps_refuse_what_is_no_node():
    with pytest.raises(XQueryError) as caught:
        require_node("x")
    assert caught.value.code == "XPTY0020"
    for axis in STEPS:
        with pytest.raises(XQueryError) as caught:
            STEPS[axis]([parse_xml("<a/>"), 1], ANY_NODE)
        assert caught.value.code == "XPTY0019"
    with pytest.raises(XQueryError) as caught:
        union([1], [])
    assert caught.value.code == "XPTY0004"
    with pytest.raises(XQueryError) as caught:
        path_result([parse_xml("<a/>"), 1])
    assert caught.value.code == "XPTY0018"
    with pytest.raises(XQueryError) as caught:
        root_document(ElementNode("a"))
    assert caught.value.code == "XPDY0050"


def test_name_tests_do_not_find_processing_instructions_of_that_name():
    a = parse_xml("<a><?b x?><b/></a>").children[0]
    assert STEPS["child"](a, node_test("element", "", "b")) == [a.children[1]]


def test_namespace_axis():
    a = parse_xml('<a xmlns:p="u" xmlns="d"/>').children[0]
    assert [node.prefix for node in AXES["namespace"](a, node_test("namespace-node", "", "p"))] == ["p"]
    assert len(AXES["namespace"](a, ANY_NODE)) == 3


def test_deep_documents_are_walked():
    document = parse_xml("<a>" * 50_000 + "<b/>" + "</a>" * 50_000)
    b = STEPS["descendant"](document, node_test("element", "", "b"))[0]
    assert len(AXES["ancestor"](b, ANY_NODE)) == 50_001
    assert len(STEPS["descendant-or-self"](document.children[0], node_test("element"))) == 50_001
    assert AXES["preceding"](b, ANY_NODE) == AXES["following"](b, ANY_NODE) == []
