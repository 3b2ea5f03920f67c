"""Rows of cntk:learner and cntk:trainer (cntk-functions.md, groups learner and trainer)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from xquery_bridge.compute import Device, Function, Parameter, Trainer, Variable
from xquery_bridge.compute import learners as compute
from xquery_bridge.compute.learners import DEFAULT_VARIANCE_MOMENTUM, Learner, LearnerOptions
from xquery_bridge.compute.schedules import Schedule
from xquery_bridge.library.cntk import arrays, options
from xquery_bridge.library.cntk.groups import LEARNER, TRAINER
from xquery_bridge.library.cntk.options import Option
from xquery_bridge.runtime.json_items import JsonArray, MapMap

#: CNTK's AdditionalLearningOptions, the `$alo` of every learner.
_LEARNING_OPTIONS: Final = (
    Option("l1_regularization_weight", options.number, "l1-regularization-weight"),
    Option("l2_regularization_weight", options.number, "l2-regularization-weight"),
    Option("gaussian_noise_injection_std_dev", options.number_or_schedule, "gaussian-noise-injection-std-dev"),
    Option("gradient_clipping_threshold_per_sample", options.number, "gradient-clipping-threshold-per-sample"),
    Option("gradient_clipping_with_truncation", options.flag, "gradient-clipping-with-truncation"),
    Option("use_mean_gradient", options.flag, "use-mean-gradient"),
)


def _options(function: str, alo: MapMap | None) -> LearnerOptions | None:
    return None if alo is None else LearnerOptions(**options.read(function, _LEARNING_OPTIONS, alo))


def sgd(parameters: Sequence[Parameter], rate: Schedule, alo: MapMap | None = None) -> Learner:
    """Plain gradient descent: p = p - r g."""
    return compute.Sgd(parameters, rate, _options("cntk:sgd-learner", alo))


def _with_momentum(function: str, learner: Callable[..., Learner]) -> Callable[..., Learner]:
    def make(
        parameters: Sequence[Parameter],
        rate: Schedule,
        momentum: Schedule,
        unit_gain: bool = True,
        alo: MapMap | None = None,
    ) -> Learner:
        return learner(parameters, rate, momentum, unit_gain, _options(function, alo))

    make.__doc__ = learner.__doc__
    return make


def ada_grad(
    parameters: Sequence[Parameter], rate: Schedule, need_average_multiplier: bool = True, alo: MapMap | None = None
) -> Learner:
    """AdaGrad: the rate of an element falls with the gradients it has seen."""
    return compute.AdaGrad(parameters, rate, need_average_multiplier, _options("cntk:ada-grad-learner", alo))


def ada_delta(
    parameters: Sequence[Parameter],
    rate: Schedule,
    rho: float = 0.95,
    epsilon: float = 1e-8,
    alo: MapMap | None = None,
) -> Learner:
    """AdaDelta: steps as long as the steps before, relative to the gradients before."""
    return compute.AdaDelta(parameters, rate, rho, epsilon, _options("cntk:ada-delta-learner", alo))


def rms_prop(
    parameters: Sequence[Parameter],
    rate: Schedule,
    gamma: float,
    inc: float,
    dec: float,
    max: float,
    min: float,
    need_average_multiplier: bool = True,
    alo: MapMap | None = None,
) -> Learner:
    """CNTK's RMSProp, with a weight for each element that grows while its gradient keeps its sign."""
    given = _options("cntk:rms-prop-learner", alo)
    return compute.RmsProp(parameters, rate, gamma, inc, dec, max, min, need_average_multiplier, given)


def adam(
    parameters: Sequence[Parameter],
    rate: Schedule,
    momentum: Schedule,
    unit_gain: bool = True,
    variance_momentum: Schedule = DEFAULT_VARIANCE_MOMENTUM,
    epsilon: float = 1e-8,
    adamax: bool = False,
    alo: MapMap | None = None,
) -> Learner:
    """Adam: momentum over the root of the decaying squares; AdaMax, over the decaying largest absolute value."""
    given = _options("cntk:adam-learner", alo)
    return compute.Adam(parameters, rate, momentum, unit_gain, variance_momentum, epsilon, adamax, given)


def fs_ada_grad(
    parameters: Sequence[Parameter],
    rate: Schedule,
    momentum: Schedule,
    unit_gain: bool = True,
    variance_momentum: Schedule = DEFAULT_VARIANCE_MOMENTUM,
    alo: MapMap | None = None,
) -> Learner:
    """FSAdaGrad: momentum on gradients relative to their decaying size."""
    given = _options("cntk:fs-ada-grad-learner", alo)
    return compute.FsAdaGrad(parameters, rate, momentum, unit_gain, variance_momentum, given)


