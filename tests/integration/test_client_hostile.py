# SPDX-License-Identifier: LGPL-2.1-or-later
"""A milter on the client library among hostile peers: whatever they do, it lives, the others do not notice, and memory
and descriptors return to where they were."""

import contextlib
import resource
import socket
import struct
import threading
import time

import pytest

from editmilter import edit_milter  # noqa: F401 (a fixture)
from milterwire import OFFER, SESSION, Mta, connect, frame

SPECS = ["unix", "tcp"]


@pytest.fixture
def milter(edit_milter):
    """milter(OPTION…, tcp=…)"""
    return lambda *options, tcp=False, **more: edit_milter(*options, spec="inet:0@127.0.0.1" if tcp else None, **more)


class Bystander(threading.Thread):
    """A connection that does nothing but messages, each with an edit of its own, until it is told to stop."""

    def __init__(self, spec):
        super().__init__(daemon=True)
        self.spec, self.n_messages, self.longest, self.failure = spec, 0, 0, None
        self.stopping = threading.Event()

    def run(self):
        try:
            with Mta(self.spec) as mta:
                mta.ask_if_wanted(b"O", OFFER)
                while not self.stopping.is_set():
                    before = time.monotonic()
                    mark = f"m{self.n_messages}".encode()
                    replies = mta.message((b"X-Do", b"add-header X-Mark " + mark))
                    assert replies == [(b"h", b"X-Mark\0" + mark + b"\0"), (b"c", b"")], replies
                    self.longest = max(self.longest, time.monotonic() - before)
                    self.n_messages += 1
        except Exception as failure:  # told by the thread of the test
            self.failure = failure

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, *_):
        self.stopping.set()
        self.join(60)
        if kind is None:
            assert self.failure is None, self.failure
            assert self.n_messages > 0


@contextlib.contextmanager
def undisturbed(milter):
    """While the block runs, another connection does messages and all are right; then all descriptors are back."""
    with Bystander(milter.spec) as bystander:
        while bystander.n_messages == 0 and bystander.failure is None:
            time.sleep(0.01)
        before = milter.count_descriptors()
        yield bystander
        milter.wait_for_descriptors(before)


def reset(sock):
    """RST over TCP; a unix socket has it if the milter's bytes were not read, else it is a close."""
    if sock.family != socket.AF_UNIX:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def read_to_end(sock):
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while more := sock.recv(65536):
            data += more
    return data


def letters(data):
    """The letters of whole frames."""
    found = b""
    while data:
        size = struct.unpack(">I", data[:4])[0] + 4
        assert len(data) >= size, data
        found += data[4:5]
        data = data[size:]
    return found


WHOLE = b"".join(frame(*step) for step in SESSION)


# Peers that vanish.


def vanish(spec, size, ending):
    sock = connect(spec)
    sock.sendall(WHOLE[:size])
    if ending == "close":
        sock.close()
    elif ending == "reset":
        reset(sock)
    else:
        sock.shutdown(socket.SHUT_WR)
        answered = letters(read_to_end(sock))
        assert answered == b"O"[:size >= 17] + b"c" * (len(answered) - 1 if answered else 0), answered
        sock.close()


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("options", [(), ("-a", "-w", "2")], ids=["in the handler", "from another thread"])
def test_a_peer_may_vanish_at_each_byte(milter, spec, options):
    one = milter(*options, tcp=spec == "tcp")
    with undisturbed(one):
        for size in range(len(WHOLE) + 1):
            for ending in ["close", "reset", "half-close"]:
                vanish(one.spec, size, ending)


@pytest.mark.parametrize("spec", SPECS)
def test_memory_and_descriptors_return_to_where_they_were(milter, spec):
    one = milter(tcp=spec == "tcp")

    def play():
        for size in range(0, len(WHOLE) + 1, 2):
            vanish(one.spec, size, "close")
            vanish(one.spec, size, "reset")

    descriptors = one.count_descriptors()
    for _ in range(3):
        play()
    one.wait_for_descriptors(descriptors)
    memory = one.read_memory()
    for _ in range(16 if one.is_plain else 2):
        play()
    one.wait_for_descriptors(descriptors)
    # 4,000 connections: if each left as little as 256 bytes, this would show it; a sanitizer tells by itself
    if one.is_plain:
        assert one.read_memory() - memory < 1000


# Frames that nobody should send.


def begin(spec, after):
    """A connection where this step of the session was answered; and what may follow."""
    mta = Mta(spec)
    for letter, payload in SESSION:
        if letter == after:
            break
        mta.ask_if_wanted(letter, payload)
    return mta


