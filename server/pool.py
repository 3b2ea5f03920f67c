"""The worker processes: who is free, who waits, and the end of a query that breaks its bounds.

A query runs in one worker, alone. Requests that find every worker busy wait in the order they came. A query whose
client has gone while it waited is dropped; one that already runs is finished, as MarkLogic does, within its limits.
The engine ends a query at its time limit; a worker that does not answer a little later is killed. Memory is watched
from outside. A worker that dies costs only its own query, and another takes its place.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, cast

import psutil

from server.frames import FrameBuffer, frame
from server.multipart import Rendered
from server.settings import MIB, Settings
from server.worker import Job, WorkerSettings
from xquery_bridge.errors import XQueryError
from xquery_bridge.limits import Limits

#: Seconds between two looks at the busy workers' memory and time.
WATCH_INTERVAL = 0.1
#: Seconds past the time limit within which a worker must have answered: as many, and a share of the limit.
HARD_STOP, HARD_STOP_SHARE = 2.0, 0.05
#: Seconds a worker may take to start, and to wait before the next try after that many failures in a row.
START_LIMIT = 120.0
#: Seconds a process may take to end once it has closed its socket.
END_PATIENCE = 1.0
RETRY_DELAYS = (0.0, 0.2, 1.0, 5.0)

logger = logging.getLogger("cntk-xquery.pool")


class PoolError(Exception):
    """A worker, or every worker, could not be started."""


class ClientGone(Exception):
    """The client went away while its query waited for a worker."""


def _time_limit_error(seconds: float) -> XQueryError:
    title = f"Time limit exceeded: the query ran for more than {seconds:g} seconds"
    return XQueryError("FOER0000", title, marklogic_code="XDMP-EXTIME", catchable=False)


def _memory_limit_error(mib: int) -> XQueryError:
    title = f"Memory limit exceeded: the query took more than {mib} MiB"
    return XQueryError("FOER0000", title, marklogic_code="XDMP-MEMORY", catchable=False)


def _died_error(status: int) -> XQueryError:
    how = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
    if status == -signal.SIGKILL:
        how += ", as the system does when memory runs out"
    title = f"The process that evaluated the query {how}; the service goes on, and the query can be sent again"
    return XQueryError("FOER0000", title, marklogic_code="XDMP-WORKERDIED", catchable=False)


def _no_worker_error() -> XQueryError:
    title = "No process that evaluates queries could be started; the service's log tells why"
    return XQueryError("FOER0000", title, marklogic_code="XDMP-NOWORKER", catchable=False)


class Worker(asyncio.Protocol):
    """One worker process and the socket to it."""

    def __init__(self, pool: Pool, process: subprocess.Popen[bytes]) -> None:
        self.pool = pool
        self.process = process
        self.ready: asyncio.Future[None] = pool.loop.create_future()
        self.reply: asyncio.Future[Rendered] | None = None
        self.started = 0.0
        self.resident_at_start = 0
        self.resident_when_ready = 0
        self.sentence: XQueryError | None = None
        self._memory = psutil.Process(process.pid)
        self._buffer = FrameBuffer()
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's class does not derive from it

    def data_received(self, data: bytes) -> None:
        message = self._buffer.feed(data)
        if message is None:
            return
        head, body = message
        if not self.ready.done():
            self.resident_when_ready = self.resident()
            self.ready.set_result(None)
            return
        reply, self.reply = self.reply, None
        if reply is not None and not reply.done():
            if isinstance(head, Rendered):
                reply.set_result(Rendered(head.headers, body))
            else:
                reply.set_exception(head)
        self.pool.free(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.pool.lost(self)

    def send(self, head: object) -> None:
        """Write one message to the worker."""
        assert self._transport is not None
        self._transport.writelines(frame(head))

    def run(self, job: Job) -> asyncio.Future[Rendered]:
        """Hand the worker a query; the future ends with its answer or its error."""
        self.reply = self.pool.loop.create_future()
        self.started = self.pool.loop.time()
        self.resident_at_start = self.resident()
        self.send(job)
        return self.reply

    def resident(self) -> int:
        """Bytes of memory the process holds; 0 when it is gone."""
        try:
            return int(self._memory.memory_info().rss)
        except psutil.Error:
            return 0

    def kill(self, sentence: XQueryError | None = None) -> None:
        """End the process at once; `sentence` is what its query answers with."""
        self.sentence = self.sentence or sentence
        with contextlib.suppress(OSError):
            self.process.kill()
        if self._transport is not None:
            self._transport.abort()

    def end(self) -> int:
        """The exit status of the process, which is killed when it does not end by itself in a moment."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.process.wait(END_PATIENCE)
        self.process.kill()
        return self.process.wait()


