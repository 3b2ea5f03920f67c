"""Depth and size: what is deep or large gives a result, or a clear error within its bounds, and never a crash."""

import time

import pytest

from xquery_bridge.engine import Engine
from xquery_bridge.errors import XQueryError
from xquery_bridge.limits import Limits

LEVELS = 100_000
NESTED = 10_000

#: Recursions that are no tail calls; each ends at 0.
RECURSIONS = {
    "direct": "declare function local:f($n) {{ if ($n eq 0) then 0 else 1 + local:f($n - 1) }}; local:f({})",
    "mutual": "declare function local:e($n) {{ if ($n eq 0) then 0 else 1 + local:o($n - 1) }};"
    "declare function local:o($n) {{ if ($n eq 0) then 0 else 1 + local:e($n - 1) }}; local:e({})",
    "inline": "let $f := function($f, $n) {{ if ($n eq 0) then 0 else 1 + $f($f, $n - 1) }} return $f($f, {})",
    "fold": "declare function local:f($n) {{ fold-left($n[. gt 0], 0, function($a, $b) {{ 1 + local:f($n - 1) }}) }};"
    "local:f({})",
    "try": "declare function local:f($n) {{ if ($n eq 0) then 0 else try {{ 1 + local:f($n - 1) }}"
    " catch err:XPTY0004 {{ 0 }} }};"
    "local:f({})",
}  # fmt: skip
SORTED = (
    "declare function local:f($n) {{"
    " if ($n eq 0) then 0 else sort(1, (), function($a) {{ local:f($n - 1) }}) }}; local:f({})"
)  # fmt: skip
ORDERED = (
    "declare function local:f($n) {{ if ($n eq 0) then 0 else"
    " (for $x in (1, 2) order by (if ($x eq 1) then local:f($n - 1) else 0) return 0)[1] }}; local:f({})"
)


@pytest.fixture(scope="module")
def quick():
    """An engine whose queries have half a second."""
    made = Engine(dialect="3.1", limits=Limits(seconds=0.5))
    yield made
    made.close()


@pytest.mark.parametrize("form", RECURSIONS)
def test_a_hundred_thousand_levels_of_recursion_give_a_result(evaluate, form):
    assert evaluate(RECURSIONS[form].format(LEVELS)) == [LEVELS]


@pytest.mark.parametrize(
    "query",
    [*[RECURSIONS[form] for form in ("direct", "mutual", "inline", "fold")], SORTED, ORDERED],
    ids=["direct", "mutual", "inline", "fold", "sort", "order by"],
)
def test_deeper_recursion_is_an_error_that_says_so(engine, query):
    with pytest.raises(XQueryError) as caught:
        engine.evaluate(query.format(3_000_000))
    assert caught.value.marklogic_code == "XDMP-STACKOVERFLOW"
    assert "too deeply" in caught.value.title
    assert engine.evaluate("1 + 1") == [2]


def test_a_query_may_catch_that_it_is_too_deep(evaluate):
    query = "declare function local:f($n) { 1 + local:f($n + 1) }; try { local:f(0) } catch * { 'caught' }"
    assert evaluate(query) == ["caught"]


@pytest.mark.parametrize(
    "query",
    [
        "declare function local:f($n, $a) { if ($n eq 0) then $a else local:f($n - 1, $a + 1) }; local:f(500000, 0)",
        "declare function local:f($n) { switch ($n) case 0 return 500000 default return typeswitch ($n)"
        " case xs:integer return let $m := $n - 1 return local:f($m) default return () }; local:f(500000)",
    ],
    ids=["if", "switch and typeswitch"],
)
def test_tail_calls_have_no_bound(evaluate, query):
    assert evaluate(query) == [500_000]


def nested(before, inside, after):
    return before * NESTED + inside + after * NESTED


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (nested("(", "1", ")"), [1]),
        ("+".join(["1"] * NESTED), [NESTED]),
        (f"string-length({'||'.join(['''.''']  * NESTED)})".replace(".", "'a'"), [NESTED]),
        (" or ".join(["false()"] * NESTED), [False]),
        (f"count({nested('<a>', '', '</a>')}//a)", [NESTED - 1]),
        (f"array:size({nested('[', '', ']')})", [1]),
        (f"map:size({nested('map{1:', '1', '}')})", [1]),
        ("if (0) then 1 else " * NESTED + "2", [2]),
        ("let $x := 1 return " * NESTED + "$x", [1]),
        (nested("abs(", "1", ")"), [1]),
        ("-" * NESTED + "1", [1]),
        ("1" + "[1]" * NESTED, [1]),
        ("(:" * NESTED + ":)" * NESTED + "1", [1]),
        ("for $x in 1 return " * 500 + "$x", [1]),
        ("some $x in 1 satisfies " * 500 + "true()", [True]),
        ("count(<a/>" + "/a" * 2000 + ")", [0]),
    ],
    ids=["parentheses", "+", "||", "or", "elements", "arrays", "maps", "if", "let", "calls", "-", "predicates",
         "comments", "for", "some", "steps"],
)  # fmt: skip
def test_deep_nesting_in_source_gives_a_result(evaluate, query, expected):
    assert evaluate(query) == expected


@pytest.mark.parametrize("query", ["(" * 100_000 + "1" + ")" * 100_000, "(" * 100_000, "<a>" * 100_000, "[" * 50_000])
def test_source_nested_without_reason_is_refused(code, query):
    assert code(query) == "XPST0003"


