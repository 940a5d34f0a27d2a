# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs what the documents show.

A fenced block ```scenario NAME (or any other word and a NAME) is a file of that name. A fenced block
```console holds commands (lines that begin with `$ `), each with the output that it prints; `…` stands
for anything, also for whole lines. `$ command; echo $?` shows an exit status. The commands of one
document run in one folder, in order, beside a reference milter on unix:milter.sock, an opendkim on
unix:opendkim.sock, and the folder scenarios of the project.
"""

import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/integration"))
from listening import listens  # noqa: E402

BUILD = os.environ.get("MILTERLAB_BUILD", "")
DOCUMENTS = ["README.md", "docs/anonymizing.md", "docs/capturing.md", "docs/guide.md", "docs/scenarios.md"]
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.M | re.S)


def blocks(path):
    """(first word, further words, text, line) of each fenced block."""
    text = path.read_text()
    for match in FENCE.finditer(text):
        words = match.group(1).split()
        yield (words[0] if words else "", words[1:], match.group(2), text.count("\n", 0, match.start()) + 1)


def commands(text):
    """(command, expected output) of a console block."""
    current = None
    for line in text.splitlines():
        if line.startswith("$ "):
            if current:
                yield current
            current = (line[2:], [])
        elif current:
            current[1].append(line)
    if current:
        yield current


def test_installed_headers_are_all_that_they_include(installed):
    """Each public header can be included alone, and asks for nothing that is not installed."""
    flags = subprocess.run(["pkg-config", "--cflags", "milter-client", "milter-server"], check=True, text=True,
                           capture_output=True, env=dict(os.environ, PKG_CONFIG_PATH=str(next(installed.rglob("pkgconfig")))))
    headers = sorted((installed / "usr/local/include/milterlab-1.0/milter").glob("*.h"))
    assert len(headers) > 20
    for header in headers:
        for language in ("c", "c++"):
            subprocess.run(["cc", "-Wall", "-Werror", "-fsyntax-only", "-x", language, *flags.stdout.split(), "-"],
                           check=True, text=True, input=f"#include <milter/{header.name}>\n")


def matches(expected, got):
    pattern = "".join(".*" if part == "…" else re.escape(part) for part in re.split("(…)", expected.strip()))
    return re.fullmatch(pattern, got.strip(), re.S) is not None


def wait_for_socket(path, process):
    end = time.monotonic() + 60
    while not listens(path):
        assert process.poll() is None, f"the milter on {path} ended with {process.returncode}"
        assert time.monotonic() < end, f"no milter on {path} after 60 s"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The project as `meson install` puts it, so that a program is built as somebody else would."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", str(folder)], check=True,
                   stdout=subprocess.DEVNULL)
    for path in folder.rglob("*.pc"):
        path.write_text(re.sub("^prefix=", f"prefix={folder}", path.read_text(), flags=re.M))
    return folder


@pytest.fixture(scope="module")
def milters(tmp_path_factory):
    folder = tmp_path_factory.mktemp("docs")
    commands_ = {
        "milter.sock": [f"{BUILD}/tools/milter-test-client/milter-test-client", "-q", "-s", f"unix:{folder}/milter.sock"],
        "opendkim.sock": [str(ROOT / "scripts/start-opendkim.sh"), str(folder / "dkim"), f"unix:{folder}/opendkim.sock"],
    }
    (folder / "scenarios").symlink_to(ROOT / "scenarios")
    running = []
    try:
        for name, command in commands_.items():
            running.append(subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL))
            wait_for_socket(folder / name, running[-1])
        yield folder
    finally:
        for process in running:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_what_a_document_shows_is_what_happens(document, milters, installed):
    assert BUILD, "MILTERLAB_BUILD must name the build folder"
    tools = ":".join(str(p) for p in sorted(pathlib.Path(BUILD, "tools").glob("milter-*")) if p.is_dir())
    env = dict(os.environ, PATH=f"{tools}:{os.environ['PATH']}", LC_ALL="C.UTF-8",
               PKG_CONFIG_PATH=str(next(installed.rglob("pkgconfig"))),
               LD_LIBRARY_PATH=str(next(installed.rglob("libmilter-core.so")).parent))
    ran = 0
    for kind, words, text, line in blocks(ROOT / document):
        if kind == "console":
            for command, expected in commands(text):
                done = subprocess.run(["bash", "-c", command], cwd=milters, env=env, timeout=180, text=True,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
                assert matches("\n".join(expected), done.stdout), (
                    f"{document}:{line}: $ {command}\nprinted:\n{done.stdout}\ninstead of:\n" + "\n".join(expected))
                ran += 1
        elif words:
            (milters / words[0]).write_text(text)
    assert ran > 0, f"{document} shows no command"


# they show what is wrong with them
OUT_OF_FORM = {"crooked.scenario", "typo.scenario", "wrong.scenario"}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_scenarios_in_documents_parse_and_have_their_form(document, tmp_path):
    server = f"{BUILD}/tools/milter-test-server/milter-test-server"
    shown = [(words[0], text, line) for kind, words, text, line in blocks(ROOT / document) if kind == "scenario"]
    for name, text, _ in shown:
        (tmp_path / name).write_text(text)
    for name, text, line in shown:
        if name in OUT_OF_FORM:
            continue
        (tmp_path / name).write_text(text)
        done = subprocess.run([server, "--format", name], cwd=tmp_path, timeout=180, text=True, capture_output=True)
        assert (done.stdout, done.stderr) == (text, ""), f"{document}:{line}"


def test_the_comparison_can_fail():
    assert matches("a … c", "a b c") and matches("x\n…\ny", "x\n1\n2\ny")
    assert not matches("a … c", "a b d") and not matches("", "something")


@pytest.mark.parametrize("tool", ["milter-test-client", "milter-test-server"])
def test_every_option_stands_in_the_man_page(tool):
    """And the page names no option that the tool does not have."""
    shown = subprocess.run([f"{BUILD}/tools/{tool}/{tool}", "--help-all"], check=True, capture_output=True, text=True).stdout
    page = (ROOT / f"docs/{tool}.1").read_text().replace("\\-", "-").replace("\\fR", " ").replace("\\fB", " ")
    options = set(re.findall(r"--[a-z][a-z-]+", shown))
    assert options and options - set(re.findall(r"--[a-z][a-z-]+", page)) == set()
    assert set(re.findall(r"--[a-z][a-z-]+", page)) - options - {"--help", "--help-all", "--help-milter"} == set()


def test_every_option_of_every_command_stands_in_the_man_page_of_milter_replay():
    tool = f"{BUILD}/tools/milter-replay/milter-replay"

    def help_of(*command):
        return subprocess.run([tool, *command, "--help"], check=True, capture_output=True, text=True).stdout

    commands_ = re.findall(r"^  ([a-z]+) ", help_of(), re.M)
    assert "show" in commands_
    page = (ROOT / "docs/milter-replay.1").read_text().replace("\\-", "-").replace("\\fR", " ").replace("\\fB", " ")
    assert [name for name in commands_ if f".B milter-replay {name}\n" not in page] == []
    shown = help_of() + "".join(help_of(name) for name in commands_)
    options = set(re.findall(r"--[a-z][a-z-]+", shown))
    assert set(re.findall(r"--[a-z][a-z-]+", page)) == options | {"--help"}
