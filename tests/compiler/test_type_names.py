"""Types as queries write them: names, prefixes and the errors for what names no type."""

import pytest

from xquery_bridge.engine import Engine
from xquery_bridge.errors import XQueryError

_ENGINE = Engine()
_MODERN = 'xquery version "3.1"; '

_REFUSED = [
    ("1 instance of foo", "XPST0051"),
    ("1 instance of xs:anySimpleType", "XPST0051"),
    ("1 instance of xs:NMTOKENS", "XPST0051"),
    ("1 instance of p:foo", "XPST0081"),
    ("1 instance of Q{http://www.w3.org/2001/XMLSchema}foo", "XPST0051"),
    ("map{} instance of map(node, item())", "XPST0051"),
    ("<a/> instance of schema-element(x)", "XPST0008"),
    ("<a/> instance of schema-element(p:x)", "XPST0081"),
    ("<a/> instance of element(*, xs:foo)", "XPST0008"),
    ("<a/> instance of element(p:a)", "XPST0081"),
    ("1 cast as xs:foo", "XQST0052"),
    ("1 cast as foo", "XQST0052"),
    ("1 cast as p:foo", "XPST0081"),
    ("1 cast as xs:anyAtomicType", "XPST0080"),
    ("1 castable as xs:NOTATION", "XPST0080"),
    ("abs#1 instance of %xs:x function(*)", "XQST0045"),
]


@pytest.mark.parametrize(("query", "code"), _REFUSED)
def test_what_names_no_type_is_a_static_error(query, code):
    with pytest.raises(XQueryError) as caught:
        _ENGINE.evaluate(f"{_MODERN}if (false()) then {query} else ()")
    assert caught.value.code == code


_HOLDS = [
    'declare namespace p = "http://www.w3.org/2001/XMLSchema"; 1 instance of p:integer',
    'declare default element namespace "http://www.w3.org/2001/XMLSchema"; 1 instance of integer',
    'declare default element namespace "u"; <a/> instance of element(a) and not(<a b=""/>/@b instance of attribute(c))',
    'declare default element namespace "u"; <a b=""/>/@b instance of attribute(b)',
    "<a/> instance of element(Q{}a)",
    "<?x y?> instance of processing-instruction(x) and <?x y?> instance of processing-instruction('x')",
    "document { <a/>, <!--c--> } instance of document-node(element(a))",
    "not(document { <a/>, 'text' } instance of document-node(element(a)))",
    "(1, 'a') instance of item()+ and () instance of empty-sequence() and not(1 instance of empty-sequence())",
    "abs#1 instance of function(xs:numeric?) as xs:numeric?",
    "abs#1 instance of function(xs:integer) as item()* and not(abs#1 instance of function(item()) as item()*)",
    "fn:substring(?, 2) instance of function(xs:string?) as xs:string",
    "function($a as xs:int) { $a } instance of function(xs:byte) as item()*",
    "map { 1: 'a' } instance of map(xs:integer, xs:string) and [1] instance of array(xs:integer)",
    "let $f as function(*) := map { } return $f instance of map(*)",
]


@pytest.mark.parametrize("query", _HOLDS)
def test_types_by_name(query):
    assert _ENGINE.evaluate(_MODERN + query) == [True]


@pytest.mark.parametrize(
    "query",
    [
        "map:map() instance of map:map and json:object() instance of map:map",
        "not(map:map() instance of json:object) and json:array() instance of json:array",
        'object-node { "a": 1 } instance of object-node() and number-node { 1 } instance of number-node()',
        'object-node { "a": 1 }/a instance of number-node("a") and not(object-node { "a": 1 }/a instance of text())',
        "binary { '00' } instance of binary() and not(1 instance of cntk:variable)",
        "not(1 instance of cts:query) and not(1 instance of simple-type())",
    ],
)
def test_types_of_the_enhanced_dialect(query):
    assert _ENGINE.evaluate(query) == [True]


def test_equal_prefixes_of_two_namespaces_name_two_types():
    query = """declare namespace p = "u";
        (<a xmlns:p="v">{<p:b/> instance of element(p:b)}</a>/string(), <p:b/> instance of element(p:b),
         <p:b/> instance of element(Q{v}b))"""
    assert [str(item) for item in _ENGINE.evaluate(_MODERN + query)] == ["true", "True", "False"]


def test_results_declared_empty_are_no_items():
    query = "declare function local:f() as empty-sequence() { () }; (1, local:f(), 2)"
    assert _ENGINE.evaluate(_MODERN + query) == [1, 2]


def test_parameters_of_function_types_are_single_functions():
    query = """declare function local:f($g as function(item()) as item()*) { $g(1) };
        (local:f(function($x) { $x, $x }), fn:for-each((1, 2), function($x) { $x + 1 }))"""
    assert _ENGINE.evaluate(_MODERN + query) == [1, 1, 2, 3]
