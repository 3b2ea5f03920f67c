"""Maps of options: keys, their other names, kinds of values, and what is refused."""

import pytest

from xquery_bridge.engine import Engine
from xquery_bridge.errors import XQueryError

_ENGINE = Engine()

_IMAGE = 'cntk:input-variable(cntk:shape((6, 5, 2)), "float", fn:false(), fn:false(), "x", cntk:default-batch-axis())'
_KERNEL = 'cntk:parameter-from-scalar(cntk:shape((3, 3, 2, 4)), "float", 1)'


def _options(**options):
    return "map:map()" + "".join(f' => map:with("{key.replace("_", "-")}", {value})' for key, value in options.items())


def _shape(expression):
    [text] = _ENGINE.evaluate(f"xdmp:quote(cntk:variable-shape({expression}))")
    return text.removeprefix("cntk:shape(").removesuffix(")")


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        (_options(auto_padding="fn:false()"), "[4 x 3 x 4]"),
        (_options(auto_padding="(fn:true(), fn:true(), fn:false())"), "[6 x 5 x 4]"),
        (_options(pad="(fn:true(), fn:true(), fn:false())", strides="2"), "[3 x 3 x 4]"),
        (_options(pad="fn:false()", strides="cntk:shape((2, 1))"), "[2 x 3 x 4]"),
        (_options(pad="fn:false()", strides="(2, 1)"), "[2 x 3 x 4]"),
        (_options(pad="fn:false()", filter_shape="(3, 3)", num_filters="4"), "[4 x 3 x 4]"),
    ],
)
def test_a_convolution_takes_lists_shapes_and_single_values(options, shape):
    assert _shape(f"cntk:convolution({_KERNEL}, {_IMAGE}, {options})") == shape


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            _options(filter_shape="(2, 3)"),
            "the filter shape [2 x 3] was given, the kernel has the shape [3 x 3",
        ),
        (_options(num_filters="3"), "3 filters were asked for, the kernel has the shape [3 x 3 x 2 x 4]"),
    ],
)
def test_options_of_the_layer_form_must_agree_with_the_kernel(options, sentence):
    with pytest.raises(XQueryError) as caught:
        _ENGINE.evaluate(f"cntk:convolution({_KERNEL}, {_IMAGE}, {options})")
    assert sentence in caught.value.title


def test_an_unknown_key_is_refused_with_the_keys_allowed():
    with pytest.raises(XQueryError) as caught:
        _ENGINE.evaluate(f"cntk:max-pooling-layer({_IMAGE}, {_options(filter='2')})")
    assert caught.value.marklogic_code == "XDMP-CNTKERR"
    assert caught.value.title == (
        'cntk:max-pooling-layer: "filter" is not an option; the options are filter-shape, strides, '
        "pad or auto-padding, name."
    )


def test_both_names_of_one_option_are_refused():
    with pytest.raises(XQueryError) as caught:
        _ENGINE.evaluate(f"cntk:dense-layer({_IMAGE}, {_options(shape='2', output_shape='3')})")
    assert caught.value.title == "cntk:dense-layer: output-shape and shape are one option, several came."


@pytest.mark.parametrize(
    ("options", "expected", "came"),
    [
        (_options(output_shape="'two'"), "whole numbers or a cntk:shape", "xs:string"),
        (_options(output_shape="(2, -1)"), "whole numbers or a cntk:shape, none negative", "xs:integer, xs:integer"),
        (_options(output_shape="2", input_rank="-1"), "a whole number that is not negative", "xs:integer"),
        (_options(output_shape="2", bias="1"), "a boolean", "xs:integer"),
        (_options(output_shape="2", activation="cntk:cpu()"), "a string", "cntk:device"),
        (_options(output_shape="2", activation="'relay'"), "the name of an activation", "xs:string"),
        (_options(output_shape="2", init="'big'"), "a cntk:initializer, a number or a cntk:value", "xs:string"),
        (_options(output_shape="2", map_rank="1.5"), "a whole number", "xs:decimal"),
        (_options(output_shape="2", name="(1, 2)"), "a string", "xs:integer, xs:integer"),
    ],
)
def test_a_value_of_another_kind_is_a_type_error(options, expected, came):
    with pytest.raises(XQueryError) as caught:
        _ENGINE.evaluate(f"cntk:dense-layer({_IMAGE}, {options})")
    assert (caught.value.marklogic_code, caught.value.code) == ("XDMP-AS", "XPTY0004")
    assert f"takes {expected}" in caught.value.title
    assert f", {came} came; the options are output-shape or shape, activation" in caught.value.title


