# SPDX-License-Identifier: LGPL-2.1-or-later
"""A running `milter-replay record`."""

import os
import pathlib
import re
import signal
import subprocess

from clientprocess import Client


class Recorder:
    """`spec` is where it listens, `file` what it records to, `err` what it says to people."""

    def __init__(self, tool, folder, to, *options, listen="inet:0@127.0.0.1", file=None, **more):
        self.folder = pathlib.Path(folder)
        self.file = pathlib.Path(file or self.folder / "recorded.trace")
        self.err = self.folder / "recorder.err"
        ready, ready_to_write = os.pipe()
        command = [tool("milter-replay"), "record", "--listen", listen, "--to", to, "-o", str(self.file),
                   "--ready-fd", str(ready_to_write), *map(str, options)]
        with self.err.open("wb") as stderr:
            self.process = subprocess.Popen(command, stdout=more.pop("stdout", subprocess.DEVNULL), stderr=stderr,
                                            pass_fds=[ready_to_write], **more)
        os.close(ready_to_write)
        self.spec = Client.read_all(ready).decode().rstrip("\n")
        os.close(ready)
        assert self.spec, self.err.read_text()

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.wait()

    def wait(self):
        return self.process.wait(timeout=60)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def lines(self):
        return bare(self.file.read_text())


def bare(trace, connection=1):
    """The lines of a connection without times, number and addresses."""
    found = re.findall(rf"^\+\S+ @{connection} (.*)$", trace, re.M)
    return [re.sub(r"^session .*", "session", line) for line in found]
