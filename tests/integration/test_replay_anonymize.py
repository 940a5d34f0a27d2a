# SPDX-License-Identifier: LGPL-2.1-or-later
"""milter-replay convert --anonymize: nothing personal of a recording is left, and all else is the same."""

import base64
import email
import os
import pathlib
import quopri
import re
import struct
import subprocess

import pytest

from anonymized import bodies, find, kept_words, needles, objects, values, views
from milterwire import OFFER, frame
from recorder import Recorder

DATA = pathlib.Path(__file__).resolve().parents[1] / "data"
CAPTURES = sorted((DATA / "captures").glob("*.pcap*"))
MAILS = sorted((DATA / "mails").glob("*.eml"))

# Lines of bodies that are fields of a part, and words of the protocols that are also words of a subject or the name
# of a mailbox somewhere in these recordings. What stays is listed in docs/anonymizing.md.
STAYS = {"attachment", "discard", "content-type: text/plain", "content-type: text/html", "content-type: text/plain; charset=utf-8",
         "content-type: text/html; charset=utf-8", "content-transfer-encoding: base64",
         "content-transfer-encoding: quoted-printable"}
# All words that are the same at the same place in some recording, by the field in which they stand
KEPT = {
    "opened": "127 0 1",
    "connect": "4 6 127 0 1 localhost unknown",
    "helo": "localhost",
    "macro": "127 0 1 localhost unknown postfix mta discard esmtp error 25",
    "negotiate": "",
    "mail": "size 500 body 8bitmime",
    "add-rcpt": "notify never",
    "reply-code": "451 452 550 554 2 4 5 7 1 0 later",
    "add-header": "clamav milter clean infected yes",
    "insert-header": "v a rsa sha256 c relaxed simple d i s t bh b h from to subject date message id p dis dkim dmarc spf none pass "
                     "fail neutral atps header reason 1",
    "header": "v a rsa sha256 c relaxed simple d i s q dns txt t h bh b from to subject date message id dkim none pass neutral "
              "atps header clean forged undisclosed recipients text plain html multipart mixed alternative charset utf us ascii iso 8859 1 "
              "8 8bit boundary with esmtps by for postfix base64 quoted printable 0 format flowed related",
    "body": "content type text plain html charset utf 8 transfer encoding base64 quoted printable disposition attachment "
            "filename name application octet stream image png multipart related message rfc822 boundary id from subject",
}
DATES = re.compile(r"mon|tue|wed|thu|fri|sat|sun|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|\d\d|20\d\d|0[0-9]00")


@pytest.fixture
def key(tmp_path):
    (tmp_path / "key").write_bytes(b"a secret that tests have: no other")
    return tmp_path / "key"


@pytest.fixture
def replay(tool):
    def run(*arguments, **options):
        options.setdefault("timeout", 120)
        return subprocess.run([tool("milter-replay"), *map(str, arguments)], capture_output=True, **options)
    return run


@pytest.fixture
def anonymize(replay, tmp_path, key):
    """anonymize(RECORDING): the lines of `show --json` before and after. Both were written as a capture."""
    def run(path, *options):
        found = []
        for name, more in (("before.pcap", ()), ("after.pcap", options or ("--anonymize-key", key))):
            done = replay("convert", path, "-o", tmp_path / name, "-f", *more)
            assert done.returncode == 0, done.stderr
            shown = replay("show", "--json", tmp_path / name)
            assert shown.returncode == 0, shown.stderr
            found.append(objects(shown.stdout))
        return found
    return run


def shape(line):
    """All that stays of a line, with the lengths of its texts and what is at which place of them."""
    texts = [(name, len(value), re.sub(rb"[A-Za-z]", b"a", re.sub(rb"[0-9]", b"0", re.sub(rb"[\x80-\xff]", b"\x80", value))))
             for name, value in values(line)]
    if line.get("letter") in ("B", "b", "E") or b"=?" in b"".join(text for _, _, text in texts):
        # what an encoding holds becomes other characters
        texts = [(name, size, re.sub(rb"[^\r\n]", b"", text)) for name, size, text in texts]
    return ({name: line.get(name) for name in ("type", "connection", "message", "from", "letter", "name", "word", "hole", "behind_hole",
                                               "fault", "from_start", "reset")}, texts)


