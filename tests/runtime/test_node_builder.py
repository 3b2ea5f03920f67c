"""XML text becomes a tree: names, namespaces, entities, errors, depth."""

import gc

import pytest

from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime.node_builder import NodeBuilder, parse_fragment, parse_xml
from xquery_bridge.runtime.nodes import clark


def test_builds_every_kind_of_node_and_keeps_white_space():
    document = parse_xml("<?go now?><a x='1'> t <b/><![CDATA[<]]>&amp;</a><!--end-->")
    instruction, a, comment = document.children
    assert (instruction.target, instruction.value) == ("go", "now")
    assert comment.value == "end"
    assert [child.kind for child in a.children] == ["text", "element", "text"]
    assert a.string_value == " t <&"
    assert a.attribute(clark("", "x")).value == "1"


def test_resolves_prefixes_and_gives_them_back():
    root = parse_xml('<p:a xmlns:p="u" xmlns="d" p:x="1" y="2"><b xmlns:p="v"><p:c/></b></p:a>').children[0]
    assert root.name is clark("u", "a") and root.prefix == "p"
    assert [one.name for one in root.attributes] == ["{u}x", "y"]
    b = root.children[0]
    assert b.name == "{d}b" and b.children[0].name == "{v}c"
    assert b.nsmap == {"p": "v", "": "d", "xml": "http://www.w3.org/XML/1998/namespace"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<a>",
        "<a></b>",
        "<p:a/>",
        '<a b="1" b="2"/>',
        '<a xmlns:p="u" xmlns:q="u" p:x="1" q:x="2"/>',
        '<a xmlns:p=""/>',
        '<a xmlns:xml="u"/>',
        "<a>&undeclared;</a>",
        "<a/><b/>",
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>',
        '<!DOCTYPE a SYSTEM "none.dtd"><a>&x;</a>',
        "<a>\x01</a>",
    ],
)
def test_refuses_what_is_not_well_formed(text):
    with pytest.raises(XQueryError) as caught:
        parse_xml(text)
    assert caught.value.code == "FODC0006"


def test_says_where_a_document_is_wrong():
    with pytest.raises(XQueryError, match="line 2, column 5"):
        parse_xml("<a>\n  </b>")


def test_refuses_entities_that_grow():
    lines = ['<!ENTITY e0 "xxxxxxxxxx">']
    lines += [f'<!ENTITY e{i} "{f"&e{i - 1};" * 10}">' for i in range(1, 10)]
    with pytest.raises(XQueryError, match="too large"):
        parse_xml(f"<!DOCTYPE a [{''.join(lines)}]><a>&e9;</a>")


def test_refuses_many_references_to_one_entity():
    body = "&e;" * 2000
    with pytest.raises(XQueryError, match="entities"):
        parse_xml(f'<!DOCTYPE a [<!ENTITY e "{"x" * 8000}">]><a>{body}</a>')


def test_uses_the_internal_subset():
    subset = '<!ATTLIST a k ID #IMPLIED d CDATA "dd"><!ENTITY e "<b>hi</b>"><!--no--><?no no?>'
    text = f'<!DOCTYPE a [{subset}]><a k=" i ">&e;</a>'
    document = parse_xml(text)
    assert [child.kind for child in document.children] == ["element"]
    a = document.children[0]
    assert a.children[0].lexical_name == "b"
    assert {one.name: one.value for one in a.attributes}["d"] == "dd"
    assert document.tree.ids() == {"i": [a]}


def test_reads_encodings_declared_in_bytes():
    text = '<?xml version="1.0" encoding="iso-8859-1"?><a>é</a>'
    assert parse_xml(text.encode("latin-1")).string_value == "é"
    assert parse_xml('<?xml version="1.0" encoding="iso-8859-1"?><a>é</a>').string_value == "é"


def test_fragments_have_text_and_several_elements():
    document = parse_fragment('<?xml version="1.0" encoding="utf-8"?>a<b/>c<d/>')
    assert [child.kind for child in document.children] == ["text", "element", "text", "element"]
    for bad in ("</fragment><fragment>", "<a>", "<!DOCTYPE a><a/>", '<?xml version="1.0" standalone="yes"?>x'):
        with pytest.raises(XQueryError):
            parse_fragment(bad)


def test_collects_garbage_again_after_an_error():
    with pytest.raises(XQueryError):
        parse_xml("<a>")
    assert gc.isenabled()


def test_parses_deep_documents():
    depth = 100_000
    document = parse_xml("<a>" * depth + "x" + "</a>" * depth)
    assert document.string_value == "x"
    assert len(document.tree.by_name("a")) == depth


def test_node_builder_builds_from_the_top():
    builder = NodeBuilder(document=False)
    builder.start("fn:r", "u")
    builder.attribute("n", "1")
    builder.text("a")
    builder.text("b")
    builder.element("fn:c", "in", "u")
    builder.end()
    top = builder.result()
    assert top.name == "{u}r" and top.prefix == "fn"
    assert [child.string_value for child in top.children] == ["ab", "in"]
