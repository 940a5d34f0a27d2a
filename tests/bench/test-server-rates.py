#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How fast is milter-test-server beside what else there is?

usage: test-server-rates.py BUILD [PAIRS]

Three comparisons, each of PAIRS (5) pairs of runs in turn; printed are the medians and their ratio:

start     one message in one process, against miltertest (Debian package miltertest) with the same message
messages  10,000 messages of 14 commands on one connection, every answer judged, against raw-mta, a program that
          does nothing but write prepared frames and read
tcp       the same messages over TCP to a libmilter milter, against miltertest, macros included: it writes them by
          themselves, and each then waits for a delayed acknowledgement

BUILD is a build without sanitizers and with -Dtests=enabled. Milters run on one processor and the programs that are
compared on another, if there are two: else the system puts both on one now and then, where a round trip takes a third
of the time. Pairs during which others used the machine are dropped, and made again for three minutes at most.
"""

import os
import pathlib
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time

# so much of a processor may be used by others while a pair is measured
MAX_SHARE_OF_OTHERS = 0.15

milters = []

COMMANDS = """mail <alice@example.com>
rcpt <bob@example.net>
data
header Received: from client.example.com by mx.example.com; Sun, 22 Nov 2026 15:04:00 +0000
header From: Alice <alice@example.com>
header To: Bob <bob@example.net>
header Subject: how fast this goes
header Date: Sun, 22 Nov 2026 15:04:00 +0000
header Message-Id: <20261122150400.1@example.com>
header MIME-Version: 1.0
header Content-Type: text/plain
eoh
body "xxxxxxxx"*128
eom => continue
"""

LUA = """
local n = tonumber(n)
local function ok(r) if r ~= nil then error("failed: " .. tostring(r)) end end
local c = mt.connect(spec)
ok(mt.conninfo(c, "client.example.com", "192.0.2.1"))
ok(mt.helo(c, "client.example.com"))
for i = 1, n do
  ok(mt.macro(c, SMFIC_MAIL, "i", "4F1C2D03E50"))
  ok(mt.mailfrom(c, "<alice@example.com>"))
  ok(mt.macro(c, SMFIC_RCPT, "i", "4F1C2D03E50"))
  ok(mt.rcptto(c, "<bob@example.net>"))
  ok(mt.data(c))
%s
  ok(mt.eoh(c))
  ok(mt.bodystring(c, string.rep("x", 1024)))
  ok(mt.eom(c))
  if mt.getreply(c) ~= SMFIR_CONTINUE then error("reply") end
