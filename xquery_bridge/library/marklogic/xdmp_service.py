"""xdmp: functions about the service itself: logging, the request and response, databases, servers, users."""

from __future__ import annotations

import datetime
import logging
import platform as python_platform
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from elementpath.datatypes import DayTimeDuration, UnsignedInt, UnsignedLong

from xquery_bridge.database import DATABASE_ID, DATABASE_NAME
from xquery_bridge.errors import XQueryError
from xquery_bridge.library.marklogic.xdmp import XDMP
from xquery_bridge.runtime.context import DynamicContext
from xquery_bridge.runtime.json_items import MapMap
from xquery_bridge.runtime.serialization import quote
from xquery_bridge.runtime.values import Value

#: What MarkLogic 10-0.9.5 answers; clients split it at `[-.]`.
VERSION: Final = "10.0-9.5"

_LOG: Final = logging.getLogger("cntk_xquery.query")

#: MarkLogic's levels -> Python's.
_LEVELS: Final = {
    "finest": logging.DEBUG,
    "finer": logging.DEBUG,
    "fine": logging.DEBUG,
    "debug": logging.DEBUG,
    "config": logging.INFO,
    "info": logging.INFO,
    "notice": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "alert": logging.CRITICAL,
    "emergency": logging.CRITICAL,
}


@XDMP.row("log($msg as item()*) as empty-sequence()", effects=True)
@XDMP.row("log($msg as item()*, $level as xs:string?) as empty-sequence()", effects=True)
def log(items: Sequence[Any], level: str | None = None) -> None:
    """Write items to the log of the service, each as xdmp:quote gives it. Raises XDMP-ARG for an unknown level."""
    chosen = _LEVELS.get(level or "info")
    if chosen is None:
        raise XQueryError(
            "FOER0000", f"{level!r} is no level of the log: {', '.join(_LEVELS)}", marklogic_code="XDMP-ARG"
        )
    _LOG.log(chosen, "%s", " ".join([quote(item) for item in items]))


@XDMP.row("log-level() as xs:string")
def log_level() -> str:
    """The level from which messages are written."""
    return "info"


@XDMP.row("trace($name as xs:string, $value as item()*) as empty-sequence()", effects=True)
def trace(name: str, items: Sequence[Any]) -> None:
    """Write items to the log under the name of a trace event, at the level of debugging."""
    _LOG.debug("[Event:id=%s] %s", name, " ".join([quote(item) for item in items]))


@XDMP.row("trace-enabled($name as xs:string) as xs:boolean", effects=True)
def trace_enabled(name: str) -> bool:
    """Whether trace events are written."""
    return _LOG.isEnabledFor(logging.DEBUG)


@XDMP.row("sleep($msec as xs:unsignedInt) as empty-sequence()", effects=True)
def sleep(milliseconds: int) -> None:
    """Wait; in short naps, so that the time limit can end it."""
    end = time.monotonic() + milliseconds / 1000
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, 0.05))


@XDMP.row("elapsed-time() as xs:dayTimeDuration", needs="dynamic", effects=True)
def elapsed_time(context: DynamicContext) -> DayTimeDuration:
    """How long the query has run."""
    passed = datetime.datetime.now(datetime.UTC) - context.started
    return DayTimeDuration.fromtimedelta(passed)


# --------------------------------------------------------------------------------------------- the request and response


@XDMP.row(
    "add-response-header($name as xs:string, $value as xs:string) as empty-sequence()", needs="dynamic", effects=True
)
def add_response_header(context: DynamicContext, name: str, value: str) -> None:
    """Add an HTTP header to the answer. Raises XDMP-HEADER for what no header can carry."""
    if (
        not name
        or not all("!" <= char <= "~" and char != ":" for char in name)
        or any(char in "\r\n\0" for char in value)
    ):
        raise XQueryError("FOER0000", f"Not an HTTP header: {name}: {value!r}", marklogic_code="XDMP-HEADER")
    context.headers.append((name, value))


