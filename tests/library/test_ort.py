"""The `ort:` namespace: models run by onnxruntime from a query."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from onnx import parser

from xquery_bridge import XQueryError
from xquery_bridge.library.ort import sessions

Evaluate = Callable[..., list[Any]]

FUNCTIONS = {
    "get-value": (2,),
    "map": (2,),
    "run": (2, 3),
    "sequence": (1,),
    "session": (1, 2),
    "session-input-count": (1,),
    "session-input-name": (2,),
    "session-input-type": (2,),
    "session-output-count": (1,),
    "session-output-name": (2,),
    "session-output-type": (2,),
    "string": (2,),
    "string-content": (1,),
    "value": (3,),
    "value-count": (1,),
    "value-get-array": (1,),
    "value-get-shape": (1,),
    "value-get-type": (1,),
    "value-is-tensor": (1,),
}


def binary(text: str, opset: int = 17) -> str:
    """A model in ONNX' text form as a constructor of a binary node."""
    model = parser.parse_model(f'<ir_version: 8, opset_import: ["": {opset}, "ai.onnx.ml": 3]> {text}')
    return f'binary {{ xs:hexBinary("{model.SerializeToString().hex()}") }}'


DOUBLED = binary("g (float[N,2] x) => (float[N,2] y, float[N,2] z) { y = Add(x, x) z = Neg(x) }")


def refusal(enhanced: Evaluate, query: str) -> str:
    with pytest.raises(XQueryError) as raised:
        enhanced(query)
    return str(raised.value)


@pytest.mark.parametrize(("name", "arity"), [(name, n) for name, arities in FUNCTIONS.items() for n in arities])
def test_every_function_is_found(enhanced: Evaluate, name: str, arity: int) -> None:
    assert enhanced(f'fn:function-arity(fn:function-lookup(xs:QName("ort:{name}"), {arity}))') == [arity]


def test_a_session_runs_a_model(enhanced: Evaluate) -> None:
    query = f"""
        let $session := ort:session({DOUBLED})
        let $result := ort:run($session, map:entry("x", ort:value((1, 2.5, -3, 4), (2, 2), "float")))
        return (ort:value-get-array(map:get($result, "y")), ort:value-get-shape(map:get($result, "y")),
          map:keys($result))
    """
    assert enhanced(query) == [2, 5, -6, 8, 2, 2, "y", "z"]


def test_a_session_tells_its_inputs_and_outputs(enhanced: Evaluate) -> None:
    query = f"""
        let $session := ort:session({DOUBLED})
        let $type := ort:session-input-type($session, 0)
        return (
          ort:session-input-count($session), ort:session-output-count($session),
          ort:session-input-name($session, 0), ort:session-output-name($session, 1),
          map:get($type, "kind"), map:get($type, "element-type"), json:array-values(map:get($type, "shape")),
          map:get(ort:session-output-type($session, 0), "element-type"))
    """
    assert enhanced(query) == [1, 2, "x", "z", "tensor", "float", -1, 2, "float"]


def test_items_are_of_their_types_and_print(enhanced: Evaluate) -> None:
    query = f"""
        let $items := (ort:session({DOUBLED}), ort:value((1, 2), (1, 2), "int64"))
        return (
          $items ! xdmp:quote(.),
          $items ! (typeswitch (.) case ort:session return "session" case ort:value return "value" default return ""))
    """
    assert enhanced(query) == [
        "ort:session(Inputs(x tensor(float)[N x 2]), Outputs(y tensor(float)[N x 2], z tensor(float)[N x 2]))",
        "ort:value(Tensor(int64), Shape([1 x 2]))",
        "session",
        "value",
    ]
    assert "FOTY0013" in refusal(enhanced, 'fn:string(ort:value(1, 1, "float"))')


@pytest.mark.parametrize(
    ("type_name", "numbers", "expected"),
    [
        ("float", "(0.1, 2)", ["xs:float", "xs:float"]),
        ("double", "(0.1, 2)", ["xs:double", "xs:double"]),
        ("float16", "(0.5, 2)", ["xs:float", "xs:float"]),
        ("int8", "(-1, 2)", ["xs:integer", "xs:integer"]),
        ("uint64", "(1, 18446744073709551615)", ["xs:integer", "xs:integer"]),
        ("bool", "(1, 0)", ["xs:integer", "xs:integer"]),
    ],
)
def test_tensors_keep_numbers_of_every_type(
    enhanced: Evaluate, type_name: str, numbers: str, expected: list[str]
) -> None:
    query = f"""
        let $value := ort:value({numbers}, 2, "{type_name}")
        let $back := ort:value-get-array($value)
        return (
          ort:value-get-type($value), ort:value-is-tensor($value),
          every $pair in 1 to 2 satisfies fn:abs($back[$pair] - {numbers}[$pair]) lt 1e-6,
          $back ! fn:string(xdmp:type(.)))
    """
    assert enhanced(query) == [type_name, True, True, *(name.removeprefix("xs:") for name in expected)]


