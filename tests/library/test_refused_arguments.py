"""Arguments that a parameter does not take: of every function of `cntk:` and `ort:`, at every arity, however called.

No item and two items, and items of another type; where a parameter takes none or several, these are no type error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import pytest
from cntk_arguments import arguments, bindings

from xquery_bridge.engine import Engine
from xquery_bridge.errors import XQueryError
from xquery_bridge.library import tables
from xquery_bridge.library.cntk import TABLE as CNTK
from xquery_bridge.library.ort.functions import ORT
from xquery_bridge.registry import Parameter, Row

_T = TypeVar("_T")

_ENGINE = Engine()

#: How a call is refused, after the line of the query that the error is at.
_PROLOG: Final = """
    declare namespace array = "http://www.w3.org/2005/xpath-functions/array";
    declare option xdmp:mapping "false";
    declare function local:refusal($call as function(*)) as xs:string {
        try { ($call())[fn:false()], "accepted" }
        catch ($e) { $e/error:stack/error:frame[1]/error:line || " " || $e/error:format-string }
    };
    declare function local:refusals($f as function(*), $args as array(*)) as xs:string* {
        for $at in 1 to array:size($args)
        for $wrong in ([], [$args($at), $args($at)])
        let $given := array:put($args, $at, $wrong?*)
        return local:refusal(function() { fn:apply($f, $given) })
    };
