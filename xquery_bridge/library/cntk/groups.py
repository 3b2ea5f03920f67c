"""The groups of the `cntk:` functions, in the order of the reference; a module of rows serves one or several."""

from __future__ import annotations

from typing import Final

from xquery_bridge.library.cntk.rows import Group

VALUE: Final = Group(
    "value",
    "Values",
    "A `cntk:value` holds numbers: samples of a shape, and how they form steps and sequences. Data is in memory order, "
    "the first dimension fastest.",
)
SHAPE: Final = Group(
    "shape", "Shapes", "A `cntk:shape` lists dimensions, the first one fastest in memory; and what changes shapes."
)
AXIS: Final = Group(
    "axis", "Axes", "Static axes are the dimensions of a sample, counted from 0; dynamic ones are steps and batch."
)
DEVICE: Final = Group(
    "device", "Devices", "Where a program asks its values to be. All work runs on the CPU; a GPU is accepted."
)
VARIABLE: Final = Group(
    "variable",
    "Variables, parameters, constants",
    "The symbols of a graph. A `cntk:function` stands for its output wherever a `cntk:variable` is declared; a "
    "`cntk:parameter` and a `cntk:constant` are variables.",
)
FUNCTION: Final = Group("function", "Functions", "Graphs: evaluated, taken apart, saved and loaded.")
GRAPH: Final = Group("graph", "Putting graphs together", "Functions that name, group and connect other functions.")
ELEMENTWISE: Final = Group(
    "elementwise",
    "Elementwise functions",
    "One element of the result for one of each operand. Several operands broadcast: a missing dimension, or one of 1, "
    "serves all places along it.",
)
REDUCTION: Final = Group(
    "reduction",
    "Reductions",
    "An axis that is reduced becomes 1, or goes where `$keep-dims` is false. For the sequence axis there are "
    "`cntk:sequence-reduce-sum` and `cntk:sequence-reduce-max`.",
)
LINEAR: Final = Group(
    "linear", "Products", "Products of tensors: the last dimensions of the left operand meet the first of the right."
)
CONVOLUTION: Final = Group(
    "convolution",
    "Convolutions",
    "Kernel `[k1 x … x kn x C x M]`, operand `[d1 x … x dn x C]`, result `[o1 x … x on x M]`: spatial dimensions "
    "first, channels last.",
)
POOLING: Final = Group("pooling", "Pooling", "Windows over the first dimensions of an operand `[d1 x … x dn x C]`.")
NORMALIZATION: Final = Group("normalization", "Normalization", "Means taken away and deviations divided by.")
SEQUENCE: Final = Group("sequence", "Sequences", "What happens along the sequence axis.")
RECURRENT: Final = Group("recurrent", "Recurrence", "Delays, cells, and cells run along sequences.")
LOSS: Final = Group("loss", "Losses", "Criteria that a trainer makes small.")
METRIC: Final = Group("metric", "Metrics", "Criteria that a trainer only reports.")
RANDOM: Final = Group(
    "random",
    "Random numbers",
    "Without a seed a function takes the next one of the request, counted from 0, so that a program gives the same "
    "numbers each time.",
)
LAYER: Final = Group(
    "layer",
    "Layers",
    "CNTK's Python layers, with their defaults: they make their own parameters. Options stand in a `map:map`; their "
    "lists are in CNTK's order, spatial dimensions first. One value holds for every dimension.",
)
INITIALIZER: Final = Group(
    "initializer",
    "Initializers",
    "What fills a parameter. Fan-in and fan-out are the products of the dimensions that go in and out, times the "
    "filter's size.",
)
SCHEDULE: Final = Group(
    "schedule",
    "Schedules",
    "Rates, momenta and minibatch sizes that change while a trainer runs. An epoch size of 0 stands for a whole sweep "
    "over the data; a minibatch size of 0 means that a rate is for a minibatch, whatever its size.",
)
LEARNER: Final = Group(
    "learner",
    "Learners",
    "Update rules for some parameters p. g is the gradient summed over the n samples of a minibatch, r the rate "
    "divided by n (or by the minibatch size of its schedule), mu the momentum, f = 1 - mu with unit gain, else 1.",
)
TRAINER: Final = Group("trainer", "Trainers", "A model, its loss and its learners, and the steps on minibatches.")

GROUPS: Final = (
    VALUE,
    SHAPE,
    AXIS,
    DEVICE,
    VARIABLE,
    FUNCTION,
    GRAPH,
    ELEMENTWISE,
    REDUCTION,
    LINEAR,
    CONVOLUTION,
    POOLING,
    NORMALIZATION,
    SEQUENCE,
    RECURRENT,
    LOSS,
    METRIC,
    RANDOM,
    LAYER,
    INITIALIZER,
    SCHEDULE,
    LEARNER,
    TRAINER,
)
