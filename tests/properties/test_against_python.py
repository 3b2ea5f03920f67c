"""What Python's own numbers, dates, dictionaries, JSON and regular expressions say, where the rules agree."""

import datetime
import itertools
import json
import math
import re
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

INTEGERS = st.integers(-(10**30), 10**30) | st.integers(-20, 20)
DECIMALS = st.decimals(-(10**12), 10**12, places=6, allow_nan=False) | st.decimals(-9, 9, places=2, allow_nan=False)
DOUBLES = st.floats(allow_nan=False, allow_infinity=False)
#: Characters of XML, with some beyond the first 65,536.
TEXTS = st.text(st.sampled_from("abcAB 019,.-éß\u0301𝄞😀<&>'\"\n\t"), max_size=12)
DATES = st.datetimes(datetime.datetime(1, 1, 1), datetime.datetime(9999, 1, 1))


@pytest.fixture(scope="session")
def run(evaluate):
    """Evaluate with the variables $a, $b … of the values given."""

    def given_values(query, *values):
        names = "abcd"[: len(values)]
        head = "".join(f"declare variable ${name} external; " for name in names)
        return evaluate(head + query, variables=dict(zip(names, values, strict=True)))

    return given_values


# -------------------------------------------------------------------------------------------------------------- numbers


@given(INTEGERS, INTEGERS)
def test_integers_are_those_of_mathematics(run, a, b):
    assert run("$a + $b, $a - $b, $a * $b, abs($a), -$a", a, b) == [a + b, a - b, a * b, abs(a), -a]
    assert run("$a lt $b, $a eq $b, $a ge $b, ($a, $b) = $a", a, b) == [a < b, a == b, a >= b, True]
    assume(b != 0)
    quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
    assert run("$a idiv $b, $a mod $b", a, b) == [quotient, a - quotient * b]


@given(DECIMALS, DECIMALS)
def test_decimals_are_exact(run, a, b):
    with localcontext(prec=200):
        wanted = [a + b, a - b, a * b]
        assert run("$a + $b, $a - $b, $a * $b", a, b) == wanted
        assert run("$a lt $b, $a eq $b, $a le $b", a, b) == [a < b, a == b, a <= b]
        assume(b != 0)
        [quotient, whole, rest] = run("$a div $b, $a idiv $b, $a mod $b", a, b)
        assert abs(Fraction(quotient) - Fraction(a) / Fraction(b)) <= Fraction(1, 10**18)
        assert whole == math.trunc(Fraction(a) / Fraction(b))
        assert Fraction(rest) == Fraction(a) - whole * Fraction(b)


@given(DECIMALS, st.integers(-4, 6))
def test_rounding_is_that_of_decimal(run, a, digits):
    with localcontext(prec=100):
        unit = Decimal(1).scaleb(-digits)
        half_up = a.quantize(unit, ROUND_HALF_UP if a > 0 else ROUND_HALF_DOWN)
        half_even = a.quantize(unit, ROUND_HALF_EVEN)
        assert run("round($a, $b), round-half-to-even($a, $b)", a, digits) == [half_up, half_even]
        zeros = run("($a * 0, round($a, $b), floor($a), ceiling($a))[. = 0] ! (1 div xs:double(.))", a, digits)
        assert set(zeros) == {math.inf}, "there is no negative zero among decimals"
        assert run("floor($a), ceiling($a)", a) == [
            a.quantize(Decimal(1), ROUND_FLOOR),
            a.quantize(Decimal(1), ROUND_CEILING),
        ]


@given(DOUBLES, DOUBLES)
def test_doubles_are_those_of_ieee_754(run, a, b):
    with_signs = [math.copysign(1, each) if each == 0 else each for each in run("$a + $b, $a - $b, $a * $b", a, b)]
    assert with_signs == [math.copysign(1, each) if each == 0 else each for each in (a + b, a - b, a * b)]
    assert run("$a lt $b, $a eq $b, $a ge $b, max(($a, $b)), min(($a, $b))", a, b) == [
        a < b, a == b, a >= b, max(a, b), min(a, b),
    ]  # fmt: skip
    assert run("xs:double(string($a))", a) == [a]
    assert run("xs:decimal($a) eq $b", a, Decimal(a)) == [True]
    assume(b != 0 and abs(a / b) < 1e15)
    assert run("$a mod $b", a, b) == [math.fmod(a, b)]


