"""What the service can be told: one row a setting, from the command line, the environment or a default.

A setting `time_limit` is `--time-limit` on the command line and `CNTK_XQUERY_TIME_LIMIT` in the environment; the
command line wins. A password may also lie in a file (`--password-file`, `CNTK_XQUERY_PASSWORD_FILE`).
"""

from __future__ import annotations

import argparse
import contextlib
import ipaddress
import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

ENVIRONMENT_PREFIX = "CNTK_XQUERY_"
DEFAULT_USER = DEFAULT_PASSWORD = "admin"
MIB = 1024 * 1024


class SettingsError(Exception):
    """A setting that cannot be; its text is the sentence for the user."""


def processors() -> int:
    """The number of processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def default_memory_limit() -> int:
    """MiB a query may take when nothing is said: 4096, or half of what the machine or the container has."""
    have: int = psutil.virtual_memory().total
    for name in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):  # no such file, or "max": no bound
            have = min(have, int(Path(name).read_text()))
    return min(4096, have // 2 // MIB)


@dataclass(frozen=True, slots=True)
class Settings:
    """The service's settings. Sizes are MiB, times seconds; a limit of None is no limit."""

    host: str = "127.0.0.1"
    port: int = 8000
    data: Path = Path("data")
    user: str = DEFAULT_USER
    password: str = field(default=DEFAULT_PASSWORD, repr=False)
    workers: int = field(default_factory=lambda: max(2, min(processors(), 8)))
    time_limit: float | None = 600.0
    memory_limit: int | None = field(default_factory=default_memory_limit)
    body_limit: float = 64.0
    keep_alive: int = 60

    @property
    def body_bytes(self) -> int:
        """The longest request body that is read, in bytes."""
        return int(self.body_limit * MIB)


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65535:
        raise ValueError
    return number


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _size(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise ValueError
    return number


def _seconds(text: str) -> float | None:
    number = float(text)
    if not 0 <= number < float("inf"):
        raise ValueError
    return number or None


def _mebibytes(text: str) -> int | None:
    number = int(text)
    if number < 0:
        raise ValueError
    return number or None


@dataclass(frozen=True, slots=True)
class Row:
    """One setting: its field in `Settings`, how its text is read, what the text must be, and its line of help."""

    name: str
    read: Callable[[str], object]
    expected: str
    metavar: str
    help: str

    @property
    def option(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        return ENVIRONMENT_PREFIX + self.name.upper()

    def value(self, text: str, source: str) -> object:
        """The setting's value; raises SettingsError naming `source` (the option or the variable) when it is none."""
        try:
            return self.read(text)
        except ValueError:
            raise SettingsError(f"{source} must be {self.expected}, not {text!r}.") from None


TABLE = (
    Row("host", str, "an address", "HOST", "address to listen on (127.0.0.1)"),
    Row("port", _port, "a port number from 0 to 65535", "PORT", "port to listen on; 0: any free one (8000)"),
    Row("data", Path, "a directory", "DIR", "directory of the documents, made when it is missing (data)"),
    Row("workers", _positive, "a number from 1 on", "N", "queries that run at once (one a processor, 2 to 8)"),
    Row("time_limit", _seconds, "a number of seconds", "S", "seconds a query may run; 0: no limit (600)"),
    Row(
        "memory_limit",
        _mebibytes,
        "a number of MiB",
        "MIB",
        "MiB a query may take; 0: no limit (4096, or half the memory)",
    ),
    Row("body_limit", _size, "a number of MiB above 0", "MIB", "MiB a request body may have (64)"),
    Row("keep_alive", _positive, "a number of seconds from 1 on", "S", "seconds an idle connection is kept (60)"),
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give `parser` an option for each setting; what is not given stays None."""
    for row in TABLE:
        parser.add_argument(row.option, metavar=row.metavar, help=row.help)
    parser.add_argument("--user", metavar="NAME[:PASSWORD]", help="the one user (on a loopback address: admin:admin)")
    parser.add_argument("--password-file", metavar="FILE", help="file that holds the password")
    parser.epilog = (
        "Each option can also be set in the environment: CNTK_XQUERY_HOST, CNTK_XQUERY_TIME_LIMIT and so on; "
        "the password in CNTK_XQUERY_PASSWORD or, as the name of a file, in CNTK_XQUERY_PASSWORD_FILE."
    )


def read_settings(options: argparse.Namespace, environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings from parsed options (see `add_options`) and the environment; SettingsError says what is wrong."""
    values: dict[str, object] = {}
    for row in TABLE:
        option = getattr(options, row.name)
        if option is not None:
            values[row.name] = row.value(option, row.option)
        elif environment.get(row.variable):
            values[row.name] = row.value(environment[row.variable], row.variable)
    host = str(values.get("host", "127.0.0.1"))
    user, password = _credentials(options, environment)
    if password is None:
        if user is not None:
            raise SettingsError(f"The user {user} has no password. {_HOW_TO_SET}")
        if not is_loopback(host):
            place = host or "all addresses"
            raise SettingsError(
                f"Listening on {place} lets other machines in, so a password must be set. {_HOW_TO_SET}"
            )
        password = DEFAULT_PASSWORD
    return Settings(**values, user=user or DEFAULT_USER, password=password)  # type: ignore[arg-type]


_HOW_TO_SET = (
    "Give --user NAME:PASSWORD, or set CNTK_XQUERY_PASSWORD, or CNTK_XQUERY_PASSWORD_FILE to a file that holds it."
)


def _credentials(options: argparse.Namespace, environment: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The user's name and password, None where none is set. A name holds no colon (RFC 7617), a password may."""
    variable = {name: environment.get(ENVIRONMENT_PREFIX + name, "") for name in ("USER", "PASSWORD", "PASSWORD_FILE")}
    given_name, given_colon, given_password = (options.user or "").partition(":")
    set_name, _, set_password = variable["USER"].partition(":")
    if given_colon and not (given_name and given_password):
        raise SettingsError(f"A user is NAME:PASSWORD, not {options.user!r}.")
    if given_password:
        password = given_password
    elif options.password_file is not None:
        password = _from_file(options.password_file, "--password-file")
    elif variable["PASSWORD"]:
        password = variable["PASSWORD"]
    elif variable["PASSWORD_FILE"]:
        password = _from_file(variable["PASSWORD_FILE"], ENVIRONMENT_PREFIX + "PASSWORD_FILE")
    else:
        password = set_password
    return given_name or set_name or None, password or None


def _from_file(name: str, source: str) -> str:
    try:
        password = Path(name).read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The password file that {source} names cannot be read: {error}.") from error
    if not password:
        raise SettingsError(f"The password file {name} is empty.")
    return password


def is_loopback(host: str) -> bool:
    """Whether every address that `host` stands for can be reached from this machine only."""
    try:
        found = socket.getaddrinfo(host or None, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise SettingsError(f"There is no address {host}: {error.strerror or error}.") from error
    return all(ipaddress.ip_address(str(address[4][0]).partition("%")[0]).is_loopback for address in found)
