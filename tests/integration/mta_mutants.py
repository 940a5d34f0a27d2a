# SPDX-License-Identifier: LGPL-2.1-or-later
"""An MTA that keeps every requirement of the conformance suite, and breaks one of them where it is told to.

with Mta(milter, delivery, style, plan) as mta: SMTP on mta.port. `plan` has for each connection, in turn, the id of the
requirement that it breaks, or None; `style` is what Postfix and sendmail do each in its own way. How each requirement is
broken stands where it is kept: `if self.breaks("NEG-33")`. `read` seconds are waited for a reply of the milter, `total`
for all those to the end of a message; where something is broken that often means to wait for a reply that there is not,
so there it is IN_VAIN.
"""

import re
import socket
import struct
import threading
import time

from milterwire import frame
from mta_message import Message, MilterError

IN_VAIN = 0.5
HUGE = 1 << 30
ACTIONS, STEPS = 0x1FF, 0x1FFFFF
NO = {"C": 1, "H": 2, "M": 4, "R": 8, "B": 0x10, "L": 0x20, "N": 0x40, "U": 0x100, "T": 0x200}
SILENT = {"L": 0x80, "C": 0x1000, "H": 0x2000, "M": 0x4000, "R": 0x8000, "T": 0x10000, "U": 0x20000, "N": 0x40000,
          "B": 0x80000}
SKIP, RCPT_REJ = 0x400, 0x800
STAGES = {0: "C", 1: "H", 2: "M", 3: "R", 4: "T", 5: "E", 6: "N"}
SINCE = {"U": 3, "T": 4}
MACROS = {"C": ["j", "{daemon_name}", "v"], "H": [], "M": ["{mail_addr}", "{mail_mailer}"],
          "R": ["{rcpt_addr}", "{rcpt_mailer}"], "T": ["i"], "E": ["i", "{mail_addr}"]}
EDITS = "himb+2-eq"
TEMPFAIL, REJECT = "451 4.7.1 try again later", "550 5.7.1 rejected"


