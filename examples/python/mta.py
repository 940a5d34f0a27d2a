#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""An MTA's session: python3 mta.py unix:/run/example.sock. It sends one message and prints what the milter wants of it."""

import sys

import gi

gi.require_version("MilterCore", "1.0")
gi.require_version("MilterServer", "1.0")
from gi.repository import Gio, GLib, MilterCore, MilterServer

option = MilterCore.Option.new(6, MilterCore.ActionFlags(0x1FF), MilterCore.StepFlags(0x1FFFFF))
client = Gio.InetSocketAddress.new_from_string("192.0.2.7", 25)
STEPS = iter([
    lambda mta: mta.negotiate(option),
    lambda mta: mta.connect_address("client.example.com", client),
    lambda mta: mta.helo("client.example.com"),
    lambda mta: mta.envelope_from("<alice@example.com>"),
    lambda mta: mta.envelope_recipient("<bob@example.net>"),
    lambda mta: mta.header_bytes("Subject", GLib.Bytes("Gr\xfc\xdfe".encode("latin-1"))),
    lambda mta: mta.end_of_header(),
    lambda mta: mta.body(b"a\0b\r\n"),
    lambda mta: mta.end_of_message(None),
])


def end(mta, *why):
    print(mta.get_status().value_nick, *why)
    loop.quit()


loop = GLib.MainLoop()
mta = MilterServer.ServerContext.new()
mta.set_connection_spec(sys.argv[1])
for signal in "ready", "negotiate-reply", "continue", "skip":
    mta.connect(signal, lambda mta, *reply: next(STEPS, end)(mta))
for signal in "add-header", "insert-header", "change-header":
    mta.connect(signal, lambda mta, *edit: print(*edit))
mta.connect("error", lambda mta, error: end(mta, error.message))
for signal in "reject", "temporary-failure", "accept", "discard", "reply-code":
    mta.connect(signal, end)
mta.establish_connection()
loop.run()
