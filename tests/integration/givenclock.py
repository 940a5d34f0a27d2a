# SPDX-License-Identifier: LGPL-2.1-or-later
"""A clock that stands still unless a test moves it on, for programs that are run with its environment."""

import mmap
import os
import struct
import threading
import time

FIELDS = ("now_us", "n_received", "n_timed", "delays_ack")


class GivenClock:
    """`environment` makes a program of the build folder ask this clock (given-clock.c)."""

    def __init__(self, build, path):
        path.write_bytes(struct.pack("4q", 1_000_000_000, 0, 0, 0))
        with path.open("r+b") as file:
            self.given = mmap.mmap(file.fileno(), 32)
        # a sanitizer wants to be loaded first, which it need not be: nothing that it replaces is missed
        self.environment = dict(os.environ, GIVEN_CLOCK=str(path),
                                LD_PRELOAD=str((build / "tests/integration/given-clock.so").resolve()),
                                ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0")
        self.thread, self.stopped = None, threading.Event()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stopped.set()
        if self.thread is not None:
            self.thread.join()

    def get(self, field):
        return struct.unpack_from("q", self.given, 8 * FIELDS.index(field))[0]

    def move_on(self, ms):
        struct.pack_into("q", self.given, 0, self.get("now_us") + ms * 1000)

    def start(self):
        """From now on it runs. An answer of a FakeMilter: none comes, and now that is waited for."""
        if self.thread is None:
            self.thread = threading.Thread(target=self.run, daemon=True)
            self.thread.start()
        return b""

    def run(self):
        while not self.stopped.wait(0.01):
            self.move_on(ms=10)

    def wait_until_timed(self, n):
        """Until the program has asked what time it is with (or behind) the @n-th byte that it received."""
        end = time.monotonic() + 60
        while self.get("n_timed") < n:
            assert time.monotonic() < end, "nothing more is received"
            time.sleep(0.001)
