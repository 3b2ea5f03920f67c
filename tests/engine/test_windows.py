"""Windows of FLWOR expressions (XQuery 3.1, section 3.12.4): where they begin and end, what their variables are."""

import pytest

JOINED = "return string-join($w ! string(), '-')"


@pytest.mark.parametrize(
    ("clause", "windows"),
    [
        ("tumbling window $w in 1 to 7 start at $s when $s mod 3 eq 1", ["1-2-3", "4-5-6", "7"]),
        ("tumbling window $w in 1 to 7 start when true() end at $e when $e mod 3 eq 0", ["1-2-3", "4-5-6", "7"]),
        ("tumbling window $w in 1 to 7 start when true() only end at $e when $e mod 3 eq 0", ["1-2-3", "4-5-6"]),
        (
            "tumbling window $w in 1 to 7 start $x when $x mod 2 eq 0 end next $n when $n mod 3 eq 0",
            ["2", "4-5", "6-7"],
        ),
        (
            "tumbling window $w in (1, 2, 4, 3) start previous $p when empty($p) or $p lt 3 end $x when $x gt 3",
            ["1-2-4"],
        ),
        ("sliding window $w in 1 to 4 start at $s when true() only end at $e when $e eq $s + 1", ["1-2", "2-3", "3-4"]),
        ("sliding window $w in 1 to 3 start at $s when true() end at $e when $e eq $s + 1", ["1-2", "2-3", "3"]),
        ("sliding window $w in 1 to 4 start $x when $x mod 2 eq 1 end next $n when empty($n)", ["1-2-3-4", "3-4"]),
        ("tumbling window $w in () start when true()", []),
    ],
)
def test_windows(evaluate, clause, windows):
    assert evaluate(f"for {clause} {JOINED}") == windows


def test_variables_of_a_window_are_bound_where_it_begins_and_ends(evaluate):
    query = """for sliding window $w in (10, 20, 30)
               start $a at $i previous $b next $c when $i eq 2
               end $d at $j previous $e next $f when $j eq 3
               return string-join(($a, $i, $b, $c, $d, $j, $e, ($f, 'none')[1]) ! string(), ' ')"""
    assert evaluate(query) == ["20 2 10 30 30 3 20 none"]


def test_windows_stand_among_other_clauses(evaluate):
    query = """for $n in (2, 3)
               for tumbling window $w in 1 to 6 start at $s when $s mod $n eq 1
               let $sum := sum($w)
               where $sum gt 5
               order by $sum descending
               return $sum"""
    assert evaluate(query) == [15, 11, 7, 6]


def test_a_window_checks_the_type_declared_for_it(code):
    assert code("for tumbling window $w as xs:integer in 1 to 4 start at $s when $s mod 2 eq 1 return $w") == "XPTY0004"
