"""The same programs through SaxonC-HE: the same result or the same error, but for the differences that are listed here.

- Decimals: quotients have at least 18 digits behind the point here, Saxon rounds elsewhere; `alike` compares 15 digits.
- fn:avg, fn:floor and their kin over quotients of integers give an xs:decimal here, as F&O says; Saxon may keep
  integers: `alike` shows both as numbers.
- Spelling that the specification leaves open: prefixes of fn:analyze-string and of renamed attributes, "pm", references
  in attributes (&quot; or &#34;), large numbers in JSON. The queries avoid them.
- Codes: a duration divided by zero is FODT0002 here, as F&O says, and FOAR0001 there; an unknown method of
  serialization is SEPM0016 here.
- Errors: operands are evaluated in an order of one's own, and what nobody needs is left out (XQuery 3.1, 2.3.4). So one
  side of a random program may have an error where the other has a result, or another error.

Random programs get values whose types show only when they run, since Saxon reports type errors of code that never runs.
"""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.differential.queries import ERRORS, QUERIES
from tests.properties.programs import seeded, veiled
from xquery_bridge.engine import Engine
from xquery_bridge.errors import XQueryError
from xquery_bridge.limits import Limits

if importlib.util.find_spec("saxonche") is None:
    pytest.skip("SaxonC-HE comes with the development tools only (pip install -e .[dev])", allow_module_level=True)

PROLOG = """
declare namespace map = 'http://www.w3.org/2005/xpath-functions/map';
declare namespace array = 'http://www.w3.org/2005/xpath-functions/array';
declare namespace math = 'http://www.w3.org/2005/xpath-functions/math';
declare namespace err = 'http://www.w3.org/2005/xqt-errors';
declare namespace output = 'http://www.w3.org/2010/xslt-xquery-serialization';
"""
#: Random programs, and how many of them have to end with a result on both sides for the test to say something.
PROGRAMS, RESULTS = 500, 360


@pytest.fixture(scope="module")
def engine():
    made = Engine(dialect="3.1", limits=Limits(seconds=20))
    yield made
    made.close()


@pytest.fixture(scope="module")
def saxon():
    """Gives ("result", text) or ("error", code) for a query."""
    script = Path(__file__).with_name("saxon_process.py")
    with subprocess.Popen(
        [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        assert process.stdin is not None and process.stdout is not None

        def ask(query):
            print(json.dumps(query), file=process.stdin, flush=True)
            kind, text = json.loads(process.stdout.readline())
            return kind, without_declaration(text) if kind == "result" else text

        yield ask
        process.stdin.close()


def of_ours(engine, query):
    try:
        return "result", without_declaration(engine.compile(query).run_to_text())
    except XQueryError as error:
        assert not error.marklogic_code.startswith(("XDMP-INTERNAL", "XDMP-EXTIME")), f"{error.title}\n{query}"
        return "error", error.code


def without_declaration(text):
    return re.sub(r"^<\?xml[^?]*\?>\n?", "", text)


def alike(text):
    """A result as shown by `local:show`, without what may differ."""
    return re.sub(r"\b[di](-?\d+(?:\.\d+)?)", lambda found: f"n{float(found[1]):.15g}", text)


@pytest.mark.parametrize("block", range(5))
def test_random_programs_give_what_saxon_gives(engine, saxon, block):
    count = PROGRAMS // 5
    agreed = 0
    for number in range(block * count, block * count + count):
        query = "declare namespace output = 'http://www.w3.org/2010/xslt-xquery-serialization';" + veiled(
            seeded(number, strange=0)
        ).replace("declare function", "declare option output:method 'text'; declare function", 1)
        ours, theirs = of_ours(engine, query), saxon(query)
        if ours[0] == theirs[0] == "result":
            assert alike(ours[1]) == alike(theirs[1]), (number, query)
            agreed += 1
    assert agreed >= RESULTS // 5


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_gives_what_saxon_gives(engine, saxon, query):
    ours, theirs = of_ours(engine, PROLOG + query), saxon(PROLOG + query)
    assert ours == theirs
    assert ours[0] == "result"


@pytest.mark.parametrize("query", ERRORS)
def test_a_wrong_query_gives_the_error_saxon_gives(engine, saxon, query):
    ours, theirs = of_ours(engine, PROLOG + query), saxon(PROLOG + query)
    assert ours == theirs
    assert ours[0] == "error"