@given(st.lists(INTEGERS, max_size=8))
def test_sums_extremes_and_order_of_integers(run, values):
    assert run("sum($a), count($a), sort($a), reverse($a)", values) == [
        sum(values), len(values), *sorted(values), *values[::-1],
    ]  # fmt: skip
    assert run("max($a), min($a), avg($a) * count($a) - sum($a) lt 0.000001", values) == (
        [max(values), min(values), True] if values else []
    )
    assert run("distinct-values($a)", values) == list(dict.fromkeys(values))


# ---------------------------------------------------------------------------------------------------------------- dates


@given(DATES, st.integers(-(10**9), 10**9))
def test_adding_seconds_to_a_date_and_time(run, moment, seconds):
    try:
        later = moment + datetime.timedelta(seconds=seconds)
    except OverflowError:
        assume(False)
    assume(later.year < 10000)
    query = (
        "let $d := $b * xs:dayTimeDuration('PT1S')"
        " return (string(xs:dateTime($a) + $d), xs:dateTime($c) - xs:dateTime($a) eq $d)"
    )
    found = run(query, moment.isoformat(), seconds, later.isoformat())
    assert datetime.datetime.fromisoformat(found[0]) == later
    assert found[1] is True
    assert run("xs:dateTime($a) lt xs:dateTime($b)", moment.isoformat(), later.isoformat()) == [moment < later]


@given(DATES, st.integers(-5000, 5000))
def test_adding_months_keeps_the_day_or_takes_the_last_one(run, moment, months):
    count = moment.year * 12 + moment.month - 1 + months
    year, month = divmod(count, 12)
    assume(1 <= year <= 9998)
    last = (datetime.date(year + month // 11, (month + 1) % 12 + 1, 1) - datetime.timedelta(1)).day
    wanted = datetime.date(year, month + 1, min(moment.day, last))
    query = "string(xs:date($a) + $b * xs:yearMonthDuration('P1M'))"
    assert run(query, moment.date().isoformat(), months) == [wanted.isoformat()]


# -------------------------------------------------------------------------------------------------------------- strings


@given(TEXTS, st.integers(-2, 14), st.integers(-2, 14))
def test_strings_are_sequences_of_characters(run, text, start, length):
    kept = "".join(c for at, c in enumerate(text, 1) if start <= at < start + length)
    assert run("string-length($a), substring($a, $b, $c), substring($a, $b)", text, start, length) == [
        len(text), kept, text[max(start - 1, 0) :],
    ]  # fmt: skip
    assert run("string-to-codepoints($a)", text) == [ord(c) for c in text]
    assert run("codepoints-to-string(reverse(string-to-codepoints($a)))", text) == [text[::-1]]


@given(TEXTS, st.text(st.sampled_from("abA ,𝄞é"), max_size=2), st.text(st.sampled_from("xy😀"), max_size=3))
def test_searching_and_replacing_text(run, text, part, other):
    before, found, after = text.partition(part) if part else ("", "", text)
    assert run("contains($a, $b), starts-with($a, $b), ends-with($a, $b)", text, part) == [
        part in text, text.startswith(part), text.endswith(part),
    ]  # fmt: skip
    assert run("substring-before($a, $b), substring-after($a, $b)", text, part) == [
        before if found else "",
        after if found or not part else "",
    ]
    table = {ord(c): other[at] if at < len(other) else None for at, c in reversed(list(enumerate(part)))}
    assert run("translate($a, $b, $c)", text, part, other) == [text.translate(table)]
    assert run("string-join($a, $b)", list(text), part) == [part.join(text)]
    assert run("normalize-space($a)", text) == [" ".join(text.split())]
    assert run("compare($a, $b)", text, part) == [(text > part) - (text < part)]
    assume(part)
    assert run("replace($a, $b, $c, 'q')", text, part, other) == [text.replace(part, other)]
    if text:
        assert run("tokenize($a, $b, 'q')", text, part) == text.split(part)


#: Regular expressions that mean the same in both languages, none of which matches the empty string.
PATTERNS = [
    "a", "[a-c]", "[^a]", "a+", "a+?", "(a|b)+", "(ab)|c", "^a", "b$", "a.c", "[0-9]{2}", "(a)(b)?", r"\.", r"\d+",
    "[𝄞😀]", "é|ß", r"a{1,2}b*", "(a(b(c)))", r"(.)\1", r"[\-,]", "x|[^b]c", "A",
]  # fmt: skip
SUBJECTS = st.text(st.sampled_from("aabbccA019,.-é𝄞😀\n"), max_size=14)


@settings(max_examples=80)
@given(st.sampled_from(PATTERNS), SUBJECTS)
def test_regular_expressions_match_as_pythons(run, pattern, text):
    in_python = re.compile(pattern[:-1] + r"\Z" if pattern.endswith("$") else pattern)
    matches = [match.span() for match in in_python.finditer(text)]
    assert run("matches($a, $b)", text, pattern) == [bool(matches)]
    assert run("replace($a, $b, '<$0>')", text, pattern) == [in_python.sub(lambda match: f"<{match[0]}>", text)]
    pieces = [text[end:begin] for end, begin in itertools.pairwise([0, *itertools.chain(*matches), len(text)])][::2]
    assert run("tokenize($a, $b)", text, pattern) == (pieces if text else [])
    assert run("string-join(analyze-string($a, $b)/*/string())", text, pattern) == [text]
    assert run("analyze-string($a, $b)/*:match/string()", text, pattern) == [text[begin:end] for begin, end in matches]


# ------------------------------------------------------------------------------------ sequences, grouping, maps, arrays

PAIRS = st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 99)), max_size=10)


