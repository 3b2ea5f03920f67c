"""The table of the standard functions: every one of F&O 3.1 is there, with a signature that can be read."""

from collections.abc import Callable
from typing import Any

import pytest

from xquery_bridge.library import tables
from xquery_bridge.registry import Registry
from xquery_bridge.runtime.atomic import ATOMIC_TYPES

FN = "http://www.w3.org/2005/xpath-functions"

#: name: numbers of arguments (F&O 3.1, appendix D)
FUNCTIONS = {
    FN: """
    QName:2 abs:1 adjust-date-to-timezone:1,2 adjust-dateTime-to-timezone:1,2 adjust-time-to-timezone:1,2
    analyze-string:2,3 apply:2 available-environment-variables:0 avg:1 base-uri:0,1 boolean:1 ceiling:1
    codepoint-equal:2 codepoints-to-string:1 collation-key:1,2 collection:0,1 compare:2,3 concat:2,3,9
    contains:2,3 contains-token:2,3 count:1 current-date:0 current-dateTime:0 current-time:0 data:0,1 dateTime:2
    day-from-date:1 day-from-dateTime:1 days-from-duration:1 deep-equal:2,3 default-collation:0
    default-language:0 distinct-values:1,2 doc:1 doc-available:1 document-uri:0,1 element-with-id:1,2 empty:1
    encode-for-uri:1 ends-with:2,3 environment-variable:1 error:0,1,2,3 escape-html-uri:1 exactly-one:1 exists:1
    false:0 filter:2 floor:1 fold-left:3 fold-right:3 for-each:2 for-each-pair:3 format-date:2,5
    format-dateTime:2,5 format-integer:2,3 format-number:2,3 format-time:2,5 function-arity:1 function-lookup:2
    function-name:1 generate-id:0,1 has-children:0,1 head:1 hours-from-dateTime:1 hours-from-duration:1
    hours-from-time:1 id:1,2 idref:1,2 implicit-timezone:0 in-scope-prefixes:1 index-of:2,3 innermost:1
    insert-before:3 iri-to-uri:1 json-doc:1,2 json-to-xml:1,2 lang:1,2 last:0 load-xquery-module:1,2
    local-name:0,1 local-name-from-QName:1 lower-case:1 matches:2,3 max:1,2 min:1,2 minutes-from-dateTime:1
    minutes-from-duration:1 minutes-from-time:1 month-from-date:1 month-from-dateTime:1 months-from-duration:1
    name:0,1 namespace-uri:0,1 namespace-uri-for-prefix:2 namespace-uri-from-QName:1 nilled:0,1 node-name:0,1
    normalize-space:0,1 normalize-unicode:1,2 not:1 number:0,1 one-or-more:1 outermost:1 parse-ietf-date:1
    parse-json:1,2 parse-xml:1 parse-xml-fragment:1 path:0,1 position:0 prefix-from-QName:1
    random-number-generator:0,1 remove:2 replace:3,4 resolve-QName:2 resolve-uri:1,2 reverse:1 root:0,1
    round:1,2 round-half-to-even:1,2 seconds-from-dateTime:1 seconds-from-duration:1 seconds-from-time:1
    serialize:1,2 sort:1,2,3 starts-with:2,3 static-base-uri:0 string:0,1 string-join:1,2 string-length:0,1
    string-to-codepoints:1 subsequence:2,3 substring:2,3 substring-after:2,3 substring-before:2,3 sum:1,2 tail:1
    timezone-from-date:1 timezone-from-dateTime:1 timezone-from-time:1 tokenize:1,2,3 trace:1,2 transform:1
    translate:3 true:0 unordered:1 unparsed-text:1,2 unparsed-text-available:1,2 unparsed-text-lines:1,2
    upper-case:1 uri-collection:0,1 xml-to-json:1,2 year-from-date:1 year-from-dateTime:1 years-from-duration:1
    zero-or-one:1""",
    f"{FN}/math": "acos:1 asin:1 atan:1 atan2:2 cos:1 exp:1 exp10:1 log:1 log10:1 pi:0 pow:2 sin:1 sqrt:1 tan:1",
    f"{FN}/map": "contains:2 entry:2 find:2 for-each:2 get:2 keys:1 merge:1,2 put:3 remove:2 size:1",
    f"{FN}/array": "append:2 filter:2 flatten:1 fold-left:3 fold-right:3 for-each:2 for-each-pair:3 get:2 head:1"
    " insert-before:3 join:1 put:3 remove:2 reverse:1 size:1 sort:1,2,3 subarray:2,3 tail:1",
    "http://www.w3.org/2001/XMLSchema": " ".join(
        f"{row.name}:1" for row in ATOMIC_TYPES if row.name not in ("anyAtomicType", "NOTATION")
    ),
}
CALLS = [
    (uri, name, int(arity))
    for uri, names in FUNCTIONS.items()
    for entry in names.split()
    for name, _, arities in [entry.partition(":")]
    for arity in arities.split(",")
]


