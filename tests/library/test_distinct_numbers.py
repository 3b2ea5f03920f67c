"""fn:distinct-values of numbers of several types: no two results are equal, and each item equals one of them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from xquery_bridge import Engine

ENGINE = Engine(dialect="3.1")

#: Numbers that are equal to others in one type and not in another.
NUMBERS = st.sampled_from(
    [
        f"{type}('{text}')"
        for type in ("xs:float", "xs:double", "xs:decimal")
        for text in ("1", "1.00000000001", "1.0000000000100000000001", "0.1", "16777217", "-0")
    ]
    + ["16777216", "xs:byte('1')", "9007199254740993", "9007199254740992e0", "xs:double('INF')"]
)


@settings(max_examples=60, deadline=None)
@given(st.lists(NUMBERS, max_size=6))
def test_distinct_numbers_differ_and_stand_for_all(numbers: list[str]) -> None:
    query = f"""
        declare variable $all := ({", ".join(numbers)});
        let $distinct := distinct-values($all)
        return (
          every $n in $all satisfies some $d in $distinct satisfies $d eq $n,
          every $p in 1 to count($distinct) satisfies not($distinct[$p] = $distinct[position() gt $p]),
          deep-equal($distinct[1], $all[1])
        )"""
    assert ENGINE.evaluate(query) == [True, True, True]


def test_numbers_beside_other_values() -> None:
    query = "distinct-values((1, '1', 1.0, xs:float('NaN'), 1e0, xs:double('NaN'), true(), xs:untypedAtomic('1'), 0.5))"
    assert ENGINE.evaluate(f"{query} ! string()") == ["1", "1", "NaN", "true", "0.5"]
