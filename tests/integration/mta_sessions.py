# SPDX-License-Identifier: LGPL-2.1-or-later
"""SMTP sessions with a real MTA, and what it says to a milter meanwhile: for recording and for comparing."""

import re
import socket
import struct
import threading
import time

from fakemilter import CLOSE, CONTINUE, SILENT, options, reply_code
from milterwire import frame

EHLO = "EHLO client.example.com"
AGAIN = "EHLO two.example.com"
MAIL = "MAIL FROM:<alice@example.com>"
RCPT = "RCPT TO:<bob@example.net>"
CAROL = "RCPT TO:<carol@example.org>"
TEXT = b"From: a@example.com\r\nSubject: x\r\n\r\nbody\r\n.\r\n"
MESSAGE = [MAIL, RCPT, "DATA", TEXT]
GONE = None     # the client hangs up

REJECT, TEMPFAIL, DISCARD, ACCEPT, SKIP = (frame(letter) for letter in (b"r", b"t", b"d", b"a", b"s"))

# as many as sendmail takes for one stage
NAMES = (b"{client_addr} {client_port} {client_ptr} {client_name} {client_connections} {client_resolve} {daemon_name} "
         b"{daemon_addr} v _ j s i f r {mail_addr} {mail_host} {mail_mailer} {rcpt_addr} {rcpt_host} {rcpt_mailer} "
         b"{auth_type} {nosuch}")


def lists(names, *stages, steps=0):
    """An answer to the offer with symbol lists."""
    return options(steps=steps, symbols=b"".join(struct.pack(">I", stage) + names + b"\0" for stage in stages))


def first(answer):
    """Only the first command of a letter is answered so."""
    return [answer, CONTINUE]


