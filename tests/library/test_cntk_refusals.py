"""Arguments of the right types that cannot be computed with: CNTK's sentence or ours, never a failure of Python."""

import logging

import pytest

from xquery_bridge.compute import CntkError
from xquery_bridge.engine import Engine
from xquery_bridge.errors import XQueryError
from xquery_bridge.library.cntk.rows import _pure

_ENGINE = Engine()

#: A function of these variables is evaluated with values for all of them.
_PROLOG = """
    declare function local:input($name, $shape, $axes) {
        cntk:input-variable(cntk:shape($shape), "float", fn:false(), fn:false(), $name, $axes)
    };
    let $batch := cntk:default-batch-axis()
    let $b := local:input("b", 2, $batch)
    let $free := local:input("free", cntk:shape-free-dimension(), $batch)
    let $s := local:input("s", 2, cntk:default-input-ariable-dynamic-axes())
    let $k := cntk:constant(cntk:shape(2), "float", 1, cntk:cpu(), "k")
    let $two := local:input("two", 2, $batch)
    let $three := cntk:constant(cntk:shape(3), "float", 1, cntk:cpu(), "three")
    let $one := cntk:scalar("float", 2)
    let $values := (
        json:to-array(($b, cntk:batch(cntk:shape(2), json:to-array(1 to 4)))),
        json:to-array(($two, cntk:batch(cntk:shape(2), json:to-array((1, 2))))),
        json:to-array(($free, cntk:batch(cntk:shape(3), json:to-array(1 to 6)))),
        json:to-array(($s, cntk:sequence(cntk:shape(2), json:to-array(1 to 6), fn:true()))))
    let $f := FUNCTION
    let $names := cntk:function-arguments($f) ! cntk:variable-name(.)
    let $bound := json:to-array($values[cntk:variable-name(json:array-values(.)[1]) = $names])
    return cntk:value-to-array($f, cntk:evaluate($f, $bound, $f))
"""

