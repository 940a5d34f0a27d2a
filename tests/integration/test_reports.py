# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reports for a CI: read back by those who read them elsewhere, with the same counts, whatever milters say."""

import base64
import fcntl
import json
import os
import pty
import re
import signal
import stat
import struct
import subprocess
import termios
import time
import unicodedata

import junitparser
import pytest
from conftest import ROOT
from fakemilter import CLOSE, CONTINUE, SILENT, reply_code
from milterwire import frame

# all that a format could stumble over: markup, quotes, comments, controls, bytes that are no UTF-8, characters
# that XML forbids (U+FFFE), a control of Latin 1
HOSTILE = b"]]> <b>&amp;\"' # \\ \x1b[31m\x01 \xff\xfe \xef\xbf\xbe \xc2\x9b \xed\xa0\x80 \xe6\x97\xa5"
NAME = r'''"a \"quoted\" # name: <b> & \n 'new line' \\x41 日本"'''
SHOWN_NAME = '''a "quoted" # name: <b> & \n 'new line' \\x41 日本'''

GOOD = "session good\n  eom\n"
WRONG = "session wrong\n  rcpt <bob@example.net>\n    => 451 4.7.1 *\n  eom\n"
UNREAD = "session what\n  mial <a@b>\n"


def run(play, tmp_path, spec, *files, more=()):
    """Plays with all reports; the finished process and what each report holds."""
    names = {form: tmp_path / f"report.{form}" for form in ("text", "junit", "tap", "json")}
    arguments = [f"--report={form}:{path}" for form, path in names.items()]
    done = play("-s", spec, *arguments, *more, *files)
    return done, {form: path.read_bytes() for form, path in names.items()}


def lines_of(data):
    return [json.loads(line) for line in data.decode().splitlines()]


def counts_of_junit(data, tmp_path):
    """(tests, failures, errors, skipped) as junitparser reads and as it counts them; validated."""
    path = tmp_path / "check.xml"
    path.write_bytes(data)
    done = subprocess.run(["xmllint", "--noout", "--schema", ROOT / "tests/data/junit.xsd", path], text=True,
                          capture_output=True)
    assert done.returncode == 0, done.stderr
    xml = junitparser.JUnitXml.fromfile(str(path))
    told = (xml.tests, xml.failures, xml.errors, xml.skipped)
    suites = [(suite.tests, suite.failures, suite.errors, suite.skipped) for suite in xml]
    assert told == tuple(map(sum, zip(*suites)))
    for suite in xml:
        suite.update_statistics()
    assert suites == [(suite.tests, suite.failures, suite.errors, suite.skipped) for suite in xml]
    return told, xml


def prove(path):
    return subprocess.run(["prove", "-v", "--source", "File", "--ext", ".tap", path], text=True, capture_output=True)