# name: what the client says, and what the milter answers where it is not continue
SESSIONS = {
    "quit": (["QUIT"], {}),
    "helo": ([EHLO, "QUIT"], {}),
    "helo-twice": ([EHLO, AGAIN, "QUIT"], {}),
    "helo-twice-message": ([EHLO, AGAIN, *MESSAGE, "QUIT"], {}),
    "helo-in-message": ([EHLO, MAIL, RCPT, AGAIN, *MESSAGE, "QUIT"], {}),
    "helo-after-mail": ([EHLO, MAIL, AGAIN, "QUIT"], {}),
    "helo-after-message": ([EHLO, *MESSAGE, AGAIN, "QUIT"], {}),
    "rset": ([EHLO, MAIL, "RSET", MAIL, RCPT, "RSET", "RSET", "QUIT"], {}),
    "rset-outside": (["RSET", EHLO, "RSET", "QUIT"], {}),
    "rset-after-data-refused": ([EHLO, MAIL, RCPT, "DATA", "RSET", MAIL, "QUIT"], {"T": TEMPFAIL}),
    "unknown": (["FOO", EHLO, "BAZ", MAIL, "QUX", RCPT, "QUIT"], {}),
    "two-messages": ([EHLO, MAIL, RCPT, CAROL, "DATA", TEXT, *MESSAGE, "QUIT"], {}),
    "connect-accepted": ([EHLO, MAIL, "QUIT"], {"C": ACCEPT}),
    "connect-rejected": ([EHLO, MAIL, "QUIT"], {"C": REJECT}),
    "connect-tempfailed": ([EHLO, MAIL, "QUIT"], {"C": TEMPFAIL}),
    "helo-accepted": ([EHLO, MAIL, "QUIT"], {"H": ACCEPT}),
    "helo-rejected": ([EHLO, MAIL, "QUIT"], {"H": REJECT}),
    "helo-421": ([EHLO], {"H": reply_code(b"421 4.7.0 bye")}),
    "mail-rejected": ([EHLO, MAIL, "FOO", MAIL, RCPT, "QUIT"], {"M": first(REJECT)}),
    "mail-rejected-helo": ([EHLO, MAIL, AGAIN, "QUIT"], {"M": REJECT}),
    "mail-rejected-rset": ([EHLO, MAIL, "RSET", MAIL, "QUIT"], {"M": first(REJECT)}),
    "mail-rejected-quit": ([EHLO, MAIL, "QUIT"], {"M": REJECT}),
    "mail-accepted": ([EHLO, *MESSAGE, MAIL, RCPT, "QUIT"], {"M": first(ACCEPT)}),
    "mail-accepted-rset": ([EHLO, MAIL, RCPT, "RSET", MAIL, "QUIT"], {"M": first(ACCEPT)}),
    "mail-accepted-helo": ([EHLO, MAIL, RCPT, AGAIN, MAIL, "QUIT"], {"M": first(ACCEPT)}),
    "mail-discarded": ([EHLO, *MESSAGE, MAIL, "QUIT"], {"M": first(DISCARD)}),
    "rcpt-mixed": ([EHLO, MAIL, RCPT, CAROL, "RCPT TO:<dan@example.net>", "DATA", TEXT, "QUIT"],
                   {"R": [CONTINUE, REJECT, CONTINUE]}),
    "rcpt-first-refused": ([EHLO, MAIL, RCPT, CAROL, "RCPT TO:<dan@example.net>", "DATA", TEXT, "QUIT"],
                           {"R": first(TEMPFAIL)}),
    "rcpt-all-refused": ([EHLO, MAIL, RCPT, CAROL, "RSET", MAIL, "QUIT"], {"R": reply_code(b"550 5.1.1 no")}),
    "rcpt-accepted": ([EHLO, *MESSAGE, MAIL, "QUIT"], {"R": ACCEPT}),
    "rcpt-accepted-rset": ([EHLO, MAIL, RCPT, "RSET", MAIL, "QUIT"], {"R": ACCEPT}),
    "rcpt-accepted-helo": ([EHLO, MAIL, RCPT, AGAIN, MAIL, "QUIT"], {"R": ACCEPT}),
    "rcpt-discarded": ([EHLO, MAIL, RCPT, CAROL, "DATA", TEXT, MAIL, "QUIT"], {"R": DISCARD}),
    "rcpt-discarded-rset": ([EHLO, MAIL, RCPT, "RSET", MAIL, "QUIT"], {"R": DISCARD}),
    "rcpt-421": ([EHLO, MAIL, RCPT], {"R": reply_code(b"421 4.7.0 bye")}),
    "data-accepted": ([EHLO, *MESSAGE, MAIL, "QUIT"], {"T": ACCEPT}),
    "data-discarded": ([EHLO, *MESSAGE, MAIL, "QUIT"], {"T": DISCARD}),
    "data-rejected-quit": ([EHLO, MAIL, RCPT, "DATA", "QUIT"], {"T": REJECT}),
    "header-refused": ([EHLO, *MESSAGE, MAIL, "QUIT"], {"L": TEMPFAIL}),
    "header-accepted": ([EHLO, *MESSAGE, MAIL, "QUIT"], {"L": [CONTINUE, ACCEPT]}),
    "eoh-discarded": ([EHLO, *MESSAGE, MAIL, "QUIT"], {"N": DISCARD}),
    "body-rejected": ([EHLO, *MESSAGE, MAIL, "QUIT"], {"B": REJECT}),
    "eom-rejected": ([EHLO, *MESSAGE, MAIL, "QUIT"], {"E": REJECT}),
    "eom-accepted": ([EHLO, *MESSAGE, *MESSAGE, "QUIT"], {"E": ACCEPT}),
    "null-sender": ([EHLO, "MAIL FROM:<>", RCPT, "DATA", TEXT, "QUIT"], {}),
    "local-addresses": ([EHLO, "MAIL FROM:<root>", "RCPT TO:<root>", "QUIT"], {}),
    "spellings": ([EHLO, "MAIL FROM:<Alice@Example.COM> SIZE=100 BODY=8BITMIME", "RCPT TO:bob@example.net",
                   "RCPT TO:<@relay.example:Joe@EXAMPLE.net> NOTIFY=NEVER", "QUIT"], {}),
    "empty": ([EHLO, MAIL, RCPT, "DATA", b"\r\n.\r\n", MAIL, RCPT, "DATA", b".\r\n", "QUIT"], {}),
    "spaces": ([EHLO, MAIL, RCPT, "DATA", b"From: a@example.com\r\nX-A:v\r\nX-B:  v \r\nX-C:\tv\r\nX-D:\r\nX-E: \r\n"
                b"X-F:\r\n one\r\nMessage-Id:  <x@y>\r\n\t(z)\r\nSubject: x\r\n\r\n..dot\r\n\r\n.\r\n", "QUIT"], {}),
    "spaces-leadspc": ([EHLO, MAIL, RCPT, "DATA", b"From: a@example.com\r\nX-A:v\r\nX-B:  v \r\nX-C:\tv\r\nX-D:\r\n"
                        b"X-E: \r\nX-F:\r\n one\r\nSubject: x\r\n\r\n..dot\r\n.\r\n", "QUIT"],
                       {"O": options(steps=0x100000)}),
    "two-message-ids": ([EHLO, MAIL, RCPT, "DATA", b"From: a@example.com\r\nMessage-Id: <x@y>\r\nMessage-Id: <z@y>\r\n"
                         b"\r\nx\r\n.\r\n", "QUIT"], {}),
    "lists": ([EHLO, MAIL, RCPT, CAROL, "DATA", TEXT, "QUIT"], {"O": lists(NAMES, 0, 1, 2, 3, 4, 5, 6)}),
    "lists-empty": ([EHLO, *MESSAGE, "QUIT"], {"O": lists(b"", 0, 1, 2, 3, 4, 5, 6)}),
    "list-of-unknown": ([EHLO, *MESSAGE, "QUIT"], {"O": lists(b"{nosuch}", 0, 4)}),
    "list-eom": ([EHLO, *MESSAGE, "QUIT"], {"O": lists(b"i {mail_addr}", 5)}),
    "list-eoh": ([EHLO, *MESSAGE, "QUIT"], {"O": lists(b"i", 6)}),
    "all-left-out": ([EHLO, "FOO", *MESSAGE, "QUIT"], {"O": options(steps=0x37F)}),
    "no-replies": (["FOO", EHLO, *MESSAGE, *MESSAGE, "QUIT"], {"O": options(steps=0xFF080)}),
    "version-2": ([EHLO, "FOO", *MESSAGE, "QUIT"], {"O": options(version=2, actions=0x3F)}),
    "version-3": ([EHLO, "FOO", *MESSAGE, "QUIT"], {"O": options(version=3, actions=0x3F)}),
    "skip-body": ([EHLO, MAIL, RCPT, "DATA", TEXT[:-3] + b"0123456789abcde\r\n" * 9000 + b".\r\n", *MESSAGE, "QUIT"],
                  {"O": options(steps=0x400), "B": SKIP}),
    "gone": ([EHLO, MAIL, GONE], {}),
    "gone-idle": ([EHLO, GONE], {}),
    "gone-in-data": ([EHLO, MAIL, RCPT, "DATA", GONE], {}),
}

