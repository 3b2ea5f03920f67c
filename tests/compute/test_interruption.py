"""Steps of training are taken whole or not at all, wherever an interruption comes; plans can be used again after it."""

import queue
import sys
import threading

import numpy as np
import pytest

from xquery_bridge import compute as cntk
from xquery_bridge.compute.learners import Adam, MomentumSgd
from xquery_bridge.interruption import interrupt, unbroken

MODULES = ("trainer.py", "learner.py", "learners.py", "plan.py", "interruption.py", "variable.py", "evaluation.py")


class Stopped(BaseException):
    pass


class Sender:
    """Sends interruptions from another thread, as the engine does at the time limit."""

    def __init__(self):
        self.target = threading.get_ident()
        self.requests = queue.SimpleQueue()
        threading.Thread(target=self._loop, daemon=True).start()

    def _loop(self):
        while (answer := self.requests.get()) is not None:
            answer.put(interrupt(self.target, Stopped))

    def try_to_send(self):
        answer = queue.SimpleQueue()
        self.requests.put(answer)
        return answer.get()

    def close(self):
        self.requests.put(None)


def interrupted_at(count, sender, work):
    """Runs work; at an instruction of the modules above, or as soon after it as may be, an interruption is sent.

    Returns:
        Whether the work was broken off, and how many instructions there were.
    """
    seen, sent = 0, False

    def instruction(frame, event, argument):
        nonlocal seen, sent
        if event == "opcode":
            seen += 1
            if seen >= count and not sent:
                sent = sender.try_to_send()
        return instruction

    def call(frame, event, argument):
        if not frame.f_code.co_filename.endswith(MODULES):
            return None
        frame.f_trace_opcodes = True
        return instruction

    before = sys.gettrace()
    try:
        sys.settrace(call)
        work()
        sys.settrace(before)
        for _ in range(10):  # what was sent at the very end is raised here
            pass
    except Stopped:
        return True, seen
    finally:
        sys.settrace(before)
    return False, seen


class Training:
    """A model with two learners and running statistics."""

    def __init__(self):
        with cntk.session():
            x = cntk.input_variable(cntk.Shape((2,)), "double", dynamic_axes=[cntk.Axis.default_batch()])
            self.w = cntk.parameter(cntk.Shape((2, 2)), "double", np.array([[0.5, -1.0], [2.0, 0.25]]))
            self.b = cntk.parameter(cntk.Shape((2,)), "double", 0.1)
            scale, bias = (cntk.constant(cntk.Shape((2,)), "double", v) for v in (1.0, 0.0))
            self.mean, self.variance = (cntk.constant(cntk.Shape((2,)), "double", 0.0) for _ in range(2))
            self.seen = cntk.constant(cntk.Shape(()), "double", 0.0)
            normal = cntk.batch_normalization(
                cntk.times(self.w, x), scale, bias, self.mean, self.variance, self.seen, False, 100
            )
            z = cntk.plus(normal, self.b)
            loss = cntk.reduce_sum(cntk.element_times(z, z), cntk.Axis.all_static_axes())
            rate, momentum = cntk.Schedule.from_constant(0.1, 1), cntk.Schedule.from_constant(0.9, 1)
            self.learners = [MomentumSgd([self.w], rate, momentum), Adam([self.b], rate, momentum)]
            self.trainer = cntk.Trainer(z, loss, None, self.learners)
            self.bindings = {x: cntk.Value.batch(cntk.Shape((2,)), [1, 2, 3, 4, 0, -1], "double")}

    def step(self):
        self.trainer.train_minibatch(self.bindings)

    def state(self):
        count = self.trainer.previous_minibatch_sample_count
        held = [v.data.tolist() for v in (self.w, self.b, self.mean, self.variance, self.seen)]
        states = [repr(learner.checkpoint()) for learner in self.learners]
        return held, states, count, self.trainer.previous_minibatch_loss_average if count else None


@pytest.fixture
def sender():
    made = Sender()
    yield made
    made.close()


def test_a_step_is_taken_whole_or_not_at_all(sender):
    broken, whole = Training(), Training()
    broken.step(), whole.step()
    _, instructions = interrupted_at(sys.maxsize, sender, broken.step)
    whole.step()
    outcomes = set()
    before = whole.state()
    whole.step()
    after = whole.state()
    for count in range(1, instructions + 40, 5):
        stopped, _ = interrupted_at(count, sender, broken.step)
        found = broken.state()
        assert found in (before, after), f"half a step at instruction {count}"
        outcomes.add((stopped, found == after))
        if found == after:
            whole.step()
        broken.step()  # the plan is there again, and the next trial is as long as the first
        before = whole.state()
        whole.step()
        after = whole.state()
    assert outcomes >= {(True, False), (True, True)}


def test_no_interruption_is_sent_into_an_unbroken_change_but_right_after_it(sender):
    steps = []
    with pytest.raises(Stopped):
        with unbroken:
            assert not sender.try_to_send()
            steps.append("whole")
        assert sender.try_to_send()
        for _ in range(10):
            pass
        steps.append("too late")
    assert steps == ["whole"]
    with unbroken:  # it was given back
        pass


def test_a_plan_broken_off_while_it_is_bound_to_other_data_is_made_anew(sender):
    x = cntk.input_variable(cntk.Shape((256, 128)), "float", dynamic_axes=[cntk.Axis.default_batch()])
    doubled = cntk.plus(x, x)
    values = [cntk.Value.batch(x.shape, np.full(256 * 128 * 2, v)) for v in (1.0, 2.0, 3.0)]
    cntk.evaluate(doubled, {x: values[0]})
    _, instructions = interrupted_at(sys.maxsize, sender, lambda: cntk.evaluate(doubled, {x: values[1]}))
    for count in range(1, instructions, 9):
        chosen = count % 3
        interrupted_at(count, sender, lambda chosen=chosen: cntk.evaluate(doubled, {x: values[chosen]}))
        [result] = cntk.evaluate(doubled, {x: values[chosen]})
        assert (result.array == 2 * (chosen + 1)).all(), f"broken off at instruction {count}"
