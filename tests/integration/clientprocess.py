# SPDX-License-Identifier: LGPL-2.1-or-later
"""A running milter-test-client."""

import os
import pathlib
import select
import signal
import subprocess
import time


class Client:
    """`spec` is where it listens; `out` and `err` are the files that it prints to."""

    number = 0

    def __init__(self, tool, folder, *options, spec=None, out=None, **more):
        Client.number += 1
        self.out = pathlib.Path(out or folder / f"out{Client.number}.txt")
        self.err = pathlib.Path(folder, f"err{Client.number}.txt")
        ready, ready_to_write = os.pipe()
        command = [tool("milter-test-client"), "-s", spec or f"unix:{folder}/m{Client.number}.sock",
                   "--ready-fd", str(ready_to_write), *map(str, options)]
        # nohup(1) may be running the tests
        more.setdefault("preexec_fn", lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL))
        with self.out.open("wb") as stdout, self.err.open("wb") as stderr:
            self.process = subprocess.Popen(command, stdout=stdout, stderr=stderr, pass_fds=[ready_to_write], **more)
        os.close(ready_to_write)
        self.spec = os.fsdecode(self.read_all(ready)).rstrip("\n")
        os.close(ready)
        assert self.spec, self.err.read_text()

    @staticmethod
    def read_all(fd):
        data, end = b"", time.monotonic() + 60
        while select.select([fd], [], [], max(end - time.monotonic(), 0))[0]:
            more = os.read(fd, 4096)
            if not more:
                return data
            data += more
        raise AssertionError("it never listened")

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(timeout=60)
