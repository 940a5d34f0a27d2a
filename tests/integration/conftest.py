# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of the built tools share: where the tools are, and milters that end with the test."""

import os
import pathlib
import signal
import subprocess
import time

import pytest
from clientprocess import Client
from fakemilter import FakeMilter
from givenclock import GivenClock
from listening import listens

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def build():
    folder = os.environ.get("MILTERLAB_BUILD")
    if not folder:
        pytest.fail("MILTERLAB_BUILD must name the build folder")
    return pathlib.Path(folder)


@pytest.fixture(scope="session")
def tool(build):
    """tool(NAME): the path of a built tool."""
    return lambda name: str(build / "tools" / name / name)


@pytest.fixture
def start():
    """start(COMMAND, socket=PATH): runs a program until the test ends; with a socket, waits until it is
    there. Exit status 77 of a program that is not installed skips the test."""
    running = []

    def run(command, socket=None, **more):
        process = subprocess.Popen([str(word) for word in command], start_new_session=True, **more)
        running.append(process)
        end = time.monotonic() + 60
        while socket is not None and not listens(socket):
            if process.poll() == 77:
                pytest.skip(f"{command[0]}: a program that it needs is not installed")
            assert process.poll() is None, f"{command[0]} ended with {process.returncode}"
            assert time.monotonic() < end, f"{command[0]} made no socket within 60 s"
            time.sleep(0.02)
        return process

    yield run
    for process in running:
        # the group: a script's helpers end with it
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()


@pytest.fixture
def play(tool):
    """play(ARGUMENT…): runs milter-test-server, bounded in time; the finished process."""

    def run(*arguments, timeout=180, **more):
        return subprocess.run([tool("milter-test-server"), *map(str, arguments)], timeout=timeout, text=True,
                              capture_output=True, **more)

    return run


@pytest.fixture
def fake(tmp_path):
    """fake(ANSWERS…): a FakeMilter on a unix socket (or on TCP with tcp=True), ended with the test."""
    milters = []

    def make(answers=None, **more):
        if more.pop("tcp", False):
            milter = FakeMilter(None, answers, **more)
        else:
            milter = FakeMilter(tmp_path / f"fake{len(milters)}.sock", answers, **more)
        milters.append(milter)
        return milter

    yield make
    for milter in milters:
        milter.__exit__()


@pytest.fixture
def clock(build, tmp_path):
    """A clock for programs that are run with its environment: it stands still until the test moves it on."""
    with GivenClock(build, tmp_path / "clock") as one:
        yield one


@pytest.fixture
def client(tool, tmp_path):
    """client(OPTION…): a running milter-test-client that ends with the test, and ends well."""
    clients = []

    def begin(*options, **more):
        clients.append(Client(tool, tmp_path, *options, **more))
        return clients[-1]

    yield begin
    for one in clients:
        if one.process.poll() is None:
            assert one.stop() == 0, one.err.read_text()


@pytest.fixture
def scenario(tmp_path):
    """scenario(TEXT): a file of that text."""

    def write(text, name="test.scenario"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write
