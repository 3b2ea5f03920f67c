"""Effective boolean values, where code generation takes short ways."""

import pytest


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("boolean((1, 2)[1] treat as xs:integer) and boolean((1, 2)[1])", True),
        ("(boolean((1, 2)[2]) or false()) and true()", True),
        ("boolean((for $i in (false(), true()) order by $i return $i)[1])", False),
        ("not((false(), true())[1])", True),
        ("(false(), true())[position() = 1] or false()", False),
        ("boolean('') or 0", False),
        ("not('a' and 'b')", False),
    ],
)
def test_conditions_are_booleans(evaluate, query, expected):
    assert evaluate(query)[0] is expected
    assert evaluate(f"if ({query}) then 1 else 0") == [int(expected)]
    assert evaluate(f"({query}) eq {str(expected).lower()}()") == [True]
