"""Direct constructors: white space, escapes, attributes, namespaces, what is not allowed."""

import pytest
from tree_printer import printed

from xquery_bridge.errors import XQueryError
from xquery_bridge.syntax import tree as t
from xquery_bridge.syntax.parser import parse_query


def parse(source, dialect="3.1"):
    return parse_query(source, dialect).modules[0].body


def content(source):
    return [
        (part.text, part.boundary) if isinstance(part, t.TextContent) else type(part) for part in parse(source).content
    ]


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        ("<a> </a>", [(" ", True)]),
        ("<a>\n <b/> </a>", [("\n ", True), t.DirElement, (" ", True)]),
        ("<a> {1} </a>", [(" ", True), t.EnclosedExpr, (" ", True)]),
        ("<a> x </a>", [(" x ", False)]),
        ("<a> &#32; </a>", [("   ", False)]),
        ("<a> <![CDATA[ ]]> </a>", [("   ", False)]),
        ("<a><![CDATA[]]> <b/></a>", [(" ", False), t.DirElement]),
        ("<a> <!--c--> <?p i?> </a>", [(" ", True), t.DirComment, (" ", True), t.DirPI, (" ", True)]),
        ("<a>{{}} &lt;</a>", [("{} <", False)]),
        ("<a>\r\n\r</a>", [("\n\n", True)]),
        ("<a>x{}y</a>", [("x", False), t.EnclosedExpr, ("y", False)]),
    ],
)
def test_content_tells_boundary_white_space_from_text(source, parts):
    assert content(source) == parts


def value(source):
    return [
        part.text if isinstance(part, t.TextContent) else printed(part) for part in parse(source).attributes[0].value
    ]


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        ("<a k=''/>", []),
        ("<a k='it''s \"'/>", ["it's \""]),
        ('<a k="1{ 2 }3{{}}"/>', ["1", "{2}", "3{}"]),
        ("<a k='{'}'}'/>", ['{"}"}']),
        ("<a k='a\n\tb\r\nc&#10;d'/>", ["a  b c\nd"]),
        ("<a k = '&amp;'/>", ["&"]),
    ],
)
def test_attribute_values_are_parts_with_white_space_as_blanks(source, parts):
    assert value(source) == parts


def test_namespace_declarations_are_kept_apart():
    made = parse("<p:a xmlns:p='u' k='1' xmlns='v&amp;'/>")
    assert [(each.prefix, each.uri) for each in made.namespaces] == [("p", "u"), ("", "v&")]
    assert [str(each.name) for each in made.attributes] == ["k"]
    assert made.name == t.Name("a", "p")


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("<a></b>", "XQST0118"),
        ("<p:a></q:a>", "XQST0118"),
        ("<a xmlns='{1}'/>", "XQST0022"),
        ("<a xmlns:p='u{1}'/>", "XQST0022"),
        ("<a", "XPST0003"),
        ("<a>", "XPST0003"),
        ("<a>}</a>", "XPST0003"),
        ("<a b='1'c='2'/>", "XPST0003"),
        ("<a b=1/>", "XPST0003"),
        ("<a b='<'/>", "XPST0003"),
        ("< a/>", "XPST0003"),
        ("<a></ a>", "XPST0003"),
        ("<a>{1</a>", "XPST0003"),
        ("<a>&foo;</a>", "XPST0003"),
        ("<!-- a -- b -->", "XPST0003"),
        ("<!-- a --->", "XPST0003"),
        ("<?xml v?>", "XPST0003"),
        ("<?p", "XPST0003"),
        ("<a><![CDATA[</a>", "XPST0003"),
        ("<![CDATA[a]]>", "XPST0003"),
        ("<a>\x01</a>", "XPST0003"),
        ("processing-instruction p:a {}", "XPST0003"),
        ("namespace p:a {'u'}", "XPST0003"),
    ],
)
def test_ill_formed_constructors_are_refused(source, code):
    with pytest.raises(XQueryError) as error:
        parse(source)
    assert error.value.code == code


def test_instructions_and_comments_keep_their_text():
    assert (parse("<?go  now ?>").target, parse("<?go  now ?>").text) == ("go", "now ")
    assert parse("<!-- a - b{1} -->").text == " a - b{1} "


def test_computed_constructors_have_fixed_or_computed_names():
    assert parse("element p:a { 1 }").name == t.Name("a", "p")
    assert printed(parse("attribute { 'k' } { }").name) == '"k"'
    assert parse("attribute k { }").content is None
    assert parse("document { 1 }").name is None
    assert parse("processing-instruction go { 1 }").name == t.Name("go")
    assert parse("namespace p { 'u' }").kind == "namespace"
    assert parse("element Q{u}a {}").name == t.Name("a", "", "u")


def test_an_expression_goes_on_after_a_tag():
    assert parse("<a/>/b[1]").steps[0].name == t.Name("a")
    assert parse("for $x in <a>1</a>return $x").result.name == t.Name("x")
    assert parse("<a/>=<b/>").operator == "="
