"""The quoted forms of cntk: items, on one line each."""

import logging

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
    (
        'cntk:function-output(cntk:abs(cntk:input-variable(cntk:shape(3), "float")))',
        f"cntk:variable(Output(Uid(Abs1_Output_0), Shape([3]), {_BOTH}))",
    ),
    (
        'cntk:times(cntk:parameter-from-scalar(cntk:shape((2, 3)), "float", 0), cntk:plus('
        'cntk:input-variable(cntk:shape(3), "float", fn:false(), fn:false(), "b", cntk:default-batch-axis()), '
        'cntk:input-variable(cntk:shape(3), "float", fn:false(), fn:false(), "a", cntk:default-batch-axis())))',
        "cntk:function(Composite Times (Input(Name(b), Shape([3]), Dynamic Axes([Batch Axis(Default Batch Axis)])), "
        "Input(Name(a), Shape([3]), Dynamic Axes([Batch Axis(Default Batch Axis)]))))",
    ),
    (
        'cntk:input-variable(cntk:shape((cntk:shape-free-dimension(), 2)), "float", fn:false(), fn:false(), "x", '
        '(cntk:dynamic-axis("words"), cntk:dynamic-axis("texts", fn:false())))',
        "cntk:variable(Input(Name(x), Shape([* x 2]), Dynamic Axes([Sequence Axis(words), Batch Axis(texts)])))",
    ),
    ("cntk:all-axes()", "cntk:axis(All Axes)"),
    ("cntk:unknown-dynamic-axes()", "cntk:axis(Unknown Axes)"),
    ("cntk:unknown-shape()", "cntk:shape([???])"),
    (
        "cntk:glorot-uniform-initializer(2, 1, 0, 7)",
        "cntk:initializer(GlorotUniform(Scale(2), Output Rank(1), Filter Rank(0), Seed(7)))",
    ),
    ("cntk:constant-initializer(1.5)", "cntk:initializer(Constant(Value(1.5)))"),
    (
        'cntk:sgd-learner(cntk:parameter-from-scalar(cntk:shape(1), "float", 0), '
        "cntk:learning-rate-schedule-from-constant(1))",
        "cntk:learner(SGD)",
    ),
]


_EACH_FORM = pytest.mark.parametrize(("expression", "expected"), _FORMS, ids=[form[1][:60] for form in _FORMS])


@_EACH_FORM
def test_an_item_is_quoted_and_described_by_type_and_description(expression, expected):
    query = f"let $item := {expression} return (xdmp:quote($item), xdmp:describe($item))"
    assert _ENGINE.evaluate(query) == [expected, expected]


@_EACH_FORM
def test_an_answer_has_the_form_as_plain_text_and_names_the_type(expression, expected):
    [part] = _ENGINE.answer(expression).parts
    assert (part.content_type, part.primitive) == ("text/plain", expected.partition("(")[0])
    assert part.body.decode() == expected


@_EACH_FORM
def test_a_log_has_the_form_on_one_line(expression, expected, caplog):
    with caplog.at_level(logging.INFO):
        _ENGINE.evaluate(f"xdmp:log(('item', {expression}))")
    assert [record.getMessage() for record in caplog.records if expected in record.getMessage()] == [f"item {expected}"]


#: Expressions over $x [4 x 2], an input with the default axes, and CNTK's own description of their results.
_DESCRIBED = [
    ("$x", "Input('Input0', [4 x 2], [*, #])"),
    ('cntk:input-variable(cntk:shape(3), "float", fn:false(), fn:false(), "x", ())', "Input('x', [3], [])"),
    ('cntk:input-variable(cntk:shape(()), "float", fn:false(), fn:false(), "x", cntk:default-batch-axis())',
     "Input('x', [], [#])"),
    ('cntk:input-variable(cntk:shape(1), "float", fn:false(), fn:false(), "x",'
     ' (cntk:dynamic-axis("words"), cntk:default-batch-axis()))', "Input('x', [1], [words, #])"),
    ('cntk:input-variable(cntk:shape((cntk:shape-free-dimension(), 2)), "float")', "Input('Input1', [* x 2], [*, #])"),
    ('cntk:parameter(cntk:shape((2, cntk:shape-inferred-dimension())), "float", cntk:glorot-uniform-initializer())',
     "Parameter('Parameter1', [2 x ?], [])"),
    ('cntk:scalar("float", 1)', "Constant('Constant1', [], [])"),
    ("cntk:placeholder-variable()", "Placeholder('Placeholder1', [???], [???])"),
    ("cntk:softmax($x)", "Output('Softmax1_Output_0', [4 x 2], [*, #])"),
    ('cntk:softmax($x, "p")', "Output('p', [4 x 2], [*, #])"),
    ("cntk:sequence-slice($x, 0, 2)", "Output('Block19_Output_0', [4 x 2], [defaultDynamicAxis_fixedSliceOf_2, #])"),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "expected"), _DESCRIBED, ids=[form[1] for form in _DESCRIBED])
def test_a_variable_as_string_is_cntks_own_description(expression, expected):
    query = f'let $x := cntk:input-variable(cntk:shape((4, 2)), "float") return cntk:variable-as-string({expression})'
    assert _ENGINE.evaluate(query) == [expected]


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


@pytest.mark.parametrize("query", ["fn:string(cntk:cpu())", "cntk:cpu() || ''", "cntk:cpu() eq cntk:cpu()"])
def test_an_item_has_neither_a_typed_nor_a_string_value(query):
    with pytest.raises(XQueryError) as caught:
        _ENGINE.evaluate(query)
    assert caught.value.marklogic_code == "XDMP-AS"
    assert caught.value.code in ("FOTY0013", "FOTY0014")
