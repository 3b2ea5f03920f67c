"""What 1.0-ml's grammar adds to XQuery (xquery-1.0-ml.md, sections 1 to 3)."""

import json

import pytest

from xquery_bridge.runtime.context import ENHANCED_PREFIXES

from .conftest import Fail, Run


@pytest.mark.parametrize("prefix", sorted(set(ENHANCED_PREFIXES) - {"xml"}))
def test_every_prefix_of_the_dialect_is_declared(run: Run, prefix: str) -> None:
    (uri,) = run(f"fn:namespace-uri-from-QName(xs:QName('{prefix}:a'))")
    assert uri == ENHANCED_PREFIXES[prefix]


@pytest.mark.parametrize(
    ("query", "result"),
    [
        ('concat("a", "b")', ["ab"]),
        ("let $o := <a>x</a>return $o", ["<a>x</a>"]),
        ('if (1 = 1)then "a"else "b"', ["a"]),
        ("(: a (: b :) c :) 1", ["1"]),
        ("let $x := 1 let $x := $x + 1 return $x", ["2"]),
        ("for $x in (1, 2) for $x in ($x, $x * 10) return $x", ["1", "10", "2", "20"]),
        ('"a&nbsp;b&eacute;"', ["a\u00a0bé"]),
        ("<a>&copy;</a>", ["<a>©</a>"]),
        ("(10, 20, 30, 40)[2 to 3]", ["20", "30"]),
        ('"a" => fn:upper-case()', ["A"]),
        ("let $f := function($x) { $x + 1 } return 1 => $f()", ["2"]),
        ("(1, 2, 3) ! (. * 2)", ["2", "4", "6"]),
        ('"a" || 1', ["a1"]),
        ('Q{http://www.w3.org/2005/xpath-functions}concat("a", "b")', ["ab"]),
        ('let $f := fn:concat("a", ?) return $f("b")', ["ab"]),
        ('let $f := fn:upper-case#1 return $f("a")', ["A"]),
        ('typeswitch (1) case xs:string | xs:integer return "y" default return "n"', ["y"]),
        ('switch ("a") case "a" case "b" return 1 default return 2', ["1"]),
        ("fn:head((1, 2)), fn:tail((1, 2))", ["1", "2"]),
        ("declare private function local:f() { 1 }; local:f()", ["1"]),
        ("declare %private function local:f() { 1 }; local:f()", ["1"]),
        ('declare private variable $v := "v"; $v', ["v"]),
        ("declare variable $x external := 5; $x", ["5"]),
        ("let $map := 1 let $array := 2 let $object-node := 3 return ($map, $array, $object-node)", ["1", "2", "3"]),
        ("<map><array/></map>/array", ["<array/>"]),
        ("<a/>/property::*", []),
        ('declare option xdmp:update "true"; declare option xdmp:transaction-mode "update"; 1', ["1"]),
        ('declare option xdmp:output "indent=no"; declare option xdmp:coordinate-system "wgs84"; 1', ["1"]),
        ("try { 1 } catch ($e) { 2 }", ["1"]),
        ("namespace p { 'u' } ! fn:string(.)", ["u"]),
        ("<a>{namespace p {'u'}}</a>", ['<a xmlns:p="u"/>']),
        (
            "let $f := function($x as xs:integer) as xs:string { fn:string($x) } "
            "return $f instance of function(xs:integer) as xs:string",
            ["true"],
        ),
        ("for $x at $i in ('a', 'b') where $i = 2 order by $x return $x", ["b"]),
    ],
)
def test_syntax(run: Run, query: str, result: list[str]) -> None:
    assert run(query) == result


def test_unprefixed_functions_are_those_of_fn(run: Run, fail: Fail) -> None:
    assert run("fn:count((1, 2)) = count((1, 2))") == ["true"]
    assert fail("quote(1)").marklogic_code == "XDMP-UNDFUN"


def test_a_declared_function_needs_a_prefix(fail: Fail) -> None:
    assert "prefix" in fail("declare function f() { 1 }; f()").title


def test_maps_keep_their_meaning_beside_standard_syntax(run: Run) -> None:
    assert run('map { "a": 1 } ! .("a"), [5, 6](2)') == ["1", "6"]
    assert run('map:get(map:entry("a", 2), "a")') == ["2"]


@pytest.mark.parametrize("version", ["1.0", "3.1"])
def test_other_versions_declare_no_prefix_of_the_dialect(fail: Fail, version: str) -> None:
    assert fail(f'xquery version "{version}"; xdmp:quote(1)').marklogic_code == "XDMP-UNBPRFX"


def test_the_strict_dialect_reaches_functions_through_a_declaration(run: Run) -> None:
    assert run('xquery version "1.0"; declare namespace xdmp = "http://marklogic.com/xdmp"; xdmp:quote(1)') == ["1"]


def test_there_are_no_schema_components_and_no_validation(run: Run, fail: Fail) -> None:
    assert run("<a/> instance of element-decl(), <a/> instance of schema-root()") == ["false", "false"]
    assert fail("validate lax { <a/> }").marklogic_code == "XDMP-UNSUPPORTED"


@pytest.mark.parametrize(
    ("test", "code"),
    [
        ("complex-type(foo)", "XDMP-UNDCOMTYP"),
        ("simple-type(foo)", "XDMP-UNDSIMTYP"),
        ("schema-type(foo)", "XDMP-UNDTYP"),
    ],
)
def test_schema_tests_of_unknown_types(fail: Fail, run: Run, test: str, code: str) -> None:
    assert fail(f"<a/> instance of {test}").marklogic_code == code
    assert run("<a/> instance of simple-type(xs:string), <a/> instance of schema-type(xs:int)") == ["false", "false"]


def test_using_a_namespace_makes_its_functions_known_without_prefix(run: Run) -> None:
    assert run('using namespace "http://marklogic.com/xdmp"; integer-to-hex(255), upper-case("a")') == ["ff", "A"]


def test_the_mark_of_a_files_encoding_is_passed_over(run: Run) -> None:
    assert run("\ufeff1 + 1") == ["2"]


def test_a_leading_slash_is_the_database(run: Run) -> None:
    query = 'xdmp:document-insert("/1.xml", <a><b>1</b></a>), xdmp:document-insert("/2.xml", <a><b>2</b></a>);'
    assert run(f"{query} /a/b, fn:count(//b)") == ["<b>1</b>", "<b>2</b>", "2"]
    assert run("declare function local:all() { //b }; fn:count(local:all())") == ["2"]
    assert run("document { <c/> } ! fn:count(/a)") == ["0"]


def test_json_text_of_the_readme_of_a_client(run: Run) -> None:
    (text,) = run('let $o := json:object() let $_ := map:put($o, "n", (1, 2)) return xdmp:to-json($o)')
    assert json.loads(text) == {"n": [1, 2]}
