"""Roots, outputs and ids of sequence, random, selection and ranking operators: what CNTK 2.7 gives."""

import pytest

from xquery_bridge import compute as cntk

BATCH = [cntk.Axis.default_batch()]
AXIS = cntk.Axis.static


def batch(*dimensions):
    return cntk.input_variable(cntk.Shape(dimensions), dynamic_axes=BATCH)


def plain(*dimensions):
    return cntk.input_variable(cntk.Shape(dimensions), dynamic_axes=())


def x(*dimensions):
    return cntk.input_variable(cntk.Shape(dimensions))


def parameter(*dimensions):
    return cntk.parameter(cntk.Shape(dimensions), "float", 0.0)


def ones(*dimensions):
    return cntk.constant(cntk.Shape(dimensions), "float", 1.0)


#: call, operator name of the root, how many ids are used up, the outputs
ROWS = [
    (lambda: cntk.zeros_like(x(4, 2)), "ConstantOp", 4, "[4 x 2], [*, #]"),
    (lambda: cntk.eye_like(plain(4, 2)), "EyeLikeOp", 4, "[4 x 2], []"),
    (lambda: cntk.cast(x(4, 2), "double"), "Cast", 4, "[4 x 2], [*, #]"),
    (lambda: cntk.dropout(x(4, 2), 0.5), "Dropout", 4, "[4 x 2], [*, #]"),
    (lambda: cntk.assign(parameter(4, 2), plain(4, 2)), "Assign", 5, "[4 x 2], []"),
    (lambda: cntk.top_k(x(4, 2), 2), "TopK", 5, "[2 x 2], [*, #]"),
    (lambda: cntk.top_k(x(4, 2), 2, AXIS(1)), "TopK", 27, "[4 x 2], [*, #]"),
    (lambda: cntk.to_batch(plain(4, 2)), "ToBatchAxis", 4, "[4], [#]"),
    (lambda: cntk.unpack_batch(batch(4, 2)), "UnpackBatchAxis", 4, "[4 x 2 x *], []"),
    (lambda: cntk.one_hot_op(x(3), 4, False, AXIS(0)), "OneHotOp", 4, "[4 x 3], [*, #]"),
    (lambda: cntk.gather_op(x(2), parameter(3, 5)), "Gather", 5, "[3 x 2], [*, #]"),
    (lambda: cntk.gather_op(x(2), parameter(3, 5), AXIS(0)), "GatherOp", 21, "[2 x 5], [*, #]"),
    (lambda: cntk.crop(x(6, 5, 1), x(4, 3, 1), [1, 2]), "Crop", 5, "[4 x 3 x 1], [*, #]"),
    (
        lambda: cntk.per_dim_mean_variance_normalize(x(4, 2), ones(4, 2), ones(4, 2)),
        "PerDimMeanVarianceNormalize",
        20,
        "[4 x 2], [*, #]",
    ),
    (
        lambda: cntk.local_response_normalization(x(6, 5, 4), 1, 1, 1, 0.5),
        "LocalResponseNormalization",
        63,
        "[6 x 5 x 4], [*, #]",
    ),
    (
        lambda: cntk.mean_variance_normalization(x(6, 5, 2)),
        "MeanVarianceNormalization",
        105,
        "[6 x 5 x 2], [*, #]",
    ),
    (lambda: cntk.image_scaler(x(6, 5, 2), 0.5, [1, 2]), "ImageScaler", 25, "[6 x 5 x 2], [*, #]"),
    (lambda: cntk.lambda_rank(batch(1), batch(1), batch(1)), "LambdaRank", 6, "[], []"),
    (lambda: cntk.ndcg_at_1(batch(1), batch(1), batch(1)), "NDCG", 6, "[], []"),
    (lambda: cntk.edit_distance_error(x(4), x(4)), "EditDistanceError", 5, "[], []"),
    (lambda: cntk.forward_backward(cntk.labels_to_graph(x(4)), x(4), 3), "ForwardBackward", 8, "[], []"),
    (lambda: cntk.sequence_first(x(4)), "Sequence::Slice", 28, "[4], [#]"),
    (lambda: cntk.sequence_last(x(4)), "Sequence::Slice", 28, "[4], [#]"),
    (lambda: cntk.sequence_slice(x(4), 1, 2), "Sequence::Slice", 47, "[4], [#]"),
    (lambda: cntk.sequence_is_first(x(4)), "Sequence::IsFirst", 16, "[], [*, #]"),
    (lambda: cntk.sequence_is_last(x(4)), "Sequence::IsLast", 16, "[], [*, #]"),
    (lambda: cntk.sequence_reduce_sum(x(4)), "Sequence::ReduceElements", 14, "[4], [#]"),
    (lambda: cntk.sequence_reduce_max(x(4)), "Sequence::ReduceElements", 14, "[4], [#]"),
    (lambda: cntk.sequence_softmax(x(4)), "Sequence::Softmax", 106, "[4], [*, #]"),
    (lambda: cntk.sequence_where(x(1)), "Where", 4, "[], [whereNodeDynamicAxis_conditionVar_Input0, #]"),
    (
        lambda: cntk.sequence_gather(x(4), x(1)),
        "Sequence::Gather",
        21,
        "[4], [whereNodeDynamicAxis_conditionVar_Input1, #]",
    ),
    (lambda: cntk.sequence_scatter(x(4), x(1)), "Sequence::Scatter", 21, "[4], [*, #]"),
    (lambda: cntk.broadcast_as(batch(4), x(4)), "Sequence::BroadcastAs", 13, "[4], [*, #]"),
    (lambda: cntk.sequence_unpack(x(4), 0, True), "UnpackSequenceOp", 4, "[4 x *], [#]"),
    (lambda: cntk.sequence_unpack(x(4), 0, False), "UnpackSequenceOp", 5, "[4 x *], [#]"),
    (lambda: cntk.past_value(x(4)), "PastValue", 5, "[4], [*, #]"),
    (lambda: cntk.future_value(x(4), 0.5, 2), "FutureValue", 5, "[4], [*, #]"),
    (lambda: cntk.to_sequence(batch(2, 4)), "ToSequenceOp", 4, "[2], [toSequence_Input0, #]"),
    (lambda: cntk.to_sequence(batch(2, 4), "s", batch(1)), "ToSequenceOp", 5, "[2], [sInput0, #]"),
    (lambda: cntk.to_sequence_like(batch(2, 4), x(4)), "ToSequenceLikeOp", 5, "[2], [*, #]"),
    (lambda: cntk.optimized_rnnstack(x(4), parameter(64), 2, 1), "OptimizedRNNStack", 5, "[2], [*, #]"),
    (lambda: cntk.uniform_random(cntk.Shape((4, 2))), "RandomDistribution", 3, "[4 x 2], []"),
    (lambda: cntk.normal_random_like(x(4, 2)), "RandomDistribution", 4, "[4 x 2], [*, #]"),
    (lambda: cntk.random_sample(plain(4), 3, True), "RandomSample", 4, "[4 x 3], []"),
    (
        lambda: cntk.random_sample_inclusion_frequency(plain(4), 3, True),
        "RandomSampleInclusionFrequency",
        4,
        "[4], []",
    ),
    (lambda: cntk.custom_proxy_op([x(4, 2)], (2,), "float"), "CustomProxyOp", 4, "[2], [*, #]"),
    (lambda: cntk.reduce_l2(x(4, 2), [AXIS(0)]), "ReduceL2", 73, "[1 x 2], [*, #]"),
    (lambda: cntk.reduce_sum_on_axes(x(4, 2), [AXIS(0)], False), "ReduceElements", 25, "[2], [*, #]"),
]


@pytest.mark.parametrize("make, op_name, ids, output", ROWS)
def test_the_graph_is_cntks(make, op_name, ids, output):
    with cntk.session() as session:
        function = make()
        assert session.uids_used == ids
    assert function.root_function.op_name == op_name
    assert function.outputs[0].as_string().endswith(f", {output})")


def test_a_delay_of_no_steps_is_the_operand_itself():
    operand = x(4)
    assert cntk.sequence_delay(operand, time_step=0) is operand
    assert cntk.sequence_delay(operand, time_step=2).root_function.op_name == "PastValue"
    backwards = cntk.sequence_delay(operand, 0.5, -3).root_function
    assert (backwards.op_name, backwards.attributes["offset"]) == ("FutureValue", 3)
