# SPDX-License-Identifier: LGPL-2.1-or-later
"""--conformance of milter-test-client: what Postfix and sendmail keep, and what there is without an MTA."""

import json
import pathlib
import re
import socket
import subprocess

import pytest

from conformance_mtas import judge, why_not
from mta_mutants import Mta
from postfix_instance import free_port

CASES = pathlib.Path(__file__).resolve().parents[2] / "scenarios/conformance/mta"


@pytest.fixture
def run(tool):
    """run(ARGUMENT…): milter-test-client --conformance, bounded in time."""

    def begin(*arguments, timeout=60):
        return subprocess.run([tool("milter-test-client"), "--conformance", *map(str, arguments)], text=True,
                              capture_output=True, timeout=timeout, check=False)

    return begin


def play(name, build, *arguments):
    """The run, and the cases by id."""
    result = judge(name, build, *arguments)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    return result, {line["id"]: line for line in lines if line["type"] == "case"}


@pytest.mark.parametrize("name", ["postfix", "sendmail"])
def test_an_mta_keeps_all_but_its_known_deviations(name, build, tmp_path):
    reason = why_not(name, build)
    if reason:
        pytest.skip(reason)
    page = tmp_path / "report.html"
    result, cases = play(name, build, "--strict", "--report", f"html:{page}")
    wrong = {name: case["failures"] or case["outcome"] for name, case in cases.items()
             if case["outcome"] not in ("held", "known-deviation", "skipped")}
    assert not wrong, json.dumps(wrong, indent=1)
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr
    skipped = {case["reason"] for case in cases.values() if case["outcome"] == "skipped"}
    other = "sendmail" if name == "postfix" else "postfix"
    assert skipped == {f"it is asked of {other} only: --mta {other}", "it waits for long: --slow plays it"}
    assert len(cases) == 102
    assert '<tr id="MOD-20">' in page.read_text()


def read_lines(path):
    """With those that are included."""
    for line in path.read_text().splitlines():
        if line.startswith("include "):
            yield from read_lines(path.parent / line.split()[1])
        else:
            yield line


def read_cases(style, paths, slow):
    """Of each case that such an MTA is asked how many connections its client makes, and whether it is hostile."""
    cases, name = {}, None
    for path in [CASES / "probe.scenario", *paths]:
        for line in read_lines(path):
            found = re.match(r"case (\S+) (.*)", line)
            if found:
                asked = re.search(r"\bmta=(\w+)", found[2])
                is_asked = (asked is None or asked[1] == style) and (slow or not re.search(r" slow\b", found[2]))
                name = found[1] if is_asked else None
                if is_asked:
                    cases[name] = [0, found[2].endswith("hostile")]
            elif line.startswith("smtp connect") and name:
                cases[name][0] += 1
    return cases


def make_plan(run, cases, paths, is_broken):
    """For each connection what it breaks, in the order in which cases are played."""
    order = [line.split()[0] for line in run("--list", *paths).stdout.splitlines()]
    order = ["PROBE-1", *(name for name in order if name in cases and not cases[name][1]), "PROBE-2",
             *(name for name in order if name in cases and cases[name][1])]
    return [name if is_broken and not name.startswith("PROBE") else None
            for name in order for _ in range(cases[name][0])]


def find_wrong(run, folder, style, is_broken, paths, *options, slow=False, **times):
    """Plays the files against an MTA that keeps, or breaks, what each case asks: what did not turn out so."""
    cases = read_cases(style, paths, slow)
    delivery = free_port()
    folder.mkdir()
    with Mta(str(folder / "m.sock"), delivery, style, make_plan(run, cases, paths, is_broken), **times) as mta:
        result = run("-s", f"unix:{folder}/m.sock", "--smtp", f"inet:{mta.port}@127.0.0.1", "--delivery",
                     f"inet:{delivery}@127.0.0.1", "--mta", style, "-q", "--strict", "--report", "json:-", *options, *paths,
                     timeout=300)
        assert not mta.plan, "fewer connections than were meant"
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    outcomes = {line["id"]: (line["outcome"], line["failures"][:1]) for line in lines if line["type"] == "case"}
    asked = {name for name in cases if not name.startswith("PROBE")}
    assert asked == {name for name, (outcome, _) in outcomes.items() if outcome != "skipped"}
    return {name: outcomes[name] for name in asked if outcomes[name][0] != ("failed" if is_broken else "held")}


@pytest.mark.parametrize("is_broken", [False, True])
@pytest.mark.parametrize("style", ["postfix", "sendmail"])
def test_each_case_is_kept_and_fails_when_it_is_broken(run, tmp_path, style, is_broken):
    # what is not asked of one MTA alone is the same for both
    paths = [path for path in sorted(CASES.glob("*.scenario")) if path.stem != "probe"
             and (style == "postfix" or "mta=" in path.read_text())]
    # nothing is late but in a session that breaks something
    wrong = find_wrong(run, tmp_path / "mta", style, is_broken, paths, "--smtp-timeout", "3s" if is_broken else "60s")
    assert not wrong, json.dumps(wrong, indent=1)


@pytest.mark.parametrize("is_broken", [False, True])
@pytest.mark.parametrize("style", ["postfix", "sendmail"])
def test_each_case_of_long_waits_is_kept_and_fails_when_it_is_broken(run, tmp_path, style, is_broken):
    # on a machine that is busy the times run into one another: ten times as long they do not
    for scale in (1, 10):
        wrong = find_wrong(run, tmp_path / str(scale), style, is_broken, [CASES / "tmo.scenario"], "--slow", "-D",
                           f"pause={300 * scale}ms", "--smtp-timeout", f"{6 * scale}s", slow=True, read=0.5 * scale,
                           total=1.3 * scale)
        if not wrong:
            break
    assert not wrong, json.dumps(wrong, indent=1)


