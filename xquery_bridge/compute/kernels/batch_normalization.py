"""Batch normalization as a plan.

Layout: samples are an ndarray (n, C, points): `points` values share each of C statistics. A spatial normalization of
CNTK samples [W x H x C] has points = H · W; otherwise every element has statistics of its own and points = 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .thread_pool import parallel, threads

__all__ = ["BatchNormalizationPlan"]

Array = NDArray[Any]

_BLOCK_BYTES = 2 * 1024 * 1024
_PARALLEL_BYTES = 512 * 1024


class BatchNormalizationPlan:
    """Normalization of `batch` samples with `channels` statistics of `points` values each.

    After `train`, `mean` and `variance` (biased) are those of the minibatch. One thread at a time may
    call a plan.
    """

    def __init__(self, batch: int, channels: int, points: int, dtype: DTypeLike) -> None:
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        self._number: Any = self.dtype.type
        self._shape = (batch, channels, points)
        self.count = batch * points
        self.mean = np.empty(channels, self.dtype)
        self.variance = np.empty(channels, self.dtype)
        channel_bytes = max(1, batch * points * self.dtype.itemsize)
        total = channel_bytes * channels
        workers = threads() if total >= _PARALLEL_BYTES else 1
        size = max(1, min(_BLOCK_BYTES // channel_bytes, -(-channels // workers)))
        self._blocks = [slice(c, min(c + size, channels)) for c in range(0, channels, size)]
        self._workers = min(workers, len(self._blocks))
        self._ones = np.ones(points, self.dtype)
        self._scratch = [np.empty((batch, size, points), self.dtype) for _ in range(self._workers)]
        self._sums = [np.empty((batch, size), self.dtype) for _ in range(self._workers)]

    def _total(self, values: Array, worker: int, out: Array) -> None:
        """out = for each channel the sum over samples and points."""
        if values.shape[2] == 1:
            np.add.reduce(values[:, :, 0], axis=0, out=out)
            return
        sums = self._sums[worker][:, : values.shape[1]]
        np.matmul(values, self._ones, out=sums)
        np.add.reduce(sums, axis=0, out=out)

    def _products(self, left: Array, right: Array, worker: int, out: Array) -> None:
        """out = for each channel the sum of the products over samples and points."""
        sums = self._sums[worker][:, : left.shape[1]]
        np.vecdot(left, right, out=sums)
        np.add.reduce(sums, axis=0, out=out)

    def _statistics(self, x: Array, centred: Array, channels: slice, worker: int) -> None:
        mean, variance = self.mean[channels], self.variance[channels]
        one_over_count = self._number(1.0 / self.count)
        self._total(x, worker, mean)
        np.multiply(mean, one_over_count, out=mean)
        np.subtract(x, mean[:, None], out=centred)
        self._products(centred, centred, worker, variance)
        np.multiply(variance, one_over_count, out=variance)

    def train(self, x: Array, scale: Array, bias: Array, epsilon: float, out: Array) -> None:
        """Sets `mean`, `variance` and normalizes by them: out = scale (x - mean) / sqrt(variance + epsilon) + bias."""
        xs, ys = x.reshape(self._shape), out.reshape(self._shape)
        scales, biases = scale.reshape(-1), bias.reshape(-1)

        def block(item: int, worker: int) -> None:
            channels = self._blocks[item]
            part = ys[:, channels]
            self._statistics(xs[:, channels], part, channels, worker)
            factor = scales[channels] / np.sqrt(self.variance[channels] + self._number(epsilon))
            np.multiply(part, factor[:, None], out=part)
            np.add(part, biases[channels, None], out=part)

        parallel(block, len(self._blocks), self._workers)

    def normalize(self, x: Array, mean: Array, inverse: Array, scale: Array, bias: Array, out: Array) -> None:
        """out = scale (x - mean) inverse + bias, for given mean and inverse standard deviation."""
        xs, ys = x.reshape(self._shape), out.reshape(self._shape)
        means, biases = mean.reshape(-1), bias.reshape(-1)
        factors = scale.reshape(-1) * inverse.reshape(-1)

        def block(item: int, worker: int) -> None:
            channels = self._blocks[item]
            part = ys[:, channels]
            np.subtract(xs[:, channels], means[channels, None], out=part)
            np.multiply(part, factors[channels, None], out=part)
            np.add(part, biases[channels, None], out=part)

        parallel(block, len(self._blocks), self._workers)

    def backward(
        self,
        x: Array,
        gy: Array,
        mean: Array,
        inverse: Array,
        scale: Array,
        weight: float,
        out: Array,
        scale_out: Array,
        bias_out: Array,
    ) -> None:
        """Gradients for the operand, the scale and the bias.

        `mean`, `inverse`: what the forward pass normalized by; `weight`: the share of the minibatch in them (1 in plain
        training, 0 when they were given from outside).
        """
        xs, gs, gxs = x.reshape(self._shape), gy.reshape(self._shape), out.reshape(self._shape)
        means, inverses, scales = mean.reshape(-1), inverse.reshape(-1), scale.reshape(-1)
        scale_gradient, bias_gradient = scale_out.reshape(-1), bias_out.reshape(-1)
        share = self._number(weight / self.count)

        def block(item: int, worker: int) -> None:
            channels = self._blocks[item]
            source, gradient, target = xs[:, channels], gs[:, channels], gxs[:, channels]
            centred = self._scratch[worker][:, : channels.stop - channels.start]
            inverse = inverses[channels]
            np.subtract(source, means[channels, None], out=centred)
            by_scale, by_bias = scale_gradient[channels], bias_gradient[channels]
            self._products(centred, gradient, worker, by_scale)
            np.multiply(by_scale, inverse, out=by_scale)
            self._total(gradient, worker, by_bias)
            factor = scales[channels] * inverse
            if weight:
                # gx = factor (gy - share (bias gradient + normalized x · scale gradient))
                np.multiply(centred, (-(share * inverse) * by_scale)[:, None], out=centred)
                np.add(centred, gradient, out=centred)
                np.subtract(centred, (share * by_bias)[:, None], out=centred)
                gradient = centred
            np.multiply(gradient, factor[:, None], out=target)

        parallel(block, len(self._blocks), self._workers)
