# SPDX-License-Identifier: LGPL-2.1-or-later
"""What recording costs in things that can be counted: system calls and pieces of memory for each command with its answer.

How much longer messages take stands in tests/bench/record-rates.py."""

import os
import pathlib
import re
import signal
import subprocess

import pytest

BUILD = pathlib.Path(os.environ.get("MILTERLAB_BUILD", ""))
REPLAY = BUILD / "tools/milter-replay/milter-replay"
BENCH = BUILD / "tests/bench"

N_MESSAGES = 300
# of a command and its answer, in a trace; seen were 3.2
MAX_PIECES = 5


@pytest.mark.parametrize("kind", ["trace", "pcap"])
def test_a_command_and_its_answer_cost_two_reads_and_three_writes(tmp_path, kind):
    """One write to each side and one to the file."""
    if b"libasan" in subprocess.run(["ldd", REPLAY], check=True, capture_output=True).stdout:
        pytest.skip("the build has sanitizers, which want to be loaded first")
    spec = f"unix:{tmp_path}/raw"
    preload = dict(os.environ, LD_PRELOAD=str((BENCH / "count-calls.so").resolve()))
    with subprocess.Popen([BENCH / "raw-milter", spec], stdout=subprocess.PIPE) as milter:
        try:
            assert milter.stdout.readline() == b"listening\n"
            with subprocess.Popen([REPLAY, "record", "-l", f"unix:{tmp_path}/r", "-t", spec, "-o", tmp_path / f"r.{kind}"],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=preload) as recorder:
                assert recorder.stdout.readline().startswith("listening")
                subprocess.run([BENCH / "raw-mta", f"unix:{tmp_path}/r", str(N_MESSAGES)], check=True, timeout=60,
                               stdout=subprocess.DEVNULL)
                recorder.send_signal(signal.SIGINT)
                _, errors = recorder.communicate(timeout=60)
        finally:
            milter.kill()
    counts = {name: int(n) for name, n in re.findall(r"(\w+) (\d+)", errors)}
    n = len(re.findall(rb"\n\+\S+ @1 => ", (tmp_path / "r.trace").read_bytes())) if kind == "trace" else N_MESSAGES * 14
    assert n >= N_MESSAGES * 14
    assert 1.9 * n < counts["read"] < 2.2 * n, (counts, n)
    # on a busy machine an answer takes its time now and then, and its command is written before it
    assert 2.9 * n < counts["write"] < 3.9 * n, (counts, n)
    assert counts["wait"] < 3 * n, (counts, n)
    assert counts["memory"] < MAX_PIECES * n, (counts, n)
