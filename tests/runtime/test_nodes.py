"""Nodes answer the accessors of the data model."""

import elementpath

from xquery_bridge.runtime.node_builder import parse_xml
from xquery_bridge.runtime.nodes import (
    AttributeNode,
    ElementNode,
    TextNode,
    clark,
    generate_id,
    in_scope_namespaces,
    order_key,
    path_of,
    precedes,
)


def test_nodes_are_elementpaths_nodes_and_small():
    element = ElementNode("a")
    assert isinstance(element, elementpath.ElementNode)
    assert not hasattr(element, "__dict__")
    assert element.__sizeof__() <= 120
    assert not hasattr(TextNode("x"), "__dict__")


def test_string_and_typed_values():
    document = parse_xml("<a>1<b>2<!--no--></b><?no no?><c/>3</a>")
    a = document.children[0]
    assert document.string_value == a.string_value == "123"
    assert type(a.atomized()).__name__ == "UntypedAtomic" and a.atomized().value == "123"
    assert a.atomized() is a.atomized()
    assert a.children[1].children[1].atomized() == "no"


def test_positions_follow_the_document():
    document = parse_xml('<a x="1" y="2" xmlns:p="u"><b z="3">t</b></a>')
    a = document.children[0]
    b = a.children[0]
    line = [document, a, *a.namespace_nodes, *a.attributes, b, *b.namespace_nodes, *b.attributes, b.children[0]]
    keys = [order_key(node) for node in line]
    assert keys == sorted(keys) and len(set(keys)) == len(keys)
    assert precedes(a, b) and not precedes(b, a)


def test_order_between_trees_does_not_interleave():
    one, two = parse_xml("<a><b/><c/></a>"), parse_xml("<a><b/><c/></a>")
    firsts = {precedes(x, y) for x in one.children[0].children for y in two.children[0].children}
    assert firsts == {True} or firsts == {False}


def test_order_is_renewed_when_a_constructor_adopts_a_tree():
    inner = ElementNode("b")
    text = TextNode("t", inner)
    inner.children.append(text)
    assert precedes(inner, text)
    outer = ElementNode("a")
    before = ElementNode("x", "", outer)
    inner.parent = outer
    outer.children += [before, inner]
    assert precedes(outer, before) and precedes(before, inner) and precedes(inner, text)
    assert order_key(outer)[0] == order_key(text)[0]


def test_parentless_leaves_have_a_stable_order():
    one, two = AttributeNode("a", "1"), TextNode("x")
    assert precedes(one, two) != precedes(two, one)
    assert precedes(one, two) == precedes(one, two)


def test_names():
    a = parse_xml('<p:a xmlns:p="u"/>').children[0]
    assert (a.lexical_name, a.local_name, a.namespace_uri) == ("p:a", "a", "u")
    assert a.node_name.uri == "u" and a.node_name.prefix == "p"
    assert a.name is clark("u", "a")


def test_base_uri_follows_xml_base():
    document = parse_xml('<a xml:base="b/"><c xml:base="d"/></a>', uri="http://h/x.xml")
    a = document.children[0]
    assert document.base_uri == "http://h/x.xml"
    assert a.base_uri == "http://h/b/"
    assert a.children[0].base_uri == "http://h/b/d"


def test_paths():
    document = parse_xml('<a xmlns="u" k="1">t<b/><b>x</b><!--c--><?p i?></a>')
    a = document.children[0]
    assert path_of(document) == "/"
    assert path_of(a.children[2].children[0]) == "/Q{u}a[1]/Q{u}b[2]/text()[1]"
    assert path_of(a.attributes[0]) == "/Q{u}a[1]/@k"
    assert path_of(a.children[4]) == "/Q{u}a[1]/processing-instruction(p)[1]"
    assert path_of(ElementNode("x")) == "Q{http://www.w3.org/2005/xpath-functions}root()"


def test_generated_ids_tell_nodes_apart():
    document = parse_xml('<a k="1" xmlns:p="u"><b/></a>')
    a = document.children[0]
    nodes = [document, a, a.attributes[0], a.children[0], *a.namespace_nodes]
    ids = [generate_id(node) for node in nodes]
    assert len(set(ids)) == len(ids) and all(one.isalnum() and one[0].isalpha() for one in ids)


def test_an_element_without_a_namespace_has_no_default_namespace():
    outer = ElementNode(clark("u", "a"), "", None, {"": "u", "p": "v"})
    inner = ElementNode("b", "", outer)
    assert "" not in in_scope_namespaces(inner)
    assert in_scope_namespaces(inner)["p"] == "v"


def test_namespace_nodes_are_the_same_every_time():
    a = parse_xml('<a xmlns:p="u"/>').children[0]
    assert a.namespace_nodes[0] is a.namespace_nodes[0]
    assert {(node.prefix, node.string_value) for node in a.namespace_nodes} >= {("p", "u")}
