# SPDX-License-Identifier: LGPL-2.1-or-later
"""milter-replay record between programs of others: Postfix and opendkim, tcpdump beside it, miltertest."""

import os
import pathlib
import re
import signal
import subprocess
import time

import pytest
from conftest import ROOT
from postfix_instance import Postfix, why_not
from recorder import Recorder, bare

QUICKSTART = ROOT / "scenarios/quickstart"
MAIL = (b"From: alice@example.com\r\nTo: bob@example.net\r\nSubject: to be signed\r\n"
        b"Date: Sun, 22 Nov 2026 09:15:02 +0100\r\nMessage-ID: <signed@example.com>\r\n\r\nHello.\r\n")


@pytest.fixture
def record(tool, tmp_path):
    recorders = []

    def begin(to, *options, **more):
        recorders.append(Recorder(tool, tmp_path, to, *options, **more))
        return recorders[-1]

    yield begin
    for one in recorders:
        if one.process.poll() is None:
            one.kill()


@pytest.fixture
def show(tool):
    def run(path):
        return subprocess.run([tool("milter-replay"), "show", path], check=True, capture_output=True, text=True).stdout
    return run


# --- Postfix and opendkim --------------------------------------------------------------------------------------

@pytest.mark.parametrize("file", ["postfix.trace", "postfix.pcap"])
def test_what_postfix_and_opendkim_say_is_recorded_and_not_changed(record, start, show, tmp_path, file):
    if why_not() is not None:
        pytest.skip(why_not())
    start([ROOT / "scripts/start-opendkim.sh", tmp_path / "opendkim", f"unix:{tmp_path}/dkim.sock"],
          socket=tmp_path / "dkim.sock", env=dict(os.environ, OPENDKIM_INTERNAL="127.0.0.1"))
    recorder = record(f"unix:{tmp_path}/dkim.sock", file=tmp_path / file)
    # in the words of Postfix
    port = recorder.spec.removeprefix("inet:").partition("@")[0]
    with Postfix(dkim=f"inet:127.0.0.1:{port}") as mta:
        queued, answer = mta.deliver(MAIL, "dkim")
    assert queued is not None, answer
    assert recorder.stop() == 0
    trace = recorder.file.read_text() if file.endswith(".trace") else show(recorder.file)
    lines = bare(trace, 1) + bare(trace, 2)
    text = "\n".join(lines)
    # Postfix' port was tried before
    assert re.search(r"^connect \S+ 127\.0\.0\.1 port=\d+$", text, re.M), text
    assert re.search(r"^macro .* i=" + re.search(r"queued as (\w+)", answer)[1], text, re.M)
    signature = re.search(r"^=> insert-header \d+ DKIM-Signature:.*\\tb=([^\\]+)", text, re.M)
    assert signature is not None, text
    assert signature[1][:40].encode() in queued.content.replace(b"\r\n", b"").replace(b"\t", b"")
    assert lines[-1] in ("quit", "close", "=> closed")


# --- tcpdump beside it -----------------------------------------------------------------------------------------