class Pool:
    """`settings.workers` worker processes. `start` and `close` it; `answer` evaluates a job."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.limits = Limits(seconds=settings.time_limit, memory_mib=settings.memory_limit)
        self.loop: asyncio.AbstractEventLoop
        self.workers: set[Worker] = set()  # those that are ready
        self._all: set[Worker] = set()
        self._first_start: asyncio.Future[None]
        self._idle: list[Worker] = []
        self._waiting: deque[asyncio.Future[Worker]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._failures = 0
        self._watching = False
        self._closing = False

    async def start(self) -> None:
        """Start the workers and wait for the first that is ready; PoolError when none can be started."""
        self.loop = asyncio.get_running_loop()
        self._first_start = self.loop.create_future()
        for _ in range(self.settings.workers):
            self._keep(self._start_worker())
        await self._first_start

    async def close(self) -> None:
        """End every worker."""
        self._closing = True
        workers = list(self._all)
        for worker in workers:
            worker.kill()
        for worker in workers:
            await self.loop.run_in_executor(None, worker.process.wait)

    @property
    def able(self) -> bool:
        """Whether queries can be answered: a worker is ready, or on its way without having failed again and again."""
        return bool(self.workers) or self._failures < len(RETRY_DELAYS)

    async def answer(self, job: Job, client_gone: asyncio.Future[Any] | None = None) -> Rendered:
        """The answer to a job; raises XQueryError or RequestError.

        When `client_gone` is done while the job still waits for a worker, the job is dropped: ClientGone.
        """
        worker = self._take_idle() or await self._wait(client_gone)
        reply = worker.run(job)
        if not self._watching:
            self._watching = True
            self.loop.call_later(WATCH_INTERVAL, self._watch)
        return await reply

    @property
    def busy(self) -> bool:
        """Whether a query would have to wait."""
        return not self._idle

    def free(self, worker: Worker) -> None:
        """Take a worker back: for who waits longest, or for the next request."""
        if self._keeps_too_much(worker):
            worker.kill()
            return
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(worker)
                return
        self._idle.append(worker)

    def lost(self, worker: Worker) -> None:
        """A worker's process ended, or its socket did: answer its query, and put another in its place."""
        if worker in self._idle:
            self._idle.remove(worker)
        if worker in self.workers:
            self.workers.remove(worker)
            self._keep(self._start_worker())
        self._keep(self._bury(worker))

    def _take_idle(self) -> Worker | None:
        # The worker used last: its caches are the warmest.
        return self._idle.pop() if self._idle else None

    async def _wait(self, client_gone: asyncio.Future[Any] | None) -> Worker:
        if not self.able:
            raise _no_worker_error()
        waiter: asyncio.Future[Worker] = self.loop.create_future()
        self._waiting.append(waiter)
        if client_gone is not None:
            client_gone.add_done_callback(lambda _: _give_up(waiter))
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self.free(waiter.result())
            raise

    def _keeps_too_much(self, worker: Worker) -> bool:
        """Whether a worker, its query done, still holds more than one query may take: then a fresh one is cheaper.

        Memory is read anew only after a query that took long enough to fill much of it.
        """
        if self.limits.memory_mib is None:
            return False
        quick = self.loop.time() - worker.started < WATCH_INTERVAL
        resident = worker.resident_at_start if quick else worker.resident()
        return resident - worker.resident_when_ready > self.limits.memory_mib * MIB

    def _watch(self) -> None:
        now = self.loop.time()
        self._watching = False
        for worker in list(self.workers):
            if worker.reply is None:
                continue
            self._watching = True
            seconds, mib = self.limits.seconds, self.limits.memory_mib
            if seconds is not None and now - worker.started > seconds * (1 + HARD_STOP_SHARE) + HARD_STOP:
                worker.kill(_time_limit_error(seconds))
            elif mib is not None and worker.resident() - worker.resident_at_start > mib * MIB:
                worker.kill(_memory_limit_error(mib))
        if self._watching:
            self.loop.call_later(WATCH_INTERVAL, self._watch)

    async def _start_worker(self) -> None:
        """Start one worker, trying again for as long as it takes."""
        while not self._closing:
            await asyncio.sleep(RETRY_DELAYS[min(self._failures, len(RETRY_DELAYS) - 1)])
            worker = None
            try:
                worker = await self._spawn()
                async with asyncio.timeout(START_LIMIT):
                    await worker.ready
            except (PoolError, OSError) as error:  # OSError: no process to be had, or none that was ready in time
                if worker is not None:
                    worker.kill()
                self._failures += 1
                if not self._closing:
                    logger.error("A worker process did not start (%d in a row): %s", self._failures, error)
                if not self.able:
                    self._turn_away()
                continue
            self._failures = 0
            self.workers.add(worker)
            self.free(worker)
            if not self._first_start.done():
                self._first_start.set_result(None)
            return

    async def _spawn(self) -> Worker:
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-m", "server.worker", str(theirs.fileno())],
                stdin=subprocess.PIPE,  # never written: its end tells the worker that the service is gone
                pass_fds=[theirs.fileno()],
                env=os.environ | {"PYTHONPATH": _python_path()},
                process_group=0,  # a Ctrl-C in the terminal is for the service alone
            )
        worker = Worker(self, process)
        self._all.add(worker)
        await self.loop.create_unix_connection(lambda: worker, sock=ours)
        worker.send(WorkerSettings(os.getpid(), self.settings.data.absolute(), self.limits))
        return worker

    async def _bury(self, worker: Worker) -> None:
        """Wait for the end of a worker's process and answer for it."""
        status = await self.loop.run_in_executor(None, worker.end)
        self._all.discard(worker)
        assert worker.process.stdin is not None
        worker.process.stdin.close()
        if not worker.ready.done():
            worker.ready.set_exception(PoolError(f"A worker process ended with status {status}."))
        if worker.reply is not None and not worker.reply.done():
            worker.reply.set_exception(worker.sentence or _died_error(status))

    def _turn_away(self) -> None:
        """No worker starts: end what waits for one."""
        if not self._first_start.done():
            self._first_start.set_exception(PoolError("No worker process could be started; the reason stands above."))
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_exception(_no_worker_error())

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` in the background; the loop itself holds tasks only weakly."""
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _give_up(waiter: asyncio.Future[Worker]) -> None:
    if not waiter.done():
        waiter.set_exception(ClientGone())


def _python_path() -> str:
    """PYTHONPATH with this package's parent first, so that a worker finds the same code from any directory."""
    root = str(Path(__file__).resolve().parent.parent)
    return os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
