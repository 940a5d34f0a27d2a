# SPDX-License-Identifier: LGPL-2.1-or-later
"""--filter of milter-replay show and replay, and --summary."""

import json
import pathlib
import re
import subprocess

import pytest
from clientprocess import Client

CAPTURES = pathlib.Path(__file__).resolve().parents[1] / "data/captures"
VERDICTS = CAPTURES / "23-verdicts.pcap"


@pytest.fixture
def show(tool):
    def run(*arguments, **options):
        options.setdefault("timeout", 180)
        return subprocess.run([tool("milter-replay"), "show", *map(str, arguments)], capture_output=True, **options)
    return run


def connections(done):
    return sorted(int(n) for n in re.findall(r"^\+\S+ @(\d+) session", done.stdout.decode(), re.M))


@pytest.mark.parametrize("conditions, wanted", [
    (["reply=reject"], [1, 5, 8]),
    (["verdict=550*"], [2, 8]),
    (["sender=multi@example.com"], [2]),
    (["sender=/^(multi|discard)@/"], [2, 3]),
    (["peer=client.example.com"], [1, 2, 3, 4, 6, 7, 8]),
    (["peer!=client.example.com"], [5]),
    (["reply=discard", "rcpt=*"], [6, 8]),
    (["reply=discard", "header=Subject"], [8]),
])
def test_sessions_are_shown_that_have_such_a_message(show, conditions, wanted):
    done = show(*[f"--filter={c}" for c in conditions], VERDICTS)
    assert (done.returncode, done.stderr) == (0, b"")
    assert connections(done) == wanted


@pytest.mark.parametrize("path", sorted(CAPTURES.glob("*.pcap*")), ids=lambda p: p.name)
def test_what_a_filter_lets_pass_is_shown_as_without_it(show, path):
    """All of it passes a filter that says nothing: the lines of each connection are the same, in both forms."""
    everything = ["--filter", "peer!=nobody at all"]
    def lines(*arguments):
        found = {}
        for line in show(*arguments, path).stdout.decode().splitlines():
            match = re.match(r"\+\S+ @(\d+) ", line)
            found.setdefault(match[1] if match else "", []).append(line)
        return found
    assert lines(*everything) == lines()
    def objects(*arguments):
        found = {}
        for line in show("--json", *arguments, path).stdout.splitlines():
            value = json.loads(line)
            found.setdefault(value.get("connection"), []).append(value)
        return found
    filtered, whole = objects(*everything), objects()
    # the first of them tells the start
    assert filtered == whole


def test_messages_with_edits(show):
    def found(*conditions):
        return connections(show(*[f"--filter={c}" for c in conditions], CAPTURES / "20-two-milters.pcap"))
    assert found("edit") == [1, 2]
    assert found("edit=insert-header * Authentication-Results: *dkim=pass*") != []
    assert found("edit=replace-body*") == []
    assert found("milter=*:21301", "edit") != found("edit") or found("milter=*", "edit") == [1, 2]


def test_nothing_that_matches_is_told(show):
    done = show("--filter", "sender=nobody@nowhere", VERDICTS)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr == b"milter-replay show: no message matches --filter\n"
    for condition, message in (("bogus=x", "expected one of peer=PATTERN"), ("rcpt", "a pattern is missing"), ("rcpt=/(/", "rcpt=/(/")):
        done = show("--filter", condition, VERDICTS)
        assert done.returncode == 2 and message in done.stderr.decode(), condition


def test_a_long_session_is_shown_from_where_it_is_kept(show, tool):
    """Ten megabytes of mail that does not match, then one that does: what was negotiated, a remark, and the rest."""
    body = "x" * 60000
    lines = ["start 2026-11-22T14:56:23Z", "mta exact", "+0 @1 session", "+0 @1 negotiate version=6 actions=all steps=none",
             "+0 @1 => negotiate version=6 actions=all steps=none", "+0 @1 connect a unknown", "+0 @1 => continue"]
    for i in range(161):
        for command in (f"mail <{i}@example.com>", "rcpt <b>", "eoh", f"body {body}", "eom"):
            lines += [f"+{i + 1} @1 {command}", f"+{i + 1} @1 => continue"]
    lines.append("+999 @1 close")
    done = show("--filter", "sender=160@*", "-", input="\n".join(lines).encode())
    assert done.returncode == 0
    shown = done.stdout.decode()
    senders = [int(n) for n in re.findall(r"mail <(\d+)@", shown)]
    assert senders == list(range(senders[0], 161)) and 60 < senders[0] < 160
    assert f"# @1: {senders[0]} messages before are left out, which do not match\n" in shown
    assert "negotiate version=6" in shown


