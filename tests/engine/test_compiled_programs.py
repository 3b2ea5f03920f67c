"""What stays of a query when it is compiled: little, for every full garbage collection looks at all that stays."""

import gc

from hypothesis import given
from hypothesis import strategies as st

from xquery_bridge.compiler.ir.node import Node
from xquery_bridge.engine import Engine
from xquery_bridge.program_cache import ProgramCache
from xquery_bridge.runtime.sequence_types import SequenceType
from xquery_bridge.syntax import tree

QUERY = """
declare variable $limit as xs:integer := 2;
declare function local:even($n as xs:integer) as xs:boolean { if ($n = 0) then true() else local:odd($n - 1) };
declare function local:odd($n as xs:integer) as xs:boolean { if ($n = 0) then false() else local:even($n - 1) };
for $e at $p in <r><e a="1"/><e a="3"/></r>/e[@a > 0]
let $f := function($x as xs:double) as xs:double { $x * $limit }
where local:even($p) and (some $y in 1 to 3 satisfies $y = $p)
order by $e/@a
return try { <found n="{$f($p)}">{$e/@*}</found> } catch * { error() }
"""


def trees_in_memory() -> int:
    return sum(isinstance(each, tree.Node | Node) for each in gc.get_objects())


def test_no_tree_outlives_compilation_even_before_the_garbage_collector_looks() -> None:
    engine = Engine()
    engine.evaluate("1")
    gc.collect()
    gc.disable()
    try:
        before = trees_in_memory()
        prepared = engine.compile(QUERY)
        assert trees_in_memory() == before
        assert len(prepared.run()) == 1
    finally:
        gc.enable()
        engine.close()


def test_queries_share_the_types_they_name() -> None:
    engine = Engine()
    made = [engine.compile(f"({n}, <a/>) ! (. treat as element(a)?)").statements[0].ready() for n in (1, 2)]
    one, other = ([each for each in m.constants.values() if isinstance(each, SequenceType)] for m in made)
    assert len(one) == 1 and one[0] is other[0]
    engine.close()


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(1, 40)), max_size=60))
def test_a_cache_keeps_what_was_used_last_within_its_bounds(uses: list[tuple[int, int]]) -> None:
    cache: ProgramCache[int] = ProgramCache(programs=5, characters=100)
    sizes: dict[int, int] = {}
    order: list[int] = []  # those used, the last one at the end
    for key, size in uses:
        if cache.get(key) is None:
            cache.put(key, key, size)
            sizes[key] = size
            order = [*(each for each in order if each != key), key]
            while len(order) > 5 or sum(sizes[each] for each in order) > 100:
                del order[0]
        else:
            order.append(order.pop(order.index(key)))
        assert len(cache) == len(order)
    assert all(cache.get(each) == each for each in order)


def test_a_program_larger_than_the_cache_is_kept_alone() -> None:
    cache: ProgramCache[str] = ProgramCache(programs=5, characters=100)
    cache.put(1, "one", 60)
    cache.put(2, "two", 200)
    assert (len(cache), cache.get(2)) == (1, "two")
    cache.put(2, "two, compiled again", 30)
    cache.put(3, "three", 60)
    assert (len(cache), cache.get(2)) == (2, "two, compiled again")
