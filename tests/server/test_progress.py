"""Reports of long work on the terminal and in the log."""

import contextlib
import io
import logging
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from server.progress import LOG_INTERVAL, ProgressBar, ProgressLog, sentence_of
from xquery_bridge import Engine
from xquery_bridge.compute.progress import Progress
from xquery_bridge.errors import XQueryError
from xquery_bridge.limits import Limits

REPORT = Progress("training", 3, 12_800, 0.42131, 4.0, 3210.4, 80.2, 0.25)
QUERY = """
let $x := cntk:input-variable(cntk:shape((2)), "float", fn:false(), fn:false(), "x", cntk:default-batch-axis())
let $w := cntk:parameter(cntk:shape((1, 2)), "float", cntk:constant-initializer(0.5))
let $z := cntk:times($w, $x, 1, -1)
let $loss := cntk:reduce-sum(cntk:element-times($z, $z), cntk:axis(0))
let $trainer := cntk:trainer($z, cntk:sgd-learner($w, cntk:learning-rate-schedule-from-constant(0.0001)), $loss)
let $batch := cntk:batch(cntk:shape((2)), json:to-array((1 to 64)))
let $until := xdmp:elapsed-time() + xs:dayTimeDuration("PT0.7S")
let $_ := (1 to 1000000)[
    cntk:train-minibatch($trainer, json:to-array(($x, $batch))) and xdmp:elapsed-time() gt $until][1]
return "done"
"""


def test_a_report_is_a_sentence():
    assert sentence_of(REPORT) == "training: 12,800 samples, loss 0.4213, 3,210 samples/s, 1:20 left"
    assert sentence_of(Progress("evaluation", 1, 5, None, 4.0, 1.234, None, None)) == (
        "evaluation: 5 samples, 1.2 samples/s"
    )


def test_the_bar_is_one_line_that_is_taken_away():
    stream = io.StringIO()
    bar = ProgressBar(stream)
    bar.clear()
    assert stream.getvalue() == ""
    bar(REPORT)
    assert stream.getvalue().startswith("\r[#####---------------] training: ")
    bar.clear()
    assert stream.getvalue().endswith("\r\x1b[K") and "\n" not in stream.getvalue()


def test_the_log_has_a_line_every_few_seconds_and_none_of_short_queries(caplog: pytest.LogCaptureFixture):
    now = 50.0
    log = ProgressLog(logging.getLogger("test"), lambda: now)
    with caplog.at_level(logging.INFO, "test"):
        log.begin()
        for _ in range(31):
            log(REPORT)
            now += LOG_INTERVAL / 10
        assert [record.message for record in caplog.records] == [sentence_of(REPORT)] * 3
        log.begin()
        log(REPORT)
        assert len(caplog.records) == 3


@pytest.mark.parametrize("options, shown", [([], True), (["--no-progress"], False)])
def test_the_command_line_shows_training_on_a_terminal(tmp_path: Path, options: list[str], shown: bool):
    (tmp_path / "train.xq").write_text(QUERY)
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "server.cli", "eval", *options, str(tmp_path / "train.xq")]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, text=True, timeout=60, check=True)
    os.close(theirs)
    written = b""
    with contextlib.suppress(OSError):  # nothing was written
        written = os.read(ours, 65536)
    os.close(ours)
    assert done.stdout == "done\n"
    assert (b"training: " in written) is shown
    assert not shown or written.endswith(b"\r\x1b[K")


def test_training_stops_at_the_time_limit_and_the_engine_goes_on():
    told: list[Progress] = []
    engine = Engine(limits=Limits(seconds=0.8), progress=told.append)
    forever = QUERY.replace("PT0.7S", "PT1000S").replace("1000000", "1000000000")
    with pytest.raises(XQueryError) as caught:
        engine.evaluate(forever)
    assert caught.value.marklogic_code == "XDMP-EXTIME"
    assert told[-1].work == "training" and told[-1].time_left is not None and told[-1].time_left < 0.8
    assert engine.evaluate(QUERY.replace("PT0.7S", "PT0S")) == ["done"]
    engine.close()
