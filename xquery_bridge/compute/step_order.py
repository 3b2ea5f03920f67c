"""The order of frames in which recurrences run: step by step over all sequences, the longest sequences first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .tensor import Layout

__all__ = ["StepOrder"]


class StepOrder:
    """Frames by step: the frames of step t are those of the sequences that still have a step t.

    Attributes:
        sequences: the sequences, longest first.
        active: how many sequences have a step t.
        starts: the first row of each step, and the end of the last one.
        step, rank: of each row its step and its place within the step.
        frames: of each row the frame of the layout; with direction -1 step 0 is the last frame of a sequence.
        inverse: of each frame its row.
        is_identity: rows and frames are in the same order.
    """

    __slots__ = ("active", "frames", "inverse", "is_identity", "rank", "sequences", "starts", "step")

    def __init__(self, layout: Layout, direction: int) -> None:
        lengths = layout.steps
        self.sequences: NDArray[np.intp] = np.argsort(-lengths, kind="stable")
        falling = -lengths[self.sequences]
        self.active: list[int] = np.searchsorted(falling, -np.arange(int(lengths.max())), "left").tolist()
        self.starts: list[int] = [0, *np.cumsum(self.active).tolist()]
        self.step: NDArray[np.intp] = np.repeat(np.arange(len(self.active)), self.active)
        self.rank: NDArray[np.intp] = np.arange(layout.frames) - np.asarray(self.starts[:-1])[self.step]
        sequence = self.sequences[self.rank]
        within = self.step if direction > 0 else lengths[sequence] - 1 - self.step
        self.frames: NDArray[np.intp] = layout.starts[sequence] + within
        self.inverse: NDArray[np.intp] = np.empty_like(self.frames)
        self.inverse[self.frames] = np.arange(layout.frames)
        self.is_identity = bool((self.frames == np.arange(layout.frames)).all())
