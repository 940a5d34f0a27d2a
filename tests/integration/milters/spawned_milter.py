#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A milter to be started by --spawn, good or bad in one way.

    spawned_milter.py SOCKET [BEHAVIOUR…]

SOCKET is unix:PATH or inet:PORT@ADDRESS. BEHAVIOUR: what stands in the table below.
"""

import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

SPEC = sys.argv[1]
WANTED = dict(word.partition("=")[::2] for word in sys.argv[2:])


def listen():
    kind, _, rest = SPEC.partition(":")
    if kind == "inet":
        port, _, host = rest.partition("@")
        return socket.create_server((host, int(port)))
    listener = socket.socket(socket.AF_UNIX)
    if "strict" not in WANTED and os.path.exists(rest):
        os.unlink(rest)
    listener.bind(rest)
    listener.listen(100)
    return listener


def say(text):
    print(text, flush=True)


def act(letter):
    """What the behaviour `at=LETTER` is: the milter does it instead of answering that command."""
    if "print" in WANTED:
        sys.stdout.write("x" * 99 + "\n" + ("y" * 99 + "\n") * int(WANTED["print"]) + "last words\n")
        sys.stdout.flush()
    if "report" in WANTED:
        say(WANTED["report"].replace("_", " "))
    if "signal" in WANTED:
        say("about to be killed")
        os.kill(os.getpid(), int(WANTED["signal"]))
        time.sleep(60)
    if "exit" in WANTED:
        say("about to exit")
        os._exit(int(WANTED["exit"]))
    if "answer" in WANTED:
        frame = bytes.fromhex(WANTED["answer"])
        return struct.pack(">I", len(frame)) + frame
    if "flood" in WANTED:
        return b"\0\0\0\1p" * 100000
    return b"\0\0\0\1c"


LEAKED = []


def leak():
    """What a session leaves behind."""
    if WANTED["leak"] == "files":
        LEAKED.append(open("/dev/null"))
    elif WANTED["leak"] == "memory":
        LEAKED.append(b"x" * (1 << 18))
    elif WANTED["leak"] == "pool" and len(LEAKED) < 1900:
        LEAKED.append(b"x" * (1 << 17))
    elif WANTED["leak"] == "processes" and len(LEAKED) < 100:
        LEAKED.append(subprocess.Popen(["sleep", "300"]))


def serve(sock):
    reader = sock.makefile("rb")
    if "leak" in WANTED:
        leak()
    while True:
        head = reader.read(4)
        if len(head) < 4:
            return
        packet = reader.read(struct.unpack(">I", head)[0])
        letter = packet[:1].decode("latin1")
        if letter == WANTED.get("at"):
            answer = act(letter)
            sock.sendall(answer)
            while "flood" in WANTED:
                sock.sendall(answer)
            if "close" in WANTED:
                sock.close()
                return
        elif letter == "Q":
            sock.close()
            return
        elif letter == "O":
            sock.sendall(b"\0\0\0\x0dO" + struct.pack(">III", 6, 0x1FF, 0))
        elif letter not in "DAK":
            sock.sendall(b"\0\0\0\1c")


def quietly(sock):
    try:
        serve(sock)
    except OSError:
        pass


# before it listens
if "print-environment" in WANTED:
    say(f"{os.environ['MILTERLAB_DIR']} {os.environ['MILTERLAB_SOCKET']} {os.getcwd()} {sys.stdin.read()!r}")
if "child" in WANTED:
    # leaves its process group if it shall be `apart`
    child = subprocess.Popen(["sleep", "300"], start_new_session=WANTED["child"] == "apart")
    with open(WANTED["pid-file"], "w") as file:
        file.write(str(child.pid))
if "ignore" in WANTED:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "late" in WANTED:
    time.sleep(float(WANTED["late"]))
if "never" in WANTED:
    say("waiting for nothing")
    time.sleep(300)
if "daemon" in WANTED and os.fork():
    os._exit(0)
if "elsewhere" in WANTED:
    SPEC = f"unix:{os.environ['MILTERLAB_DIR']}/elsewhere.sock"
if "status" in WANTED:
    signal.signal(signal.SIGTERM, lambda *_: os._exit(int(WANTED["status"])))

acceptor = listen()
while True:
    connection, _ = acceptor.accept()
    if "greet" in WANTED:
        connection.sendall(b"220 mail.example.com ESMTP\r\n")
    threading.Thread(target=quietly, args=(connection,), daemon=True).start()
