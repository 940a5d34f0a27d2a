# SPDX-License-Identifier: LGPL-2.1-or-later
"""The rules of the house that a compiler does not see: arrows between rooms, sizes, first lines."""

import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]

# who may include whose headers, besides its own
ARROWS = {
    "lib/core": [],
    "lib/capture": ["lib/core"],
    "lib/io": ["lib/core"],
    "lib/script": ["lib/core"],
    "lib/client": ["lib/io", "lib/core"],
    "lib/server": ["lib/io", "lib/core"],
    "tools": ["lib/client", "lib/server", "lib/script", "lib/capture", "lib/io", "lib/core"],
}
SOURCES = (".c", ".h")
MAX_LINES = 900
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<(milter/[^>]+)>)', re.M)


def room_of(path):
    """The room that a path (relative to the top) belongs to, or None."""
    return next((room for room in ARROWS if path.as_posix().startswith(room + "/")), None)


def sources(root):
    for room in ARROWS:
        for path in sorted((root / room).rglob("*")):
            if path.suffix in SOURCES:
                yield path.relative_to(root)


def arrow_violations(root):
    """Each include that does not follow the arrows, as `file: header`."""
    files = list(sources(root))
    homes = {}
    for path in files:
        if path.suffix == ".h":
            homes.setdefault(path.name, set()).add(room_of(path))
    umbrellas = {"milter/core.h": "lib/core", "milter/client.h": "lib/client", "milter/server.h": "lib/server"}
    found = []
    for path in files:
        room = room_of(path)
        for quoted, umbrella in INCLUDE.findall((root / path).read_text(errors="replace")):
            home = {umbrellas.get(umbrella, "unknown")} if umbrella else homes.get(pathlib.PurePath(quoted).name)
            if home is None:        # generated, as milter-enum-types.h: core's
                home = {"lib/core"}
            # milter/core.h is the public face of milter-core, in which io lives as well
            if path.as_posix() == "lib/core/milter/core.h":
                home = home - {"lib/io"}
            if home and not home & {room, *ARROWS[room]}:
                found.append(f"{path}: {quoted or umbrella}")
    return found


def test_includes_follow_the_arrows():
    assert arrow_violations(ROOT) == []


@pytest.mark.parametrize(
    "room, header, line",
    [
        ("lib/core", "lib/io/milter-io-private.h", '#include "milter-io-private.h"'),
        ("lib/script", "lib/io/milter-io-private.h", '#include "milter-io-private.h"'),
        ("lib/capture", "lib/script/milter-player.h", '#include "milter-player.h"'),
        ("lib/script", "lib/capture/milter-capture-sink.h", '#include "milter-capture-sink.h"'),
        ("lib/client", "lib/server/milter-server-context.h", '# include "milter-server-context.h"'),
        ("lib/server", "lib/script/milter-player.h", '#include "milter-player.h"'),
        ("lib/server", "lib/client/milter/client.h", "#include <milter/client.h>"),
    ],
)
def test_a_planted_sideways_include_is_found(tmp_path, room, header, line):
    for name in ARROWS:
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / header).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / header).write_text("#pragma once\n")
    (tmp_path / room / "planted.c").write_text(line + "\n")
    assert len(arrow_violations(tmp_path)) == 1


def tracked():
    try:
        names = subprocess.run(
            ["git", "-C", str(ROOT), "ls-files"], check=True, capture_output=True, text=True
        ).stdout.split("\n")
    except (OSError, subprocess.CalledProcessError):    # an unpacked archive has no git
        return [p.relative_to(ROOT) for p in ROOT.rglob("*")
                if p.is_file() and not p.relative_to(ROOT).parts[0].startswith(("build", ".git"))]
    return [pathlib.Path(name) for name in names if name and (ROOT / name).is_file()]


def test_no_source_file_is_too_long():
    long = {}
    for path in tracked():
        if path.suffix in (".c", ".h", ".py"):
            n_lines = len((ROOT / path).read_text(errors="replace").split("\n"))
            if n_lines > MAX_LINES:
                long[str(path)] = n_lines
    assert long == {}


def test_every_source_file_begins_with_its_licence():
    missing = []
    for path in tracked():
        is_script = path.suffix in (".c", ".h", ".py", ".sh") or path.name in ("try", "check", "run", "meson.build")
        if is_script:
            head = (ROOT / path).read_text(errors="replace").split("\n")[:2]
            if not any("SPDX-License-Identifier: LGPL-2.1-or-later" in line for line in head):
                missing.append(str(path))
    assert missing == []


def test_every_header_is_guarded_once():
    headers = [path for path in tracked() if path.suffix == ".h"]
    assert headers
    assert [str(p) for p in headers if "#pragma once" not in (ROOT / p).read_text()] == []


def test_nothing_is_left_undone_in_the_code():
    marks = re.compile(r"\b(TODO|FIXME|XXX)\b")
    found = [str(path) for path in tracked()
             if path.suffix in (".c", ".h") and marks.search((ROOT / path).read_text(errors="replace"))]
    assert found == []