class Milter:
    """One connection to the milter."""

    def __init__(self, session, spec):
        self.session = session
        self.breaks = session.breaks
        self.link = socket.socket(socket.AF_UNIX)
        self.link.connect(spec)
        self.unread = b""
        self.lists = {}
        self.steps = self.version = 0
        self.values = {"j": b"mta.example.com", "{daemon_name}": b"daemon", "v": b"mutant 1", "i": b"4711"}

    def close(self):
        if self.link is not None:
            self.link.close()
        self.link = None

    def read(self, size, deadline):
        while len(self.unread) < size:
            self.link.settimeout(max(deadline - time.monotonic(), 0.01))
            try:
                more = self.link.recv(65536)
            except OSError as error:
                raise MilterError(str(error)) from error
            if not more:
                raise MilterError("closed")
            self.unread += more
            if self.breaks("FRM-23") and len(self.unread) < size:
                raise MilterError("in pieces")
        taken, self.unread = self.unread[:size], self.unread[size:]
        return taken

    def reply(self, deadline=None):
        deadline = deadline or time.monotonic() + self.session.read_time
        size, = struct.unpack(">I", self.read(4, deadline))
        if size == 0 and self.breaks("FRM-21"):
            raise ConnectionError
        if size > HUGE and self.breaks("FRM-25"):
            self.unread = b""
            return "c", b""
        if size == 0 or size > HUGE:
            raise MilterError("length")
        whole = self.read(size, deadline)
        if self.breaks("FRM-24"):
            self.unread = b""
        return chr(whole[0]), whole[1:]

    def send(self, letter, payload=b""):
        self.link.sendall(frame(letter.encode(), payload))

    def negotiate(self):
        """False: the milter is refused."""
        if self.breaks("NEG-26"):
            self.send("D", b"Cj\0x\0")
        self.send("O", struct.pack(">III", 6, ACTIONS, STEPS))
        letter, payload = self.reply()
        if letter != "O":
            return self.breaks("NEG-32")
        if len(payload) < 12:
            return self.breaks("NEG-31")
        self.version, actions, self.steps = struct.unpack(">III", payload[:12])
        if self.version > 6 and not self.breaks("NEG-27") or actions & ~ACTIONS and not self.breaks("NEG-29"):
            return False
        if self.breaks("NEG-30"):
            self.steps |= NO["H"]
        elif self.steps & ~STEPS:
            return False
        return self.take_lists(payload[12:])

    def take_lists(self, rest):
        while rest:
            number = struct.unpack(">I", rest[:4])[0]
            if b"\0" not in rest[4:]:
                return self.breaks("NEG-39")
            names, _, rest = rest[4:].partition(b"\0")
            if number not in STAGES and self.breaks("NEG-38"):
                return False
            stage = STAGES.get(number)
            if not names and self.breaks("NEG-37") or stage == "E" and self.breaks("NEG-36"):
                continue
            self.lists[stage] = names.decode().split()
        return True

    def send_macros(self, letter):
        names = self.lists.get(letter, MACROS.get(letter, []))
        if self.breaks("MAC-20") and letter == "C":
            names = [*names, "{client_ptr}"]
            self.values["{client_ptr}"] = b""
        pairs = [("{j}" if name == "j" and self.breaks("MAC-21") else name, self.values[name])
                 for name in names if name in self.values]
        if pairs:
            self.send("D", letter.encode() + b"".join(name.encode() + b"\0" + value + b"\0" for name, value in pairs))

    def is_wanted(self, letter):
        since = SINCE.get(letter, 2)
        if {"NEG-28": "U", "UNK-09": "U", "DAT-07": "T"}.get(self.session.broken) == letter:
            since = 2
        if self.breaks("NEG-33") and letter == "H":
            return True
        return self.version >= since and not self.steps & NO.get(letter, 0)

    def tell(self, letter, payload=b""):
        """Sends a command. True: a reply is due."""
        if not self.is_wanted(letter):
            return False
        self.send_macros(letter)
        if self.breaks("MAC-19") and letter == "C":
            self.send("D", b"M{mail_addr}\0too early\0")
        self.send(letter, payload)
        return not self.steps & SILENT.get(letter, 0) or self.breaks("NEG-34")


