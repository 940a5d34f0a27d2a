# SPDX-License-Identifier: LGPL-2.1-or-later
"""The main job on a real milter: Debian's opendkim signs and verifies."""

import re

import pytest
from conftest import ROOT

QUICKSTART = ROOT / "scenarios/quickstart"
OURS = "inet:50443@[192.0.2.7]"        # signed
FOREIGN = "inet:50443@[203.0.113.9]"   # verified


@pytest.fixture
def opendkim(start, tmp_path):
    start([ROOT / "scripts/start-opendkim.sh", tmp_path / "opendkim", f"unix:{tmp_path}/dkim.sock"],
          socket=tmp_path / "dkim.sock")
    return f"unix:{tmp_path}/dkim.sock"


def send(play, spec, address, mail, *more):
    return play("-s", spec, "--connect-address", address, "-f", "alice@example.com", "-r", "bob@example.net",
                "-m", mail, "--output-message", *more)


def test_quickstart_scenarios_hold(play, opendkim):
    done = play("-s", opendkim, QUICKSTART / "opendkim.scenario")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_message_that_was_rebuilt_after_signing_verifies(play, opendkim, tmp_path):
    signed = tmp_path / "signed.eml"
    done = send(play, opendkim, OURS, QUICKSTART / "newsletter.eml", "--save-message", signed)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^\+ DKIM-Signature: v=1;", done.stdout, re.M)

    done = send(play, opendkim, FOREIGN, signed)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^\+ Authentication-Results: +mx\.example\.com;", done.stdout, re.M)
    assert "dkim=pass" in done.stdout


@pytest.mark.parametrize("name", sorted(p.name for p in (ROOT / "tests/data/mails").glob("*.eml")))
def test_every_kind_of_mail_still_verifies_after_signing(play, opendkim, tmp_path, name):
    """Byte for byte: a header or body that is rebuilt wrongly breaks the signature."""
    mail = (ROOT / "tests/data/mails" / name).read_bytes()
    if not re.search(rb"^From:.*@example\.com", mail, re.M) or b"Signature" in mail:
        mail = b"From: alice@example.com\n" + mail
    (tmp_path / "mail.eml").write_bytes(mail)
    signed = tmp_path / "signed.eml"
    done = send(play, opendkim, OURS, tmp_path / "mail.eml", "--save-message", signed)
    assert done.returncode == 0, done.stdout + done.stderr
    assert b"s=spot" in signed.read_bytes()
    done = send(play, opendkim, FOREIGN, signed)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "dkim=pass" in done.stdout


def test_a_false_expectation_tells_where_to_look(play, opendkim, tmp_path):
    scenario = tmp_path / "wrong.scenario"
    (tmp_path / "newsletter.eml").write_bytes((QUICKSTART / "newsletter.eml").read_bytes())
    scenario.write_text('session "signed by somebody else"\n'
                        "  connect client.example.com 192.0.2.7\n"
                        "  eml newsletter.eml\n"
                        "  eom\n"
                        "    => insert-header DKIM-Signature: /d=example\\.org;/\n")
    done = play("-s", opendkim, scenario)
    assert done.returncode == 1
    assert f"{scenario}:5: FAIL signed by somebody else" in done.stdout
    assert "expected  insert-header DKIM-Signature: /d=example\\.org;/" in done.stdout
    assert re.search(r"got  .*insert-header.*DKIM-Signature", done.stdout)
    assert re.search(r"last  .*> eom", done.stdout)
