"""OptimizedRNNStack against its cells, step by step, and against differences."""

import numpy as np
import pytest
from gradients import check_gradients, ragged, sequences_of

from xquery_bridge import compute as cntk

INPUTS, HIDDEN = 2, 3
GATES = {"lstm": 4, "gru": 3, "rnnTanh": 1, "rnnReLU": 1}


def sigma(x):
    return 1 / (1 + np.exp(-x))


def step(kind, x, h, c, wx, wh, bx, bh):
    if kind == "lstm":
        i, f, g, o = np.split(wx @ x + bx + wh @ h + bh, 4)
        c = sigma(f) * c + sigma(i) * np.tanh(g)
        return sigma(o) * np.tanh(c), c
    if kind == "gru":
        (xr, xz, xn), (hr, hz, hn) = np.split(wx @ x + bx, 3), np.split(wh @ h + bh, 3)
        r, z = sigma(xr + hr), sigma(xz + hz)
        return (1 - z) * np.tanh(xn + r * hn) + z * h, c
    z = wx @ x + bx + wh @ h + bh
    return (np.tanh(z) if kind == "rnnTanh" else np.maximum(z, 0)), c


def stack(kind, blob, sequence, layers, directions):
    rows, position = GATES[kind] * HIDDEN, 0

    def take(*shape):
        nonlocal position
        position += np.prod(shape)
        return blob[position - np.prod(shape) : position].reshape(shape)

    sizes = [INPUTS, *[HIDDEN * directions] * (layers - 1)]
    matrices = [[(take(rows, n), take(rows, HIDDEN)) for _ in range(directions)] for n in sizes]
    weights = [[(*m, take(rows), take(rows)) for m in layer] for layer in matrices]
    assert position == len(blob)
    for layer in weights:
        outputs = []
        for direction, w in enumerate(layer):
            out = np.empty((len(sequence), HIDDEN))
            h = c = np.zeros(HIDDEN)
            for t in reversed(range(len(sequence))) if direction else range(len(sequence)):
                h, c = step(kind, sequence[t], h, c, *w)
                out[t] = h
            outputs.append(out)
        sequence = np.concatenate(outputs, 1)
    return sequence


@pytest.mark.parametrize("kind", GATES)
@pytest.mark.parametrize("layers, bidirectional", [(1, False), (2, True)])
def test_a_stack_follows_its_cells(kind, layers, bidirectional):
    lengths = [2, 4, 1]
    draw = np.random.default_rng(4)
    like, steps = ragged(lengths)
    data = draw.standard_normal((3, 4, INPUTS))
    x, held = sequences_of(data, like)
    blob = cntk.parameter(cntk.Shape((cntk.INFERRED,)), "double", 0.0)
    function = cntk.optimized_rnnstack(x, blob, HIDDEN, layers, bidirectional, kind)
    directions = 2 if bidirectional else 1
    assert function.output.shape == cntk.Shape((HIDDEN * directions,))
    blob.data = draw.standard_normal(blob.data.shape) * 0.5
    [result] = cntk.evaluate(function, {like: steps})
    for found, row, n in zip(result.sequences(), data, lengths, strict=True):
        np.testing.assert_allclose(found, stack(kind, blob.data, row[:n], layers, directions), rtol=1e-9, atol=1e-12)
    check_gradients(function, [held, blob], {like: steps}, rtol=1e-4)


def test_the_blob_has_cntks_shape_and_size():
    x = cntk.input_variable(cntk.Shape((4,)), "double")
    blob = cntk.parameter(cntk.Shape((cntk.INFERRED, cntk.INFERRED)), "double", 0.0)
    cntk.optimized_rnnstack(x, blob, 2, 2, True, "rnnTanh")
    assert blob.shape == cntk.Shape((2, 32))
    value = cntk.Value.sequence(cntk.Shape((4,)), np.zeros(8), data_type="double")
    wrong = cntk.optimized_rnnstack(x, cntk.parameter(cntk.Shape((99,)), "double", 0.0), 2, 1)
    with pytest.raises(cntk.CntkError, match="64 weights were expected, 99 came"):
        cntk.evaluate(wrong, {x: value})
    unknown = cntk.optimized_rnnstack(x, cntk.parameter(cntk.Shape((64,)), "double", 0.0), 2, 1, False, "foo")
    with pytest.raises(cntk.CntkError, match="a recurrentOp among"):
        cntk.evaluate(unknown, {x: value})
