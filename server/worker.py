"""A worker process: one engine, one query at a time, over a socket to the service (`python -m server.worker FD`).

It ends with the service that started it, however that ends: the kernel kills it (Linux), and a thread waits for the end
of standard input, whose other end only the service holds.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import logging
import os
import signal
import socket
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from server.errors import RequestError
from server.form import TypedField, external_variables
from server.frames import FrameBuffer, frame
from server.multipart import Rendered, render
from server.progress import ProgressLog
from xquery_bridge.errors import XQueryError
from xquery_bridge.limits import Limits

if TYPE_CHECKING:
    from xquery_bridge.engine import Engine

RECEIVE_BYTES = 256 * 1024
PR_SET_PDEATHSIG = 1
#: Raised so that the kernel, short of memory, ends a worker and not the service.
OUT_OF_MEMORY_SCORE = 500

logger = logging.getLogger("cntk-xquery.worker")


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """What a worker is told when it starts."""

    service: int
    data: Path
    limits: Limits


class Job(NamedTuple):
    """One query to answer: its text, the text of `vars`, the Java client's variables, the database's name."""

    source: str
    vars_text: str = ""
    typed: list[TypedField] = []  # noqa: RUF012 - never changed
    database: str = ""


def main() -> None:
    """Serve queries from the socket whose descriptor is the first argument until the service closes it."""
    connection = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    settings: WorkerSettings = _receive(connection)
    _end_with(settings.service)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(OUT_OF_MEMORY_SCORE))

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    progress = ProgressLog(logger)
    engine = _engine(settings, progress)
    gc.collect()
    gc.freeze()  # what is loaded now stays: later collections need not walk it
    _send(connection, frame(None))
    while True:
        job: Job = _receive(connection)
        progress.begin()
        _send(connection, answer(engine, job))


def answer(engine: Engine, job: Job) -> list[bytes]:
    """The message that answers a job: response headers with the body, or the error the query or request ends with."""
    try:
        variables = external_variables(job.vars_text, job.typed)
        rendered = render(engine.answer(job.source, variables, database=job.database))
    except (XQueryError, RequestError) as error:
        return frame(error)
    except MemoryError:
        return frame(XQueryError("FOER0000", "The query needs more memory than there is", marklogic_code="XDMP-MEMORY"))
    except Exception as error:
        logger.exception("The engine failed")
        title = f"The service failed to evaluate the query: {type(error).__name__}: {error}"
        return frame(XQueryError("FOER0000", title, marklogic_code="XDMP-INTERNAL"))
    return frame(Rendered(rendered.headers, b""), rendered.body)


def _engine(settings: WorkerSettings, progress: ProgressLog) -> Engine:
    from xquery_bridge.engine import Engine
    from xquery_bridge.store import open_store

    engine = Engine(store=open_store(settings.data), limits=settings.limits, progress=progress)
    engine.answer("1")  # loads what the first query needs
    return engine


def _receive(connection: socket.socket) -> Any:
    """The head of the next message; the process ends when the service has closed the connection."""
    buffer = FrameBuffer()
    while True:
        try:
            data = connection.recv(RECEIVE_BYTES)
        except ConnectionError:
            data = b""
        if not data:
            os._exit(0)
        if (message := buffer.feed(data)) is not None:
            return message[0]


def _send(connection: socket.socket, pieces: list[bytes]) -> None:
    try:
        for piece in pieces:
            if piece:
                connection.sendall(piece)
    except ConnectionError:
        os._exit(0)


def _end_with(service: int) -> None:
    """See to it that this process does not outlive the process `service`, its parent."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != service:
        os._exit(0)
    threading.Thread(target=_wait_for_end_of_input, daemon=True, name="service-watch").start()


def _wait_for_end_of_input() -> None:
    while os.read(0, 4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
