"""JSON to maps and arrays, to XML and back."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xquery_bridge.errors import XQueryError
from xquery_bridge.library.fn.json import json_to_xml, parse_json, xml_to_json
from xquery_bridge.runtime.arrays import XdmArray
from xquery_bridge.runtime.context import StaticContext
from xquery_bridge.runtime.maps import XdmMap

STATIC = StaticContext()
TEXTS = st.text(
    alphabet=st.characters(codec="utf-8", exclude_characters="\ufffe\uffff", exclude_categories=("Cc", "Cs"))
)
DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53).map(float) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


def plain(value: Any) -> Any:
    """An item of parse-json as Python data."""
    if isinstance(value, XdmMap):
        return {key: plain(member) for key, member in value.items()}
    if isinstance(value, XdmArray):
        return [plain(member) for member in value.members()]
    return None if value == [] else value


@given(DATA)
@settings(max_examples=60)
def test_maps_and_arrays_hold_what_the_text_says(data: Any) -> None:
    assert plain(parse_json(json.dumps(data))) == data


@given(DATA)
@settings(max_examples=60)
def test_the_xml_form_gives_the_text_back(data: Any) -> None:
    assert json.loads(xml_to_json(json_to_xml(STATIC, json.dumps(data))) or "") == data


@pytest.mark.parametrize(
    "text", ["", "{", "[1,]", "{a:1}", "NaN", "[Infinity]", "'a'", '"\t"', '"\\x"', "01", "[1] 2", "\ufeff1"]
)
def test_malformed_text(text: str) -> None:
    with pytest.raises(XQueryError) as raised:
        parse_json(text)
    assert raised.value.code == "FOJS0001"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (r"""parse-json('"\u0000"') eq codepoints-to-string(65533)""", "true"),
        (r"""parse-json('"a\u0000\t"', map{'escape': true()})""", r"a\u0000\t"),
        (r"""parse-json('"\uD834\uDD1E"') ! string-to-codepoints(.)""", "119070"),
        (r"""parse-json('"\u0007"', map{'fallback': function($s) { '[' || $s || ']' }})""", r"[\u0007]"),
        ("""parse-json('{"a":1,"a":2}')?a""", "1"),
        ("""parse-json('{"a":1,"a":2}', map{'duplicates': 'use-last'})?a""", "2"),
        ("""count(json-to-xml('{"a":1,"a":2}')/*/*)""", "2"),
        ("""string(json-to-xml('[1e3]'))""", "1e3"),
        (r"""json-to-xml('"\\"', map{'escape': true()})/*/@escaped/string()""", "true"),
        (r"""xml-to-json(<string xmlns="http://www.w3.org/2005/xpath-functions">a/"b\</string>)""", r'"a\/\"b\\"'),
        (
            r"""xml-to-json(<string xmlns="http://www.w3.org/2005/xpath-functions" escaped="true">\n"</string>)""",
            r'"\n\""',
        ),
    ],
)
def test_special_characters_and_duplicates(text: Callable[[str], str], query: str, expected: str) -> None:
    assert text(query) == expected


FN = 'xmlns="http://www.w3.org/2005/xpath-functions"'


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("""parse-json('{"a":1,"a":2}', map{'duplicates': 'reject'})""", "FOJS0003"),
        ("parse-json('1', map{'duplicates': 'retain'})", "FOJS0005"),
        ("parse-json('1', map{'escape': 'yes'})", "XPTY0004"),
        ("parse-json('1', map{'escape': true(), 'fallback': string#1})", "FOJS0005"),
        ("json-to-xml('1', map{'validate': true()})", "FOJS0004"),
        ("xml-to-json(<a/>)", "FOJS0006"),
        (f"xml-to-json(<map {FN}><null/></map>)", "FOJS0006"),
        (f"xml-to-json(<map {FN}><null key='a'/><null key='a'/></map>)", "FOJS0006"),
        (f"xml-to-json(<array {FN}>a</array>)", "FOJS0006"),
        (f"xml-to-json(<number {FN}>INF</number>)", "FOJS0006"),
        (f"xml-to-json(<string {FN} escaped='true'>\\x</string>)", "FOJS0007"),
    ],
)
def test_refusals(code: Callable[[str], str], query: str, expected: str) -> None:
    assert code(query) == expected