@XDMP.row("set-response-content-type($name as xs:string) as empty-sequence()", needs="dynamic", effects=True)
def set_response_content_type(context: DynamicContext, name: str) -> None:
    """Add a Content-type header to the answer, before that of the multipart message."""
    if any(char in "\r\n\0" for char in name):
        raise XQueryError("FOER0000", f"Not a content type: {name!r}", marklogic_code="XDMP-HEADER")
    context.content_type = name


@XDMP.row("set-response-code($code as xs:integer, $message as xs:string) as empty-sequence()", effects=True)
@XDMP.row("set-response-encoding($encoding as xs:string) as empty-sequence()", effects=True)
@XDMP.row("set-response-output-method($method as xs:string) as empty-sequence()", effects=True)
@XDMP.row("set-request-time-limit($time-limit as xs:unsignedInt) as empty-sequence()", effects=True)
@XDMP.row(
    "set-request-time-limit($time-limit as xs:unsignedInt, $hostID as xs:unsignedLong?) as empty-sequence()",
    "set-request-time-limit($time-limit as xs:unsignedInt, $hostID as xs:unsignedLong?, $serverID as xs:unsignedLong?)"
    " as empty-sequence()",
    effects=True,
)
@XDMP.row("set-transaction-mode($value as xs:string) as empty-sequence()", effects=True)
@XDMP.row("query-trace($enabled as xs:boolean) as empty-sequence()", effects=True)
@XDMP.row("security-assert($privileges as xs:string*, $kind as xs:string) as empty-sequence()", effects=True)
def accepted(*arguments: Any) -> None:
    """Accepted without effect: an answer of /v1/eval has a fixed form, and the one user may do everything."""


_REQUEST: Final[dict[str, tuple[str, Any]]] = {
    "get-request-url": ("xs:string", "/v1/eval"),
    "get-request-path": ("xs:string", "/v1/eval"),
    "get-request-method": ("xs:string", "POST"),
    "get-request-protocol": ("xs:string?", "http"),
    "get-original-url": ("xs:string", "/v1/eval"),
}


def _constant(result: Any) -> Callable[..., Any]:
    def answer(*arguments: Any) -> Any:
        """The same in every run."""
        return result

    return answer


for _name, (_type, _result) in _REQUEST.items():
    XDMP.add(f"{_name}() as {_type}", _constant(_result), effects=True)


@XDMP.row("get-request-field($name as xs:string) as item()*", effects=True)
@XDMP.row("get-request-header($name as xs:string) as xs:string?", effects=True)
@XDMP.row("get-request-header-names() as xs:string*", effects=True)
@XDMP.row("get-request-field-names() as xs:string*", effects=True)
def nothing(*arguments: Any) -> list[Any]:
    """A query of /v1/eval does not see the fields and headers of its request."""
    return []


@XDMP.row("get-request-field($name as xs:string, $default as item()*) as item()*", effects=True)
@XDMP.row("get-request-header($name as xs:string, $default as xs:string?) as item()*", effects=True)
def the_default(name: str, default: Any) -> Value:
    """The default: a query of /v1/eval does not see the fields and headers of its request."""
    return [] if default is None else default


# --------------------------------------------------------------------------------------------------- databases, servers

_SERVER_ID: Final = 1
_SERVER_NAME: Final = "cntk-xquery"


@XDMP.row("database() as xs:unsignedLong")
def database() -> UnsignedLong:
    """The id of the database."""
    return UnsignedLong(DATABASE_ID)


@XDMP.row("database($name as xs:string?) as xs:unsignedLong")
def database_named(name: str | None) -> UnsignedLong:
    """The id of a database; there is one, named Documents. Raises XDMP-NOSUCHDB."""
    if name not in (None, "", DATABASE_NAME):
        raise XQueryError("FOER0000", f"No such database {name}", marklogic_code="XDMP-NOSUCHDB")
    return UnsignedLong(DATABASE_ID)


@XDMP.row("database-name($database-id as xs:unsignedLong) as xs:string")
def database_name(number: int) -> str:
    """The name of a database. Raises XDMP-NOSUCHDB."""
    if number != DATABASE_ID:
        raise XQueryError("FOER0000", f"No such database {number}", marklogic_code="XDMP-NOSUCHDB")
    return DATABASE_NAME


