#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The door of a mailing list, as people write such things with pymilter (Debian: python3-milter).

usage: list-milter.py SOCKET

Mail to team@lists.example.com goes out in the list's name: the subject is marked, List-Id is added,
the sender becomes the list's bounce address, the archive gets a copy. Mail to other addresses at
lists.example.com is refused, more than MOST recipients are to come later, and what holds an HTML part
waits for the moderator. Other mail is not touched.
"""
import sys

import Milter

LIST = "team@lists.example.com"
MOST = 20


class ListMilter(Milter.Base):
    def __init__(self):
        self.reset()

    def reset(self):
        self.to_list = self.html = False
        self.recipients = 0
        self.subject = None
        self.marks = 0          # List-Id fields that the message brings along

    @Milter.noreply
    def connect(self, name, family, address):
        return Milter.CONTINUE

    def envfrom(self, sender, *arguments):
        self.reset()
        return Milter.CONTINUE

    def envrcpt(self, recipient, *arguments):
        address = recipient.strip("<>").lower()
        if self.recipients == MOST:
            self.setreply("452", "4.5.3", "too many recipients, the rest later please")
            return Milter.TEMPFAIL
        if address.endswith("@lists.example.com") and address != LIST:
            self.setreply("550", "5.1.1", f"there is no list {address.split('@')[0]}")
            return Milter.REJECT
        self.recipients += 1
        self.to_list = self.to_list or address == LIST
        return Milter.CONTINUE

    @Milter.noreply
    def header(self, name, value):
        if name.lower() == "subject" and self.subject is None:
            self.subject = value
        elif name.lower() == "list-id":
            self.marks += 1
        elif name.lower() == "content-type" and "text/html" in value.lower():
            self.html = True
        return Milter.CONTINUE

    @Milter.noreply
    def body(self, chunk):
        self.html = self.html or b"content-type: text/html" in chunk.lower()
        return Milter.CONTINUE

    def eom(self):
        if not self.to_list:
            return Milter.ACCEPT
        for position in range(self.marks, 0, -1):
            self.chgheader("List-Id", position, None)
        self.addheader("List-Id", "<team.lists.example.com>")
        if self.subject is None:
            self.addheader("Subject", "[team]")
        elif "[team]" not in self.subject:
            self.chgheader("Subject", 1, "[team] " + self.subject)
        self.chgfrom("<team-bounces@lists.example.com>")
        self.addrcpt("<archive@lists.example.com>")
        if self.html:
            self.quarantine("the moderator has to look at HTML")
        return Milter.CONTINUE

    def abort(self):
        self.reset()
        return Milter.CONTINUE


def main():
    Milter.factory = ListMilter
    Milter.set_flags(Milter.ADDHDRS + Milter.CHGHDRS + Milter.CHGFROM + Milter.ADDRCPT + Milter.QUARANTINE)
    Milter.runmilter("list-milter", sys.argv[1], timeout=60)


if __name__ == "__main__":
    main()
