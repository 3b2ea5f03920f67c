"""Sequence types: what matches, what is converted to what, and which type lies within which."""

from decimal import Decimal

import pytest
from elementpath.datatypes import AnyURI, DateTime10, Int, Long, UnsignedLong, UntypedAtomic, XsdToken
from hypothesis import given, settings
from hypothesis import strategies as st

from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime.arrays import XdmArray
from xquery_bridge.runtime.atomic import Float32, type_name
from xquery_bridge.runtime.casts import qname
from xquery_bridge.runtime.functions import FunctionItem
from xquery_bridge.runtime.item_types import AtomicItemType, ChoiceType, FunctionType, NodeType
from xquery_bridge.runtime.json_items import JsonArray, JsonObject, MapMap
from xquery_bridge.runtime.json_nodes import binary_node, json_document
from xquery_bridge.runtime.maps import XdmMap
from xquery_bridge.runtime.node_builder import parse_xml
from xquery_bridge.runtime.nodes import TextNode
from xquery_bridge.runtime.opaque import OpaqueItem
from xquery_bridge.runtime.sequence_types import SequenceType, parse_sequence_type


class _Function(OpaqueItem):
    local = "function"


class _Parameter(OpaqueItem):
    local = "parameter"


class _Shape(OpaqueItem):
    local = "shape"


class _Query(OpaqueItem):
    uri, prefix, local = "http://marklogic.com/cts", "cts", "query"


class _WordQuery(_Query):
    local = "word-query"


_DOCUMENT = parse_xml('<a xmlns="u" x="1"><!--c--><b/>t<?go now?></a>')
_A = _DOCUMENT.children[0]
_JSON = json_document({"n": 1, "s": "x", "z": None, "b": True, "l": [1]})
_MEMBERS = {member.name: member for member in _JSON.children[0].children}


def _function(params, result, call=lambda *_: 1):
    types = None if params is None else [parse_sequence_type(text) for text in params]
    arity = 1 if params is None else len(params)
    return FunctionItem(None, arity, types, None if result is None else parse_sequence_type(result), call)


#: item types, and one item of many kinds; the laws below hold for all of them.
_ITEM_TYPES = [
    "item()", "xs:anyAtomicType", "xs:integer", "xs:int", "xs:unsignedLong", "xs:decimal", "xs:double", "xs:float",
    "xs:numeric", "xs:string", "xs:token", "xs:untypedAtomic", "xs:anyURI", "xs:QName", "xs:dateTime", "xs:boolean",
    "xs:error", "node()", "element()", "element(Q{u}a)", "element(*, xs:untyped)", "element(Q{u}a, xs:anyType?)",
    "attribute()", "attribute(x)", "attribute(x, xs:untypedAtomic)", "text()", "comment()", "namespace-node()",
    "processing-instruction()", "processing-instruction(go)", "document-node()", "document-node(element(Q{u}a))",
    "document-node(element())", "document-node(object-node())", "object-node()", "array-node()", "number-node()",
    'number-node("n")', 'node("n")', "boolean-node()", "null-node()", "binary()", "function(*)", "map(*)", "array(*)",
    "function(xs:integer) as xs:integer", "function(item()*) as item()*", "function(xs:anyAtomicType) as item()*",
    "function(xs:decimal) as xs:integer?", "function(xs:integer) as item()*", "map(xs:integer, xs:string)",
    "map(xs:anyAtomicType, item()*)", "map(xs:decimal, xs:anyAtomicType+)", "array(xs:integer)", "array(item()*)",
    "map:map", "json:object", "json:array", "cntk:variable", "cntk:function", "cntk:parameter", "cntk:shape",
    "cts:query", "cts:word-query", "element-decl()",
]  # fmt: skip
_ITEMS = [
    1, Int(1), UnsignedLong(1), Decimal("1.5"), 1.5, Float32(1.5), "s", XsdToken("s"), UntypedAtomic("1"),
    AnyURI("u"), qname("u", "l"), DateTime10.fromstring("2020-01-01T00:00:00"), True, _DOCUMENT, _A, _A.attributes[0],
    *_A.children, _A.namespace_nodes[0], _JSON, *_JSON.children, *_MEMBERS.values(), TextNode("x"), binary_node("00"),
    _function(["xs:integer"], "xs:integer"), _function(None, None), _function(["xs:decimal"], "xs:integer"),
    XdmMap(), XdmMap.of([(1, "a")]), XdmMap.of([("k", [1, 2])]), XdmArray([]), XdmArray([1, 2]), XdmArray([[], "x"]),
    MapMap(), JsonObject(), JsonArray([1]), _Function(), _Parameter(), _Shape(), _Query(), _WordQuery(),
]  # fmt: skip
_TYPES = st.tuples(st.sampled_from(_ITEM_TYPES), st.sampled_from(["", "?", "*", "+"])).map(
    lambda parts: parse_sequence_type(f"({parts[0]}){parts[1]}")
)
_VALUES = (
    st.sampled_from(_ITEMS)
    | st.lists(st.sampled_from(_ITEMS), max_size=3)
    | st.integers(0, 3).map(lambda count: range(1, count + 1))
)