def _the_server(number: int) -> None:
    if number != _SERVER_ID:
        raise XQueryError("FOER0000", f"No such server {number}", marklogic_code="XDMP-NOSUCHSERVER")


@XDMP.row("server($name as xs:string) as xs:unsignedLong+")
@XDMP.row("server($name as xs:string, $group as xs:unsignedLong) as xs:unsignedLong+")
def server_named(name: str, group: int = 1) -> list[UnsignedLong]:
    """The id of a server by its name. Raises XDMP-NOSUCHSERVER."""
    if name != _SERVER_NAME:
        raise XQueryError("FOER0000", f"No such server {name}", marklogic_code="XDMP-NOSUCHSERVER")
    return [UnsignedLong(_SERVER_ID)]


@XDMP.row("transaction-locks() as element()")
@XDMP.row("transaction-locks($host-id as xs:unsignedLong) as element()")
@XDMP.row("transaction-locks($host-id as xs:unsignedLong, $txn-id as xs:unsignedLong) as element()")
def transaction_locks(host: int = 1, transaction: int = 1) -> Any:
    """An element without locks: statements read snapshots and lock nothing."""
    from xquery_bridge.runtime.node_builder import NodeBuilder

    uri = "http://marklogic.com/xdmp/status/host"
    builder = NodeBuilder(document=False)
    builder.start("transaction-locks", uri)
    for name in ("read", "write", "waiting"):
        builder.element(name, "", uri)
    builder.end()
    return builder.result()


@XDMP.row("server-name($id as xs:unsignedLong) as xs:string")
def server_name(number: int) -> str:
    """The name of the server. Raises XDMP-NOSUCHSERVER."""
    _the_server(number)
    return _SERVER_NAME


@XDMP.row("server-port($id as xs:unsignedLong) as xs:unsignedInt?", needs="dynamic", effects=True)
def server_port(context: DynamicContext, number: int) -> UnsignedInt:
    """The port that the service listens on; 0 where there is no service."""
    _the_server(number)
    return UnsignedInt(int(context.memory.get("port", 0)))


@XDMP.row("server-database($id as xs:unsignedLong) as xs:unsignedLong?")
def server_database(number: int) -> UnsignedLong:
    """The database of the server."""
    _the_server(number)
    return UnsignedLong(DATABASE_ID)


@XDMP.row("server-kind($id as xs:unsignedLong) as xs:string")
def server_kind(number: int) -> str:
    """The kind of the server."""
    _the_server(number)
    return "http-server"


_IDS: Final[dict[str, tuple[str, Any]]] = {
    "databases": ("xs:unsignedLong*", [UnsignedLong(DATABASE_ID)]),
    "modules-database": ("xs:unsignedLong", UnsignedLong(DATABASE_ID)),
    "schema-database": ("xs:unsignedLong", UnsignedLong(DATABASE_ID)),
    "security-database": ("xs:unsignedLong", UnsignedLong(DATABASE_ID)),
    "triggers-database": ("xs:unsignedLong", UnsignedLong(DATABASE_ID)),
    "modules-root": ("xs:string", "/"),
    "server": ("xs:unsignedLong+", [UnsignedLong(_SERVER_ID)]),
    "servers": ("xs:unsignedLong*", [UnsignedLong(_SERVER_ID)]),
    "host": ("xs:unsignedLong", UnsignedLong(1)),
    "hosts": ("xs:unsignedLong*", [UnsignedLong(1)]),
    "host-name": ("xs:string", "localhost"),
    "cluster": ("xs:unsignedLong", UnsignedLong(1)),
    "cluster-name": ("xs:string", "cntk-xquery"),
    "group": ("xs:unsignedLong", UnsignedLong(1)),
    "groups": ("xs:unsignedLong*", [UnsignedLong(1)]),
    "forests": ("xs:unsignedLong*", [UnsignedLong(1)]),
    "version": ("xs:string", VERSION),
    "effective-version": ("xs:unsignedLong", UnsignedLong(10000905)),
    "software-version": ("xs:unsignedLong", UnsignedLong(10000905)),
    "product-edition": ("xs:string", "Essential Enterprise"),
    "get-current-roles": ("xs:unsignedLong*", [UnsignedLong(1)]),
    "transaction": ("xs:unsignedLong*", [UnsignedLong(1)]),
    "request": ("xs:unsignedLong", UnsignedLong(1)),
    "get-transaction-mode": ("xs:string", "auto"),
}

