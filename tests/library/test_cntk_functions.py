"""Functions from queries: their parts, evaluation, blocks, model files; learners and trainers."""

import pytest

from xquery_bridge.engine import Engine
from xquery_bridge.errors import XQueryError

_ENGINE = Engine()


def _input(name, size=2):
    options = f'fn:false(), fn:false(), "{name}", cntk:default-batch-axis()'
    return f'cntk:input-variable(cntk:shape({size}), "double", {options})'


@pytest.mark.parametrize(
    ("function", "order", "python_order"),
    [
        ("cntk:times($m, $x)", "m x", "x m"),
        ("cntk:plus(cntk:times($m, $x), $y)", "m x y", "x m y"),
        ("cntk:minus($y, $x)", "y x", "y x"),
        ("cntk:plus($x, $x)", "x", "x"),
    ],
)
def test_arguments_come_depth_first_and_in_row_major_order_with_products_exchanged(function, order, python_order):
    query = f"""
        let $m := cntk:input-variable(cntk:shape((2, 2)), "double", fn:false(), fn:false(), "m", ())
        let $x := {_input("x")}
        let $y := {_input("y")}
        let $f := {function}
        for $row-major in (fn:false(), fn:true())
        return fn:string-join(cntk:function-arguments($f, $row-major) ! cntk:variable-name(.), " ")
    """
    assert _ENGINE.evaluate(query) == [order, python_order]


def test_evaluation_gives_a_value_for_each_output_asked_for():
    query = f"""
        let $x := {_input("x")}
        let $f := cntk:combine((cntk:negate($x), cntk:square($x)))
        let $v := json:to-array(($x, cntk:batch(cntk:shape(2), json:to-array(1 to 4), cntk:cpu(), "double")))
        for $value in cntk:evaluate($f, $v, cntk:function-outputs($f))
        return json:array-values(cntk:value-to-array($x, $value), fn:true())
    """
    assert _ENGINE.evaluate(query) == [-1, -2, -3, -4, 1, 4, 9, 16]


def test_a_block_has_its_name_and_the_arguments_outside():
    query = f"""
        let $p := cntk:placeholder-variable()
        let $x := {_input("x")}
        let $f := cntk:as-block(cntk:square(cntk:abs($p)), json:to-array(($p, $x)), "Twice", "block")
        return (xdmp:quote($f), cntk:function-name($f), cntk:function-is-block(cntk:variable-owner($f)))
    """
    quoted = (
        "cntk:function(Composite Twice (Input(Name(x), Shape([2]), Dynamic Axes([Batch Axis(Default Batch Axis)]))))"
    )
    assert _ENGINE.evaluate(query) == [quoted, "block", True]


def test_a_saved_function_reads_back_with_its_numbers():
    query = f"""
        let $x := {_input("x", 3)}
        let $f := cntk:dense-layer($x, map:map() => map:with("output-shape", 2) => map:with("activation", "tanh"))
        let $read := cntk:function(cntk:function-save($f)/node())
        for $g in ($f, $read)
        let $data := cntk:batch(cntk:shape(3), json:to-array((1, -2, 0.5)), cntk:cpu(), "double")
        let $values := cntk:evaluate($g, json:to-array((cntk:function-arguments($g), $data)), $g)
        return xdmp:quote(cntk:value-to-array($g, $values))
    """
    first, second = _ENGINE.evaluate(query)
    assert first == second
    assert first != "[[0, 0]]"


def test_other_formats_and_other_bytes_are_refused():
    with pytest.raises(XQueryError) as caught:
        _ENGINE.evaluate('cntk:function(binary { xs:hexBinary("00") }, cntk:cpu(), "hdf5")')
    assert 'cntk:function: $format: one of "cntkv2", "cntk"' in caught.value.title
    with pytest.raises(XQueryError) as caught:
        _ENGINE.evaluate('cntk:function(binary { xs:hexBinary("0102") })')
    assert caught.value.marklogic_code == "XDMP-CNTKERR"


def test_an_initial_state_or_a_delay_of_0_is_a_function_too():
    query = """
        let $x := cntk:input-variable(cntk:shape(1), "float", fn:false(), fn:false(), "x")
        for $step in (1, -1, 0)
        let $f := cntk:sequence-delay($x, cntk:scalar("float", 9), $step)
        let $v := cntk:sequence(cntk:shape(1), json:to-array(1 to 3), fn:true())
        return xdmp:quote(cntk:value-to-array($f, cntk:evaluate($f, json:to-array(($x, $v)), $f)))
    """
    assert _ENGINE.evaluate(query) == ["[[9, 1, 2]]", "[[2, 3, 9]]", "[[1, 2, 3]]"]


