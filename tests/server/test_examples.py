"""The programs of `examples/`, as the README runs them: over HTTP, one request after another."""

import json
import re
from xml.etree import ElementTree

import httpx
import pytest

from .conftest import ROOT, end, parts, start, strings

EXAMPLES = ROOT / "examples"
DOCUMENTED = (
    "cntk:function(Composite Convolution (Input(Uid(Input), Shape([2 x 2]), Dynamic Axes([Sequence Axis(Default "
    "Dynamic Axis), Batch Axis(Default Batch Axis)])), Input(Uid(Input), Shape([3 x 3]), Dynamic Axes([Sequence "
    "Axis(Default Dynamic Axis), Batch Axis(Default Batch Axis)]))))"
)


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    """Posts an example by its name, with variables."""
    service = start(tmp_path_factory.mktemp("examples") / "data", "--workers", "1")

    def post(name: str, **variables: object) -> httpx.Response:
        fields = {"vars": json.dumps(variables)} if variables else {}
        return service.query((EXAMPLES / name).read_text(encoding="utf-8"), **fields)

    yield post
    end(service)


def test_the_documented_program_gives_the_documented_string(ask):
    assert strings(ask("convolution-transpose.xqy")) == [DOCUMENTED]


def test_iris_flowers_are_stored_learned_and_classified_in_three_requests(ask):
    csv = (EXAMPLES / "iris" / "iris.csv").read_text(encoding="utf-8")
    assert strings(ask("iris/load.xqy", csv=csv)) == []

    epochs = [ElementTree.fromstring(text) for text in strings(ask("iris/train.xqy", epochs=60, seed=3))]
    losses = [float(epoch.get("loss", "nan")) for epoch in epochs]
    assert [epoch.get("number") for epoch in epochs] == [str(number) for number in range(1, 61)]
    assert losses[0] > 0.8 and losses[-1] < 0.4
    assert all(later < earlier for earlier, later in zip(losses[::10], losses[10::10], strict=False))

    [(content_type, primitive, body)] = parts(ask("iris/classify.xqy"))
    assert (content_type, primitive) == ("application/json", "object-node()")
    answer = json.loads(body)
    assert answer["flowers"] == 30 and answer["accuracy"] >= 0.95


def test_training_again_with_the_same_seed_gives_the_same_losses(ask):
    ask("iris/load.xqy", csv=(EXAMPLES / "iris" / "iris.csv").read_text(encoding="utf-8"))
    first, second = (strings(ask("iris/train.xqy", epochs=5, seed=11)) for _ in range(2))
    assert first == second


def test_the_readme_names_every_example():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"examples/([\w./-]+\.(?:xqy|csv))", readme))
    assert named <= {str(path.relative_to(EXAMPLES)) for path in EXAMPLES.rglob("*") if path.is_file()}
    assert {"convolution-transpose.xqy", "iris/load.xqy", "iris/train.xqy", "iris/classify.xqy"} <= named
