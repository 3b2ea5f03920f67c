"""Laws that hold for any program: it gives a result or an error of its own, always the same, rewritten or not."""

import logging
import random

import pytest
from hypothesis import given, settings

from tests.properties.programs import Programs, plain, programs, seeded, veiled
from xquery_bridge.errors import XQueryError

#: Errors that say that we are wrong, whatever the program; the generator writes no syntax errors and no unknown names.
OURS = {"XDMP-INTERNAL", "XDMP-EXTIME", "XDMP-MEMORY", "XDMP-STACKOVERFLOW"}
WRONG = {"XPST0003", "XPST0008", "XPST0017", "XPST0081"}


def outcome(engine, program):
    """("result", text) or ("error", code)."""
    try:
        [text] = engine.evaluate(program)
    except XQueryError as error:
        assert error.marklogic_code not in OURS, f"{error.marklogic_code} {error.title}\n{program}"
        assert error.code not in WRONG, f"{error.code} {error.title} {error.frames[:1]}\n{program}"
        assert error.code
        return "error", error.code
    assert type(text) is str
    return "result", text


@settings(max_examples=30)
@given(programs(strange=8))
def test_a_program_gives_a_result_or_an_error_of_its_own_always_the_same(engine, enhanced, program):
    source = plain(program)
    found = outcome(engine, source)
    assert outcome(engine, source) == found
    outcome(enhanced, source)


@settings(max_examples=30)
@given(programs())
def test_a_program_means_the_same_without_rewrites(engine, naive, program):
    assert outcome(engine, plain(program)) == outcome(naive, plain(program))


@pytest.mark.parametrize("block", range(4))
def test_many_programs_mean_the_same_in_every_way_they_can_be_compiled(engine, enhanced, naive, block):
    """With rewrites, without them, and with types that show only when the program runs."""
    for number in range(block * 50, block * 50 + 50):
        program = seeded(number, strange=2)
        found = outcome(engine, plain(program))
        assert outcome(naive, plain(program)) == found, (number, plain(program))
        outcome(enhanced, plain(program))
        hidden = outcome(engine, veiled(program))
        # What nobody reads is left out where it is known to have no effects: an error in it may stay unseen.
        if hidden[0] == "result" and found[0] == "result":
            assert hidden == found, (number, plain(program))


def test_the_generator_reaches_every_form():
    """A form that is never used tests nothing."""
    generator = Programs(random.Random(0).choice, strange=0)
    made = "".join(generator.program(5) for _ in range(600))
    for form in ("group by", "order by", "tumbling window", "sliding window", "typeswitch", "switch", "some ", "every ",
                 "try {", "map:put", "array:fold-left", "local:f0(", "allowing empty", "element {", "``[", " cast as ",
                 " treat as ", " castable as ", " instance of ", "fold-right", "/ancestor", "(?, "):  # fmt: skip
        assert form in made, form


def test_a_failure_of_the_engine_fails_these_tests(engine):
    """The judge is not blind: a fault of ours is no outcome."""
    logging.getLogger("cntk_xquery.engine").disabled = True
    try:
        with pytest.raises(AssertionError, match="XPST0008"):
            outcome(engine, "$nowhere")
    finally:
        logging.getLogger("cntk_xquery.engine").disabled = False