def _items(value):
    return list(value) if type(value) in (list, range) else [value]


# ----------------------------------------------------------------------------------------------------------------- laws


@settings(max_examples=300, deadline=None)
@given(_TYPES, _VALUES)
def test_a_value_matches_when_its_items_and_their_number_do(type, value):
    items = _items(value)
    wanted = type.low <= len(items) and (type.high is None or len(items) <= type.high)
    assert type.matches(value) == (wanted and all(type.item.matches(item) for item in items))
    assert type.matches(items) == type.matches(value)


@settings(max_examples=300, deadline=None)
@given(_TYPES, _TYPES, _VALUES)
def test_what_matches_a_subtype_matches_the_type(one, other, value):
    if one.is_subtype_of(other) and one.matches(value):
        assert other.matches(value)


def test_subtyping_of_all_item_types_is_an_order_and_agrees_with_matching():
    types = [parse_sequence_type(text) for text in _ITEM_TYPES]
    within = {(a.text, b.text) for a in types for b in types if a.is_subtype_of(b)}
    for a in types:
        assert (a.text, a.text) in within
        for b in types:
            if (a.text, b.text) not in within:
                continue
            assert all(b.matches(item) for item in _ITEMS if a.matches(item)), (a, b)
            for c in types:
                assert (b.text, c.text) not in within or (a.text, c.text) in within, (a, b, c)


@settings(max_examples=300, deadline=None)
@given(_TYPES, _VALUES)
def test_conversion_yields_an_instance_or_an_error_and_leaves_instances_alone(type, value):
    try:
        converted = type.convert(value)
    except XQueryError as error:
        assert not type.matches(value) or "function(" in type.text
        assert error.code in ("XPTY0004", "FORG0001", "FOTY0013", "XPTY0117", "FOTY0012")
        return
    assert type.matches(converted) or (type.lenient and "function(" in type.text)
    if type.matches(value) and "function(" not in type.text:
        assert _items(converted) == _items(value)
    if type.occurrence == "":
        assert not isinstance(converted, (list, range))


@pytest.mark.parametrize("text", _ITEM_TYPES)
def test_the_text_of_a_type_is_read_as_the_same_type(text):
    assert parse_sequence_type(str(parse_sequence_type(text))) == parse_sequence_type(text)


# ------------------------------------------------------------------------------------------------------------- matching

