"""1.0-ml's maps and arrays as XML, and back."""

from decimal import Decimal

import pytest
from elementpath.datatypes import AnyURI, Int
from hypothesis import given, settings
from hypothesis import strategies as st

from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime.atomic import Float32, type_name
from xquery_bridge.runtime.casts import qname
from xquery_bridge.runtime.functions import FunctionItem
from xquery_bridge.runtime.json_items import JsonArray, JsonObject, MapMap
from xquery_bridge.runtime.json_nodes import json_document
from xquery_bridge.runtime.json_xml import (
    array_from_xml,
    element_from_array,
    element_from_map,
    map_from_xml,
    object_from_xml,
)
from xquery_bridge.runtime.node_builder import parse_xml
from xquery_bridge.runtime.serialization.xml import markup
from xquery_bridge.runtime.values import string_of

_MAP = "http://marklogic.com/xdmp/map"
_JSON = "http://marklogic.com/xdmp/json"
_DECLARED = (
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xs="http://www.w3.org/2001/XMLSchema"'
    f' xmlns:map="{_MAP}" xmlns:json="{_JSON}"'
)


def _parsed(text: str):
    return parse_xml(text.replace(">", f" {_DECLARED}>", 1)).children[0]


def _plain(value):
    """A value of containers as tuples that compare by type and content."""
    if isinstance(value, MapMap):
        return (value.type_name, [(key, _plain(member)) for key, member in value.items()])
    if isinstance(value, JsonArray):
        return ("json:array", [_plain(member) for member in value.members()])
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return (type_name(value), string_of(value))


_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Co", "Cn")), max_size=8)
_ATOMS = (
    st.integers()
    | st.booleans()
    | st.floats(allow_nan=False)
    | st.floats(width=32, allow_nan=False).map(Float32)
    | st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-1000, max_value=1000)
    | _TEXT
    | st.integers(0, 9).map(Int)
)


def _containers(inner):
    several = inner | st.lists(inner, min_size=2, max_size=3)
    return (
        st.lists(inner | st.just([]), max_size=3).map(JsonArray)
        | st.dictionaries(_TEXT, several, max_size=3).map(lambda entries: MapMap(entries.items()))
        | st.dictionaries(_TEXT, several | st.just([]), max_size=3).map(lambda entries: JsonObject(entries.items()))
    )


@settings(max_examples=100, deadline=None)
@given(_containers(st.recursive(_ATOMS, _containers, max_leaves=8)))
def test_what_is_written_is_read_back_as_it_was(container):
    if isinstance(container, JsonArray):
        write, read = element_from_array, array_from_xml
    else:
        write, read = element_from_map, object_from_xml if type(container) is JsonObject else map_from_xml
    element = write(container)
    assert _plain(read(element)) == _plain(container)
    assert _plain(read(parse_xml(markup(element)).children[0])) == _plain(container)


def test_the_form_of_a_map():
    text = markup(element_from_map(MapMap([("a", "x"), ("b", [1, True])])))
    assert text.startswith(f'<map:map xmlns:map="{_MAP}" ') and text.endswith(
        '<map:entry key="a"><map:value xsi:type="xs:string">x</map:value></map:entry><map:entry key="b">'
        '<map:value xsi:type="xs:integer">1</map:value><map:value xsi:type="xs:boolean">true</map:value>'
        "</map:entry></map:map>"
    )


def test_the_form_of_an_array_and_its_nulls():
    text = markup(element_from_array(JsonArray([1, [], JsonObject([("k", Decimal("1.5"))])])))
    assert text.endswith(
        '<json:value xsi:type="xs:integer">1</json:value><json:value xsi:nil="true"/><json:value><json:object>'
        '<json:entry key="k"><json:value xsi:type="xs:decimal">1.5</json:value></json:entry></json:object>'
        "</json:value></json:array>"
    )


def test_nodes_stand_in_their_element_as_copies():
    node = parse_xml("<p:x xmlns:p='u' a='1'>t</p:x>").children[0]
    made = map_from_xml(element_from_map(MapMap([("n", node)]))).get("n")
    assert made is not node and made.parent is None
    assert (made.lexical_name, made.namespace_uri, made.string_value) == ("p:x", "u", "t")
    assert [(each.name, each.value) for each in made.attributes] == [("a", "1")]


def test_json_nodes_become_containers():
    document = json_document({"a": [1, None, "s"]})
    made = array_from_xml(element_from_array(JsonArray([document])))
    assert made.json_text() == '[{"a":[1, null, "s"]}]' and isinstance(made.get(0), JsonObject)


def test_white_space_between_elements_and_missing_types():
    element = _parsed(
        """<map:map>
          <map:entry key="k"> <map:value> <json:array> <json:value>1</json:value> </json:array> </map:value>
          </map:entry>
        </map:map>"""
    )
    inner = map_from_xml(element).get("k")
    assert type_name(inner.get(0)) == "xs:untypedAtomic" and inner.get(0).value == "1"


def test_names_keep_their_namespace():
    made = array_from_xml(element_from_array(JsonArray([qname("u:v", "l", "p"), AnyURI("http://x")])))
    assert (made.get(0).uri, made.get(0).local_name, type_name(made.get(1))) == ("u:v", "l", "xs:anyURI")


@pytest.mark.parametrize(
    ("read", "text", "code"),
    [
        (map_from_xml, "<json:object/>", "XPTY0004"),
        (array_from_xml, "<array/>", "XPTY0004"),
        (map_from_xml, "<map:map><map:value/></map:map>", "XPTY0004"),
        (map_from_xml, "<map:map><map:entry/></map:map>", "XPTY0004"),
        (array_from_xml, "<json:array><json:value xsi:type='xs:integer'>x</json:value></json:array>", "FORG0001"),
        (array_from_xml, "<json:array><json:value xsi:type='xs:nonsense'>x</json:value></json:array>", "XPST0051"),
        (array_from_xml, "<json:array><json:value xsi:type='xs:QName'>x:y</json:value></json:array>", "FONS0004"),
    ],
)
def test_other_elements_are_refused(read, text, code):
    element = _parsed(text.replace("/>", "></" + text[1 : text.index("/>")] + ">", 1) if text.count("<") == 1 else text)
    with pytest.raises(XQueryError, match=code):
        read(element)


def test_functions_and_cycles_have_no_form():
    array = JsonArray([1])
    array.append(array)
    with pytest.raises(XQueryError, match="XDMP-JSONCYCLE"):
        element_from_array(array)
    with pytest.raises(XQueryError, match="FOTY0013"):
        element_from_array(JsonArray([FunctionItem(None, 0, None, None, lambda: 1)]))
