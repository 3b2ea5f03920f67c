"""fn:load-xquery-module: what a module gives, and what is refused."""

from collections.abc import Iterator

import pytest

from xquery_bridge import Engine, XQueryError

MODULES = {
    "m": """module namespace m = 'm'; declare variable $m:given as xs:integer external; declare variable $m:two := 2;
        declare %private variable $m:hidden := 3; declare function m:plus($x) { $x + $m:given };
        declare function m:plus($x, $y) { $x + $y };""",
    "bad": "module namespace b = 'bad'; declare function b:f() {",
    "failing": "module namespace f = 'failing'; declare variable $f:v := 1 div 0;",
}


@pytest.fixture(scope="module", params=["3.1", "1.0-ml"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    made = Engine(
        dialect=request.param, modules=lambda uri, hints, base: [(uri, MODULES[uri])] if uri in MODULES else []
    )
    yield made
    made.close()


LOAD = "let $m := fn:load-xquery-module('m', map{'variables': map{fn:QName('m', 'given'): 40}}) return "


def test_public_variables_and_functions(engine: Engine) -> None:
    names = "for $q in map:keys($m?variables) order by string($q) return string($q)"
    if engine.dialect == "3.1":
        assert engine.evaluate(LOAD + names) == ["given", "two"]
    assert engine.evaluate(
        LOAD + "$m('functions')(fn:QName('m', 'plus'))(1)($m('variables')(fn:QName('m', 'two')))"
    ) == [42]
    assert engine.evaluate(LOAD + "$m('functions')(fn:QName('m', 'plus'))(2)(1, 2)") == [3]


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ("fn:load-xquery-module('')", "FOQM0001"),
        ("fn:load-xquery-module('none')", "FOQM0002"),
        ("fn:load-xquery-module('bad')", "FOQM0003"),
        ("fn:load-xquery-module('failing')", "FOAR0001"),
        ("fn:load-xquery-module('m')", "XPDY0002"),
        ("fn:load-xquery-module('m', map{'variables': map{fn:QName('m', 'given'): 'x'}})", "FOQM0005"),
        ("fn:load-xquery-module('m', map{'variables': map{'given': 1}})", "XPTY0004"),
        ("fn:load-xquery-module('m', map{'xquery-version': 9.0})", "FOQM0006"),
    ],
)
def test_refusals(engine: Engine, call: str, code: str) -> None:
    with pytest.raises(XQueryError) as raised:
        engine.evaluate(call)
    assert raised.value.code == code
