#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A milter on pymilter (Debian: python3-milter) that does what messages of the conformance suite ask for, by
the convention of docs/conformance.md.

usage: conformance-milter.py SOCKET
"""
import re
import socket
import sys

import Milter
import milter

ASKS_FOR_STEPS = 0x200
ASKS_FOR_LISTS = 0x400
KNOWN_ACTIONS = 0x1FF
KNOWN_STEPS = 0x1FFFFF

VERDICTS = {"continue": Milter.CONTINUE, "reject": Milter.REJECT, "tempfail": Milter.TEMPFAIL,
            "discard": Milter.DISCARD, "accept": Milter.ACCEPT, "skip": Milter.SKIP,
            "reply": Milter.REJECT, "multi": Milter.REJECT}
LISTS = ((Milter.M_CONNECT, "j {client_addr} {daemon_name}"), (Milter.M_ENVFROM, "i {mail_addr}"),
         (Milter.M_ENVRCPT, "{rcpt_addr} {rcpt_mailer}"), (Milter.M_EOM, "i"))


def first_word(text, stops):
    return re.split(f"[{re.escape(stops)}]", text.removeprefix("<"), maxsplit=1)[0].lower()


def take_word(text):
    word, _, rest = text.lstrip().partition(" ")
    return word, rest.lstrip(" ")


class ConformanceMilter(Milter.Base):
    def __init__(self):
        self.leading_blank = False
        self.connected = self.greeted = self.connect_macro = ""
        self.begin_message()

    def begin_message(self):
        self.sender = self.mail_macro = ""
        self.recipients, self.rcpt_macros = [], []
        self.fields = []
        self.body_size = self.body_sum = 0
        self.at_data = self.at_eoh = self.at_body = None

    def macro(self, name):
        value = self.getsymval(name)
        return "(none)" if value is None else value

    # -- what comes ------------------------------------------------------------------------------

    def negotiate(self, options):
        offered, steps = options[:2]
        self._actions = options[0] = offered & KNOWN_ACTIONS
        self._protocol = options[1] = steps & (KNOWN_STEPS if offered & ASKS_FOR_STEPS else Milter.P_SKIP)
        options[2] = options[3] = 0
        self.leading_blank = bool(options[1] & Milter.P_HDR_LEADSPC)
        if offered & ASKS_FOR_LISTS:
            # its own setsymlist() hands out bytes, which are refused below
            for stage, names in LISTS:
                self._ctx.setsymlist(stage, names)
        return Milter.CONTINUE

    def answer(self, word):
        if word == "reply":
            self.setreply("554", "5.7.1", "Not today, 100%% sure")
        if word == "multi":
            self.setreply("550", "5.7.2", "first line", "second line", "third line")
        return VERDICTS.get(word, Milter.CONTINUE)

    def connect(self, host, family, address):
        if address is None:
            told = "unknown"
        elif family == socket.AF_INET:
            told = f"4 {address[0]} {address[1]}"
        elif family == socket.AF_INET6:
            told = f"6 {address[0]} {address[1]}"
        else:
            told = "unix"
        self.connected = f"{host} {told}"
        self.connect_macro = self.macro("{client_addr}")
        return self.answer(first_word(host, "."))

    def hello(self, name):
        self.greeted = name
        return self.answer(first_word(name, "."))

    def envfrom(self, sender, *arguments):
        self.begin_message()
        self.sender = " ".join((sender, *arguments))
        self.mail_macro = self.macro("{mail_addr}")
        return self.answer(first_word(sender, "@>"))

    def envrcpt(self, recipient, *arguments):
        word = first_word(recipient, "@>")
        self.rcpt_macros.append(self.macro("{rcpt_addr}"))
        if word.startswith("data-"):
            self.at_data = word.removeprefix("data-")
        if word not in VERDICTS and self.getsymval("{rcpt_mailer}") != "error":
            self.recipients.append(" ".join((recipient, *arguments)))
        return self.answer(word)

    def data(self):
        return self.answer(self.at_data)

    def unknown(self, command):
        word, rest = take_word(command)
        return self.answer(first_word(rest, " ")) if word.upper() == "XACT" else Milter.CONTINUE

    def header(self, name, value):
        text = value.strip(" \t")
        self.fields.append((name, value))
        if name.lower() == "x-at":
            where, verdict = take_word(text)
            if where == "eoh":
                self.at_eoh = verdict
            if where == "body":
                self.at_body = verdict
        return self.answer(first_word(text, " ")) if name.lower() == "x-now" else Milter.CONTINUE

    def eoh(self):
        return self.answer(self.at_eoh)

    def body(self, chunk):
        self.body_size += len(chunk)
        self.body_sum += sum(chunk)
        return self.answer(self.at_body)

    def abort(self):
        self.begin_message()
        return Milter.CONTINUE

    # -- what a message asks for -----------------------------------------------------------------

    def value(self, text):
        return " " + text if self.leading_blank and text else text

    def told(self, what):
        word, rest = take_word(what)
        if word == "header":
            return "".join(f"[{value}]" for name, value in self.fields if name.lower() == rest.lower())
        if word == "macro":
            value = self.getsymval(rest)
            return "(none)" if value is None else f"[{value}]"
        if word == "macros-at":
            return {"connect": self.connect_macro, "mail": self.mail_macro}.get(rest, " ".join(self.rcpt_macros))
        return {"connect": self.connected, "helo": self.greeted, "mail": self.sender,
                "rcpts": f"{len(self.recipients)} {', '.join(self.recipients)}",
                "names": ", ".join(name for name, _ in self.fields),
                "body": f"{self.body_size} bytes, sum {self.body_sum}"}[word]

    def act_add(self, text):
        name, value = take_word(text)
        self.addheader(name, self.value(value))

    def act_insert(self, text):
        index, rest = take_word(text)
        name, value = take_word(rest)
        self.addheader(name, self.value(value), int(index))

    def act_change(self, text):
        index, rest = take_word(text)
        name, value = take_word(rest)
        self.chgheader(name, int(index), self.value(value))

    def act_delete(self, text):
        index, name = take_word(text)
        self.chgheader(name, int(index), None)

    def act_delete_all(self, name):
        for index in range(sum(field.lower() == name.lower() for field, _ in self.fields), 0, -1):
            self.chgheader(name, index, None)

    def act_body(self, text):
        self.replacebody(text.encode(errors="surrogateescape") + b"\r\n")

    def act_bigbody(self, text):
        lines = b"".join(bytes([97 + number % 26]) * 70 + b"\r\n" for number in range(int(text) // 72 + 1))
        self.replacebody(lines[:int(text)])

    def act_bigheader(self, text):
        self.addheader("X-Big", self.value("x" * int(text)))

    def act_quarantine(self, text):
        self.quarantine(text)

    def act_addrcpt(self, address):
        self.addrcpt(address)

    def act_addrcptpar(self, text):
        self.addrcpt(*take_word(text))

    def act_delrcpt(self, address):
        self.delrcpt(address)

    def act_from(self, text):
        address, arguments = take_word(text)
        self.chgfrom(address, arguments or None)

    def act_progress(self, number):
        for _ in range(int(number)):
            self.progress()

    def act_tell(self, what):
        self.addheader("X-Told", self.value(f"{what} = {self.told(what)}"))

    def reply(self, text):
        code, rest = take_word(text)
        extended, lines = take_word(rest)
        self.setreply(code, extended, *lines.replace("%", "%%").split(" / "))
        return Milter.TEMPFAIL if code.startswith("4") else Milter.REJECT

    def act(self, text, verdict):
        word, rest = take_word(text)
        edit = getattr(self, "act_" + word.replace("-", "_"), None)
        if edit is not None:
            edit(rest)
        elif word == "reply" and rest:
            return self.reply(rest)
        elif word in VERDICTS:
            return self.answer(word)
        return verdict

    def eom(self):
        verdict = Milter.CONTINUE
        for name, value in self.fields:
            if name.lower() != "x-act":
                continue
            try:
                verdict = self.act(value, verdict)
            # what libmilter refuses is not done: an action that was not negotiated, a reply that is none
            except (milter.error, Milter.DisabledAction, OverflowError, ValueError):
                pass
        self.begin_message()
        return verdict


def main():
    Milter.factory = ConformanceMilter
    Milter.set_flags(Milter.CURR_ACTS)
    Milter.runmilter("conformance-milter", sys.argv[1])


if __name__ == "__main__":
    main()