def check(before, after, stays=STAYS):
    wanted = needles(before)
    assert set(find(wanted, views(before))) >= {n for n in wanted if re.fullmatch(r"[a-z.]+@[a-z.]+", n)}, "the search finds nothing"
    left = set(find(wanted, views(after))) - stays
    assert left == set()
    assert len(before) == len(after)
    for old, new in zip(before, after):
        assert shape(old) == shape(new)
        for (name, one), (_, other) in zip(values(old), values(new)):
            if name.endswith(".name") and not name.startswith("helo") and b"." not in one:
                assert one == other


@pytest.mark.parametrize("path", CAPTURES, ids=lambda p: p.name)
def test_nothing_personal_of_a_capture_is_left(anonymize, path):
    before, after = anonymize(path)
    check(before, after)


def test_words_that_stay_are_those_that_are_known(anonymize):
    known = {name: set(words.split()) for name, words in KEPT.items()}
    for path in CAPTURES:
        for name, word in kept_words(*anonymize(path)):
            field = name.split(".")[0]
            if field == "negotiate" or ".stage" in name or name == "opened.milter" or DATES.fullmatch(word):
                continue
            # single characters of encoded bytes stay by chance
            if field == "body" and len(word) == 1:
                continue
            assert word in known.get(field, ()), f"{path.name}: {name}: {word}"


def test_nothing_personal_of_mails_is_left(anonymize, start, tool, tmp_path):
    """All mails, played to a milter and recorded on their way."""
    milter = tmp_path / "milter.sock"
    start([tool("milter-test-client"), "-s", f"unix:{milter}", "-q"], socket=milter)
    recorder = Recorder(tool, tmp_path, f"unix:{milter}", listen=f"unix:{tmp_path}/r.sock", file=tmp_path / "mails.pcap")
    scenario = ["mta postfix"]
    for path in MAILS:
        scenario += [f'session "{path.stem}"', "  connect relay.example.net 198.51.100.7", "  helo relay.example.net",
                     "  mail <erwin.klamm@example.com>", "  rcpt <klara.fall@example.org>", f'  eml "{path}"', "  eom"]
    (tmp_path / "mails.scenario").write_text("\n".join(scenario) + "\n")
    done = subprocess.run([tool("milter-test-server"), "-s", recorder.spec, tmp_path / "mails.scenario"], capture_output=True,
                          text=True, timeout=300)
    assert done.returncode == 0, done.stdout
    recorder.stop()
    before, after = anonymize(tmp_path / "mails.pcap")
    assert sum(line.get("letter") == "B" for line in before) >= len(MAILS) - 3
    check(before, after, STAYS | {"body", "mixed", "subject", "with", "content-type: image/png", "content-type: message/rfc822"})


# --- everywhere at once ---------------------------------------------------------------------------

LOCAL, HOST, IP, IP6, QUEUE = b"heribert.quintus", b"mail.kolibri-werke.de", b"203.0.113.77", b"2001:db8:77::beef", b"4Q7XKOLIBRI"
ADDRESS = LOCAL + b"@" + HOST
SECRETS = {"heribert", "quintus", "kolibri", "werke", "203.0.113.77", "203-0-113-77", "77.113.0.203", "2001:db8:77", "beef", "4q7x",
           "zugspitze", "1234567", "geheimnis", "wendelin", "selektor"}


def mapped(text):
    return base64.b64encode(text)


