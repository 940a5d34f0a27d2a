# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a run costs in things that can be counted: libraries that are loaded, and for each command system calls and
pieces of memory.

Rates depend on the machine and stand in tests/bench; these counts do not, and grow by mistakes."""

import os
import pathlib
import re
import subprocess

import pytest

BUILD = pathlib.Path(os.environ.get("MILTERLAB_BUILD", ""))
SERVER = BUILD / "tools/milter-test-server/milter-test-server"

N_MESSAGES = 500
# what a line is sent as, its answer, and what the message keeps of it
MAX_PIECES = 9
COMMANDS = ["mail", "rcpt", "data", "header Subject: counted", "eoh", 'body "Hi.\\r\\n"', "eom => continue"]


def is_sanitized():
    return b"libasan" in subprocess.run(["ldd", SERVER], check=True, capture_output=True).stdout


def test_a_run_loads_no_more_than_it_uses():
    """Each library costs a run of one message some percent of its time; GObject and GIO are for programs."""
    if is_sanitized():
        pytest.skip("the build has sanitizers, which load libraries of their own")
    loaded = subprocess.run(["ldd", SERVER], check=True, text=True, capture_output=True).stdout
    names = {re.sub(r"\.so.*", "", pathlib.Path(line.split()[0]).name) for line in loaded.splitlines()}
    assert {name for name in names if not name.startswith(("linux-vdso", "ld-linux"))} <= {
        "libglib-2.0", "libpcre2-8", "libpcre", "libc", "libm", "libpthread"}, loaded


def count(tmp_path):
    if is_sanitized():
        pytest.skip("the build has sanitizers, which want to be loaded first")
    scenario = tmp_path / "many.scenario"
    scenario.write_text(f"mta plain\nsession\nrepeat {N_MESSAGES} message\n" + "\n".join(COMMANDS) + "\n")
    spec = f"unix:{tmp_path}/raw"
    milter = subprocess.Popen([BUILD / "tests/bench/raw-milter", spec], stdout=subprocess.PIPE)
    try:
        assert milter.stdout.readline() == b"listening\n"
        result = subprocess.run([SERVER, "-q", "-s", spec, scenario], text=True, capture_output=True, timeout=120, check=True,
                                env=dict(os.environ, LD_PRELOAD=str((BUILD / "tests/bench/count-calls.so").resolve())))
    finally:
        milter.kill()
        milter.wait()
    counts = {name: int(n) for name, n in re.findall(r"(\w+) (\d+)", result.stderr)}
    return counts, N_MESSAGES * len(COMMANDS)


def test_a_command_costs_one_write_one_read_and_one_wait(tmp_path):
    counts, n_commands = count(tmp_path)
    for name, allowed in (("read", 1.1), ("write", 1.1)):
        assert n_commands * 0.9 < counts[name] < n_commands * allowed, (name, counts, n_commands)
    # it may find what it looks for before it has to wait
    assert counts["wait"] < n_commands * 1.5, (counts, n_commands)


def test_a_command_costs_few_pieces_of_memory(tmp_path):
    counts, n_commands = count(tmp_path)
    assert counts["memory"] < n_commands * MAX_PIECES, (counts, n_commands)