def test_texts_sequences_and_maps(enhanced: Evaluate) -> None:
    query = """
        let $texts := ort:string(("a", "b"), (2, 1))
        let $map := ort:map(ort:value((7, 8), 2, "int64"), ort:value((0.5, 1.5), 2, "float"))
        let $sequence := ort:sequence(($map, $map))
        return (
          ort:string-content($texts), ort:value-get-type($texts),
          ort:value-count($map), ort:value-get-array(ort:get-value($map, 0)),
          ort:value-get-array(ort:get-value($map, 1)),
          ort:value-count($sequence), ort:value-get-type(ort:get-value($sequence, 1)), ort:value-is-tensor($sequence))
    """
    assert enhanced(query) == ["a", "b", "string", 2, 7, 8, 0.5, 1.5, 2, "map", False]


def test_a_classifier_that_gives_maps(enhanced: Evaluate) -> None:
    model = binary(
        "g (float[N,2] x) => (seq(map(int64, float)) y) { y = ai.onnx.ml.ZipMap<classlabels_int64s=[5, 6]>(x) }"
    )
    query = f"""
        let $result := ort:run(ort:session({model}), map:entry("x", ort:value((0.25, 0.75), (1, 2), "float")))
        let $first := ort:get-value(map:get($result, "y"), 0)
        return (ort:value-get-array(ort:get-value($first, 0)), ort:value-get-array(ort:get-value($first, 1)))
    """
    assert enhanced(query) == [5, 6, 0.25, 0.75]


def test_options_of_sessions_and_runs(enhanced: Evaluate) -> None:
    query = f"""
        let $options := map:entry("execution-mode", "parallel") => map:with("intra-op-num-threads", 1)
                          => map:with("graph-optimization-level", "basic") => map:with("enable-mem-pattern", fn:false())
        let $session := ort:session({DOUBLED}, $options)
        let $inputs := map:entry("x", ort:value((1, 2), (1, 2), "float"))
        return ort:value-get-array(map:get(ort:run($session, $inputs, map:entry("run-tag", "t")), "y"))
    """
    assert enhanced(query) == [2, 4]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ('ort:session(binary { xs:hexBinary("00") })', "XDMP-ORTERR"),
        ('ort:session(binary { xs:hexBinary("") })', "empty"),
        ("ort:session(<model/>)", "binary node was expected, element"),
        (f'ort:session({DOUBLED}, map:entry("speed", 1))', '"speed" is not an option'),
        (f'ort:session({DOUBLED}, map:entry("execution-mode", "fast"))', "one of sequential, parallel"),
        (f"ort:session-input-name(ort:session({DOUBLED}), 1)", "from 0 to 0"),
        (f"ort:run(ort:session({DOUBLED}), map:map())", "inputs x were expected, for none came"),
        (f'ort:run(ort:session({DOUBLED}), map:entry("x", 1))', "an ort:value was expected"),
        (f'ort:run(ort:session({DOUBLED}), map:entry("x", ort:value((1, 2, 3), (1, 3), "float")))', "XDMP-ORTERR"),
        (f'ort:run(ort:session({DOUBLED}), map:entry("x", ort:value((1, 2), (1, 2), "int64")))', "XDMP-ORTERR"),
        ('ort:value((1, 2), 3, "float")', "shape [3]"),
        ('ort:value(1, 1, "number")', "one of float, double"),
        ('ort:value(1.5, 1, "int32")', "fit int32"),
        ('ort:value(300, 1, "uint8")', "fit uint8"),
        ('ort:string-content(ort:value(1, 1, "float"))', "strings was expected"),
        ('ort:value-count(ort:value(1, 1, "float"))', "a tensor came"),
        ('ort:get-value(ort:sequence(ort:string("a", 1)), 1)', "from 0 to 0"),
        ('ort:sequence((ort:string("a", 1), ort:value(1, 1, "float")))', "string and float came"),
        ('ort:map(ort:value(0.5, 1, "float"), ort:value(1, 1, "float"))', "int64 or string"),
    ],
)
def test_what_does_not_fit_is_refused(enhanced: Evaluate, query: str, sentence: str) -> None:
    assert sentence in refusal(enhanced, query)


