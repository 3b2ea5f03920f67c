"""xdmp:eval, value, invoke, apply and their kin (xquery-1.0-ml.md, section 9)."""

import pytest

from .conftest import Fail, Run


@pytest.mark.parametrize(
    ("query", "result"),
    [
        ('xdmp:eval("1 + 1")', ["2"]),
        ('xdmp:eval("1; 2")', ["1", "2"]),
        ('xdmp:eval("declare variable $x external; $x", (xs:QName("x"), 5))', ["5"]),
        ('xdmp:eval("declare variable $x external; $x", map:entry("x", (5, 6)))', ["5", "6"]),
        ('xdmp:eval("declare namespace p = ""u""; declare variable $p:x external; $p:x", map:entry("{u}x", 1))', ["1"]),
        ('xdmp:eval("declare variable $x external; $x instance of map:map", (xs:QName("x"), map:map()))', ["true"]),
        ('xdmp:eval("declare variable $x as xs:integer external; $x + 1", (xs:QName("x"), "4" cast as xs:integer))',
         ["5"]),
        ('xdmp:eval("fn:count#1")(1 to 3)', ["3"]),
        ('xdmp:eval("1", (), <options xmlns="xdmp:eval"><database>{xdmp:database()}</database></options>)', ["1"]),
        ('xdmp:eval("1", (), map:entry("time-limit", 10))', ["1"]),
        ('xdmp:eval("map:merge(map{1:2})(1)", (), map:entry("default-xquery-version", "3.1"))', ["2"]),
        ('let $m := map:map() let $_ := xdmp:eval("declare variable $m external; map:put($m, ""k"", 1)", '
         '(xs:QName("m"), $m)) return $m', ['{"k":1}']),
    ],
)  # fmt: skip
def test_eval(run: Run, query: str, result: list[str]) -> None:
    assert run(query) == result


def test_eval_sees_nothing_of_its_caller(fail: Fail) -> None:
    assert fail('let $y := 1 return xdmp:eval("$y")').marklogic_code == "XDMP-UNDVAR"
    assert fail('declare namespace p = "u"; xdmp:eval("<p:a/>")').marklogic_code == "XDMP-UNBPRFX"
    assert fail('declare function local:f() { 1 }; xdmp:eval("local:f()")').marklogic_code == "XDMP-UNDFUN"
    assert fail('<a/> ! xdmp:eval(".")').marklogic_code == "XDMP-CONTEXT"


def test_options_of_eval(run: Run, fail: Fail) -> None:
    assert run('xdmp:eval("1 div 0", (), map:entry("static-check", fn:true()))') == []
    assert fail('xdmp:eval("1 +", (), map:entry("static-check", fn:true()))').marklogic_code == "XDMP-UNEXPECTED"
    assert fail('xdmp:eval("1", (), map:entry("database", 5))').marklogic_code == "XDMP-NOSUCHDB"
    assert fail('xdmp:eval("1", (), map:entry("isolation", "none"))').marklogic_code == "XDMP-EVALOPT"
    assert fail('xdmp:eval("1", "x")').marklogic_code == "XDMP-EVALVARS"
    assert fail('xdmp:eval("1", ("x", 1))').marklogic_code == "XDMP-AS"


def test_errors_of_an_evaluated_query_reach_the_caller(run: Run, fail: Fail) -> None:
    assert fail('xdmp:eval("1 +")').marklogic_code == "XDMP-UNEXPECTED"
    assert run('try { xdmp:eval("1 div 0") } catch ($e) { $e/error:code/text() }') == ["XDMP-DIVBYZERO"]


def test_eval_is_a_transaction_of_its_own(run: Run) -> None:
    assert run("""xdmp:eval("xdmp:document-insert('/a', <a/>)"), fn:doc("/a")/*""") == ["<a/>"]
    query = """
        try { xdmp:eval("xdmp:document-insert('/kept', <a/>)"), fn:error((), "X") } catch ($e) { "caught" };
        fn:doc-available("/kept")"""
    assert run(query) == ["caught", "true"]


