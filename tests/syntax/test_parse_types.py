"""Sequence types, item types and kind tests."""

import pytest
from tree_printer import printed

from xquery_bridge.errors import XQueryError
from xquery_bridge.syntax import tree as t
from xquery_bridge.syntax.parser import parse_query


def parse(source, dialect="3.1"):
    return parse_query(f"1 instance of {source}", dialect).modules[0].body.type


@pytest.mark.parametrize(
    "source",
    [
        "empty-sequence()",
        "item()*",
        "xs:integer?",
        "Q{u}t+",
        "node()",
        "text()",
        "comment()",
        "namespace-node()",
        "element()",
        "element(p:a, xs:string?)",
        "element(*, xs:string)",
        "attribute(a)",
        "document-node(element(a))",
        "document-node(schema-element(a))",
        "schema-element(p:a)",
        "schema-attribute(a)",
        "processing-instruction(go)",
        'processing-instruction("go")',
        "function(*)",
        "function() as item()*",
        "%p:a(1) function(xs:integer, item()*) as function(*)?",
        "map(*)",
        "map(xs:string, item()*)",
        "array(*)",
        "array(xs:integer+)",
    ],
)
def test_types_print_as_they_are_written(source):
    assert printed(parse(source)) == source


def test_names_of_kind_tests_are_types_where_no_parenthesis_follows():
    assert printed(parse("map?")) == "map?"
    assert parse("map").item.name == t.Name("map")


def test_parentheses_around_item_types_leave_no_trace():
    assert printed(parse("((xs:integer))*")) == "xs:integer*"


def test_a_star_in_an_element_test_is_no_name():
    item = parse("element(*)").item
    assert (item.kind, item.name, item.type) == ("element", None, None)
    assert parse("element(*, t?)").item.nillable
    assert parse("document-node()").item == t.KindTest(kind="document", start=14, end=29)


@pytest.mark.parametrize(
    "source",
    [
        "foo()",
        "element(a, b, c)",
        "attribute(a, b?)",
        "text(1)",
        "comment(a)",
        "schema-element()",
        "document-node(a)",
        "document-node(text())",
        "function(item())",
        "map()",
        "map(xs:string)",
        "array()",
        "empty-sequence()?",
        "(xs:integer*)",
        "text('x')",
        "node('x')",
        "object-node()",
        "element-decl()",
        "processing-instruction(p:a)",
    ],
)
def test_ill_formed_types_are_refused(source):
    with pytest.raises(XQueryError, match="XPST0003"):
        parse(source)
