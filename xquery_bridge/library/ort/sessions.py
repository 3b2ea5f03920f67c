"""Sessions of onnxruntime: options, errors, and the sessions of models that were met before in this process.

A session is kept by the digest of its model's bytes and its options, so that every version of a document has its own
and a query that runs the same model again does not load it again.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any, Final

from xquery_bridge.compute import CntkError
from xquery_bridge.compute import session as compute_session
from xquery_bridge.compute.models import detect_format, export_onnx, load_model
from xquery_bridge.errors import XQueryError
from xquery_bridge.library.cntk.options import Unfit, count, flag, text
from xquery_bridge.runtime.atomic import type_name
from xquery_bridge.runtime.json_items import MapMap

#: The most sessions, and the most bytes of models, that are kept.
_KEPT: Final = 16
_KEPT_BYTES: Final = 512 * 2**20
#: Messages below this severity are not written to the log: warnings about a model are its maker's concern.
_SEVERITY: Final = 3

_MARK: Final = re.compile(r"^\[ONNXRuntimeError\] : \d+ : [A-Z_]+ : ")

Read = Callable[[Any], Any]


def refused(sentence: str) -> XQueryError:
    """What onnxruntime refuses, as the error of a query."""
    return XQueryError("FOER0000", sentence, marklogic_code="XDMP-ORTERR")


def onnxruntime() -> Any:
    """The package. Raises XDMP-ORTERR where it is not installed."""
    try:
        import onnxruntime as package
    except ImportError:
        raise refused(
            "The ort: functions need onnxruntime, which is not installed: pip install 'cntk-xquery[ort]'"
        ) from None
    package.set_default_logger_severity(_SEVERITY)
    return package


def _one_of(*names: str) -> Read:
    def read(items: Any) -> str:
        found = text(items).lower().replace("_", "-")
        if found not in names:
            raise Unfit(f"one of {', '.join(names)}")
        return found

    return read


_LEVELS: Final = {
    "disable": "ORT_DISABLE_ALL",
    "basic": "ORT_ENABLE_BASIC",
    "extended": "ORT_ENABLE_EXTENDED",
    "all": "ORT_ENABLE_ALL",
}
_MODES: Final = {"sequential": "ORT_SEQUENTIAL", "parallel": "ORT_PARALLEL"}

#: Options of a session: key -> how its value is read, attribute of SessionOptions.
SESSION_OPTIONS: Final[dict[str, tuple[Read, str]]] = {
    "enable-cpu-mem-arena": (flag, "enable_cpu_mem_arena"),
    "enable-mem-pattern": (flag, "enable_mem_pattern"),
    "enable-profiling": (flag, "enable_profiling"),
    "execution-mode": (_one_of(*_MODES), "execution_mode"),
    "graph-optimization-level": (_one_of(*_LEVELS), "graph_optimization_level"),
    "inter-op-num-threads": (count, "inter_op_num_threads"),
    "intra-op-num-threads": (count, "intra_op_num_threads"),
    "log-severity-level": (count, "log_severity_level"),
}

#: Options of a run: key -> how its value is read, attribute of RunOptions.
RUN_OPTIONS: Final[dict[str, tuple[Read, str]]] = {
    "log-severity-level": (count, "log_severity_level"),
    "log-verbosity-level": (count, "log_verbosity_level"),
    "run-tag": (text, "logid"),
}


def read_options(where: str, table: Mapping[str, tuple[Read, str]], given: MapMap | None) -> dict[str, Any]:
    """The options of a map by attribute.

    Raises:
        XQueryError: XDMP-ORTERR for a key that is no option, XPTY0004 for a value of another kind; both list the keys.
    """
    found: dict[str, Any] = {}
    allowed = ", ".join(table)
    for key, value in () if given is None else given.items():
        if key not in table:
            raise refused(f'{where}: "{key}" is not an option; the options are {allowed}.')
        reader, attribute = table[key]
        items = value if type(value) is list or type(value) is range else [value]
        try:
            found[attribute] = reader(items)
        except Unfit as unfit:
            came = ", ".join(type_name(item) for item in items[:3]) or "an empty sequence"
            raise XQueryError("XPTY0004", f'{where}: the option "{key}" takes {unfit}, {came} came') from None
    return found


class _Kept:
    """Sessions, the least recently used ones given up first."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[Any, tuple[Any, int]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Any) -> Any:
        with self._lock:
            found = self._sessions.get(key)
            if found is not None:
                self._sessions.move_to_end(key)
            return None if found is None else found[0]

    def put(self, key: Any, session: Any, size: int) -> None:
        with self._lock:
            self._sessions[key] = (session, size)
            while len(self._sessions) > _KEPT or (
                len(self._sessions) > 1 and sum(bytes_ for _, bytes_ in self._sessions.values()) > _KEPT_BYTES
            ):
                self._sessions.popitem(last=False)


_KEPT_SESSIONS: Final = _Kept()


def session_for(model: bytes, options: dict[str, Any]) -> Any:
    """The session of a model with these options.

    Raises:
        XQueryError: XDMP-ORTERR with onnxruntime's sentence for what is no model it can run.
    """
    package = onnxruntime()
    key = (hashlib.blake2b(model, digest_size=32).digest(), tuple(sorted(options.items())))
    found = _KEPT_SESSIONS.get(key)
    if found is not None:
        return found
    if not model:
        raise refused("ort:session: the model is empty.")
    settings = package.SessionOptions()
    settings.log_severity_level = _SEVERITY
    for attribute, value in options.items():
        setattr(settings, attribute, _setting(package, attribute, value))
    try:
        session = package.InferenceSession(_as_onnx(model), settings, providers=["CPUExecutionProvider"])
    except CntkError as error:
        raise refused(f"ort:session: {error}") from None
    except Exception as error:  # onnxruntime's errors have no class in common
        raise refused(f"ort:session: {_sentence(error)}") from None
    _KEPT_SESSIONS.put(key, session, len(model))
    return session


def _as_onnx(model: bytes) -> bytes:
    """A model of CNTK's format as ONNX, so that what `cntk:function-save` gave can be run; others as they are."""
    if detect_format(model) != "cntk":
        return model
    with compute_session():
        return export_onnx(load_model(model))


def _setting(package: Any, attribute: str, value: Any) -> Any:
    if attribute == "execution_mode":
        return getattr(package.ExecutionMode, _MODES[value])
    if attribute == "graph_optimization_level":
        return getattr(package.GraphOptimizationLevel, _LEVELS[value])
    return value


def run(session: Any, inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """The outputs of a model by name.

    Raises:
        XQueryError: XDMP-ORTERR for inputs that are missing, not known, of another type or shape.
    """
    wanted = [row.name for row in session.get_inputs()]
    unknown = [name for name in inputs if name not in wanted]
    missing = [name for name in wanted if name not in inputs]
    if unknown or missing:
        came = ", ".join(inputs) or "none"
        raise refused(f"ort:run: values for the inputs {', '.join(wanted) or 'none'} were expected, for {came} came.")
    settings = onnxruntime().RunOptions()
    for attribute, value in options.items():
        setattr(settings, attribute, value)
    try:
        results = session.run(None, inputs, settings)
    except Exception as error:  # onnxruntime's errors have no class in common
        raise refused(f"ort:run: {_sentence(error)}") from None
    return {row.name: result for row, result in zip(session.get_outputs(), results, strict=True)}


def _sentence(error: Exception) -> str:
    """onnxruntime's sentence without the mark and the number before it."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return _MARK.sub("", lines[0])