end
mt.disconnect(c)
""" % "\n".join(
    '  ok(mt.header(c, "%s", "%s"))' % tuple(line[7:].split(": ", 1)) for line in COMMANDS.splitlines() if line.startswith("header"))

MILTER = r"""
#include <libmilter/mfapi.h>
#include <stdlib.h>
static sfsistat on_connect (SMFICTX *c, char *host, _SOCK_ADDR *a) { return SMFIS_CONTINUE; }
static sfsistat on_text (SMFICTX *c, char *text) { return SMFIS_CONTINUE; }
static sfsistat on_address (SMFICTX *c, char **arguments) { return SMFIS_CONTINUE; }
static sfsistat on_header (SMFICTX *c, char *name, char *value) { return SMFIS_CONTINUE; }
static sfsistat on_event (SMFICTX *c) { return SMFIS_CONTINUE; }
static sfsistat on_body (SMFICTX *c, unsigned char *data, size_t size) { return SMFIS_CONTINUE; }
int main (int argc, char **argv)
{
  struct smfiDesc milter = { "all", SMFI_VERSION, 0, on_connect, on_text, on_address, on_address, on_header,
                             on_event, on_body, on_event, on_event, on_event, NULL, on_event, NULL };
  if (smfi_setconn (argv[1]) != MI_SUCCESS || smfi_register (milter) != MI_SUCCESS) return 1;
  return smfi_main ();
}
"""


def run_on(processor):
    """What a child does first."""
    allowed = sorted(os.sched_getaffinity(0))
    return lambda: os.sched_setaffinity(0, {allowed[min(processor, len(allowed) - 1)]})


def timed(*command, processor=0):
    begin = time.perf_counter()
    subprocess.run(command, check=True, timeout=600, stdout=subprocess.DEVNULL,
                   preexec_fn=None if processor is None else run_on(processor))
    return time.perf_counter() - begin


def seconds_of_others(milters):
    """Processor time that was used by others than our children so far."""
    tick = os.sysconf("SC_CLK_TCK")
    busy = [int(n) for n in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    ours = ended.ru_utime + ended.ru_stime
    for milter in milters:
        fields = pathlib.Path(f"/proc/{milter.pid}/stat").read_text().rsplit(")", 1)[1].split()
        ours += (int(fields[11]) + int(fields[12])) / tick
    return (sum(busy) - busy[3] - busy[4]) / tick - ours


def compare(title, unit, scale, pairs, ours, theirs, per_ours=1, per_theirs=1):
    """Prints the medians of `scale / seconds each`, or of seconds if scale is 0."""
    results = ([], [])
    end = time.perf_counter() + 180
    while len(results[0]) < pairs:
        begin, others = time.perf_counter(), seconds_of_others(milters)
        pair = ours() / per_ours, theirs() / per_theirs
        share = (seconds_of_others(milters) - others) / (time.perf_counter() - begin)
        if share > MAX_SHARE_OF_OTHERS and time.perf_counter() < end:
            print(f"{title}: others used {share:.2f} processors; once more", file=sys.stderr)
            continue
        if share > MAX_SHARE_OF_OTHERS:
            print(f"{title}: others used {share:.2f} processors meanwhile", file=sys.stderr)
        results[0].append(pair[0])
        results[1].append(pair[1])
    shown = [[scale / value if scale else value * 1000 for value in values] for values in results]
    mine, other = (statistics.median(values) for values in shown)
    print(f"{title:9} {mine:10.2f} {unit} ({min(shown[0]):.2f} to {max(shown[0]):.2f}) against "
          f"{other:.2f} ({min(shown[1]):.2f} to {max(shown[1]):.2f}): {mine / other:.2f}", flush=True)


def wait_for_port(port):
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    sys.exit("the libmilter milter does not listen")


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    pairs = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    tool = build / "tools/milter-test-server/milter-test-server"
    raw_mta, raw_milter = build / "tests/bench/raw-mta", build / "tests/bench/raw-milter"
    with tempfile.TemporaryDirectory() as folder:
        scenario = {n: pathlib.Path(folder, f"{n}.scenario") for n in (1, 1000, 10000)}
        for n, path in scenario.items():
            path.write_text(f"mta plain\nsession\nrepeat {n} message\n" + COMMANDS)
        script = pathlib.Path(folder, "loop.lua")
        script.write_text(LUA)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        source = pathlib.Path(folder, "milter.c")
        source.write_text(MILTER)
        subprocess.run(["cc", "-O2", "-o", f"{folder}/milter", source, "-lmilter"], check=True)
        spec = f"unix:{folder}/raw"
        try:
            milters.append(subprocess.Popen([raw_milter, spec], stdout=subprocess.PIPE, preexec_fn=run_on(1)))
            milters[0].stdout.readline()
            milters.append(subprocess.Popen([f"{folder}/milter", f"inet:{port}@127.0.0.1"]))
            wait_for_port(port)

            many = range(50)
            compare("start", "ms a run", 0, pairs,
                    lambda: sum(timed(tool, "-q", "-s", spec, scenario[1]) for _ in many),
                    lambda: sum(timed("miltertest", "-D", f"spec={spec}", "-D", "n=1", "-s", script) for _ in many), 50, 50)
            compare("messages", "messages/s", 1, pairs,
                    lambda: timed(tool, "-q", "-s", spec, scenario[10000]), lambda: timed(raw_mta, spec, "10000"), 10000, 10000)
            # libmilter has threads of its own: nobody is held on a processor
            tcp = f"inet:{port}@127.0.0.1"
            compare("tcp", "messages/s", 1, pairs,
                    lambda: timed(tool, "-q", "-s", tcp, scenario[1000], processor=None),
                    lambda: timed("miltertest", "-D", f"spec={tcp}", "-D", "n=20", "-s", script,
                                  processor=None), 1000, 20)
        finally:
            for milter in milters:
                milter.kill()
                milter.wait()


main()
