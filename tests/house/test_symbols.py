# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the shared libraries show is a list that is checked in, so that no change goes unnoticed.

MILTERLAB_UPDATE=1 rewrites the lists; read the difference before committing it."""

import os
import pathlib
import re
import subprocess

import pytest

LISTS = pathlib.Path(__file__).resolve().parents[1] / "data" / "symbols"
BUILD = os.environ.get("MILTERLAB_BUILD")
LIBRARIES = ["milter-core", "milter-client", "milter-server"]


def exported(library):
    out = subprocess.run(
        ["nm", "-D", "--defined-only", f"{BUILD}/lib/lib{library}.so"], check=True, capture_output=True, text=True
    ).stdout
    names = sorted(line.split()[-1] for line in out.splitlines() if line)
    # what a sanitizer adds is not ours
    return [name for name in names if not re.match(r"_?_(asan|ubsan|sanitizer|odr)", name)]


@pytest.mark.parametrize("library", LIBRARIES)
def test_exported_symbols_are_those_of_the_list(library):
    assert BUILD, "MILTERLAB_BUILD must name the build folder"
    path = LISTS / f"{library}.txt"
    names = exported(library)
    if os.environ.get("MILTERLAB_UPDATE"):
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(name + "\n" for name in names))
    assert names == path.read_text().split()


@pytest.mark.parametrize("library", LIBRARIES)
def test_every_exported_symbol_carries_our_prefix(library):
    assert [name for name in exported(library) if not re.match(r"_?milter_", name)] == []


def test_no_symbol_stands_in_two_libraries():
    seen = {}
    for library in LIBRARIES:
        for name in exported(library):
            seen.setdefault(name, []).append(library)
    assert {name: where for name, where in seen.items() if len(where) > 1} == {}