@given(PAIRS)
def test_grouping_is_a_dictionary_of_lists(run, pairs):
    groups: dict[int, list[int]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    query = "for $k at $i in $a let $v := $b[$i] group by $k order by $k return ($k, count($v), $v)"
    wanted = [part for key in sorted(groups) for part in (key, len(groups[key]), *groups[key])]
    assert run(query, [key for key, _ in pairs], [value for _, value in pairs]) == wanted


@given(PAIRS, st.booleans())
def test_ordering_is_stable(run, pairs, descending):
    query = f"for $k at $i in $a stable order by $k {'descending' if descending else ''} return $b[$i]"
    ordered = sorted(pairs, key=lambda pair: -pair[0] if descending else pair[0])
    keys, values = [key for key, _ in pairs], [value for _, value in pairs]
    assert run(query, keys, values) == [value for _, value in ordered]
    if not descending:
        query = "sort(1 to count($a), (), function($i) { $a[$i] }) ! (let $i := . return $b[$i])"
        assert run(query, keys, values) == [value for _, value in ordered]


@given(PAIRS, PAIRS)
def test_joins_are_nested_loops(run, left, right):
    query = (
        "for $x at $i in $a for $y at $j in $b where $x eq $y return ($i, $j), "
        "count($a[. = $b]), some $x in $a satisfies $x = $b"
    )
    one, other = [key for key, _ in left], [key for key, _ in right]
    wanted = [at for i, x in enumerate(one, 1) for j, y in enumerate(other, 1) if x == y for at in (i, j)]
    assert run(query, one, other) == [*wanted, sum(x in other for x in one), any(x in other for x in one)]


@given(PAIRS, st.integers(-3, 3))
def test_maps_are_dictionaries(run, pairs, key):
    made = "map:merge(for $k at $i in $a return map:entry($k, $b[$i]), map { 'duplicates': 'use-last' })"
    wanted = dict(pairs)
    keys, values = [k for k, _ in pairs], [v for _, v in pairs]
    query = f"let $m := {made} return (map:size($m), sort(map:keys($m)), count($m?*), map:contains($m, $c), $m($c))"
    has = [wanted[key]] if key in wanted else []
    assert run(query, keys, values, key) == [len(wanted), *sorted(wanted), len(wanted), key in wanted, *has]
    query = (
        f"let $m := {made} return (deep-equal(map:remove(map:put($m, $c, 5), $c), map:remove($m, $c)),"
        " map:put($m, $c, 7)($c), deep-equal($m, map:merge(map:for-each($m, map:entry#2))),"
        " map:size(map:remove($m, $c)))"
    )
    assert run(query, keys, values, key) == [True, 7, True, len(wanted) - (key in wanted)]


@given(st.lists(st.integers(0, 9), max_size=8), st.data())
def test_arrays_are_lists(run, values, data):

    def ask(question, *more):
        return run(f"let $r := array {{ $a }} return ({question})", values, *more)

    assert ask("array:size($r), array:reverse($r)?*, array:append($r, 5)?*") == [
        len(values), *values[::-1], *values, 5,
    ]  # fmt: skip
    assert ask("deep-equal(array:join(($r, $r)), array { $a, $a })") == [True]
    assert ask(
        "array:filter($r, function($x) { $x > 4 })?*, array:fold-left($r, 0, function($s, $x) { 2 * $s + $x })"
    ) == [
        *[x for x in values if x > 4], sum(x << (len(values) - 1 - at) for at, x in enumerate(values)),
    ]  # fmt: skip
    assume(values)
    at = data.draw(st.integers(1, len(values)))
    changed = [*values[: at - 1], 7, *values[at:]]
    assert ask("$r($b), array:put($r, $b, 7)?*, array:size(array:remove($r, $b))", at) == [
        values[at - 1], *changed, len(values) - 1,
    ]  # fmt: skip
    assert ask("array:subarray($r, $b)?*, array:insert-before($r, $b, ('x', 'y'))?*", at) == [
        *values[at - 1 :], *values[: at - 1], "x", "y", *values[at - 1 :],
    ]  # fmt: skip


# ---------------------------------------------------------------------------------------------------------- round trips

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(-1e6, 1e6).map(lambda x: round(x, 3) or 0)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=10,
)


