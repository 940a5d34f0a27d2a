#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Drives milter-test-client with several workers, rules that count over all of them, and every log that it has.

usage: drive-test-client.py MILTER-TEST-CLIENT LOAD-MTA; the exit status is the verdict, and the sanitizer's is 66"""

import collections
import json
import os
import pathlib
import subprocess
import sys
import tempfile

CONNECTIONS, MESSAGES = 24, 600
RULES = ["on connect 5 => continue", f"expect {MESSAGES} mail <alice@example.com>", f"expect {CONNECTIONS} connect",
         "on rcpt 10 <bob@example.net> => continue"]


def run(milter, load_mta, folder):
    rules = [word for rule in RULES for word in ("-e", rule)]
    with (folder / "json").open("wb") as out, (folder / "err").open("wb") as err:
        ready, ready_to_write = os.pipe()
        process = subprocess.Popen(
            [milter, "-s", f"unix:{folder}/s", "--workers", "4", "--sessions", str(CONNECTIONS), "--strict", "-v", "--json",
             "--trace", folder / "trace", "--report", f"json:{folder}/report", "--ready-fd", str(ready_to_write), *rules],
            stdout=out, stderr=err, pass_fds=[ready_to_write])
        os.close(ready_to_write)
        os.read(ready, 4096)
        os.close(ready)
        driver = subprocess.run([load_mta, "messages", f"unix:{folder}/s", str(CONNECTIONS), str(MESSAGES)], timeout=100,
                                stdout=subprocess.PIPE)
        process.wait(timeout=100)
    return process.returncode, driver.returncode


def main():
    with tempfile.TemporaryDirectory(prefix="milterlab-threads-") as name:
        folder = pathlib.Path(name)
        status, driver = run(sys.argv[1], sys.argv[2], folder)
        errors = (folder / "err").read_text(errors="replace")
        if status != 0 or driver != 0 or "Sanitizer" in errors:
            sys.exit(f"milter-test-client ended with {status}, the driver with {driver}\n{errors[-6000:]}")
        lines = [json.loads(line) for line in (folder / "json").read_text().splitlines() if line.startswith("{")]
        words = collections.Counter(line["word"] for line in lines if "word" in line and line["from"] == "mta")
        trace = (folder / "trace").read_text()
        assert words["mail"] == MESSAGES and words["connect"] == CONNECTIONS, words
        assert trace.count(" mail <alice@example.com>") == MESSAGES, trace[:2000]
        assert trace.count(" session") == CONNECTIONS, trace[:2000]


main()
