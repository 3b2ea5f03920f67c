"""Every `cntk:` function at every arity, from the table: valid arguments, options, mapping.

Arguments of wrong types, and too few or too many items, are in `test_refused_arguments`.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from cntk_arguments import arguments, bindings

from xquery_bridge.engine import Engine
from xquery_bridge.errors import XQueryError
from xquery_bridge.library.cntk import TABLE
from xquery_bridge.registry import Parameter, Row

_ENGINE = Engine()
_STRICT = 'declare option xdmp:mapping "false"; '

_ROWS: dict[str, list[Row]] = {}
for _row in sorted(TABLE.rows, key=lambda row: (row.local, row.arity)):
    _ROWS.setdefault(_row.local, []).append(_row)
_LONGEST = {name: rows[-1] for name, rows in _ROWS.items()}
_EACH = pytest.mark.parametrize("name", sorted(_ROWS))


def _evaluate(prolog: str, expressions: Sequence[str]) -> list[object]:
    return _ENGINE.evaluate(f"{prolog}{bindings(expressions)} ({', '.join(expressions)})")


def _refusal(call: str) -> str:
    """An expression for how a call is refused."""
    return f'try {{ ({call})[fn:false()], "accepted" }} catch ($e) {{ fn:string($e/error:format-string) }}'


def _call(name: str, given: Sequence[str]) -> str:
    return f"cntk:{name}({', '.join(given)})"


# ---------------------------------------------------------------------------------------------------- right arguments


@_EACH
def test_valid_arguments_give_the_declared_type_at_every_arity(name):
    calls = [f"({_call(name, arguments(row))}) instance of {row.result}" for row in _ROWS[name]]
    assert _evaluate(_STRICT, calls) == [True] * len(calls)


@_EACH
def test_a_function_is_found_applied_in_part_and_called_with_an_arrow(name):
    row = _LONGEST[name]
    given = arguments(row)
    found = f'fn:function-lookup(xs:QName("cntk:{name}"), {row.arity})'
    checks = [f"({found}({', '.join(given)})) instance of {row.result}", f"fn:function-arity({found}) eq {row.arity}"]
    if given:
        first, rest = given[0], given[1:]
        part = _call(name, ["?", *rest])
        checks += [
            f"({part}({first})) instance of {row.result}",
            f"({first} => {_call(name, rest)}) instance of {row.result}",
            f"(fn:apply({_call(name, ['?'] * len(given))}, [{', '.join(given)}])) instance of {row.result}",
        ]
        if _takes_one(row.params[0]):
            checks.append(f"fn:count(fn:for-each(({first}), {part})) eq fn:count({_call(name, given)})")
    assert _evaluate(_STRICT, checks) == [True] * len(checks)


def _takes_one(parameter: Parameter) -> bool:
    return parameter.type.low == parameter.type.high == 1


def test_every_arity_is_found_by_name_and_no_other():
    lookups = [
        f'fn:exists(fn:function-lookup(xs:QName("cntk:{name}"), {arity}))'
        for name, rows in _ROWS.items()
        for arity in range(rows[0].arity - 1, rows[-1].arity + 2)
        if arity >= 0
    ]
    expected = [
        any(row.arity == arity for row in rows)
        for rows in _ROWS.values()
        for arity in range(rows[0].arity - 1, rows[-1].arity + 2)
        if arity >= 0
    ]
    assert _evaluate("", lookups) == expected


# ---------------------------------------------------------------------------------------------------- wrong arguments


@_EACH
def test_another_number_of_arguments_is_an_undefined_function(name):
    rows = _ROWS[name]
    for arity in (rows[0].arity - 1, rows[-1].arity + 1):
        if arity >= 0:
            with pytest.raises(XQueryError) as caught:
                _ENGINE.evaluate(_call(name, ["()"] * arity))
            assert (caught.value.code, caught.value.marklogic_code) == ("XPST0017", "XDMP-UNDFUN")
            assert f"cntk:{name}() with {arity} argument" in caught.value.title


_WITH_OPTIONS = sorted(name for name, row in _LONGEST.items() if row.extra["options"])


@pytest.mark.parametrize("name", _WITH_OPTIONS)
def test_unknown_options_and_values_of_another_kind_are_refused_with_the_options_there_are(name):
    row = _LONGEST[name]
    given = arguments(row)
    at = next(place for place, parameter in enumerate(row.params) if str(parameter.type) == "map:map")
    table = row.extra["options"]
    keys = ["no-such-option", *[key for option in table for key in option.keys]]
    calls = [
        _refusal(_call(name, [*given[:at], f'map:map() => map:with("{key}", xs:date("2000-01-01"))', *given[at + 1 :]]))
        for key in keys
    ]
    unknown, *unfit = _evaluate(_STRICT, calls)
    listed = f"the options are {', '.join(' or '.join(option.keys) for option in table)}"
    assert unknown == f'XDMP-CNTKERR: (err:FOER0000) cntk:{name}: "no-such-option" is not an option; {listed}.'
    for key, text in zip(keys[1:], unfit, strict=True):
        assert text.startswith("XDMP-AS: (err:XPTY0004) "), text
        assert f' -- cntk:{name}: the option "{key}" takes ' in text
        assert text.endswith(f", xs:date came; {listed}")


# ------------------------------------------------------------------------------------------------------------ mapping


@_EACH
def test_mapping_calls_once_for_each_item_and_never_for_none(name):
    row = _LONGEST[name]
    given = arguments(row)
    places = [at for at, parameter in enumerate(row.params) if _takes_one(parameter)]
    counts = [f"fn:count({_call(name, given)})"]
    for at in places:
        for mapped in ("()", f"({given[at]}, {given[at]})"):
            counts.append(f"fn:count({_call(name, [*given[:at], mapped, *given[at + 1 :]])})")
    if places:
        once, *found = _evaluate("", counts)
        assert found == [0, 2 * once] * len(places)