DEEP = "<a>" * LEVELS + "x" + "</a>" * LEVELS


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("string-length(serialize($d))", [7 * LEVELS + 1]),
        ("string($d)", ["x"]),
        ("count(<x>{$d}</x>//a)", [LEVELS]),
        ("count($d//a)", [LEVELS]),
        ("count(($d//a)[last()]/ancestor::a)", [LEVELS - 1]),
        ("deep-equal($d, parse-xml($s))", [True]),
    ],
)
def test_a_document_may_be_deep(evaluate, question, expected):
    query = f"declare variable $s external; let $d := parse-xml($s) return {question}"
    assert evaluate(query, variables={"s": DEEP}) == expected


def test_arrays_maps_and_json_may_be_deep(evaluate):
    made = "fold-left(1 to 20000, [], function($a, $b) { [$a] })"
    assert evaluate(f"let $a := {made} return (deep-equal($a, {made}), count(array:flatten($a)))") == [True, 0]
    text = "string-join(((1 to 20000) ! '[', (1 to 20000) ! ']'))"
    assert evaluate(f"string-length(serialize(parse-json({text}), map{{'method': 'json'}}))") == [40_000]


ENTITIES = '<!ENTITY a "aaaaaaaaaa">' + "".join(
    f'<!ENTITY {chr(98 + level)} "{f"&{chr(97 + level)};" * 10}">' for level in range(10)
)


@pytest.mark.parametrize(
    "document",
    [
        f"<!DOCTYPE a [{ENTITIES}]><a>&k;</a>",
        f"<!DOCTYPE a [{ENTITIES}]><a b='&k;'/>",
        f"<!DOCTYPE a [<!ENTITY a '{'a' * 100_000}'>]><a>{'&a;' * 100_000}</a>",
        "<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/hostname'>]><a>&x;</a>",
        "<!DOCTYPE a [<!ENTITY a '&b;'><!ENTITY b '&a;'>]><a>&a;</a>",
    ],
    ids=["nested entities", "in an attribute", "a long entity", "an external entity", "entities of each other"],
)
def test_entity_bombs_and_external_entities_are_refused(engine, document):
    with pytest.raises(XQueryError) as caught:
        engine.evaluate("declare variable $s external; parse-xml($s)", variables={"s": document})
    assert caught.value.code == "FODC0006"


def test_an_external_subset_is_not_read(evaluate):
    document = "<!DOCTYPE a [<!ENTITY % x SYSTEM 'file:///etc/hostname'> %x;]><a>1</a>"
    assert evaluate("declare variable $s external; string(parse-xml($s))", variables={"s": document}) == ["1"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("count(1 to 1000000000000)", [10**12]),
        ("sum(1 to 1000000000000)", [(10**12 + 1) * 10**12 // 2]),
        ("(max(1 to 1000000000000), min(1 to 1000000000000), avg(1 to 1000000000000) * 2)", [10**12, 1, 10**12 + 1]),
        ("(1 to 1000000000000)[last()], reverse(1 to 1000000000000)[1]", [10**12, 10**12]),
        ("head(tail(1 to 1000000000000))", [2]),
        ("sort(reverse(1 to 1000000000000))[2]", [2]),
        ("subsequence(1 to 1000000000000, 1000000000, 2)", [10**9, 10**9 + 1]),
        ("some $x in 1 to 1000000000000 satisfies $x eq 7", [True]),
        ("1 to 1000000000000 = 999999999999", [True]),
        ("deep-equal(1 to 1000000000000, 1 to 1000000000000)", [True]),
    ],
)  # fmt: skip
def test_a_huge_range_is_never_written_out(quick, query, expected):
    assert quick.evaluate(query) == expected


@pytest.mark.parametrize(
    "query",
    [
        "(1 to 10000000000)[. = 5]",
        "(for $x in 1 to 1000000000000 return $x * 2)[3]",
        "every $x in 1 to 1000000000000 satisfies $x gt 0",
        "fold-left(1 to 1000000000000, 0, function($a, $b) { $b })",
        "declare function local:f($n) { local:f($n + 1) }; local:f(0)",
        "analyze-string(string-join((1 to 60) ! 'a') || 'b', '(a|aa)+$')",
        "matches(string-join((1 to 40) ! 'a') || 'b', '^((a|aa)+)+$')",
        "fold-left(1 to 100, 3, function($a, $b) { $a * $a })",
    ],
    ids=["filter", "for", "every", "fold", "recursion", "analyze-string", "matches", "digits"],
)
def test_a_query_ends_at_its_time_limit(quick, query):
    begin = time.monotonic()
    with pytest.raises(XQueryError) as caught:
        quick.evaluate(query)
    assert (caught.value.marklogic_code, caught.value.catchable) == ("XDMP-EXTIME", False)
    assert time.monotonic() - begin < 60


def test_numbers_too_long_for_python_are_errors(code):
    assert code("9" * 5000) == "FOAR0002"
    assert code("count(1 to 99999999999999999999999)") == "FOAR0002"
    assert code("format-integer(fold-left(1 to 3000, 1, function($a, $b) { $a * 1000 }), '0')") == "FOAR0002"


def test_numbers_of_thousands_of_digits_are_rounded_and_written(evaluate):
    query = "let $n := fold-left(1 to 3000, 1, function($a, $b) { $a * 1000 }) return ("
    assert evaluate(query + "round($n + 7, -1) - $n, string-length(string($n)), $n eq 1e0)") == [10, 9001, False]


def test_no_memory_for_all_items_of_a_range_is_an_error_of_the_query(engine):
    with pytest.raises(XQueryError) as caught:
        engine.evaluate("array { 1 to 1000000000000000000 }")
    assert caught.value.marklogic_code == "XDMP-MEMORY"
