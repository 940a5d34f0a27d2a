# SPDX-License-Identifier: LGPL-2.1-or-later
"""What replaying a recorded connection of one message costs in things that can be counted: instructions, and system calls.

Rates stand in tests/bench/replay-rates.py, where the capture is made, too."""

import contextlib
import importlib.util
import os
import pathlib
import re
import shutil
import subprocess

import pytest

BUILD = pathlib.Path(os.environ.get("MILTERLAB_BUILD", ""))
BENCH = pathlib.Path(__file__).resolve().parents[1] / "bench"
REPLAY = BUILD / "tools/milter-replay/milter-replay"
N_COMMANDS = 17
# of 17 commands, with the reading of their capture and their connection; seen were 54,000, and more if the milter is slow
MAX_INSTRUCTIONS = 75_000


@pytest.fixture(autouse=True)
def plain_build():
    if b"libasan" in subprocess.run(["ldd", REPLAY], check=True, capture_output=True).stdout:
        pytest.skip("the build has sanitizers, which count as well")


def make_capture(path, n):
    spec = importlib.util.spec_from_file_location("replay_rates", BENCH / "replay-rates.py")
    rates = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(rates)
    rates.Capture(path, rates.read_message(BENCH)).write(n, at_once=64)


@contextlib.contextmanager
def answering(folder):
    spec = f"unix:{folder}/milter"
    milter = subprocess.Popen([BUILD / "tests/bench/load-milter", spec], stdout=subprocess.PIPE)
    try:
        milter.stdout.readline()
        yield spec
    finally:
        milter.kill()
        milter.wait()
        milter.stdout.close()


def replay(folder, spec, n, *before, **options):
    capture = folder / f"{n}.pcap"
    make_capture(capture, n)
    return subprocess.run([*before, REPLAY, "replay", capture, "-q", "-s", spec, "--connections", "64"], check=True, text=True,
                          capture_output=True, timeout=300, **options)


def test_a_message_takes_few_instructions(tmp_path):
    assert shutil.which("valgrind"), "valgrind is missing (Debian package valgrind)"
    profile = tmp_path / "profile"
    counts = []
    with answering(tmp_path) as spec:
        for n in (200, 1200):
            replay(tmp_path, spec, n, "valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={profile}")
            counts.append(int(re.search(r"^(?:summary|totals): (\d+)", profile.read_text(), re.M).group(1)))
    per_message = (counts[1] - counts[0]) / 1000
    print(f"{per_message:.0f} instructions a message")
    assert 10_000 < per_message < MAX_INSTRUCTIONS


def test_a_command_takes_one_write_and_one_read(tmp_path):
    n = 500
    with answering(tmp_path) as spec:
        result = replay(tmp_path, spec, n, env=dict(os.environ, LD_PRELOAD=str((BUILD / "tests/bench/count-calls.so").resolve())))
    counts = {name: int(count) for name, count in re.findall(r"(\w+) (\d+)", result.stderr)}
    print(counts)
    for name in ("read", "write"):
        assert n * N_COMMANDS * 0.9 < counts[name] < n * N_COMMANDS * 1.15, (name, counts)
