"""Rows of losses, metrics and normalizations (cntk-functions.md, groups loss, metric and normalization)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from xquery_bridge import compute
from xquery_bridge.compute import Function
from xquery_bridge.compute.ops.operator import Operand
from xquery_bridge.library.cntk import options
from xquery_bridge.library.cntk.groups import LOSS, METRIC, NORMALIZATION
from xquery_bridge.library.cntk.options import Option
from xquery_bridge.runtime.json_items import MapMap

LOSS.serve(
    "cross-entropy-with-softmax($output_vector as cntk:variable, $target_vector as cntk:variable"
    " [, $axis as cntk:axis, $name as xs:string]) as cntk:function",
    compute.cross_entropy_with_softmax,
)
LOSS.serve(
    "binary-cross-entropy($prediction as cntk:variable, $targets as cntk:variable [, $name as xs:string])"
    " as cntk:function",
    compute.binary_cross_entropy,
)
LOSS.serve(
    "weighted-binary-cross-entropy($output as cntk:variable, $targets as cntk:variable, $weights as cntk:variable"
    " [, $name as xs:string]) as cntk:function",
    compute.weighted_binary_cross_entropy,
)
LOSS.serve(
    "squared-error($output as cntk:variable, $targets as cntk:variable [, $name as xs:string]) as cntk:function",
    compute.squared_error,
)
LOSS.serve(
    "cosine-distance($left-operand as cntk:variable, $right-operand as cntk:variable [, $name as xs:string])"
    " as cntk:function",
    compute.cosine_distance,
)
LOSS.serve(
    "cosine-distance-with-negative-samples($left-operand as cntk:variable, $right-operand as cntk:variable,"
    " $shift-window as xs:integer, $number-of-negative-samples as xs:integer [, $name as xs:string]) as cntk:function",
    compute.cosine_distance_with_negative_samples,
)
METRIC.serve(
    "classification-error($output_vector as cntk:variable, $target_vector as cntk:variable"
    " [, $top-n as xs:unsignedLong, $axis as cntk:axis, $name as xs:string]) as cntk:function",
    compute.classification_error,
    about=(
        "1 - hardmax(z) · y of a sample; with `$top-n` above 1, how many samples of the minibatch do not "
        "have their label among their `$top-n` largest."
    ),
)

# Criteria over the whole minibatch.
LOSS.serve(
    "lambda-rank($output as cntk:variable, $gains as cntk:variable, $group-id as cntk:variable [, $name as xs:string])"
    " as cntk:function",
    compute.lambda_rank,
)
METRIC.serve(
    "ndcgat1($prediction as cntk:variable, $gains as cntk:variable, $group-id as cntk:variable [, $name as xs:string])"
    " as cntk:function",
    compute.ndcg_at_1,
)


def edit_distance_error(
    prediction: Operand,
    labels: Operand,
    substitution_penalty: float,
    deletion_penalty: float,
    insertion_penalty: float,
    squash_inputs: bool,
    tokens_to_ignore: Sequence[int],
    name: str = "",
) -> Function:
    """How many substitutions, deletions and insertions lie between two sequences of labels."""
    # a token that is no 64-bit number is no label either; MarkLogic's own example has one
    tokens = [max(min(token, 2**63 - 1), -(2**63)) for token in tokens_to_ignore]
    return compute.edit_distance_error(
        prediction,
        labels,
        substitution_penalty,
        deletion_penalty,
        insertion_penalty,
        squash_inputs,
        tokens,
        name,
    )


METRIC.serve(
    "edit-distance-error($prediction as cntk:variable, $labels as cntk:variable, $substitution-penalty as xs:float,"
    " $deletion-penalty as xs:float, $insertion-penalty as xs:float, $squash-inputs as xs:boolean,"
    " $tokens-to-ignore as xs:integer* [, $name as xs:string]) as cntk:function",
    edit_distance_error,
)

LOSS.serve(
    "labels-to-graph($labels as cntk:variable [, $name as xs:string]) as cntk:function",
    compute.labels_to_graph,
    about="Labels, one-hot with a 2 where one begins, as the first operand of `cntk:forward-backward`.",
)
LOSS.serve(
    "forward-backward($graph as cntk:variable, $features as cntk:variable, $blank-to-token-id as xs:unsignedLong,"
    " $delay-constraint as xs:integer [, $name as xs:string]) as cntk:function",
    compute.forward_backward,
    about=(
        "The CTC criterion of the minibatch, over the graph of `cntk:labels-to-graph`; the softmax of "
        "the features is part of it."
    ),
)

_LATTICE: Final = (
    Option("symbol_list_path", options.text, "sym-list-path"),
    Option("phone_path", options.text, "phone-path"),
    Option("state_list_path", options.text, "state-list-path"),
    Option("transition_probability_path", options.text, "trans-prob-path"),
    Option("lattice_config_path", options.text, "lattice-config-path"),
    Option("smoothing_weight", options.number, "h-smoothing-weight"),
    Option("frame_drop_threshold", options.number, "frame-drop-thresh"),
    Option("do_reference_align", options.flag, "do-reference-align"),
    Option("use_mbr", options.flag, "seq-gammar-uses-mbr"),
    Option("amf", options.number, "seq-gammar-amf"),
    Option("lmf", options.number, "seq-gammar-lmf"),
    Option("bmmi_factor", options.number, "seq-gammar-bmmi-factor"),
    Option("word_penalty", options.number, "seq-gammar-word-pen"),
    Option("name", options.text, "name"),
)
_LATTICE_FILES: Final = ("symbol_list_path", "phone_path", "state_list_path", "transition_probability_path")


def lattice_sequence_with_softmax(
    labels: Operand, prediction: Operand, scaled_log_likelihood: Operand, lattice: Operand, additional: MapMap
) -> Function:
    """The sequence criterion over lattices; the map names its files."""
    given = options.read("cntk:lattice-sequence-with-softmax", _LATTICE, additional, _LATTICE_FILES)
    return compute.lattice_sequence_with_softmax(labels, prediction, scaled_log_likelihood, lattice, **given)


LOSS.serve(
    "lattice-sequence-with-softmax($labels as cntk:variable, $prediction as cntk:variable,"
    " $scaled-log-likelihood as cntk:variable, $lattice as cntk:variable, $map as map:map) as cntk:function",
    lattice_sequence_with_softmax,
    options=_LATTICE,
    configures=compute.lattice_sequence_with_softmax,
    required=_LATTICE_FILES,
)

# ---------------------------------------------------------------------------------------------------- normalization

_BATCH_NORMALIZATION: Final = (
    Option("normalization_time_constant", options.number, "normalization-time-constant"),
    Option("blend_time_constant", options.number, "blend-time-constant"),
    Option("epsilon", options.number, "epsilon"),
    Option("use_cudnn_engine", options.flag, "use-cudnn-engine"),
    Option("disable_regularization", options.flag, "disable-regularization"),
    Option("name", options.text, "name"),
)


def batch_normalization(
    operand: Operand,
    scale: Operand,
    bias: Operand,
    running_mean: Operand,
    running_variance: Operand,
    running_count: Operand,
    spatial: bool,
    additional: MapMap | None = None,
) -> Function:
    """Normalizes by mean and variance, of the minibatch in training and running ones in evaluation."""
    given = options.read("cntk:batch-normalization", _BATCH_NORMALIZATION, additional)
    return compute.batch_normalization(
        operand, scale, bias, running_mean, running_variance, running_count, spatial, **given
    )


NORMALIZATION.serve(
    "batch-normalization($operand as cntk:variable, $scale as cntk:variable, $bias as cntk:variable,"
    " $running-mean as cntk:variable, $running-inv-std as cntk:variable, $running-count as cntk:variable,"
    " $spatial as xs:boolean [, $map as map:map]) as cntk:function",
    batch_normalization,
    options=_BATCH_NORMALIZATION,
    configures=compute.batch_normalization,
)
NORMALIZATION.serve(
    "image-scaler($x as cntk:variable, $scaler as xs:float, $biases as xs:float*, $name as xs:string) as cntk:function",
    compute.image_scaler,
)
NORMALIZATION.serve(
    "local-response-normalization($operand as cntk:variable, $depth-radius as xs:unsignedLong, $bias as xs:double,"
    " $alpha as xs:double, $beta as xs:double [, $name as xs:string]) as cntk:function",
    compute.local_response_normalization,
)
NORMALIZATION.serve(
    "mean-variance-normalization($operand as cntk:variable [, $epsilon as xs:double,"
    " $use-stats-across-channels as xs:boolean, $do-variance-scaling as xs:boolean, $name as xs:string])"
    " as cntk:function",
    compute.mean_variance_normalization,
)
NORMALIZATION.serve(
    "per-dim-mean-variance-normalize($operand as cntk:variable, $mean as cntk:variable, $inv-std-dev as cntk:variable"
    " [, $name as xs:string]) as cntk:function",
    compute.per_dim_mean_variance_normalize,
)