def everywhere():
    """One session in which the same few words stand wherever they can."""
    qp = quopri.encodestring("Grüße von Heribert Quintus, Zugspitze".encode(), quotetabs=True).replace(b"\n", b"\r\n")
    html = base64.encodebytes(b"<p>Geheimnis von <a href='mailto:" + ADDRESS + b"'>Heribert</a>, Tel. 089/1234567</p>\r\n" * 3)
    body = (b"preamble zugspitze\r\n--=_kolibri_7\r\nContent-Type: text/plain; charset=utf-8\r\n"
            b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + qp + b"\r\n--=_kolibri_7\r\n"
            b"Content-Type: text/html; name=\"geheimnis.html\"\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            + html.replace(b"\n", b"\r\n") + b"--=_kolibri_7\r\nContent-Type: text/plain; charset=utf-16le\r\n"
            b"Content-Transfer-Encoding: base64\r\n\r\n" + mapped("Heribert Zugspitze Geheimnis".encode("utf-16le"))
            + b"\r\n--=_kolibri_7\r\nContent-Type: message/rfc822\r\n\r\nReceived: from " + HOST + b" ([" + IP + b"])\r\n\tby x; "
            b"Sun, 22 Nov 2026 09:15:02 +0100\r\nSubject: zugspitze\r\n\r\nheribert\r\n--=_kolibri_7--\r\nepilogue quintus\r\n")

    def macros(stage, *pairs):
        return ">", b"D", stage + b"".join(part + b"\0" for part in pairs)

    def header(name, value):
        return ">", b"L", name + b"\0" + value + b"\0"

    def added(name, value):
        return "<", b"h", name + b"\0" + value + b"\0"

    cut = body.index(b"heribert\r\n--") + 4
    return [
        (">", b"O", OFFER), ("<", b"O", struct.pack(">III", 6, 0x1ff, 0) + b"\0\0\0\0i {mail_addr} {kolibri}\0"),
        macros(b"C", b"j", HOST, b"_", HOST + b" [" + IP + b"]", b"{client_addr}", IP, b"{client_ptr}", HOST, b"{kolibri}", b"wendelin",
               b"{cert_subject}", b"/C=DE/CN=Heribert+20Quintus", b"{client_port}", b"35641"),
        (">", b"C", HOST + b"\0004" + struct.pack(">H", 35641) + IP + b"\0"), ("<", b"c", b""),
        (">", b"H", b"203-0-113-77.dsl.kolibri-werke.de\0"), ("<", b"c", b""),
        (">", b"U", b"AUTH PLAIN " + mapped(b"\0heribert\0geheimnis") + b"\0"), ("<", b"c", b""),
        macros(b"M", b"i", QUEUE, b"{auth_authen}", LOCAL, b"{mail_addr}", ADDRESS, b"{mail_host}", HOST),
        (">", b"M", b"<" + ADDRESS + b">\0SIZE=1000\0AUTH=heribert+2Equintus+40kolibri-werke.de\0ENVID=" + QUEUE + b"\0"), ("<", b"c", b""),
        (">", b"R", b"<wendelin@[IPv6:" + IP6 + b"]>\0ORCPT=rfc822;wendelin+40kolibri-werke.de\0"), ("<", b"c", b""),
        header(b"Received", b"from 203-0-113-77.dsl.kolibri-werke.de (" + HOST + b" [" + IP + b"])\n\tby " + HOST.upper() + b" (Postfix) with ESMTPS id "
               + QUEUE + b"\n\tfor <" + ADDRESS + b">; Sun, 22 Nov 2026 09:15:02 +0100 (CET)"),
        header(b"Received", b"from 77.113.0.203.in-addr.arpa ([IPv6:2001:DB8:77:0:0:0:0:BEEF])"),
        header(b"Return-Path", b"<" + ADDRESS + b">"), header(b"X-Originating-IP", b"[" + IP + b"]"),
        header(b"From", b"\"Quintus, Heribert\" <" + ADDRESS + b">"),
        header(b"To", b"=?utf-8?B?" + mapped("Wendelin Müller".encode()) + b"?= <wendelin@kolibri-werke.de>"),
        header(b"Subject", b"=?utf-8?Q?Geheimnis_der_Zugspitze?= =?utf-8?B?" + mapped("von Heribert".encode()) + b"?="),
        header(b"Message-ID", b"<" + QUEUE + b"@" + HOST + b">"), header(b"In-Reply-To", b"<" + QUEUE + b"$1@" + HOST + b">"),
        header(b"List-Unsubscribe", b"<mailto:leave-wendelin%40kolibri-werke.de@" + HOST + b">, <https://" + HOST + b"/%77endelin>"),
        header(b"DKIM-Signature", b"v=1; a=rsa-sha256; d=kolibri-werke.de; s=selektor; i=" + ADDRESS + b"; h=From:To; bh=" + mapped(b"geheimnis") +
               b"; b=" + mapped(b"zugspitze")),
        header(b"Authentication-Results", HOST + b"; spf=pass (" + IP + b") smtp.mailfrom=" + ADDRESS + b"; dkim=pass header.s=selektor"),
        header(b"Received-SPF", b"pass (" + HOST + b": domain of kolibri-werke.de designates " + IP + b") client-ip=" + IP + b"; envelope-from=<" + ADDRESS + b">"),
        header(b"Content-Type", b"multipart/mixed; boundary=\"=_kolibri_7\""), (">", b"N", b""), ("<", b"c", b""),
        (">", b"B", body[:cut]), ("<", b"c", b""), (">", b"B", body[cut:]), ("<", b"c", b""), (">", b"E", b""),
        added(b"X-Scanned", b"by " + HOST + b" for " + ADDRESS), ("<", b"i", b"\0\0\0\0X-Who\0Heribert\0"),
        ("<", b"m", b"\0\0\0\1Subject\0[geheimnis] Zugspitze\0"), ("<", b"+", b"<wendelin@" + HOST + b">\0"),
        ("<", b"2", b"<wendelin@" + HOST + b">\0ENVID=" + QUEUE + b"\0"), ("<", b"-", b"<" + ADDRESS + b">\0"), ("<", b"e", b"<" + ADDRESS + b">\0"),
        ("<", b"b", body), ("<", b"q", b"held for heribert@" + HOST + b"\0"), ("<", b"p", b""),
        ("<", b"y", b"550-5.7.1 <" + ADDRESS + b"> rejected by " + HOST + b" [" + IP + b"]\r\n550 5.7.1 id " + QUEUE + b"\0"),
        (">", b"L", b"Zugspitze without an end"), (">", b"X", b"heribert geheimnis"),
        (">", b"Q", b""),
    ]


