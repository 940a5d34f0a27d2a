# SPDX-License-Identifier: LGPL-2.1-or-later
"""A profile says to a milter what the real MTA says in the same SMTP session, byte for byte.

With MILTERLAB_UPDATE=1 the sessions are kept in tests/data/recordings, for tests that have no MTA at hand.
"""

import os

import pytest
from conftest import ROOT
from mta_sessions import GONE, POSTFIX_SESSIONS, SESSIONS, RecordingMilter, differences, scenario, smtp, write_recording
from postfix_instance import Postfix, why_not
from sendmail_instance import Sendmail, unpack

RECORDINGS = ROOT / "tests/data/recordings"
# whose frames do not tell all that the client said
NOT_RECORDED = {"all-left-out", "skip-helo", "skip-mail"}


def check_all(play, milter, port, mta, sessions, folder, connect, version):
    found = []
    for name, (lines, answers) in sessions.items():
        frames = milter.record(answers, lambda lines=lines: smtp(port, lines))
        cut = GONE in lines and frames[-1][1][:1] != b"Q"
        if os.environ.get("MILTERLAB_UPDATE") and name not in NOT_RECORDED:
            write_recording(RECORDINGS / f"{mta}-{name}.frames", frames, f"{mta} {version}: {name}", cut)
        work = folder / name
        work.mkdir()
        file = work / "session.scenario"
        file.write_text(scenario(mta, lines, frames, work, connect))
        done = []
        ours = milter.record(answers, lambda: done.append(play("-s", f"inet:{milter.port}@127.0.0.1", file)))
        if cut:
            ours = ours[:-1]
        difference = differences(frames, ours)
        if difference:
            found.append(f"{name}: {difference}\n{done[0].stdout}{done[0].stderr}{file.read_text()}")
    assert not found, "\n\n".join(found)


@pytest.fixture
def milter():
    recorder = RecordingMilter()
    yield recorder
    recorder.close()


def test_the_profile_postfix_is_the_installed_one(play, milter, tmp_path):
    if why_not() is not None:
        pytest.skip(why_not())
    with Postfix(it=f"inet:127.0.0.1:{milter.port}") as mta:
        check_all(play, milter, mta.ports["it"], "postfix", {**SESSIONS, **POSTFIX_SESSIONS}, tmp_path,
                  "connect [127.0.0.1] 127.0.0.1", "3.7.11")


def test_the_profile_sendmail_is_the_real_one(play, milter, build, tmp_path):
    root, why = unpack(build)
    if why:
        pytest.skip(why)
    with Sendmail(root, f"inet:{milter.port}@127.0.0.1") as mta:
        check_all(play, milter, mta.ports[0], "sendmail", SESSIONS, tmp_path, "connect localhost 127.0.0.1",
                  "8.17.1.9")