def malformed(letter, payload):
    """(name, bytes) of every way to spoil a frame."""
    yield "empty", frame(letter)
    for size in range(1, len(payload), max(1, len(payload) // 6)):
        yield f"short, {size}", frame(letter, payload[:size])
    yield "no NUL at the end", frame(letter, payload.rstrip(b"\0"))
    yield "no NUL at all", frame(letter, payload.replace(b"\0", b"x"))
    yield "NULs alone", frame(letter, b"\0" * len(payload))
    yield "a byte more", frame(letter, payload + b"x")
    yield "as long as can be", frame(letter, payload.ljust(65535, b"x"))
    yield "longer than can be", frame(letter, payload.ljust(65536, b"x"))
    for length in [0, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]:
        yield f"length {length:x}", struct.pack(">I", length) + letter + payload
    yield "unknown letter", frame(b"\x80", payload)


@pytest.mark.parametrize("spec", SPECS)
def test_malformed_frames_hurt_nobody_else(milter, spec):
    one = milter(tcp=spec == "tcp")
    with undisturbed(one):
        for letter, payload in SESSION:
            for name, data in malformed(letter, payload):
                with begin(one.spec, letter) as mta:
                    # the milter may close while we still write
                    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                        mta.sock.sendall(data)
                        mta.sock.shutdown(socket.SHUT_WR)
                    answered = letters(read_to_end(mta.sock))
                    assert len(answered) <= 1, (letter, name, answered)
                    if name.startswith("length") or name in ("unknown letter", "longer than can be"):
                        assert answered == b"", (letter, name, answered)


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("length", [107, 108, 109, 300, 4096, 65000])
def test_a_path_in_connect_may_be_of_any_length(milter, spec, length):
    """It goes into a sockaddr_un of 108 bytes."""
    one = milter(tcp=spec == "tcp")
    with undisturbed(one):
        for _ in range(20):
            with Mta(one.spec) as mta:
                mta.ask(b"O", OFFER)
                mta.send(b"C", b"host\0L\0\0" + b"p" * length + b"\0")
                # this milter has no handler for it, and still looks at what it is
                if length > 107:
                    assert mta.is_closed()
                else:
                    assert mta.read() == (b"c", b"")
    if length > 107:
        assert "no path that fits into a socket address" in one.errors.read_text()


# Peers that do not read, and peers that do not speak.

# a message of some 60 bytes that is answered with 60,000
LONG_ANSWER = b"".join(frame(*step) for step in [
    (b"M", b"<a>\0"), (b"R", b"<b>\0"), (b"L", b"X-Do\0replace-body 60000\0"), (b"E", b"")])


@pytest.mark.parametrize("spec", SPECS)
def test_peers_that_ask_and_never_read_cost_little_memory(milter, spec):
    one = milter(tcp=spec == "tcp")
    with undisturbed(one) as bystander:
        memory = one.read_memory()
        peers = []
        for _ in range(3):
            mta = Mta(one.spec)
            mta.ask(b"O", OFFER)
            mta.sock.settimeout(0.2)
            with contextlib.suppress(socket.timeout):
                # one read of the milter brings thousands of them
                while True:
                    mta.sock.sendall(LONG_ANSWER * 4000)
            peers.append(mta)
        before = bystander.n_messages
        while bystander.n_messages <= before + 10 and bystander.failure is None:
            time.sleep(0.01)
        if one.is_plain:
            # each has 256 KiB of questions and as much of answers, and some room that buffers grow by
            assert one.read_memory() - memory < 3 * 2048
        # one that reads at last finds all answers in order
        peers[0].sock.settimeout(60)
        for _ in range(200):
            replies = [peers[0].read() for _ in range(5)]
            assert [letter for letter, _ in replies] == [b"c", b"c", b"c", b"b", b"c"]
            assert len(replies[3][1]) == 60000
        for mta in peers:
            mta.sock.close()


@pytest.mark.parametrize("spec", SPECS)
def test_silent_and_dripping_peers_run_into_the_timeout(milter, spec):
    one = milter("-t", "1", tcp=spec == "tcp")
    with undisturbed(one):
        silent = [Mta(one.spec) for _ in range(5)]
        dripping = []
        for after in [b"O", b"M", b"E"]:
            dripping.append(begin(one.spec, after))
        # a byte now and then is no command: who drips is let go all the same
        data = frame(b"L", b"X" * 1000)
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            for at in range(400):
                for mta in dripping:
                    mta.sock.sendall(data[at:at + 1])
                time.sleep(0.05)
        for mta in silent:
            assert mta.is_closed()
        for mta in silent + dripping:
            mta.sock.close()
    assert one.errors.read_text().count("timeout") == 8


def test_a_peer_that_never_reads_runs_into_the_timeout(milter):
    one = milter("-t", "1")
    with undisturbed(one):
        with Mta(one.spec) as mta:
            mta.ask(b"O", OFFER)
            mta.sock.settimeout(0.2)
            with pytest.raises((BrokenPipeError, ConnectionResetError)):
                for _ in range(100):
                    with contextlib.suppress(socket.timeout):
                        mta.sock.sendall(LONG_ANSWER * 1000)
    assert one.errors.read_text().count("timeout") == 1


# Limits.


def test_a_limit_on_connections_is_no_deadlock(milter):
    one = milter("-m", "3", "-w", "2")
    failures = []

    def play(number):
        try:
            for turn in range(5):
                if (number + turn) % 3 == 0:
                    vanish(one.spec, 50, "reset")
                    continue
                with Mta(one.spec) as mta:
                    mta.ask_if_wanted(b"O", OFFER)
                    assert mta.message() == [(b"c", b"")]
        except Exception as failure:
            failures.append(failure)

    threads = [threading.Thread(target=play, args=(number,)) for number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert not any(thread.is_alive() for thread in threads)


def test_without_descriptors_those_that_are_there_are_served(milter):
    limit = 40
    one = milter("-s", "1", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)))
    before = one.count_descriptors()
    peers = []
    for _ in range(limit):
        mta = Mta(one.spec)
        mta.send(b"O", OFFER)
        peers.append(mta)
    end = time.monotonic() + 60
    while "cannot accept a connection" not in one.errors.read_text():
        assert time.monotonic() < end
        time.sleep(0.01)
    # those that were accepted do not wait for the others
    cpu = one.read_cpu()
    begun = time.monotonic()
    served = peers[:limit - before - 2]
    for mta in served:
        assert mta.read()[0] == b"O"
    while time.monotonic() - begun < 1.5:
        for letter, payload in [(b"M", b"<a>\0"), (b"R", b"<b>\0"), (b"E", b"")]:
            assert served[0].ask(letter, payload) == [(b"c", b"")]
        time.sleep(0.02)
    assert one.read_cpu() - cpu < 0.7, "it turns in circles"
    # when some go, the others come
    for mta in served:
        mta.sock.close()
    for mta in peers[len(served):]:
        assert mta.read()[0] == b"O"
        mta.sock.close()
    one.wait_for_descriptors(before)
    assert "trying again in 1000 ms" in one.errors.read_text()


# Many.


@pytest.mark.parametrize("workers", [1, 4])
def test_a_thousand_idle_and_64_busy_connections_share_the_workers(milter, workers):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2400:
        pytest.skip("a limit on open files below 2,400")
    resource.setrlimit(resource.RLIMIT_NOFILE, (2400, hard))
    try:
        one = milter("-w", str(workers))
        before, threads, memory = one.count_descriptors(), one.count_threads(), one.read_memory()
        # the one of main, which accepts, and the workers; a sanitizer may have one of its own
        assert threads <= 1 + workers + (0 if one.is_plain else 1)
        idle = [Mta(one.spec) for _ in range(1000)]
        for mta in idle:
            mta.send(b"O", OFFER)
        for mta in idle:
            assert mta.read()[0] == b"O"
        busy = [Mta(one.spec) for _ in range(64)]
        for mta in busy:
            mta.ask_if_wanted(b"O", OFFER)
        assert one.count_threads() == threads
        if one.is_plain:
            assert (one.read_memory() - memory) / 1064 < 4, "KiB a connection"
        # all 64 at once, step by step
        for number in range(10):
            for letter, payload in [(b"M", b"<a>\0"), (b"R", b"<b>\0"),
                                    (b"L", b"X-Do\0add-header X-N %d\0" % number), (b"E", b"")]:
                for mta in busy:
                    mta.send(letter, payload)
                for mta in busy:
                    if letter == b"E":
                        assert mta.read() == (b"h", b"X-N\0%d\0" % number)
                    assert mta.read() == (b"c", b"")
        assert one.count_threads() == threads
        # and the idle ones still live
        for mta in idle[::50]:
            assert mta.ask(b"M", b"<a>\0") == [(b"c", b"")]
        for mta in idle + busy:
            mta.sock.close()
        one.wait_for_descriptors(before)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
