"""JSON and binary nodes: constructors, tests, paths, casts (xquery-1.0-ml.md, sections 3 and 4)."""

import pytest

from .conftest import Fail, Run


@pytest.mark.parametrize(
    ("query", "result"),
    [
        ("object-node { 'a': 1, 'b': (1, 2), 'c': fn:true(), 'd': null-node {}, 'e': 'x', 'f': () }",
         ['{"a":1, "b":[1, 2], "c":true, "d":null, "e":"x", "f":null}']),
        ("object-node {}", ["{}"]),
        ('array-node { 1, "a", fn:false(), array-node {} }', ['[1, "a", false, []]']),
        ('number-node { "1.5" }', ["1.5"]),
        ("number-node { () }", []),
        ("boolean-node { 'true' }", ["true"]),
        ("boolean-node { () }", []),
        ("null-node {}", ["null"]),
        ("fn:count((null-node {}, null-node {}))", ["2"]),
        ('object-node { "a": object-node { "b": 3 } }/a/b + 1', ["4"]),
        ('object-node { "a": array-node { object-node { "b": 1 }, object-node { "b": 2 } } }/a/b', ["1", "2"]),
        ('object-node { "a": array-node { 1, 2 } }/a', ["1", "2"]),
        ('object-node { "a": 1, "b": 2 }//b', ["2"]),
        ('object-node { "a": 1 }/number-node("a")', ["1"]),
        ('object-node { "a": "x", "b": "y" }/text("b")', ["y"]),
        ('object-node { "a b": 1 }/node("a b")', ["1"]),
        ('object-node { "a": 1, "b": fn:true() }/boolean-node()', ["true"]),
        ('object-node { "a": object-node {} }/object-node()', ["{}"]),
        ('object-node { "a": null-node {} }/null-node()', ["null"]),
        ('fn:data(object-node { "a": 2 }/a) instance of xs:double', ["false"]),
        ('let $o := object-node { "a": 1 } return object-node { "copy": $o }/copy/a', ["1"]),
        ('document { object-node { "a": 1 } }/a', ["1"]),
    ],
)  # fmt: skip
def test_nodes(run: Run, query: str, result: list[str]) -> None:
    assert run(query) == result


@pytest.mark.parametrize(
    ("node", "test"),
    [
        ("object-node { 'a': 1 }", "object-node()"),
        ("array-node { 1 }", "array-node()"),
        ("number-node { 1 }", "number-node()"),
        ("boolean-node { fn:true() }", "boolean-node()"),
        ("null-node {}", "null-node()"),
        ("binary { 'AB' }", "binary()"),
        ("document { object-node {} }", "document-node(object-node())"),
        ("document { array-node {} }", "document-node(array-node())"),
        ("number-node { 1 }", "node()"),
        ("number-node { 1 }", "node(*)"),
    ],
)
def test_kind_tests(run: Run, node: str, test: str) -> None:
    assert run(f"{node} instance of {test}, <a/> instance of {test}") == [
        "true",
        "true" if test in ("node()", "node(*)") else "false",
    ]


@pytest.mark.parametrize(
    ("query", "result"),
    [
        ("number-node { 5 } + 1", "6"),
        ("xs:double(number-node { '3' })", "3"),
        ("number-node { 5 } instance of xs:double", "false"),
        ("boolean-node { fn:true() } = fn:true()", "true"),
        ("xs:boolean(boolean-node { fn:false() })", "false"),
        ("xs:hexBinary(binary { 'CAFE' })", "CAFE"),
        ("binary { xs:hexBinary('CAFE') } = xs:hexBinary('CAFE')", "true"),
        ("binary { 'CAFE' } instance of xs:hexBinary", "false"),
        ("xs:boolean(binary { 'CAFE' })", "false"),
        ("fn:count(binary { () })", "0"),
        ("xdmp:node-kind(binary { xs:untypedAtomic('AB') })", "binary"),
        ("fn:string(object-node { 'a': 1, 'b': 'x' }/b)", "x"),
    ],
)
def test_values(run: Run, query: str, result: str) -> None:
    assert run(query) == [result]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("binary { 1 }", "FORG0001"),
        ("binary { 'xyz' }", "FORG0001"),
        ("number-node { 'abc' }", "FORG0001"),
        ("boolean-node { 'abc' }", "FORG0001"),
        ("number-node { (1, 2) }", "XPTY0004"),
    ],
)
def test_content_that_does_not_fit(fail: Fail, query: str, code: str) -> None:
    assert fail(query).code == code


def test_kinds_of_nodes(run: Run) -> None:
    query = """(<a/>, document { () }, attribute a {}, text { "a" }, <?p q?>, <!--c-->, object-node {}, array-node {},
        number-node { 1 }, boolean-node { 1 }, null-node {}, binary { "AB" }) ! xdmp:node-kind(.)"""
    assert run(query) == [
        "element", "document", "attribute", "text", "processing-instruction", "comment",
        "object", "array", "number", "boolean", "null", "binary",
    ]  # fmt: skip


def test_a_key_twice_is_refused(fail: Fail) -> None:
    assert fail('object-node { "a": 1, "a": 2 }').marklogic_code == "XDMP-DUPKEY"
