"""The opaque items of cntk: as types, in typeswitch, maps and arrays; what has no typed value and no identity."""

import pytest

from xquery_bridge.engine import Engine
from xquery_bridge.errors import XQueryError
from xquery_bridge.library.cntk.items import ITEM_TYPES
from xquery_bridge.store.sqlite import SQLiteStore

_ENGINE = Engine()

#: Type -> an item of it.
_ITEMS = {
    "variable": 'cntk:input-variable(cntk:shape(2), "float")',
    "function": 'cntk:abs(cntk:scalar("float", 1))',
    "parameter": 'cntk:parameter-from-scalar(cntk:shape(2), "float", 0)',
    "constant": 'cntk:scalar("float", 1)',
    "value": "cntk:value(cntk:shape(2), json:to-array((1, 2)))",
    "shape": "cntk:shape((2, 3))",
    "axis": "cntk:axis(0)",
    "device": "cntk:cpu()",
    "schedule": "cntk:learning-rate-schedule-from-constant(0.1)",
    "initializer": "cntk:constant-initializer(1)",
    "learner": """cntk:sgd-learner(cntk:parameter-from-scalar(cntk:shape(1), "float", 0),
                      cntk:learning-rate-schedule-from-constant(0.1))""",
    "trainer": """(let $x := cntk:input-variable(cntk:shape(1), "float")
                   let $p := cntk:parameter-from-scalar(cntk:shape(1), "float", 0)
                   let $loss := cntk:squared-error($p, $x)
                   let $learner := cntk:sgd-learner($p, cntk:learning-rate-schedule-from-constant(0.1))
                   return cntk:trainer($loss, $learner, $loss))""",
}
_EACH = pytest.mark.parametrize("kind", sorted(_ITEMS))

#: What passes where another type is declared.
_STANDS_FOR_A_VARIABLE = ("function", "parameter", "constant")


def _is_a(kind, declared):
    return kind == declared or (declared == "variable" and kind in _STANDS_FOR_A_VARIABLE)


def _refused(query, engine=_ENGINE):
    with pytest.raises(XQueryError) as caught:
        engine.evaluate(query)
    return caught.value.code, caught.value.marklogic_code


def test_there_is_an_item_of_every_type():
    assert set(_ITEMS) == set(ITEM_TYPES)


@_EACH
def test_instance_of_tells_the_types_apart(kind):
    tests = ", ".join(f"$item instance of cntk:{declared}" for declared in _ITEMS)
    expected = [_is_a(kind, declared) for declared in _ITEMS]
    assert _ENGINE.evaluate(f"let $item := {_ITEMS[kind]} return ({tests})") == expected


@_EACH
def test_an_item_is_no_node_no_function_and_no_atomic_value(kind):
    query = f"""
        let $item := {_ITEMS[kind]}
        return ($item instance of item(), $item instance of node(), $item instance of function(*),
                $item instance of xs:anyAtomicType, $item instance of map(*), $item instance of cntk:data-type)
    """
    assert _ENGINE.evaluate(query) == [True, False, False, False, False, False]


@_EACH
def test_typeswitch_takes_the_branch_of_the_type(kind):
    cases = " ".join(f'case cntk:{declared} return "{declared}"' for declared in _ITEMS if declared != "variable")
    query = f'typeswitch ({_ITEMS[kind]}) {cases} case cntk:variable return "variable" default return "none"'
    assert _ENGINE.evaluate(query) == [kind]


@_EACH
def test_a_signature_takes_its_type_and_refuses_the_others(kind):
    calls = ", ".join(
        f"try {{ local:{declared}($item) }} catch * {{ $err:code ! fn:local-name-from-QName(.) }}"
        for declared in _ITEMS
    )
    declared = "".join(
        f"declare function local:{name}($item as cntk:{name}) as cntk:{name} {{ $item }};" for name in _ITEMS
    )
    found = _ENGINE.evaluate(f"{declared} let $item := {_ITEMS[kind]} return ({calls})")
    for name, result in zip(_ITEMS, found, strict=True):
        if _is_a(kind, name):
            assert result.local == kind
        else:
            assert result == "XPTY0004"


def test_a_sequence_type_counts_items():
    query = """
        declare function local:f($axes as cntk:axis+, $shape as cntk:shape?) as xs:integer { fn:count($axes) };
        local:f((cntk:axis(0), cntk:axis(1)), ()), local:f(cntk:axis(0), cntk:shape(1))
    """
    assert _ENGINE.evaluate(query) == [2, 1]


