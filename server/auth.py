"""Who may come in: one user, by HTTP Digest or Basic (rest-eval.md, section 4; RFC 7616, 7617).

The nonce is stateless and holds for ever, also over a restart: Node's client keeps one for its whole life and does
not ask again. It is random bytes with their keyed hash; the key lies in the data directory.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path
from urllib.parse import unquote_to_bytes

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from server.errors import unauthorized_response, wants_xml

REALM = "public"
SECRET_FILE = "nonce.key"
SECRET_BYTES = 32

#: Paths that need no login.
OPEN_PATHS = frozenset(("/healthz",))


def nonce_secret(directory: Path) -> bytes:
    """The key that nonces are made with: read from `directory`, or made there, readable by its owner only."""
    path = directory / SECRET_FILE
    while True:
        try:
            secret = path.read_bytes()
        except FileNotFoundError:
            pass
        else:
            if len(secret) == SECRET_BYTES:
                return secret
            path.unlink(missing_ok=True)
        # Written aside and linked into place: of two services that start at once both take the same key.
        draft = directory / f"{SECRET_FILE}.{os.getpid()}.{secrets.token_hex(4)}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(secrets.token_bytes(SECRET_BYTES))
            try:
                os.link(draft, path)
            except FileExistsError:
                continue
            except OSError:  # a file system without links
                draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)


class Login:
    """The one user's credentials: `accepts` an Authorization header, or gives the `challenge` for a 401."""

    def __init__(self, user: str, password: str, secret: bytes) -> None:
        self._secret = secret
        self._opaque = self._keyed("opaque")
        # Clients disagree on the encoding of what is not ASCII: UTF-8 or ISO 8859-1.
        self._users = _encodings(user)
        self._basic = [name + b":" + word for name in self._users for word in _encodings(password)]
        self._ha1 = [_md5(name + f":{REALM}:".encode() + w) for name in self._users for w in _encodings(password)]

    def challenge(self) -> str:
        """A WWW-Authenticate value: one scheme, no blanks in the qop list, since Node's parser takes no other."""
        seed = secrets.token_hex(8)
        return f'Digest realm="{REALM}", qop="auth", nonce="{seed}{self._keyed(seed)}", opaque="{self._opaque}"'

    def accepts(self, authorization: bytes, method: str, target: bytes) -> bool:
        """Whether an Authorization header lets a request of `method` for `target` (path and query string) in."""
        scheme, _, rest = authorization.strip().partition(b" ")
        match scheme.lower():
            case b"basic":
                return self._accepts_basic(rest)
            case b"digest":
                return self._accepts_digest(rest, method.encode(), target)
            case _:
                return False

    def _accepts_basic(self, token: bytes) -> bool:
        try:
            given = base64.b64decode(token.strip() + b"==")
        except (binascii.Error, ValueError):
            return False
        return any(hmac.compare_digest(given, known) for known in self._basic)

    def _accepts_digest(self, text: bytes, method: bytes, target: bytes) -> bool:
        fields = _digest_fields(text)
        uri, nonce = fields.get(b"uri", b""), fields.get(b"nonce", b"")
        if fields.get(b"algorithm", b"MD5").upper() != b"MD5" or fields.get(b"username") not in self._users:
            return False
        if not self._made_here(nonce) or not _same_target(uri, target):
            return False
        # nc is not counted: fifty parallel calls on one nonce come in any order, and a call may be repeated.
        middle = [nonce]
        qop = fields.get(b"qop", b"")
        if qop.lower() == b"auth":
            middle += [fields.get(b"nc", b""), fields.get(b"cnonce", b""), qop]
        elif qop:
            return False
        ha2 = _md5(method + b":" + uri)
        given = fields.get(b"response", b"").lower()
        return any(hmac.compare_digest(given, _md5(b":".join([ha1, *middle, ha2]))) for ha1 in self._ha1)

    def _made_here(self, nonce: bytes) -> bool:
        seed = nonce[:16].decode("latin-1")
        return hmac.compare_digest(nonce[16:], self._keyed(seed).encode())

    def _keyed(self, text: str) -> str:
        """Sixteen hexadecimal digits that only the holder of the secret can make for `text`."""
        return hmac.digest(self._secret, text.encode(), "sha256")[:8].hex()


def _encodings(text: str) -> list[bytes]:
    found = [text.encode("utf-8")]
    try:
        latin = text.encode("latin-1")
    except UnicodeEncodeError:
        return found
    return found if latin == found[0] else [*found, latin]


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).hexdigest().encode()


_FIELD = re.compile(rb'([A-Za-z0-9*_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')


def _digest_fields(text: bytes) -> dict[bytes, bytes]:
    """The fields of a Digest header, quoted or not."""
    return {
        name.lower(): bare if bare else re.sub(rb"\\(.)", rb"\1", quoted) for name, quoted, bare in _FIELD.findall(text)
    }


def _same_target(uri: bytes, target: bytes) -> bool:
    """Whether a digest's uri stands for the request's target: percent-encoding aside, after any host or base path."""
    return uri == target or _plain(uri).endswith(_plain(target))


def _plain(uri: bytes) -> bytes:
    return unquote_to_bytes(uri.replace(b"+", b" "))


class Authentication:
    """ASGI middleware that answers 401 to a request without a valid login, after reading its body.

    Reading first keeps the connection usable for the client's second try. A body longer than `drain` bytes is not read
    to its end: then the connection closes.
    """

    def __init__(self, app: ASGIApp, login: Login, drain: int) -> None:
        self.app = app
        self.login = login
        self.drain = drain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in OPEN_PATHS or self._may_enter(scope):
            await self.app(scope, receive, send)
            return
        length = 0
        more = True
        while more and length <= self.drain:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            length += len(message.get("body", b""))
            more = message.get("more_body", False)
        response = unauthorized_response(self.login.challenge(), wants_xml(Headers(scope=scope)))
        if more:
            response.headers["Connection"] = "close"
        await response(scope, receive, send)

    def _may_enter(self, scope: Scope) -> bool:
        target = scope.get("raw_path") or scope["path"].encode()
        if scope["query_string"]:
            target += b"?" + scope["query_string"]
        return any(
            name == b"authorization" and self.login.accepts(value, scope["method"], target)
            for name, value in scope["headers"]
        )
