"""The command `cntk-xquery`: serve queries over HTTP, evaluate one, look at models."""

from __future__ import annotations

import argparse
import contextlib
import errno
import logging
import os
import re
import signal
import socket
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

import uvicorn

from server.app import create_app
from server.models import add_commands
from server.progress import ProgressBar
from server.settings import DEFAULT_PASSWORD, Settings, SettingsError, add_options, read_settings
from xquery_bridge.errors import XQueryError
from xquery_bridge.external import ExternalVariable
from xquery_bridge.limits import Limits

#: Seconds that running queries get to finish when the service is told to stop.
GRACE = 8
#: What the service calls itself: clients of MarkLogic may look for its name.
SERVER = "MarkLogic (compatible; cntk-xquery)"
#: Connections that may wait to be accepted.
BACKLOG = 2048


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        status: int = options.run(options)
    except SettingsError as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:  # whoever read our output has gone; Python's last flush must not fail again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cntk-xquery", description="Evaluates XQuery with the cntk: function library."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="answer queries over HTTP", description="Answers queries over HTTP.")
    add_options(serve)
    serve.set_defaults(run=_serve)

    evaluate = commands.add_parser(
        "eval", help="evaluate one query", description="Evaluates a query and prints each item of its result on a line."
    )
    evaluate.add_argument("file", metavar="FILE", help="file that holds the query; -: standard input")
    evaluate.add_argument("--data", metavar="DIR", type=Path, help="directory of the documents (none: an empty store)")
    evaluate.add_argument(
        "--var", metavar="NAME=VALUE", action="append", default=[], help="external variable; NAME may be {uri}local"
    )
    evaluate.add_argument("--dialect", choices=("1.0-ml", "3.1"), default="1.0-ml", help="of a query that names none")
    evaluate.add_argument("--explain", action="store_true", help="print the syntax tree and generated source instead")
    evaluate.add_argument("--profile", action="store_true", help="print to standard error where the time went")
    evaluate.add_argument("--no-progress", action="store_true", help="show no bar while a query trains")
    evaluate.set_defaults(run=_evaluate)

    add_commands(commands)
    return parser


def _fail(sentence: str) -> int:
    print(f"cntk-xquery: {sentence}", file=sys.stderr)
    return 1


# -- serve


class _Server(uvicorn.Server):
    """uvicorn's server, which ends quietly when a signal asks it to and says when it is ready."""

    def __init__(self, config: uvicorn.Config, greeting: str) -> None:
        super().__init__(config)
        self._greeting = greeting

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number is None or (name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN):
                continue  # nohup
            signal.signal(number, self.handle_exit)
        yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if not self.started:  # nothing is being answered yet: end at once, as without a handler
            signal.signal(sig, signal.SIG_DFL)
            os.kill(os.getpid(), sig)
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            print(self._greeting, flush=True)


def _serve(options: argparse.Namespace) -> int:
    settings = read_settings(options)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    try:
        settings.data.mkdir(parents=True, exist_ok=True)
        app = create_app(settings)
    except OSError as error:
        return _fail(f"The data directory {settings.data} cannot be used: {error.strerror or error}.")
    try:
        listener = _listen(settings)
    except OSError as error:
        return _fail(_listen_sentence(settings, error))
    config = uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        headers=[("Server", SERVER)],
        timeout_keep_alive=settings.keep_alive,
        timeout_graceful_shutdown=GRACE,
        lifespan="on",
    )
    server = _Server(config, _greeting(settings, listener))
    with listener, contextlib.suppress(SystemExit):
        server.run([listener])
    return 0 if server.started else _fail("The service could not start; the reason stands above.")


def _listen(settings: Settings) -> socket.socket:
    """A listening socket that no child process inherits; who connects while the service starts waits for it."""
    found = socket.getaddrinfo(settings.host or None, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, address = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _listen_sentence(settings: Settings, error: OSError) -> str:
    place = f"port {settings.port} of {settings.host}"
    if error.errno == errno.EADDRINUSE:
        return f"There is already a program on {place}: stop it, or choose another port with --port."
    if error.errno == errno.EACCES:
        return f"This user may not listen on {place}: choose a port from 1024 on with --port."
    return f"The service cannot listen on {place}: {error.strerror or error}."


def _greeting(settings: Settings, listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = "127.0.0.1"
    base = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    password = DEFAULT_PASSWORD if settings.password == DEFAULT_PASSWORD else "PASSWORD"
    return (
        f"cntk-xquery serves {base}/v1/eval (documents in {settings.data}; Ctrl-C ends it). Try it:\n"
        f"  curl --digest --user {settings.user}:{password} --data-urlencode 'xquery=(1, \"a\")' {base}/v1/eval"
    )


# -- eval


def _evaluate(options: argparse.Namespace) -> int:
    # Imported here: the service itself has no use for the engine, its workers have.
    from xquery_bridge.engine import Engine
    from xquery_bridge.explanation import tree_text
    from xquery_bridge.profiler import profiled
    from xquery_bridge.store import open_store

    try:
        data = sys.stdin.buffer.read() if options.file == "-" else Path(options.file).read_bytes()
        source = data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        return _fail(f"The query cannot be read: {error}.")
    variables = [_variable(text) for text in options.var]
    bar = ProgressBar(sys.stderr)
    try:
        store = open_store(options.data)
    except (OSError, sqlite3.Error, XQueryError) as error:
        return _fail(f"The documents in {options.data} cannot be opened: {error}.")
    try:
        engine = Engine(
            store=store,
            dialect=options.dialect,
            limits=Limits(seconds=None, memory_mib=None),
            progress=bar if sys.stderr.isatty() and not options.no_progress else None,
        )
        if options.explain:
            print(f"{tree_text(source, options.dialect)}\n\n{engine.compile(source).python}")
            return 0
        if options.profile:
            answer, profile = profiled(lambda: engine.answer(source, variables))
            print(profile.text(), file=sys.stderr)
        else:
            answer = engine.answer(source, variables)
    except XQueryError as error:
        bar.clear()
        place = f" at line {error.frames[0].line}, column {error.frames[0].column}" if error.frames else ""
        print(f"{error.format_string}{place}", file=sys.stderr)
        return 1
    finally:
        bar.clear()
        store.close()
    for part in answer.parts:
        sys.stdout.buffer.write(part.body + b"\n")
    sys.stdout.buffer.flush()
    return 0


_VARIABLE = re.compile(r"(?:\{([^{}]*)\})?([^={}]+)=(.*)", re.DOTALL)


def _variable(text: str) -> ExternalVariable:
    match = _VARIABLE.fullmatch(text)
    if match is None:
        raise SettingsError(f"A variable is NAME=VALUE or {{uri}}NAME=VALUE, not {text!r}.")
    return ExternalVariable(match[1] or "", match[2], match[3])


if __name__ == "__main__":
    sys.exit(main())
