#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How fast is a milter on this library beside the fastest that there could be, and beside libmilter?

usage: client-rates.py BUILD [PAIRS [NAME...]]

Each comparison is PAIRS (5) pairs of runs in turn, the milter on one processor and the MTA on another, on a unix socket.
Printed is the table of docs/performance.md, a row for each: the median of the ratios with the lowest and the highest, what is
wanted at least, and the medians of both. "Raw" is load-milter, which looks at letters and lengths alone.

functions-1, -16, -256     messages a second against raw, so many connections, handlers as a table of functions
subclass-256               the same, handlers as class functions
signals-256                the same, handlers by g_signal_connect()
idle-1, -16                functions against raw beside 1,000 idle connections
no-reply-1, -256           functions against raw, both with all no-reply steps
libmilter-256              functions against libmilter
set-ups-functions, -signals  connections that only negotiate, 16 at once, against raw

BUILD is a build without sanitizers and with -Dtests=enabled. Wants an idle machine: pairs during which others used more
than 0.15 of a processor are made again, for half a minute; it tells so, and how many of them had to count all the same.
"""

import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

MAX_SHARE_OF_OTHERS = 0.15
PATIENCE_S = 30
AMOUNT = "0.7s"

# name: our arguments; the other's program and arguments; what is done, connections, idle ones beside; the ratio that is wanted
FUNCTIONS, RAW = ["functions"], ["load-milter"]
COMPARISONS = {
    "functions-1": (FUNCTIONS, RAW, "messages", 1, 0, 0.90),
    "functions-16": (FUNCTIONS, RAW, "messages", 16, 0, None),
    "functions-256": (FUNCTIONS, RAW, "messages", 256, 0, 0.80),
    "subclass-256": (["subclass"], RAW, "messages", 256, 0, 0.80),
    "signals-256": (["signals"], RAW, "messages", 256, 0, 0.72),
    "idle-1": (FUNCTIONS, RAW, "messages", 1, 1000, None),
    "idle-16": (FUNCTIONS, RAW, "messages", 16, 1000, 0.80),
    "no-reply-1": (["functions", "-n"], ["load-milter", "-n"], "messages", 1, 0, None),
    "no-reply-256": (["functions", "-n"], ["load-milter", "-n"], "messages", 256, 0, 0.45),
    "libmilter-256": (FUNCTIONS, ["libmilter-milter"], "messages", 256, 0, 3.3),
    "set-ups-functions": (FUNCTIONS, RAW, "set-ups", 16, 0, 0.75),
    "set-ups-signals": (["signals"], RAW, "set-ups", 16, 0, 0.50),
}
OTHERS = {"load-milter": "raw", "libmilter-milter": "libmilter"}


def run_on(processor):
    """What a child does first."""
    allowed = sorted(os.sched_getaffinity(0))
    return lambda: os.sched_setaffinity(0, {allowed[min(processor, len(allowed) - 1)]})


def processor_seconds(milters):
    """Used by others than our children so far."""
    tick = os.sysconf("SC_CLK_TCK")
    busy = [int(n) for n in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    ours = ended.ru_utime + ended.ru_stime
    for milter in milters:
        fields = pathlib.Path(f"/proc/{milter.pid}/stat").read_text().rsplit(")", 1)[1].split()
        ours += (int(fields[11]) + int(fields[12])) / tick
    return (sum(busy) - busy[3] - busy[4]) / tick - ours


class Bench:
    def __init__(self, build, folder):
        self.programs, self.folder = build / "tests/bench", folder
        self.milters, self.idle = [], []

    def start(self, command):
        spec = f"unix:{self.folder}/{len(self.milters)}"
        milter = subprocess.Popen([self.programs / command[0], *command[1:], spec], stdout=subprocess.PIPE,
                                  preexec_fn=run_on(1))
        self.milters.append(milter)
        if milter.stdout.readline() != b"listening\n":
            sys.exit(f"{command[0]} does not listen")
        return spec

    def hold_idle(self, spec, n):
        self.idle.append(subprocess.Popen([self.programs / "load-mta", "idle", spec, str(n)], stdin=subprocess.PIPE,
                                          stdout=subprocess.PIPE, preexec_fn=run_on(0)))
        if self.idle[-1].stdout.readline() != b"ready\n":
            sys.exit("the idle connections are not there")

    def rate(self, what, spec, n):
        result = subprocess.run([self.programs / "load-mta", what, spec, str(n), AMOUNT], check=True, capture_output=True,
                                text=True, timeout=60, preexec_fn=run_on(0))
        return float(result.stdout.split()[1])

    def stop(self):
        for process in self.idle + self.milters:
            process.kill()
            process.wait()
            process.stdout.close()
        self.milters, self.idle = [], []


def describe(name):
    """The first two cells of its row."""
    ours, theirs, what, n, n_idle, _ = COMPARISONS[name]
    connections = f"{n} connection{'s' if n > 1 else ''}"
    text = f"set-ups, {n} at once, {ours[0]}" if what == "set-ups" else f"{ours[0]}, {connections}"
    if n_idle:
        text += f" beside {n_idle:,} idle ones"
    if "-n" in ours:
        text += ", all no-reply steps"
    return text, OTHERS[theirs[0]] + (" with the same steps" if "-n" in theirs else "")


def compare(bench, name, pairs):
    ours, theirs, what, n, n_idle, wanted = COMPARISONS[name]
    specs = bench.start(["library-milter", *ours]), bench.start(theirs)
    if n_idle:
        for spec in specs:
            bench.hold_idle(spec, n_idle)
    for spec in specs:
        bench.rate(what, spec, n)
    rates, disturbed, end = [], 0, time.perf_counter() + PATIENCE_S
    while len(rates) < pairs:
        begin, others = time.perf_counter(), processor_seconds(bench.milters)
        pair = [bench.rate(what, spec, n) for spec in specs]
        share = (processor_seconds(bench.milters) - others) / (time.perf_counter() - begin)
        if share > MAX_SHARE_OF_OTHERS and time.perf_counter() < end:
            print(f"{name}: others used {share:.2f} of a processor; once more", file=sys.stderr)
            continue
        disturbed += share > MAX_SHARE_OF_OTHERS
        rates.append(pair)
    ratios = [mine / other for mine, other in rates]
    mine, other = (statistics.median(values) for values in zip(*rates))
    if disturbed:
        print(f"{name}: {disturbed} of {pairs} pairs were disturbed", file=sys.stderr)
    digits = 1 if statistics.median(ratios) >= 2 else 2
    shown = [f"{value:.{digits}f}" for value in (statistics.median(ratios), min(ratios), max(ratios))]
    row = [*describe(name), f"{shown[0]} ({shown[1]} to {shown[2]})", f"{wanted:.2f}" if wanted else "",
           f"{mine:,.0f} against {other:,.0f}"]
    print(f"| {' | '.join(row)} |", flush=True)


def main():
    if len(sys.argv) < 2 or not set(sys.argv[3:]) <= set(COMPARISONS):
        sys.exit(__doc__)
    build = pathlib.Path(sys.argv[1]).resolve()
    pairs = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    print("| what | against | ratio | wanted | a second |\n|---|---|---|---|---|")
    for name in sys.argv[3:] or COMPARISONS:
        if not (build / "tests/bench" / COMPARISONS[name][1][0]).exists():
            print(f"{name} is left out: {COMPARISONS[name][1][0]} was not built (libmilter-dev)", file=sys.stderr)
            continue
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(build, folder)
            try:
                compare(bench, name, pairs)
            finally:
                bench.stop()


if __name__ == "__main__":
    main()