def test_an_option_that_a_layer_needs_is_missed():
    with pytest.raises(XQueryError) as caught:
        _ENGINE.evaluate(f"cntk:dense-layer({_IMAGE}, map:map())")
    assert caught.value.title == "cntk:dense-layer: the option output-shape was expected, it is missing."


@pytest.mark.parametrize(
    ("init", "expected"),
    [
        ("0.5", [0.5, 0.5]),
        ("cntk:constant-initializer(2)", [2, 2]),
        ("cntk:value(cntk:shape((1, 2)), json:to-array((7, 8)))", [7, 8]),
    ],
)
def test_weights_are_filled_by_a_number_an_initializer_or_a_value(init, expected):
    query = f"""
        let $x := cntk:input-variable(cntk:shape(2), "float")
        let $f := cntk:dense-layer($x, {_options(output_shape="1", init=init, bias="fn:false()")})
        let $w := cntk:function-parameters($f)
        return json:array-values(cntk:value-to-array($w, cntk:parameter-value($w)), fn:true())
    """
    assert _ENGINE.evaluate(query) == expected


def test_learners_take_their_options_from_a_map():
    query = """
        let $p := cntk:parameter-from-scalar(cntk:shape(1), "double", 0)
        let $x := cntk:input-variable(cntk:shape(1), "double", fn:false(), fn:false(), "x", cntk:default-batch-axis())
        let $options := map:map() => map:with("gradient-clipping-threshold-per-sample", 0.25)
        let $learner := cntk:sgd-learner($p, cntk:learning-rate-schedule-from-constant(1, 1), $options)
        let $f := cntk:element-times($p, $x)
        let $trainer := cntk:trainer($f, $learner, $f)
        let $done := cntk:train-minibatch($trainer, json:to-array(
          ($x, cntk:batch(cntk:shape(1), json:to-array(8), cntk:cpu(), "double"))))
        return json:array-values(cntk:value-to-array($p, cntk:parameter-value($p)), fn:true())
    """
    assert _ENGINE.evaluate(query) == [-0.25]
    with pytest.raises(XQueryError) as caught:
        _ENGINE.evaluate(query.replace("per-sample", "per-batch"))
    assert "l1-regularization-weight, l2-regularization-weight" in caught.value.title


def test_a_lattice_criterion_needs_the_names_of_its_files():
    query = f"cntk:lattice-sequence-with-softmax({', '.join([_IMAGE] * 4)}, map:map())"
    with pytest.raises(XQueryError) as caught:
        _ENGINE.evaluate(query)
    assert caught.value.title == (
        "cntk:lattice-sequence-with-softmax: the option sym-list-path, phone-path, state-list-path, trans-prob-path "
        "was expected, it is missing."
    )


def test_tokens_beyond_64_bits_are_accepted_and_never_met():
    query = """
        let $a := cntk:input-variable(cntk:shape(3), "float")
        let $v := cntk:sequence(cntk:shape(3), json:to-array((1, 0, 0, 0, 1, 0)), fn:true())
        let $f := cntk:edit-distance-error($a, $a, 1, 1, 1, fn:false(), (-100000000000000000000, 5))
        return xdmp:quote(cntk:value-to-array($f, cntk:evaluate($f, json:to-array(($a, $v)), $f)))
    """
    assert _ENGINE.evaluate(query) == ["[[0]]"]
