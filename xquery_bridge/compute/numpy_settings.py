"""How NumPy computes in a thread that runs plans. Both settings are of the thread, and `np.errstate` restores both."""

import numpy as np

__all__ = ["apply_settings"]

_BUFFER_ELEMENTS = 1024
"""NumPy copies a row or column that is broadcast into its buffer where that makes longer loops: at half the speed.

A buffer of so many elements is not for it where a loop is as long anyway, and long enough for conversions.
"""


def apply_settings() -> None:
    """Makes infinities and NaN results without a warning, as CNTK has them, and broadcasting quick."""
    np.seterr(all="ignore")
    np.setbufsize(_BUFFER_ELEMENTS)