class Session:
    """One SMTP connection."""

    def __init__(self, mta, link, broken):
        self.mta, self.link, self.broken = mta, link, broken
        in_vain = broken is not None and not broken.startswith("TMO")
        self.read_time = IN_VAIN if in_vain else mta.read
        self.stream = link.makefile("rwb")
        self.milter = None
        self.failed = False      # a milter that failed is not asked again
        self.refusal = None      # of the connection, once the milter has said so
        self.forget()
        self.dies_at_mail = False

    def breaks(self, name):
        return self.broken == name

    def forget(self):
        self.sender, self.rcpts, self.refused = None, [], None
        self.done = self.discards = False    # nothing more of this message is sent
        self.begun = False                   # the milter knows of it

    def say(self, text):
        self.stream.write(text.encode() + b"\r\n")
        self.stream.flush()

    # --- the milter

    def fail(self):
        self.failed = True
        if self.milter is not None:
            self.milter.close()
        self.milter = None

    def drop(self):
        """Nothing more is sent in this session."""
        if self.milter is not None:
            self.milter.send("Q")
            self.milter.close()
        self.milter = None

    def open_milter(self):
        self.milter = Milter(self, self.mta.milter)
        if not self.milter.negotiate():
            self.fail()

    def text_of(self, letter, payload):
        if letter == "t" or letter == "r":
            return TEMPFAIL if letter == "t" else REJECT
        return payload.rstrip(b"\0").decode().replace("%%", "%")

    def ask(self, letter, payload=b""):
        """(None, a refusal, or "a", "d", "s"): the verdict on a command."""
        if self.failed and not self.milter:
            return TEMPFAIL
        if self.milter is None:
            return None
        try:
            if not self.milter.tell(letter, payload):
                return None
            answer, text = self.milter.reply()
            if answer in EDITS and not self.breaks("MOD-36"):
                raise MilterError("an edit")
            if answer in EDITS:
                answer, text = self.milter.reply()
            if answer in "cartds" and text:
                if self.breaks("FRM-27"):
                    raise ConnectionError
                raise MilterError("payload")
            if answer not in "cartdsy" and not self.breaks("FRM-22"):
                raise MilterError("letter")
        except MilterError:
            if self.broken == "TMO-08":
                return None
            self.fail()
            return TEMPFAIL
        if answer in "rty":
            return self.text_of(answer, text)
        return answer if answer in "ads" else None

    def abort(self):
        if self.milter is None or not self.begun or self.breaks("ABT-08"):
            return
        self.milter.send("A")
        if self.breaks("ABT-09"):
            try:
                self.milter.reply()
            except MilterError:
                self.fail()

    def end_milter(self):
        if self.milter is None:
            return
        try:
            if self.breaks("QNC-08"):
                self.milter.send("K")
            if self.breaks("FRM-01"):
                self.milter.link.sendall(b"\0\0\0\x09Q")
            elif not self.breaks("QUI-08"):
                self.milter.send("Q")
        except OSError:
            pass
        self.milter.close()

    # --- commands

    def run(self):
        try:
            self.serve()
        except (ConnectionError, ValueError):
            pass
        finally:
            self.end_milter()
            self.stream.close()
            self.link.close()

    def greet(self):
        """False: the connection ends."""
        if not self.breaks("CCY-10") or self.mta.count == 1:
            try:
                self.open_milter()
            except MilterError:
                self.fail()
        address = self.link.getpeername()[0]
        host = address if self.breaks("CON-19") else f"[{address}]"
        command = f"{host}\0".encode() + b"4" + struct.pack(">H", 4711) + f"{address}\0".encode()
        verdict = self.ask("C", command) if not self.failed else None
        if self.breaks("CON-18") and self.milter:
            self.ask("C", command)
        if verdict == "a" and not self.breaks("CON-22"):
            self.drop()
        if verdict == "d" and self.breaks("CON-23"):
            self.discards = True
        if verdict and len(verdict) > 1:
            self.refuse_all(verdict)
            if verdict.startswith("421") and not self.breaks("CON-24"):
                self.say(verdict)
                return False
        self.say("220 mta.example.com ESMTP")
        return True

    def refuse_all(self, text):
        if self.breaks("CON-21"):
            text = REJECT
        if not self.breaks("CON-20"):
            self.refusal = text
            self.drop()

    def serve(self):
        if not self.greet():
            return
        while True:
            line = self.stream.readline()
            if not line:
                return
            line = line.decode("latin-1").rstrip("\r\n")
            verb = line.split(" ")[0].upper()
            command = getattr(self, f"do_{verb.lower()}", None)
            if verb == "QUIT":
                self.say("221 bye")
                return
            if (command or self.do_unknown)(line) is False:
                return

    def do_noop(self, _line):
        self.say("250 ok")

    def do_rset(self, _line):
        self.abort()
        self.forget()
        self.say("250 ok")

    def do_ehlo(self, line):
        first = (self.mta.style == "sendmail") != (self.broken in ("HLO-10", "HLO-11"))
        if self.begun and first:
            self.abort()
        verdict = None if self.failed or self.refusal else self.ask("H", line[5:].encode() + b"\0")
        if self.begun and not first:
            self.abort()
        self.forget_message()
        if verdict and len(verdict) > 1:
            if self.breaks("HLO-09"):
                self.say(verdict)
                return
            self.refusal = verdict
        self.say("250-mta.example.com\r\n250 8BITMIME")

    def forget_message(self):
        discards = self.discards and self.breaks("CON-23")
        self.forget()
        self.discards = discards

    def do_mail(self, line):
        found = re.fullmatch(r"MAIL FROM:(<[^ <>]*>)((?: \S+)*)", line, re.I)
        words = found[2].split() if found else []
        if self.breaks("MAI-15"):
            self.ask("M", b"<broken>\0")
        if not found or any(word.upper() == "BODY=NONSENSE" for word in words):
            self.say("501 5.5.4 syntax")
            return None
        if self.refusal:
            self.say(self.refusal)
            return None
        if self.dies_at_mail:
            return False
        if self.failed and self.breaks("TMO-12"):
            self.failed = False
            self.open_milter()
        if self.milter:
            self.milter.values["{mail_addr}"] = found[1][1:-1].encode()
            self.milter.values["{mail_mailer}"] = b"smtp"
        words = [" ".join([found[1], *words])] if self.breaks("MAI-14") else [found[1], *words]
        verdict = self.ask("M", b"".join(word.encode() + b"\0" for word in words))
        self.begun = self.milter is not None
        if verdict and len(verdict) > 1 and not self.breaks("MAI-11"):
            self.begun = False
            self.say(verdict)
            return None
        if verdict == "a" and self.breaks("MAI-13"):
            self.drop()
        if not (verdict == "d" and self.breaks("MAI-12")):
            self.take(verdict)
        self.sender = found[1]
        self.say("250 ok")
        return None

    def take(self, verdict):
        """Of accept and discard: nothing more is sent."""
        self.discards = self.discards or verdict == "d"
        self.done = self.done or verdict in ("a", "d")

    def do_rcpt(self, line):
        address = line[8:].split(" ")[0]
        if self.sender is None:
            self.say("503 mail first")
            return None
        refused = address in ("<refused@example.net>",)
        if self.milter:
            self.milter.values["{rcpt_addr}"] = address[1:-1].encode()
            self.milter.values["{rcpt_mailer}"] = b"error" if refused and not self.breaks("RCP-17") else b"smtp"
        shows = self.milter is not None and (self.milter.steps & RCPT_REJ or self.breaks("RCP-16"))
        verdict = None
        if not self.done and (not refused or shows):
            verdict = self.ask("R", address.encode() + b"\0")
        if refused:
            self.say("550 5.1.1 refused")
            return None
        if verdict and len(verdict) > 1:
            if self.breaks("RCP-12") or self.breaks("RCP-15"):
                self.rcpts.append(address)
            self.say({"RCP-13": REJECT, "RCP-14": REJECT}.get(self.broken, verdict))
            return not verdict.startswith("421") or self.breaks("RCP-19")
        if not (verdict == "d" and self.breaks("RCP-18")):
            self.take(verdict)
        self.rcpts.append(address)
        self.say("250 ok")
        return None

    def do_unknown(self, line):
        text = line.split(" ")[0] if self.breaks("UNK-08") else line
        verdict = None if self.refusal else self.ask("U", text.encode("latin-1") + b"\0")
        self.dies_at_mail = self.dies_at_mail or verdict in ("a", "d") and self.breaks("UNK-10")
        if verdict and len(verdict) > 1 and self.breaks("UNK-12"):
            return False
        self.say(verdict if verdict and len(verdict) > 1 else "500 unknown")
        return None

    def do_data(self, _line):
        if not self.rcpts:
            self.say("503 rcpt first")
            return None
        verdict = None if self.done or self.breaks("DAT-06") else self.ask("T")
        if verdict and len(verdict) > 1 and not self.breaks("DAT-08"):
            self.say(REJECT if self.breaks("DAT-09") else verdict)
            return None
        self.take(verdict)
        self.say("354 go on")
        content = []
        while True:
            line = self.stream.readline()
            if not line:
                return False
            if line == b".\r\n":
                break
            content.append(line[1:] if line.startswith(b".") and not self.breaks("BOD-14") else line)
        self.say(self.take_message(Message(self, content)))
        discards = self.discards and self.breaks("CON-23")
        self.forget()
        self.discards = discards
        return None

    # --- a message

    def take_message(self, message):
        """The reply to the dot."""
        held = False
        if not self.done:
            refusal, held = self.show(message)
            if refusal:
                if self.breaks("EOM-10"):
                    self.mta.deliver(message, self.sender, self.rcpts)
                return refusal
        if self.discards and not self.breaks("EOM-11"):
            return "250 queued"
        if not held or self.breaks("MOD-33"):
            self.mta.deliver(message, self.sender, self.rcpts)
        return "250 queued"

    def show(self, message):
        """(The refusal or None, whether the message is held)."""
        if self.failed:
            return TEMPFAIL, False
        if self.milter is None:
            return None, False
        for name, value in message.shown():
            verdict = self.ask("L", name + b"\0" + value + b"\0")
            if self.ends(verdict) and not self.breaks("HDR-23"):
                return self.conclude(verdict), False
        if not (self.breaks("EOH-05") and not message.came):
            verdict = self.ask("N")
            if self.ends(verdict):
                return self.conclude(verdict), False
        rest = message.body
        size = 100000 if self.breaks("FRM-26") else 65535
        if self.milter is not None and self.milter.steps & NO["N"] and self.breaks("EOH-06"):
            rest = b""
        while rest and not (self.breaks("BOD-17") and len(rest) <= size) or self.breaks("BOD-15") and not message.body:
            chunk, rest = rest[:size], rest[size:]
            verdict = self.ask("B", chunk)
            if verdict == "s" and not self.breaks("BOD-16") or not chunk:
                rest = b""
            elif self.ends(verdict):
                return self.conclude(verdict), False
        return self.finish(message, rest)

    def ends(self, verdict):
        return verdict is not None and verdict != "s"

    def conclude(self, verdict):
        self.take(verdict)
        return verdict if len(verdict) > 1 else None

    def finish(self, message, rest):
        if self.milter is None:
            return TEMPFAIL, False
        if self.milter.steps & NO["B"] and self.breaks("NEG-35"):
            return None, False
        held = False
        try:
            self.milter.tell("E", rest)
            total = time.monotonic() + self.mta.total
            while True:
                deadline = time.monotonic() + self.read_time
                if self.mta.style == "sendmail" and not self.breaks("TMO-09"):
                    deadline = min(deadline, total)
                if self.breaks("TMO-10"):
                    deadline = min(deadline, total - self.mta.total + self.read_time)
                letter, payload = self.milter.reply(deadline)
                if letter == "p" and not self.breaks("EOM-12"):
                    continue
                if letter == "q":
                    held = True
                elif letter in EDITS:
                    message.edit(letter, payload)
                elif letter in "cartdy":
                    break
                else:
                    raise MilterError("letter")
            while self.breaks("EOM-13"):
                letter, payload = self.milter.reply()
                if letter in "rty":
                    break
        except MilterError:
            self.fail()
            return TEMPFAIL, False
        if letter in "rty" and not (held and self.breaks("MOD-32")):
            return self.text_of(letter, payload), False
        self.discards = self.discards or letter == "d"
        message.complete()
        return None, held


