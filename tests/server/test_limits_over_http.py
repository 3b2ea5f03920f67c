"""Queries without end, in time, memory or depth, and workers that die: the query is stopped, and the next one runs."""

from __future__ import annotations

import os
import signal
import threading
import time

import httpx
import pytest

from .conftest import Service, error, strings, wait_until

ENDLESS = "declare function local:f($n) { if ($n lt 0) then $n else local:f(($n + 1) mod 100) }; local:f(1)"
SPIN = "for $i in 1 to 1000000000000 where $i lt 0 return $i"


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        (SPIN, {"XDMP-EXTIME"}),
        ("for $i in 1 to 1000000000000 return fn:string($i)", {"XDMP-MEMORY"}),
        (ENDLESS, {"XDMP-STACKOVERFLOW", "XDMP-EXTIME"}),
    ],
)
def test_a_query_over_its_bounds_ends_with_its_code_and_the_next_one_runs(
    service: Service, query: str, codes: set[str]
) -> None:
    started = time.monotonic()
    fields = error(service.query(query))
    assert fields["statusCode"] == 500
    assert fields["messageCode"] in codes
    assert time.monotonic() - started < 60
    assert strings(service.query("1 + 1")) == ["2"]


def test_a_time_limit_cannot_be_caught(service: Service) -> None:
    fields = error(service.query(f"try {{ {SPIN} }} catch ($e) {{ 'caught' }}"))
    assert fields["messageCode"] == "XDMP-EXTIME"


def test_health_and_other_queries_are_answered_while_one_spins(service: Service) -> None:
    answers: list[httpx.Response] = []
    spinning = threading.Thread(target=lambda: answers.append(service.query(SPIN)))
    spinning.start()
    time.sleep(0.3)
    assert httpx.get(f"{service.base}/healthz").text == "ok\n"
    assert strings(service.query("3")) == ["3"]
    assert not answers, "the spinning query had ended before"
    spinning.join()
    assert error(answers[0])["messageCode"] == "XDMP-EXTIME"


def test_queries_wait_their_turn_while_every_worker_is_busy(service: Service) -> None:
    spinning = [threading.Thread(target=service.query, args=(SPIN,)) for _ in range(2)]
    for thread in spinning:
        thread.start()
    time.sleep(0.3)
    assert strings(service.query("4")) == ["4"]
    for thread in spinning:
        thread.join()


def test_a_worker_that_is_killed_costs_its_query_and_another_takes_its_place(service: Service) -> None:
    answers: list[httpx.Response] = []
    before = {worker.pid for worker in service.workers}
    spinning = threading.Thread(target=lambda: answers.append(service.query(SPIN)))
    spinning.start()
    time.sleep(0.5)
    busy = max(service.workers, key=lambda worker: worker.cpu_percent(0.1))
    os.kill(busy.pid, signal.SIGKILL)
    spinning.join()
    assert error(answers[0])["messageCode"] == "XDMP-WORKERDIED"
    assert strings(service.query("5")) == ["5"]
    assert wait_until(lambda: len({worker.pid for worker in service.workers} - before) == 1, 60)
