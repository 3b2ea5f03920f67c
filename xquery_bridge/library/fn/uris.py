"""URIs: resolving and escaping (F&O 3.1, chapter 6)."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urljoin, urlsplit

from elementpath.datatypes import AnyURI

from xquery_bridge.errors import XQueryError
from xquery_bridge.library.fn.namespace import FN
from xquery_bridge.runtime.context import StaticContext

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
#: What RFC 3986 and 3987 allow nowhere in a reference: a bare percent sign, blanks, delimiters, a second fragment.
_MALFORMED: Final = re.compile(r"%(?![0-9A-Fa-f]{2})|[\s<>\"{}|\\^`]|#[^#]*#")
#: Schemes without a hierarchy, against which nothing can be resolved; urljoin would give the reference back.
_NOT_HIERARCHICAL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:(?!/)")


def is_absolute(uri: str) -> bool:
    """Whether a URI reference has a scheme."""
    return _SCHEME.match(uri) is not None


def is_malformed(uri: str) -> bool:
    """Whether a string cannot be a URI reference, IRI characters and blanks counting as they do in xs:anyURI."""
    return _MALFORMED.search(uri.replace(" ", "%20")) is not None or uri.startswith(":")


def resolved(uri: str, base: str | None) -> str:
    """A URI reference against a base URI; as it is without a base, where names of documents are free text."""
    if not base or is_absolute(uri):
        return uri
    if base.startswith(("http:", "https:", "file:", "ftp:")) or not is_absolute(base):
        return urljoin(base, uri)
    # urljoin knows which schemes have a hierarchy by a list; lend it one that does.
    scheme, _, rest = base.partition(":")
    joined = urljoin(f"http:{rest}", uri)
    return f"{scheme}:{joined.removeprefix('http:')}"


@FN.row("resolve-uri($relative as xs:string?) as xs:anyURI?", needs="static")
def resolve_uri_in_static(static: StaticContext, relative: str | None) -> AnyURI | None:
    """A reference resolved against the static base URI. Raises FONS0005 when there is none."""
    if relative is None:
        return None
    if static.base_uri is None:
        raise XQueryError("FONS0005", "There is no static base URI to resolve a reference against")
    return resolve_uri(relative, static.base_uri)


@FN.row("resolve-uri($relative as xs:string?, $base as xs:string) as xs:anyURI?")
def resolve_uri(relative: str | None, base: str) -> AnyURI | None:
    """A reference resolved against a base URI (RFC 3986). Raises FORG0002 for what is no URI."""
    if relative is None:
        return None
    if is_malformed(relative):
        raise XQueryError("FORG0002", f"{relative!r} is not a URI reference")
    if is_absolute(relative):
        return AnyURI(relative)
    if is_malformed(base) or not is_absolute(base) or "#" in base:
        raise XQueryError("FORG0002", f"{base!r} is not an absolute URI without a fragment")
    if _NOT_HIERARCHICAL.match(base):
        raise XQueryError("FORG0002", f"Nothing can be resolved against {base!r}, which has no hierarchy")
    try:
        urlsplit(base)
        return AnyURI(resolved(relative, base))
    except ValueError as error:
        raise XQueryError("FORG0002", f"Not a URI reference: {error}") from None
