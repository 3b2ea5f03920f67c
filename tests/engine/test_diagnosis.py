"""What a user sees of a query: its tree, its generated source, where its time goes, and the places of its errors."""

import re
import sys

import pytest

from xquery_bridge import Engine, XQueryError
from xquery_bridge.explanation import tree_text
from xquery_bridge.profiler import profiled

SLOW = """
declare function local:slow($n) {
  if ($n le 1) then $n
  else local:slow($n - 1) + local:slow($n - 2)
};
local:slow(24)
"""


def test_the_tree_names_every_construct_with_its_parts_below_it():
    text = tree_text("for $x in (1, 2) where $x gt 1 return <a>{$x}</a>", "3.1")
    assert text.splitlines()[0] == "Query"
    assert re.search(r"^    body: FLWORExpr$", text, re.MULTILINE)
    assert re.search(r"^ +bindings: ForBinding x ", text, re.MULTILINE)
    assert re.search(r"^ +result: DirElement a$", text, re.MULTILINE)


def test_the_generated_source_is_python():
    source = Engine(dialect="3.1").compile("sum(1 to 3) + 1").python
    compile(source, "generated", "exec")
    assert source.startswith("def main():")


def test_a_profile_gives_the_time_to_the_lines_of_the_query():
    engine = Engine(dialect="3.1")
    result, profile = profiled(lambda: engine.evaluate(SLOW))
    assert result == [46368]
    assert profile.samples > 0
    [(_, line)] = [place for place, _ in profile.own.most_common(1)]
    assert line in (3, 4)
    assert profile.total[("/eval", 6)] >= profile.own[("/eval", line)]
    assert "local:slow($n - 1) + local:slow($n - 2)" in profile.text()


def test_an_error_has_the_stack_of_the_querys_own_functions():
    query = (
        "declare function local:f($x) {\n  1 div $x\n};\ndeclare function local:g($x) { local:f($x) + 1 };\nlocal:g(0)"
    )
    with pytest.raises(XQueryError) as raised:
        Engine(dialect="3.1").evaluate(query)
    frames = raised.value.frames
    assert [(frame.line, frame.operation) for frame in frames] == [(2, "local:f#1"), (4, "local:g#1"), (5, "")]
    assert frames[0].column == 3


def test_no_python_exception_leaves_the_engine():
    """A failure of ours is an error of the query, too, with a code of its own."""
    engine = Engine(dialect="3.1")
    row = engine.registry.lookup("http://www.w3.org/2005/xpath-functions", "exists", 1)
    assert row is not None
    with pytest.raises(XQueryError) as raised:
        engine.evaluate("$broken", variables={"broken": 1}, documents=None, texts=_broken)
    assert raised.value.code == "XPST0008"
    with pytest.raises(XQueryError) as raised:
        engine.evaluate("unparsed-text('http://example.org/a')", texts=_broken)
    assert (raised.value.marklogic_code, raised.value.frames[0].line) == ("XDMP-INTERNAL", 1)


def test_a_result_too_large_to_list_is_an_error_of_the_query():
    with pytest.raises(XQueryError) as raised:
        Engine(dialect="3.1").evaluate("1 to 1000000000000000")
    assert raised.value.marklogic_code == "XDMP-MEMORY"


def test_other_threads_keep_their_recursion_limit_between_queries():
    before = sys.getrecursionlimit()
    deep = "declare function local:d($n) { if ($n eq 0) then 0 else 1 + local:d($n - 1) }; local:d(50000)"
    assert Engine(dialect="3.1").evaluate(deep) == [50000]
    assert sys.getrecursionlimit() == before


def _broken(*arguments: object) -> str:
    raise KeyError("a fault of the host")
