"""Constructors: the namespaces that nodes come to have."""

import pytest


def test_nested_direct_elements_inherit_no_namespace_that_is_only_used(evaluate):
    prolog = 'declare namespace a = "u1"; declare namespace b = "u2"; '
    direct = '<e a:n="" xmlns:c="u3"><b:f/></e>/*/in-scope-prefixes(.)'
    enclosed = '<e a:n="" xmlns:c="u3">{<b:f/>}</e>/*/in-scope-prefixes(.)'
    assert sorted(evaluate(prolog + direct)) == ["b", "c", "xml"]
    assert sorted(evaluate(prolog + enclosed)) == ["a", "b", "c", "xml"]


def test_the_name_of_an_element_gives_way_to_a_namespace_node(evaluate):
    made = 'element {QName("u2", "p:e")} { namespace p {"u1"} }'
    assert evaluate(f'namespace-uri-for-prefix("p", {made}), namespace-uri({made})') == ["u1", "u2"]
    assert evaluate(f"let $e := {made} return namespace-uri-for-prefix(prefix-from-QName(node-name($e)), $e)") == ["u2"]


def test_namespace_nodes_must_not_contradict_each_other(code):
    assert code('element {QName("u2", "p:e")} { namespace p {"u1"}, namespace p {"u2"} }') == "XQDY0102"
    assert code('<p:e xmlns:p="u2">{ namespace p {"u1"} }</p:e>') == "XQDY0102"
    assert code('element e { namespace {""} {"u1"} }') == "XQDY0102"


def test_errors_of_names_can_be_caught(evaluate):
    assert evaluate("try { attribute xmlns {} } catch err:XQDY0044 { 'caught' }") == ["caught"]


@pytest.mark.parametrize("name", ["1b", "a:b", ""])
def test_a_test_for_processing_instructions_has_a_name(code, name):
    assert code(f'<a/>/processing-instruction("{name}")') == "XPTY0004"
