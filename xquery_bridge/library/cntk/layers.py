"""Rows of the layers: options in a map:map, defaults of CNTK's Python layers (cntk-functions.md, group layer, and the
cells and layers of group recurrent). Lists of options are in CNTK's order, spatial dimensions first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, Final

from xquery_bridge import compute
from xquery_bridge.compute import Function
from xquery_bridge.compute.ops.operator import Operand
from xquery_bridge.library.cntk import options
from xquery_bridge.library.cntk.groups import LAYER, RECURRENT
from xquery_bridge.library.cntk.options import Option
from xquery_bridge.runtime.json_items import MapMap

_NAME: Final = Option("name", options.text, "name")
_INIT: Final = Option("init", options.initializer, "init")
_ACTIVATION: Final = Option("activation", options.activation, "activation")
_BIAS: Final = (Option("bias", options.flag, "bias"), Option("init_bias", options.initializer, "init-bias"))

_POOLING: Final = (
    Option("filter_shape", options.sizes, "filter-shape"),
    Option("strides", options.sizes, "strides"),
    Option("pad", options.flags, "pad", "auto-padding"),
    _NAME,
)
_CONVOLUTION: Final = (
    Option("filter_shape", options.sizes, "filter-shape"),
    Option("num_filters", options.count_or_none, "num-filters"),
    _ACTIVATION,
    _INIT,
    Option("pad", options.flags, "pad", "auto-padding"),
    Option("strides", options.sizes, "strides"),
    Option("sharing", options.flags, "sharing"),
    *_BIAS,
    Option("reduction_rank", options.count, "reduction-rank"),
    Option("dilation", options.sizes, "dilation"),
    Option("max_temp_mem_size_in_samples", options.count, "max-temp-mem-size-in-samples"),
    _NAME,
)
_CONVOLUTION_FORWARD: Final = (
    *_CONVOLUTION,
    Option("groups", options.count, "groups"),
    Option("sequential", options.flag, "sequential"),
)
_CONVOLUTION_TRANSPOSE: Final = (
    *_CONVOLUTION,
    Option("output_shape", options.sizes_or_none, "output-shape", "shape"),
)
_CELL: Final = (
    Option("shape", options.sizes, "shape", "output-shape"),
    Option("cell_shape", options.sizes_or_none, "cell-shape"),
    _ACTIVATION,
    _INIT,
    Option("init_bias", options.initializer, "init-bias"),
    Option("enable_self_stabilization", options.flag, "enable-self-stabilization"),
    _NAME,
)
_LSTM: Final = (*_CELL[:-1], Option("use_peepholes", options.flag, "use-peepholes"), _NAME)


def _layer(
    name: str, make: Callable[..., Function], table: Sequence[Option], *required: str
) -> Callable[..., Function]:
    """A layer or cell as a function of its operands and a map of options."""

    @wraps(make)  # whose signature the reference reads
    def layer(*arguments: Any) -> Function:
        *operands, additional = arguments
        return make(*operands, **options.read(f"cntk:{name}", table, additional, required))

    return layer


#: Layers over one operand: name, function, options, options that must be given.
_LAYERS: Final[tuple[tuple[str, Callable[..., Function], Sequence[Option], Sequence[str]], ...]] = (
    ("average-pooling-layer", compute.average_pooling_layer, _POOLING, ["filter_shape"]),
    ("max-pooling-layer", compute.max_pooling_layer, _POOLING, ["filter_shape"]),
    ("global-average-pooling-layer", compute.global_average_pooling_layer, (_NAME,), []),
    ("global-max-pooling-layer", compute.global_max_pooling_layer, (_NAME,), []),
    ("convolution-layer", compute.convolution_layer, _CONVOLUTION_FORWARD, ["filter_shape"]),
    ("convolution-1d-layer", compute.convolution_1d_layer, _CONVOLUTION_FORWARD, ["filter_shape"]),
    ("convolution-2d-layer", compute.convolution_2d_layer, _CONVOLUTION_FORWARD, ["filter_shape"]),
    ("convolution-3d-layer", compute.convolution_3d_layer, _CONVOLUTION_FORWARD, ["filter_shape"]),
    (
        "convolution-transpose-layer",
        compute.convolution_transpose_layer,
        _CONVOLUTION_TRANSPOSE,
        ["filter_shape", "num_filters"],
    ),
    (
        "convolution-transpose-1d-layer",
        compute.convolution_transpose_1d_layer,
        _CONVOLUTION_TRANSPOSE,
        ["filter_shape", "num_filters"],
    ),
    (
        "convolution-transpose-2d-layer",
        compute.convolution_transpose_2d_layer,
        _CONVOLUTION_TRANSPOSE,
        ["filter_shape", "num_filters"],
    ),
    (
        "convolution-transpose-3d-layer",
        compute.convolution_transpose_3d_layer,
        _CONVOLUTION_TRANSPOSE,
        ["filter_shape", "num_filters"],
    ),
    (
        "batch-normalization-layer",
        compute.batch_normalization_layer,
        (
            Option("map_rank", options.count_or_none, "map-rank"),
            Option("init_scale", options.initializer, "init-scale", "initial-scale"),
            Option("normalization_time_constant", options.number, "normalization-time-constant"),
            Option("blend_time_constant", options.number, "blend-time-constant"),
            Option("epsilon", options.number, "epsilon"),
            Option("use_cntk_engine", options.flag, "use-cntk-engine"),
            Option("disable_regularization", options.flag, "disable-regularization"),
            _NAME,
        ),
        [],
    ),
    (
        "layer-normalization-layer",
        compute.layer_normalization_layer,
        (
            Option("initial_scale", options.initializer, "initial-scale", "init-scale"),
            Option("initial_bias", options.initializer, "initial-bias", "init-bias"),
            Option("epsilon", options.number, "epsilon"),
            _NAME,
        ),
        [],
    ),
    (
        "dropout-layer",
        compute.dropout_layer,
        (
            Option("dropout_rate", options.number, "dropout-rate"),
            Option("keep_prob", options.number, "keep-prob"),
            Option("seed", options.count, "seed"),
            _NAME,
        ),
        [],
    ),
    (
        "embedding-layer",
        compute.embedding_layer,
        (
            Option("shape", options.sizes, "shape", "output-shape"),
            _INIT,
            Option("weight", options.value, "weight", "weights"),
            _NAME,
        ),
        [],
    ),
)
#: What a layer does, where its docstring leans on that of another one.
_ABOUT: Final = {
    "convolution-1d-layer": "`cntk:convolution-layer` over one spatial dimension.",
    "convolution-2d-layer": "`cntk:convolution-layer` over two spatial dimensions; one number makes a square filter.",
    "convolution-3d-layer": "`cntk:convolution-layer` over three spatial dimensions; one number makes a cubic filter.",
    "convolution-transpose-1d-layer": "`cntk:convolution-transpose-layer` over one spatial dimension.",
    "convolution-transpose-2d-layer": "`cntk:convolution-transpose-layer` over two spatial dimensions.",
    "convolution-transpose-3d-layer": "`cntk:convolution-transpose-layer` over three spatial dimensions.",
    "max-pooling-layer": "The maximum of every window over the first dimensions.",
    "average-pooling-layer": "The average of every window over the first dimensions, padding left out.",
}
#: The function whose options a layer hands on.
_GENERAL: Final[dict[str, Callable[..., Function]]] = {
    **{f"convolution-{rank}d-layer": compute.convolution_layer for rank in (1, 2, 3)},
    **{f"convolution-transpose-{rank}d-layer": compute.convolution_transpose_layer for rank in (1, 2, 3)},
}
for _name, _make, _table, _required in _LAYERS:
    LAYER.serve(
        f"{_name}($operand as cntk:variable, $additional-parameters as map:map) as cntk:function",
        _layer(_name, _make, _table, *_required),
        about=_ABOUT.get(_name, ""),
        options=_table,
        configures=_GENERAL.get(_name, _make),
        required=_required,
    )

_DENSE: Final = (
    Option("shape", options.sizes, "output-shape", "shape"),
    _ACTIVATION,
    _INIT,
    Option("input_rank", options.count_or_none, "input-rank"),
    Option("map_rank", options.count_or_none, "map-rank"),
    *_BIAS,
    _NAME,
)
LAYER.serve(
    "dense-layer($operand as cntk:variable, $addition-parameters as map:map) as cntk:function",
    _layer("dense-layer", compute.dense_layer, _DENSE, "shape"),
    options=_DENSE,
    configures=compute.dense_layer,
    required=("shape",),
)
LAYER.serve(
    "max-unpooling-layer($operand1 as cntk:variable, $operand2 as cntk:variable, $additional-parameters as map:map)"
    " as cntk:function",
    _layer("max-unpooling-layer", compute.max_unpooling_layer, _POOLING, "filter_shape"),
    about="Puts pooled values back where the pooling input had the maxima of its windows.",
    options=_POOLING,
    configures=compute.max_unpooling_layer,
    required=("filter_shape",),
)
LAYER.serve("label-layer($operand as cntk:variable, $name as xs:string) as cntk:function", compute.alias)

# --------------------------------------------------------------------------------------------- cells and recurrences


for _name, _make, _table, _before, _about in (
    (
        "lstm-block",
        compute.lstm_block,
        _LSTM,
        "$dh as cntk:variable, $dc as cntk:variable",
        "One step of a long short-term memory: outputs h and c.",
    ),
    ("gru-block", compute.gru_block, _CELL, "$dh as cntk:variable", "One step of a gated recurrent unit."),
    ("rnn-step-block", compute.rnn_step_block, _CELL, "$dh as cntk:variable", "One step of a plain recurrence."),
):
    RECURRENT.serve(
        f"{_name}({_before}, $x as cntk:variable, $additional-parameters as map:map) as cntk:function",
        _layer(_name, _make, _table, "shape"),
        about=_about,
        options=_table,
        configures=_make,
        required=("shape",),
    )


def _recurrence(name: str, make: Callable[..., Function], table: Sequence[Option]) -> Callable[..., Function]:
    def layer(
        operand: Operand,
        additional: MapMap,
        go_backwards: bool = False,
        initial_states: Sequence[Operand] | Operand = (),
        return_full_state: bool = False,
        layer_name: str = "",
    ) -> Function:
        states = initial_states if isinstance(initial_states, Sequence) else [initial_states]
        given = options.read(f"cntk:{name}", table, additional, ["shape"])
        own_name = given.pop("name", "")
        return make(operand, go_backwards, states, return_full_state, layer_name or own_name, **given)

    return layer


for _name, _make, _cell, _table, _states in (
    ("lstm-layer", compute.lstm_layer, compute.lstm_block, _LSTM, "cntk:constant*"),
    ("gru-layer", compute.gru_layer, compute.gru_block, _CELL, "cntk:constant"),
    ("rnn-step-layer", compute.rnn_step_layer, compute.rnn_step_block, _CELL, "cntk:constant*"),
):
    RECURRENT.serve(
        f"{_name}($x as cntk:variable, $additional-parameters as map:map [, $go-backwards as xs:boolean,"
        f" $initial-states as {_states}, $return-full-state as xs:boolean, $name as xs:string]) as cntk:function",
        _recurrence(_name, _make, _table),
        about=f"The cell of `cntk:{_name.replace('layer', 'block')}` run along each sequence, from its end with "
        "`$go-backwards`. The initial states are 0 unless given.",
        options=_table,
        configures=_cell,
        required=("shape",),
    )