def yaml_of_tap(path):
    """The YAML of each point, as Perl's TAP parser reads it: (ok, description, directive, data)."""
    script = r"""
        use TAP::Parser; use JSON::PP;
        my @points;
        my $parser = TAP::Parser->new({ source => $ARGV[0] });
        while (my $result = $parser->next) {
            if ($result->is_test) {
                push @points, { ok => $result->is_actual_ok ? 1 : 0, text => $result->description,
                                skip => $result->has_skip ? $result->explanation : undef };
            } elsif ($result->is_yaml) { $points[-1]{data} = $result->data; }
            elsif ($result->is_unknown) { die "unknown line: " . $result->as_string; }
        }
        print JSON::PP->new->ascii->encode({ points => \@points, errors => [$parser->parse_errors] });
    """
    done = subprocess.run(["perl", "-e", script, path], text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    parsed = json.loads(done.stdout)
    assert parsed["errors"] == []
    return parsed["points"]


# --- the same in all formats --------------------------------------------------------------------

def test_all_reports_count_the_same(play, fake, scenario, tmp_path):
    done, got = run(play, tmp_path, fake().spec, scenario(GOOD + WRONG, "a.scenario"),
                    scenario(UNREAD, "b.scenario"))
    assert done.returncode == 2, done.stdout + done.stderr
    told, xml = counts_of_junit(got["junit"], tmp_path)
    assert told == (3, 1, 1, 0)
    summary = lines_of(got["json"])[-1]
    assert (summary["type"], summary["cases"], summary["held"], summary["failed"], summary["broken"],
            summary["unread"], summary["status"]) == ("summary", 3, 1, 1, 0, 1, 2)
    assert "2 sessions: 1 held, 1 failed; not read: 1" in got["text"].decode()
    assert "2 sessions: 1 held, 1 failed; not read: 1" in done.stdout
    points = yaml_of_tap(tmp_path / "report.tap")
    assert sorted(point["ok"] for point in points) == [0, 0, 1]

    done, got = run(play, tmp_path, fake({"H": CLOSE}).spec, scenario(GOOD + WRONG))
    assert done.returncode == 3
    told, xml = counts_of_junit(got["junit"], tmp_path)
    assert told == (2, 0, 2, 0)
    assert lines_of(got["json"])[-1]["broken"] == 2


def test_a_testcase_is_a_session_its_class_the_file(play, fake, scenario, tmp_path):
    path = scenario("\n\n" + GOOD)
    done, got = run(play, tmp_path, fake().spec, path)
    assert done.returncode == 0
    told, xml = counts_of_junit(got["junit"], tmp_path)
    (suite,) = xml
    (case,) = suite
    assert (suite.name, case.name, case.classname) == (str(path), "good", str(path))
    assert case._elem.get("line") == "3"
    assert 0 < case.time < 20
    assert case.system_out is None


def test_a_failure_holds_what_was_expected_and_the_log(play, fake, scenario, tmp_path):
    path = scenario(WRONG)
    done, got = run(play, tmp_path, fake().spec, path)
    assert done.returncode == 1
    told, xml = counts_of_junit(got["junit"], tmp_path)
    (case,) = list(xml)[0]
    (result,) = case.result if isinstance(case.result, list) else [case.result]
    assert isinstance(result, junitparser.Failure)
    assert "expected 451 4.7.1 *, got continue" in result.message
    assert f"{path}:3: reply to rcpt <bob@example.net>" in result._elem.text
    assert "> rcpt <bob@example.net>" in case.system_out
    assert "< continue" in case.system_out

    (point,) = yaml_of_tap(tmp_path / "report.tap")
    (failure,) = point["data"]["failures"]
    assert (failure["expected"], failure["at"]) == ("451 4.7.1 *", f"{path}:3")
    assert "> rcpt <bob@example.net>\n" in point["data"]["log"]

    (case,) = [line for line in lines_of(got["json"]) if line["type"] == "case"]
    assert (case["outcome"], case["failures"][0]["line"]) == ("failed", 3)
    assert "> rcpt <bob@example.net>" in case["log"]
    assert case["messages"][0]["verdict"] == "continue"
    assert "log\n  +0." in got["text"].decode()


def test_a_broken_session_is_an_error(play, fake, scenario, tmp_path):
    done, got = run(play, tmp_path, fake({"M": CLOSE}).spec, scenario(GOOD))
    assert done.returncode == 3
    told, xml = counts_of_junit(got["junit"], tmp_path)
    assert told == (1, 0, 1, 0)
    assert b'type="broken"' in got["junit"]


def test_nobody_there_is_an_error_not_a_missing_case(play, scenario, tmp_path):
    done, got = run(play, tmp_path, f"unix:{tmp_path}/nobody", scenario(GOOD + WRONG))
    assert done.returncode == 3
    assert counts_of_junit(got["junit"], tmp_path)[0] == (2, 0, 2, 0)


def test_a_skip_has_its_reason_in_every_report(play, fake, scenario, tmp_path):
    path = scenario("session away\n  require program no-such-program\n  eom\n")
    done, got = run(play, tmp_path, fake().spec, path)
    assert done.returncode == 77, done.stdout + done.stderr
    assert re.search(r"^skip .*: away.*: .*no-such-program", done.stdout, re.M)
    told, xml = counts_of_junit(got["junit"], tmp_path)
    assert told == (1, 0, 0, 1)
    assert re.search(rb'<skipped message="[^"]*no-such-program', got["junit"])
    (point,) = yaml_of_tap(tmp_path / "report.tap")
    assert (point["ok"], "no-such-program" in point["skip"]) == (1, True)
    (case,) = [line for line in lines_of(got["json"]) if line["type"] == "case"]
    assert (case["outcome"], "no-such-program" in case["reason"]) == ("skipped", True)


def test_a_file_that_does_not_parse_is_a_case(play, fake, scenario, tmp_path):
    path = scenario(UNREAD)
    done, got = run(play, tmp_path, fake().spec, path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert f"{path}:2:3: expected" in done.stderr
    told, xml = counts_of_junit(got["junit"], tmp_path)
    assert told == (1, 0, 1, 0)
    assert f"{path}:2:3: expected" in got["junit"].decode()
    assert f"{path}:2:3: expected" in got["text"].decode()
    (point,) = yaml_of_tap(tmp_path / "report.tap")
    assert (point["ok"], point["data"]["outcome"]) == (0, "unread")


# --- hostile text -------------------------------------------------------------------------------

@pytest.mark.parametrize("answer", [
    frame(b"h", b"X-" + HOSTILE.replace(b":", b"") + b"\0" + HOSTILE + b"\0") + CONTINUE,
    reply_code(b"550 5.7.1 " + HOSTILE),
    frame(b"q", HOSTILE + b"\0") + CONTINUE,
    frame(b"\x01", HOSTILE),
    HOSTILE,
], ids=["header", "reply", "quarantine", "unknown letter", "no frame"])
def test_what_a_milter_says_breaks_no_format(play, fake, scenario, tmp_path, answer):
    path = scenario(f"session {NAME}\n  eom\n    => only\n    => discard\n")
    done, got = run(play, tmp_path, fake({"E": answer}).spec, path, more=["--timeout=2s"])
    assert done.returncode in (1, 3), done.stdout + done.stderr
    told, xml = counts_of_junit(got["junit"], tmp_path)
    assert told[0] == 1 and told[1] + told[2] == 1
    (case,) = list(xml)[0]
    assert case.name == SHOWN_NAME
    assert prove(tmp_path / "report.tap").returncode == 1
    (point,) = yaml_of_tap(tmp_path / "report.tap")
    assert point["skip"] is None
    assert r"\# name" in point["text"] and r"\\x0a" in point["text"]
    (case,) = [line for line in lines_of(got["json"]) if line["type"] == "case"]
    assert case["name"] == SHOWN_NAME
    for text in (done.stdout.encode(), got["text"], got["junit"], got["tap"]):
        assert not re.search(rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xef\xbf\xbe", text)
        text.decode()


def test_control_characters_of_names_are_shown(play, fake, scenario, tmp_path):
    path = scenario(r'''session "esc \x1b tab \t"
  eom
''')
    done, got = run(play, tmp_path, fake().spec, path)
    assert done.returncode == 0
    assert rb'name="esc \x1b tab &#9;"' in got["junit"]
    assert rb"esc \\x1b tab" in got["tap"]
    assert [line["name"] for line in lines_of(got["json"]) if line["type"] == "case"] == ["esc \x1b tab \t"]


def test_a_long_log_is_cut_in_the_middle(play, fake, scenario, tmp_path):
    fields = "".join(f"  header X-{i}: {i}\n" for i in range(600))
    done, got = run(play, tmp_path, fake().spec, scenario("session long\n" + fields + "  eom => reject\n"))
    assert done.returncode == 1
    text = got["text"].decode()
    assert re.search(r"^  … \d+ frames are left out here$", text, re.M)
    assert "X-1: 1\n" in text and "X-599: 599\n" in text and "X-300: 300\n" not in text
    counts_of_junit(got["junit"], tmp_path)


# --- TAP ----------------------------------------------------------------------------------------

def test_prove_passes_what_holds_and_fails_what_does_not(play, fake, scenario, tmp_path):
    run(play, tmp_path, fake().spec, scenario(GOOD))
    done = prove(tmp_path / "report.tap")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Result: PASS" in done.stdout
    run(play, tmp_path, fake().spec, scenario(GOOD + WRONG))
    done = prove(tmp_path / "report.tap")
    assert done.returncode == 1
    assert "Failed test:  2" in done.stdout


def test_prove_may_run_the_program_itself(tool, fake, scenario, tmp_path):
    done = subprocess.run(["prove", "--exec", f"{tool('milter-test-server')} -s {fake().spec} --report=tap:-",
                           scenario(GOOD)], text=True, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr


# --- where reports go ---------------------------------------------------------------------------

@pytest.mark.parametrize("form", ["junit", "tap", "json"])
def test_a_report_on_the_standard_output_is_alone_there(play, fake, scenario, tmp_path, form):
    done = play("-s", fake().spec, f"--report={form}:-", scenario(GOOD))
    assert done.returncode == 0
    assert "1 session: 1 held" in done.stderr
    assert "session:" not in done.stdout
    if form == "junit":
        counts_of_junit(done.stdout.encode(), tmp_path)
    if form == "json":
        assert lines_of(done.stdout.encode())[-1]["type"] == "summary"


def test_the_plain_run_is_a_case_too(play, fake, tmp_path):
    names = [f"--report={form}:{tmp_path}/report.{form}" for form in ("junit", "tap", "json")]
    done = play("-s", fake({"E": reply_code(b"550 5.7.1 no")}).spec, "--name", "mine", *names)
    assert done.returncode == 1
    assert done.stdout.startswith("status: reject [550]<5.7.1>(no)\nelapsed-time: ")
    told, xml = counts_of_junit((tmp_path / "report.junit").read_bytes(), tmp_path)
    assert told == (1, 1, 0, 0)
    (case,) = list(xml)[0]
    assert (case.name, case.classname) == ("mine", "milter-test-server")
    done = play("-s", fake().spec, "--report=tap:-")
    assert done.stdout.startswith("TAP version 13\n")
    assert done.stderr.startswith("status: pass\n")


@pytest.mark.parametrize("value, words", [
    ("junit", "FORMAT:FILE"), ("junit:", "FORMAT:FILE"), ("xml:x", "FORMAT:FILE"), ("", "FORMAT:FILE"),
    ("junit:/no/such/folder/x", "No such file"), ("tap:.", "directory"),
])
def test_a_report_that_cannot_be_written_is_told_before_anything_is_played(play, fake, scenario, tmp_path, value,
                                                                           words):
    milter = fake()
    done = play("-s", milter.spec, "--report", value, scenario(GOOD), cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert re.search(rf"--report: .*{words}", done.stderr)
    assert done.stderr.count("\n") == 1
    assert milter.n_connections == 0


def test_two_reports_cannot_share_the_standard_output(play, fake, scenario):
    done = play("-s", fake().spec, "--report=tap:-", "--report=json:-", scenario(GOOD))
    assert done.returncode == 2
    assert "standard output" in done.stderr


def test_a_full_disk_is_told(play, fake, scenario):
    done = play("-s", fake().spec, "--report=junit:/dev/full", scenario(GOOD))
    assert done.returncode == 2
    assert "the report junit:/dev/full cannot be written: No space" in done.stderr


def test_an_old_report_does_not_outlive_a_run_that_died(tool, fake, scenario, tmp_path):
    report = tmp_path / "report.xml"
    report.write_text("<testsuites/>")
    milter = fake({"H": SILENT})
    process = subprocess.Popen([tool("milter-test-server"), "-s", milter.spec, f"--report=junit:{report}",
                                scenario(GOOD)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for_helo(milter)
    process.kill()
    process.communicate(timeout=60)
    assert report.read_text() == ""


def test_a_report_is_written_behind_a_link(play, fake, scenario, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert play("-s", fake().spec, f"--report=json:{tmp_path}/link", scenario(GOOD)).returncode == 0
    assert stat.S_ISLNK(os.lstat(tmp_path / "link").st_mode)
    assert lines_of((tmp_path / "real").read_bytes())[-1]["held"] == 1


def wait_for_helo(milter):
    end = time.monotonic() + 60
    while "H" not in milter.letters() and time.monotonic() < end:
        time.sleep(0.02)


def test_an_interrupted_run_leaves_whole_reports(tool, fake, scenario, tmp_path):
    milter = fake({"H": SILENT})
    names = [f"--report={form}:{tmp_path}/report.{form}" for form in ("junit", "tap", "json")]
    process = subprocess.Popen([tool("milter-test-server"), "-s", milter.spec, *names, scenario(GOOD + WRONG)],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for_helo(milter)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1, out + err
    assert "2 sessions: 1 failed, 1 unplayed" in out
    told, xml = counts_of_junit((tmp_path / "report.junit").read_bytes(), tmp_path)
    assert told == (2, 1, 0, 1)
    done = prove(tmp_path / "report.tap")
    assert done.returncode != 0
    assert "Bail out!" in (tmp_path / "report.tap").read_text()
    summary = lines_of((tmp_path / "report.json").read_bytes())[-1]
    assert (summary["interrupted"], summary["failed"], summary["unplayed"]) == (True, 1, 1)


# --- which sessions -----------------------------------------------------------------------------

THREE = "session one\n  eom\nsession two\n  eom\nsession\n  eom\n"


@pytest.mark.parametrize("pattern, names", [
    ("one", ["one"]), ("*: t*", ["two"]), ("scenario: o", ["one"]), ("*", ["one", "two", "3"]), ("*: ?", ["3"]),
    ("test.scenario", ["one", "two", "3"]),
])
def test_a_filter_leaves_out_what_it_does_not_mean(play, fake, scenario, tmp_path, pattern, names):
    path = scenario(THREE)
    done, got = run(play, tmp_path, fake().spec, path, more=["--filter", pattern])
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line["name"] for line in lines_of(got["json"]) if line["type"] == "case"] == names
    done = play("--list", "--filter", pattern, path)
    assert done.returncode == 0
    assert [line.partition(": ")[2] for line in done.stdout.splitlines()] == names


def test_a_filter_means_rounds_and_copies_by_their_names(play, fake, scenario):
    path = scenario('parallel 2 session "client $p"\n  eom\nrepeat 2 session again\n  eom\nsession other\n  eom\n')
    for pattern in "client 2", "again (round 2)", "*: client ?":
        done = play("-s", fake().spec, "--filter", pattern, path)
        assert (done.returncode, "2 sessions: 2 held" in done.stdout) == (0, True), done


def test_a_filter_that_means_nothing_is_an_error(play, fake, scenario):
    milter = fake()
    done = play("-s", milter.spec, "--filter", "nothing", scenario(THREE))
    assert done.returncode == 2
    assert '"nothing"' in done.stderr
    assert done.stdout == ""
    assert milter.n_connections == 0


def test_a_list_needs_no_milter(play, scenario, tmp_path):
    path = scenario(THREE)
    done = play("--list", path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{path}:1: one\n{path}:3: two\n{path}:5: 3\n"
    done = play("--list", path, scenario(UNREAD, "bad.scenario"))
    assert done.returncode == 2
    assert "bad.scenario:2:3: expected" in done.stderr
    assert done.stdout.count("\n") == 3


def test_fail_fast_begins_nothing_behind_a_failure(play, fake, scenario, tmp_path):
    milter = fake()
    path = scenario(GOOD + WRONG + THREE)
    done, got = run(play, tmp_path, milter.spec, path, more=["--fail-fast"])
    assert done.returncode == 1
    assert milter.n_connections == 2
    assert "5 sessions: 1 held, 1 failed, 3 unplayed" in done.stdout
    assert counts_of_junit(got["junit"], tmp_path)[0] == (5, 1, 0, 3)
    done, got = run(play, tmp_path, fake().spec, path, more=["--fail-fast", "--keep-going"])
    assert "5 sessions: 4 held, 1 failed (" in done.stdout


def test_a_variable_of_the_command_line_wins(play, fake, scenario):
    path = scenario("let who alice@example.com\nsession $who\n  mail <$who>\n  eom\n")
    milter = fake()
    assert play("-s", milter.spec, "-D", "who=bob@example.net", path).returncode == 0
    assert milter.payloads("M") == [b"<bob@example.net>\0"]


@pytest.mark.parametrize("arguments, words", [
    (["-D", "who"], "NAME=VALUE"), (["-D", "=x"], "NAME=VALUE"), (["-D", "1a=x"], "NAME=VALUE"),
    (["-D", "dir=x"], "none of the language's own"),
    (["--jobs", "0"], "1 to 1000"), (["--jobs", "x"], "1 to 1000"),
])
def test_options_of_scenarios_are_checked(play, scenario, arguments, words):
    done = play("-s", "inet:1", *arguments, scenario(GOOD))
    assert done.returncode == 2
    assert re.search(words, done.stderr)
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("text, status", [
    ("let who a\nsession\n  eom\n", 0), ("session\n  mail <$who>\n  eom\n", 0), ("let wo a\nsession\n  mail <$wo>\n", 2),
])
def test_a_variable_that_no_scenario_knows_is_an_error(play, fake, scenario, text, status):
    done = play("-s", fake().spec, "-D", "who=b", scenario(text))
    assert done.returncode == status, done
    assert ("no scenario has a variable $who" in done.stderr) == (status == 2)


@pytest.mark.parametrize("option", ["--list", "--filter=x", "--fail-fast", "--keep-going", "-Da=b", "--jobs=2"])
def test_options_of_scenarios_need_one(play, option):
    done = play("-s", "inet:1@127.0.0.1", option)
    assert done.returncode == 2
    assert "about scenarios, and none is given" in done.stderr


# --- --update -----------------------------------------------------------------------------------

GOLDEN = """session golden
  header Subject: hello
  eoh
  body "Hi.\\r\\n"
  eom
    => add-header X-Mark
    => result wanted.eml ignoring X-Mark
"""
MARK = {"E": frame(b"h", b"X-Mark\0now\0") + CONTINUE}


@pytest.mark.parametrize("old, end", [(b"", b"\n"), (b"Subject: old\n\nHi.\n", b"\n"),
                                      (b"Subject: old\r\n\r\nHi.\r\n", b"\r\n")], ids=["empty", "lf", "crlf"])
def test_update_writes_what_came_and_the_session_holds(play, fake, scenario, tmp_path, old, end):
    path = scenario(GOLDEN)
    (tmp_path / "real.eml").write_bytes(old)
    (tmp_path / "real.eml").chmod(0o640)
    (tmp_path / "wanted.eml").symlink_to("real.eml")
    spec = fake(MARK).spec
    assert play("-s", spec, path).returncode == 1
    done, got = run(play, tmp_path, spec, path, more=["--update"])
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^  note      updated \S+wanted.eml: line 1: ", done.stdout, re.M)
    assert '+ "Subject: hello"' in done.stdout
    assert (tmp_path / "wanted.eml").is_symlink()
    assert (tmp_path / "real.eml").read_bytes() == b"Subject: hello" + end * 2 + b"Hi." + end
    assert stat.S_IMODE((tmp_path / "real.eml").stat().st_mode) == 0o640
    assert counts_of_junit(got["junit"], tmp_path)[0] == (1, 0, 0, 0)
    done = play("-s", spec, path, "--update")
    assert (done.returncode, "updated" in done.stdout) == (0, False)


@pytest.mark.parametrize("answer", [
    CONTINUE,
    frame(b"h", b"X-Mark\0now\0") + frame(b"r"),
    frame(b"h", b"X-Mark\0now\0") + CONTINUE + CONTINUE,
    CLOSE,
], ids=["another line failed", "refused", "broken", "closed"])
def test_update_writes_nothing_where_something_else_failed(play, fake, scenario, tmp_path, answer):
    path = scenario(GOLDEN)
    (tmp_path / "wanted.eml").write_bytes(b"Subject: old\n\nHi.\n")
    done = play("-s", fake({"E": answer}).spec, "--update", path)
    assert done.returncode in (1, 3), done.stdout
    assert (tmp_path / "wanted.eml").read_bytes() == b"Subject: old\n\nHi.\n"
    assert "updated " not in done.stdout.replace("not updated", "")


def test_update_does_not_write_two_results_into_one_file(play, fake, scenario, tmp_path):
    path = scenario(GOLDEN + GOLDEN.replace("golden", "other").replace("hello", "other"))
    (tmp_path / "wanted.eml").write_bytes(b"")
    done = play("-s", fake(MARK).spec, "--update", path)
    assert done.returncode == 1
    assert "another session has just made something else of it" in done.stdout
    assert (tmp_path / "wanted.eml").read_bytes() == b"Subject: hello\n\nHi.\n"


# --- on a terminal ------------------------------------------------------------------------------

def play_on_terminal(tool, arguments, **environment):
    """What a terminal of 40 columns gets."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
    process = subprocess.Popen([tool("milter-test-server"), *map(str, arguments)], stdout=slave, stderr=slave,
                               stdin=subprocess.DEVNULL, env={**os.environ, "TERM": "xterm", "NO_COLOR": "1",
                                                              "LC_ALL": "C.UTF-8", **environment})
    os.close(slave)
    out = b""
    while True:
        try:
            more = os.read(master, 65536)
        except OSError:
            break
        if not more:
            break
        out += more
    os.close(master)
    process.wait(timeout=60)
    return out.decode()


def columns(text):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def test_a_terminal_shows_what_is_played_and_clears_it(tool, fake, scenario):
    path = scenario("session 日本語日本語日本語日本語日本語日本語日本語\n  eom\n" + GOOD, "a.scenario")
    out = play_on_terminal(tool, ["-s", fake().spec, path])
    live = re.findall(r"(?:^|\n|\x1b\[K)(\[\d+/2[^\r\n]*)", out)
    assert [text.partition("]")[0] for text in live] == ["[0/2", "[1/2"]
    assert all(columns(text) < 40 for text in live)
    assert live[0].endswith("…")
    # each is wiped before the next line of text
    assert out.count("\r\x1b[K") == len(live)
    assert "ok     " in out and "2 sessions: 2 held" in out


@pytest.mark.parametrize("arguments, environment", [(["-q"], {}), ([], {"TERM": "dumb"})])
def test_no_progress_where_it_is_not_wanted(tool, fake, scenario, arguments, environment):
    out = play_on_terminal(tool, [*arguments, "-s", fake().spec, scenario(GOOD)], **environment)
    assert "\033" not in out
    assert "[0/" not in out


def test_no_progress_in_pipes(play, fake, scenario):
    done = play("-s", fake().spec, scenario(GOOD))
    assert "\r" not in done.stdout + done.stderr
    assert "[0/" not in done.stdout


def test_bytes_that_are_no_utf8_are_base64_in_json(play, fake, tmp_path):
    """File names can hold any byte."""
    path = os.fsencode(tmp_path) + b"/\xff.scenario"
    with open(path, "w") as file:
        file.write(GOOD)
    done, got = run(play, tmp_path, fake().spec, os.fsdecode(path))
    assert done.returncode == 0, done.stdout + done.stderr
    (case,) = [line for line in lines_of(got["json"]) if line["type"] == "case"]
    assert base64.b64decode(case["file_base64"]) == path
    counts_of_junit(got["junit"], tmp_path)
    assert rb"\xff.scenario" in got["junit"]
