# SPDX-License-Identifier: LGPL-2.1-or-later
"""The suites of scenarios/real/ against the milters that Debian packages, and against two of our own; and
what a false expectation about each of them looks like."""

import pathlib
import re
import time

import pytest
from conftest import ROOT

REAL = ROOT / "scenarios/real"
FALSE = ROOT / "tests/data/false"
SUITES = sorted(path.stem for path in REAL.glob("*.scenario"))

# what a stranger has to read: the line, what was asked for, what came, what was said last
FALSE_EXPECTATIONS = {
    "opendkim": [
        "opendkim.scenario:10: FAIL signed for the sales department: edits at eom",
        r"expected  insert-header DKIM-Signature: /d=sales\.example\.com;/",
        "got       insert-header 0 DKIM-Signature: …d=example.com; s=spot;…",
        "last      …> body …Hello.…< continue…> eom…< accept",
    ],
    "opendmarc": [
        "opendmarc.scenario:11: FAIL forged mail is put aside: reply to eom",
        "expected  accept",
        'got       550 5.7.1 "rejected by DMARC policy for strict.example"…',
        "last      …> eom…< 550 5.7.1…",
        "opendmarc.scenario:10: FAIL forged mail is put aside: edits at eom",
        "expected  quarantine",
        "got       no edit",
    ],
    "clamav": [
        "clamav.scenario:7: FAIL a virus is let through: reply to eom",
        "expected  continue or accept",
        'got       550 5.7.1 "Infected with Local.Eicar.UNOFFICIAL" after … ms',
        "last      …> eom…< add-header X-Virus-Status: Infected (Local.Eicar.UNOFFICIAL)  < 550 5.7.1 …",
    ],
    "spamass": [
        "spamass.scenario:9: FAIL the subject is marked with stars: edits at eom",
        r'expected  change-header Subject: "\*\*\*SPAM\*\*\* a spammy offer"',
        "got       …change-header 1 Subject: [SPAM] a spammy offer…",
        "last      …< change-header 1 Subject: [SPAM] a spammy offer…< continue",
    ],
    "rspamd": [
        "rspamd.scenario:9: FAIL spam is to come later: reply to eom",
        "expected  4xx | tempfail",
        'got       554 5.7.1 "Gtube pattern" after …',
        "last      …> eom…< 554 5.7.1 …",
    ],
    "pymilter": [
        "pymilter.scenario:11: FAIL only the subject changes: edits at eom",
        "expected  no edit besides those expected (only)",
        "got       add-header List-Id: <team.lists.example.com>…",
        "last      …> eom…< change-header 1 Subject: [team] hello…< continue",
    ],
    "libmilter": [
        "libmilter.scenario:10: FAIL a footer with the year: result…",
        'expected  line 7: "Sent from example.com, 2025"',
        'got       line 7: "Sent from example.com"',
        '- "Sent from example.com, 2025"',
        '+ "Sent from example.com"',
        "last      …< replace-body …< continue",
    ],
    "chain": [
        "chain.scenario:12: FAIL the footer breaks the signature: edits at eom…",
        "expected  from verify insert-header Authentication-Results: *dkim=fail*",
        "got       insert-header 0 Authentication-Results: …dkim=pass… from verify",
        "last      …> verify: eom…< verify: insert-header 0 Authentication-Results: …< verify: accept",
    ],
}


def matches(expected, line):
    pattern = ".*".join(re.escape(part) for part in expected.split("…"))
    return re.fullmatch(pattern, line.strip()) is not None


def one_after_the_other(expected, text):
    """The first of the expected lines that does not follow in the text, or None."""
    lines = iter(text.splitlines())
    return next((one for one in expected if not any(matches(one, line) for line in lines)), None)


def processes_that_name(path):
    """Command lines of the processes that run now and have to do with a folder."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(path) in command:
            found.append(command)
    return found


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where the run puts its folder, so that what is left behind can be seen."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def assert_nothing_is_left(folder):
    end = time.monotonic() + 60
    while processes_that_name(folder) and time.monotonic() < end:
        time.sleep(0.05)
    assert processes_that_name(folder) == []
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("name", SUITES)
def test_suite_holds(play, folder, name):
    path = REAL / f"{name}.scenario"
    sessions = len(re.findall(r"^session\b", path.read_text(), re.M))
    done = play(path)
    if done.returncode == 77:
        pytest.skip(done.stdout.strip().splitlines()[0])
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(rf"^{sessions} sessions: {sessions} held\b", done.stdout, re.M), done.stdout
    assert_nothing_is_left(folder)


@pytest.mark.parametrize("name", FALSE_EXPECTATIONS)
def test_false_expectation_says_where_to_look(play, folder, name):
    done = play(FALSE / f"{name}.scenario")
    assert done.returncode == 1, done.stdout + done.stderr
    missing = one_after_the_other(FALSE_EXPECTATIONS[name], done.stdout.replace(f"{FALSE}/", ""))
    assert missing is None, f"no line like: {missing}\n{done.stdout}"
    assert_nothing_is_left(folder)


def test_every_false_scenario_is_played():
    assert sorted(path.stem for path in FALSE.glob("*.scenario")) == sorted(FALSE_EXPECTATIONS)


# what each of the milters has to have at least, and an edit that is compared byte by byte
@pytest.mark.parametrize("milter", ["opendkim", "opendmarc", "clamav", "spamass", "rspamd", "pymilter", "libmilter",
                                    "chain"])
def test_each_milter_has_sessions_and_a_result(milter):
    text = "\n".join((REAL / f"{name}.scenario").read_text() for name in SUITES if name.startswith(milter))
    assert len(re.findall(r"^session\b", text, re.M)) >= 3
    assert re.search(r"^ *=> result \S", text, re.M)


def test_every_suite_says_how_it_is_run():
    index = (REAL / "README.md").read_text()
    for name in SUITES:
        text = (REAL / f"{name}.scenario").read_text()
        assert f"#   milter-test-server scenarios/real/{name}.scenario\n" in text
        assert re.search(r"^# Needs ", text, re.M), name
        assert f"`{name}.scenario`" in index
