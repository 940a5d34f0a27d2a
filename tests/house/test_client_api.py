# SPDX-License-Identifier: LGPL-2.1-or-later
"""The functions that programs may count on: each is exported, has the type of the list, and a test that asserts on it.

tests/data/client-api.txt holds a line for each: NAME | RETURNS | PARAMETERS | TEST. TEST is FILE:NAME of a unit test."""

import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
UNIT = ROOT / "tests/unit"
BUILD = os.environ.get("MILTERLAB_BUILD")
LIBRARIES = ["milter-core", "milter-client", "milter-server"]
ASSERTS = re.compile(r"\b(cr_assert|cr_expect|check|expect|\w+_expect|run|say)\w* \(")


def rows(path=ROOT / "tests/data/client-api.txt"):
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            yield [field.strip() for field in line.split("|")]


def exported():
    assert BUILD, "MILTERLAB_BUILD must name the build folder"
    files = [f"{BUILD}/lib/lib{name}.so" for name in LIBRARIES]
    out = subprocess.run(["nm", "-D", "--defined-only", *files], check=True, capture_output=True, text=True).stdout
    return {line.split()[-1] for line in out.splitlines() if line and not line.endswith(":")}


def missing(table, symbols):
    return [name for name, *_ in table if name not in symbols]


def sources_of(path):
    """The text of a test with that of the headers of tests that it includes."""
    text = path.read_text()
    for header in re.findall(r'^#include "([^"]+)"', text, re.M):
        if (UNIT / header).is_file():
            text += sources_of(UNIT / header)
    return text


def unasserted(table):
    """Rows whose test does not exist, asserts nothing, or whose program does not use the function."""
    found = []
    for name, _, _, test in table:
        file, _, case = test.partition(":")
        path = UNIT / file
        text = sources_of(path) if file and path.is_file() else ""
        body = re.search(rf"^Test \(\w+, {case}\b[^)]*\)\n\{{\n(.*?)^\}}", text, re.M | re.S) if case else None
        if not body or not ASSERTS.search(body[1]) or not re.search(rf"\b{name}\b", text):
            found.append(name)
    return found


def check_types(table, folder):
    lines = ["#include <milter/client.h>", "#include <milter/server.h>", "#undef milter_client_run"]
    for name, returns, parameters, _ in table:
        lines.append(f"extern {returns} (*p_{name}) ({parameters});")
        lines.append(f"{returns} (*p_{name}) ({parameters}) = {name};")
    (folder / "types.c").write_text("\n".join(lines) + "\n")
    flags = subprocess.run(["pkg-config", "--cflags", "gio-2.0"], check=True, capture_output=True, text=True).stdout
    rooms = [f"-I{top}/lib/{room}" for top in (ROOT, BUILD) for room in ("core", "io/public", "client", "server")]
    return subprocess.run(["cc", "-std=c17", "-Werror", "-fsyntax-only", *rooms, *flags.split(), "types.c"],
                          cwd=folder, capture_output=True, text=True)


def test_the_list_has_each_function_once():
    names = [name for name, *_ in rows()]
    assert len(names) > 240
    assert len(set(names)) == len(names)


def test_every_function_is_exported():
    assert missing(rows(), exported()) == []


def test_every_function_has_the_type_of_the_list(tmp_path):
    done = check_types(list(rows()), tmp_path)
    assert done.returncode == 0, done.stderr


def test_every_function_has_a_test_that_asserts_on_it():
    assert unasserted(rows()) == []


GOOD = ["milter_option_new", "MilterOption *", "guint32, MilterActionFlags, MilterStepFlags",
        "test-option.c:holds_three_numbers"]


@pytest.mark.parametrize("field, value", [(0, "milter_no_such_function"), (3, ""), (3, "test-option.c:no_such_test"),
                                          (3, "test-nothing.c:x"), (3, "test-status.c:all_are_ordered")])
def test_a_planted_row_without_a_test_is_found(field, value):
    assert unasserted([GOOD]) == []
    row = list(GOOD)
    row[field] = value
    assert unasserted([row]) == [row[0]]


def test_a_planted_row_without_a_symbol_or_of_another_type_is_found(tmp_path):
    assert missing([["milter_no_such_function"]], exported()) == ["milter_no_such_function"]
    row = list(GOOD)
    row[1] = "MilterHeaders *"
    assert check_types([row], tmp_path).returncode != 0
