"""The reference of cntk: (docs/cntk): its pages are those of the rows, and its examples give the results shown."""

import math
import re

import pytest

from docs.cntk_reference import ALIASES, DOCUMENTED, FOLDER, examples, functions, meaning, pages
from xquery_bridge.engine import Engine
from xquery_bridge.runtime.serialization.answer import answer_part

_ENGINE = Engine()
_EXAMPLES = examples()
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")


def test_the_pages_are_what_the_rows_make():
    written = {page.name: page.read_text(encoding="utf-8") for page in FOLDER.glob("*.md")}
    assert written == pages(), "run `make docs`"


def test_every_function_has_an_example_and_no_example_lacks_its_function():
    assert set(_EXAMPLES) == set(functions())


def test_every_documented_function_is_served():
    assert len(set(functions()) - set(ALIASES)) == DOCUMENTED


def test_an_alias_has_the_signatures_of_the_function_it_stands_for():
    rows = functions()
    for alias, name in ALIASES.items():
        assert [row.signature.replace(alias, name) for row in rows[alias]] == [row.signature for row in rows[name]]


def test_meanings_name_parameters_as_a_query_writes_them():
    assert not [name for name, rows in functions().items() if re.search(r"`[a-z]+_[a-z_]+`", meaning(rows[-1]))]


@pytest.mark.parametrize("name", sorted(_EXAMPLES))
def test_an_example_gives_its_result(name):
    shown = _EXAMPLES[name]
    items = _ENGINE.evaluate(shown["example"])
    found = "\n".join(answer_part(item).body.decode() for item in items)
    expected = shown["result"].strip()
    assert f"cntk:{name}(" in shown["example"]
    # between machines the last digits of a number differ
    assert _NUMBER.sub("N", found) == _NUMBER.sub("N", expected)
    for number, wanted in zip(_NUMBER.findall(found), _NUMBER.findall(expected), strict=True):
        assert math.isclose(float(number), float(wanted), rel_tol=1e-5, abs_tol=1e-6), (number, wanted)