def summary(done):
    return json.loads(done.stdout)


def test_a_summary_counts(show):
    done = show("--summary", "--json", VERDICTS)
    assert (done.returncode, done.stderr) == (0, b"")
    found = summary(done)
    assert found["type"] == "summary"
    assert (found["connections"], found["sessions"], found["sessions_without_message"], found["messages"]) == (8, 8, 1, 12)
    assert found["verdicts"] == {"reject": 2, "tempfail": 2, "discard": 2, "accept": 1, "550 5.7.2": 1, "no verdict: aborted by the MTA": 0} or \
        sum(found["verdicts"].values()) == 12
    assert found["latency"]["mail"]["count"] == 12
    for stage in found["latency"].values():
        assert 0 < stage["p50"] <= stage["p99"] <= stage["max"] < 10


@pytest.mark.parametrize("path", sorted(CAPTURES.glob("*.pcap*")), ids=lambda p: p.name)
def test_a_summary_counts_what_is_shown(show, path):
    lines = [json.loads(line) for line in show("--json", path).stdout.splitlines()]
    frames = [line for line in lines if line["type"] == "frame"]
    done = show("--summary", "--json", path)
    assert done.returncode == 0
    found = summary(done)
    assert found["connections"] == len([line for line in lines if line["type"] == "opened"])
    assert found["holes"] == len([line for line in lines if line["type"] == "hole"])
    assert found["hole_bytes"] == sum(line["hole"] or 0 for line in lines if line["type"] == "hole")
    edits = {}
    for frame in frames:
        if frame["from"] == "milter" and frame["letter"] in "himb+2-eq":
            edits[frame["word"]] = edits.get(frame["word"], 0) + 1
    assert sum(found["edits"].values()) <= sum(edits.values()) and set(found["edits"]) == set(edits)
    if not found["holes"]:
        assert found["messages"] == len([f for f in frames if f["letter"] == "M"])
        assert {k: v for k, v in found["edits"].items() if k != "replace-body"} == {k: v for k, v in edits.items() if k != "replace-body"}
    text = show("--summary", path).stdout.decode()
    assert re.search(rf"^messages +{found['messages']}$", text, re.M) and re.search(rf"^sessions +{found['sessions']}\b", text, re.M)
    assert ("missing: " in text) == (found["holes"] > 0)


@pytest.mark.parametrize("pattern", ["one@client.example.com", "<one@client.example.com>", "*@client.*", "<*>", "4F1C"])
def test_a_message_is_found_by_its_ids(show, tmp_path, pattern):
    (tmp_path / "x.trace").write_text(UNANSWERED.replace("+0.007 @1", "+0.0065 @1 header Message-ID: <one@client.example.com>\n"
                                                          "+0.0066 @1 => continue\n+0.0069 @1 macro eom i=4F1C\n+0.007 @1"))
    assert connections(show("--filter", f"id={pattern}", tmp_path / "x.trace")) == [1]
    assert show("--filter", f"id=x{pattern}", tmp_path / "x.trace").returncode == 1


UNANSWERED = """start 2026-11-23T10:00:00Z
mta exact
+0 @1 session
+0.001 @1 negotiate version=6 actions=all steps=all
+0.002 @1 => negotiate version=6 actions=all steps=none
+0.003 @1 mail <a@example.com>
+0.004 @1 => continue
+0.005 @1 rcpt <b@example.net>
+0.006 @1 => continue
+0.007 @1 eom
"""


