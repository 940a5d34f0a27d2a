# SPDX-License-Identifier: LGPL-2.1-or-later
"""milter-test-server with scenarios: against small milters that answer rightly, wrongly, or not at all."""

import re
import signal
import subprocess
import time

import pytest
from conftest import ROOT
from fakemilter import ACCEPT, CLOSE, CONTINUE, RESET, SILENT, options, reply_code
from milterwire import frame


WHOLE = """session whole
  connect client.example.com 192.0.2.7
  helo client.example.com
  mail <alice@example.com>
  rcpt <bob@example.net>
  data
  header Subject: hello
  eoh
  body "hello\\r\\n"
  eom
"""


# --- sessions that hold -------------------------------------------------------------------------

def test_a_session_that_holds_exits_0_and_has_a_line(play, fake, scenario):
    milter = fake()
    path = scenario(WHOLE)
    done = play("-s", milter.spec, path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(rf"^ok +{re.escape(str(path))}: whole \(.* m?s\)$", done.stdout, re.M)
    assert re.search(r"^1 session: 1 held \(", done.stdout, re.M)
    assert done.stderr == ""
    assert milter.letters("D").startswith("OCHMRTLNBE")
    assert milter.letters("D").endswith("Q")


def test_a_folder_is_played_in_order(play, fake, tmp_path):
    folder = tmp_path / "all"
    (folder / "inner").mkdir(parents=True)
    for name in ["b", "a", "inner/c"]:
        (folder / f"{name}.scenario").write_text(f'session "of {name}"\n  eom\n')
    (folder / "notes.txt").write_text("not a scenario")
    done = play("-s", fake().spec, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.findall(r"session?|of (\S+) \(", done.stdout)[:3] == ["a", "b", "inner/c"]


def test_quiet_says_nothing_when_all_is_well(play, fake, scenario):
    done = play("-q", "-s", fake().spec, scenario(WHOLE))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_verbose_shows_both_directions(play, fake, scenario):
    done = play("-v", "-s", fake().spec, scenario(WHOLE))
    assert done.returncode == 0
    for line in ["> helo client.example.com", "> mail <alice@example.com>", "< continue", "> eom"]:
        assert re.search(rf"^  \+\d+\.\d{{4}} {line}$", done.stdout, re.M)


def test_two_milters_are_a_chain(play, fake, scenario):
    first = fake({"E": frame(b"h", b"X-First\0one\0") + ACCEPT})
    second = fake({"E": frame(b"h", b"X-Second\0two\0") + CONTINUE})
    done = play("-s", first.spec, "-s", second.spec, scenario(WHOLE + "    => add-header X-First: one\n"
                                                                      "    => add-header X-Second: two\n"))
    assert done.returncode == 0, done.stdout + done.stderr
    # the second sees the first one's edit
    names = [payload.split(b"\0")[0] for payload in second.payloads("L")]
    assert b"X-First" in names, done.stdout + done.stderr
    assert b"X-First" not in [payload.split(b"\0")[0] for payload in first.payloads("L")]


def test_a_failure_in_a_chain_says_whose_it_is(play, fake, scenario):
    done = play("-s", fake().spec, "-s", fake({"E": CLOSE}).spec, scenario(WHOLE))
    assert done.returncode == 3
    assert "the milter 2 closed the connection instead of answering eom" in done.stdout


@pytest.mark.parametrize("tcp", [False, True])
def test_both_transports_carry_a_large_message(play, fake, scenario, tcp):
    milter = fake(tcp=tcp)
    done = play("-s", milter.spec, scenario(WHOLE.replace('"hello\\r\\n"', '"0123456789abcde\\n"*100000')))
    assert done.returncode == 0, done.stdout + done.stderr
    assert sum(len(payload) for payload in milter.payloads("B")) == 1600000
    assert max(len(payload) for payload in milter.payloads("B")) == 65535


# --- expectations that fail ---------------------------------------------------------------------

def test_a_wrong_answer_names_file_line_expected_got_and_last(play, fake, scenario):
    path = scenario("session wrong\n  mail <alice@example.com>\n  rcpt <busy@example.net>\n"
                    '    => 451 4.7.1 "mailbox busy*"\n  eom\n')
    done = play("-s", fake().spec, path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"{path}:4: FAIL wrong" in done.stdout
    assert "rcpt <busy@example.net>" in done.stdout
    assert re.search(r'^  expected  451 4\.7\.1 "mailbox busy\*"$', done.stdout, re.M)
    assert re.search(r"^  got       continue", done.stdout, re.M)
    assert re.search(r"^  last      .*> rcpt <busy@example\.net>  < continue", done.stdout, re.M)
    assert re.search(r"^1 session: 1 failed", done.stdout, re.M)


@pytest.mark.parametrize("answer, shown", [
    (frame(b"r"), "reject"),
    (frame(b"t"), "tempfail"),
    (frame(b"d"), "discard"),
    (reply_code(b"550 5.7.1 no"), "550 5.7.1"),
])
def test_a_refusal_where_nothing_was_expected_fails(play, fake, scenario, answer, shown):
    done = play("-s", fake({"M": answer}).spec, scenario(WHOLE))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FAIL whole" in done.stdout
    assert re.search(rf"^  got       {shown}", done.stdout, re.M)


def test_an_unexpected_edit_fails_only_if_forbidden(play, fake, scenario):
    answers = {"E": frame(b"h", b"X-Mark\0yes\0") + CONTINUE}
    assert play("-s", fake(answers).spec, scenario(WHOLE)).returncode == 0
    done = play("-s", fake(answers).spec, scenario(WHOLE + "    => only\n"))
    assert done.returncode == 1
    assert "X-Mark" in done.stdout


def test_two_answers_to_one_command_fail(play, fake, scenario):
    done = play("-s", fake({"M": CONTINUE + CONTINUE}).spec, scenario(WHOLE))
    assert done.returncode == 3, done.stdout + done.stderr
    assert "BROKEN whole" in done.stdout
    assert "nobody asked" in done.stdout


# --- milters that break -------------------------------------------------------------------------

STAGES = {"O": "negotiate", "C": "connect", "H": "helo", "M": "mail", "R": "rcpt", "T": "data", "L": "header",
          "N": "eoh", "B": "body", "E": "eom"}


@pytest.mark.parametrize("how", [CLOSE, RESET], ids=["close", "reset"])
@pytest.mark.parametrize("letter", STAGES)
def test_a_milter_that_closes_without_an_answer_never_passes(play, fake, scenario, letter, how):
    milter = fake({letter: how}, tcp=how is RESET)
    done = play("-s", milter.spec, scenario(WHOLE))
    assert done.returncode == 3, done.stdout + done.stderr
    assert "BROKEN whole" in done.stdout
    failure = done.stdout[done.stdout.index("BROKEN whole: "):] if "BROKEN whole: " in done.stdout else done.stdout
    assert STAGES[letter] in failure
    assert re.search("closed|reset", failure)


@pytest.mark.parametrize("letter", [letter for letter in STAGES if letter != "O"])
def test_a_second_answer_is_told_where_it_came_and_taken_for_no_other(play, fake, scenario, letter):
    milter = fake({letter: CONTINUE * 2})
    done = play("-s", milter.spec, scenario(WHOLE))
    assert done.returncode == 3, done.stdout + done.stderr
    assert re.search(rf"test.scenario:\d+: BROKEN whole: what came after {STAGES[letter]}", done.stdout)
    assert "nobody asked" in done.stdout


def test_garbage_behind_the_last_answer_is_told_at_that_line(play, fake, scenario):
    done = play("-s", fake({"E": CONTINUE + bytes(4)}).spec, scenario(WHOLE))
    assert done.returncode == 3, done.stdout + done.stderr
    assert "test.scenario:10: BROKEN whole: connection\n" in done.stdout
    assert "(null)" not in done.stdout


def test_a_milter_that_goes_before_quit_is_broken(play, fake, scenario):
    milter = fake({"E": CONTINUE, "A": RESET, "Q": RESET}, tcp=True)
    done = play("-s", milter.spec, scenario(WHOLE))
    assert done.returncode == 3, done.stdout + done.stderr
    assert "reset the connection after quit" in done.stdout


@pytest.mark.parametrize("letter", STAGES)
def test_the_plain_run_never_passes_a_milter_that_closes(play, fake, letter):
    done = play("-s", fake({letter: CLOSE}).spec)
    assert done.returncode == 3, done.stdout + done.stderr
    assert done.stdout.startswith("status: error\nelapsed-time: ")
    assert done.stderr.count("\n") == 1
    assert STAGES[letter] in done.stderr
    assert "closed" in done.stderr


def test_a_milter_that_closes_after_accepting_the_connection_is_broken(play, tmp_path, fake):
    done = play("-s", fake({"O": CLOSE}).spec, "--reading-timeout", "5s")
    assert done.returncode == 3


@pytest.mark.parametrize("letter", ["O", "H", "E"])
def test_a_silent_milter_is_broken_after_the_timeout(play, fake, scenario, clock, letter):
    done = play("-s", fake({letter: clock.start}).spec, "--timeout", "300ms", scenario(WHOLE), env=clock.environment)
    assert done.returncode == 3, done.stdout + done.stderr
    assert STAGES[letter] in done.stdout
    assert "BROKEN" in done.stdout


def test_a_milter_that_reads_nothing_is_broken(play, fake, scenario):
    done = play("-s", fake(read_nothing=True).spec, "--timeout", "300ms", scenario(WHOLE))
    assert done.returncode == 3, done.stdout + done.stderr


@pytest.mark.parametrize("answer, words", [
    (b"\0\0\0\0", "length"),
    (b"\xff\xff\xff\xffx", "4294967295|length|long"),
    (frame(b"Z"), "Z"),
    (frame(b"h", b"X\0"), "header"),
    (b"\0\0\0", "did not answer helo"),
])
def test_garbage_is_broken_and_shown(play, fake, scenario, answer, words):
    done = play("-s", fake({"H": answer}).spec, "--timeout", "1s", scenario(WHOLE))
    assert done.returncode == 3, done.stdout + done.stderr
    assert re.search("BROKEN whole: .* helo", done.stdout)
    assert re.search(words, done.stdout), done.stdout


@pytest.mark.parametrize("greeting, name", [
    (b"220 mx.example.net ESMTP Postfix\r\n", "SMTP"),
    (b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n\r\n", "HTTP"),
])
@pytest.mark.parametrize("plain", [True, False], ids=["plain", "scenario"])
def test_a_peer_that_is_no_milter_is_called_what_it_is(play, fake, scenario, greeting, name, plain):
    milter = fake({"O": SILENT}, greeting=greeting)
    done = play("-s", milter.spec, *([] if plain else [scenario(WHOLE)]))
    assert done.returncode == 3, done.stdout + done.stderr
    assert name in (done.stderr if plain else done.stdout)


def test_http_server_that_waits_for_a_request_is_named(play, fake):
    answer = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
    done = play("-s", fake({"O": answer}).spec)
    assert done.returncode == 3
    assert "HTTP" in done.stderr


# --- milters that are not there -----------------------------------------------------------------

def test_nobody_listens(play, tmp_path, scenario):
    for spec in [f"unix:{tmp_path}/nobody", "inet:1@127.0.0.1"]:
        done = play("-s", spec)
        assert done.returncode == 3, done.stdout + done.stderr
        assert done.stderr.startswith("milter-test-server: ")
        assert done.stderr.count("\n") == 1
        assert spec.partition(":")[2].partition("@")[0] in done.stderr
        done = play("-s", spec, scenario(WHOLE))
        assert done.returncode == 3
        assert "BROKEN" in done.stdout


@pytest.mark.parametrize("spec", ["nonsense", "inet:", "inet:70000", "inet:x@localhost", "unix:", "inet:1@[::1",
                                  "tcp:25@localhost", "unix:/" + "x" * 200])
def test_specs_that_cannot_be_read_are_wrong_usage(play, spec):
    done = play("-s", spec)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert spec[:50] in done.stderr


# --- files that cannot be played ----------------------------------------------------------------

def test_a_syntax_error_is_told_with_line_and_column(play, fake, scenario):
    milter = fake()
    path = scenario("session x\n  helo a\n  mial <a@b>\n")
    done = play("-s", milter.spec, path)
    assert done.returncode == 2
    assert re.search(rf"^{re.escape(str(path))}:3:3: expected .*got .*mial", done.stderr, re.M), done.stderr
    assert "mail" in done.stderr
    assert milter.n_connections == 0


def test_a_file_that_does_not_parse_does_not_keep_others_from_being_played(play, fake, scenario):
    good, bad = scenario(WHOLE), scenario("session\n  what\n", "bad.scenario")
    done = play("-s", fake().spec, bad, good)
    assert done.returncode == 2
    assert "ok" in done.stdout


@pytest.mark.parametrize("make", ["missing", "empty folder", "unreadable bytes"])
def test_scenarios_that_cannot_be_read_are_wrong_usage(play, tmp_path, make):
    path = tmp_path / "it"
    if make == "empty folder":
        path.mkdir()
    elif make == "unreadable bytes":
        path.write_bytes(b"session \xff\xfe\0\n")
    done = play("-s", "inet:1@127.0.0.1", path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert str(path) in done.stderr
    assert done.stdout == ""


def test_the_worst_status_counts(play, fake, scenario):
    failing = "session f\n  mail <a@b>\n    => reject\n"
    done = play("-s", fake().spec, scenario(WHOLE + failing))
    assert done.returncode == 1
    assert re.search(r"^2 sessions: 1 held, 1 failed", done.stdout, re.M)
    done = play("-s", fake({"H": CLOSE}).spec, scenario(failing + "session n\n  negotiate\n    => any\n"))
    assert done.returncode == 3
    done = play("-s", fake().spec, scenario(WHOLE + failing), "/no/such.scenario")
    assert done.returncode == 2


def test_an_interrupted_run_tells_what_is_known(tool, fake, scenario):
    milter = fake({"H": SILENT})
    process = subprocess.Popen([tool("milter-test-server"), "-s", milter.spec, str(scenario(WHOLE))],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 60
    while "H" not in milter.letters() and time.monotonic() < end:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1, out + err
    assert "interrupted" in out
    assert "1 session: 1 failed" in out


def test_an_interrupted_plain_run_is_no_pass(tool, fake):
    milter = fake({"H": SILENT})
    process = subprocess.Popen([tool("milter-test-server"), "-s", milter.spec],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 60
    while "H" not in milter.letters() and time.monotonic() < end:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1, out + err
    assert out.startswith("status: error\n")


def test_output_that_cannot_be_written_is_told(tool, fake, scenario):
    with open("/dev/full", "w") as full:
        done = subprocess.run([tool("milter-test-server"), "-s", fake().spec, scenario(WHOLE)], stdout=full,
                              stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 2
    assert "the output cannot be written" in done.stderr


@pytest.mark.parametrize("name", ["milter-replay", "milter-test-client", "milter-test-server"])
@pytest.mark.parametrize("option", ["--help", "--version"])
def test_neither_help_nor_version_is_lost_in_silence(tool, name, option):
    with open("/dev/full", "w") as full:
        done = subprocess.run([tool(name), option], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr == f"{name}: the output cannot be written\n"


def test_a_closed_output_does_not_become_the_connection(tool, fake, scenario):
    milter = fake()
    done = subprocess.run(["sh", "-c", 'exec "$@" <&- >&-', "sh", tool("milter-test-server"), "-v", "-s",
                           milter.spec, scenario(WHOLE)], stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert set(milter.letters()) <= set("OCDHMRTLNBEAQ")


def test_the_quickstart_for_any_milter_holds(play, fake):
    done = play("-s", fake().spec, ROOT / "scenarios/quickstart/any-milter.scenario")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_list_of_symbols_for_one_stage_ends(play, fake, scenario):
    symbols = b"\0\0\0\0j {client_addr}\0\0\0\0\3{rcpt_addr} i\0\0\0\0\5i\0"
    milter = fake({"O": options(symbols=symbols)})
    done = play("-s", milter.spec, scenario(WHOLE))
    assert done.returncode == 0, done.stdout + done.stderr


# --- colours ------------------------------------------------------------------------------------

def test_colours_do_not_reach_pipes_unless_asked_for(play, fake, scenario):
    path = scenario(WHOLE)
    spec = fake().spec
    assert "\033" not in play("-s", spec, path).stdout
    assert "\033" not in play("-s", spec, "--color=auto", path).stdout
    assert "\033" not in play("-s", spec, "--color=no", path).stdout
    assert "\033[" in play("-s", spec, "--color=always", path).stdout
    assert "\033[" in play("-s", spec, "--color", path).stdout
    done = play("-s", spec, "--color=sometimes", path)
    assert done.returncode == 2
