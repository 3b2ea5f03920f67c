"""`declare option output:…`: what a query says about its own serialization."""

import pytest

from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime.node_builder import parse_xml

XHTML = 'xmlns="http://www.w3.org/1999/xhtml"'
OUTPUT = "http://www.w3.org/2010/xslt-xquery-serialization"
META = '<meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />'
PARAMETERS = """<p:serialization-parameters xmlns:p="http://www.w3.org/2010/xslt-xquery-serialization">
  <p:method value="json"/><p:indent value="no"/>
  <p:use-character-maps><p:character-map character="x" map-string="yy"/></p:use-character-maps>
</p:serialization-parameters>"""


def options(**values: str) -> str:
    pairs = [(name.replace("_", "-"), value) for name, value in values.items()]
    return "".join([f'declare option Q{{{OUTPUT}}}{name} "{value}"; ' for name, value in pairs])


def test_a_parameter_document_gives_what_the_query_does_not(engine):
    query = 'declare base-uri "http://here/"; ' + options(parameter_document="set.xml")
    known = {"http://here/set.xml": parse_xml(PARAMETERS)}
    assert engine.compile(query + '["axb"]').run_to_text(documents=known.get) == '["ayyb"]'
    assert engine.compile(query + options(method="text") + '["axb"]').run_to_text(documents=known.get) == "ayyb"
    with pytest.raises(XQueryError) as caught:
        engine.compile(query + "1").run_to_text(documents={}.get)
    assert caught.value.code == "XQST0119"


def test_standalone_brings_the_declaration_that_holds_it(text, engine):
    assert text(options(standalone="yes") + "<a/>") == '<?xml version="1.0" encoding="UTF-8" standalone="yes"?><a/>'
    assert text(options(standalone="omit") + "<a/>") == '<?xml version="1.0" encoding="UTF-8"?><a/>'
    with pytest.raises(XQueryError) as caught:
        text(options(standalone="yes", omit_xml_declaration="yes") + "<a/>")
    assert caught.value.code == "SEPM0009"


def test_names_in_options_are_in_the_default_element_namespace(text):
    query = 'declare default element namespace "u"; ' + options(indent="yes", suppress_indentation="p")
    assert text(query + "<p><b/></p>") == '<p xmlns="u"><b/></p>'
    assert '<p xmlns=""><b/></p>' not in text(query + '<p xmlns=""><b/></p>')


def test_a_method_may_be_written_with_its_empty_namespace(text):
    assert text(options(method=" Q{}text ") + "<a>1</a>") == "1"


@pytest.mark.parametrize(
    ("version", "query", "expected"),
    [
        ("4.0", "<br/>", "<br></br>"),
        ("4.0", f"<br {XHTML}/>", f"<br {XHTML} />"),
        ("5.0", "<br/>", "<br />"),
        ("5.0", "<frame/>", "<frame></frame>"),
        ("5.0", "<html/>", "<!DOCTYPE html><html></html>"),
        ("4.0", "<html/>", "<html></html>"),
        ("5.0", '<s:svg xmlns:s="http://www.w3.org/2000/svg"/>', '<svg xmlns="http://www.w3.org/2000/svg"></svg>'),
        ("5.0", f"<head {XHTML}/>", f"<head {XHTML}>{META}</head>"),
    ],
)
def test_xhtml_by_version(text, version, query, expected):
    assert text(options(method="xhtml", html_version=version) + query) == expected


def test_nothing_is_escaped_below_a_script_in_html(text):
    query = options(method="html") + '<script a="&amp;">{"a &lt; b"}<p b="&amp;">{"&amp;"}</p></script>'
    assert text(query) == '<script a="&amp;">a < b<p b="&">&</p></script>'


def test_adaptive_names_primitive_types(text):
    query = options(method="adaptive")
    assert text(query + 'xs:dateTimeStamp("2011-07-28T12:34:56Z")') == 'xs:dateTime("2011-07-28T12:34:56Z")'
    assert text(query + 'xs:dayTimeDuration("P1D")') == 'xs:dayTimeDuration("P1D")'
