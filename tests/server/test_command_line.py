"""The command `cntk-xquery` as a user runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import ROOT, Service, environment


def run(*arguments: str, text: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "server.cli", *arguments],
        input=text,
        capture_output=True,
        text=True,
        env=environment(**variables),
        timeout=60,
        check=False,
    )


def test_eval_prints_each_item_on_a_line(tmp_path: Path) -> None:
    query = "declare variable $a as xs:integer external; declare variable $b external; ($a + 1, $b, <x>ü</x>)"
    found = run("eval", "-", "--var", "a=41", "--var", "b=c=d", text=query)
    assert (found.returncode, found.stdout, found.stderr) == (0, "42\nc=d\n<x>ü</x>\n", "")


def test_eval_keeps_documents_where_it_is_told(tmp_path: Path) -> None:
    file = tmp_path / "query.xqy"
    file.write_text('xdmp:document-insert("/a.xml", <a/>)')
    assert run("eval", str(file), "--data", str(tmp_path / "data")).returncode == 0
    again = run("eval", "-", "--data", str(tmp_path / "data"), text='fn:exists(fn:doc("/a.xml"))')
    assert again.stdout == "true\n"
    assert run("eval", "-", text='fn:exists(fn:doc("/a.xml"))').stdout == "false\n"


@pytest.mark.parametrize(
    ("query", "code", "place"),
    [("1,\n 1 div 0", "XDMP-DIVBYZERO: (err:FOAR0001)", "line 2, column 2"), ("1,\n )", "(err:XPST0003)", "line 2")],
)
def test_an_error_goes_to_stderr_with_code_line_and_column(query: str, code: str, place: str) -> None:
    found = run("eval", "-", text=query)
    assert (found.returncode, found.stdout) == (1, "")
    assert code in found.stderr
    assert place in found.stderr


def test_the_dialect_can_be_chosen() -> None:
    assert run("eval", "-", "--dialect", "3.1", text="map { 'a' : 1 }?a").stdout == "1\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["eval", "/no/such/file"], "The query cannot be read"),
        (["eval", "-", "--var", "novalue"], "A variable is NAME=VALUE"),
        (["serve", "--host", "0.0.0.0"], "a password must be set"),
        (["serve", "--port", "none"], "--port must be a port number"),
        (["serve", "--data", "/proc/nothing"], "The data directory /proc/nothing cannot be used"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(arguments: list[str], sentence: str) -> None:
    found = run(*arguments, text="1")
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr.startswith("cntk-xquery: ")
    assert sentence in found.stderr


def test_a_taken_port_is_said_with_what_to_do(service: Service, tmp_path: Path) -> None:
    port = service.base.rpartition(":")[2]
    found = run("serve", "--port", port, "--data", str(tmp_path))
    assert found.returncode == 1
    assert "choose another port with --port" in found.stderr


def test_the_installed_command_is_this_one() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    assert 'cntk-xquery = "server.cli:main"' in text
