# SPDX-License-Identifier: LGPL-2.1-or-later
"""The message of a session of mta_mutants.py: as a milter is told of it, and as its edits make it."""

import re
import struct


class MilterError(Exception):
    """What a milter must not do."""


class Field:
    """A header field: its value as it stands behind the colon, with LF."""

    def __init__(self, name, value, own=False):
        self.name, self.value, self.own = name, value, own
        self.gone = False


class Message:
    """A message, and what the milter makes of it."""

    def __init__(self, session, content):
        self.session, self.breaks = session, session.breaks
        self.style = session.mta.style
        self.fields = [Field(b"Received", b" from client by mta", own=True)]
        self.came = 0
        self.new_body = None
        while content and (re.match(rb"[!-9;-~]+:", content[0]) or self.came and content[0][:1] in b" \t" and content[0] != b"\r\n"):
            line = content.pop(0)[:-2]
            if line[:1] in b" \t":
                self.fields[-1].value += b"\n" + line
            else:
                name, _, value = line.partition(b":")
                self.fields.append(Field(name, value))
                self.came += 1
        if content and content[0] == b"\r\n":
            content.pop(0)
        self.body = b"".join(content)
        self.added = [Field(name, b" added") for name in (b"Message-Id", b"Date", b"From")
                      if not self.find(name)]
        self.fields += self.added

    def find(self, name):
        """Fields of that name, but our own Received."""
        return [field for field in self.fields if field.name.lower() == name.lower() and not field.own
                and not (field.gone and self.style == "postfix" and not self.breaks("MOD-25")) and
                not (field.gone and self.breaks("MOD-26"))]

    def shown(self):
        fields = [field for field in self.fields if not field.own or self.breaks("HDR-20")]
        if self.style == "sendmail" and not self.breaks("HDR-21"):
            fields = [field for field in fields if field not in self.added]
        if self.breaks("HDR-22"):
            fields = self.added + [field for field in fields if field not in self.added]
        if self.breaks("HDR-16"):
            fields.sort(key=lambda field: field.name)
        for field in fields:
            value = field.value[1:] if field.value.startswith(b" ") else field.value
            if self.breaks("HDR-17") or self.breaks("HDR-18"):
                value = value.strip()
            if self.breaks("HDR-19"):
                value = value.replace(b"\n", b"")
            yield field.name, value

    def edit(self, letter, payload):
        if self.breaks("EOM-09"):
            return
        if letter == "b":
            if payload or not self.breaks("MOD-29"):
                payload = payload.replace(b"\r", b"\r\n") if self.breaks("MOD-30") else payload
                self.new_body = (self.new_body or b"") + payload
        elif letter in "him":
            self.edit_field(letter, payload)
        elif letter == "e":
            if not self.breaks("MOD-34"):
                self.session.sender = payload.split(b"\0")[0].decode()
        elif letter == "-":
            address = payload.split(b"\0")[0].decode()
            if address in self.session.rcpts:
                self.session.rcpts.remove(address)
            elif self.breaks("MOD-35"):
                raise MilterError("no such recipient")

    def edit_field(self, letter, payload):
        index = 0
        if letter != "h":
            index, payload = struct.unpack(">I", payload[:4])[0], payload[4:]
        name, value = payload.split(b"\0")[:2]
        if not self.breaks("MOD-31"):
            value = re.sub(rb"\n(?![ \t])", b"\n\t", value)
        field = Field(name, b" " + value)
        if letter == "i":
            self.insert(index, field)
        elif letter == "h":
            self.add(field)
        else:
            self.change(index, field, value)

    def insert(self, index, field):
        if self.breaks("MOD-22") or self.breaks("MOD-23"):
            index += 1
        if index < len(self.fields):
            self.fields.insert(index, field)
        elif not self.breaks("MOD-24"):
            self.fields.append(field)

    def add(self, field):
        before_same = (self.style == "sendmail") != (self.session.broken in ("MOD-27", "MOD-28"))
        same = self.find(field.name)
        if before_same and same:
            self.fields.insert(self.fields.index(same[0]), field)
        else:
            self.fields.append(field)

    def change(self, index, field, value):
        same = self.find(field.name)
        if index == 0 and self.breaks("MOD-19"):
            return
        index = max(index, 1)
        if index > len(same) and self.breaks("MOD-21"):
            index = 1
        if index <= len(same):
            same[index - 1].gone = not value
            if value:
                same[index - 1].value = field.value
        elif value and not self.breaks("MOD-20"):
            self.add(field)

    def complete(self):
        if self.new_body is not None:
            self.body = self.new_body

    def text(self):
        head = b"".join(field.name + b":" + field.value.replace(b"\n", b"\r\n") + b"\r\n"
                        for field in self.fields if not field.gone)
        return head + b"\r\n" + self.body