def test_a_failed_eval_takes_back_its_own_updates_only(run: Run) -> None:
    query = """
        xdmp:document-insert("/outer", <a/>),
        try { xdmp:eval("xdmp:document-insert('/inner', <a/>), fn:error((), 'X')") } catch ($e) { "caught" };
        fn:doc-available("/outer"), fn:doc-available("/inner")"""
    assert run(query) == ["caught", "true", "false"]


def test_same_statement_shares_the_callers_transaction(run: Run) -> None:
    query = """
        try {
            xdmp:eval("xdmp:document-insert('/a', <a/>)", (), map:entry("isolation", "same-statement")),
            fn:error((), "X")
        } catch ($e) { "caught" };
        fn:doc-available("/a")"""
    assert run(query) == ["caught", "false"]


def test_an_outer_statement_may_write_what_an_inner_one_wrote(run: Run) -> None:
    query = """
        xdmp:document-insert("/n", <n>1</n>);
        let $before := fn:doc("/n")/n
        let $_ := xdmp:eval("xdmp:document-insert('/n', <n>2</n>)")
        return xdmp:document-insert("/n", <n>{$before + fn:doc("/n")/n}</n>);
        fn:doc("/n")/*"""
    assert run(query) == ["<n>3</n>"]


@pytest.mark.parametrize(
    ("query", "result"),
    [
        ('xdmp:value("1 + 1")', ["2"]),
        ('let $x := 5 return xdmp:value("$x + 1")', ["6"]),
        ('let $x := 1 let $_ := xdmp:set($x, 5) return xdmp:value("$x + 1")', ["6"]),
        ('for $x at $i in ("a", "b") return xdmp:value("$i || $x")', ["1a", "2b"]),
        ('declare variable $g := 7; xdmp:value("$g")', ["7"]),
        ('declare variable $e external; xdmp:value("1")', ["1"]),
        ('declare variable $a := 1; declare variable $b := xdmp:value("$a + 1"); $b', ["2"]),
        ('declare function local:f($p) { xdmp:value("$p") }; local:f(3)', ["3"]),
        ('let $x := 1 let $f := function($y) { xdmp:value("$x + $y") } return $f(2)', ["3"]),
        ('declare function local:h($n) { $n + 9 }; xdmp:value("(1, 2) ! local:h(.)")', ["10", "11"]),
        ('let $x := 1 return xdmp:value("xdmp:value(""$x"")")', ["1"]),
        ('declare namespace p = "u"; let $d := <p:a><p:b>1</p:b></p:a> return xdmp:value("$d/p:b/text()")', ["1"]),
        ('declare default element namespace "u"; <a><b/></a> ! xdmp:value("fn:count(b)")', ["1"]),
        ("<a><b>1</b></a> ! xdmp:value('b')", ["<b>1</b>"]),
        ('xdmp:value(".", (), 5)', ["5"]),
        ('xdmp:value("$v", map:entry("v", 3))', ["3"]),
        ('let $v := 1 return xdmp:value("$v", map:entry("v", 3))', ["3"]),
        ('(1 to 3) ! xdmp:value(". + 1")', ["2", "3", "4"]),
        ('xdmp:value("1 + 1"), xdmp:value("1 + 1")', ["2", "2"]),
        ('xdmp:unpath("/a/b", (), document { <a><b>x</b></a> })', ["<b>x</b>"]),
    ],
)  # fmt: skip
def test_value_sees_its_caller(run: Run, query: str, result: list[str]) -> None:
    assert run(query) == result


def test_value_is_part_of_the_statement(run: Run) -> None:
    query = """try { xdmp:value("xdmp:document-insert('/a', <a/>)"), fn:error((), "X") } catch ($e) { "caught" };
        fn:doc-available("/a")"""
    assert run(query) == ["caught", "false"]


def test_a_path_leads_back_to_its_node(run: Run) -> None:
    run("xdmp:document-insert('/d', <a><b>1</b><b>2</b></a>)")
    assert run("xdmp:unpath(xdmp:path(/a/b[2], fn:true()))") == ["<b>2</b>"]


