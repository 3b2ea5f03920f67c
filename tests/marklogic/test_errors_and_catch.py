"""Errors: their texts, try and catch in both forms, the error:error element (xquery-1.0-ml.md, sections 5 and 8)."""

import pytest

from xquery_bridge.engine import Engine
from xquery_bridge.errors import XQueryError
from xquery_bridge.limits import Limits

from .conftest import Fail, Run


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("1 div 0", "XDMP-DIVBYZERO: (err:FOAR0001) Division by zero"),
        ("local:f()", "XDMP-UNDFUN: (err:XPST0017) Undefined function local:f()"),
        ("$x", "XDMP-UNDVAR: (err:XPST0008) Undefined variable $x"),
        ('xs:integer("abc")',
         'XDMP-CAST: (err:FORG0001) xs:integer("abc") -- Invalid cast: "abc" cast as xs:integer'),
        ("declare function local:f($x as xs:string+) { $x }; local:f(())",
         "XDMP-AS: (err:XPTY0004) $x as xs:string+ -- Invalid coercion: () as xs:string+"),
        ('xdmp:document-delete("/u")',
         'XDMP-DOCNOTFOUND: (err:FODC0002) xdmp:document-delete("/u") -- Document not found'),
        ("declare variable $x external; $x", "XDMP-EXTVAR: (err:XPDY0002) External variable has no value $x"),
        ('xdmp:invoke("/m.xqy")', "XDMP-MODNOTFOUND: (err:XQST0059) Module /m.xqy not found"),
        ('import module namespace m = "u" at "/m.xqy"; 1',
         "XDMP-MODNOTFOUND: (err:XQST0059) Module u at /m.xqy not found"),
        ('fn:error(xs:QName("local:x"), "some text")', "some text: (local:x) some text"),
        ("foo:bar()", "XDMP-UNBPRFX: (err:XPST0081) Prefix has no namespace binding foo"),
    ],
)  # fmt: skip
def test_messages(fail: Fail, query: str, text: str) -> None:
    assert fail(query).format_string == text


@pytest.mark.parametrize(
    ("query", "line", "column", "words"),
    [
        ("1 +", 1, 4, "unexpected $end"),
        ("let $x := 1\nreturn\n  $x +) 2", 3, 7, "unexpected )"),
        ("let $x := 1", 1, 12, "expecting return"),
        ("<a></b>", 1, 4, "</"),
    ],
)
def test_syntax_errors_say_where_and_what(fail: Fail, query: str, line: int, column: int, words: str) -> None:
    error = fail(query)
    assert (error.marklogic_code, error.code) == ("XDMP-UNEXPECTED", "XPST0003") or error.code.startswith("XQST")
    assert (error.frames[0].line, error.frames[0].column) == (line, column)
    assert words in error.format_string


def test_the_element_of_an_error(run: Run) -> None:
    assert run("try { 1 div 0 } catch ($e) { $e }") == [
        '<error:error xmlns:error="http://marklogic.com/xdmp/error"><error:code>XDMP-DIVBYZERO</error:code>'
        "<error:name>err:FOAR0001</error:name><error:xquery-version>1.0-ml</error:xquery-version>"
        "<error:message>Division by zero</error:message>"
        "<error:format-string>XDMP-DIVBYZERO: (err:FOAR0001) Division by zero</error:format-string>"
        "<error:retryable>false</error:retryable><error:expr>1 div 0</error:expr><error:data/><error:stack>"
        "<error:frame><error:uri>/eval</error:uri><error:line>1</error:line><error:column>7</error:column>"
        "<error:xquery-version>1.0-ml</error:xquery-version></error:frame></error:stack></error:error>"
    ]


def test_the_expression_of_an_error(run: Run) -> None:
    assert run('try { xs:integer("a") } catch ($e) { $e/error:expr/text() }') == ['xs:integer("a")']


def test_the_stack_has_a_frame_for_each_call(run: Run) -> None:
    query = """declare function local:inner($x) {
    1 div $x };
declare function local:outer($x) { 1 + local:inner($x) };
try { local:outer(0) } catch ($e) {
  for $f in $e/error:stack/error:frame
  return fn:string-join(($f/error:line, $f/error:operation), " ") }"""
    assert run(query) == ["2 local:inner#1", "3 local:outer#1", "4"]


def test_an_error_of_a_stored_module_names_it(run: Run) -> None:
    module = "module namespace m = 'm';\ndeclare function m:fail() { 1 div 0 };"
    query = """declare variable $module external;
        xdmp:document-insert("/lib/m.xqy", text { $module })"""
    run(query, module=module)
    query = """import module namespace m = "m" at "/lib/m.xqy";
        try { m:fail() } catch ($e) { $e/error:stack/error:frame ! fn:concat(error:uri, ":", error:line) }"""
    assert run(query) == ["/lib/m.xqy:2", "/eval:2"]


