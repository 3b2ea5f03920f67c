"""`group by`: which variables form the key."""


def test_a_name_given_twice_is_one_grouping_variable(evaluate):
    assert evaluate("for $y in 1 to 10 group by $y := $y, $y := $y mod 2 order by $y return $y") == [0, 1]
    assert evaluate("for $x in 1 to 4, $y in 1 to 3 group by $y, $y := $x mod 2 order by $y return count($x)") == [6, 6]


def test_bindings_of_grouping_variables_come_before_the_grouping(evaluate):
    query = "for $x in 1 to 6 group by $a := $x mod 2, $b := $a * 10 order by $b return ($a, $b, sum($x))"
    assert evaluate(query) == [0, 0, 12, 1, 10, 9]


def test_a_grouping_variable_must_be_bound(code):
    assert code("for $x in 1 to 10 group by $z return 1") == "XQST0094"
    assert code("let $z := 1 return for $x in 1 to 10 group by $z return 1") == "XQST0094"
