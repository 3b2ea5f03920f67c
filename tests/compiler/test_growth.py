"""Code grows with the query as written: long chains of operators and deep nesting, compiled and run."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xquery_bridge.engine import Engine
from xquery_bridge.errors import XQueryError

LONG = 10_000
DEEP = 10

#: Operator -> what is before, each operand, what is behind, the result.
CHAINS = {
    "|": ("count(", "<a/>", ")", [LONG]),
    "union": ("let $a := <a><b/></a> return count(", "$a/b", ")", [1]),
    "intersect": ("let $a := <a><b/></a> return count(", "$a/b", ")", [1]),
    "except": ("let $a := <a><b/></a> return count(", "$a/b", ")", [0]),
    ",": ("let $a := (1, 2) return count((", "$a", "))", [2 * LONG]),
    "+": ("let $a := <a>1</a> return ", "$a", "", [LONG]),
    "||": ("let $a := <a>x</a> return string-length(", "$a", ")", [LONG]),
    "and": ("let $a := <a>1</a> return ", "$a = 1", "", [True]),
    "or": ("let $a := <a>1</a> return ", "$a = 2", "", [False]),
    "!": ("let $a := (1, 2) return $a ! ", "(. + 1)", "", [LONG + 1, LONG + 2]),
    "=>": ("1 => ", "abs()", "", [1]),
}

#: A part that holds one like it once -> how they nest, and the innermost.
NESTED = {
    "start when": (
        "(every $i{n} in (for tumbling window $w{n} in (1 to 3) start $s{n} at $p{n} when {inside}"
        " end $e{n} when $e{n} ge $s{n} return $w{n}) satisfies $i{n} gt 0)",
        "true()",
        [True],
    ),
    "end when": (
        "(some $i{n} in (for sliding window $w{n} in (1 to 3) start $s{n} when true()"
        " end $e{n} when {inside} return $w{n}) satisfies $i{n} gt 2)",
        "true()",
        [True],
    ),
    "for": (f"(for $x in {{inside}} return xs:double($x){' + 1' * 35})", "(1, 2)", [1.0 + 35 * DEEP, 2.0 + 35 * DEEP]),
    "where": (f"(for $x in {{inside}} where xs:double($x){' + 1' * 35} gt 36 return $x)", "(1, 2, 3)", [2, 3]),
    "!": (f"({{inside}} ! (xs:double(.){' + 1' * 35}))", "(1, 2)", [1.0 + 35 * DEEP, 2.0 + 35 * DEEP]),
}


@pytest.fixture(scope="module")
def engine():
    made = Engine(dialect="3.1")
    yield made
    made.close()


def nested(form: str, levels: int) -> str:
    pattern, made, _ = NESTED[form]
    for level in range(levels):
        made = pattern.format(n=level, inside=made)
    return made


@pytest.mark.parametrize("operator", CHAINS)
def test_a_chain_of_ten_thousand_operands_compiles_and_runs(engine, operator):
    before, operand, behind, result = CHAINS[operator]
    assert engine.evaluate(f"{before}{f' {operator} '.join([operand] * LONG)}{behind}") == result


@pytest.mark.parametrize("form", NESTED)
def test_code_grows_by_as_much_with_each_level_of_nesting(engine, form):
    sizes = [len(engine.compile(nested(form, levels)).python) for levels in (DEEP // 2, DEEP)]
    assert sizes[1] < 2.5 * sizes[0]
    assert engine.evaluate(nested(form, DEEP)) == NESTED[form][2]


@pytest.mark.parametrize("operands", [3, 100])
def test_a_chain_of_unions_puts_its_nodes_in_order_once(engine, operands):
    chain = " | ".join(["$a/*"] * operands)
    python = engine.compile(f"let $a := <a><b/><c/></a> return {chain}").python
    assert (python.count("ddo("), python.count("union(")) == (1, 1)


@given(st.lists(st.lists(st.integers(1, 8), max_size=4), min_size=2, max_size=70))
def test_a_chain_of_unions_has_every_node_once_in_document_order(operands):
    written = " | ".join("$n[position() = ({})]".format(", ".join(map(str, each))) for each in operands)
    query = f"let $n := <a>{{(1 to 8) ! <b>{{.}}</b>}}</a>/b return ({written}) ! number(.)"
    assert UNIONS.evaluate(query) == sorted(set(itertools.chain(*operands)))


UNIONS = Engine(dialect="3.1")


@pytest.mark.parametrize("behind", ["", " | <c/>" * 80])
def test_an_operand_of_a_union_that_is_no_node_is_refused_before_the_next_is_evaluated(engine, behind):
    with pytest.raises(XQueryError) as caught:
        engine.evaluate(f"let $one := (1, 2)[. > 1] return <a/>\n | <b/>\n | $one\n | error(){behind}")
    assert caught.value.code == "XPTY0004"
    assert caught.value.frames[0].line == 1


def test_operands_of_a_union_are_evaluated_in_their_order(engine):
    for size in (3, 100):
        chain = " | ".join(f"local:note({n})" for n in range(size))
        query = (
            'xquery version "1.0-ml"; declare variable $seen := map:map();'
            "declare function local:note($n) { map:put($seen, string($n), map:count($seen)), <a/> };"
            f"(count({chain}), for $n in 0 to {size - 1} return map:get($seen, string($n)))"
        )
        assert engine.evaluate(query) == [size, *range(size)]


def test_errors_of_a_late_statement_say_its_place(engine):
    with pytest.raises(XQueryError) as caught:
        engine.evaluate('xquery version "1.0-ml";\n' + "1;\n" * 20 + "1 + <a>x</a>")
    assert (caught.value.frames[0].line, caught.value.frames[0].column) == (22, 1)
