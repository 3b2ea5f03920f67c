"""Gradients of graphs against central differences, in double precision; batches and sequences made of parameters."""

import numpy as np

from xquery_bridge import compute as cntk
from xquery_bridge.compute.evaluation import Executor

STEP = 1e-6


def batch_axes():
    return [cntk.Axis.default_batch()]


def parameter(array, name=""):
    """A parameter of the reversed shape of an array."""
    array = np.asarray(array, np.float64)
    return cntk.parameter(cntk.Shape(array.shape[::-1]), "double", array, name)


def ragged(sequences):
    """A value of sequences of scalars, which says how many steps there are, and the variable it belongs to."""
    like = cntk.input_variable(cntk.Shape(()), "double")
    return like, cntk.Value.batch_of_sequences(cntk.Shape(()), [np.ones(n) for n in sequences], data_type="double")


def sequences_of(array, like):
    """The sequences whose steps are the first ones of array[i], as a function of a parameter that holds the array."""
    held = parameter(array)
    return cntk.to_sequence_like(cntk.to_batch(held), like), held


def batch_of(array):
    """The samples array[i], as a function of a parameter that holds the array."""
    held = parameter(array)
    return cntk.to_batch(held), held


def loss_of(output, seed=0):
    """A sum in which every element of every frame has another weight."""
    variable = cntk.as_variable(output)
    draw = np.random.default_rng(seed)
    weights = cntk.constant(cntk.Shape(()), "double", 0.7)
    if not variable.shape.has_unbound_dimension:
        weights = cntk.constant(variable.shape, "double", draw.uniform(0.5, 1.5, variable.shape.numpy_shape))
    bent = cntk.plus(output, cntk.element_times(output, cntk.element_times(output, weights)))
    return cntk.reduce_sum(cntk.element_times(bent, weights), cntk.Axis.all_axes())


def check_gradients(output, parameters, bindings=None, rtol=1e-5, training=True):
    """Holds the gradient of a weighted sum of an output by each parameter against central differences."""
    bindings = bindings or {}
    loss = cntk.as_variable(loss_of(output))
    executor = Executor([loss], training, parameters)
    plan, _ = executor.run(bindings)
    found = {p: plan.gradients[p].copy() for p in parameters}
    plain = Executor([loss], training)

    def value():
        return float(plain.run(bindings)[0].outputs[0][0].sum())

    for p in parameters:
        flat = p.data.reshape(-1)
        wanted = np.empty(flat.size)
        for i in range(flat.size):
            before = flat[i]
            flat[i] = before + STEP
            above = value()
            flat[i] = before - STEP
            wanted[i] = (above - value()) / (2 * STEP)
            flat[i] = before
        np.testing.assert_allclose(
            found[p].reshape(-1), wanted, rtol=rtol, atol=rtol * max(1.0, np.abs(wanted).max()), err_msg=p.as_string()
        )
    again, _ = executor.run(bindings)
    for p in parameters:
        np.testing.assert_allclose(again.gradients[p], found[p], rtol=1e-12, atol=1e-12)