def write_capture(path, frames, tail=b""):
    """A connection over IPv4, a packet each; then bytes that are no whole frame."""
    packets, seq = [], {">": 1, "<": 1}

    def add(side, payload, flags=0x18):
        mta, milter = (b"\xcb\0\x71\x4d", 40001), (b"\xc6\x33\x64\x07", 8891)
        one, other = (mta, milter) if side == ">" else (milter, mta)
        tcp = struct.pack(">HHIIBBHHH", one[1], other[1], seq[side], seq["<" if side == ">" else ">"], 0x50, flags, 65535, 0, 0) + payload
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0) + one[0] + other[0] + tcp
        packets.append(struct.pack("<IIII", 1795358871 + len(packets), 0, len(ip), len(ip)) + ip)
        seq[side] += len(payload)

    for side, letter, payload in frames:
        whole = frame(letter, payload)
        for at in range(0, len(whole), 30000):
            add(side, whole[at:at + 30000])
    if tail:
        add(">", tail)
    add(">", b"", 0x11)
    path.write_bytes(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 101) + b"".join(packets))
    return path


def test_nothing_is_left_wherever_it_stands(anonymize, tmp_path):
    path = write_capture(tmp_path / "all.pcap", everywhere(), tail=b"\0\0\0\x7fLX-Who\0heribert quin")
    before, after = anonymize(path)
    text = views(before)
    assert not [word for word in SECRETS - {"77.113.0.203", "1234567"} if word.encode() not in text]
    assert not [word for word in SECRETS if word.encode() in views(after)]
    for word in ("heribert", "zugspitze", "geheimnis"):
        wide = word.encode("utf-16le")
        assert wide in text and wide not in views(after)
    lengths = [[(l["type"], l.get("letter"), [len(v) for _, v in values(l)]) for l in lines] for lines in (before, after)]
    assert lengths[0] == lengths[1]


