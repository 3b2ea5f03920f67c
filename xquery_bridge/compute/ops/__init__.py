"""The operators, one place each.

To add an operator:

1. Write a class deriving from `Operator` (operator.py) in the file of its group, or a row in that file's table where a
   table fits (`Elementwise` in elementwise.py, `Broadcast` in binary.py). It says:
   - `name`, `number`: CNTK's (`cntk-operators.md`, last section); attributes have CNTK's names;
   - `shape(function)`: shape of the output in CNTK order from `function.operands` and `function.attributes`; it may fix
     inferred dimensions of a parameter by `operand.infer_shape(shape)`, and refuses what CNTK refuses by `CntkError`.
     Override `infer` instead where data type, dynamic axes or the number of outputs differ from the usual;
   - `forward(node, plan)`: makes each output by `plan.output(node, sample, layout)` (sample shape in **NumPy** order)
     and emits what fills it: `plan.emit(bind, reads, writes)`, where `bind(*arrays)` gets the arrays of `reads`, then
     of `writes`, once, and gives back the call (or list of calls without arguments) that is run every time. Build
     views, constants and scratch arrays in `bind`,
     which is called again when the array of a large input or result changes. `splits=Splits.FRAMES` (or `ELEMENTS`)
     lets parts of large arrays go to several threads. With a layout an array is `(frames, *sample)`, without one just
     `sample`. What the gradient needs besides operands and outputs goes into `node.saved`;
   - `gradient(node, plan)`: `g = plan.gradient_of(node.output)`; for each operand that `plan.wants(operand)`:
     `plan.accumulate(operand, bind, reads)`, where `bind(*reads, out)` makes the calls that **write** the contribution
     (the plan does the adding). For broadcasts `accumulate_broadcast` / `accumulate_reduced` sum down.
   Reads keep their buffers alive; arrays that are not in `reads` must not be used. A parameter's array never moves.
   An operator that needs the steps of sequences sets `uses_steps`, and cannot stand inside a recurrent loop; one whose
   layout depends on data overrides `layout_depends_on_data`, and its graph is then planned anew for each evaluation
   (`plan.array_of` gives the data). Inside a loop `forward` and `gradient` are called once a step (see `loop`).
   A change of lasting state (running statistics) is written to a buffer and carried over by `plan.on_commit(call)`;
   `plan.training` tells training from evaluation.
2. `register(...)` it, and write the API function, named after CNTK's C++ function in snake_case, that ends in
   `call(operator, operands, attributes, name)`, or in `as_block(...)` for a block.
3. A block that is better computed as one operator: `fuse("OpName", operator)`; the graph stays CNTK's.
4. Import it below and in the package's `__init__`.
"""

from . import (
    assignment,
    axes,
    binary,
    blocks,
    constants,
    convolution,
    ctc,
    edit_distance,
    elementwise,
    lattice,
    linear,
    losses,
    normalization,
    pooling,
    random_draws,
    ranking,
    recurrence,
    reductions,
    reshaping,
    rnn_stack,
    scaling,
    selection,
    sequence_blocks,
    sequence_convolution,
    sequences,
    softmax,
)
from .operator import OPERATORS, Operator, fuse, register

__all__ = [
    "OPERATORS",
    "Operator",
    "assignment",
    "axes",
    "binary",
    "blocks",
    "constants",
    "convolution",
    "ctc",
    "edit_distance",
    "elementwise",
    "fuse",
    "lattice",
    "linear",
    "losses",
    "normalization",
    "pooling",
    "random_draws",
    "ranking",
    "recurrence",
    "reductions",
    "register",
    "reshaping",
    "rnn_stack",
    "scaling",
    "selection",
    "sequence_blocks",
    "sequence_convolution",
    "sequences",
    "softmax",
]