"""

#: Cases in one evaluation.
_BATCH: Final = 50

#: Parameter of `ort:` -> a valid argument.
_ORT_ARGUMENTS: Final = {
    "model": 'binary { xs:hexBinary("00") }',
    "options": "map:map()",
    "session": "ort:session($onnx)",
    "index": "0",
    "inputs": "map:map()",
    "data": "(1, 2)",
    "shape": "2",
    "type": '"float"',
    "content": '("a", "b")',
    "value": 'ort:value((1, 2), 2, "float")',
    "values": 'ort:value((1, 2), 2, "float")',
    "key": 'ort:value((1, 2), 2, "int64")',
}
_ONNX: Final = 'let $onnx := cntk:function-save(cntk:abs(cntk:input-variable(cntk:shape(2), "float")))'


def _valid(row: Row) -> list[str]:
    return arguments(row) if row.prefix == "cntk" else [_ORT_ARGUMENTS[parameter.name] for parameter in row.params]


@dataclass(frozen=True)
class _Case:
    """A call with another argument for one of the parameters.

    `given` are expressions of valid arguments, which variables hold; `{0}` in `written` is the variable of this one.
    """

    row: Row
    at: int
    written: str
    given: tuple[str, ...]

    @property
    def parameter(self) -> Parameter:
        return self.row.params[self.at]

    @property
    def allowed(self) -> bool:
        low, high = self.parameter.type.low, self.parameter.type.high
        return (self.written == _NONE and low == 0) or (self.written == _TWO and high is None)

    def call(self, names: Sequence[str]) -> str:
        """The call with the variables of these names for the valid arguments."""
        args = [*names[: self.at], self.written.format(names[self.at]), *names[self.at + 1 :]]
        return f"{self.row.prefix}:{self.row.local}({', '.join(args)})"

    def __str__(self) -> str:
        return f"{self.row.prefix}:{self.row.signature}, ${self.parameter.name}: {self.written}"


_NONE: Final = "()"
_TWO: Final = "({0}, {0})"


def _other_types(parameter: Parameter) -> list[str]:
    kinds = ['xs:date("2000-01-01")']
    if str(parameter.type).startswith(("cntk:", "ort:")):
        kinds.append('"text"')
    elif str(parameter.type).startswith("xs:unsignedLong"):
        kinds.append("-1")
    return kinds if parameter.type.high == 1 else [f"({{0}}, {kind})" for kind in kinds]


def _cases() -> Iterator[_Case]:
    for row in sorted([*CNTK.rows, *ORT.rows], key=lambda row: (row.prefix, row.local, row.arity)):
        given = tuple(_valid(row))
        for at, parameter in enumerate(row.params):
            yield from [_Case(row, at, written, given) for written in (_NONE, _TWO, *_other_types(parameter))]


_CASES: Final = list(_cases())


def _batches(whole: Sequence[_T]) -> list[Sequence[_T]]:
    return [whole[begin : begin + _BATCH] for begin in range(0, len(whole), _BATCH)]


def _refusal(call: str) -> str:
    return f"local:refusal(function() {{ {call} }})"


def _evaluated(given: Iterable[str], write: Callable[[dict[str, str]], list[str]]) -> list[str]:
    """What expressions yield that `write` gives with variables for those given; each stands in a line, from 1 on."""
    held = {text: f"$a{number}" for number, text in enumerate(dict.fromkeys(given))}
    lets = [_ONNX] if any("$onnx" in text for text in held) else []
    lets += [bindings(list(held)).removesuffix("return"), *[f"let {name} := {text}" for text, name in held.items()]]
    clauses = f"{' '.join(lets)} return" if held else ""
    before = re.sub(r"\s+", " ", f"{_PROLOG} {clauses} (")
    return _ENGINE.evaluate(before + ",\n".join(write(held)) + ")")


def _fits(case: _Case, line: int, outcome: str) -> bool:
    if case.allowed:
        return outcome == "accepted" or outcome.startswith((f"{line} XDMP-CNTKERR: ", f"{line} XDMP-ORTERR: "))
    shown = f"${case.parameter.name} as {case.parameter.type}"
    given = r"\(\)" if case.written == _NONE else r"(?!\(\)).+"
    refused = rf"{line} XDMP-AS: \(err:XPTY0004\) {re.escape(shown)} -- Invalid coercion: {given} as "
    return re.match(refused + re.escape(str(case.parameter.type)), outcome, re.DOTALL) is not None


def test_each_wrong_argument_is_refused_by_the_name_of_its_parameter():
    wrong: dict[str, str] = {}
    for batch in _batches(_CASES):

        def calls(held: dict[str, str], batch: Sequence[_Case] = batch) -> list[str]:
            return [_refusal(case.call([held[text] for text in case.given])) for case in batch]

        outcomes = _evaluated([text for case in batch for text in case.given], calls)
        for line, (case, outcome) in enumerate(zip(batch, outcomes, strict=True), 1):
            if not _fits(case, line, outcome):
                wrong[str(case)] = outcome
    assert not wrong


def test_function_items_refuse_as_the_functions_do():
    of_row: dict[Row, list[_Case]] = {}
    for case in _CASES:
        if case.written in (_NONE, _TWO):
            of_row.setdefault(case.row, []).append(case)
    wrong: dict[str, str] = {}
    for batch in _batches(list(of_row)):

        def calls(held: dict[str, str], batch: Sequence[Row] = batch) -> list[str]:
            arrays = [", ".join([held[text] for text in of_row[row][0].given]) for row in batch]
            return [
                f"local:refusals({row.prefix}:{row.local}#{row.arity}, [{array}])"
                for row, array in zip(batch, arrays, strict=True)
            ]

        outcomes = iter(_evaluated([text for row in batch for text in of_row[row][0].given], calls))
        for line, row in enumerate(batch, 1):
            for case in of_row[row]:
                outcome = next(outcomes)
                if not _fits(case, line, outcome):
                    wrong[str(case)] = outcome
    assert not wrong


# ------------------------------------------------------------------------------------------------- all the libraries


def test_a_fixed_argument_of_any_built_in_function_is_refused_by_the_name_of_its_parameter():
    expected: dict[str, list[tuple[str, str]]] = {}
    for row in [row for table in tables() for row in table.rows if row.arity > 1]:
        cases = expected[f"Q{{{row.uri}}}{row.local}#{row.arity}"] = []
        for at, parameter in enumerate(row.params):
            if parameter.type.high == 1 or parameter.type.low:
                given = "()" if parameter.type.low else "(1, 2)"
                args = ", ".join([given if place == at else "?" for place in range(row.arity)])
                refused = f"${parameter.name} as {parameter.type} -- Invalid coercion: {given} as {parameter.type}"
                cases.append((f"$f({args})", f"XDMP-AS: (err:XPTY0004) {refused}"))
    wrong: dict[str, str] = {}
    for batch in _batches(list(expected)):
        refusals = [", ".join([_refusal(call) for call, _ in expected[function]]) for function in batch]
        calls = [f"(let $f := {function} return ({each}))" for function, each in zip(batch, refusals, strict=True)]
        outcomes = iter(_evaluated([], lambda _, calls=calls: calls))
        for function in batch:
            for call, refusal in expected[function]:
                outcome = next(outcomes).partition(" ")[2]
                if outcome != refusal:
                    wrong[f"{function}: {call}"] = outcome
    assert not wrong


@pytest.mark.parametrize(
    ("call", "parameter", "given"),
    [
        ('fn:for-each("x", cntk:abs#1)', "operand as cntk:variable", '"x"'),
        ('fn:for-each-pair("x", "y", cntk:plus#2)', "left-operand as cntk:variable", '"x"'),
        ('fn:fold-left("y", "x", cntk:plus#2)', "left-operand as cntk:variable", '"x"'),
        ('fn:filter("x", cntk:function-is-composite#1)', "model as cntk:function", '"x"'),
        ('fn:sort(("x", "y"), (), fn:abs#1)', "arg as xs:numeric?", '"x"'),
        ('array:for-each(["x"], cntk:abs#1)', "operand as cntk:variable", '"x"'),
        ('fn:apply(fn:substring#2, ["x", "y"])', "start as xs:double", '"y"'),
        ('xdmp:apply(cntk:abs#1, "x")', "operand as cntk:variable", '"x"'),
        ('("x" => (cntk:abs#1)())', "operand as cntk:variable", '"x"'),
        ('fn:function-lookup(xs:QName("cntk:plus"), 2)("x", 1)', "left-operand as cntk:variable", '"x"'),
        ('xdmp:function(xs:QName("cntk:abs"))("x")', "operand as cntk:variable", '"x"'),
        ('(let $f := cntk:plus#2 return $f("x", 1))', "left-operand as cntk:variable", '"x"'),
        ('(let $f := cntk:plus#2 return $f("x", ?))', "left-operand as cntk:variable", '"x"'),
        ("cntk:plus(?, ?)((), 1)", "left-operand as cntk:variable", "()"),
        ('cntk:plus(?, "y")', "right-operand as cntk:variable", '"y"'),
        ('fn:substring(?, "y")', "start as xs:double", '"y"'),
        ("fn:concat(1, (2, 3), ?)", "arg2 as xs:anyAtomicType?", "(2, 3)"),
        (f"fn:concat#40({'1, ' * 39}(2, 3))", "arg as xs:anyAtomicType?", "(2, 3)"),
    ],
)
def test_functions_passed_on_refuse_arguments_by_the_names_of_their_parameters(call, parameter, given):
    type = parameter.partition(" as ")[2]
    refusals = _evaluated([], lambda _: [_refusal(call)])
    assert refusals == [f"1 XDMP-AS: (err:XPTY0004) ${parameter} -- Invalid coercion: {given} as {type}"]


def test_a_fixed_argument_that_cannot_be_cast_is_refused_as_in_a_whole_call():
    start = 'xs:untypedAtomic("y")'
    whole, part = [_refusal(f"fn:substring({first}, {start})") for first in ('"x"', "?")]
    one, other = _evaluated([], lambda _: [whole, part])
    assert one.partition(" ")[2] == other.partition(" ")[2]
    assert "$start as xs:double -- " in other


def test_a_function_of_the_query_with_the_name_of_a_built_in_one_keeps_its_own_parameters():
    query = "declare function cntk:plus($a as xs:integer, $b) { $a }; cntk:plus((), ?)"
    with pytest.raises(XQueryError) as caught:
        _ENGINE.evaluate(query)
    assert "operand" not in caught.value.format_string