@_EACH
def test_items_pass_through_maps_and_arrays_unchanged(kind):
    query = f"""
        let $item := {_ITEMS[kind]}
        let $json := json:to-array(($item, 1))
        let $mutable := map:map() => map:with("k", $item)
        return (json:array-values($json)[1], map:get($mutable, "k"), map {{ "k": $item }}?k, [ $item ](1),
                (for $each in ($item, $item) return $each)[2])
    """
    items = _ENGINE.evaluate(query)
    assert len(items) == 5
    assert all(item.local == kind and item.value is items[0].value for item in items)


_NO_TYPED_VALUE = [
    "fn:data($item)", "fn:string($item)", "xs:string($item)", "$item || 'a'", "fn:concat($item, 'a')",
    "$item eq $item", "$item = $item", "$item = 'a'", "$item lt $item", "$item + 1", "-$item",
    "$item cast as xs:string", "fn:number($item)", "fn:distinct-values($item)", "fn:string-join($item)",
    "map { $item: 1 }", "map:map() => map:with($item, 1)", "<a>{$item}</a>", "<a b='{$item}'/>", "element a { $item }",
    "attribute a { $item }", "text { $item }", "document { $item }", "for $i in ($item, $item) order by $i return $i",
    "for $i in $item group by $key := $i return $key", "fn:index-of($item, $item)", "fn:sort(($item, $item))",
    "xdmp:to-json-string($item)",
]  # fmt: skip


@_EACH
def test_what_needs_a_typed_value_is_refused_with_one_error(kind):
    attempts = ", ".join(
        f'try {{ {attempt}, "accepted" }} catch ($e) {{ fn:string($e/error:name) || " " || $e/error:code }}'
        for attempt in _NO_TYPED_VALUE
    )
    found = _ENGINE.evaluate(f"let $item := {_ITEMS[kind]} return ({attempts})")
    assert dict(zip(_NO_TYPED_VALUE, found, strict=True)) == dict.fromkeys(_NO_TYPED_VALUE, "err:FOTY0013 XDMP-AS")


def test_the_error_names_the_type():
    with pytest.raises(XQueryError) as caught:
        _ENGINE.evaluate("fn:string(cntk:shape(2))")
    assert caught.value.title == "Invalid coercion: cntk:shape has no typed value"


@_EACH
def test_items_have_no_node_identity(kind):
    assert _refused(f"let $item := {_ITEMS[kind]} return $item is $item") == ("XPTY0004", "XDMP-AS")
    assert _refused(f"let $item := {_ITEMS[kind]} return $item | $item")[0] == "XPTY0004"
    assert _refused(f"let $item := {_ITEMS[kind]} return $item/a")[0] == "XPTY0019"


@_EACH
def test_the_effective_boolean_value_is_refused(kind):
    assert _refused(f"if ({_ITEMS[kind]}) then 1 else 2")[0] == "FORG0006"


def test_items_on_one_object_are_deep_equal_and_others_are_not():
    query = """
        let $a := cntk:shape(2)
        return (fn:deep-equal($a, $a), fn:deep-equal($a, cntk:shape(3)), fn:deep-equal($a, cntk:axis(0)))
    """
    assert _ENGINE.evaluate(query) == [True, False, False]


def test_the_parameters_of_a_graph_are_the_parameters_themselves():
    query = """
        let $p := cntk:parameter-from-scalar(cntk:shape(1), "float", 1)
        let $set := cntk:parameter-set-value(cntk:function-parameters(cntk:abs($p)),
                        cntk:value(cntk:shape(1), json:to-array(5)))
        return json:array-values(cntk:value-to-array($p, cntk:parameter-value($p)), fn:true())
    """
    assert _ENGINE.evaluate(query) == [5]


@_EACH
def test_an_item_cannot_be_stored(kind, tmp_path):
    store = SQLiteStore(str(tmp_path / "store.db"))
    try:
        engine = Engine(store=store)
        assert _refused(f'xdmp:document-insert("/a.xml", {_ITEMS[kind]})', engine) == ("FOTY0013", "XDMP-AS")
        assert engine.evaluate('fn:doc-available("/a.xml")') == [False]
    finally:
        store.close()
