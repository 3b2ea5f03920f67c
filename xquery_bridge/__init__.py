"""XQuery in Python: `Engine` evaluates queries of XQuery 3.1 and of MarkLogic's dialect 1.0-ml."""

from xquery_bridge.errors import XQueryError
from xquery_bridge.limits import Limits

__all__ = ["Engine", "Limits", "XQueryError"]


def __getattr__(name: str) -> object:
    """Load the engine when it is first asked for: the service's own process never needs it."""
    if name == "Engine":
        from xquery_bridge.engine import Engine

        return Engine
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
