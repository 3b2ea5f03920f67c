"""Version declarations, modules and prologs."""

import pytest
from tree_printer import printed

from xquery_bridge.errors import XQueryError
from xquery_bridge.syntax import tree as t
from xquery_bridge.syntax.parser import parse_query


def module(source, dialect="3.1"):
    return parse_query(source, dialect).modules[0]


def declared(source, dialect="3.1"):
    return module(f"{source}; 1", dialect).declarations[0]


@pytest.mark.parametrize(
    ("source", "version", "encoding"),
    [
        ("1", None, None),
        ("xquery version '3.1'; 1", "3.1", None),
        ("xquery version '1.0' encoding 'utf-8'; 1", "1.0", "utf-8"),
        ("xquery encoding 'UTF-8'; 1", None, "UTF-8"),
        ('(: c :) xquery version "1.0-ml"; 1', "1.0-ml", None),
    ],
)
def test_version_declarations(source, version, encoding):
    made = module(source)
    assert (made.version, made.encoding) == (version, encoding)


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("xquery version '4.0'; 1", "XQST0031"),
        ("xquery version '1.0' encoding 'a b'; 1", "XQST0087"),
        ("xquery version '1.0' 1", "XPST0003"),
        ("xquery version 1.0; 1", "XPST0003"),
    ],
)
def test_wrong_version_declarations_have_codes_of_their_own(source, code):
    with pytest.raises(XQueryError) as error:
        module(source)
    assert error.value.code == code


def test_a_version_declaration_chooses_the_dialect():
    assert module("xquery version '1.0-ml'; object-node {}", "3.1").body.entries == []
    with pytest.raises(XQueryError):
        module("xquery version '3.1'; object-node { 'a' : 1 }", "1.0-ml")


def test_library_modules_have_a_namespace_and_no_body():
    made = module("module namespace p = 'u'; declare variable $p:x := 1; declare function p:f() { 2 };")
    assert (made.prefix, made.uri, made.body, len(made.declarations)) == ("p", "u", None, 2)
    with pytest.raises(XQueryError):
        module("module namespace p = 'u'; 1")


@pytest.mark.parametrize(
    ("source", "kind", "value"),
    [
        ("declare boundary-space preserve", "boundary-space", "preserve"),
        ("declare default collation 'u'", "default-collation", "u"),
        ("declare base-uri 'u&amp;v'", "base-uri", "u&v"),
        ("declare construction strip", "construction", "strip"),
        ("declare ordering unordered", "ordering", "unordered"),
        ("declare default order empty greatest", "empty-order", "greatest"),
        ("declare copy-namespaces no-preserve, inherit", "copy-namespaces", "no-preserve inherit"),
    ],
)
def test_setters(source, kind, value):
    made = declared(source)
    assert (made.kind, made.value, made.start, made.end) == (kind, value, 0, len(source))


def test_namespaces_and_imports():
    assert declared("declare namespace p = 'u'").prefix == "p"
    assert declared("declare default function namespace 'u'").kind == "function"
    made = declared("import module namespace p = 'u' at 'a', 'b'")
    assert (made.prefix, made.uri, made.locations) == ("p", "u", ["a", "b"])
    assert declared("import module 'u'").prefix is None
    schema = declared("import schema default element namespace 'u' at 'a'")
    assert (schema.prefix, schema.default_element, schema.locations) == (None, True, ["a"])
    assert declared("import schema namespace p = 'u'").prefix == "p"


def test_decimal_formats_and_options():
    made = declared("declare decimal-format p:f decimal-separator = ',' NaN = 'none'")
    assert (made.name, made.properties) == (t.Name("f", "p"), [("decimal-separator", ","), ("NaN", "none")])
    assert declared("declare default decimal-format digit='#'").name is None
    assert declared("declare option p:o 'v'").value == "v"


def test_variables_functions_and_the_context_item():
    made = declared("declare %p:a('x', 2) %private variable $p:x as item()* external := 1")
    assert (made.external, printed(made.value), made.name) == (True, "1", t.Name("x", "p"))
    assert [(str(a.name), [v.value for v in a.values]) for a in made.annotations] == [
        ("p:a", ["x", "2"]),
        ("private", []),
    ]
    assert declared("declare variable $x external").value is None
    function = declared("declare function p:f($a, $b as item()) as xs:int? { $a, $b }")
    assert [str(p.name) for p in function.params] == ["a", "b"]
    assert (printed(function.result), len(function.body.items)) == ("xs:int?", 2)
    assert declared("declare function p:f() external").body is None
    assert declared("declare function p:f() {}").body == t.SequenceExpr(items=[], start=23, end=25)
    context = declared("declare context item as element() external := <a/>")
    assert (printed(context.type), context.external, printed(context.value)) == ("element()", True, "<a></a>")


@pytest.mark.parametrize(
    "source",
    [
        "declare variable $x := 1; declare namespace p = 'u'; 1",
        "declare option p:o 'v'; import module 'u'; 1",
        "declare namespace p = 'u' 1",
        "declare namespace p:q = 'u'; 1",
        "declare copy-namespaces preserve; 1",
        "declare variable x := 1; 1",
        "declare variable $x; 1",
        "declare function f($a $b) { 1 }; 1",
        "declare context item as item()* := 1; 1",
        "declare decimal-format f colour = 'x'; 1",
        "declare default order empty none; 1",
        "declare private function p:f() { 1 }; 1",
        "using namespace 'u'; 1",
        "import stylesheet at 'u'; 1",
        "1; 2",
        "1;",
        "declare variable $x := 1;",
        "",
    ],
)
def test_ill_formed_prologs_are_refused(source):
    with pytest.raises(XQueryError, match="XPST0003"):
        module(source)


def test_a_prolog_begins_only_with_the_word_after_declare():
    assert isinstance(module("declare").body, t.AxisStep)
    assert module("declare = 1").body.operator == "="
    assert module("import/module").body.steps[0].test.local == "import"