def test_invoke_runs_a_stored_module(run: Run) -> None:
    run('xdmp:document-insert("/m.xqy", text { "declare variable $x external; $x * 2" })')
    assert run('xdmp:invoke("/m.xqy", (xs:QName("x"), 4))') == ["8"]
    assert run('xdmp:invoke("m.xqy", map:entry("x", 5))') == ["10"]
    assert run('xdmp:spawn("/m.xqy", map:entry("x", 5)), "done"') == ["done"]
    assert run(
        'xdmp:spawn("/m.xqy", map:entry("x", 5), <options xmlns="xdmp:eval"><result>true</result></options>)'
    ) == ["10"]


def test_a_changed_module_is_read_again(run: Run) -> None:
    for number in ("1", "2"):
        run(f'xdmp:document-insert("/m.xqy", text {{ "{number}" }})')
        assert run('xdmp:invoke("/m.xqy")') == [number]


LIBRARY = "module namespace l = 'u'; declare variable $l:v := 10; declare function l:f($x) {{ $x + {0} }};"


@pytest.fixture
def library(run: Run) -> None:
    run("declare variable $m external; xdmp:document-insert('/lib/l.xqy', text { $m })", m=LIBRARY.format(1))


@pytest.mark.usefixtures("library")
def test_stored_library_modules_are_imported(run: Run) -> None:
    prolog = 'import module namespace l = "u" at "/lib/l.xqy";'
    assert run(f"{prolog} l:f(1), $l:v") == ["2", "10"]
    run("declare variable $m external; xdmp:document-insert('/lib/l.xqy', text { $m })", m=LIBRARY.format(5))
    assert run(f"{prolog} l:f(1)") == ["6"]


def test_a_module_is_stored_and_used_in_one_request(run: Run) -> None:
    query = """declare variable $m external; xdmp:document-insert("/lib/l.xqy", text { $m });
        import module namespace l = "u" at "/lib/l.xqy"; l:f(1)"""
    assert run(query, m=LIBRARY.format(1)) == ["2"]


@pytest.mark.usefixtures("library")
def test_modules_import_each_other_by_relative_locations(run: Run) -> None:
    other = "module namespace o = 'o'; import module namespace l = 'u' at 'l.xqy'; declare function o:g() { l:f(7) };"
    run("declare variable $m external; xdmp:document-insert('/lib/o.xqy', text { $m })", m=other)
    assert run('import module namespace o = "o" at "/lib/o.xqy"; o:g()') == ["8"]


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(
    ("query", "result"),
    [
        ('xdmp:apply(xdmp:function(xs:QName("fn:concat")), "a", "b")', ["ab"]),
        ('xdmp:apply(xdmp:function(xs:QName("fn:concat")), "a", "b", "c")', ["abc"]),
        ('declare function local:f($x) { $x + 1 }; xdmp:apply(xdmp:function(xs:QName("local:f")), 1)', ["2"]),
        ('xdmp:apply(xdmp:function(fn:QName("u", "f"), "/lib/l.xqy"), 1)', ["2"]),
        ("xdmp:apply(function() { 5 })", ["5"]),
        ("xdmp:invoke-function(function() { 5 })", ["5"]),
        ("xdmp:spawn-function(function() { 5 })", []),
        ("xdmp:spawn-function(function() { 5 }, map:entry('result', 'true'))", ["5"]),
        ("xdmp:function-name(fn:concat#2)", ["fn:concat"]),
    ],
)
def test_functions(run: Run, query: str, result: list[str]) -> None:
    assert run(query) == result


def test_unknown_functions(fail: Fail) -> None:
    assert fail('xdmp:apply(xdmp:function(xs:QName("local:none")), 1)').marklogic_code == "XDMP-UNDFUN"
    assert fail('xdmp:javascript-eval("1")').marklogic_code == "XDMP-NOJAVASCRIPT"


def test_headers_that_an_evaluated_query_sets_arrive(run: Run, engine) -> None:  # type: ignore[no-untyped-def]
    answer = engine.answer(
        """xdmp:eval("xdmp:add-response-header('X-A', '1'), xdmp:set-response-content-type('a/b')")"""
    )
    assert (answer.headers, answer.content_type) == ([("X-A", "1")], "a/b")
