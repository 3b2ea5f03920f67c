"""The table of the `cntk:` namespace, and the one way from a row to a function of `compute`.

A row is written as the reference page shows it, what may be left out from the right in brackets:

    RANDOM.serve("dropout($x as cntk:variable, $rate as xs:double [, $seed as xs:unsignedLong, $name as xs:string])"
                 " as cntk:function", compute.dropout)

It stands for one row of each arity. The implementation gets the objects that items hold (`compute.Variable` or
`compute.Function` for cntk:variable, lists of them for `*`), numbers as int or float, and returns such objects; items
are made of them by the result type. A refusal of CNTK becomes XDMP-CNTKERR. Calls run in the session of the request,
whose counters start at 0 (cntk-conventions.md, Quoting); rows that are `pure` need no session and have no effects.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from elementpath.datatypes import UnsignedLong

from xquery_bridge.compute import CntkError
from xquery_bridge.compute.progress import ProgressMeter
from xquery_bridge.compute.session import Session, resume
from xquery_bridge.errors import XQueryError
from xquery_bridge.library.cntk.items import item_of
from xquery_bridge.registry import Table
from xquery_bridge.runtime.context import DynamicContext
from xquery_bridge.runtime.deadline import remaining
from xquery_bridge.runtime.opaque import CNTK_NAMESPACE

CNTK: Final = Table(CNTK_NAMESPACE, "cntk")

_log: Final = logging.getLogger(__name__)

Convert = Callable[[Any], Any]

_HEAD = re.compile(r"\s*(?P<name>[\w.\-]+)\s*\((?P<params>.*)\)\s+as\s+(?P<result>.+?)\s*", re.DOTALL)
_PARAM = re.compile(r"\$[\w.\-]+\s+as\s+(?P<type>[\w:\-]+(?:\(\))?)(?P<occurrence>[*+?]?)")


def arities(signature: str) -> list[str]:
    """The signatures that a row with brackets stands for, the shortest first."""
    opened = signature.find("[")
    if opened < 0:
        return [signature]
    closed = signature.rindex("]")
    before, optional, after = signature[:opened].rstrip(), signature[opened + 1 : closed], signature[closed + 1 :]
    parts = [part.strip() for part in optional.split(",") if part.strip()]
    made = [before + after]
    for count in range(1, len(parts) + 1):
        comma = "" if before.endswith("(") else ", "
        made.append(f"{before}{comma}{', '.join(parts[:count])}{after}")
    return made


@dataclass(frozen=True, slots=True)
class Group:
    """A group of functions, a page of the reference; `serve` adds its rows, `about` says what they have in common."""

    key: str
    title: str
    about: str

    def serve(
        self,
        signature: str,
        function: Callable[..., Any],
        *,
        pure: bool = False,
        about: str = "",
        options: Sequence[Any] = (),
        configures: Callable[..., Any] | None = None,
        required: Sequence[str] = (),
    ) -> None:
        """Add the rows of a signature with brackets, implemented by a function over objects of `compute`.

        For the reference: `about` is what the function does where its docstring speaks to Python; `options` are the
        rows of its map of options, which become arguments of `configures`, where their defaults stand, `required` those
        that must be given.
        """
        match = _HEAD.fullmatch(signature)
        if match is None:
            raise ValueError(f"not a signature: {signature}")
        unwrap = [_unwrapping(param["type"], param["occurrence"]) for param in _PARAM.finditer(match["params"])]
        wrap = _wrapping(match["result"])
        name = f"cntk:{match['name']}"
        implementation = _pure(name, function, unwrap, wrap) if pure else _in_session(name, function, unwrap, wrap)
        implementation.__doc__ = about or function.__doc__
        extra = {
            "group": self.key,
            "function": function,
            "options": tuple(options),
            "configures": configures,
            "required": tuple(required),
        }
        for text in arities(signature):
            if pure:
                CNTK.add(text, implementation, extra=extra)
            else:
                CNTK.add(text, implementation, needs="dynamic", effects=True, extra=extra)

    def serve_family(
        self, signature: str, *members: tuple[str, Callable[..., Any]] | tuple[str, Callable[..., Any], str]
    ) -> None:
        """Add the rows of functions that differ in name (for which `NAME` stands), implementation and meaning only."""
        for name, function, *about in members:
            self.serve(signature.replace("NAME", name, 1), function, about="".join(about))


def _in_session(
    name: str, function: Callable[..., Any], unwrap: list[Convert | None], wrap: Convert | None
) -> Callable[..., Any]:
    def call(context: DynamicContext, *args: Any) -> Any:
        memory = context.memory
        session = memory.get("cntk")
        if session is None:
            session = memory["cntk"] = Session()
            if "progress" in memory:
                session.progress = ProgressMeter(memory["progress"], limit=remaining())
        resume(session)
        try:
            result = function(
                *[arg if convert is None else convert(arg) for convert, arg in zip(unwrap, args, strict=False)]
            )
        except CntkError as error:
            raise refused(error) from None
        except _UNFORESEEN as error:
            raise unforeseen(name, error) from error
        return result if wrap is None else wrap(result)

    return call


def _pure(
    name: str, function: Callable[..., Any], unwrap: list[Convert | None], wrap: Convert | None
) -> Callable[..., Any]:
    def call(*args: Any) -> Any:
        try:
            result = function(
                *[arg if convert is None else convert(arg) for convert, arg in zip(unwrap, args, strict=False)]
            )
        except CntkError as error:
            raise refused(error) from None
        except _UNFORESEEN as error:
            raise unforeseen(name, error) from error
        return result if wrap is None else wrap(result)

    return call


#: What a computation can fail with that no check has foreseen. MemoryError, RecursionError and interrupts are no errors
#: of a function: the engine tells of them.
_UNFORESEEN: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NotImplementedError,
    TypeError,
    ValueError,
)


def unforeseen(name: str, error: Exception) -> XQueryError:
    """A failure that no check of the backend has foreseen, as the error of a query; the log gets where it came from."""
    _log.exception("%s failed where a refusal was expected", name, exc_info=error)
    reason = str(error).strip().splitlines()
    return refused(
        CntkError(
            f"{name}: these arguments cannot be computed with ({type(error).__name__}"
            f"{': ' + reason[0] if reason else ''})."
        )
    )


def refused(error: CntkError) -> XQueryError:
    """A refusal of CNTK as the error of a query: its own sentence."""
    return XQueryError("FOER0000", str(error), marklogic_code="XDMP-CNTKERR")


# ------------------------------------------------------------------------------------------ arguments and results


def _held(item: Any) -> Any:
    return item.value


def _all_held(items: Any) -> list[Any]:
    return [item.value for item in items]


def _integers(items: Any) -> list[int]:
    return [int(item) for item in items]


def _numbers(items: Any) -> list[float]:
    return [float(item) for item in items]


#: Type of a parameter -> how one argument, and how a sequence, reaches the implementation; None: as it is.
_UNWRAP: Final[dict[str, tuple[Convert | None, Convert | None]]] = {
    "xs:integer": (int, _integers),
    "xs:unsignedLong": (int, _integers),
    "xs:double": (float, _numbers),
    "xs:float": (float, _numbers),
    "xs:string": (str, list),
    "xs:boolean": (None, list),
}


def _unwrapping(type_name: str, occurrence: str) -> Convert | None:
    one, many = (_held, _all_held) if type_name.startswith("cntk:") else _UNWRAP.get(type_name, (None, None))
    return many if occurrence in ("*", "+") else one


def _all_items(values: Any) -> list[Any]:
    return [item_of(value) for value in values]


def _unsigned(value: int) -> UnsignedLong:
    """A number as xs:unsignedLong; CNTK's negative marks become what they are there: 64-bit numbers without a sign."""
    return UnsignedLong(value % 2**64)


def _all_unsigned(values: Any) -> list[UnsignedLong]:
    return [UnsignedLong(value % 2**64) for value in values]


def _nothing(value: Any) -> None:
    return None


def _wrapping(result: str) -> Convert | None:
    name, occurrence = (result[:-1], result[-1]) if result[-1] in "*+?" else (result, "")
    if name == "empty-sequence()":
        return _nothing
    if name.startswith("cntk:"):
        return _all_items if occurrence in ("*", "+") else item_of
    if name == "xs:unsignedLong":
        return _all_unsigned if occurrence in ("*", "+") else _unsigned
    return None
