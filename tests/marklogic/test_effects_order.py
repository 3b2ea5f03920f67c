"""Calls with effects run where they stand, used or not, in order (xquery-1.0-ml.md, section 4)."""

import logging
from itertools import pairwise

import pytest

from .conftest import Run


@pytest.mark.parametrize(
    ("query", "result"),
    [
        ("let $a := json:array() let $unused := json:array-push($a, 1) let $b := json:array-push($a, 2) return $a",
         ["[1, 2]"]),
        ('let $m := map:map() let $_ := map:put($m, "k", 1) return map:get($m, "k")', ["1"]),
        ('let $m := map:map() return (map:count($m), map:put($m, "k", 1), map:count($m))', ["0", "1"]),
        ("let $a := json:array() let $_ := for $i in 1 to 3 return json:array-push($a, $i) return $a", ["[1, 2, 3]"]),
        ("let $a := json:array() for $i in 1 to 2 let $_ := json:array-push($a, $i) return json:array-size($a)",
         ["1", "2"]),
        ("let $a := json:array() let $f := function($x) { json:array-push($a, $x) } let $_ := $f(5) return $a",
         ["[5]"]),
        ("let $a := json:array() let $_ := fn:for-each(1 to 3, function($x) { json:array-push($a, $x) }) return $a",
         ["[1, 2, 3]"]),
        ("let $a := json:to-array((1, 2)) let $before := json:array-size($a) let $_ := json:array-push($a, 3) "
         "return ($before, json:array-size($a))", ["2", "3"]),
        ("let $m := map:entry('a', 1) let $x := map:get($m, 'a') let $_ := map:put($m, 'a', 2) "
         "return ($x, map:get($m, 'a'))", ["1", "2"]),
        ("let $a := json:array() return fn:count((json:array-push($a, 1), json:array-pop($a), json:array-size($a)))",
         ["2"]),
        ("let $a := json:array() let $n := fn:count(json:array-with($a, 1)) return ($n, json:array-size($a))",
         ["1", "1"]),
        ("let $a := json:array() let $b := fn:exists(json:array-with($a, 1)) return json:array-size($a)", ["1"]),
    ],
)  # fmt: skip
def test_order(run: Run, query: str, result: list[str]) -> None:
    assert run(query) == result


def test_an_effect_in_a_declared_function_is_kept(run: Run) -> None:
    declared = "declare function local:note($a, $x) { json:array-push($a, $x) };"
    query = "let $a := json:array() let $_ := local:note($a, 1) let $unused := local:note($a, 2) return $a"
    assert run(f"{declared} {query}") == ["[1, 2]"]


def test_an_unused_variable_may_never_raise(run: Run) -> None:
    assert run("let $unused := 1 div 0 return 5") == ["5"]


def test_an_unused_log_is_written(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="cntk_xquery.query"):
        run('let $_ := xdmp:log(("a", <b/>)) let $__ := xdmp:log("second", "info") return ()')
    assert [record.getMessage() for record in caplog.records] == ["a <b/>", "second"]


def test_an_effect_in_a_dropped_branch_does_not_happen(run: Run) -> None:
    assert run("let $a := json:array() let $_ := if (1 = 2) then json:array-push($a, 1) else () return $a") == ["[]"]


def test_a_training_loop_returns_the_loss_of_each_turn(run: Run) -> None:
    """The loss falls from turn to turn, so every turn's training ran before its loss was read."""
    query = """
        let $x := cntk:input-variable(cntk:shape((2)), "float")
        let $y := cntk:input-variable(cntk:shape((1)), "float")
        let $model := cntk:dense-layer($x, map:new(map:entry("output-shape", cntk:shape((1)))))
        let $loss := cntk:squared-error($model, $y)
        let $rate := cntk:learning-rate-schedule-from-constant(0.05)
        let $learner := cntk:sgd-learner(cntk:function-parameters($model), $rate)
        let $trainer := cntk:trainer($model, $learner, $loss)
        let $inputs := cntk:batch(cntk:shape((2)), json:to-array((1, 0, 0, 1, 1, 1)))
        let $labels := cntk:batch(cntk:shape((1)), json:to-array((1, 2, 3)))
        let $bindings := json:to-array((json:to-array(($x, $inputs)), json:to-array(($y, $labels))))
        for $turn in 1 to 6
        let $trained := cntk:train-minibatch($trainer, $bindings)
        return cntk:previous-minibatch-loss-average($trainer)"""
    losses = [float(text) for text in run(query)]
    assert len(losses) == 6
    assert all(later < earlier for earlier, later in pairwise(losses))


def test_a_training_function_is_called_for_its_effect(run: Run) -> None:
    """An unused result of a function that trains changes the trainer all the same."""
    query = """
        declare function local:train($trainer, $bindings) { cntk:train-minibatch($trainer, $bindings) };
        let $x := cntk:input-variable(cntk:shape((1)), "float")
        let $weight := cntk:parameter(cntk:shape((1)), "float", cntk:constant-initializer(0))
        let $model := cntk:element-times($x, $weight)
        let $rate := cntk:learning-rate-schedule-from-constant(0.1)
        let $trainer := cntk:trainer($model, cntk:sgd-learner($weight, $rate), cntk:squared-error($model, $x))
        let $bindings := json:to-array(json:to-array(($x, cntk:batch(cntk:shape((1)), json:to-array((1, 2))))))
        let $_ := local:train($trainer, $bindings)
        let $__ := local:train($trainer, $bindings)
        return cntk:total-number-of-sample-seen($trainer)"""
    assert run(query) == ["4"]
