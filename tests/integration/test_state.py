# SPDX-License-Identifier: LGPL-2.1-or-later
"""The second message of a connection is judged as on a fresh one, whatever became of the first."""

import pathlib

import pytest

HERE = pathlib.Path(__file__).resolve().parent

# what of the first message must not be seen in the second
FIRST = {
    "mail": ["mail <leak@example.com> SIZE=99"],
    "rcpt": ["rcpt <leak@example.net>", "rcpt <leak2@example.net>"],
    "data": ["data"],
    "header": ["header X-Act: add|X-Leak|leaked", "header X-Act: addrcpt|<leak@example.org>",
               "header X-Act: quarantine|leaked"],
    "eoh": ["eoh"],
    "body": ['body "leaked\\r\\n"'],
}
STAGES = list(FIRST)

SECOND = """
  message second
    mail <alice@example.com>
    rcpt <bob@example.net>
    eml <<END
      From: alice@example.com
      Subject: second
      X-Act: add|X-New|value
      X-Act: body|new\\r\\n

      second
      END
    eom
"""

# milter: what it does to the second message
EXPECTED = {
    "libmilter": """
      => add-header X-New: value
      => replace-body "new\\r\\n"
      => only
      => result <<END
        From: alice@example.com
        Subject: second
        X-Act: add|X-New|value
        X-Act: body|new\\r\\n
        X-New: value

        new
        END
      => continue
""",
    "pymilter": """
      => add-header X-Seen: "CLIENT HELO <alice@example.com> <bob@example.net> 4 8 i=* sender=SENDER rcpt=bob@example.net"
      => only
      => result second.eml ignoring X-Seen
      => continue
""",
    "milter-test-client": """
      => only
      => result <<END
        From: alice@example.com
        Subject: second
        X-Act: add|X-New|value
        X-Act: body|new\\r\\n

        second
        END
      => continue
""",
}

def second(milter, client="client.example.com", name="client.example.com", mta="postfix"):
    # plain has no better value for {mail_addr} than its name
    sender = "mail_addr" if mta == "plain" else "alice@example.com"
    return SECOND + EXPECTED[milter].replace("CLIENT", client).replace("HELO", name).replace("SENDER", sender)


def session(name, *lines):
    return f'session "{name}"\n' + "\n".join("  " + line for line in lines) + "\n"


def aborted(stage):
    lines = ["message first"]
    for earlier in STAGES[:STAGES.index(stage) + 1]:
        lines += ["  " + line for line in FIRST[earlier]]
    return lines + ["  abort"]


def sessions(milter, mta):
    """Each way in which a first message can end, and the second after it."""
    text = [session("fresh", second(milter, mta=mta))]
    for stage in ("connect", "helo"):
        before = ["connect", "helo"][:1 + (stage == "helo")]
        text.append(session(f"abort after {stage}", *before, "abort", second(milter, mta=mta)))
    text += [session(f"abort after {stage}", *aborted(stage), second(milter, mta=mta)) for stage in STAGES]
    # the MTA says what it says after RSET; sendmail nothing after a message that was answered
    text += [session(f"cut short after {stage}", *aborted(stage)[:-1], second(milter, mta=mta)) for stage in STAGES]
    text.append(session("after a whole message", *aborted("body")[:-1], "  eom => any", second(milter, mta=mta)))
    text.append(session("after two", *aborted("body")[:-1], "  eom => any", *aborted("rcpt"), second(milter, mta=mta)))
    text.append(session("after HELO in a message", *aborted("rcpt")[:-1], "helo other.example.com",
                        second(milter, mta=mta, name="other.example.com")))
    return text