def test_the_same_word_is_the_same_everywhere(anonymize, tmp_path):
    path = write_capture(tmp_path / "all.pcap", everywhere())
    before, after = anonymize(path)
    become = {}
    for old, new in zip(before, after):
        if old["type"] != "frame" or old["letter"] in "BbEXU" or "fault" in old:
            continue
        for (name, one), (_, other) in zip(values(old), values(new)):
            for match in re.finditer(rb"(?i)heribert|quintus|kolibri|werke|wendelin|selektor|203[.-]0[.-]113[.-]77|4Q7XKOLIBRI", one):
                if not name.endswith(".name") and one[match.start() - 1:match.start()] != b"X":
                    word = match[0].lower().replace(b"-", b".")
                    become.setdefault(word, set()).add(other[match.start():match.end()].lower().replace(b"-", b"."))
    assert len(become) == 8
    assert [words for words in become.values() if len(words) > 1] == []
    assert len(set.union(*become.values())) == len(become)
    # an address of IPv4 is none of a private network, a domain none of the Internet
    assert not re.match(rb"10\.|127\.|192\.168\.", *become[b"203.0.113.77"])
    sender = next(line["fields"]["address"] for line in after if line.get("letter") == "M")
    assert re.fullmatch(r"<\w{8}\.\w{7}@\w{4}\.\w{7}-\w{5}\.(?!de)[a-z]{2}>", sender)


def test_parts_of_a_body_can_still_be_read(anonymize, tmp_path):
    """Boundaries, types and encodings hold, and the encoded text has the words of the plain one."""
    before, after = anonymize(write_capture(tmp_path / "all.pcap", everywhere()))
    messages = [email.message_from_bytes(header + b"\r\n" + body) for header, body in (bodies(before)[1], bodies(after)[1])]
    parts = [[(p.get_content_type(), str(p.get("Content-Transfer-Encoding")), len(p.get_payload(decode=True) or b"")) for p in m.walk()]
             for m in messages]
    assert parts[0] == parts[1]
    assert [kind for kind, _, _ in parts[1]] == ["multipart/mixed", "text/plain", "text/html", "text/plain", "message/rfc822", "text/plain"]
    plain = [message.get_payload()[0].get_payload(decode=True).decode() for message in messages]
    heribert = next(line["fields"]["value"] for line in after if line.get("letter") == "i")
    assert plain[0].split()[2] == "Heribert" and plain[1].split()[2] == heribert
    assert heribert in messages[1].get_payload()[1].get_payload(decode=True).decode()


# --- keys -----------------------------------------------------------------------------------------

def test_the_key_decides(replay, tmp_path, key):
    path, other = CAPTURES[0], tmp_path / "other"
    other.write_bytes(b"another secret, also long enough")
    run = lambda *options: replay("convert", path, "--to", "trace", "-o", "-", *options)
    one, again, different = (run("--anonymize-key", name) for name in (key, key, other))
    assert one.returncode == 0 and one.stdout == again.stdout != different.stdout
    first, second = run("--anonymize"), run("--anonymize")
    assert first.returncode == second.returncode == 0
    assert len({first.stdout, second.stdout, one.stdout}) == 3
    # without a key that somebody has, a guess cannot be tried
    assert all(b"alice" not in done.stdout for done in (one, different, first, second))