_MATCHES = [
    ("element(Q{u}a)", _A, True),
    ("element(a)", _A, False),
    ("element(*, xs:integer)", _A, False),
    ("element(*, xs:untyped)", _A, True),
    ("attribute(*, xs:anySimpleType)", _A.attributes[0], True),
    ("attribute(*, xs:integer)", _A.attributes[0], False),
    ("document-node(element(Q{u}a))", _DOCUMENT, True),
    ("document-node(element(b))", _DOCUMENT, False),
    ("document-node(object-node())", _JSON, True),
    ("processing-instruction(go)", _A.children[3], True),
    ("processing-instruction(stop)", _A.children[3], False),
    ("number-node()", _MEMBERS["n"], True),
    ('number-node("m")', _MEMBERS["n"], False),
    ('text("s")', _MEMBERS["s"], True),
    ('node("n")', _MEMBERS["n"], True),
    ("xs:hexBinary", binary_node("00"), False),
    ("xs:numeric", Float32(1), True),
    ("xs:integer", True, False),
    ("map:map", JsonObject(), True),
    ("json:object", MapMap(), False),
    ("map(*)", MapMap(), False),
    ("array(*)", JsonArray(), False),
    ("cntk:variable", _Function(), True),
    ("cntk:variable", _Parameter(), True),
    ("cntk:variable", _Shape(), False),
    ("cntk:parameter", _Function(), False),
    ("cts:query", _WordQuery(), True),
    ("function(*)", _Function(), False),
    ("function(*)", XdmMap(), True),
    ("function(xs:anyAtomicType) as item()*", XdmMap.of([(1, 2)]), True),
    ("function(xs:string) as xs:integer?", XdmMap.of([(1, 2)]), True),
    ("function(xs:string) as xs:integer", XdmMap.of([(1, 2)]), False),
    ("function(item()) as item()*", XdmMap.of([(1, 2)]), False),
    ("function(xs:integer) as xs:integer", XdmArray([1]), True),
    ("function(xs:integer) as xs:integer", XdmArray(["x"]), False),
    ("map(xs:integer, xs:string)", XdmMap.of([(1, "a"), ("2", "b")]), False),
    ("array(xs:integer+)", XdmArray([1, [2, 3]]), True),
    ("array(xs:integer+)", XdmArray([1, []]), False),
    ("empty-sequence()", [], True),
    ("empty-sequence()", 1, False),
    ("xs:integer*", range(5), True),
    ("xs:integer?", range(0), True),
    ("xs:error?", [], True),
    ("xs:error*", 1, False),
]


@pytest.mark.parametrize(("text", "value", "expected"), _MATCHES)
def test_matching(text, value, expected):
    assert parse_sequence_type(text).matches(value) is expected


_SUBTYPES = [
    ("xs:integer", "xs:decimal", True),
    ("xs:integer", "xs:numeric", True),
    ("xs:numeric", "xs:anyAtomicType", True),
    ("xs:float", "xs:double", False),
    ("xs:integer", "xs:integer?", True),
    ("xs:integer*", "xs:integer?", False),
    ("empty-sequence()", "node()?", True),
    ("empty-sequence()", "node()", False),
    ("element(a, xs:integer)", "element(a)", True),
    ("element(a, xs:integer)", "element(*, xs:decimal)", True),
    ("element(a)", "element(a, xs:integer)", False),
    ("element(a)", "element(b)", False),
    ("element(a, xs:int?)", "element(a, xs:int)", False),
    ("text()", "node()", True),
    ("json:object", "map:map", True),
    ("cntk:function", "cntk:variable", True),
    ("cntk:variable", "cntk:function", False),
    ("function(item()) as xs:integer", "function(xs:string) as item()", True),
    ("function(xs:string) as item()", "function(item()) as item()", False),
    ("function(item()) as item()", "function(item(), item()) as item()", False),
    ("map(xs:integer, xs:string)", "map(xs:decimal, item()*)", True),
    ("map(xs:integer, xs:string)", "function(xs:anyAtomicType) as xs:string?", True),
    ("map(xs:integer, xs:string)", "function(xs:anyAtomicType) as xs:string", False),
    ("map(*)", "function(*)", True),
    ("array(xs:integer)", "function(xs:integer) as xs:integer", True),
    ("array(xs:integer)", "array(xs:string)", False),
    ("xs:string", "(xs:integer|xs:string)", True),
    ("(xs:integer|xs:string)", "xs:anyAtomicType", True),
    ("(xs:integer|xs:string)", "xs:integer", False),
]


