"""Syntax errors: where they are, what came, what was expected; and queries too deep to go on with."""

import sys
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xquery_bridge.errors import XQueryError
from xquery_bridge.syntax.parser import parse_query


@pytest.mark.parametrize(
    ("source", "line", "column", "came", "expecting"),
    [
        ("1 +", 1, 4, "$end", "an expression"),
        ("", 1, 1, "$end", "an expression"),
        ("let $x := 1\nlet $y = 2\nreturn $y", 2, 8, "=", ":="),
        ("for $x in (1, 2)\n\n  retrun $x", 3, 3, "retrun", "return"),
        ("f(1, 2", 1, 7, "$end", ")"),
        ("f(1))", 1, 5, ")", "an operator or the end of the query"),
        ("1 = 2 = 3", 1, 7, "=", "an operator or the end of the query"),
        ("let $x := 'abc\nreturn 1", 1, 11, "string literal without its end", "an expression"),
        ("<a>\n  <b>{1 +}</b></a>", 2, 10, "}", "an expression"),
        ("<a>\n <b k=1/></a>", 2, 5, "k", "an attribute, > or />"),
        ("(: one\n(: two :)", 1, 1, "$end", ":)"),
        ("if (1) then 2", 1, 14, "$end", "else"),
        ("child::", 1, 8, "$end", "a name test"),
        ("foo::a", 1, 1, "foo", "the name of an axis"),
        ("$ 1", 1, 3, "1", "the name of a variable"),
        ("a ~ b", 1, 3, "~", "an operator or the end of the query"),
        ("'\x00'", 1, 2, "character U+0000", "a character of XML"),
    ],
)
def test_errors_say_where_what_came_and_what_was_expected(source, line, column, came, expecting):
    with pytest.raises(XQueryError) as caught:
        parse_query(source)
    error = caught.value
    assert (error.code, error.marklogic_code) == ("XPST0003", "XDMP-UNEXPECTED")
    assert error.title.startswith(f"Unexpected token syntax error, unexpected {came}")
    assert error.title.endswith(f", expecting {expecting}")
    frame = error.frames[0]
    assert (frame.uri, frame.line, frame.column, frame.dialect) == ("/eval", line, column, "1.0-ml")


def test_errors_in_constructors_say_where_they_are():
    with pytest.raises(XQueryError) as caught:
        parse_query("<a>\n  </b>", "3.1", uri="/lib.xqy")
    frame = caught.value.frames[0]
    assert (caught.value.code, frame.uri, frame.line, frame.column) == ("XQST0118", "/lib.xqy", 2, 3)


PIECES = [
    *"()[]{}<>/'\"&;:?*+-=!|@$%#.,`~\n\ré\U00010000 ", "(:", ":)", "<a>", "</a>", "<!--", "-->", "``[", "]``",
    "`{", "}`", "(#", "#)", "for $x in ", "let $x := ", "return ", "if (", "element ", "map {", "Q{", "1", "1.e", "&#",
    "a", "p:a", "::", "declare ", "function(", "as ", "item()", "xquery version ", "import ",
]  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_any_text_gives_a_tree_or_an_error_of_the_language(source):
    for dialect in ("1.0-ml", "3.1"):
        try:
            parse_query(source, dialect)
        except XQueryError as error:
            assert error.frames


def with_deep_stack(action):
    """What an action gives in a thread like the engine's."""
    results = []

    def run():
        try:
            results.append(action())
        except BaseException as error:
            results.append(error)

    before_limit, before_size = sys.getrecursionlimit(), threading.stack_size(1 << 28)
    sys.setrecursionlimit(320_000)
    try:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    finally:
        sys.setrecursionlimit(before_limit)
        threading.stack_size(before_size)
    return results[0]


DEEP = {
    "parentheses": lambda n: "(" * n + "1" + ")" * n,
    "additions": lambda n: "+".join(["1"] * n),
    "signs": lambda n: "-" * n + "1",
    "elements": lambda n: "<a>" * n + "</a>" * n,
    "calls": lambda n: "f(" * n + "1" + ")" * n,
    "branches": lambda n: "if (a) then 1 else " * n + "2",
    "steps": lambda n: "/".join(["a"] * n),
    "predicates": lambda n: "a" + "[1]" * n,
    "comments": lambda n: "(:" * n + ":)" * n + "1",
    "types": lambda n: "1 instance of " + "(" * n + "item()" + ")" * n,
    "lets": lambda n: "let $x := 1 " * n + "return 1",
    "arrays": lambda n: "[" * n + "]" * n,
    "interpolations": lambda n: "``[" + "`{1}`" * n + "]``",
    "arrows": lambda n: "1" + "=>f()" * n,
}


@pytest.mark.parametrize("kind", DEEP)
def test_ten_thousand_levels_or_operands_parse_in_linear_time(kind):
    def timed():
        parse_query(DEEP[kind](10), "3.1")
        started = time.perf_counter()
        parse_query(DEEP[kind](10_000), "3.1")
        return time.perf_counter() - started

    seconds = with_deep_stack(timed)
    assert isinstance(seconds, float) and seconds < 60


@pytest.mark.parametrize("kind", ["parentheses", "elements", "calls", "types", "branches", "arrays"])
def test_too_many_levels_are_refused_with_a_place(kind):
    error = with_deep_stack(lambda: parse_query(DEEP[kind](200_000), "3.1"))
    assert isinstance(error, XQueryError)
    assert (error.code, error.marklogic_code) == ("XPST0003", "XDMP-NESTING")
    assert "nested too deeply" in error.title and error.frames


@pytest.fixture
def shallow_stack():
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(1000)
    yield
    sys.setrecursionlimit(before)


@pytest.mark.usefixtures("shallow_stack")
def test_a_shallow_stack_ends_in_the_same_error():
    with pytest.raises(XQueryError, match="nested too deeply"):
        parse_query("(" * 5000 + "1" + ")" * 5000)
