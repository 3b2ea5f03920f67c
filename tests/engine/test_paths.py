"""Paths as queries see them: what a step may start from."""

import pytest


@pytest.mark.parametrize(
    "query",
    [
        "(10)/child::*",
        "(10)/child::*[1]",
        "(1, 2)/parent::*",
        "(1, 2)/a[last()]",
        "<a/>/1/node()",
        "(5)/3",
        '(1, 2, 3)[1]/(1, 2)[last()]/"text"',
        "let $x := (<a/>, 1)[2] return $x/a[position() lt 2]",
    ],
)
def test_the_left_side_of_a_path_must_be_nodes(code, query):
    assert code(query) == "XPTY0019"


@pytest.mark.parametrize("query", ["5 ! a", "5 ! a[1]", "(1 to 3)[@b]", "(1 to 3)[b[last()]]", "1 ! ancestor::*[2]"])
def test_a_step_from_a_context_item_that_is_no_node_says_so(code, query):
    assert code(query) == "XPTY0020"


def test_a_node_found_from_two_nodes_of_one_line_is_found_once(evaluate):
    tree = "<a>{<b><c k='1'><c k='2'><d k='3'/></c></c></b>}</a>"
    assert evaluate(f"count({tree}//c//@k)") == [3]
    assert evaluate(f"count({tree}//(c, b, @k)/descendant-or-self::node())") == [4 + 3]
    assert evaluate(f"{tree}//c//@k/string()") == ["1", "2", "3"]
