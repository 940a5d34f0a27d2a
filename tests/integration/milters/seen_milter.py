#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A pymilter milter that tells at the end of a message all that it has seen of it.

    seen_milter.py SOCKET

It adds `X-Seen:` with the client, HELO, sender, recipients, number of fields and bytes of the body, and the
macros i and {mail_addr}; a recipient that begins with `refuse` is refused with a reply of its own.
"""

import os
import sys

import Milter


class Seen(Milter.Base):
    def connect(self, name, _family, _address):
        self.client, self.name = name, None
        self.forget()
        return Milter.CONTINUE

    def forget(self):
        self.sender, self.recipients, self.fields, self.size = None, [], 0, 0

    def hello(self, name):
        self.name = name
        return Milter.CONTINUE

    def envfrom(self, sender, *_arguments):
        self.forget()
        self.sender = sender
        return Milter.CONTINUE

    def envrcpt(self, recipient, *_arguments):
        if recipient.startswith("<refuse"):
            self.setreply("550", "5.1.1", "refused")
            return Milter.REJECT
        self.recipients.append(recipient)
        return Milter.CONTINUE

    def header(self, _name, _value):
        self.fields += 1
        return Milter.CONTINUE

    def body(self, chunk):
        self.size += len(chunk)
        return Milter.CONTINUE

    def eom(self):
        macros = f"i={self.getsymval('i')} sender={self.getsymval('{mail_addr}')} rcpt={self.getsymval('{rcpt_addr}')}"
        self.addheader("X-Seen", f"{self.client} {self.name} {self.sender} {','.join(self.recipients)} "
                       f"{self.fields} {self.size} {macros}")
        return Milter.CONTINUE


os.umask(0)
Milter.factory = Seen
Milter.set_flags(Milter.ADDHDRS)
Milter.runmilter("seen", sys.argv[1], 60)