@pytest.fixture
def milter(request, start, build, tool, tmp_path):
    """The spec of a running milter of this name."""
    path = tmp_path / "milter.sock"
    (tmp_path / "second.eml").write_text("From: alice@example.com\nSubject: second\nX-Act: add|X-New|value\n"
                                         "X-Act: body|new\\r\\n\n\nsecond\n")
    commands = {
        "libmilter": [build / "tests/integration/act-milter", path],
        "pymilter": ["/usr/bin/python3", HERE / "milters/seen_milter.py", path],
        "milter-test-client": [tool("milter-test-client"), "-q", "-s", f"unix:{path}"],
    }
    start(commands[request.param], socket=path)
    return request.param, f"unix:{path}"


ALL = pytest.mark.parametrize("milter", list(EXPECTED), indirect=True)


@ALL
@pytest.mark.parametrize("mta", ["postfix", "postfix-3.12", "sendmail", "plain"])
def test_a_second_message_is_judged_as_on_a_fresh_connection(play, milter, mta, tmp_path):
    name, spec = milter
    texts = sessions(name, mta)
    file = tmp_path / "state.scenario"
    file.write_text(f"mta {mta}\ntimeout 20s\n" + "\n".join(texts))
    done = play("-s", spec, file)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(texts)} sessions: {len(texts)} held" in done.stdout, done.stdout


@pytest.mark.parametrize("milter", ["pymilter"], indirect=True)
def test_recipients_that_were_refused_are_not_those_of_the_next_message(play, milter, tmp_path):
    name, spec = milter
    file = tmp_path / "state.scenario"
    file.write_text(session("refused", "rcpt <refuse@example.net> => 550 5.1.1 refused",
                            "rcpt <refuse2@example.net> => 550", second(name)))
    done = play("-s", spec, file)
    assert done.returncode == 0, done.stdout + done.stderr


@ALL
def test_a_leak_would_be_seen(play, milter, tmp_path):
    """The same expectations fail when the first message's lines are the second's."""
    name, spec = milter
    file = tmp_path / "state.scenario"
    leaking = second(name).replace("    rcpt <bob@example.net>\n", "    rcpt <leak@example.net>\n    header X-Leak: 1\n")
    file.write_text(session("leaking", leaking))
    done = play("-s", spec, file)
    assert done.returncode == 1, done.stdout + done.stderr


def next_client(milter):
    return ["quit-nc", "connect next.example.com 192.0.2.9", "helo next.example.com",
            second(milter, "next.example.com", "next.example.com"), "quit"]


@ALL
def test_the_next_client_on_a_connection_is_a_new_one(play, milter, tmp_path):
    """libmilter takes QUIT_NC only right behind an end of message that it answered with continue, or the abort of a
    message (milter-protocol 7): with Postfix's ABORT after the end it does not."""
    name, spec = milter
    file = tmp_path / "state.scenario"
    file.write_text("mta sendmail\ntimeout 10s\n" + session("quit-nc", second(name), *next_client(name))
                    + session("aborted", *aborted("body"), *next_client(name)))
    done = play("-s", spec, file)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("milter", ["libmilter", "pymilter"], indirect=True)
@pytest.mark.parametrize("before", [aborted("rcpt")[:-1], ["helo"], ["eom => continue", "abort"]],
                         ids=["in a message", "after helo", "after eom and abort"])
def test_libmilter_that_drops_a_new_client_is_told_to_do_that(play, milter, before, tmp_path):
    name, spec = milter
    file = tmp_path / "state.scenario"
    file.write_text("mta sendmail\ntimeout 2s\n" + session("quit-nc", *before, *next_client(name)))
    done = play("-s", spec, file)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "did not answer connect after quit-nc, which libmilter takes only right behind an eom" in done.stdout


@pytest.mark.parametrize("milter", ["milter-test-client"], indirect=True)
def test_our_own_library_takes_a_new_client_at_any_time(play, milter, tmp_path):
    name, spec = milter
    file = tmp_path / "state.scenario"
    file.write_text("\n".join(session(f"quit-nc after {stage}", *aborted(stage)[:-1], *next_client(name))
                              for stage in STAGES))
    done = play("-s", spec, file)
    assert done.returncode == 0, done.stdout + done.stderr
