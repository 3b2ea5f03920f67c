"""The commands of `cntk-xquery` that look at models and take them elsewhere: export, inspect."""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
from pathlib import Path
from typing import Any


class ModelError(Exception):
    """A sentence for the user: what is wrong with the model or where it was looked for."""


def add_commands(commands: Any) -> None:
    """Adds `export` and `inspect` to the commands of the command line."""
    export = commands.add_parser(
        "export",
        help="write a model as ONNX",
        description="Writes a model as ONNX, which ort: on MarkLogic 11 and any other runtime of ONNX can run.",
    )
    _add_model(export)
    export.add_argument("out", metavar="OUT.onnx", type=Path, help="file to write; -: standard output")
    export.add_argument(
        "--opset",
        metavar="N",
        type=int,
        default=None,
        help="operator set, 13 to 21 (21); older runtimes need an older one",
    )
    export.set_defaults(run=run_export)

    inspect = commands.add_parser(
        "inspect",
        help="show what a model is made of",
        description="Shows the operators, parameters, shapes and sizes of a model, of CNTK's format or ONNX.",
    )
    _add_model(inspect)
    inspect.add_argument("--json", action="store_true", help="as JSON instead of a tree")
    inspect.set_defaults(run=run_inspect)


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="file of the model; with --data the URI of a stored document")
    parser.add_argument("--data", metavar="DIR", type=Path, help="directory of the documents the model is one of")


def run_export(options: argparse.Namespace) -> int:
    """`cntk-xquery export`; the exit status."""
    # Imported here: the service itself has no use for models, its workers have.
    from xquery_bridge.compute import CntkError
    from xquery_bridge.compute.models import export_onnx
    from xquery_bridge.inspection import load_any

    try:
        data = _model(options)
        _, function = load_any(data)
        model = export_onnx(function) if options.opset is None else export_onnx(function, options.opset)
    except (ModelError, CntkError) as error:
        return _fail(f"The model {options.model} cannot be exported: {error}")
    try:
        if str(options.out) == "-":
            sys.stdout.buffer.write(model)
            sys.stdout.buffer.flush()
        else:
            _write(options.out, model)
    except OSError as error:
        return _fail(f"{options.out} cannot be written: {error.strerror or error}.")
    return 0


def run_inspect(options: argparse.Namespace) -> int:
    """`cntk-xquery inspect`; the exit status."""
    from xquery_bridge.compute import CntkError
    from xquery_bridge.inspection import describe, load_any, tree

    try:
        data = _model(options)
        found, function = load_any(data)
    except (ModelError, CntkError) as error:
        return _fail(f"The model {options.model} cannot be read: {error}")
    description = describe(function, found, len(data))
    print(json.dumps(description, indent=2, ensure_ascii=False) if options.json else tree(description, options.model))
    return 0


def _write(path: Path, data: bytes) -> None:
    """Writes a file whole or not at all."""
    part = path.with_name(f"{path.name}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _model(options: argparse.Namespace) -> bytes:
    if options.data is None:
        try:
            return Path(options.model).read_bytes()
        except OSError as error:
            raise ModelError(f"{error.strerror or error}.") from None
    from xquery_bridge.errors import XQueryError
    from xquery_bridge.store import open_store

    if not options.data.is_dir():
        raise ModelError(f"there is no directory {options.data}.")
    try:
        store = open_store(options.data)
    except (OSError, sqlite3.Error, XQueryError) as error:
        raise ModelError(f"the documents in {options.data} cannot be opened: {error}.") from None
    try:
        transaction = store.begin()
        try:
            document = transaction.get(options.model)
        finally:
            transaction.rollback()
    finally:
        store.close()
    if document is None:
        raise ModelError(f"there is no document of this URI in {options.data}.")
    if document.kind != "binary":
        raise ModelError(f"the document is of the kind {document.kind}; a binary one was expected.")
    return document.content


def _fail(sentence: str) -> int:
    print(f"cntk-xquery: {sentence}", file=sys.stderr)
    return 1