LEARNER.serve(
    "sgd-learner($parameters as cntk:parameter*, $lr as cntk:schedule [, $alo as map:map]) as cntk:learner",
    sgd,
    options=_LEARNING_OPTIONS,
    configures=LearnerOptions,
)
for _name, _learner, _rule in (
    ("momentum-sgd-learner", compute.MomentumSgd, "Gradient descent with momentum: v = mu v + f r g, p = p - v."),
    ("nesterov-learner", compute.Nesterov, "Nesterov's momentum: v = mu v + f r g, p = p - mu v - f r g."),
):
    LEARNER.serve(
        f"{_name}($parameters as cntk:parameter*, $lr as cntk:schedule, $momentum as cntk:schedule"
        " [, $unit-gain as xs:boolean, $alo as map:map]) as cntk:learner",
        _with_momentum(f"cntk:{_name}", _learner),
        about=_rule,
        options=_LEARNING_OPTIONS,
        configures=LearnerOptions,
    )
LEARNER.serve(
    "ada-grad-learner($parameters as cntk:parameter*, $lr as cntk:schedule [, $need-ave-multiplier as xs:boolean,"
    " $alo as map:map]) as cntk:learner",
    ada_grad,
    options=_LEARNING_OPTIONS,
    configures=LearnerOptions,
)
LEARNER.serve(
    "ada-delta-learner($parameters as cntk:parameter*, $lr as cntk:schedule [, $rho as xs:double,"
    " $epsilon as xs:double, $alo as map:map]) as cntk:learner",
    ada_delta,
    options=_LEARNING_OPTIONS,
    configures=LearnerOptions,
)
LEARNER.serve(
    "rms-prop-learner($parameters as cntk:parameter*, $lr as cntk:schedule, $gamma as xs:double, $inc as xs:double,"
    " $dec as xs:double, $max as xs:double, $min as xs:double [, $unit-gain as xs:boolean, $alo as map:map])"
    " as cntk:learner",
    rms_prop,
    options=_LEARNING_OPTIONS,
    configures=LearnerOptions,
)
LEARNER.serve(
    "adam-learner($parameters as cntk:parameter*, $lr as cntk:schedule, $momentum as cntk:schedule"
    " [, $unit-gain as xs:boolean, $variance-momentum-schedule as cntk:schedule, $epsilon as xs:double,"
    " $adamax as xs:boolean, $alo as map:map]) as cntk:learner",
    adam,
    options=_LEARNING_OPTIONS,
    configures=LearnerOptions,
)
LEARNER.serve(
    "fs-ada-grad-learner($parameters as cntk:parameter*, $lr as cntk:schedule, $momentum as cntk:schedule"
    " [, $unit-gain as xs:boolean, $variance-momentum-schedule as cntk:schedule, $alo as map:map]) as cntk:learner",
    fs_ada_grad,
    options=_LEARNING_OPTIONS,
    configures=LearnerOptions,
)

# ---------------------------------------------------------------------------------------------------------- trainer


def trainer(
    model: Function, learners: Sequence[Any], loss: Function | Variable, evaluation: Function | Variable | None = None
) -> Trainer:
    """A trainer of a model: its loss is made small by the learners, the evaluation only looked at."""
    return Trainer(model, loss, evaluation, learners)


def train_minibatch(
    the_trainer: Trainer, minibatch: JsonArray, is_sweep_end: bool = False, device: Device | None = None
) -> bool:
    """One step on a minibatch; whether the parameters were updated."""
    return the_trainer.train_minibatch(arrays.bindings("cntk:train-minibatch", minibatch), is_sweep_end)


def model(of: Trainer) -> Function | Variable:
    """The model given to the trainer, as it is now."""
    return of.model


def loss_average(of: Trainer) -> float:
    """The loss of the last minibatch over its samples, before the update."""
    return of.previous_minibatch_loss_average


def evaluation_average(of: Trainer) -> float:
    """The evaluation criterion of the last minibatch over its samples."""
    return of.previous_minibatch_evaluation_average


def sample_count(of: Trainer) -> int:
    """The samples of the last minibatch."""
    return of.previous_minibatch_sample_count


def total_samples(of: Trainer) -> int:
    """The samples of all minibatches."""
    return of.total_number_of_samples_seen


TRAINER.serve(
    "trainer($model as cntk:function, $learners as cntk:learner*, $loss-function as cntk:function"
    " [, $evaluate-function as cntk:function]) as cntk:trainer",
    trainer,
)
TRAINER.serve(
    "train-minibatch($trainer as cntk:trainer, $variable-value-map as json:array [, $is-sweep-end as xs:boolean,"
    " $device as cntk:device]) as xs:boolean",
    train_minibatch,
)
TRAINER.serve("trainer-get-model($trainer as cntk:trainer) as cntk:function", model)
TRAINER.serve("previous-minibatch-loss-average($trainer as cntk:trainer) as xs:double", loss_average)
TRAINER.serve("previous-minibatch-evaluation-average($trainer as cntk:trainer) as xs:double", evaluation_average)
TRAINER.serve("previous-minibatch-sample-count($trainer as cntk:trainer) as xs:unsignedLong", sample_count)
TRAINER.serve("total-number-of-sample-seen($trainer as cntk:trainer) as xs:unsignedLong", total_samples)
