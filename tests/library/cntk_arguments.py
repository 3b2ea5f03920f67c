"""Valid arguments of every `cntk:` function, as expressions: by type, by parameter name, and some by function.

Expressions may use the variables of `NAMED`, which `bindings` declares.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from xquery_bridge.registry import Parameter, Row


def _input(shape: str, axes: str = ", fn:false(), fn:true(), '', cntk:default-batch-axis()") -> str:
    return f'cntk:input-variable(cntk:shape({shape}), "float"{axes})'


def _ramp(shape: str, size: int, kind: str = "constant") -> str:
    return f"cntk:{kind}-from-value(cntk:value(cntk:shape({shape}), json:to-array(1 to {size})))"


#: Variables that several arguments share.
NAMED: Final = {
    "x": _input("2"),
    "s": _input("2", ""),
    "y": "cntk:abs($x)",
    "p": 'cntk:parameter-from-scalar(cntk:shape(2), "float", 1)',
    "c": 'cntk:constant(cntk:shape(2), "float", 1)',
    "matrix": _ramp("(2, 3)", 6),
    "image": _input("(4, 4, 4)"),
    "kernel": _ramp("(3, 3, 4, 2)", 72, "parameter"),
    "flag": "cntk:sequence-is-first($s)",
    "loss": "cntk:squared-error($x, $p)",
    "learner": "cntk:sgd-learner($p, cntk:learning-rate-schedule-from-constant(0.1))",
    "trainer": "cntk:trainer($loss, $learner, $loss, $loss)",
    "pair": "json:to-array(($x, cntk:batch(cntk:shape(2), json:to-array(1 to 4))))",
    "trained": "(cntk:train-minibatch($trainer, $pair), $trainer)[2]",
    "hole": 'cntk:placeholder-variable(cntk:unknown-shape(), "float")',
}

_NUMBERS: Final = "json:to-array((1, 2))"
_VALUE: Final = f"cntk:value(cntk:shape(2), {_NUMBERS})"

#: Type -> argument.
_BY_TYPE: Final = {
    "cntk:variable": "$x",
    "cntk:function": "cntk:abs($x)",
    "cntk:parameter": "$p",
    "cntk:constant": "$c",
    "cntk:value": _VALUE,
    "cntk:shape": "cntk:shape(2)",
    "cntk:axis": "cntk:axis(0)",
    "cntk:device": "cntk:cpu()",
    "cntk:initializer": "cntk:glorot-uniform-initializer()",
    "cntk:schedule": "cntk:learning-rate-schedule-from-constant(0.1)",
    "cntk:learner": "$learner",
    "cntk:trainer": "$trained",
    "json:array": _NUMBERS,
    "map:map": "map:map()",
    "xs:string": '"q"',
    "xs:boolean": "fn:true()",
    "xs:double": "0.5e0",
    "xs:float": "xs:float(0.5)",
    "xs:integer": "1",
    "xs:unsignedLong": "1",
    "binary()": "cntk:function-save(cntk:abs($x))/node()",
}

#: Parameter -> argument, whatever the function.
_BY_NAME: Final = {
    "arguments-map": "json:to-array(($hole, $x))",
    "axes-as-operand": "$x",
    "convolution-map": "$kernel",
    "data-type": '"float"',
    "output-type": '"float"',
    "read-only": "fn:false()",
    "format": '"cntkv2"',
    "initial-state": "$c",
    "infer-input-rank-to-map": "-1",
    "mode": '"constant"',
    "pooling-type": '"max"',
    "unpooling-type": '"max"',
    "recurrent-op": '"lstm"',
    "high": "2e0",
    "variable-value-map": "$pair",
    "input-variable-value-map": "$pair",
    "filter-rank": "0",
    "bidirectional": "fn:false()",
    "delay-constraint": "-1",
}

_CELL: Final = 'map:map() => map:with("shape", 2)'
_WINDOW: Final = 'map:map() => map:with("filter-shape", (2, 2)) => map:with("strides", 2)'
_PAIRS: Final = "json:to-array((json:to-array((2, 32)), json:to-array((1, 64))))"
_SEQUENCES: Final = "json:to-array((json:to-array((1, 2)), json:to-array((3, 4))))"
_POOLED: Final = 'cntk:pooling($image, "max", cntk:shape((2, 2)), cntk:shape((2, 2)))'
_WITHOUT_AXES: Final = _input("(2, 3)", ', fn:false(), fn:false(), "", ()')
_ONE: Final = _input("1")


def _filters(rank: int) -> str:
    sizes = ", ".join(["2"] * rank)
    return f'map:map() => map:with("filter-shape", ({sizes})) => map:with("num-filters", 2)'


#: Function -> arguments by parameter, where those above do not fit.
_BY_FUNCTION: Final[dict[str, dict[str, str]]] = {
    "ROI-pooling": {"operand": "$image", "rois": _input("(4, 1)"), "roi-output-shape": "cntk:shape((2, 2))"},
    "as-block": {"composite": "cntk:abs($hole)"},
    "as-composite": {"root-function": "cntk:variable-owner(cntk:abs($x))"},
    "assign": {"ref": "$p", "input": "$c"},
    "average-pooling-layer": {"operand": "$image", "additional-parameters": _WINDOW},
    "batch-normalization": {"scale": "$p", "bias": "$p", "running-mean": "$c", "running-inv-std": "$c",
                            "running-count": 'cntk:constant(cntk:shape(()), "float", 0)', "spatial": "fn:false()"},
    "batch-of-sequences": {"data": _SEQUENCES, "sequence-start-flags": "(fn:true(), fn:true())"},
    "broadcast-as": {"broadcast-as": "$s"},
    "convolution": {"operand": "$image",
                    "additional-parameters": 'map:map() => map:with("auto-padding", fn:false())'},
    "convolution-1d-layer": {"operand": _input("(4, 2)"), "additional-parameters": _filters(1)},
    "convolution-2d-layer": {"operand": "$image", "additional-parameters": _filters(2)},
    "convolution-3d-layer": {"operand": _input("(4, 4, 4, 2)"), "additional-parameters": _filters(3)},
    "convolution-layer": {"operand": "$image", "additional-parameters": _filters(2)},
    "convolution-transpose": {"operand": _input("(4, 4, 2)")},
    "convolution-transpose-1d-layer": {"operand": _input("(4, 2)"), "additional-parameters": _filters(1)},
    "convolution-transpose-2d-layer": {"operand": "$image", "additional-parameters": _filters(2)},
    "convolution-transpose-3d-layer": {"operand": _input("(4, 4, 4, 2)"), "additional-parameters": _filters(3)},
    "convolution-transpose-layer": {"operand": "$image", "additional-parameters": _filters(2)},
    "convolution-transpose-with-explicit-padding": {
        "operand": _input("(4, 4, 2)"), "strides": "cntk:shape((1, 1, 1))", "lower-pad": "(0, 0, 0)",
        "upper-pad": "(0, 0, 0)", "output-shape": "cntk:shape(0)", "dilation": "cntk:shape(1)",
    },
    "cosine-distance-with-negative-samples": {},
    "dense-layer": {"addition-parameters": 'map:map() => map:with("output-shape", 2)'},
    "depth-to-space": {"operand": "$image"},
    "dropout-layer": {"additional-parameters": 'map:map() => map:with("dropout-rate", 0.5)'},
    "edit-distance-error": {"prediction": "$s", "labels": "$s"},
    "embedding-layer": {"additional-parameters": _CELL},
    "eye-like": {"x": "$matrix"},
    "forward-backward": {"graph": "cntk:labels-to-graph($s)", "features": "$s"},
    "future-value": {"x": "$s"},
    "gather-op": {"reference": "$matrix"},
    "gather-op-on-axis": {"reference": "$matrix"},
    "global-average-pooling-layer": {"operand": "$image"},
    "global-max-pooling-layer": {"operand": "$image"},
    "gru-block": {"dh": "$x", "additional-parameters": _CELL},
    "gru-layer": {"x": "$s", "additional-parameters": _CELL, "initial-states": "$c"},
    "image-scaler": {"x": "$image", "biases": "(1 to 4) ! xs:float(.)"},
    "labels-to-graph": {"labels": "$s"},
    "lambda-rank": {"output": _ONE, "gains": _ONE, "group-id": _ONE},
    "lattice-sequence-with-softmax": {
        "labels": "$s", "prediction": "$s", "scaled-log-likelihood": "$s", "lattice": "$s",
        "map": 'map:map() => map:with("sym-list-path", "a") => map:with("phone-path", "b")'
               ' => map:with("state-list-path", "c") => map:with("trans-prob-path", "d")',
    },
    "learning-rate-schedule-from-pairs": {"pairs": _PAIRS},
    "local-response-normalization": {"operand": "$image"},
    "lstm-block": {"additional-parameters": _CELL},
    "lstm-layer": {"x": "$s", "additional-parameters": _CELL, "initial-states": "($c, $c)"},
    "mean-variance-normalization": {"operand": "$image"},
    "max-pooling-layer": {"operand": "$image", "additional-parameters": _WINDOW},
    "max-unpooling-layer": {"operand1": _POOLED, "operand2": "$image", "additional-parameters": _WINDOW},
    "minibatch-size-schedule-from-pairs": {"pairs": _PAIRS},
    "momentum-schedule-from-pairs": {"pairs": _PAIRS},
    "ndcgat1": {"prediction": _ONE, "gains": _ONE, "group-id": _ONE},
    "optimized-rnnstack": {"operand": "$s", "weights": _ramp("20", 20, "parameter"), "hidden-size": "1"},
    "pad": {"foot": "1", "head": "1"},
    "past-value": {"x": "$s"},
    "pooling": {"operand": "$image", "pooling-window-shape": "cntk:shape((2, 2))", "strides": "cntk:shape((2, 2))"},
    "pooling-with-explicit-padding": {"operand": "$image", "pooling-window-shape": "cntk:shape((2, 2))",
                                      "strides": "cntk:shape((2, 2))", "lower-pad": "(0, 0)", "upper-pad": "(0, 0)"},
    "random-initializer-with-rank": {"initializer": "cntk:he-normal-initializer(1)"},
    "random-sample": {"weights": "$c"},
    "random-sample-inclusion-frequency": {"weights": "$c"},
    "reshape": {"begin-axis": "cntk:axis(0)", "end-axis": "cntk:axis(1)"},
    "rms-prop-learner": {"inc": "2e0", "max": "5e0", "min": "0.1e0"},
    "rnn-step-block": {"dh": "$x", "additional-parameters": _CELL},
    "rnn-step-layer": {"x": "$s", "additional-parameters": _CELL, "initial-states": "$c"},
    "sequence-delay": {"x": "$s"},
    "sequence-first": {"operand": "$s"},
    "sequence-gather": {"operand": "$s", "condition": "$flag"},
    "sequence-gather-with-factor": {"operand": "$s", "condition": "$flag"},
    "sequence-is-first": {"operand": "$s"},
    "sequence-is-last": {"operand": "$s"},
    "sequence-last": {"operand": "$s"},
    "sequence-reduce-max": {"operand": "$s"},
    "sequence-reduce-sum": {"operand": "$s"},
    "sequence-scatter": {"seq": "cntk:sequence-gather($s, $flag)", "condition": "$flag"},
    "sequence-scatter-with-factor": {"operand": "cntk:sequence-gather($s, $flag)", "condition": "$flag"},
    "sequence-slice": {"operand": "$s", "begin-index": "0"},
    "sequence-softmax": {"operand": "$s"},
    "sequence-unpack": {"x": "$s"},
    "sequence-where": {"condition": "$flag"},
    "slice": {"begin-index": "0"},
    "slice-with-strides": {"x": "$x", "begin-index": "0"},
    "space-to-depth": {"operand": "$image"},
    "squeeze-axes": {"operand": _input("(1, 3)")},
    "subshape": {"begin-axis-id": "0"},
    "times": {"left-operand": "cntk:transpose($matrix)", "infer-input-rank-to-map": "-1"},
    "to-batch": {"operand": _WITHOUT_AXES},
    "to-sequence": {"x": _input("(2, 3)")},
    "to-sequence-like": {"x": _input("(2, 3)"), "dynamic-axes-like": "$s"},
    "to-sequence-with-lengths": {"x": _input("(2, 3)"), "sequence-lengths": _ONE},
    "train-minibatch": {"trainer": "$trainer"},
    "trainer": {"model": "$loss", "loss-function": "$loss", "evaluate-function": "$loss"},
    "transpose": {"operand": "$matrix"},
    "transpose-axes": {"operand": "$matrix", "axis2": "cntk:axis(1)"},
    "transpose-on-axes": {"x": "$matrix", "permutation": "(cntk:axis(1), cntk:axis(0))"},
    "transpose-times": {"left-operand": "$matrix"},
    "unpooling": {"operand": 'cntk:pooling($image, "max", cntk:shape((2, 2)))', "poolingInput": "$image",
                  "unpooling-window-shape": "cntk:shape((2, 2))", "strides": "cntk:shape(1)",
                  "auto-padding": "fn:false()"},
    "evaluate": {"output-variables": "cntk:abs($x)"},
    "value-to-array": {"variable": "$x", "value": "cntk:batch(cntk:shape(2), json:to-array(1 to 4))"},
    "variable-current-value-time-stamp": {"variable": "$p"},
    "variable-owner": {"variable": "$y"},
    "variable-value": {"variable": "$p"},
    "weighted-binary-cross-entropy": {"output": _ONE, "targets": _ONE, "weights": _ONE},
}  # fmt: skip


def argument(row: Row, parameter: Parameter) -> str:
    """An expression for a valid argument of a parameter."""
    own = _BY_FUNCTION.get(row.local, {}).get(parameter.name) or _BY_NAME.get(parameter.name)
    return own or _BY_TYPE[str(parameter.type).rstrip("*+?")]


def arguments(row: Row) -> list[str]:
    """An expression for each argument of a valid call."""
    return [argument(row, parameter) for parameter in row.params]


def bindings(expressions: Sequence[str]) -> str:
    """`let` clauses for the variables that expressions use, up to the `return`; nothing where they use none."""
    needed: list[str] = []
    waiting = [name for text in expressions for name in re.findall(r"\$([a-z]+)\b", text)]
    while waiting:
        name = waiting.pop()
        if name in NAMED:
            needed.append(name)
            waiting += re.findall(r"\$([a-z]+)\b", NAMED[name])
    clauses = [f"let ${name} := {NAMED[name]}" for name in NAMED if name in needed]
    return " ".join([*clauses, "return"]) if clauses else ""