def test_every_function_is_there() -> None:
    registry = Registry(tables())
    missing = [call for call in CALLS if registry.lookup(*call) is None]
    assert missing == []


def test_every_signature_can_be_read_and_every_function_says_what_it_does() -> None:
    for table in tables():
        for row in table.rows:
            assert len(row.params) == row.arity
            assert str(row.result)
            assert row.summary, row.signature


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (
            "xs:short('7'), xs:NMTOKENS('a b') ! string(), string((xs:date#1)('2020-01-01'))",
            [7, "a", "b", "2020-01-01"],
        ),
        ("count(xs:error(())), xs:QName('xs:int') eq QName('http://www.w3.org/2001/XMLSchema', 'int')", [0, True]),
        (
            "math:pow(-8, 1e0 div 3) ne 0, math:pow(0, -1), math:log(0), math:sqrt(4), math:exp(1000)",
            [True, float("inf"), float("-inf"), 2.0, float("inf")],
        ),
        ("array:size(array:join(([1, 2], [(3, 4)]))), array:flatten([1, [2, (3, 4)]])", [3, 1, 2, 3, 4]),
        (
            "array:subarray([1, 2, 3], 2, 2)?*, array:sort([3, 1, 2])?*, array:remove([1, 2, 3], (1, 3))?*",
            [2, 3, 1, 2, 3, 2],
        ),
        (
            "map:merge((map{1: 'a'}, map{1: 'b'}), map{'duplicates': 'combine'})?1, map:size(map:put(map{}, 1, 2))",
            ["a", "b", 1],
        ),
        (
            "map:for-each(map{1: 2}, function($k, $v) { $k + $v }), array:size(map:find([map{1: 2}, [map{1: 3}]], 1))",
            [3, 2],
        ),
        (
            "hours-from-duration(xs:dayTimeDuration('-PT26H')), seconds-from-time(xs:time('00:00:01.50')) ! string()",
            [-2, "1.5"],
        ),
        ("string(dateTime(xs:date('2020-02-29'), xs:time('01:00:00Z')))", ["2020-02-29T01:00:00Z"]),
        (
            "string(adjust-date-to-timezone(xs:date('2002-03-07-07:00'), xs:dayTimeDuration('-PT10H')))",
            ["2002-03-06-10:00"],
        ),
        ("string(adjust-time-to-timezone(xs:time('10:00:00-07:00'), ()))", ["10:00:00"]),
    ],
)
def test_examples(standard: Callable[[str], list[Any]], query: str, expected: list[Any]) -> None:
    assert standard(query) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("[1](2)", "FOAY0001"),
        ("array:subarray([1], 1, -1)", "FOAY0002"),
        ("array:head([])", "FOAY0001"),
        ("map:merge((map{1: 1}, map{1: 2}), map{'duplicates': 'reject'})", "FOJS0003"),
        ("map:merge((), map{'duplicates': 'some'})", "FOJS0005"),
        ("dateTime(xs:date('2020-01-01Z'), xs:time('01:00:00+01:00'))", "FORG0008"),
        ("adjust-date-to-timezone(current-date(), xs:dayTimeDuration('PT15H'))", "FODT0003"),
        ("xs:error(1)", "FORG0001"),
    ],
)
def test_errors(code: Callable[[str], str], query: str, expected: str) -> None:
    assert code(query) == expected
