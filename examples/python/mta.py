#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""An MTA's session: python3 mta.py unix:/run/example.sock. It sends one message and prints what the milter wants of it."""

import sys

import gi

gi.require_version("MilterCore", "1.0")
gi.require_version("MilterServer", "1.0")
from gi.repository import Gio, GLib, MilterCore, MilterServer

STEPS = iter([("negotiate", MilterCore.Option.new(6, MilterCore.ActionFlags(0x1FF), MilterCore.StepFlags(0x1FFFFF))),
              ("connect_address", "client.example.com", Gio.InetSocketAddress.new_from_string("192.0.2.7", 25)),
              ("helo", "client.example.com"), ("envelope_from", "<alice@example.com>"), ("envelope_recipient", "<bob@example.net>"),
              ("header_bytes", "Subject", GLib.Bytes("Gr\xfc\xdfe".encode("latin-1"))), ("end_of_header",),
              ("body", b"a\0b\r\n"), ("end_of_message", None), ("verdict",)])
HANDLERS = {"ready negotiate-reply continue skip": lambda mta, *reply: go_on(mta, *next(STEPS)),
            "add-header insert-header change-header": lambda mta, *edit: print(*edit),
            "reject temporary-failure accept discard reply-code error": lambda mta, *why: go_on(mta, "verdict", *why)}


def go_on(mta, step, *arguments):
    if step != "verdict":
        return getattr(mta, step)(*arguments)
    print(mta.get_status().value_nick, *arguments)
    sys.exit(mta.get_status() == MilterCore.Status.ERROR)


mta = MilterServer.ServerContext.new()
mta.set_connection_spec(sys.argv[1])
for signals, handler in HANDLERS.items():
    for signal in signals.split():
        mta.connect(signal, handler)
mta.establish_connection()
GLib.MainLoop().run()
