"""3 x 3 convolution with stride 1 by Winograd's minimal filtering F(4 x 4, 3 x 3), in float.

Every 4 x 4 tile of outputs comes from a 6 x 6 tile of inputs with 36 products a pair of channels in place of 144. The
transforms are products with Kronecker squares of the one-dimensional matrices; what is between them is a product of
matrices for each of the 36 points. The points are 0, 1, -1, 2, -2 and infinity. The largest error is about 7e-6 of the
largest output (1e-6 for plain sums). A NaN or an infinity spreads over its tile.

The gradient for the kernel is the same with the roles changed: F(3 x 3, 4 x 4), a correlation of the 6 x 6 tiles with
the 4 x 4 tiles of the gradient. (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .interleaved import Interleaved
from .thread_pool import parallel, threads
from .window import Window

if TYPE_CHECKING:
    from .convolution import ConvolutionSizes

__all__ = ["Winograd", "WinogradKernelGradient"]

Array = NDArray[Any]

_POINTS = (0.0, 1.0, -1.0, 2.0, -2.0)
_BLOCK_BYTES = 960 * 1024  # 36 values a tile and channel

# rows of the input transform: the Lagrange polynomials of the points, and the product of (x - point) for infinity
_INPUT = np.array(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ],
    dtype=np.float64,
)


def _filter_transform(taps: int) -> NDArray[np.float64]:
    """(6, taps): values of the filter's polynomial at the points, over the product of differences of the points."""
    rows = []
    for point in _POINTS:
        scale = np.prod([point - other for other in _POINTS if other != point])
        rows.append([point**power / scale for power in range(taps)])
    return np.array([*rows, [0.0] * (taps - 1) + [1.0]])


def _output_transform(outputs: int) -> NDArray[np.float64]:
    """(outputs, 6): powers of the points; infinity meets only the last output."""
    rows = [[point**power for point in _POINTS] + [0.0] for power in range(outputs)]
    rows[-1][-1] = 1.0
    return np.array(rows)


