#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A milter: python3 milter.py unix:/run/example.sock. It refuses a word in the subject, and tells which bytes a subject had."""

import sys

import gi

gi.require_version("MilterClient", "1.0")
gi.require_version("MilterCore", "1.0")
from gi.repository import MilterClient, MilterCore


def on_header(context, name, value):
    if name.get_data().lower() == b"subject":
        context.subject = value.get_data()
        if b"casino" in context.subject:
            context.set_reply(550, "5.7.1", "no casinos here")
            return MilterCore.Status.REJECT
    return MilterCore.Status.CONTINUE


def on_end_of_message(context, chunk):
    context.add_header("X-Subject", repr(vars(context).pop("subject", None)))
    return MilterCore.Status.CONTINUE


def on_connection_established(client, context):
    context.set_use_bytes(True)
    context.connect("header-bytes", on_header)
    context.connect("end-of-message-bytes", on_end_of_message)


client = MilterClient.Client.new()
client.connect("connection-established", on_connection_established)
client.set_connection_spec(sys.argv[1])
client.run()