_REFUSED = [
    # sequences, where there are none
    ("cntk:sequence-where($k)", "Where: a condition with dynamic axes was expected, 'Constant('k', [2], [])' came."),
    ("cntk:sequence-gather($s, $k)", "Where: a condition with dynamic axes was expected"),
    ("cntk:sequence-gather($k, cntk:sequence-is-first($s))", "operation requires both inputs to be minibatch data"),
    ("cntk:sequence-scatter($s, $k)", "Where: a condition with dynamic axes was expected"),
    ("cntk:sequence-scatter($k, cntk:sequence-is-first($s))", "ScatterPacked: All operands 'Placeholder('operand'"),
    ("cntk:to-sequence-like($b, $k)", "Operand(1) 'Constant('k', [2], [])' must be a sequence"),
    ("cntk:to-sequence-like($b, $b)", "must be a sequence (have at least 2 dynamic axes)."),
    (
        "cntk:reconcile-dynamic-axes($b, $k)",
        "ReconcileDynamicAxis: layout operand 'Constant('k', [2], [])' must have at least one dynamic axis.",
    ),
    ("cntk:broadcast-as($b, $k)", "must have at least one dynamic axis."),
    ("cntk:sequence-first($k)", "must have at least one dynamic axis."),
    ("cntk:lstm-layer($k, map:map() => map:with('shape', 2))", "A loop needs an operand with a sequence axis"),
    # random numbers
    (
        'cntk:uniform-random(cntk:shape((2, cntk:shape-free-dimension())), "float")',
        "RandomDistribution: Output shape '[2 x *]' must not have an unbound dimension.",
    ),
    ('cntk:normal-random(cntk:unknown-shape(), "float")', "must not have an unbound dimension."),
    (
        'cntk:uniform-random(cntk:shape(2), "float", 3, 1)',
        "UniformRandom: low end of the range (3) must be < high end of the range (1)",
    ),
    ("cntk:uniform-random-like($b, 1, 1)", "UniformRandomLike: low end of the range (1) must be <"),
    ('cntk:uniform-random(cntk:shape(2), "float", 0, xs:double("INF"))', "a range within 3.40282e+38 was expected"),
    ('cntk:uniform-random(cntk:shape(2), "float", xs:double("NaN"), 1)', "low end of the range (nan)"),
    ('cntk:normal-random(cntk:shape(2), "float", 0, -1)', "standard deviation (-1) must be non-negative"),
    ("cntk:gumbel-random-like($b, 0, -1)", "GumbelRandomLike: scale (-1) must be non-negative"),
    ('cntk:bernoulli-random(cntk:shape(2), "float", 3)', "BernoulliRandom: mean (3) must be between 0 and 1"),
    ("cntk:random-sample($k, 0, fn:true())", "Number of requested samples must be > 0."),
    ("cntk:dropout($b, 1)", "Dropout: a rate from 0 up to, not including, 1 was expected, 1.0 came."),
    # dimensions that are known only when data comes
    ("cntk:plus($free, $b)", "(Plus operation): Input dimensions [3] and [2] are not compatible."),
    ("cntk:clip($free, $k, $k)", "Input dimensions [3] and [2] and [2] are not compatible."),
    ("cntk:squared-error($free, $b)", "Input dimensions [3] and [2] are not compatible."),
    ("cntk:cosine-distance($free, $b)", "InnerProduct: Matrices a and b should have same dimension."),
    ("cntk:transpose-times($b, $free)", "Times: The 1 leading dimensions of the right operand with shape '[3]'"),
    # other numbers of samples: $b comes with two, $two with one, $s with one sequence
    (
        "cntk:plus($b, $two)",
        "in data specified for the Function's arguments 'Input('two', [2], [#])' vs. 'Input('b', [2], [#])', though "
        "these arguments have the same dynamic axes '[#]'",
    ),
    ("cntk:squared-error($b, cntk:sequence-first($s))", "different numbers of samples or steps (2 and 1)."),
    ("cntk:cross-entropy-with-softmax($b, cntk:sequence-last($s))", "different numbers of samples or steps (2 and 1)."),
    ("cntk:classification-error($b, $s, 2)", "different numbers of samples or steps (2 and 3)."),
    # sizes that do not fit
    (
        "cntk:cosine-distance($b, $three)",
        "Binary elementwise operation CosDistance: Left operand 'Input('b', [2], [#])'",
    ),
    ("cntk:cosine-distance($b, $one)", "InnerProduct: Matrices a and b should have same dimension."),
    ("cntk:cosine-distance-with-negative-samples($b, $k, 1, 1)", "two operands with the same samples were expected."),
    (
        "cntk:softmax-on-axis($one, cntk:axis(0))",
        "number (1) of reduction axes exceeds the rank (0) of the operand shape '[]'.",
    ),
    ("cntk:log-softmax($one)", "number (1) of reduction axes exceeds the rank (0) of the operand shape '[]'."),
    ("cntk:argmax($b, cntk:axis(9))", "(ReduceElements operation) [2] can not be reduced along axes [10]"),
    ("cntk:eye-like($s, fn:false())", "must have exactly 2 axes including dynamic and static axes."),
    (
        "cntk:reshape($b, cntk:shape((1 to 2) ! cntk:shape-inferred-dimension()))",
        "Reshape: More than one axis's dimension was unspecified in the replacement shape '[? x ?]'",
    ),
    ("cntk:combine(())", "Combine: at least one operand was expected, none came."),
    ("cntk:sum(())", "Sum: at least one operand was expected, none came."),
    # sizes that nothing has, and no size at all
    ('cntk:pad($b, "constant", 18446744073709551615, 1)', "Pad: no dimension beyond 281474976710656 was expected"),
    ("cntk:one-hot-op($b, 18446744073709551615, fn:false(), cntk:axis(0))", "OneHotOp: no dimension beyond"),
    ("cntk:top-k($b, 5)", "TopK: number of requested elements k (=5) exceeds total number of elements (=2)"),
    ("cntk:top-k($b, 0)", "operation has 0 elements"),
    ("cntk:one-hot-op($b, 0, fn:false(), cntk:axis(0))", "operation has 0 elements"),
    ("cntk:dense-layer($b, map:map() => map:with('output-shape', 0))", "operation has 0 elements"),
]


@pytest.mark.parametrize(("function", "sentence"), _REFUSED, ids=[row[0][5:60] for row in _REFUSED])
def test_what_cannot_be_computed_is_refused_with_a_sentence(function, sentence):
    with pytest.raises(XQueryError) as caught:
        _ENGINE.evaluate(_PROLOG.replace("FUNCTION", function))
    assert (caught.value.code, caught.value.marklogic_code) == ("FOER0000", "XDMP-CNTKERR")
    assert sentence in caught.value.title


def _fails(error):
    def function(*arguments):
        raise error

    return function


@pytest.mark.parametrize("error", [ValueError("shapes (2,) (3,)\nmore"), IndexError(), AssertionError(), KeyError("a")])
def test_a_failure_that_no_check_foresaw_is_refused_and_logged_with_its_traceback(error, caplog):
    served = _pure("cntk:f", _fails(error), [], None)
    with caplog.at_level(logging.ERROR), pytest.raises(XQueryError) as caught:
        served()
    assert caught.value.marklogic_code == "XDMP-CNTKERR"
    assert caught.value.title.startswith(f"cntk:f: these arguments cannot be computed with ({type(error).__name__}")
    assert "\n" not in caught.value.title
    [record] = caplog.records
    assert record.exc_info is not None and record.exc_info[1] is error


def test_a_refusal_is_not_logged(caplog):
    with pytest.raises(XQueryError) as caught:
        _pure("cntk:f", _fails(CntkError("No.")), [], None)()
    assert caught.value.title == "No."
    assert not caplog.records


@pytest.mark.parametrize("error", [MemoryError(), RecursionError()])
def test_what_is_no_fault_of_the_arguments_passes(error):
    with pytest.raises(type(error)):
        _pure("cntk:f", _fails(error), [], None)()
