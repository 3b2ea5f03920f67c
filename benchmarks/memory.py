"""Growth of peak memory over the built plan for a training step of a 3 x 3 convolution, ours against PyTorch's.

    python -m benchmarks.memory [--torch PYTHON] [--steps N]

PYTHON is an interpreter that has torch (default: this one); each side runs in a process of its own. The work: 8 samples
of 64 x 56 x 56, 64 maps, the sum of squares of the result as loss, one step of gradient descent on the kernel. Linux
only: the peak comes from /proc. The last line is the ratio, which is to stay at most 1.3.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

SAMPLES, CHANNELS, SIZE, MAPS = 8, 64, 56, 64
RATE = 1e-9


def _memory(field: str) -> int:
    """A field of this process' status, in bytes: VmRSS (resident now) or VmHWM (its peak)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"/proc/self/status has no {field}.")


def _inputs() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    x = rng.standard_normal((SAMPLES, CHANNELS, SIZE, SIZE), dtype=np.float32)
    w = rng.standard_normal((MAPS, CHANNELS, 3, 3), dtype=np.float32) / np.float32(24)
    return x, w


def _ours() -> Callable[[], object]:
    from xquery_bridge import compute as cntk

    samples, taps = _inputs()
    with cntk.session():
        axes = [cntk.Axis.default_batch()]
        x = cntk.input_variable(cntk.Shape((SIZE, SIZE, CHANNELS)), "float", dynamic_axes=axes)
        w = cntk.parameter(cntk.Shape(taps.shape[::-1]), "float", taps)
        y = cntk.convolution(w, x, auto_padding=(True, True, False))
        loss = cntk.reduce_sum(cntk.square(y), cntk.Axis.all_static_axes())
        trainer = cntk.Trainer(y, loss, None, [cntk.Sgd([w], cntk.Schedule.from_constant(RATE, 1))])
        value = cntk.Value(samples, cntk.Shape((SIZE, SIZE, CHANNELS)), True)
    return lambda: trainer.train_minibatch({x: value})


def _torch() -> Callable[[], object]:
    import torch  # type: ignore[import-not-found]

    samples, taps = (torch.from_numpy(a) for a in _inputs())
    taps.requires_grad_()

    def step() -> None:
        y = torch.nn.functional.conv2d(samples, taps, None, 1, 1)
        loss = (y * y).sum()
        [gradient] = torch.autograd.grad(loss, [taps])
        with torch.no_grad():
            taps.sub_(gradient, alpha=RATE)

    return step


_SIDES = {"ours": _ours, "torch": _torch}


def _measure(side: str, steps: int) -> int:
    step = _SIDES[side]()
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = _memory("VmRSS")
    for _ in range(steps):
        step()
    return _memory("VmHWM") - before


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch", default=sys.executable, metavar="PYTHON", help="an interpreter that has torch")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--side", choices=sorted(_SIDES), help="measure one side in this process")
    options = parser.parse_args()
    if options.side:
        print(json.dumps(_measure(options.side, options.steps)))
        return 0
    found = {}
    for side, python in (("ours", sys.executable), ("torch", options.torch)):
        command = [python, str(Path(__file__).resolve()), "--side", side, "--steps", str(options.steps)]
        root = str(Path(__file__).resolve().parents[1])
        done = subprocess.run(command, capture_output=True, text=True, cwd=root, env={"PYTHONPATH": root}, check=False)
        if done.returncode:
            print(f"{side}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
            return 2
        found[side] = json.loads(done.stdout)
        print(f"{side:6} {found[side] / 2**20:8.1f} MiB")
    print(f"ratio  {found['ours'] / found['torch']:8.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