_TRAIN = f"""
    declare function local:numbers($p) {{
      json:array-values(cntk:value-to-array($p, cntk:parameter-value($p)), fn:true())
    }};
    let $x := {_input("x", 1)}
    let $y := {_input("y", 1)}
    let $p := cntk:parameter-from-scalar(cntk:shape(1), "double", 0.5, cntk:cpu(), "p")
    let $z := cntk:element-times($p, $x)
    let $loss := cntk:squared-error($z, $y)
    let $trainer := cntk:trainer($z, LEARNER, $loss)
    let $one := cntk:batch(cntk:shape(1), json:to-array((1, 2)), cntk:cpu(), "double")
    let $two := cntk:batch(cntk:shape(1), json:to-array((2, 4)), cntk:cpu(), "double")
    let $minibatch := json:to-array((json:to-array(($x, $one)), json:to-array(($y, $two))))
"""
_SGD = "cntk:sgd-learner($p, cntk:learning-rate-schedule-from-constant(0.05, 1))"


def test_a_step_goes_down_the_gradient_and_tells_the_loss_before_it():
    query = (
        _TRAIN.replace("LEARNER", _SGD)
        + """
        return (
          cntk:train-minibatch($trainer, $minibatch), local:numbers($p),
          cntk:previous-minibatch-loss-average($trainer), cntk:previous-minibatch-sample-count($trainer),
          cntk:total-number-of-sample-seen($trainer), xdmp:quote(cntk:trainer-get-model($trainer)) = xdmp:quote($z))
    """
    )
    # loss (1.5² + 3²) / 2; gradient -2 (1.5 · 1 + 3 · 2)
    assert _ENGINE.evaluate(query) == pytest.approx([True, 0.5 + 0.05 * 15, 5.625, 2, 2, True])


def test_a_refused_minibatch_leaves_trainer_and_parameters_as_they_were():
    query = (
        _TRAIN.replace("LEARNER", _SGD)
        + """
        let $error :=
          try { cntk:train-minibatch($trainer, json:to-array(($x, $one))) }
          catch ($e) { $e/error:code/string() }
        return ($error, local:numbers($p), cntk:total-number-of-sample-seen($trainer))
    """
    )
    assert _ENGINE.evaluate(query) == ["XDMP-CNTKERR", 0.5, 0]


@pytest.mark.parametrize(
    "learner",
    [
        "cntk:momentum-sgd-learner($p, RATE, MOMENTUM)",
        "cntk:nesterov-learner($p, RATE, MOMENTUM, fn:false())",
        "cntk:ada-grad-learner($p, RATE, fn:false())",
        "cntk:ada-delta-learner($p, RATE, 0.9, 1e-6)",
        "cntk:rms-prop-learner($p, RATE, 0.95, 1.2, 0.7, 10, 0.01)",
        "cntk:adam-learner($p, RATE, MOMENTUM, fn:true(), MOMENTUM, 1e-8, fn:true(), map:map())",
        "cntk:fs-ada-grad-learner($p, RATE, MOMENTUM)",
    ],
)
def test_every_learner_comes_nearer(learner):
    learner = learner.replace("RATE", "cntk:learning-rate-schedule-from-constant(0.01, 1)")
    learner = learner.replace("MOMENTUM", "cntk:momentum-schedule-from-constant(0.9)")
    query = (
        _TRAIN.replace("LEARNER", learner)
        + """
        let $losses := for $i in 1 to 5
          let $done := cntk:train-minibatch($trainer, $minibatch, $i = 5)
          return cntk:previous-minibatch-loss-average($trainer)
        return $losses[5] lt $losses[1]
    """
    )
    assert _ENGINE.evaluate(query) == [True]


def test_averages_before_any_minibatch_and_without_criterion_are_refused():
    for function, sentence in (
        ("loss", "There was no preceding call to TrainMinibatch or the minibatch was empty."),
        ("evaluation", "Cannot get evaluation criterion value when no evaluation function was specified"),
    ):
        with pytest.raises(XQueryError) as caught:
            _ENGINE.evaluate(
                _TRAIN.replace("LEARNER", _SGD) + f"return cntk:previous-minibatch-{function}-average($trainer)"
            )
        assert sentence in caught.value.title


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ("json:to-array((json:to-array((10, 0.1)), json:to-array((5, 0.05))))", True),
        ("json:to-array((10, 0.1))", True),
        ("json:to-array(('ten', 0.1))", False),
        ("json:to-array(json:to-array((1.5, 0.1)))", False),
    ],
)
def test_schedules_are_made_of_pairs_of_a_count_and_a_number(pairs, expected):
    query = f"cntk:learning-rate-schedule-from-pairs({pairs}, 100) instance of cntk:schedule"
    if expected:
        assert _ENGINE.evaluate(query) == [True]
    else:
        with pytest.raises(XQueryError) as caught:
            _ENGINE.evaluate(query)
        assert caught.value.code == "XPTY0004"