@pytest.mark.parametrize(("one", "other", "expected"), _SUBTYPES)
def test_subtypes(one, other, expected):
    assert parse_sequence_type(one).is_subtype_of(parse_sequence_type(other)) is expected


# ----------------------------------------------------------------------------------------------------------- conversion

_CONVERSIONS = [
    ("xs:double", 1, "xs:double", 1.0),
    ("xs:double", Float32(0.1), "xs:double", float(Float32(0.1))),
    ("xs:float", Decimal("0.1"), "xs:float", float(Float32(0.1))),
    ("xs:integer", UntypedAtomic(" 5 "), "xs:integer", 5),
    ("xs:numeric", UntypedAtomic("5"), "xs:double", 5.0),
    ("xs:anyAtomicType", UntypedAtomic("5"), "xs:untypedAtomic", UntypedAtomic("5")),
    ("xs:string", AnyURI("u"), "xs:string", "u"),
    ("xs:string", _A, "xs:string", "t"),
    ("xs:decimal", Int(5), "xs:int", 5),
    ("xs:integer", [5], "xs:integer", 5),
    ("xs:integer", range(5, 6), "xs:integer", 5),
    ("xs:string", XdmArray([["x"]]), "xs:string", "x"),
    ("(xs:string|xs:QName)", _A, "xs:string", "t"),
    ("(element()|xs:string)", AnyURI("u"), "xs:string", "u"),
    ("xs:unsignedLong", 5, "xs:unsignedLong", 5),
    ("xs:unsignedLong", Long(5), "xs:unsignedLong", 5),
]


@pytest.mark.parametrize(("text", "value", "name", "expected"), _CONVERSIONS)
def test_conversion(text, value, name, expected):
    converted = parse_sequence_type(text).convert(value)
    assert type_name(converted) == name and converted == expected


def test_sequences_are_atomized_and_converted_item_by_item():
    assert parse_sequence_type("xs:double*").convert([1, UntypedAtomic("2"), XdmArray([3, [4, 5]])]) == [1, 2, 3, 4, 5]
    assert parse_sequence_type("xs:double*").convert(JsonArray([1, JsonArray([2, []])])) == [1, 2]
    assert parse_sequence_type("xs:string?").convert(XdmArray([])) == []


_REFUSED = [
    ("xs:integer", "a", "XPTY0004", 'Invalid coercion: "a" as xs:integer'),
    ("xs:integer", [], "XPTY0004", r"Invalid coercion: \(\) as xs:integer"),
    ("xs:string+", [], "XPTY0004", r"XDMP-AS: \(err:XPTY0004\) Invalid coercion: \(\) as xs:string\+"),
    ("xs:integer?", [1, 2], "XPTY0004", r"\(1, 2\) as xs:integer\?"),
    ("xs:integer", 1.5, "XPTY0004", "1.5 as xs:integer"),
    ("xs:float", 1.5, "XPTY0004", "1.5 as xs:float"),
    ("xs:integer", UntypedAtomic("x"), "FORG0001", "Invalid cast"),
    ("xs:QName", UntypedAtomic("x"), "XPTY0117", "as xs:QName"),
    ("xs:string", MapMap(), "FOTY0013", "map:map"),
    ("xs:double", _Shape(), "FOTY0013", "cntk:shape"),
    ("element()", "a", "XPTY0004", r'"a" as element\(\)'),
    ("cntk:variable", 1, "XPTY0004", "1 as cntk:variable"),
    ("xs:unsignedLong", -1, "XPTY0004", "-1 as xs:unsignedLong"),
    ("empty-sequence()", 1, "XPTY0004", "1 as empty-sequence"),
]