@pytest.fixture
def tcpdump(tmp_path):
    """tcpdump(PORT): captures until .stop(), which gives the file."""
    running = []

    class Dump:
        def __init__(self, port):
            self.file = tmp_path / f"{port}.pcap"
            self.process = subprocess.Popen(
                ["tcpdump", "-i", "lo", "-s", "0", "-U", "--immediate-mode", "-B", "16384", "-Z", "root", "-w", self.file, "tcp", "port", str(port)],
                stderr=subprocess.PIPE, text=True)
            running.append(self.process)
            said = ""
            while "listening on" not in said:
                line = self.process.stderr.readline()
                if not line:
                    pytest.skip(f"tcpdump may not capture here: {said.strip()}")
                said += line

        def stop(self):
            # what the kernel has not handed over yet
            size = -1
            while size != self.file.stat().st_size:
                size = self.file.stat().st_size
                time.sleep(0.3)
            self.process.send_signal(signal.SIGINT)
            said = self.process.communicate(timeout=60)[1]
            assert " 0 packets dropped by kernel" in " " + said.replace("\n", " "), said
            return self.file

    yield Dump
    for process in running:
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.mark.parametrize("side", ["mta", "milter"])
def test_tcpdump_of_the_same_traffic_is_the_same(record, tcpdump, client, play, show, side):
    milter = client("-q", spec="inet:0@127.0.0.1")
    recorder = record(milter.spec)
    spec = recorder.spec if side == "mta" else milter.spec
    dump = tcpdump(spec.removeprefix("inet:").partition("@")[0])
    assert play("-s", recorder.spec, QUICKSTART, "--jobs", "1").returncode in (0, 1)
    captured = show(dump.stop())
    assert recorder.stop() == 0
    recorded = recorder.file.read_text()
    n_sessions = recorded.count(" session ")
    assert captured.count(" session ") == n_sessions > 1
    for n in range(1, n_sessions + 1):
        assert bare(captured, n) == bare(recorded, n)


# --- miltertest ------------------------------------------------------------------------------------------------

SCRIPT = r"""
conn = mt.connect(spec)
if conn == nil then error("connect") end
function check(what, result, reply)
  if result ~= nil then error(what .. " failed") end
  if mt.getreply(conn) ~= reply then error(what .. ": unexpected reply") end
end
check("connect", mt.conninfo(conn, "client.example.com", "192.0.2.7"), SMFIR_CONTINUE)
check("helo", mt.helo(conn, "client.example.com"), SMFIR_CONTINUE)
mt.macro(conn, SMFIC_MAIL, "i", "4F1", "{auth_authen}", "alice")
check("mail", mt.mailfrom(conn, "<alice@example.com>"), SMFIR_CONTINUE)
check("busy", mt.rcptto(conn, "<busy@example.net>"), SMFIR_REPLYCODE)
check("rcpt", mt.rcptto(conn, "<bob@example.net>"), SMFIR_CONTINUE)
check("header", mt.header(conn, "From", "alice@example.com"), SMFIR_CONTINUE)
check("eoh", mt.eoh(conn), SMFIR_CONTINUE)
check("body", mt.bodystring(conn, "Hello.\r\n"), SMFIR_CONTINUE)
check("eom", mt.eom(conn), SMFIR_ACCEPT)
if not mt.eom_check(conn, MT_HDRADD, "X-Checked", "yes") then error("no mark") end
mt.disconnect(conn)
"""

RULES = """on rcpt <busy@example.net>
  => 451 4.7.1 "later"
on eom
  => add-header X-Checked: yes
  => accept
"""


def test_a_script_of_miltertest_becomes_a_scenario(record, client, play, scenario, tmp_path):
    rules = scenario(RULES, "rules")
    milter = client("-q", rules)
    recorder = record(milter.spec, "--sessions", "1")
    script = pathlib.Path(tmp_path, "check.lua")
    script.write_text(SCRIPT)
    # its connect() takes no address in brackets
    place = recorder.spec.replace("[127.0.0.1]", "localhost")
    done = subprocess.run(["miltertest", "-D", f"spec={place}", "-s", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert recorder.wait() == 0
    lines = recorder.lines()
    assert "macro mail i=4F1 {auth_authen}=alice" in lines
    assert lines[lines.index("rcpt <busy@example.net>") + 1] == '=> 451 4.7.1 "later"'
    assert lines[lines.index("eom") + 1:][:2] == ["=> add-header X-Checked: yes", "=> accept"]

    assert play("-s", milter.spec, recorder.file).returncode == 0
    other = client("-q", scenario(RULES.replace("451 4.7.1", "550 5.7.1"), "others"))
    done = play("-s", other.spec, recorder.file)
    assert done.returncode == 1
    assert 'expected  451 4.7.1 "later"' in done.stdout
