"""Where code generation takes short ways, values keep their types."""

import pytest


@pytest.mark.parametrize(
    "query",
    [
        'sum(xs:unsignedShort("1")) instance of xs:unsignedShort',
        'let $x := xs:byte("1") return sum($x) instance of xs:byte',
        "sum(1 to 4) instance of xs:integer",
        "sum(()) instance of xs:integer",
        'max(xs:byte("1")) instance of xs:byte',
        'head((xs:byte("1"), 2)) instance of xs:byte',
    ],
)
def test_functions_of_one_item_give_that_item(evaluate, query):
    assert evaluate(query) == [True]
