"""CNTK's semantics on NumPy: graphs, values, evaluation, training. Knows nothing of XQuery.

    from xquery_bridge import compute as cntk

    with cntk.session():                                     # uids and seeds count from 0
        x = cntk.input_variable(cntk.Shape((2,)), "float", dynamic_axes=[cntk.Axis.default_batch()])
        w = cntk.parameter(cntk.Shape((3, 2)), "float", 0.5)    # a number, an array (reversed shape) or an initializer
        z = cntk.plus(cntk.times(w, x), cntk.parameter(cntk.Shape((3,))))
        value = cntk.Value.batch(cntk.Shape((2,)), [1, 2, 3, 4])
        [result] = cntk.evaluate(z, {x: value})              # outputs: evaluate(function, bindings, [variables])
        result.to_arrays(z.output)                           # one flat array a sample or sequence

- Shapes, axes: `Shape` (a tuple in CNTK order, first dimension fastest), `Axis.static(i)`, `Axis.default_batch()`, …
- Values: `Value.of`, `.batch`, `.sequence`, `.batch_of_sequences`; `Device`.
- Variables: `input_variable`, `output_variable`, `parameter`, `constant`, `scalar`, `placeholder`.
- Functions: every operator is a Python function with the snake_case name of CNTK's C++ API and gives a composite
  `Function` (`op_name` of its `root_function`, `arguments`, `parameters`, `outputs`, `as_string()`); a Function is
  accepted where a variable is expected. `combine`, `as_block`, `as_composite`, `Function.replace_placeholders`.
- Training: `Schedule.from_constant(rate, minibatch_size)`; learners `Sgd(parameters, schedule, LearnerOptions(…))`,
  `MomentumSgd`, `Nesterov`, `AdaGrad`, `AdaDelta`, `RmsProp`, `Adam`, `FsAdaGrad`; initializers in `initializers`;
  `Trainer(model, loss, evaluation or None, learners).train_minibatch({variable: value}, sweep_end)`; its `checkpoint()`
  and `restore(checkpoint)` keep a run and go on with it.
- Models: `save_model`, `load_model` in `compute.models`, which is imported on demand.
- Every refusal is a `CntkError` with CNTK's sentence.

How to add an operator: see `ops`.
"""

from .axis import UNKNOWN_AXES as UNKNOWN_AXES
from .axis import Axis as Axis
from .convolution_layers import *  # noqa: F403
from .differentiation import BackPropState as BackPropState
from .differentiation import forward as forward
from .differentiation import gradients as gradients
from .errors import CntkError as CntkError
from .evaluation import evaluate as evaluate
from .graph import Function as Function
from .graph import as_block as as_block
from .graph import as_composite as as_composite
from .graph import as_variable as as_variable
from .graph import combine as combine
from .layers import *  # noqa: F403
from .learners import *  # noqa: F403
from .ops.assignment import *  # noqa: F403
from .ops.axes import *  # noqa: F403
from .ops.binary import *  # noqa: F403
from .ops.blocks import *  # noqa: F403
from .ops.constants import *  # noqa: F403
from .ops.convolution import *  # noqa: F403
from .ops.ctc import *  # noqa: F403
from .ops.edit_distance import *  # noqa: F403
from .ops.elementwise import *  # noqa: F403
from .ops.lattice import *  # noqa: F403
from .ops.linear import *  # noqa: F403
from .ops.losses import *  # noqa: F403
from .ops.normalization import *  # noqa: F403
from .ops.pooling import *  # noqa: F403
from .ops.random_draws import *  # noqa: F403
from .ops.ranking import *  # noqa: F403
from .ops.recurrence import *  # noqa: F403
from .ops.reductions import *  # noqa: F403
from .ops.reshaping import *  # noqa: F403
from .ops.rnn_stack import *  # noqa: F403
from .ops.scaling import *  # noqa: F403
from .ops.selection import *  # noqa: F403
from .ops.sequences import *  # noqa: F403
from .ops.softmax import *  # noqa: F403
from .recurrent_layers import *  # noqa: F403
from .schedules import Schedule as Schedule
from .session import current_session as current_session
from .session import session as session
from .shape import FREE as FREE
from .shape import INFERRED as INFERRED
from .shape import SCALAR as SCALAR
from .shape import UNKNOWN_SHAPE as UNKNOWN_SHAPE
from .shape import Shape as Shape
from .trainer import Trainer as Trainer
from .value import CPU as CPU
from .value import Device as Device
from .value import Value as Value
from .variable import *  # noqa: F403
