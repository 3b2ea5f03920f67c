"""Settings from the command line, the environment and files."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from server.settings import TABLE, Settings, SettingsError, add_options, read_settings


def settings(*arguments: str, **environment: str) -> Settings:
    parser = argparse.ArgumentParser()
    add_options(parser)
    return read_settings(parser.parse_args(arguments), environment)


def test_without_a_word_the_service_is_on_loopback_with_admin_admin() -> None:
    found = settings()
    assert (found.host, found.port, found.user, found.password) == ("127.0.0.1", 8000, "admin", "admin")
    assert "admin" not in repr(found).replace("user='admin'", "")


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_each_setting_has_a_variable_and_an_option_that_wins(row: object) -> None:
    name: str = row.name  # type: ignore[attr-defined]
    low, high = ("127.0.0.1", "localhost") if name == "host" else ("17", "18")
    from_environment = getattr(settings(**{f"CNTK_XQUERY_{name.upper()}": low}), name)
    from_option = getattr(settings(f"--{name.replace('_', '-')}", high, **{f"CNTK_XQUERY_{name.upper()}": low}), name)
    assert (str(from_environment).removesuffix(".0"), str(from_option).removesuffix(".0")) == (low, high)


@pytest.mark.parametrize(
    ("arguments", "environment", "sentence"),
    [
        (["--port", "x"], {}, "--port must be a port number from 0 to 65535, not 'x'."),
        (["--port", "70000"], {}, "--port must be a port number"),
        (["--workers", "0"], {}, "--workers must be a number from 1 on"),
        ([], {"CNTK_XQUERY_TIME_LIMIT": "-1"}, "CNTK_XQUERY_TIME_LIMIT must be a number of seconds"),
        (["--host", "0.0.0.0"], {}, "Listening on 0.0.0.0 lets other machines in, so a password must be set."),
        (["--host", "::"], {}, "Listening on :: lets other machines in"),
        (["--host", ""], {}, "so a password must be set"),
        (["--host", "no.such.host.invalid"], {}, "There is no address no.such.host.invalid"),
        (["--user", "ann"], {}, "The user ann has no password."),
        (["--user", "ann:"], {}, "A user is NAME:PASSWORD"),
        (["--user", ":word"], {}, "A user is NAME:PASSWORD"),
        (["--password-file", "/nonexistent/file"], {}, "--password-file names cannot be read"),
    ],
)
def test_a_setting_that_cannot_be_is_named_in_a_sentence(
    arguments: list[str], environment: dict[str, str], sentence: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        settings(*arguments, **environment)
    assert sentence in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2"])
def test_a_loopback_address_needs_no_password(host: str) -> None:
    assert settings("--host", host).password == "admin"


def test_a_password_comes_from_the_command_line_the_environment_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("from file\n")
    everywhere = {"CNTK_XQUERY_HOST": "0.0.0.0"}
    assert settings("--user", "ann:a:b", **everywhere).password == "a:b"
    assert settings(CNTK_XQUERY_PASSWORD="word", **everywhere).password == "word"
    assert settings(CNTK_XQUERY_PASSWORD_FILE=str(file), **everywhere).password == "from file"
    assert settings("--password-file", str(file), CNTK_XQUERY_PASSWORD="word").password == "from file"
    assert settings(CNTK_XQUERY_USER="bob", CNTK_XQUERY_PASSWORD="word").user == "bob"
    file.write_text("\n")
    with pytest.raises(SettingsError, match="is empty"):
        settings("--password-file", str(file))
