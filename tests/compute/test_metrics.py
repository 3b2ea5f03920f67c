"""Classification errors by numbers of CNTK 2.7: matrices as samples, topN, ties, refusals."""

import numpy as np
import pytest

from xquery_bridge import compute as cntk

BATCH = [cntk.Axis.default_batch()]


def errors(shape, scores, labels, *options):
    shape = cntk.Shape(shape)
    z, y = (cntk.input_variable(shape, "double", name=name, dynamic_axes=BATCH) for name in "zy")
    bindings = {
        v: cntk.Value.batch(shape, np.ravel(numbers), data_type="double") for v, numbers in ((z, scores), (y, labels))
    }
    [value] = cntk.evaluate(cntk.classification_error(z, y, *options), bindings)
    return value.array


def test_along_the_first_axis_of_a_matrix_each_column_of_labels_meets_each_column_of_scores():
    found = errors((2, 3), [[1, 2], [3, 4], [5, 6]], [[1, 0], [0, 1], [1, 0]])
    assert found.tolist() == [[[1, 1, 1], [1, 1, 1], [1, 0, 1]]]


def test_the_shape_comes_from_the_labels_first():
    z = cntk.input_variable(cntk.Shape((2, 3)), "double", dynamic_axes=BATCH)
    y = cntk.input_variable(cntk.Shape((2,)), "double", dynamic_axes=BATCH)
    assert cntk.classification_error(z, y).output.shape == (1, 3)


def test_top_n_looks_at_all_elements_of_a_sample():
    scores, labels = [[[1, 2], [3, 4]], [[4, 3], [2, 1]]], [[[1, 0], [0, 0]], [[0, 1], [0, 0]]]
    assert errors((2, 2), scores, labels, 2) == 1


def test_top_n_chooses_among_equal_scores_as_cntks_heap_does():
    scores = [[1, 1, 1, 1], [2, 2, 1, 2], [0, 0, 3, 0]]
    labels = [[0, 0, 1, 0], [0, 0, 0, 1], [0, 1, 0, 0]]
    assert errors((4,), scores, labels, 2) == 3


def test_top_n_takes_up_no_ids_besides_its_constant():
    with cntk.session():
        z, y = (cntk.input_variable(cntk.Shape((3,)), "double", dynamic_axes=BATCH) for _ in range(2))
        assert cntk.classification_error(z, y, 2).output.uid == "ClassificationError3_Output_0"


def test_top_n_refuses_what_cntk_refuses():
    with pytest.raises(cntk.CntkError, match="TopK must be less or equal than the number of rows"):
        errors((2,), [[1, 2]], [[1, 0]], 3)
    z = cntk.input_variable(cntk.Shape((3,)), "double", dynamic_axes=BATCH)
    value = cntk.Value.batch(cntk.Shape((3,)), [1, 2, 3], data_type="double")
    shared = cntk.parameter(cntk.Shape((3,)), "double", 1.0)
    with pytest.raises(cntk.CntkError, match=r"\(ClassificationError operation\): Expected MBLayout in Input 1"):
        cntk.evaluate(cntk.classification_error(z, shared, 2), {z: value})
