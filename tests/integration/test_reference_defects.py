# SPDX-License-Identifier: LGPL-2.1-or-later
"""Defects of the tools and libraries that ours follow, where no other test would see them in ours.
tests/house/test_defects.py lists them all, each with its tests."""

import os
import pathlib
import signal
import subprocess
import time

import pytest

from fakemilter import CONTINUE, SILENT, options
from listening import listens
from milterwire import OFFER, SESSION, Mta

NO_REPLY = {"C": 0x1000, "H": 0x2000, "M": 0x4000, "R": 0x8000, "T": 0x10000, "U": 0x20000, "N": 0x40000,
            "B": 0x80000, "L": 0x80}


@pytest.fixture
def example(build, tmp_path):
    """The manual's example, running; (process, spec)."""
    process = subprocess.Popen([build / "tests/client/manual-example-unix"], cwd=tmp_path, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    end = time.monotonic() + 60
    while not listens(tmp_path / "manual-example.sock"):
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < end
        time.sleep(0.01)
    yield process, f"unix:{tmp_path}/manual-example.sock"
    process.kill()
    process.communicate()


def test_one_thread_accepts_and_another_serves_without_any_setting(example):
    process, spec = example
    peers = [Mta(spec) for _ in range(50)]
    for mta in peers:
        assert mta.ask(b"O", OFFER)[0][0] == b"O"
    threads = [thread.read_text().strip()
               for thread in pathlib.Path(f"/proc/{process.pid}/task").glob("*/comm")]
    assert threads.count("milter-worker") == 1
    assert "manual-example-" in threads
    for mta in peers:
        mta.sock.close()


def test_without_any_handler_only_what_always_comes_is_asked_for_and_answered(example):
    _, spec = example
    with Mta(spec) as mta:
        mta.ask_if_wanted(b"O", OFFER)
        # no command but the end of the message, and each that comes is answered
        assert mta.steps & 0x37F == 0x37F
        assert mta.steps & sum(NO_REPLY.values()) == 0
        for letter, payload in SESSION[1:]:
            if letter in (b"E", b"M", b"R"):
                assert mta.ask(letter, payload) == [(b"c", b"")]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("n_workers", [0, 1, 4])
def test_a_milter_with_threads_obeys_signals(tool, tmp_path, number, n_workers):
    process = subprocess.Popen([tool("milter-test-client"), "-s", f"unix:{tmp_path}/m", f"--n-workers={n_workers}"],
                               stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline().startswith("listening on ")
    with Mta(f"unix:{tmp_path}/m") as mta:
        assert mta.ask(b"O", OFFER)[0][0] == b"O"
        process.send_signal(number)
        assert mta.is_closed()
    assert process.wait(60) == 0
    process.stdout.close()


@pytest.mark.parametrize("letter", [*NO_REPLY])
def test_the_mta_side_awaits_no_answer_that_was_agreed_away(play, fake, scenario, letter):
    milter = fake({"O": options(steps=NO_REPLY[letter]), letter: SILENT})
    done = play("-s", milter.spec, scenario(
        "timeout 5s\nsession\n  connect\n  helo\n  unknown FOO\n  mail\n  rcpt\n  data\n  header A: b\n  eoh\n"
        "  body \"x\"\n  eom => continue\n"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert letter in milter.letters("D")


@pytest.mark.parametrize("letter", [*NO_REPLY])
def test_the_mta_side_tells_an_answer_that_was_agreed_away(play, fake, scenario, letter):
    milter = fake({"O": options(steps=NO_REPLY[letter]), letter: CONTINUE})
    done = play("-s", milter.spec, scenario(
        "timeout 5s\nsession\n  connect\n  helo\n  unknown FOO\n  mail\n  rcpt\n  data\n  header A: b\n  eoh\n"
        "  body \"x\"\n  eom => continue\n"))
    assert done.returncode == 3, done.stdout + done.stderr


def test_logs_go_to_stderr(play, fake, tool, tmp_path):
    loud = {**os.environ, "G_MESSAGES_DEBUG": "all", "MILTER_LOG_LEVEL": "all"}
    quiet = play("-s", fake().spec)
    done = play("-s", fake().spec, env=loud)
    assert [line.split()[0] for line in done.stdout.splitlines()] == [line.split()[0]
                                                                       for line in quiet.stdout.splitlines()]
    process = subprocess.Popen([tool("milter-test-client"), "-s", f"unix:{tmp_path}/m"], env=loud, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    first = process.stdout.readline()
    with Mta(f"unix:{tmp_path}/m") as mta:
        mta.ask(b"O", OFFER)
    process.send_signal(signal.SIGTERM)
    rest, _ = process.communicate(timeout=60)
    assert first.startswith("listening on ")
    assert {line.split(":")[0] for line in rest.splitlines()} <= {"negotiate", "finished", ""}, rest