class Mta:
    """A thread for each client, one after the other but where one opens a second connection."""

    def __init__(self, milter, delivery, style, plan, read=30, total=60):
        self.milter, self.delivery, self.style, self.read, self.total = milter, delivery, style, read, total
        self.plan = list(plan)
        self.count = 0
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_exception):
        self.listener.close()

    def accept(self):
        before = object()
        while True:
            try:
                link, _ = self.listener.accept()
            except OSError:
                return
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            broken = self.plan.pop(0) if self.plan else None
            self.count = self.count + 1 if broken == before else 1
            before = broken
            threading.Thread(target=Session(self, link, broken).run, daemon=True).start()

    def deliver(self, message, sender, recipients):
        with self.lock, socket.create_connection(("127.0.0.1", self.delivery), timeout=10) as link:
            stream = link.makefile("rwb")

            def say(line):
                stream.write(line + b"\r\n")
                stream.flush()
                while stream.readline()[3:4] == b"-":
                    pass

            stream.readline()
            say(b"HELO mta.example.com")
            say(b"MAIL FROM:" + sender.encode())
            for recipient in recipients:
                say(b"RCPT TO:" + recipient.encode())
            say(b"DATA")
            text = re.sub(rb"(?m)^\.", b"..", message.text())
            say(text + (b"" if text.endswith(b"\r\n") else b"\r\n") + b".")
            say(b"QUIT")
