"""What 1.0-ml adds to the grammar, and that it stays out of standard XQuery."""

import pytest
from tree_printer import plain, printed

from xquery_bridge.errors import XQueryError
from xquery_bridge.syntax import tree as t
from xquery_bridge.syntax.parser import parse_query


def parse(source):
    return parse_query(source).modules[0].body


@pytest.mark.parametrize(
    "source",
    [
        "1; 2",
        "1;",
        "try { 1 } catch ($e) { 2 }",
        "object-node { 'a' : 1 }",
        "array-node { 1 }",
        "number-node { 1 }",
        "boolean-node { 1 }",
        "null-node { }",
        "binary { 'ff' }",
        "a/node('x')",
        "a/node(*)",
        "a/text('x')",
        "1 instance of array-node('x')",
        "1 instance of document-node(object-node())",
        "1 instance of element-decl(p:a)",
        "1 instance of model-group(*)",
        "validate full { 1 }",
        "validate as p:t { 1 }",
        "declare private function p:f() { 1 }; 1",
        "declare private variable $x := 1; 1",
        "using namespace 'u'; 1",
        "import stylesheet at 'u'; 1",
        "'&nbsp;'",
        "<a>&eacute;</a>",
        "a/namespace::*",
        "a/property::p",
        "if (1 = 1)then 2else 3",
        "declare option xdmp:mapping 'false'; declare namespace p = 'u'; 1",
    ],
)
def test_extensions_parse_in_1_0_ml_and_nowhere_else(source):
    assert parse_query(source, "1.0-ml").modules
    for dialect in ("1.0", "3.1"):
        with pytest.raises(XQueryError, match=r"XPST0003"):
            parse_query(source, dialect)


def test_statements_are_modules_of_their_own():
    made = parse_query("declare variable $x := 1; $x; xquery version '1.0-ml'; declare namespace p = 'u'; p:a;")
    assert [(m.version, len(m.declarations), printed(m.body)) for m in made.modules] == [
        (None, 1, "$x"),
        ("1.0-ml", 1, "child::p:a"),
    ]
    second = made.modules[1]
    assert (second.start, second.end) == (30, 85)


@pytest.mark.parametrize("source", ["1;;2", ";", "1; declare variable $x := 1;", "1; module namespace p = 'u';"])
def test_every_statement_has_a_body(source):
    with pytest.raises(XQueryError, match="XPST0003"):
        parse_query(source)


def test_a_catch_with_a_variable_is_the_only_one():
    clause = parse("try { 1 } catch ($e) { $e }").catches[0]
    assert (clause.var, clause.tests) == (t.Name("e"), [])
    with pytest.raises(XQueryError):
        parse("try { 1 } catch ($e) { 2 } catch * { 3 }")


def test_a_keyword_may_follow_a_literal_or_a_tag_directly():
    assert len(parse('let $a := "hello"let $b := <o></o>return $b').clauses) == 2
    assert parse("2to 4").operator == "to"
    assert printed(parse("$seq[2 to 4]").predicate) == "2 to 4"


def test_json_constructors_and_tests():
    made = parse("object-node { 'a' : 1, $k : array-node { 1, 2 }, 'n' : null-node { } }")
    assert [printed(key) for key, _ in made.entries] == ['"a"', "$k", '"n"']
    assert made.entries[1][1].kind == "array" and made.entries[2][1].content is None
    test = parse("a/object-node('x')").steps[1].test
    assert (test.kind, test.literal) == ("object", "x")
    assert parse("a/node(*)").steps[1].test.literal is None
    assert parse("null-node()").test.kind == "null"
    for source in ("number-node { }", "null-node { 1 }", "object-node { 1 }", "binary('x')"):
        with pytest.raises(XQueryError, match="XPST0003"):
            parse(source)


def test_private_is_the_annotation():
    made = parse_query("declare private function local:f() { 1 }; 1").modules[0].declarations[0]
    assert [a.name for a in made.annotations] == [t.Name("private")]


def test_html_entities_stand_for_their_characters():
    assert parse("'&nbsp;&Auml;&hellip;&amp;'").value == "\u00a0Ä…&"
    assert parse("<a k='&copy;'/>").attributes[0].value[0].text == "©"
    with pytest.raises(XQueryError, match="&nothing;"):
        parse("'&nothing;'")


def test_validate_as_means_validate_type():
    assert plain(parse("validate as p:t { 1 }")) == plain(parse("validate type p:t { 1 }"))
    assert (parse("validate { 1 }").mode, parse("validate full { 1 }").mode) == ("strict", "full")


@pytest.mark.parametrize("name", ["binary", "object-node", "element-decl", "switch", "function"])
def test_more_names_are_reserved(name):
    with pytest.raises(XQueryError, match="XPST0003"):
        parse_query(f"declare function {name}($a, $b) {{ 1 }}; 1")


@pytest.mark.parametrize("source", ["object-node(1, 2)", "binary()", "array-node()"])
def test_words_of_1_0_ml_are_functions_elsewhere(source):
    assert isinstance(parse_query(source, "3.1").modules[0].body, t.FunctionCall)