def test_a_model_is_loaded_once_for_its_bytes_and_options() -> None:
    model = parser.parse_model(
        '<ir_version: 8, opset_import: ["": 17]> g (float[1] x) => (float[1] y) { y = Abs(x) }'
    ).SerializeToString()
    first = sessions.session_for(model, {})
    assert sessions.session_for(bytes(bytearray(model)), {}) is first
    assert sessions.session_for(model, {"intra_op_num_threads": 1}) is not first


TRAINED = """
    let $x := cntk:input-variable(cntk:shape((3)), "float", fn:false(), fn:false(), "x", cntk:default-batch-axis())
    let $y := cntk:input-variable(cntk:shape((2)), "float", fn:false(), fn:false(), "y", cntk:default-batch-axis())
    let $model := cntk:dense-layer(
      cntk:dense-layer($x, map:entry("output-shape", cntk:shape((4))) => map:with("activation", "tanh")),
      map:entry("output-shape", cntk:shape((2))))
    let $learner := cntk:sgd-learner(cntk:function-parameters($model), cntk:learning-rate-schedule-from-constant(0.1))
    let $trainer := cntk:trainer($model, $learner, cntk:squared-error($model, $y))
    let $data := json:to-array((1, 2, 3, -1, 0.5, 2))
    let $_ := cntk:train-minibatch($trainer, json:to-array((
      json:to-array(($x, cntk:batch(cntk:shape((3)), $data))),
      json:to-array(($y, cntk:batch(cntk:shape((2)), json:to-array((1, 0, 0, 1))))))))
"""


def test_a_program_trains_saves_and_runs_the_same_model_through_ort(enhanced: Evaluate) -> None:
    query = f"""{TRAINED}
    let $output := cntk:function-output($model)
    let $bound := json:to-array(($x, cntk:batch(cntk:shape((3)), $data)))
    let $ours := cntk:value-to-array($output, cntk:evaluate($model, $bound, $output))
    let $session := ort:session(cntk:function-save($model))
    let $result := ort:run($session, map:entry("x", ort:value(json:array-values($data), (2, 3), "float")))
    let $theirs := ort:value-get-array(map:get($result, ort:session-output-name($session, 0)))
    let $mine := json:array-values($ours) ! json:array-values(.)
    return for $n in 1 to 4 return fn:abs($mine[$n] - $theirs[$n]) le 1e-5 * fn:max((1, fn:abs($mine[$n])))
    """
    assert enhanced(query) == [True] * 4


def test_onnx_is_read_by_its_name_and_by_its_bytes(enhanced: Evaluate) -> None:
    model = binary("g (float[N,2] x) => (float[N,2] y) { y = Neg(x) }")
    for format_ in ('"onnx"', '"ONNX"', '""'):
        query = f"""
            let $model := cntk:function({model}, cntk:cpu(), {format_})
            let $value := cntk:value(cntk:shape((2, 1)), json:to-array((1, -2)))
            let $output := cntk:function-output($model)
            let $result := cntk:evaluate($model, json:to-array((cntk:function-arguments($model), $value)), $output)
            return json:array-values(json:array-values(cntk:value-to-array($output, $result)))
        """
        assert enhanced(query) == [-1, 2]
    assert '"onnx" was expected, "h5" came' in refusal(enhanced, f'cntk:function({model}, cntk:cpu(), "h5")')
    assert "CNTK model" in refusal(enhanced, 'cntk:function(binary { xs:hexBinary("00FF") })')
    assert "not an ONNX model" in refusal(
        enhanced, 'cntk:function(binary { xs:hexBinary("0807") }, cntk:cpu(), "onnx")'
    )


def test_without_onnxruntime_the_extra_is_named() -> None:
    program = (
        "import sys; sys.modules['onnxruntime'] = None\n"
        "from xquery_bridge import Engine, XQueryError\n"
        "engine = Engine()\n"
        "try: engine.evaluate('ort:session(binary { xs:hexBinary(\"00\") })')\n"
        "except XQueryError as error: print(error)\n"
        "engine.close()"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert "XDMP-ORTERR" in found.stdout
    assert "pip install 'cntk-xquery[ort]'" in found.stdout
