"""The quoted forms of cntk: items, on one line each."""

import pytest

from xquery_bridge.engine import Engine
from xquery_bridge.errors import XQueryError

_ENGINE = Engine()

_BOTH = "Dynamic Axes([Sequence Axis(Default Dynamic Axis), Batch Axis(Default Batch Axis)])"

_FORMS = [
    ("cntk:shape((2, 2))", "cntk:shape([2 x 2])"),
    ("cntk:shape(())", "cntk:shape([])"),
    ("cntk:axis(-1)", "cntk:axis(Static Axis(-1))"),
    ("cntk:default-input-ariable-dynamic-axes()[1]", "cntk:axis(Sequence Axis(Default Dynamic Axis))"),
    ("cntk:default-batch-axis()", "cntk:axis(Batch Axis(Default Batch Axis))"),
    ('cntk:dynamic-axis("q")', "cntk:axis(Sequence Axis(q))"),
    ('cntk:dynamic-axis("q", fn:false())', "cntk:axis(Batch Axis(q))"),
    ("cntk:all-static-axes()", "cntk:axis(All Static Axes)"),
    ("cntk:cpu()", "cntk:device(CPU)"),
    ("cntk:gpu(1)", "cntk:device(GPU(1))"),
    ('cntk:input-variable(cntk:shape(3), "float")', f"cntk:variable(Input(Uid(Input0), Shape([3]), {_BOTH}))"),
    (
        'cntk:input-variable(cntk:shape(()), "float", fn:false(), fn:false(), "x", ())',
        "cntk:variable(Input(Name(x), Shape([]), Dynamic Axes([])))",
    ),
    (
        "cntk:placeholder-variable()",
        "cntk:variable(Placeholder(Uid(Placeholder0), Shape([???]), Dynamic Axes([???])))",
    ),
    ('cntk:scalar("double", 2)', "cntk:constant(Constant(Uid(Constant0), Shape([]), Dynamic Axes([])))"),
    (
        'cntk:parameter-from-scalar(cntk:shape((2, 3)), "float", 0, cntk:cpu(), "W")',
        "cntk:parameter(Parameter(Name(W), Shape([2 x 3]), Dynamic Axes([])))",
    ),
    (
        'cntk:round(cntk:input-variable(cntk:shape(3), "float"))',
        f"cntk:function(Composite Floor (Input(Uid(Input0), Shape([3]), {_BOTH})))",
    ),
    (
        'cntk:variable-owner(cntk:abs(cntk:scalar("float", 1)))',
        "cntk:function(Abs ())",
    ),
    (
        "cntk:momentum-schedule-from-constant(0.9, 32)",
        "cntk:schedule(Data Type(double), Mini Batch Size(32), Sweep Based(true), Full Data Sweep(0), "
        "Current Version(2))",
    ),
    (
        "cntk:batch(cntk:shape(2), json:to-array(1 to 6), cntk:gpu(0), 'double')",
        "cntk:value(Data Type(double), Shape([2 x 3]), Device(GPU(0)))",
    ),
    ("cntk:constant-initializer(1.5)", "cntk:initializer(Constant(Value(1.5)))"),
    (
        'cntk:sgd-learner(cntk:parameter-from-scalar(cntk:shape(1), "float", 0), '
        "cntk:learning-rate-schedule-from-constant(1))",
        "cntk:learner(SGD)",
    ),
]


@pytest.mark.parametrize(("expression", "expected"), _FORMS, ids=[form[1][:60] for form in _FORMS])
def test_an_item_is_quoted_by_type_and_description(expression, expected):
    assert _ENGINE.evaluate(f"xdmp:quote({expression})") == [expected]


def test_a_trainer_shows_its_parts_and_the_samples_seen():
    query = """
        let $x := cntk:input-variable(cntk:shape(1), "float", fn:false(), fn:false(), "x", cntk:default-batch-axis())
        let $p := cntk:parameter-from-scalar(cntk:shape(1), "float", 0)
        let $loss := cntk:square(cntk:plus($x, $p))
        let $learner := cntk:sgd-learner($p, cntk:learning-rate-schedule-from-constant(1))
        let $trainer := cntk:trainer($loss, $learner, $loss)
        let $minibatch := json:to-array(($x, cntk:batch(cntk:shape(1), json:to-array(1 to 3))))
        return (cntk:train-minibatch($trainer, $minibatch), xdmp:quote($trainer))
    """
    expected = "cntk:trainer(Model(ElementTimes), Loss(ElementTimes), Learners([SGD]), Samples Seen(3))"
    assert _ENGINE.evaluate(query) == [True, expected]


def test_an_erased_value_says_so():
    query = "let $v := cntk:value(cntk:shape(1), json:to-array(1)) return (cntk:value-erase($v), xdmp:quote($v))"
    assert _ENGINE.evaluate(query) == ["cntk:value(Erased)"]


def test_answers_name_the_type_of_the_item():
    [part] = _ENGINE.answer('cntk:scalar("float", 1)').parts
    assert (part.content_type, part.primitive) == ("text/plain", "cntk:constant")


@pytest.mark.parametrize("query", ["fn:string(cntk:cpu())", "cntk:cpu() || ''", "cntk:cpu() eq cntk:cpu()"])
def test_an_item_has_neither_a_typed_nor_a_string_value(query):
    with pytest.raises(XQueryError) as caught:
        _ENGINE.evaluate(query)
    assert caught.value.marklogic_code == "XDMP-AS"
    assert caught.value.code in ("FOTY0013", "FOTY0014")
