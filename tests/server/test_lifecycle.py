"""How a service starts, ends and starts again."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path

import httpx
import psutil
import pytest

from .conftest import end, start, strings, wait_until

INSERT = 'xdmp:document-insert("/kept.xml", <kept/>)'
SPIN = "for $i in 1 to 1000000000000 where $i lt 0 return $i"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_workers_end_with_a_service_that_dies_and_a_restart_at_once_has_the_documents(
    tmp_path: Path, number: signal.Signals
) -> None:
    data = tmp_path / "data"
    service = start(data, "--workers", "2")
    port = service.base.rpartition(":")[2]
    assert service.query(INSERT).status_code == 200
    assert wait_until(lambda: len(service.workers) == 2, 60)
    workers = service.workers

    def spin() -> None:
        with pytest.raises(httpx.HTTPError):
            service.query(SPIN)

    spinning = threading.Thread(target=spin)
    spinning.start()
    time.sleep(0.3)
    service.process.send_signal(number)
    service.process.wait()
    assert wait_until(lambda: not any(_runs(worker) for worker in workers), 1)
    spinning.join()
    again = start(data, "--workers", "1", "--port", port)
    try:
        assert again.base.endswith(port)
        assert strings(again.query('fn:exists(fn:doc("/kept.xml"))')) == ["true"]
    finally:
        end(again)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_service_told_to_stop_finishes_what_runs_and_ends_with_status_0(
    tmp_path: Path, number: signal.Signals
) -> None:
    service = start(tmp_path / "data", "--workers", "1")
    workers = service.workers
    answers: list[httpx.Response] = []
    asking = threading.Thread(target=lambda: answers.append(service.query("fn:count((1 to 2000000) ! fn:string(.))")))
    asking.start()
    time.sleep(0.3)
    service.process.send_signal(number)
    assert service.process.wait(12) == 0
    asking.join()
    assert strings(answers[0]) == ["2000000"]
    assert not any(_runs(worker) for worker in workers)
    end(service)


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
