"""The `cntk:` namespace over `compute`: a module of rows for each group of functions, all in one table.

`rows` says how a row is written, `items` and `quoting` what the items are and how they print, `arrays` how numbers come
in and go out, `options` how maps of options are read.
"""

from __future__ import annotations

from importlib import import_module
from typing import Final

from xquery_bridge.library.cntk.rows import CNTK as TABLE

_MODULES: Final = (
    "axes",
    "elementwise",
    "functions",
    "initializers",
    "layers",
    "linear",
    "losses",
    "models",
    "random",
    "reductions",
    "schedules",
    "sequences",
    "shapes",
    "training",
    "values",
    "variables",
)
for _module in _MODULES:
    import_module(f"{__name__}.{_module}")

TABLES: Final = (TABLE,)
