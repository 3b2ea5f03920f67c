"""Digest and Basic logins, as clients build them."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import pytest

from server.auth import Login, nonce_secret

USER, PASSWORD = "ann", "pass:word"
SECRET = b"s" * 32


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def nonce_of(login: Login) -> str:
    found = re.fullmatch(
        r'Digest realm="public", qop="auth", nonce="([0-9a-f]{32})", opaque="[0-9a-f]{16}"', login.challenge()
    )
    assert found is not None
    return found[1]


def digest(nonce: str, uri: str, method: str = "POST", count: str = "00000001", password: str = PASSWORD) -> bytes:
    """An Authorization header as Node's client writes it."""
    ha1, ha2 = md5(f"{USER}:public:{password}"), md5(f"{method}:{uri}")
    response = md5(f"{ha1}:{nonce}:{count}:abc:auth:{ha2}")
    return (
        f'Digest username="{USER}", realm="public", nonce="{nonce}", uri="{uri}", qop=auth, nc={count}, cnonce="abc", '
        f'response="{response}", opaque="0"'
    ).encode()


@pytest.fixture
def login() -> Login:
    return Login(USER, PASSWORD, SECRET)


def test_a_digest_over_the_whole_target_lets_in(login: Login) -> None:
    nonce = nonce_of(login)
    assert login.accepts(digest(nonce, "/v1/eval?database=Documents"), "POST", b"/v1/eval?database=Documents")
    assert not login.accepts(digest(nonce, "/v1/eval"), "GET", b"/v1/eval")
    assert not login.accepts(digest(nonce, "/v1/eval", password="wrong"), "POST", b"/v1/eval")
    assert not login.accepts(digest(nonce, "/v1/ping"), "POST", b"/v1/eval")


def test_one_nonce_serves_many_calls_in_any_order(login: Login) -> None:
    nonce = nonce_of(login)
    for count in ("00000005", "00000002", "00000005"):
        assert login.accepts(digest(nonce, "/v1/eval", count=count), "POST", b"/v1/eval")


def test_the_form_without_qop_lets_in(login: Login) -> None:
    nonce = nonce_of(login)
    response = md5(f"{md5(f'{USER}:public:{PASSWORD}')}:{nonce}:{md5('GET:/v1/ping')}")
    header = f'digest username="{USER}",realm="public",nonce="{nonce}",uri="/v1/ping",response="{response}"'
    assert login.accepts(header.encode(), "GET", b"/v1/ping")


@pytest.mark.parametrize(
    ("uri", "target"),
    [
        ("/v1/eval?txid=a%2Fb", b"/v1/eval?txid=a/b"),
        ("/v1/eval?txid=a b", b"/v1/eval?txid=a%20b"),
        ("/v1/eval?txid=a+b", b"/v1/eval?txid=a%20b"),
        ("/base/v1/eval", b"/v1/eval"),
        ("http://host:8000/v1/eval", b"/v1/eval"),
    ],
)
def test_the_uri_may_be_encoded_otherwise_or_have_a_base_path(login: Login, uri: str, target: bytes) -> None:
    assert login.accepts(digest(nonce_of(login), uri), "POST", target)


def test_a_nonce_that_was_made_elsewhere_is_refused(login: Login) -> None:
    other = Login(USER, PASSWORD, b"t" * 32)
    assert not login.accepts(digest(nonce_of(other), "/v1/eval"), "POST", b"/v1/eval")
    assert not login.accepts(digest("", "/v1/eval"), "POST", b"/v1/eval")


def test_a_nonce_outlives_a_restart(tmp_path: Path) -> None:
    before = Login(USER, PASSWORD, nonce_secret(tmp_path))
    after = Login(USER, PASSWORD, nonce_secret(tmp_path))
    assert after.accepts(digest(nonce_of(before), "/v1/eval"), "POST", b"/v1/eval")
    (key,) = tmp_path.iterdir()
    assert key.stat().st_mode & 0o077 == 0


def test_basic_lets_in_with_the_right_password_only(login: Login) -> None:
    def basic(text: str, encoding: str = "utf-8") -> bytes:
        return b"Basic " + base64.b64encode(text.encode(encoding))

    assert login.accepts(basic(f"{USER}:{PASSWORD}"), "POST", b"/v1/eval")
    assert not login.accepts(basic(f"{USER}:pass"), "POST", b"/v1/eval")
    assert not login.accepts(basic(USER), "POST", b"/v1/eval")
    umlaut = Login("jürgen", "schlüssel", SECRET)
    assert umlaut.accepts(basic("jürgen:schlüssel"), "POST", b"/")
    assert umlaut.accepts(basic("jürgen:schlüssel", "latin-1"), "POST", b"/")


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"Basic",
        b"Basic !!!",
        b"Digest",
        b"Digest ,,,",
        b'Digest username="ann"',
        b"Bearer token",
        b"\xff\xfe \x00",
    ],
)
def test_a_header_that_makes_no_sense_is_refused(login: Login, header: bytes) -> None:
    assert not login.accepts(header, "POST", b"/v1/eval")
