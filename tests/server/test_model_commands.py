"""Models from the command line: `export`, `inspect`, and the programs of the migration guide."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from server.cli import main
from xquery_bridge import compute as cntk
from xquery_bridge.compute.models import export_onnx, save_model

from .conftest import ROOT, environment

EXAMPLES = ROOT / "examples" / "migrating"


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "server.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=60, check=False)


def model() -> cntk.Function:
    with cntk.session():
        x = cntk.input_variable(cntk.Shape((3,)), name="x", dynamic_axes=[cntk.Axis.default_batch()])
        hidden = cntk.dense_layer(x, (4,), cntk.tanh, name="hidden")
        return cntk.softmax(cntk.dense_layer(hidden, (2,)), name="scores")


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    file = tmp_path / "small.model"
    file.write_bytes(save_model(model()))
    return file


def test_export_writes_a_model_that_onnxruntime_runs(model_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "small.onnx"
    found = run("export", model_file, out)
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")
    session = onnxruntime.InferenceSession(out.read_bytes())
    [scores] = session.run(["scores"], {"x": np.eye(3, dtype=np.float32)})
    np.testing.assert_allclose(scores.sum(1), 1, rtol=1e-6)
    assert [each.name for each in tmp_path.iterdir() if each.suffix == ".part"] == []


def test_inspect_shows_a_tree(model_file: Path) -> None:
    found = run("inspect", model_file)
    assert found.returncode == 0
    lines = found.stdout.splitlines()
    assert lines[0] == f"{model_file}  CNTK v2, {model_file.stat().st_size:,} bytes"
    assert "│  └─ input x  float [3] of a batch" in lines
    assert "│  └─ output scores  float [2] of a batch" in lines
    assert any(line.startswith("│  ├─ Dense  hidden  [4] of a batch  <- W, b, x") for line in lines)
    assert "│  │  ├─ parameter W  float [4 x 3]  12 values, 48 bytes" in lines
    assert lines[-1] == "└─ 4 parameters of 26 values, 0 constants, 104 bytes in all"


def test_inspect_gives_json(model_file: Path, tmp_path: Path) -> None:
    file = tmp_path / "small.onnx"
    file.write_bytes(export_onnx(model()))
    native, exported = (json.loads(run("inspect", each, "--json").stdout) for each in (model_file, file))
    assert (native["format"], exported["format"]) == ("cntk", "onnx")
    assert native["totals"]["values"] == exported["totals"]["values"] == 26
    assert exported["inputs"] == [
        {
            "kind": "input",
            "name": "x",
            "uid": exported["inputs"][0]["uid"],
            "dataType": "float",
            "shape": [3],
            "dynamicAxes": ["batch"],
        }
    ]
    assert [row["operator"] for row in native["operators"]] == ["Dense", "Dense", "Softmax"]
    assert [row["operator"] for row in native["operators"][0]["inside"]] == ["Times", "Plus", "Tanh"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("inspect", "/no/such/file"), "cannot be read: No such file"),
        (("inspect", "{text}"), "neither a model of CNTK v2 nor of ONNX"),
        (("export", "{text}", "out.onnx"), "cannot be exported"),
        (("export", "{model}", "/no/such/directory/out.onnx"), "cannot be written"),
        (("export", "{model}", "-", "--opset", "5"), "13 to 21"),
        (("inspect", "/a.model", "--data", "/no/such/directory"), "there is no directory"),
        (("inspect", "/a.model", "--data", "{directory}"), "there is no document"),
    ],
)
def test_what_cannot_be_done_is_said(
    model_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], sentence: str
) -> None:
    text = tmp_path / "text.txt"
    text.write_text("root:x:0:0")
    places = {"model": model_file, "text": text, "directory": tmp_path}
    status = main([each.format(**places) for each in arguments])
    printed = capsys.readouterr()
    assert (status, printed.out) == (1, "")
    assert sentence in printed.err


def test_the_programs_of_the_migration_guide_agree(tmp_path: Path) -> None:
    data, exported = tmp_path / "data", tmp_path / "circle.onnx"
    trained = run("eval", EXAMPLES / "train.xqy", "--data", data)
    assert float(trained.stdout) > 0.9, trained.stderr
    before = run("eval", EXAMPLES / "classify-cntk.xqy", "--data", data)
    assert run("export", "/models/circle.model", exported, "--data", data).returncode == 0
    loaded = run("eval", EXAMPLES / "load.xqy", "--data", data, "--var", f"model={exported.read_bytes().hex()}")
    assert (loaded.returncode, loaded.stderr) == (0, "")
    after = run("eval", EXAMPLES / "classify-ort.xqy", "--data", data)
    inside, outside, again = (float(line) for line in before.stdout.split())
    assert inside > 0.9 > again - 0.5 > outside
    np.testing.assert_allclose([float(line) for line in after.stdout.split()], [inside, outside, again], rtol=1e-5)
    shown = run("inspect", "/models/circle.onnx", "--data", data)
    assert "input point  float [2] of a batch" in shown.stdout


@pytest.mark.parametrize("name", ["train.xqy", "classify-cntk.xqy", "classify-ort.xqy"])
def test_the_migration_guide_shows_the_programs_as_they_are(name: str) -> None:
    assert (EXAMPLES / name).read_text(encoding="utf-8") in (ROOT / "docs" / "migrating.md").read_text(encoding="utf-8")
