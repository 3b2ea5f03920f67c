"""Named functions as items: what they keep of the place where they are made."""

import pytest


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("(<a/>, <b/>) ! name#0 ! .()", ["a", "b"]),
        ('(<a/>, <b/>) ! function-lookup(xs:QName("fn:name"), 0)()', ["a", "b"]),
        ('<a/> ! function-lookup#2(xs:QName("fn:name"), 0)()', ["a"]),
        ("(1 to 3) ! (let $p := position#0 return ('x', 'y') ! $p())", [1, 1, 2, 2, 3, 3]),
        ('(5, 6) ! function-lookup(xs:QName("fn:position"), 0)()', [1, 2]),
        ('(5, 6) ! function-lookup(xs:QName("fn:last"), 0)()', [2, 2]),
        ("declare context item := <c/>; function-lookup(xs:QName('fn:name'), 0)(), name#0(), last#0()", ["c", "c", 1]),
    ],
)
def test_a_function_that_depends_on_the_focus_keeps_it(evaluate, query, expected):
    assert evaluate(query) == expected


@pytest.mark.parametrize(
    "query",
    [
        'function-lookup(xs:QName("fn:name"), 0)()',
        'declare function local:f() { function-lookup(xs:QName("fn:name"), 0) }; <a/> ! local:f()()',
        "declare function local:f() { position#0 }; <a/> ! local:f()()",
        "let $f := function() { last#0() } return <a/> ! $f()",
    ],
)
def test_where_there_is_no_focus_such_a_function_fails(code, query):
    assert code(query) == "XPDY0002"


def test_a_function_of_any_number_of_arguments_has_items_of_every_arity(evaluate):
    args = ", ".join([str(number % 10) for number in range(40)])
    assert evaluate(f"concat#40({args})") == ["0123456789" * 4]
    assert evaluate(
        "let $f := concat#100000 return (function-arity($f), local-name-from-QName(function-name($f)))"
    ) == [
        100_000,
        "concat",
    ]
    assert evaluate(f"concat#40({', '.join(['?'] * 40)})({args})") == ["0123456789" * 4]