@pytest.mark.parametrize(("text", "value", "code", "message"), _REFUSED)
def test_what_cannot_be_converted_is_refused_in_marklogics_words(text, value, code, message):
    with pytest.raises(XQueryError, match=message) as caught:
        parse_sequence_type(text).convert(value)
    assert caught.value.code == code


def test_only_built_in_functions_take_an_integer_for_a_derived_type():
    assert SequenceType(AtomicItemType("byte")).matches(5) is False
    with pytest.raises(XQueryError, match="5 as xs:byte"):
        SequenceType(AtomicItemType("byte")).convert(5)
    assert SequenceType(AtomicItemType("byte")) != parse_sequence_type("xs:byte")


# ------------------------------------------------------------------------------------------------------------- coercion


def _declared(params, result):
    types = tuple(parse_sequence_type(text) for text in params)
    return SequenceType(FunctionType(types, parse_sequence_type(result)))


def test_a_function_of_a_fitting_signature_stays_itself():
    function = _function(["item()*"], "xs:integer")
    assert _declared(["xs:string"], "xs:integer?").convert(function) is function


def test_a_coerced_function_converts_arguments_and_result():
    seen = []
    function = _function(None, None, lambda value: seen.append(value) or UntypedAtomic("7"))
    coerced = _declared(["xs:double"], "xs:integer").convert([function])
    assert coerced.call(1) == 7 and type(seen[0]) is float
    assert coerced.arity == 1 and str(coerced.params[0]) == "xs:double" and str(coerced.result) == "xs:integer"
    with pytest.raises(XQueryError, match="XPTY0004"):
        coerced.call("x")


def test_functions_of_several_arguments_are_coerced():
    function = _function(["xs:integer", "xs:integer"], "xs:integer", lambda a, b: a - b)
    coerced = _declared(["xs:integer", "item()*"], "xs:double").convert(function)
    assert coerced.call(5, 3) == 2.0 and type(coerced.call(5, 3)) is float


def test_maps_and_arrays_are_coerced_to_functions():
    from_map = _declared(["xs:string"], "xs:double").convert(XdmMap.of([("a", 1)]))
    assert type(from_map) is FunctionItem and type(from_map.call("a")) is float
    with pytest.raises(XQueryError, match=r"\(\) as xs:double"):
        from_map.call("b")
    assert _declared(["xs:integer"], "xs:double").convert(XdmArray([1])).call(1) == 1.0


def test_a_wrong_arity_is_refused():
    with pytest.raises(XQueryError, match=r"as function\(item\(\), item\(\)\) as item\(\)"):
        _declared(["item()", "item()"], "item()").convert(_function(["item()"], "item()"))


def test_functions_for_built_ins_are_only_wrapped_for_their_result():
    function = _function(["xs:integer"], "xs:integer")
    assert parse_sequence_type("function(item()) as item()*").convert(function) is function
    keep = parse_sequence_type("function(item()) as xs:boolean").convert(_function(None, None, lambda _: [True]))
    assert keep.call(1) is True


# -------------------------------------------------------------------------------------------------------------- reading


def test_the_forms_of_the_signature_tables():
    assert parse_sequence_type("node").text == "node()"
    assert parse_sequence_type("string?").text == "xs:string?"
    either = parse_sequence_type("(element()?|map:map?)")
    assert (
        either.occurrence == "?" and isinstance(either.item, ChoiceType) and either.matches([]) and either.matches(_A)
    )
    assert parse_sequence_type("(xs:double, xs:integer)").matches([1.0, 1])
    assert parse_sequence_type("element(json:array)").item == NodeType(
        "element", ("http://marklogic.com/xdmp/json", "array")
    )
    assert parse_sequence_type("(function(item()) as item())?").occurrence == "?"


@pytest.mark.parametrize("text", ["", "xs:nonsense", "map(", "element(a", "nope:x", "xs:integer xs:integer", "(A|"])
def test_signatures_that_name_no_type_are_programming_errors(text):
    with pytest.raises(ValueError):
        parse_sequence_type(text)
