"""xdmp: and math: functions on values, and what the service says of itself (xquery-1.0-ml.md, section 10)."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xquery_bridge.engine import Engine

from .conftest import Fail, Run


@pytest.mark.parametrize(
    ("query", "result"),
    [
        ("xdmp:type(1), xdmp:type(xs:short(1)), xdmp:type('a'), xdmp:type(1.5)",
         ["integer", "short", "string", "decimal"]),
        ("xdmp:integer-to-hex(255), xdmp:hex-to-integer('ff')", ["ff", "255"]),
        ("xdmp:integer-to-octal(8), xdmp:integer-to-binary(5)", ["10", "101"]),
        ("xdmp:md5('a')", ["0cc175b9c0f1b6a831c399e269772661"]),
        ("xdmp:sha1('a')", ["86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"]),
        ("xdmp:base64-encode('hé')", ["aMOp"]),
        ("xdmp:base64-decode('aMOp')", ["hé"]),
        ("xdmp:key-from-QName(fn:QName('u', 'a:b')), xdmp:key-from-QName(xs:QName('b'))", ["{u}b", "b"]),
        ("xdmp:random(0)", ["0"]),
        ("xdmp:binary-size(binary { 'ABCD' }), xs:hexBinary(xdmp:subbinary(binary { 'ABCDEF' }, 2, 1))", ["2", "CD"]),
        ("xdmp:uri-format('/a.json'), xdmp:uri-format('/a.xml'), xdmp:uri-format('/a.txt'), xdmp:uri-format('/a')",
         ["json", "xml", "text", "binary"]),
        ("xdmp:uri-content-type('/a.json'), xdmp:uri-content-type('/a.xml')", ["application/json", "application/xml"]),
        ("xdmp:parse-dateTime('[Y0001]-[M01]-[D01]', '2020-01-02')", ["2020-01-02T00:00:00"]),
        ("xdmp:parse-dateTime('[D1] [MNn] [Y] [h]:[m01] [P]', '2 January 2020 3:04 pm')", ["2020-01-02T15:04:00"]),
        ("xdmp:parse-dateTime('[Y0001][M01][D01]T[H01][m01][s01].[f001][Z]', '20200102T030405.678+01:00')",
         ["2020-01-02T03:04:05.678+01:00"]),
        ("xdmp:elapsed-time() instance of xs:dayTimeDuration", ["true"]),
        ("xdmp:get-request-field('x', 'default')", ["default"]),
        ("xdmp:version()", ["10.0-9.5"]),
        ("xdmp:database-name(xdmp:database()), xdmp:databases() = xdmp:database()", ["Documents", "true"]),
        ("xdmp:server(xdmp:server-name(xdmp:server())) = xdmp:servers()", ["true"]),
        ("fn:count(xdmp:transaction-locks()/*)", ["3"]),
        ("xdmp:has-privilege('p', 'execute')", ["true"]),
        ("xdmp:log('x'), xdmp:trace('e', 'x'), xdmp:sleep(1), xdmp:set-request-time-limit(10)", []),
        ("dbg:connected(), dbg:stopped()", []),
    ],
)  # fmt: skip
def test_functions(run: Run, query: str, result: list[str]) -> None:
    assert run(query) == result


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("xdmp:database('none')", "XDMP-NOSUCHDB"),
        ("xdmp:server('none')", "XDMP-NOSUCHSERVER"),
        ("xdmp:parse-dateTime('[Y0001]', 'x')", "XDMP-DATETIME"),
        ("xdmp:parse-dateTime('[Y0001]-[M01]', '2020-13')", "XDMP-DATETIME"),
        ("xdmp:base64-decode('*')", "XDMP-BASE64"),
        ("xdmp:log('x', 'loud')", "XDMP-ARG"),
        ("math:percentile((1, 2), 3)", "XDMP-ARG"),
    ],
)
def test_what_does_not_fit(fail: Fail, query: str, code: str) -> None:
    assert fail(query).marklogic_code == code


@pytest.mark.parametrize(
    ("query", "result"),
    [
        ("math:sqrt(4), math:pow(2, 10), math:fabs(-1.5)", [2.0, 1024.0, 1.5]),
        ("math:exp(0), math:log(1), math:log10(1000)", [1.0, 0.0, 3.0]),
        ("math:sqrt(-1), math:log(0)", [math.nan, -math.inf]),
        ("math:ceil(1.2), math:floor(-1.2), math:fmod(-7, 3)", [2.0, -2.0, -1.0]),
        ("math:trunc(1.567e0, 1), math:trunc(-1.5e0)", [1.5, -1.0]),
        ("math:atan2(1, 1) * 4 - math:pi()", [0.0]),
        ("math:median((1, 3, 2, 10))", [2.5]),
        ("math:variance((1, 2, 3)), math:variance-p((1, 2, 3)), math:stddev((1, 2, 3))", [1.0, 2 / 3, 1.0]),
        ("math:percentile((1, 2, 3, 4), (0, 0.4, 1))", [1.0, 2.2, 4.0]),
        ("math:mode((1, 2, 2, 3)), math:rank((1, 5, 9), 5), math:percent-rank((1, 5, 9), 5)", [2, 2, 0.5]),
        ("math:correlation((json:to-array((1, 2)), json:to-array((2, 4)), json:to-array((3, 6))))", [1.0]),
        ("math:covariance((json:to-array((1, 2)), json:to-array((3, 6))))", [4.0]),
        ("math:ldexp(math:frexp(10)[1], math:frexp(10)[2]), math:modf(1.5)", [10.0, 0.5, 1.0]),
        ("math:variance(1), math:median(())", []),
    ],
)
def test_mathematics(engine: Engine, query: str, result: list[float]) -> None:
    assert engine.evaluate(query) == pytest.approx(result, nan_ok=True)


_ENGINE = Engine()
_OF_64 = "declare variable $x external; declare variable $y external;"


@settings(max_examples=25)
@given(x=st.integers(0, 2**64 - 1), y=st.integers(0, 2**64 - 1))
def test_arithmetic_of_64_bits(x: int, y: int) -> None:
    query = f"{_OF_64} xdmp:add64($x, $y), xdmp:mul64($x, $y), xdmp:xor64($x, $y), xdmp:not64($x)"
    assert _ENGINE.evaluate(query, {"x": x, "y": y}) == [(x + y) % 2**64, x * y % 2**64, x ^ y, 2**64 - 1 - x]


@settings(max_examples=25)
@given(number=st.integers(0, 2**70))
def test_numbers_in_other_bases_come_back(number: int) -> None:
    query = "declare variable $n as xs:integer external; xdmp:hex-to-integer(xdmp:integer-to-hex($n))"
    assert _ENGINE.evaluate(query, {"n": number}) == [number]


@pytest.mark.parametrize(
    "call",
    ["xdmp:document-set-property('/a', <p/>)", "xdmp:xslt-eval(<a/>, <b/>)", "xdmp:tidy('<p>')",
     "xdmp:document-get('/etc/hosts')", "xdmp:commit()"],
)  # fmt: skip
def test_functions_that_are_refused_say_why(fail: Fail, call: str) -> None:
    error = fail(call)
    assert error.marklogic_code == "XDMP-NOTSUPPORTED"
    assert error.expression == call.partition("(")[0]
    assert len(error.title.split()) > 3
