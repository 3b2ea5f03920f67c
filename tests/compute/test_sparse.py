"""Sparse data: products by entries, gradients of rows, and what learners do with them. Numbers: CNTK 2.7."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xquery_bridge import compute as cntk
from xquery_bridge.compute.evaluation import Executor
from xquery_bridge.compute.learners import AdaDelta, AdaGrad, Adam, FsAdaGrad, MomentumSgd, Nesterov, RmsProp, Sgd
from xquery_bridge.compute.ops import linear
from xquery_bridge.compute.sparse import RowGradient

BATCH = [cntk.Axis.default_batch()]
CLASSES = 5
START = np.arange(CLASSES * 2).reshape(CLASSES, 2) / 10 + 0.1
MINIBATCHES = [[0, 1, 1], [1, 2], [0, 3, 2]]


@pytest.fixture(autouse=True, scope="module")
def _small_data_is_sparse_too():
    before, linear.FEW_ELEMENTS = linear.FEW_ELEMENTS, 0
    yield
    linear.FEW_ELEMENTS = before


def schedule(value):
    return cntk.Schedule.from_constant(value, 1)


MOMENTA = schedule(0.9), True
RULES = {
    "SGD": lambda p, options=None: Sgd(p, schedule(0.1), options),
    "MomentumSGD": lambda p, options=None: MomentumSgd(p, schedule(0.1), *MOMENTA, options),
    "Nesterov": lambda p, options=None: Nesterov(p, schedule(0.1), *MOMENTA, options),
    "AdaGrad": lambda p, options=None: AdaGrad(p, schedule(0.1), False, options),
    "AdaGrad, average": lambda p, options=None: AdaGrad(p, schedule(0.1), True, options),
    "AdaDelta": lambda p, options=None: AdaDelta(p, schedule(1.0), options=options),
    "RMSProp": lambda p, options=None: RmsProp(p, schedule(0.1), 0.9, 1.2, 0.5, 10, 0.01, False, options),
    "Adam": lambda p, options=None: Adam(p, schedule(0.1), *MOMENTA, schedule(0.99), options=options),
    "FSAdaGrad": lambda p, options=None: FsAdaGrad(p, schedule(0.1), *MOMENTA, schedule(0.99), options),
}


def one_hot(indices):
    return np.eye(CLASSES)[indices]


def looked_up(kind, table, transposed=False):
    """Rows of a table: their input, the function that gives them, and how indices become a value."""
    if kind in ("sparse", "dense", "sparse value"):
        x = cntk.input_variable(cntk.Shape((CLASSES,)), "double", kind != "dense", dynamic_axes=BATCH)
        chosen = x
    else:
        x = cntk.input_variable(cntk.Shape(()), "double", dynamic_axes=BATCH)
        if kind == "gather":
            return x, cntk.gather_op(x, table), lambda i: cntk.Value.batch(cntk.Shape(()), i, "double")
        chosen = cntk.one_hot_op(x, CLASSES, kind == "sparse one-hot", cntk.Axis.static(0))

    def value(indices):
        if kind == "sparse value":
            return cntk.Value.one_hot(CLASSES, indices, data_type="double")
        if x.shape.rank == 0:
            return cntk.Value.batch(cntk.Shape(()), indices, "double")
        return cntk.Value.batch(x.shape, one_hot(indices).ravel(), "double")

    return x, (cntk.transpose_times if transposed else cntk.times)(table, chosen), value


def trained(kind, rule, options=None, transposed=False):
    """The table after three minibatches."""
    start = START.T if transposed else START
    table = cntk.parameter(cntk.Shape(start.shape[::-1]), "double", start)
    x, rows, value = looked_up(kind, table, transposed)
    target = cntk.constant(cntk.Shape((2,)), "double", np.array([1.0, 2.0]))
    loss = cntk.squared_error(cntk.element_times(rows, rows), target)
    trainer = cntk.Trainer(rows, loss, None, [RULES[rule]([table], options)])
    for indices in MINIBATCHES:
        trainer.train_minibatch({x: value(indices)})
    return table.data.T if transposed else table.data


FIRST_ROWS = {
    "MomentumSGD": [[0.1304110634635269, 0.3244967880334679], [0.43090368101216814, 0.7605504145719549]],
    "Nesterov": [[0.5619775132336553, 2.0860589579348434], [1.8976602492329233, 1.6345757278564121]],
    "AdaGrad, average": [[0.3781021382094513, 0.46579096958563326], [0.5504338626469862, 0.6467585428099013]],
    "AdaDelta": [[0.10090091276342004, 0.20090043537486585], [0.30073616175188417, 0.4007360996651817]],
}


@pytest.mark.parametrize("kind", ["sparse", "sparse value", "sparse one-hot"])
@pytest.mark.parametrize("rule", list(FIRST_ROWS))
def test_sparse_gradients_are_learned_from_as_in_cntk(kind, rule):
    found = trained(kind, rule)
    np.testing.assert_allclose(found[:2], FIRST_ROWS[rule], rtol=1e-12)
    np.testing.assert_array_equal(found[4], START[4])


@pytest.mark.parametrize(
    "rule, options, first_row",
    [
        ("SGD", {"l1_regularization_weight": 0.05}, [0.1448379759456, 0.5676286906272]),
        ("MomentumSGD", {"l1_regularization_weight": 0.05}, [0.08777993690707638, 0.2795072615448293]),
        ("MomentumSGD", {"gradient_clipping_threshold_per_sample": 0.3}, [0.1304110634635269, 0.26656031]),
        ("Nesterov", {"gradient_clipping_threshold_per_sample": 0.3}, [0.5351161463559999, 0.9315636598999997]),
    ],
)
def test_options_act_on_rows_as_in_cntk(rule, options, first_row):
    found = trained("sparse", rule, cntk.LearnerOptions(**options))
    np.testing.assert_allclose(found[0], first_row, rtol=1e-12)


@pytest.mark.parametrize("kind", ["dense one-hot", "gather"])
@pytest.mark.parametrize("rule", list(RULES))
def test_data_that_cntk_has_dense_is_learned_from_by_the_rule_for_dense_gradients(kind, rule):
    np.testing.assert_allclose(trained(kind, rule), trained("dense", rule), rtol=1e-12)


@pytest.mark.parametrize("rule", ["SGD", "AdaGrad", "AdaDelta", "RMSProp", "Adam", "FSAdaGrad"])
def test_other_rules_have_one_meaning_for_dense_and_sparse(rule):
    np.testing.assert_allclose(trained("sparse", rule), trained("dense", rule), rtol=1e-12)


@pytest.mark.parametrize("rule", list(RULES))
def test_regularized_squares_reach_every_row(rule):
    options = cntk.LearnerOptions(l2_regularization_weight=0.1)
    np.testing.assert_allclose(trained("sparse", rule, options), trained("dense", rule, options), rtol=1e-12)


@pytest.mark.parametrize("rule", list(RULES))
def test_rows_of_a_transposed_table_are_its_last_dimension(rule):
    np.testing.assert_allclose(trained("sparse", rule, transposed=True), trained("sparse", rule), rtol=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_products_of_sparse_data_equal_those_of_dense_data(data):
    draw = np.random.default_rng(data.draw(st.integers(0, 99)))
    dims = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=2))
    rest = data.draw(st.lists(st.integers(1, 3), max_size=1))
    frames = data.draw(st.integers(1, 6))
    share = data.draw(st.sampled_from([0.0, 0.1, 0.3, 1.0]))
    shape = cntk.Shape((*dims, *rest))
    numbers = draw.normal(size=(frames, shape.total_size)) * (draw.random((frames, shape.total_size)) < share)
    w = draw.normal(size=(*dims[::-1], 3))
    found = []
    for is_sparse in (True, False):
        table = cntk.parameter(cntk.Shape(w.shape[::-1]), "double", w)
        x = cntk.input_variable(shape, "double", is_sparse, dynamic_axes=BATCH)
        product = cntk.times(table, x)
        weighted = cntk.element_times(product, product)
        loss = cntk.reduce_sum(weighted, cntk.Axis.all_axes())
        value = cntk.Value.batch(shape, numbers.ravel(), "double")
        plan, _ = Executor([cntk.as_variable(loss)], True, [table]).run({x: value})
        [result] = cntk.evaluate(cntk.plus(product, cntk.reduce_sum(x, cntk.Axis.all_static_axes())), {x: value})
        found.append((result.array, plan.gradients[table].copy()))
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
@settings(max_examples=10, deadline=None)
@given(numbers=st.lists(st.floats(-2, 5), min_size=6, max_size=6))
def test_one_hot_data_is_filled_in_for_whoever_reads_all_of_it(axis, numbers):
    x = cntk.input_variable(cntk.Shape((2, 3)), "double", dynamic_axes=BATCH)
    hot = cntk.one_hot_op(x, 4, True, cntk.Axis.static(axis) if axis >= 0 else cntk.Axis.end_static())
    [result] = cntk.evaluate(hot, {x: cntk.Value.batch(cntk.Shape((2, 3)), numbers, "double")})
    place = 2 - axis if axis >= 0 else 0
    wanted = np.floor(np.expand_dims(np.reshape(numbers, (1, 3, 2)), place + 1)) == np.arange(4).reshape(
        [-1 if i == place + 1 else 1 for i in range(4)]
    )
    np.testing.assert_array_equal(result.array, wanted)


def test_a_minibatch_costs_the_rows_it_looks_up():
    """Nothing but the table itself has as many elements as the table, neither in the plan nor in the learner."""
    rows, width = 1000, 8

    sizes = []

    class Counting(MomentumSgd):
        def _update(self, g, scratch, states):
            sizes.append(g.size)
            super()._update(g, scratch, states)

    table = cntk.parameter(cntk.Shape((width, rows)), "float", 0.1)
    x = cntk.input_variable(cntk.Shape(()), dynamic_axes=BATCH)
    embedded = cntk.times(table, cntk.one_hot_op(x, rows, True, cntk.Axis.static(0)))
    loss = cntk.reduce_sum(cntk.element_times(embedded, embedded), cntk.Axis.all_static_axes())
    learner = Counting([table], schedule(0.1), *MOMENTA)
    trainer = cntk.Trainer(embedded, loss, None, [learner])
    bindings = {x: cntk.Value.batch(cntk.Shape(()), [7, 7, 900, 3])}
    trainer.train_minibatch(bindings)
    assert sizes == [3 * width]
    plan, _ = trainer._executor.run(bindings)
    gradient = plan.gradients[table]
    assert type(gradient) is RowGradient and gradient.merged()[0].tolist() == [3, 7, 900]
    written = [tensor.size for site in plan._sites for i in site.instructions for tensor in i.writes]
    assert max(written) <= 4 * width


def test_rows_and_whole_gradients_of_one_table_add_up():
    def after(is_sparse, rule):
        table = cntk.parameter(cntk.Shape((2, CLASSES)), "double", START)
        x = cntk.input_variable(cntk.Shape((CLASSES,)), "double", is_sparse, dynamic_axes=BATCH)
        rows = cntk.times(table, x)
        everything = cntk.reduce_sum(cntk.element_times(table, table), cntk.Axis.all_static_axes())
        loss = cntk.plus(cntk.reduce_sum(cntk.element_times(rows, rows), cntk.Axis.all_static_axes()), everything)
        trainer = cntk.Trainer(rows, loss, None, [rule([table])])
        for indices in MINIBATCHES:
            trainer.train_minibatch({x: cntk.Value.batch(x.shape, one_hot(indices).ravel(), "double")})
        return table.data

    for rule in (RULES["MomentumSGD"], RULES["AdaDelta"]):
        np.testing.assert_allclose(after(True, rule), after(False, rule), rtol=1e-12)


@pytest.mark.parametrize("kind", ["sparse", "sparse one-hot", "dense one-hot"])
def test_few_elements_are_multiplied_as_a_matrix_and_learned_from_alike(kind, monkeypatch):
    wanted = trained(kind, "MomentumSGD")
    monkeypatch.setattr(linear, "FEW_ELEMENTS", 2048)
    np.testing.assert_allclose(trained(kind, "MomentumSGD"), wanted, rtol=1e-12)


def test_two_lookups_in_one_table_are_one_gradient():
    def after(kind):
        table = cntk.parameter(cntk.Shape((2, CLASSES)), "double", START)
        x, rows, value = looked_up(kind, table)
        y, others, _ = looked_up(kind, table)
        loss = cntk.squared_error(rows, others)
        trainer = cntk.Trainer(rows, loss, None, [RULES["AdaGrad"]([table])])
        for indices in MINIBATCHES:
            trainer.train_minibatch({x: value(indices), y: value(indices[::-1])})
        return table.data

    np.testing.assert_allclose(after("sparse"), after("dense"), rtol=1e-12)


def test_a_table_keeps_its_state_when_its_gradients_change_their_kind():
    gradients = [START * 0.1, RowGradient((CLASSES, 2), np.dtype(np.float64), CLASSES, False, True), START * 0.2]
    gradients[1].set_part(gradients[1].new_part(), np.array([1, 3]), np.ones((2, 2)))
    tables = []
    for dense in (False, True):
        table = cntk.parameter(cntk.Shape((2, CLASSES)), "double", START)
        bias = cntk.parameter(cntk.Shape((2,)), "double", 0.5)
        learner = AdaDelta([bias, table], schedule(1.0))
        for gradient in gradients:
            given = gradient.dense() if dense and isinstance(gradient, RowGradient) else gradient
            learner.prepare({table: given, bias: np.ones(2)}, 3)
            learner.commit()
        tables.append((table.data, bias.data, learner.checkpoint()["states"][1]))
    for ours, theirs in zip(*tables, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_sequences_of_one_hot_values_are_looked_up_step_by_step():
    x = cntk.input_variable(cntk.Shape((CLASSES,)), "double", True)
    table = cntk.parameter(cntk.Shape((2, CLASSES)), "double", START)
    value = cntk.Value.one_hot(CLASSES, [4, 0, 2], lengths=[1, 2], data_type="double")
    [result] = cntk.evaluate(cntk.times(table, x), {x: value})
    assert result.lengths.tolist() == [1, 2]
    np.testing.assert_array_equal(result.array, START[[4, 0, 2]])
    assert value.data_type == "double" and value.shape == cntk.Shape((CLASSES, cntk.FREE, 2))
    np.testing.assert_array_equal(value.array, one_hot([4, 0, 2]))


@pytest.mark.parametrize("sparse", ["input", "one-hot"])
def test_a_recurrence_over_sparse_steps_learns_as_over_dense_ones(sparse):
    lengths, indices = [3, 1, 2], [4, 0, 2, 1, 1, 3]

    def after(is_sparse):
        with cntk.session():
            if sparse == "input":
                x = hot = cntk.input_variable(cntk.Shape((CLASSES,)), "double", is_sparse)
                steps = np.split(one_hot(indices).reshape(6, -1), np.cumsum(lengths)[:-1])
            else:
                x = cntk.input_variable(cntk.Shape(()), "double")
                hot = cntk.one_hot_op(x, CLASSES, is_sparse, cntk.Axis.static(0))
                steps = np.split(np.array(indices), np.cumsum(lengths)[:-1])
            values = cntk.Value.batch_of_sequences(x.shape, [s.ravel() for s in steps], data_type="double")
            w = cntk.parameter(cntk.Shape((3, CLASSES)), "double", np.linspace(-1, 1, 15).reshape(CLASSES, 3))
            u = cntk.parameter(cntk.Shape((3, 3)), "double", np.linspace(-0.5, 0.7, 9).reshape(3, 3))
            state = cntk.placeholder(cntk.Shape((3,)))
            before = cntk.past_value(state, cntk.scalar("double", 0.1))
            h = cntk.tanh(cntk.plus(cntk.times(w, hot), cntk.times(u, before)))
            h.replace_placeholders({state: h.output})
            loss = cntk.reduce_sum(cntk.square(h), cntk.Axis.all_static_axes())
            trainer = cntk.Trainer(h, loss, None, [RULES["AdaGrad"]([w, u])])
            for _ in range(3):
                trainer.train_minibatch({x: values})
            return w.data, u.data

    for ours, theirs in zip(after(True), after(False), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10)
