"""CNTK's semantics on NumPy."""

from .axis import Axis
from .errors import CntkError
from .evaluation import evaluate
from .graph import Function, as_block, as_composite, combine
from .ops.binary import *  # noqa: F403
from .ops.convolution import *  # noqa: F403
from .ops.elementwise import *  # noqa: F403
from .ops.linear import *  # noqa: F403
from .ops.normalization import *  # noqa: F403
from .ops.pooling import *  # noqa: F403
from .session import current_session, session
from .shape import FREE, INFERRED, SCALAR, UNKNOWN_SHAPE, Shape
from .value import CPU, Device, Value
from .variable import *  # noqa: F403
