# SPDX-License-Identifier: LGPL-2.1-or-later
"""What reading a capture costs in things that can be counted: memory, and for each message pieces of memory and instructions.

Rates stand in tests/bench/capture-rates.py."""

import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

BUILD = pathlib.Path(os.environ.get("MILTERLAB_BUILD", ""))
REPLAY = BUILD / "tools/milter-replay/milter-replay"
MAX_MEMORY_MB = 24
# of 41 frames in 65 packets, their connection and session; seen were 15, and 66,000, for the reader alone 34,000
MAX_PIECES = 22
MAX_INSTRUCTIONS = {"show": 76_000, "read-capture": 40_000}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Captures of 20 and 200 MB, and how many messages are in them; removed at once."""
    if b"libasan" in subprocess.run(["ldd", REPLAY], check=True, capture_output=True).stdout:
        pytest.skip("the build has sanitizers, which take memory and want to be loaded first")
    folder = tmp_path_factory.mktemp("captures")
    captures = []
    try:
        for megabytes in (20, 200):
            path = folder / f"{megabytes}.pcap"
            out = subprocess.run([BUILD / "tests/bench/write-capture", path, str(megabytes)], check=True, text=True, capture_output=True).stdout
            captures.append((path, int(re.search(r"messages=(\d+)", out)[1])))
        yield captures
    finally:
        for path, _ in captures:
            path.unlink()


def summarize(path, **options):
    """The summary, the most memory in MB, and what stood on stderr. Through a pipe: as long as that is open the program is there
    to be looked at; what the system tells of one that has ended counts the Python that started it."""
    with subprocess.Popen([REPLAY, "show", "--summary", "--json", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, **options) as process:
        with open(path, "rb") as capture:
            shutil.copyfileobj(capture, process.stdin, 1 << 20)
        process.stdin.flush()
        peak = re.search(r"VmHWM:\s+(\d+) kB", pathlib.Path(f"/proc/{process.pid}/status").read_text())
        out, errors = process.communicate()
    assert process.returncode == 0, errors
    return json.loads(out), int(peak[1]) / 1024, errors.decode()


def test_a_large_capture_takes_little_memory_and_all_of_it_is_found(made):
    used = []
    for path, n_messages in made:
        found, megabytes, _ = summarize(path)
        assert (found["messages"], found["verdicts"]) == (n_messages, {"continue": n_messages})
        assert (found["holes"], found["unanswered"], found["notes"]) == (0, 0, 0)
        used.append(megabytes)
    assert max(used) <= MAX_MEMORY_MB
    assert used[1] < used[0] * 1.6


def test_a_message_costs_few_pieces_of_memory(made):
    path, n_messages = made[0]
    preload = dict(os.environ, LD_PRELOAD=str((BUILD / "tests/bench/count-calls.so").resolve()))
    _, _, errors = summarize(path, env=preload)
    pieces = dict(re.findall(r"(\w+) (\d+)", errors))["memory"]
    assert int(pieces) < n_messages * MAX_PIECES, (pieces, n_messages)


def count_instructions(folder, *command):
    assert shutil.which("valgrind"), "valgrind is missing (Debian package valgrind)"
    profile = folder / "profile"
    subprocess.run(["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={profile}", *command], check=True,
                   stdout=subprocess.DEVNULL, timeout=300)
    return int(re.search(r"^(?:summary|totals): (\d+)", profile.read_text(), re.M).group(1))


@pytest.mark.parametrize("command", MAX_INSTRUCTIONS)
def test_a_message_takes_few_instructions(made, tmp_path, command):
    tool = {"show": [REPLAY, "show", "--summary"], "read-capture": [BUILD / "tests/bench/read-capture"]}[command]
    small = tmp_path / "small.pcap"
    out = subprocess.run([BUILD / "tests/bench/write-capture", small, "2"], check=True, text=True, capture_output=True).stdout
    n_small = int(re.search(r"messages=(\d+)", out)[1])
    path, n_messages = made[0]
    more = count_instructions(tmp_path, *tool, path) - count_instructions(tmp_path, *tool, small)
    per_message = more / (n_messages - n_small)
    print(f"{command}: {per_message:.0f} instructions a message")
    assert 10_000 < per_message < MAX_INSTRUCTIONS[command]
