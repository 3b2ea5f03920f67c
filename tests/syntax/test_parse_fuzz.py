"""Whatever the source, parsing ends soon: in a tree, or in an error of the grammar that has a place.

Sources are valid queries that were cut, joined, repeated and changed at random, and noise. The seed is in the failure.
"""

import random
import time

import pytest

from xquery_bridge.errors import XQueryError
from xquery_bridge.syntax import tree
from xquery_bridge.syntax.parser import parse_query

VALID = [
    "for $x at $i in (1, 2)[. > 1] let $y := $x group by $k := $y order by $k descending return <a b='{$k}'>{$x}</a>",
    "declare function local:f($a as xs:integer*, $b as map(xs:string, item())) as element(a)? { $a ! <a/> }; f(1)",
    "module namespace m = 'u'; declare variable $m:v external := 1; declare %private function m:f() { $m:v };",
    "typeswitch (.) case $e as element(a, xs:string?) | text() return 1 default $d return (# p:q x #) { 2 }",
    "try { error() } catch err:FOER0000 | *:a { $err:code }, switch (1) case 1 case 2 return 3 default return 4",
    "<p:a xmlns:p='u' b=\"x{1}y{{\"> <!-- c --> <?go now?><![CDATA[<]]> &#x20;&lt; <b/>{ 'x' }</p:a>",
    "for sliding window $w in 1 to 9 start at $s when $s mod 2 = 0 only end $e next $n when $n - $e > 1 return $w?1",
    'let $f := function($x) as item()* {$x}, $g := $f(?) return ``[a`{$g(\'b\')}`c]`` => upper-case() || "q""r"',
    "/a//b[@c = 'd']/ancestor-or-self::node()[last()]/text() union child::element(x) except ../*:y/Q{u}z",
    "import module namespace i = 'u' at 'a.xqy'; declare option i:o 'v'; (: c (: d :) :) [1, array {2}]?*, 1e5, .5, 6.",
    "xquery version '3.1' encoding 'utf-8'; declare base-uri 'b'; declare construction strip; validate lax { <a/> }",
    "xquery version '1.0-ml'; declare function f() { object-node {'a': null-node {}} }; try { f() } "
    "catch ($e) { 'ff' }",
    "some $x in 1, $y in 2 satisfies every $z in $x treat as xs:int satisfies $z cast as xs:string? "
    "castable as xs:date",
    "element {'a'} { attribute b {1}, comment {2}, namespace p {'u'}, document { processing-instruction q {3} } }",
]
PIECES = [
    *"(){}[]<>/'\"&;:=$@#%?!*+-|,.~`^\\ \n\t\r0a\x00\x7f\ufeff\ufffe\ud800\U0001d11e", "(:", ":)", "{{", "}}", "</",
    "/>", "<!--", "-->", "<![CDATA[", "]]>", "<?", "?>", "``[", "]``", "`{", "}`", "(#", "#)", "&#x", "&amp;", "Q{",
    ":=", "::", "//", "e99", "for ", "let ", "return ", "declare ", "function", "element ", "as ", "map{", "<a>",
    "</a>", "9" * 50, "xquery version '1.0-ml';", "1", "$x",
]  # fmt: skip
#: Seconds for all sources of a test; and for one of them, on a machine that does other work.
TIME, LONGEST = 3.0, 60.0


def changed(source: str, chance: random.Random) -> str:
    """A source with a few random changes."""
    for _ in range(chance.choice([1, 1, 2, 5])):
        begin = chance.randrange(len(source) + 1)
        end = min(len(source), begin + chance.choice([0, 1, 1, 3, 20]))
        other = chance.choice(VALID)
        at = chance.randrange(len(other))
        middle = chance.choice(
            [
                "",
                chance.choice(PIECES),
                other[at : at + chance.randrange(40)],
                source[begin:end] * chance.choice([2, 30]),
            ]
        )
        source = source[:begin] + middle + source[end:]
    return source


def noise(chance: random.Random) -> str:
    if chance.random() < 0.5:
        return "".join(chance.choices(PIECES, k=chance.randrange(1, 40)))
    return bytes(chance.choices(range(256), k=chance.randrange(1, 80))).decode(
        "utf-8", chance.choice(["replace", "surrogateescape"])
    )


def heap(chance: random.Random) -> str:
    """One to three pieces, thousands of times."""
    return "".join(chance.choices(PIECES, k=chance.randrange(1, 4))) * chance.choice([100, 3_000, 20_000])


def ends_in_a_tree_or_an_error(source: str, dialect: str, seed: int) -> None:
    begin = time.perf_counter()
    try:
        assert isinstance(parse_query(source, dialect), tree.Query)
    except XQueryError as error:
        assert error.code.startswith(("XPST", "XQST", "FOAR", "FOCA")), (seed, error.code, source[:500])
        assert error.marklogic_code != "XDMP-INTERNAL", (seed, source[:500])
        for frame in error.frames:
            assert 1 <= frame.line <= source.count("\n") + source.count("\r") + 1, (seed, source[:500])
    except RecursionError:
        pytest.fail(f"seed {seed}: recursion in {source[:200]!r}")
    except Exception as error:
        pytest.fail(f"seed {seed}: {type(error).__name__}: {error} in {source[:500]!r}")
    taken = time.perf_counter() - begin
    assert taken < LONGEST, f"seed {seed}: {taken:.1f} seconds for {len(source)} characters: {source[:200]!r}"


def run(make, count: int, block: int) -> None:
    """Parse so many sources, fewer where the time is short."""
    end = time.perf_counter() + TIME
    for seed in range(block, block + count):
        chance = random.Random(seed)
        ends_in_a_tree_or_an_error(make(chance), chance.choice(["3.1", "1.0-ml"]), seed)
        if time.perf_counter() > end:
            break


@pytest.mark.parametrize("dialect", ["3.1", "1.0-ml"])
@pytest.mark.parametrize("source", VALID)
def test_the_sources_to_be_changed_are_valid(source, dialect):
    if "1.0-ml" in source or dialect == "3.1":
        assert isinstance(parse_query(source, dialect), tree.Query)


def test_changed_queries_end_in_a_tree_or_an_error():
    run(lambda chance: changed(chance.choice(VALID), chance), 12_000, 0)


def test_noise_ends_in_a_tree_or_an_error():
    run(noise, 8_000, 100_000)


def test_pieces_in_heaps_end_in_a_tree_or_an_error():
    run(heap, 600, 200_000)


@pytest.mark.parametrize("source", VALID)
def test_every_beginning_of_a_query_ends_in_a_tree_or_an_error(source):
    for end in range(0, len(source), 2):
        ends_in_a_tree_or_an_error(source[:end], "1.0-ml", end)
