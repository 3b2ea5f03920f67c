"""Library modules: cycles, namespaces of several modules, and what the modules ask of the context item."""

from collections.abc import Callable
from typing import Any

import pytest

from xquery_bridge.engine import Engine
from xquery_bridge.errors import XQueryError

A = """module namespace a = "a"; import module namespace b = "b";
declare function a:one() { 1 };
declare function a:f() { $b:x };"""
B = 'module namespace b = "b"; import module namespace a = "a"; declare variable $b:x := a:one() + 1;'
OTHER = 'module namespace b = "b"; import module namespace a = "a" at "2"; declare function b:g() { a:f(1, 2) };'
LOOP_A = 'module namespace a = "a"; import module namespace b = "b"; declare variable $a:x as xs:integer := $b:x;'
LOOP_B = 'module namespace b = "b"; import module namespace a = "a"; declare variable $b:x as xs:integer := $a:x;'
ITEM = 'module namespace a = "a"; declare context item as xs:date external;'


@pytest.fixture
def run() -> Any:
    """Evaluates a query with library modules: (namespace, location) -> text."""
    engines: list[Engine] = []

    def make(modules: dict[tuple[str, str], str]) -> Callable[..., list[Any]]:
        def load(uri: str, locations: list[str], base: str | None) -> list[tuple[str, str]]:
            found = [(at, text) for (namespace, at), text in modules.items() if namespace == uri]
            return [pair for pair in found if not locations or pair[0] in locations]

        engines.append(Engine(dialect="3.1", modules=load))
        return engines[-1].evaluate

    yield make
    for engine in engines:
        engine.close()


def test_modules_may_import_each_other(run):
    evaluate = run({("a", "1"): A, ("b", "2"): B})
    assert evaluate('import module namespace a = "a"; a:f()') == [2]


def test_variables_of_modules_that_need_each_other_have_no_value(run):
    with pytest.raises(XQueryError) as caught:
        run({("a", "1"): LOOP_A, ("b", "2"): LOOP_B})('import module namespace a = "a"; $a:x')
    assert caught.value.code == "XQDY0054"


def test_an_import_sees_all_modules_of_its_namespace_that_the_query_loads(run):
    evaluate = run(
        {
            ("a", "1"): 'module namespace a = "a"; declare function a:f($x) { $x };',
            ("a", "2"): 'module namespace a = "a"; declare function a:f($x, $y) { $x + $y };',
            ("b", "3"): OTHER,
        }
    )
    imports = 'import module namespace a = "a" at "1"; import module namespace b = "b" at "3"; '
    assert evaluate(imports + "a:f(1), a:f(3, 4), b:g()") == [1, 7, 3]


def test_the_context_item_must_suit_every_module(run):
    evaluate = run({("a", "1"): ITEM})
    for query in (".", "declare context item as xs:integer := 23; ."):
        with pytest.raises(XQueryError) as caught:
            evaluate('import module namespace a = "a"; ' + query, context_item=5)
        assert caught.value.code == "XPTY0004"


def test_a_library_module_needs_a_namespace(run):
    with pytest.raises(XQueryError) as caught:
        run({("a", "1"): 'module namespace a = "";'})('import module namespace a = "a"; 1')
    assert caught.value.code == "XQST0088"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("declare variable $x := $x; 1", "XPST0008"),
        ("declare %private %public variable $x := 1; 1", "XQST0116"),
        ("declare %private %public function local:f() { 1 }; 1", "XQST0106"),
        ('import schema namespace p = ""; 1', "XQST0057"),
        ('import schema namespace xml = "http://u"; 1', "XQST0070"),
        ('import schema namespace p = "http://u"; 1', "XQST0009"),
        ("declare context item external; declare context item external; 1", "XQST0099"),
    ],
)
def test_errors_of_prologs(code, query, expected):
    assert code(query) == expected


def test_pragmas_and_functions_may_have_names_in_braces(evaluate, code):
    assert evaluate("(#Q{}unknown #) { 1 }") == [1]
    assert code("(#Q{}unknown #) { }") == "XQST0079"
    assert evaluate("declare function Q{http://h:1/}f($a) { $a }; let $f := Q{http://h:1/}f#1 return $f(2)") == [2]
