"""xdmp:quote, xdmp:describe and xdmp:unquote (xquery-1.0-ml.md, section 8)."""

import pytest

from .conftest import Fail, Run


@pytest.mark.parametrize(
    ("items", "text"),
    [
        ("()", ""),
        ("(1, 'a', <b/>)", "1a<b/>"),
        ("<a b='1'>x&amp;y</a>", '<a b="1">x&amp;y</a>'),
        ("document { <a/> }", "<a/>"),
        ("binary { '414243' }", "ABC"),
        ("object-node { 'a': (1, 2) }", '{"a":[1, 2]}'),
        ("json:to-array((1, 2))", "[1, 2]"),
        ("json:to-array(xs:double('NaN'))", '["NaN"]'),
        ("map:entry('a', 1)", '{"a":1}'),
        ("xs:date('2020-01-02')", "2020-01-02"),
        ("1e0, 1.5e0, 1e100", "11.51.0E100"),
        ("attribute a { 'v' }", "v"),
        ("text { '<' }", "<"),
        ("<!--c-->, <?p q?>", "<!--c--><?p q?>"),
    ],
)
def test_quote(run: Run, items: str, text: str) -> None:
    assert run(f"xdmp:quote(({items}))") == [text]


def test_quote_takes_options_as_element_and_map(run: Run) -> None:
    element = '<options xmlns="xdmp:quote"><omit-xml-declaration>no</omit-xml-declaration></options>'
    for options in (element, 'map:entry("omit-xml-declaration", "no")'):
        (text,) = run(f"xdmp:quote(<a/>, {options})")
        assert text.startswith("<?xml ")
        assert text.endswith("<a/>")
    (indented,) = run('xdmp:quote(<a><b/></a>, map:entry("indent", "yes"))')
    assert len(indented.splitlines()) == 3


@pytest.mark.parametrize(
    ("items", "text"),
    [
        ("()", "()"),
        ("1", "1"),
        ("-1.5", "-1.5"),
        ("'a'", '"a"'),
        ("1e0", 'xs:double("1")'),
        ("xs:float(2)", 'xs:float("2")'),
        ("xs:date('2007-01-15-08:00')", 'xs:date("2007-01-15-08:00")'),
        ("xs:untypedAtomic('u')", 'xs:untypedAtomic("u")'),
        ("fn:true()", "fn:true()"),
        ("xs:QName('xdmp:a')", 'fn:QName("http://marklogic.com/xdmp", "xdmp:a")'),
        ("(1, 2, 3)", "(1, 2, 3)"),
        ("(1, 2, 3, 4)", "(1, 2, 3, ...)"),
        ("<a/>", "<a/>"),
        ("document { <a/> }", "document{<a/>}"),
        ("text { 'a' }", 'text{"a"}'),
        ("attribute a { 'b' }", 'attribute{fn:QName("","a")}{"b"}'),
        ("fn:empty#1", "fn:empty#1"),
        ("number-node { 1 }", "number-node{1}"),
        ("boolean-node { fn:true() }", "boolean-node{fn:true()}"),
        ("null-node {}", "null-node{}"),
        ("binary { 'AB' }", 'binary{"AB"}'),
        ("object-node { 'a': 1 }", '{"a":1}'),
    ],
)
def test_describe(run: Run, items: str, text: str) -> None:
    assert run(f"xdmp:describe({items})") == [text]


@pytest.mark.parametrize(
    "item",
    ["1", "-1.5", '"a ""b"" &amp; c"', "1e0", "xs:float(2)", "xs:date('2007-01-15')", "fn:true()", "xs:QName('xdmp:a')",
     "number-node { 1 }", "binary { '41' }", "text { 'a' }", "attribute a { 'b' }", "<a b='1'>c</a>",
     "map:entry('a', (1, 'b'))", "json:to-array((1, 'b', json:to-array(())))", "json:object-define(('a', 'b'))"],
)  # fmt: skip
def test_what_describe_gives_can_be_evaluated(run: Run, item: str) -> None:
    (text,) = run(f"xdmp:describe({item}, (), ())")
    assert run(text) == run(item)


def test_describe_cuts_by_its_limits(run: Run) -> None:
    assert run("xdmp:describe((1, 2, 3, 4), ())") == ["(1, 2, 3, 4)"]
    assert run("xdmp:describe((1, 2), 1)") == ["(1, ...)"]
    assert run('xdmp:describe(fn:string-join((1 to 50) ! "ab"), 3, 4)') == ['"abab..."']
    (text,) = run('xdmp:describe(<a>{fn:string-join((1 to 50) ! "ab")}</a>)')
    assert text == f"<a>{'ab' * 31}..."[: 64 + 3].removesuffix("...")[:64] + "..."


def test_describe_names_stored_nodes(run: Run) -> None:
    query = 'xdmp:document-insert("/d.xml", <a><b/><b/></a>);'
    assert run(f'{query} xdmp:describe((fn:doc("/d.xml"), fn:doc("/d.xml")/a, fn:doc("/d.xml")/a/b[2]))') == [
        '(fn:doc("/d.xml"), fn:doc("/d.xml")/a, fn:doc("/d.xml")/a/b[2])'
    ]


@pytest.mark.parametrize(
    ("query", "result"),
    [
        ('xdmp:unquote("<a>b</a>")/a/text()', ["b"]),
        ('xdmp:unquote("<a/>") instance of document-node()', ["true"]),
        ("xdmp:unquote(' {\"a\":1}')/a", ["1"]),
        ('xdmp:unquote("[1, 2]")', ["[1, 2]"]),
        ('fn:count(xdmp:unquote("")/node())', ["0"]),
        ('xdmp:unquote("<a><b/></a>", "u")//*/fn:namespace-uri(.)', ["u", "u"]),
        ('xdmp:unquote("{1}", (), "format-text")', ["{1}"]),
        ('xdmp:unquote("<a/>", (), ("repair-none", "format-xml"))/*', ["<a/>"]),
        ("xdmp:unquote('<?xml version=\"1.0\"?><a/>')/*", ["<a/>"]),
        ('xdmp:quote(xdmp:unquote("<a>&amp;#233;&amp;amp;</a>"))', ["<a>é&amp;</a>"]),
    ],
)
def test_unquote(run: Run, query: str, result: list[str]) -> None:
    assert run(query) == result


def test_unquote_refuses_what_is_malformed(fail: Fail) -> None:
    assert fail('xdmp:unquote("<a>")').marklogic_code == "XDMP-DOCPARSE"
    assert fail('xdmp:unquote("[1,")').marklogic_code == "XDMP-JSONDOC"


def test_unquote_reads_no_other_files(fail: Fail) -> None:
    text = '<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/hostname">]><a>&e;</a>'
    assert fail("declare variable $t external; xdmp:unquote($t)", t=text).marklogic_code == "XDMP-DOCPARSE"


def test_describe_shows_the_whole_form_of_a_function_of_cntk(run: Run) -> None:
    query = 'let $f := cntk:relu(cntk:input-variable(cntk:shape((3)), "float")) return'
    (whole, quoted) = run(f"{query} (xdmp:describe($f), xdmp:quote($f))")
    assert whole == quoted
    assert run(f"{query} xdmp:describe($f, (), 20)") == [f"{quoted[:20]}..."]