for _name, (_type, _result) in _IDS.items():
    XDMP.add(f"{_name}() as {_type}", _constant(_result))


@XDMP.row("platform() as xs:string")
def platform() -> str:
    """The operating system."""
    return python_platform.system().lower()


@XDMP.row("architecture() as xs:string")
def architecture() -> str:
    """The processor's architecture."""
    return python_platform.machine()


@XDMP.row("get-current-user() as xs:string", needs="dynamic", effects=True)
@XDMP.row("get-request-username() as xs:string", needs="dynamic", effects=True)
def current_user(context: DynamicContext) -> str:
    """The user who sent the query."""
    return str(context.memory.get("user", "admin"))


@XDMP.row("user($user as xs:string) as xs:integer")
@XDMP.row("role($role as xs:string) as xs:integer")
def user_id(name: str) -> int:
    """An id for a user or role, the same in every run."""
    import zlib

    return zlib.crc32(name.encode())


@XDMP.row("has-privilege($privileges as xs:string*, $kind as xs:string) as xs:boolean")
def has_privilege(privileges: Sequence[str], kind: str) -> bool:
    """True: the one user may do everything."""
    return True


@XDMP.row("request-timestamp() as xs:unsignedLong?")
def request_timestamp() -> None:
    """Nothing, as in MarkLogic for statements that may update."""


@XDMP.row("set-server-field($name as xs:string, $value as item()*) as item()*", needs="dynamic", effects=True)
@XDMP.row("set-session-field($name as xs:string, $value as item()*) as item()*", needs="dynamic", effects=True)
def set_field(context: DynamicContext, name: str, value: Value) -> Value:
    """Keep a value under a name, for as long as the query runs."""
    context.memory.setdefault("fields", {})[name] = value
    return value


@XDMP.row("get-server-field($name as xs:string) as item()*", needs="dynamic", effects=True)
@XDMP.row("get-session-field($name as xs:string) as item()*", needs="dynamic", effects=True)
@XDMP.row("get-server-field($name as xs:string, $default as item()*) as item()*", needs="dynamic", effects=True)
@XDMP.row("get-session-field($name as xs:string, $default as item()*) as item()*", needs="dynamic", effects=True)
def get_field(context: DynamicContext, name: str, default: Value = ()) -> Value:
    """The value kept under a name, or the default."""
    found = context.memory.get("fields", {}).get(name)
    return (list(default) if default == () else default) if found is None else found


@XDMP.row("query-meters() as element()", needs="dynamic", effects=True)
def query_meters(context: DynamicContext) -> Any:
    """An element with the time that the query has taken."""
    from xquery_bridge.runtime.node_builder import NodeBuilder

    uri = "http://marklogic.com/xdmp/query-meters"
    builder = NodeBuilder(document=False)
    builder.start("qm:query-meters", uri)
    builder.element("qm:elapsed-time", str(elapsed_time(context)), uri)
    builder.end()
    return builder.result()


@XDMP.row("get-server-field-names() as xs:string*", needs="dynamic", effects=True)
@XDMP.row("get-session-field-names() as xs:string*", needs="dynamic", effects=True)
def field_names(context: DynamicContext) -> list[str]:
    """The names that values are kept under."""
    fields: dict[str, Any] = context.memory.get("fields", {})
    return list(fields)


@XDMP.row("document-get-metadata($uri as xs:string) as map:map?", effects=True)
def no_metadata(uri: str) -> MapMap | None:
    """Documents carry no metadata here."""
    return None