def test_fn_error(run: Run) -> None:
    query = """try { fn:error(xs:QName("local:x"), "my desc", (1, "b")) } catch ($e) {
        ($e/error:name, $e/error:code, $e/error:message) ! fn:string(.), $e/error:data/error:datum/fn:string() }"""
    assert run(query) == ["local:x", "my desc", "my desc", "1", "b"]


def test_fn_error_without_a_name(run: Run) -> None:
    query = """try { fn:error((), "MY-CODE", ("a", "b")) } catch ($e) {
        $e/error:code/fn:string(), $e/error:name/fn:string(), $e/error:data/error:datum/fn:string() }"""
    assert run(query) == ["MY-CODE", "err:FOER0000", "a", "b"]


def test_fn_error_finds_messages_by_their_code(run: Run) -> None:
    query = 'try { fn:error((), "XDMP-DOCNOTFOUND", "/u") } catch ($e) { $e/error:message/text() }'
    assert run(query) == ["Document not found"]


def test_fn_error_with_a_name_only(run: Run) -> None:
    query = 'try { fn:error(xs:QName("local:x")) } catch ($e) { ($e/error:code, $e/error:name) ! fn:string(.) }'
    assert run(query) == ["x", "local:x"]
    assert run('try { fn:error(xs:QName("err:FOAR0001")) } catch ($e) { $e/error:code/text() }') == ["XDMP-DIVBYZERO"]


def test_catch_with_error_variables(run: Run) -> None:
    query = """try { 1 div 0 } catch * {
        $err:code, $err:description, $err:line-number, $err:additional/error:code/fn:string() }"""
    assert run(query) == ["err:FOAR0001", "Division by zero", "1", "XDMP-DIVBYZERO"]


def test_catch_by_name(run: Run, fail: Fail) -> None:
    assert run("try { 1 div 0 } catch err:FOER0000 { 1 } catch err:FOAR0001 { 2 }") == ["2"]
    assert fail("try { 1 div 0 } catch err:FOER0000 { 1 }").code == "FOAR0001"
    assert run('try { fn:error(xs:QName("local:a")) } catch local:* { "mine" }') == ["mine"]


@pytest.mark.parametrize(
    ("query", "result"),
    [
        ("try { try { 1 div 0 } catch ($e) { xdmp:rethrow() } } catch ($e) { $e/error:code/text() }", "XDMP-DIVBYZERO"),
        ("try { try { 1 div 0 } catch * { xdmp:rethrow() } } catch * { $err:code }", "err:FOAR0001"),
        ('try { try { 1 div 0 } catch ($e) { try { xs:integer("a") } catch ($f) { () }, xdmp:rethrow() } } '
         "catch ($e) { $e/error:code/text() }", "XDMP-DIVBYZERO"),
        ("declare function local:r() { xdmp:rethrow() }; "
         "try { try { 1 div 0 } catch ($e) { local:r() } } catch * { $err:code }", "err:FOAR0001"),
        ("try { try { 1 div 0 } catch ($e) { let $f := function() { xdmp:rethrow() } return $f() } } "
         "catch ($e) { $e/error:code/text() }", "XDMP-DIVBYZERO"),
    ],
)  # fmt: skip
def test_rethrow(run: Run, query: str, result: str) -> None:
    assert run(query) == [result]


def test_there_is_nothing_to_rethrow_outside_of_a_handler(fail: Fail) -> None:
    assert fail("xdmp:rethrow()").marklogic_code == "XDMP-RETHROW"


def test_an_error_in_a_handler_leaves_it(fail: Fail) -> None:
    assert fail('try { 1 div 0 } catch ($e) { xs:integer("b") }').code == "FORG0001"


def test_the_time_limit_is_not_caught() -> None:
    engine = Engine(limits=Limits(seconds=0.3))
    with pytest.raises(XQueryError) as raised:
        engine.evaluate("try { for $i in 1 to 1000000000 return () , xdmp:sleep(5000) } catch ($e) { 'caught' }")
    assert raised.value.marklogic_code == "XDMP-EXTIME"
    engine.close()


def test_an_endless_recursion_is_an_error_one_can_catch(run: Run) -> None:
    query = "declare function local:f($x) { 1 + local:f($x) }; try { local:f(1) } catch ($e) { $e/error:code/text() }"
    assert run(query) == ["XDMP-STACKOVERFLOW"]
