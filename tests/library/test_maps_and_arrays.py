"""map: and array: functions by position and key, and what they refuse (F&O 3.1, chapter 17)."""

from collections.abc import Callable
from typing import Any

import pytest


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (
            "map:get(map{1: 'a', 'b': ()}, 1.0), map:contains(map{1: 'a', 'b': ()}, 'b'), map:size(map{})",
            ["a", True, 0],
        ),
        ("sort(map:keys(map:put(map{1: 'a'}, 2, 'b')))", [1, 2]),
        ("map:remove(map{1: 'a', 2: 'b'}, (2, 3)) ! (map:size(.), .(1))", [1, "a"]),
        ("map:entry('k', (1, 2))?k", [1, 2]),
        ("map:merge((map{1: 'a'}, map{1: 'b'}))(1)", ["a"]),
        ("map:merge((map{1: 'a'}, map{1: 'b'}), map{'duplicates': 'use-last'})(1)", ["b"]),
        ("map:merge((map{1: 'a'}, map{1: 'b'}), map{'duplicates': 'combine'})(1)", ["a", "b"]),
        ("sort(map:for-each(map{1: 'a', 2: 'b'}, function($k, $v) { concat($k, $v) }))", ["1a", "2b"]),
        ("array:flatten(map:find([map{'k': 1, 'l': map{'k': (2, 3)}}], 'k'))", [1, 2, 3]),
        ("array:get([1, (2, 3)], 2), array:size([1, (2, 3)])", [2, 3, 2]),
        ("array:put([1, 2, 3], 2, 'x')?*", [1, "x", 3]),
        ("array:append([1], (2, 3)) ! (array:size(.), .?*)", [2, 1, 2, 3]),
        ("array:subarray([1, 2, 3, 4], 3)?*, array:subarray([1, 2, 3, 4], 2, 2)?*", [3, 4, 2, 3]),
        ("array:remove([1, 2, 3], (3, 1))?*, array:insert-before([1, 2], 3, 'x')?*", [2, 1, 2, "x"]),
        ("array:head([(1, 2), 3]), array:tail([(1, 2), 3, 4])?*, array:reverse([1, 2])?*", [1, 2, 3, 4, 2, 1]),
        ("array:join(([1], [], [2, 3]))?*, array:flatten(([1, [2]], 3))", [1, 2, 3, 1, 2, 3]),
        ("array:for-each([1, 2], function($n) { $n * 10 })?*", [10, 20]),
        ("array:filter([1, 2, 3], function($n) { $n mod 2 eq 1 })?*", [1, 3]),
        ("array:fold-left(['a', 'b'], '', concat#2), array:fold-right(['a', 'b'], '', concat#2)", ["ab", "ab"]),
        ("array:fold-left([1, 2], 0, op('-')), array:fold-right([1, 2], 0, op('-'))", [-3, -1]),
        ("array:for-each-pair([1, 2, 3], [10, 20], function($a, $b) { $a + $b })?*", [11, 22]),
        ("array:sort([3, 1, 2])?*, array:sort([1, 2, 3], (), function($n) { -$n })?*", [1, 2, 3, 3, 2, 1]),
    ],
)  # fmt: skip
def test_a_function_of_maps_or_arrays_gives(
    standard: Callable[..., list[Any]], query: str, expected: list[Any]
) -> None:
    minus = "declare function local:minus($a, $b) { $a - $b }; "
    assert standard(minus + query.replace("op('-')", "local:minus#2")) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("array:get([1], 0)", "FOAY0001"),
        ("array:put([1], 2, 0)", "FOAY0001"),
        ("array:subarray([1, 2], 1, -1)", "FOAY0002"),
        ("array:insert-before([1], 3, 0)", "FOAY0001"),
        ("array:head([])", "FOAY0001"),
        ("array:filter([1], function($n) { $n })", "XPTY0004"),
        ("map:merge((map{1: 1}, map{1: 2}), map{'duplicates': 'reject'})", "FOJS0003"),
        ("map:merge((), map{'duplicates': 'neither'})", "FOJS0005"),
        ("map{1: 1, 1.0: 2}", "XQDY0137"),
        ("map:get(map{}, (1, 2))", "XPTY0004"),
    ],
)  # fmt: skip
def test_what_a_map_or_array_does_not_have_is_refused(code: Callable[[str], str], query: str, expected: str) -> None:
    assert code(query) == expected