def _square(matrix: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.kron(matrix, matrix).astype(np.float32)


_TILES_IN = _square(_INPUT)  # 36 x 36
_KERNEL_IN = _square(_filter_transform(3))  # 36 x 9
_TILES_OUT = _square(_output_transform(4))  # 16 x 36
_GRADIENT_IN = _square(_filter_transform(4))  # 36 x 16
_KERNEL_OUT = _square(_output_transform(3))  # 9 x 36


def _fits(sizes: ConvolutionSizes, dtype: np.dtype[Any]) -> bool:
    return (
        dtype == np.float32
        and sizes.groups == 1
        and len(sizes.windows) == 2
        and all(w.kernel == 3 and w.stride == 1 and w.dilation == 1 and w.output >= 8 for w in sizes.windows)
        and min(sizes.channels, sizes.maps) >= 16
    )


class _Tiles:
    """The 6 x 6 tiles of a block of tile rows of one image, as a matrix (36, channels, places).

    Places lie on a pitch of one more than the tiles of a row; the surplus place of a row belongs to no tile.
    """

    def __init__(self, sizes: ConvolutionSizes, rows: int, workers: int) -> None:
        height, width = sizes.windows
        self.rows, self.across = -(-height.output // 4), -(-width.output // 4)
        self.pitch = self.across + 1
        self.block_rows = min(rows, self.rows)
        self.bands = [slice(r, min(r + self.block_rows, self.rows)) for r in range(0, self.rows, self.block_rows)]
        self.places = self.block_rows * self.pitch
        channels, dtype = sizes.channels, np.dtype(np.float32)
        extents = (4 * (self.rows + 1), 4 * self.pitch)
        self._images = [Interleaved(1, channels, (height, width), dtype, (4, 4), extents) for _ in range(workers)]
        # rows and columns 4 and 5 of a tile are 0 and 1 of the next one; the surplus place after the last row is not
        # in the planes, so the runs of columns 4 and 5 are one place shorter
        length = self.rows * self.pitch
        parts = [(slice(0, 4), 0), (slice(4, 6), 4)]
        self._sources = [
            [
                (i, j, image.runs((first, second), (i.stop - first, j.stop - second), length - second // 4)[0])
                for i, first in parts
                for j, second in parts
            ]
            for image in self._images
        ]
        self._gathered = [np.zeros((36, channels, self.places), dtype) for _ in range(workers)]
        self.transformed = [np.empty((36, channels, self.places), dtype) for _ in range(workers)]

    def load(self, x: Array, worker: int) -> None:
        self._images[worker].fill(x)

    def transform(self, band: slice, worker: int) -> Array:
        """The transformed tiles (36, channels, places) of the tile rows `band` of the loaded image."""
        gathered = self._gathered[worker]
        first = band.start * self.pitch
        count = (band.stop - band.start) * self.pitch
        points = gathered.reshape(6, 6, *gathered.shape[1:])
        for i, j, source in self._sources[worker]:
            run = source[..., first : first + count].transpose(1, 2, 0, 3)
            np.copyto(points[i, j, :, : run.shape[-1]], run)
        result = self.transformed[worker]
        np.matmul(_TILES_IN, gathered.reshape(36, -1), out=result.reshape(36, -1))
        return result


def _band_rows(sizes: ConvolutionSizes, channels: int) -> int:
    pitch = -(-sizes.windows[1].output // 4) + 1
    return max(1, _BLOCK_BYTES // (36 * 4 * channels * pitch))


class Winograd:
    """Forward pass."""

    fits = staticmethod(_fits)

    def __init__(self, sizes: ConvolutionSizes, dtype: np.dtype[Any]) -> None:
        self._n, self._channels, self._maps = sizes.batch, sizes.channels, sizes.maps
        self._height, self._width = (w.output for w in sizes.windows)
        self._workers = min(threads(), self._n)
        self._tiles = tiles = _Tiles(sizes, _band_rows(sizes, max(sizes.channels, sizes.maps)), self._workers)
        self._kernel = np.empty((36, self._maps, self._channels), np.float32)
        self._products = [np.empty((36, self._maps, tiles.places), np.float32) for _ in range(self._workers)]
        self._results = [np.empty((16, self._maps, tiles.places), np.float32) for _ in range(self._workers)]

    def run(self, x: Array, w: Array, out: Array) -> None:
        taps = w.reshape(self._maps * self._channels, 9)
        np.matmul(_KERNEL_IN, taps.T, out=self._kernel.reshape(36, -1))
        tiles = self._tiles

        def image(n: int, worker: int) -> None:
            tiles.load(x[n : n + 1], worker)
            products, results = self._products[worker], self._results[worker]
            for band in tiles.bands:
                transformed = tiles.transform(band, worker)
                np.matmul(self._kernel, transformed, out=products)
                np.matmul(_TILES_OUT, products.reshape(36, -1), out=results.reshape(16, -1))
                self._write(results, band, out[n])

        parallel(image, self._n, self._workers)

    def _write(self, results: Array, band: slice, out: Array) -> None:
        tiles = self._tiles
        grid = results.reshape(4, 4, self._maps, tiles.block_rows, tiles.pitch)
        top, bottom = 4 * band.start, min(4 * band.stop, self._height)
        rows, columns = (bottom - top) // 4, self._width // 4
        steps = out.strides
        whole = np.lib.stride_tricks.as_strided(
            out[:, top:], (4, 4, self._maps, rows, columns), (steps[1], steps[2], steps[0], 4 * steps[1], 4 * steps[2])
        )
        np.copyto(whole, grid[:, :, :, :rows, :columns])
        for i in range((bottom - top) % 4):  # the rows of the last tiles that lie inside, then the columns
            for j in range(4):
                target = out[:, top + 4 * rows + i, j::4]
                np.copyto(target, grid[i, j, :, rows, : target.shape[-1]])
        for j in range(self._width % 4):
            for i in range(4):
                target = out[:, top + i : bottom : 4, 4 * columns + j]
                np.copyto(target, grid[i, j, :, : target.shape[1], columns])


class WinogradKernelGradient:
    """Gradient for the kernel."""

    fits = staticmethod(_fits)

    def __init__(self, sizes: ConvolutionSizes, dtype: np.dtype[Any]) -> None:
        self._n, self._channels, self._maps = sizes.batch, sizes.channels, sizes.maps
        self._workers = min(threads(), self._n)
        self._tiles = tiles = _Tiles(sizes, _band_rows(sizes, max(sizes.channels, sizes.maps)), self._workers)
        height, width = (Window(w.output, 1, output=w.output) for w in sizes.windows)
        extents = (4 * tiles.rows, 4 * tiles.pitch)
        dtype = np.dtype(np.float32)
        self._gradients = [
            Interleaved(1, self._maps, (height, width), dtype, (4, 4), extents) for _ in range(self._workers)
        ]
        length = tiles.rows * tiles.pitch
        self._runs = [g.runs((0, 0), (4, 4), length)[0] for g in self._gradients]
        self._gathered = [np.zeros((16, self._maps, tiles.places), dtype) for _ in range(self._workers)]
        self._transformed = [np.empty((36, self._maps, tiles.places), dtype) for _ in range(self._workers)]
        self._products = [np.empty((36, self._maps, self._channels), dtype) for _ in range(self._workers)]
        self._sums = np.zeros((self._workers, 36, self._maps, self._channels), dtype)

    def backward_kernel(self, x: Array, gy: Array, out: Array) -> None:
        tiles = self._tiles
        self._sums.fill(0)

        def image(n: int, worker: int) -> None:
            tiles.load(x[n : n + 1], worker)
            self._gradients[worker].fill(gy[n : n + 1])
            gathered, changed = self._gathered[worker], self._transformed[worker]
            for band in tiles.bands:
                first, count = band.start * tiles.pitch, (band.stop - band.start) * tiles.pitch
                run = self._runs[worker][..., first : first + count]
                np.copyto(gathered.reshape(4, 4, *gathered.shape[1:])[..., :count], run.transpose(1, 2, 0, 3))
                gathered[:, :, count:] = 0  # a shorter last band: no gradient from the places left over
                np.matmul(_GRADIENT_IN, gathered.reshape(16, -1), out=changed.reshape(36, -1))
                transformed = tiles.transform(band, worker)
                np.matmul(changed, transformed.swapaxes(1, 2), out=self._products[worker])
                np.add(self._sums[worker], self._products[worker], out=self._sums[worker])

        parallel(image, self._n, self._workers)
        total = self._sums[0] if self._workers == 1 else np.add.reduce(self._sums, axis=0)
        kernel = _KERNEL_OUT @ total.reshape(36, -1)
        np.copyto(out.reshape(-1, 9), kernel.T)