@pytest.mark.parametrize("end, verdict", [
    ("+0.008 @1 lost 5  # frame 9, from the milter\n+0.009 @1 abort\n+0.01 @1 quit\n+0.011 @1 close\n",
     "no verdict: its answer is missing"),
    ("+0.008 @1 abort\n+0.009 @1 quit\n+0.01 @1 close\n", "no verdict: the connection ended"),
    ("", "no verdict: the recording ends"),
])
def test_a_lost_verdict_is_told_from_the_end_of_the_recording(show, tmp_path, end, verdict):
    (tmp_path / "x.trace").write_text(UNANSWERED + end)
    done = show("--summary", "--json", tmp_path / "x.trace")
    assert (done.returncode, done.stderr) == (0, b"")
    assert summary(done)["verdicts"] == {verdict: 1}


def test_a_summary_of_what_matches(show):
    found = summary(show("--summary", "--json", "--filter", "verdict=discard", VERDICTS))
    assert set(found["verdicts"]) == {"discard"} and found["messages"] == found["verdicts"]["discard"]
    assert 0 < found["sessions"] <= found["messages"]
    assert found["latency"]["mail"]["count"] == found["messages"]
    done = show("--summary", "--filter", "sender=nobody", VERDICTS)
    assert done.returncode == 1 and b"no message matches" in done.stderr


def test_a_summary_is_the_same_of_a_trace(show, tmp_path):
    (tmp_path / "x.trace").write_bytes(show(VERDICTS).stdout)
    def without_times(path):
        found = summary(show("--summary", "--json", path))
        return {k: v for k, v in found.items() if k not in ("from", "to")}
    assert without_times(tmp_path / "x.trace") == without_times(VERDICTS)


# --- replay ----------------------------------------------------------------------------------------------------

@pytest.fixture
def replay(tool):
    def run(*arguments, **options):
        return subprocess.run([tool("milter-replay"), "replay", *map(str, arguments)], capture_output=True, text=True, timeout=60, **options)
    return run


@pytest.fixture
def milter(tool, tmp_path):
    """One that answers as that of the recording did, again and again; what does not come is no matter here."""
    client = Client(tool, tmp_path, "--replay", VERDICTS, "--loop", "-q")
    yield client
    client.stop()


@pytest.mark.parametrize("conditions, wanted", [
    (["reply=reject"], [1, 5, 8]),
    (["reply=discard", "rcpt=*"], [6, 8]),
    (["peer!=client.example.com"], [5]),
    (["header=Subject"], [8]),
])
@pytest.mark.parametrize("options", [[], ["--speed", "100"], ["--connections", "1", "--loop=2"]], ids=["max", "paced", "twice"])
def test_sessions_are_played_that_have_such_a_message(milter, replay, conditions, wanted, options):
    done = replay(VERDICTS, "-v", "-s", milter.spec, *options, *[f"--filter={c}" for c in conditions])
    assert done.returncode == 0, done.stdout + done.stderr
    names = re.findall(r"^ *ok +\S+: connection (\d+)", done.stdout, re.M)
    assert sorted(map(int, names)) == sorted(wanted * (2 if "--loop=2" in options else 1)), done.stdout
    assert re.search(r"; no difference\b", done.stdout, re.M)


def test_a_pipe_is_filtered_as_it_comes(milter, replay):
    done = replay("-", "-s", milter.spec, "--filter=reply=reject", stdin=VERDICTS.open("rb"))
    assert (done.returncode, done.stderr) == (0, "")
    with subprocess.Popen(["cat", VERDICTS], stdout=subprocess.PIPE) as cat:
        done = replay("-", "-s", milter.spec, "--filter=reply=reject", stdin=cat.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r" on 3 connections in .*; no difference\b", done.stdout, re.M), done.stdout


@pytest.mark.parametrize("condition, status, told", [
    ("sender=nobody@nowhere", 1, "nothing was played: no message matches --filter"),
    ("bogus=x", 2, "expected one of peer=PATTERN"),
    ("rcpt", 2, "a pattern is missing"),
])
def test_nothing_to_play_is_no_success(milter, replay, condition, status, told):
    done = replay(VERDICTS, "-s", milter.spec, f"--filter={condition}")
    assert done.returncode == status and told in done.stderr, done.stderr