@given(JSON)
def test_json_is_read_and_written_again(run, value):
    text = json.dumps(value)
    [written] = run("serialize(parse-json($a), map { 'method': 'json' })", text)
    assert json.loads(written) == value
    [through_xml] = run("xml-to-json(json-to-xml($a))", text)
    assert json.loads(through_xml) == value
    assert run(
        "let $j := parse-json($a) return deep-equal($j, parse-json(serialize($j, map { 'method': 'json' })))", text
    ) == [True]


NAMES = st.sampled_from(["a", "b", "p:c", "d-e", "é"])
CONTENT = st.recursive(
    TEXTS.map(lambda text: text.replace("&", "&amp;").replace("<", "&lt;"))
    | st.sampled_from(["<!--c-->", "<?p d?>", ""]),
    lambda inner: st.builds(
        lambda name, value, parts: f"<{name} xmlns:p='u' k=\"{value}\">{''.join(parts)}</{name}>",
        NAMES,
        TEXTS.map(lambda text: "".join(f"&#{ord(c)};" for c in text)),
        st.lists(inner, max_size=4),
    ),
    max_leaves=8,
)


@given(CONTENT)
def test_xml_is_read_and_written_again(run, content):
    query = (
        "let $d := parse-xml($a) let $e := parse-xml(serialize($d)) return ("
        "deep-equal($d, $e), string($d) eq string($e), deep-equal($d//@* ! string(), $e//@* ! string()),"
        " count($d//node()) eq count($e//node()), deep-equal($d, document { $d/node() }))"
    )
    assert run(query, f"<r>{content}</r>") == [True] * 5


@given(INTEGERS, DECIMALS, DATES)
def test_a_value_is_what_its_text_says(run, whole, decimal, moment):
    query = (
        "xs:integer(string($a)) eq $a, xs:decimal(string($b)) eq $b,"
        " string(xs:dateTime($c)) cast as xs:dateTime eq xs:dateTime($c)"
    )
    assert run(query, whole, decimal, moment.isoformat()) == [True] * 3
