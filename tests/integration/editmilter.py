# SPDX-License-Identifier: LGPL-2.1-or-later
"""The small milter on the client library (tests/client/edit-milter.c), started and watched."""

import pathlib
import signal
import subprocess
import time

import pytest


class EditMilter:
    """One that is running: its spec, and what the system says about it."""

    def __init__(self, build, folder, *options, spec=None, **more):
        spec = spec or f"unix:{folder}/edit.sock"
        self.errors = folder / "err.txt"
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen([build / "tests/client/edit-milter", *options, spec], text=True,
                                            stdout=subprocess.PIPE, stderr=errors, **more)
        line = self.process.stdout.readline()
        assert line.startswith("listening on "), self.errors.read_text()
        self.spec = line.split()[2]
        self.proc = pathlib.Path("/proc") / str(self.process.pid)
        self.is_plain = "libasan" not in (self.proc / "maps").read_text()

    def count_descriptors(self):
        return len(list((self.proc / "fd").iterdir()))

    def count_threads(self):
        return len(list((self.proc / "task").iterdir()))

    def read_memory(self):
        """KiB."""
        status = (self.proc / "status").read_text()
        return int(status.split("VmRSS:")[1].split()[0])

    def read_cpu(self):
        """Seconds."""
        fields = (self.proc / "stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / 100

    def wait_for_descriptors(self, count):
        """Sessions end a moment after their peers."""
        end = time.monotonic() + 60
        while self.count_descriptors() != count:
            assert time.monotonic() < end, f"{self.count_descriptors()} descriptors instead of {count}"
            time.sleep(0.01)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=60) == 0, self.errors.read_text()[-4000:]
        self.process.stdout.close()


@pytest.fixture
def edit_milter(build, tmp_path):
    """edit_milter(OPTION…, spec=…): an EditMilter that has to end well."""
    running = []

    def start(*options, **more):
        running.append(EditMilter(build, tmp_path, *options, **more))
        return running[-1]

    yield start
    for one in running:
        one.stop()