# what Postfix alone takes
POSTFIX_SESSIONS = {
    "skip-helo": ([EHLO, AGAIN, MAIL, "QUIT"], {"O": options(steps=0x400), "H": SKIP}),
    "skip-mail": ([EHLO, MAIL, "RSET", MAIL, RCPT, "DATA", TEXT, "QUIT"],
                  {"O": options(steps=0x400), "M": SKIP}),
    "skip-rcpt": ([EHLO, MAIL, RCPT, CAROL, "DATA", TEXT, MAIL, RCPT, "QUIT"],
                  {"O": options(steps=0x400), "R": SKIP}),
    "skip-rcpt-unknown": ([EHLO, MAIL, RCPT, "FOO", CAROL, "QUIT"], {"O": options(steps=0x400), "R": SKIP}),
    "skip-header": ([EHLO, *MESSAGE, *MESSAGE, "QUIT"], {"O": options(steps=0x400), "L": SKIP}),
    "skip-unknown": (["FOO", "BAR", EHLO, "BAZ", "QUIT"], {"O": options(steps=0x400), "U": SKIP}),
}


SILENT_STEPS = 0xFF080      # the NR_… bits


class RecordingMilter:
    """Answers by a table and keeps the frames of each connection, in order: ("<" or ">", bytes)."""

    ANSWERS = {"O": options(), "D": SILENT, "A": SILENT, "Q": CLOSE}
    NO_REPLY = {"C": 0x1000, "H": 0x2000, "M": 0x4000, "R": 0x8000, "T": 0x10000, "U": 0x20000, "L": 0x80, "N": 0x40000,
                "B": 0x80000}

    def __init__(self, family=socket.AF_INET, host="127.0.0.1"):
        self.listener = socket.create_server((host, 0), family=family)
        self.port = self.listener.getsockname()[1]
        self.answers = self.ANSWERS
        self.connections = []
        threading.Thread(target=self.accept_all, daemon=True).start()

    def accept_all(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            connection = {"frames": [], "over": threading.Event()}
            self.connections.append(connection)
            threading.Thread(target=self.serve, args=(sock, connection), daemon=True).start()

    def serve(self, sock, connection):
        seen, steps = {}, 0
        try:
            with sock, sock.makefile("rb") as stream:
                while len(head := stream.read(4)) == 4:
                    data = stream.read(struct.unpack(">I", head)[0])
                    letter = data[:1].decode("latin1")
                    connection["frames"].append((">", data))
                    answer = self.answers.get(letter, CONTINUE)
                    if isinstance(answer, list):
                        answer = answer[min(seen.get(letter, 0), len(answer) - 1)]
                    seen[letter] = seen.get(letter, 0) + 1
                    if answer is CLOSE:
                        break
                    if steps & self.NO_REPLY.get(letter, 0) or answer == SILENT:
                        continue
                    if letter == "O":
                        steps = struct.unpack(">I", answer[13:17])[0]
                    connection["frames"].append(("<", answer[4:]))
                    sock.sendall(answer)
        except OSError:
            pass
        connection["over"].set()

    def record(self, answers, do):
        """The frames of the one connection that `do` brings about."""
        before = len(self.connections)
        self.answers = {**self.ANSWERS, **answers}
        do()
        end = time.monotonic() + 60
        while len(self.connections) == before:
            assert time.monotonic() < end, "the MTA did not call the milter"
            time.sleep(0.01)
        assert self.connections[before]["over"].wait(60), "the MTA does not let go of the milter"
        assert len(self.connections) == before + 1
        return self.connections[before]["frames"]

    def close(self):
        self.listener.close()


def smtp(port, lines, host="127.0.0.1"):
    """Says these lines to an SMTP server, each after the reply to the one before."""
    with socket.create_connection((host, port), timeout=60) as connection:
        stream = connection.makefile("rwb")

        def reply():
            while (line := stream.readline())[3:4] == b"-":
                pass
            return line

        reply()
        for line in lines:
            if line is GONE:
                return
            stream.write(line if isinstance(line, bytes) else line.encode() + b"\r\n")
            stream.flush()
            reply()


def pairs_of(data):
    words = data[2:].split(b"\0")[:-1]
    return list(zip(words[::2], words[1::2]))


def connect_line(frames):
    for _, data in frames:
        if data[:1] == b"C":
            host, rest = data[1:].split(b"\0", 1)
            if rest[:1] != b"U":
                port = struct.unpack(">H", rest[1:3])[0]
                return f"connect {host.decode()} {rest[3:-1].decode()} port={port}"
    return None


def is_answered(frames):
    """Whether the milter answers all commands that have a reply."""
    return not any(side == "<" and data[:1] == b"O" and struct.unpack(">I", data[9:13])[0] & SILENT_STEPS
                   for side, data in frames)


def scenario(mta, lines, frames, folder, default_connect):
    """The session as a scenario for milter-test-server; the fields that the MTA adds are taken from the recording."""
    text = [f"mta {mta}", "session", connect_line(frames) or default_connect]
    # no reply is waited for where the profile says nothing, so it costs no time to wait for those that come late
    late = "within 60s"
    reply = f"any | none {late}" if is_answered(frames) else "any | none"
    shown, n_mails = shown_fields(frames), 0
    for number, line in enumerate(lines):
        if line in ("QUIT", GONE):
            continue
        if isinstance(line, bytes):
            content = re.sub(rb"(?m)^\.", b"", line[:-3])
            head, gap, body = (content.partition(b"\r\n\r\n") if not content.startswith(b"\r\n")
                               else (b"", b"\r\n", content[2:]))
            added = own_fields(head, shown[min(n_mails, len(shown)) - 1])
            fields = ([head] if head else []) + added
            (folder / f"{number}.eml").write_bytes(b"".join(field + b"\r\n" for field in fields) + b"\r\n" + body)
            text += [f"eml {number}.eml => {reply}", f"eom => any | none {late}"]
            continue
        n_mails += line.startswith("MAIL")
        if line == "RSET":
            text.append("message")
        else:
            verb = {"EHLO": "helo", "DATA": "data"}.get(line.split()[0])
            verb = verb and " ".join([verb, *line.split()[1:]])
            if line.startswith("MAIL FROM:") or line.startswith("RCPT TO:"):
                verb = line[:4].lower() + " " + line.partition(":")[2]
            text += [verb or f"unknown {line}", f" => {reply}"]
    return "\n".join(text) + "\n"


def shown_fields(frames):
    """The fields that the milter was shown, a list for each message."""
    messages, before = [], b""
    for data in (data for side, data in frames if side == ">"):
        if data[:2] == b"DM" or (data[:1] == b"M" and before[:2] != b"DM"):
            messages.append([])
        elif data[:1] == b"L":
            messages[-1].append(data[1:-1])
        before = data
    return messages


def own_fields(head, shown):
    """The fields of a message that only the MTA can have written, of those that were shown."""
    theirs = len(re.split(rb"\r\n(?![ \t])", head)) if head else 0
    own = []
    for field in shown[theirs:]:
        name, _, value = field.partition(b"\0")
        if name not in (b"Message-Id", b"Date", b"From"):
            break
        own.append(name + b":" + (b"" if value.startswith(b" ") else b" ") + value)
    return own


def comparable(frames, ids):
    """MTA frames with queue ids by number, and without what belongs to the machine and the minute."""
    result = []
    for side, data in frames:
        if side != ">":
            continue
        if data[:1] == b"D":
            pairs = pairs_of(data)
            for name, value in pairs:
                if name == b"i" and value not in ids:
                    ids.append(value)
            for number, queue_id in enumerate(ids):
                pairs = [(name, value.replace(queue_id, b"ID%d" % number)) for name, value in pairs]
            pairs = [(name, re.sub(rb"<\d{12}\.", b"<MINUTE.", value)) for name, value in pairs]
            data = data[:2] + b"".join(name + b"\0" + value + b"\0" for name, value in pairs)
        result.append(data)
    return result


def differences(theirs, ours):
    """The first difference, for a reader; None if there is none."""
    one, other = comparable(theirs, []), comparable(ours, [])
    for index in range(max(len(one), len(other))):
        left = one[index] if index < len(one) else "nothing more"
        right = other[index] if index < len(other) else "nothing more"
        if left != right:
            return f"frame {index}: the MTA sends {left[-300:]!r}, the profile {right[-300:]!r}"
    return None


def write_recording(path, frames, what, cut):
    lines = [f"# {what}", *(["cut"] if cut else []), *(f"{side} {data.hex()}" for side, data in frames)]
    path.write_text("\n".join(lines) + "\n")