def test_cases_that_wait_for_long_are_played_when_they_are_asked_for(build):
    reason = why_not("postfix", build)
    if reason:
        pytest.skip(reason)
    result, cases = play("postfix", build, "--slow", "--filter", "TMO-*")
    assert result.returncode == 0, result.stdout + result.stderr
    assert {name: case["outcome"] for name, case in cases.items()} == {
        "TMO-08": "held", "TMO-09": "skipped", "TMO-10": "held", "TMO-12": "held"}


def test_the_list_has_all_requirements(run):
    result = run("--list")
    assert result.returncode == 0
    assert len(result.stdout.splitlines()) == 102
    assert "RCP-12  MUST    a recipient that is rejected is refused alone\n" in result.stdout
    assert re.search(r"^TMO-08  MUST .* \(slow\)$", result.stdout, re.M)
    assert run("--list", "--filter", "RCP").stdout.count("\n") == 8


@pytest.mark.parametrize("arguments,sentence", [
    (["--smtp", "inet:1", "-e", "on mail => reject"], "-e: does not go together with --conformance"),
    (["--smtp", "inet:1", "--json"], "--json: does not go together"),
    (["--smtp", "nonsense:1"], "--smtp: "),
    (["--smtp", "inet:1@127.0.0.1", "--delivery", "nonsense:1"], "--delivery: "),
    (["--smtp", "inet:1", "--filter", "NOTHING"], 'no requirement holds "NOTHING"'),
    (["--smtp", "inet:1", "-D", "sendr=a"], "the suite has no variable $sendr"),
    (["--smtp", "inet:1", "--deviations", "nobody"], "--deviations: "),
    (["--smtp", "inet:1", "--smtp-timeout", "soon"], "--smtp-timeout: "),
])
def test_wrong_usage_is_told(run, tmp_path, arguments, sentence):
    result = run(*(arguments if "-s" in arguments else ["-s", f"unix:{tmp_path}/m.sock", *arguments]))
    assert result.returncode == 2
    assert sentence in result.stderr


@pytest.mark.parametrize("option", ["--smtp=inet:1", "--delivery=inet:1", "--mta=postfix", "--filter=RCP", "--list", "--slow",
                                    "--deviations=postfix"])
def test_options_of_the_suite_go_with_it_alone(tool, option):
    result = subprocess.run([tool("milter-test-client"), "-s", "unix:x", option], text=True, capture_output=True, timeout=60,
                            check=False)
    assert result.returncode == 2
    assert f"{option.partition('=')[0]}: goes with --conformance" in result.stderr


def say(port, helo, *lines):
    """A client of its own; its replies."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as link:
        stream = link.makefile("rwb")

        def reply():
            while True:
                line = stream.readline()
                if line[3:4] != b"-":
                    return line[:3].decode()

        replies = [reply()]
        for line in (f"EHLO {helo}", *lines, "QUIT"):
            stream.write(line.encode() + b"\r\n")
            stream.flush()
            replies.append(reply())
        return replies


def test_other_clients_play_the_cases_that_their_helo_names(tool, tmp_path):
    path = tmp_path / "m.sock"
    process = subprocess.Popen([tool("milter-test-client"), "--conformance", "-s", f"unix:{path}", "--sessions", "4", "--strict",
                                "--report", "json:-"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr.readline().startswith("listening on")
    envelope = ("MAIL FROM:<alice@example.com>", "RCPT TO:<bob@example.net>")
    with Mta(str(path), 0, "postfix", [None, None, "ABT-08", None]) as mta:
        replies = say(mta.port, "mai-11.example.com", *envelope)
        # a rule of the case
        assert replies == ["220", "250", "550", "503", "221"]
        say(mta.port, "unk-12.example.com", "XONE two", *envelope)
        say(mta.port, "abt-08.example.com", *envelope, "RSET")
        say(mta.port, "somebody.example.com", *envelope)
        output, errors = process.communicate(timeout=60)
    cases = {line["id"]: line for line in map(json.loads, output.splitlines()) if line["type"] == "case"}
    assert process.returncode == 1, errors
    assert {name: case["outcome"] for name, case in cases.items() if case["outcome"] != "skipped"} == {
        "MAI-11": "held", "UNK-12": "held", "ABT-08": "failed"}
    assert cases["MAI-11"]["notes"] == [{"text": "in part: what the client was told is seen with --smtp alone"}]
    reasons = {name: cases[name]["reason"] for name in ("RCP-13", "NEG-28", "HLO-09", "MAI-12", "RCP-14")}
    assert reasons == {
        "RCP-13": "no client said EHLO rcp-13.example.com",
        "NEG-28": "it is about what comes before helo: --smtp plays it",
        "HLO-09": "no client said EHLO hlo-09.example.com",
        "MAI-12": "it is about what is delivered: --delivery SPEC takes that",
        "RCP-14": "it is about what a client is told: --smtp plays it",
    }


def test_an_mta_that_is_not_there_cannot_be_tested(run, tmp_path):
    smtp = f"inet:{free_port()}@127.0.0.1"
    result = run("-s", f"unix:{tmp_path}/m.sock", "--smtp", smtp)
    assert result.returncode == 3
    assert f"{smtp}: the MTA cannot be reached: Connection refused" in result.stderr
