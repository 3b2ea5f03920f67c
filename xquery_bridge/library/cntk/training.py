"""Rows of cntk:learner and cntk:trainer (cntk-functions.md, groups learner and trainer)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, Final

from xquery_bridge.compute import Device, Function, Trainer, Variable
from xquery_bridge.compute import learners as compute
from xquery_bridge.compute.learners import Learner, LearnerOptions
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


def _learner(function: str, rule: Callable[..., Learner]) -> Callable[..., Learner]:
    """A learner as a function of the arguments of its rule, a map of options in the place of `LearnerOptions`."""

    @wraps(rule, updated=())
    def learner(*arguments: Any) -> Learner:
        *others, last = arguments
        if isinstance(last, MapMap):
            last = LearnerOptions(**options.read(function, _LEARNING_OPTIONS, last))
        return rule(*others, last)

    return learner


#: Learners: name, rule, the parameters of its own that must be given and that need not, what it does.
_LEARNERS: Final[tuple[tuple[str, Callable[..., Learner], str, str, str], ...]] = (
    ("sgd-learner", compute.Sgd, "", "", "Plain gradient descent: p = p - r g."),
    (
        "momentum-sgd-learner",
        compute.MomentumSgd,
        ", $momentum as cntk:schedule",
        "$unit-gain as xs:boolean, ",
        "Gradient descent with momentum: v = mu v + f r g, p = p - v.",
    ),
    (
        "nesterov-learner",
        compute.Nesterov,
        ", $momentum as cntk:schedule",
        "$unit-gain as xs:boolean, ",
        "Nesterov's momentum: v = mu v + f r g, p = p - mu v - f r g.",
    ),
    (
        "ada-grad-learner",
        compute.AdaGrad,
        "",
        "$need-ave-multiplier as xs:boolean, ",
        "AdaGrad: the rate of an element falls with the gradients it has seen.",
    ),
    (
        "ada-delta-learner",
        compute.AdaDelta,
        "",
        "$rho as xs:double, $epsilon as xs:double, ",
        "AdaDelta: steps as long as the steps before, relative to the gradients before.",
    ),
    (
        "rms-prop-learner",
        compute.RmsProp,
        ", $gamma as xs:double, $inc as xs:double, $dec as xs:double, $max as xs:double, $min as xs:double",
        "$unit-gain as xs:boolean, ",
        "CNTK's RMSProp, with a weight for each element that grows while its gradient keeps its sign.",
    ),
    (
        "adam-learner",
        compute.Adam,
        ", $momentum as cntk:schedule",
        "$unit-gain as xs:boolean, $variance-momentum-schedule as cntk:schedule, $epsilon as xs:double,"
        " $adamax as xs:boolean, ",
        "Adam: momentum over the root of the decaying squares; AdaMax, over the decaying largest absolute value.",
    ),
    (
        "fs-ada-grad-learner",
        compute.FsAdaGrad,
        ", $momentum as cntk:schedule",
        "$unit-gain as xs:boolean, $variance-momentum-schedule as cntk:schedule, ",
        "FSAdaGrad: momentum on gradients relative to their decaying size.",
    ),
)
for _name, _rule, _needed, _optional, _about in _LEARNERS:
    LEARNER.serve(
        f"{_name}($parameters as cntk:parameter*, $lr as cntk:schedule{_needed} [, {_optional}$alo as map:map])"
        " as cntk:learner",
        _learner(f"cntk:{_name}", _rule),
        about=_about,
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