def test_recordings_with_the_same_key_have_the_same_words(replay, key):
    found = [replay("convert", CAPTURES[n], "--to", "trace", "-o", "-", "--anonymize-key", key).stdout for n in (0, 2)]
    names = [re.search(rb" mail (<\S+>)", text)[1] for text in found]
    assert names[0] == names[1]


def test_a_key_that_is_none_is_told(replay, tmp_path):
    (tmp_path / "short").write_bytes(b"short")
    (tmp_path / "empty").write_bytes(b"")
    for name, message in (("short", "has 5 bytes; a secret has 16 or more"), ("empty", "has 0 bytes"), ("none", "No such file")):
        done = replay("convert", CAPTURES[0], "-o", tmp_path / "out.pcap", "--anonymize-key", tmp_path / name)
        assert done.returncode == 2 and message in done.stderr.decode()
        assert not (tmp_path / "out.pcap").exists()


def test_a_file_for_each_session_has_no_names_either(replay, tmp_path, key):
    done = replay("convert", DATA / "captures/23-verdicts.pcap", "--split", tmp_path / "out", "--to", "trace", "--anonymize-key", key)
    assert done.returncode == 0
    texts = [path.read_text() for path in sorted((tmp_path / "out").iterdir())]
    assert len(texts) == 8 and not any(re.search("alice|example", text) for text in texts)


def test_the_name_of_the_file_is_not_told(replay, tmp_path, key):
    (tmp_path / "alice-bank.pcap").write_bytes((DATA / "captures/23-verdicts.pcap").read_bytes())
    for options in (["--anonymize"], ["--anonymize-key", key]):
        done = replay("convert", tmp_path / "alice-bank.pcap", "--to", "scenario", "-o", "-", *options)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(b"# Made by milter-replay convert from a recording, without what is personal.\n")
        assert b"alice" not in done.stdout and b"bank" not in done.stdout


def test_a_trace_becomes_what_its_capture_becomes(replay, tmp_path, key):
    """Also one of a unix socket, whose path may name somebody."""
    assert replay("convert", CAPTURES[0], "-o", tmp_path / "plain.trace").returncode == 0
    one, other = (replay("convert", path, "--to", "trace", "-o", "-", "--anonymize-key", key) for path in (CAPTURES[0], tmp_path / "plain.trace"))
    assert (one.returncode, one.stdout) == (0, other.stdout)
    text = re.sub(r"from=\S+ to=\S+", "from=unix:/home/alice/x to=unix:/run/alice.sock", (tmp_path / "plain.trace").read_text())
    (tmp_path / "unix.trace").write_text(re.sub(r"^(mta exact)", r"# alice says\n\1  # bob, too", text, count=1, flags=re.M))
    done = replay("convert", tmp_path / "unix.trace", "--to", "trace", "-o", "-", "--anonymize-key", key)
    assert done.returncode == 0, done.stderr
    assert not re.search(rb"alice|bob", done.stdout + done.stderr.replace(bytes(tmp_path), b""))


def test_memory_does_not_grow_with_the_recording(tool, tmp_path, key):
    """Thousands of different words, again and again: a word costs nothing."""
    def peak(n):
        path = tmp_path / f"{n}.pcap"
        body = lambda k: b"".join(b"word%dx%d\r\n" % (k, i) for i in range(2000))
        write_capture(path, [(">", b"O", OFFER), ("<", b"O", OFFER)] + [(">", b"B", body(k)) for k in range(n)])
        done = subprocess.run(["/usr/bin/time", "-f", "%M", tool("milter-replay"), "convert", path, "--to", "trace", "-o", "/dev/null",
                               "--anonymize-key", key], capture_output=True, text=True, timeout=300,
                              env={**os.environ, "ASAN_OPTIONS": "quarantine_size_mb=1"})
        assert done.returncode == 0, done.stderr
        return int(done.stderr.split()[-1])
    small, large = peak(20), peak(200)
    assert large < small * 1.3
