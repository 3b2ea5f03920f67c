"""External variables: given by the program, and as clients send them (rest-eval.md, section 3)."""

import pytest

from xquery_bridge.engine import Engine
from xquery_bridge.errors import XQueryError
from xquery_bridge.external import ExternalVariable, Json

from .conftest import Fail, Run


def sent(engine: Engine, query: str, *variables: ExternalVariable) -> list[tuple[str, str]]:
    """(X-Primitive, body) of each part of an answer."""
    return [(part.primitive, part.body.decode()) for part in engine.answer(query, variables).parts]


def test_text_without_a_declared_type_is_untyped(engine: Engine) -> None:
    query = "declare variable $you external; $you"
    assert sent(engine, query, ExternalVariable("", "you", "x")) == [("untypedAtomic", "x")]


@pytest.mark.parametrize(
    ("type", "value", "primitive", "text"),
    [
        ("xs:integer", "41", "integer", "41"),
        ("xs:integer", 41, "integer", "41"),
        ("xs:integer?", "41", "integer", "41"),
        ("xs:int", 5, "integer", "5"),
        ("xs:double", 1.5, "double", "1.5"),
        ("xs:decimal", "1.50", "decimal", "1.5"),
        ("xs:boolean", True, "boolean", "true"),
        ("xs:boolean", "true", "boolean", "true"),
        ("xs:string", "a", "string", "a"),
        ("xs:string", 12, "string", "12"),
        ("xs:date", "2020-01-02", "date", "2020-01-02"),
        ("xs:dateTime", "2020-01-02T03:04:05Z", "dateTime", "2020-01-02T03:04:05Z"),
        ("xs:dayTimeDuration", "PT1S", "dayTimeDuration", "PT1S"),
        ("xs:hexBinary", "AB", "hexBinary", "AB"),
        ("xs:anyURI", "u", "anyURI", "u"),
        ("xs:QName", "xdmp:a", "QName", "xdmp:a"),
        ("xs:anyAtomicType", "x", "untypedAtomic", "x"),
        ("item()", "x", "untypedAtomic", "x"),
        ("element()", "<a b='1'/>", "element()", '<a b="1"/>'),
        ("text()", "some", "text()", "some"),
        ("json:array", "[1, 2]", "array", "[1, 2]"),
        ("json:object", '{"a":1}', "map", '{"a":1}'),
        ("map:map", {"a": 1}, "map", '{"a":1}'),
        ("json:array", [1, [2]], "array", "[1, [2]]"),
        ("binary()", "4142", "binary()", "AB"),
        ("object-node()", '{"a":1}', "object-node()", '{"a":1}'),
    ],
)
def test_declared_types(engine: Engine, type: str, value: Json, primitive: str, text: str) -> None:
    query = f"declare variable $v as {type} external; $v"
    assert sent(engine, query, ExternalVariable("", "v", value)) == [(primitive, text)]


@pytest.mark.parametrize(
    ("type", "value", "primitive"),
    [("xs:untypedAtomic", "1", "untypedAtomic"), ("json:array", "[1]", "array"), ("json:object", "{}", "map"),
     ("document-node()", "<a/>", "document-node()"), ("null-node()", "null", "null-node()")],
)  # fmt: skip
def test_types_that_the_java_client_names(engine: Engine, type: str, value: str, primitive: str) -> None:
    query = "declare variable $v external; $v"
    assert sent(engine, query, ExternalVariable("", "v", value, type))[0][0] == primitive


def test_names_by_namespace(engine: Engine) -> None:
    query = 'declare namespace p = "u"; declare variable $p:v external; $p:v'
    assert sent(engine, query, ExternalVariable("u", "v", "x")) == [("untypedAtomic", "x")]


def test_a_value_of_another_type_is_refused_naming_the_variable(engine: Engine) -> None:
    with pytest.raises(XQueryError) as raised:
        sent(engine, "declare variable $n as xs:integer external; $n", ExternalVariable("", "n", "abc"))
    assert raised.value.code == "FORG0001"
    assert "$n" in raised.value.format_string or "abc" in raised.value.format_string


def test_null_for_a_string_that_is_not_used(engine: Engine) -> None:
    query = "declare variable $db as xs:string external; 1"
    assert sent(engine, query, ExternalVariable("", "db", None)) == [("integer", "1")]


def test_variables_that_are_not_declared_are_passed_over(run: Run) -> None:
    assert run("1", other="x") == ["1"]


def test_defaults(run: Run, fail: Fail) -> None:
    assert run("declare variable $x as xs:integer external := 5; $x") == ["5"]
    assert run("declare variable $x as xs:integer external := 5; $x", x=6) == ["6"]
    error = fail("declare variable $x as xs:string external; $x")
    assert (error.marklogic_code, error.code) == ("XDMP-EXTVAR", "XPDY0002")
    assert run("declare variable $x external; 1") == ["1"]


def test_python_values(run: Run) -> None:
    query = "declare variable $x external; fn:count($x), $x"
    assert run(query, x=[1, "a", True]) == ["3", "1", "a", "true"]
    assert run(query, x=None) == ["0"]


def test_each_statement_takes_the_variables_it_declares(run: Run) -> None:
    assert run("declare variable $x external; $x; 2; declare variable $x external; $x + 1", x=1) == ["1", "2", "2"]
