# SPDX-License-Identifier: LGPL-2.1-or-later
"""The libraries from Python, through gobject-introspection: the examples, bytes that are no UTF-8, and handlers that raise."""

import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples/python"

# what each milter of these tests begins and ends with
HEAD = """
import signal, sys, threading
import gi
gi.require_version("MilterClient", "1.0")
gi.require_version("MilterCore", "1.0")
from gi.repository import Gio, GLib, GObject, MilterClient, MilterCore
Status = MilterCore.Status
signal.signal(signal.SIGTERM, signal.SIG_DFL)
client = MilterClient.Client.new()
def told(*words):
    print(*words, flush=True)
"""
TAIL = """
client.connect("connection-established", established)
client.connect("error", lambda client, error: told("client error", error.message))
client.set_connection_spec(sys.argv[1])
client.run()
"""


@pytest.fixture(scope="session")
def environment(build):
    """In which Python finds the typelibs and libraries that were built."""
    if not (build / "lib/introspection/MilterClient-1.0.typelib").exists():
        pytest.skip("the build has no introspection: gobject-introspection is not installed")
    variables = dict(os.environ, GI_TYPELIB_PATH=str((build / "lib/introspection").resolve()),
                     LD_LIBRARY_PATH=str((build / "lib").resolve()), PYTHONUNBUFFERED="1")
    needed = subprocess.run(["readelf", "-d", build / "lib/libmilter-core.so"], check=True, text=True, capture_output=True).stdout
    if "libasan" in needed:
        # the sanitizer has to be loaded before Python, which itself leaks on purpose
        preload = subprocess.run(["gcc", "-print-file-name=libasan.so"], check=True, text=True, capture_output=True).stdout.strip()
        variables["LD_PRELOAD"] = preload
        variables["ASAN_OPTIONS"] = variables.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    return variables


@pytest.fixture
def python(environment, start, tmp_path):
    """python(CODE or FILE): a milter on the socket that is returned, and the file of what it prints."""

    def run(code):
        socket, out = tmp_path / "python.sock", tmp_path / "python.out"
        if isinstance(code, str):
            file = tmp_path / "milter.py"
            file.write_text(HEAD + code + TAIL)
            code = file
        with open(out, "w") as log:
            start([sys.executable, code, f"unix:{socket}"], socket=socket, env=environment, stdout=log, stderr=log)
        return f"unix:{socket}", out

    return run


@pytest.fixture
def judge(play, tmp_path):
    """judge(SPEC, LINES): plays one session against the milter, which has to hold."""

    def run(spec, lines, code=0):
        scenario = tmp_path / "python.scenario"
        scenario.write_text("mta postfix\nsession\n" + lines)
        result = play("-s", spec, scenario)
        assert result.returncode == code, result.stdout + result.stderr
        return result

    return run


def test_the_milter_and_the_mta_of_the_guide_understand_each_other(python, environment):
    spec, _ = python(EXAMPLES / "milter.py")
    mta = subprocess.run([sys.executable, EXAMPLES / "mta.py", spec], env=environment,
                         text=True, capture_output=True, timeout=60, check=True)
    assert mta.stderr == ""
    assert mta.stdout == "X-Subject b'Gr\\xfc\\xdfe'\ndefault\n"


def test_the_milter_of_the_guide_refuses_what_it_says(python, judge):
    spec, _ = python(EXAMPLES / "milter.py")
    judge(spec, 'header Subject: "the \\xff casino"\n  => 550 5.7.1 "no casinos here"\n')


ALL_BYTES = """
def bytes_of(*arguments):
    return [a.get_data() if isinstance(a, GLib.Bytes) else a for a in arguments]
def on_connect(context, host, address):
    again = context.get_connect_address()
    told("connect", *bytes_of(host), address.get_address().to_string(), again.get_address().to_string(), context.get_peer_address().get_path() == "")
    return Status.CONTINUE
def listen(context, name):
    def handler(context, *arguments):
        told(name, *bytes_of(*arguments))
        return Status.CONTINUE
    context.connect(name + "-bytes", handler)
def established(client, context):
    context.set_use_bytes(True)
    context.connect("connect-bytes", on_connect)
    for name in "helo", "envelope-from", "envelope-recipient", "unknown", "header", "body", "end-of-message":
        listen(context, name)
"""


def test_every_event_brings_its_bytes_exactly(python, judge):
    spec, out = python(ALL_BYTES)
    judge(spec, 'connect "h\\xf6st" 192.0.2.7\nhelo "h\\xff"\nmail "<\\xe4@a>"\nrcpt "<\\xfc@b>"\nunknown "HUI \\xfe"\nheader Subject: "Gr\\xfc\\xdfe"\n'
                'body "a\\0b\\xff"\neom\n')
    assert out.read_text().splitlines() == [
        "connect b'h\\xf6st' 192.0.2.7 192.0.2.7 True",
        "helo b'h\\xff'", "envelope-from b'<\\xe4@a>'", "envelope-recipient b'<\\xfc@b>'", "unknown b'HUI \\xfe'",
        "header b'Subject' b'Gr\\xfc\\xdfe'", "body b'a\\x00b\\xff'", "end-of-message None"]


EDITS = """
LATIN = GLib.Bytes("Gr\\u00fc\\u00dfe".encode("latin-1"))
def on_end_of_message(context, chunk, size):
    context.add_header_bytes("X-Added", LATIN)
    context.insert_header_bytes(0, "X-Inserted", LATIN)
    context.change_header_bytes("Subject", 1, LATIN)
    context.change_from_bytes(GLib.Bytes(b"<\\xfc@a>"), None)
    context.add_recipient_bytes(GLib.Bytes(b"<\\xe4@b>"), None)
    context.delete_recipient_bytes(GLib.Bytes(b"<recipient@example.net>"))
    context.replace_body_bytes(GLib.Bytes(b"a\\0b"))
    try:
        context.add_header_bytes("X-Nul", GLib.Bytes(b"a\\0b"))
    except GLib.GError as error:
        told(error.message)
    return Status.ACCEPT
def established(client, context):
    context.connect("end-of-message", on_end_of_message)
"""


def test_edits_take_bytes(python, judge):
    spec, out = python(EDITS)
    judge(spec, 'header Subject: old\neom\n  => only\n  => add-header X-Added: "Gr\\xfc\\xdfe"\n  => insert-header 0 X-Inserted: "Gr\\xfc\\xdfe"\n'
                '  => change-header 1 Subject: "Gr\\xfc\\xdfe"\n  => change-from "<\\xfc@a>"\n  => add-rcpt "<\\xe4@b>"\n'
                '  => delete-rcpt <recipient@example.net>\n  => replace-body "a\\0b"\n  => accept\n')
    assert out.read_text() == "add-header (SMFIR_ADDHEADER): a NUL cannot stand in the value\n"


RAISES = """
def raises(context, *arguments):
    raise ValueError("planted")
def established(client, context):
    context.connect("error", lambda context, error: told("error:", error.message))
    context.connect("%s", raises)
"""


@pytest.mark.parametrize("signal, lines", [
    ("helo", "helo a\n  => tempfail\n"),
    ("header", "header A: b\n  => tempfail\n"),
    ("end-of-header", "eoh\n  => tempfail\n"),
    ("end-of-message", "eom\n  => tempfail\n"),
])
def test_a_handler_that_raises_is_a_temporary_failure(python, judge, signal, lines):
    spec, out = python(RAISES % signal)
    judge(spec, lines)
    assert "ValueError: planted" in out.read_text()
    assert f'error: a handler of "{signal}" left no status' in out.read_text()


def test_a_string_that_is_no_utf8_is_a_temporary_failure_and_no_silent_pass(python, judge):
    spec, out = python("""
def on_header(context, name, value):
    told(name, value)
    return Status.CONTINUE
def established(client, context):
    context.connect("error", lambda context, error: told("error:", error.message))
    context.connect("header", on_header)
""")
    judge(spec, 'header A: plain\nheader B: "Gr\\xc3\\xbc"\nheader C: "Gr\\xfc"\n  => tempfail\n')
    assert out.read_text().startswith("A plain\nB Grü\n")
    assert "(see use-bytes)" in out.read_text()


SUBCLASS = """
class Context(MilterClient.ClientContext):
    def do_header_bytes(self, name, value):
        told(name.get_data(), value.get_data())
        %s
        return Status.REJECT
class Client(MilterClient.Client):
    def do_create_context(self):
        return Context(client=self, use_bytes=True)
client = Client()
def established(client, context):
    pass
"""


def test_a_subclass_answers_without_connecting(python, judge):
    spec, out = python(SUBCLASS % "pass")
    judge(spec, 'header A: "\\xfc"\n  => reject\n')
    assert out.read_text() == "b'A' b'\\xfc'\n"


def test_class_functions_are_given_the_bytes_and_no_more(python, judge):
    spec, out = python("""
class Context(MilterClient.ClientContext):
    def do_define_macro(self, command, macros):
        told(command.value_nick, macros)
    def do_body(self, *chunk):
        told(chunk)
        return Status.CONTINUE
    def do_end_of_message(self, *chunk):
        told(chunk)
        return Status.CONTINUE
class Client(MilterClient.Client):
    def do_create_context(self):
        return Context(client=self)
client = Client()
def established(client, context):
    pass
""")
    judge(spec, 'macro mail {auth_type}=PLAIN\nbody "one\\0\\xff"\nbody "2"\neom\neom\n')
    told = out.read_text()
    assert "'auth_type': 'PLAIN'" in told
    assert [line for line in told.splitlines() if line.startswith("(b")] == [
        r"(b'one\x00\xff', 5)", "(b'2', 1)", "(b'', 0)", "(b'', 0)"]


def test_a_class_function_that_raises_passes_which_the_guide_says(python, judge):
    spec, out = python(SUBCLASS % "raise ValueError('planted')")
    judge(spec, 'header A: "\\xfc"\n  => continue\neom\n')
    assert "ValueError: planted" in out.read_text()


def test_a_class_function_of_bytes_is_called_whether_or_not_the_context_uses_them(python, judge):
    spec, out = python(SUBCLASS.replace(", use_bytes=True", "") % "pass")
    judge(spec, 'header A: "\\xfc"\n  => any\neom\n')
    assert "xfc" in out.read_text()


def test_a_class_function_is_not_called_with_what_is_no_utf8_which_the_guide_says(python, judge):
    spec, out = python((SUBCLASS % "pass").replace(", use_bytes=True", "").replace("_bytes", "").replace(".get_data()", ""))
    judge(spec, 'header A: plain\n  => reject\n')
    judge(spec, 'header A: "\\xfc"\n  => continue\neom\n')
    assert "A plain\n" in out.read_text() and "UnicodeDecodeError" in out.read_text()


@pytest.mark.parametrize("example", ["milter.py", "mta.py"])
def test_the_guide_shows_the_examples_as_they_are(example):
    code = (EXAMPLES / example).read_text().split('"""', 2)[2].strip()
    assert f"```python\n{code}\n```" in (ROOT / "docs/guide.md").read_text()
    assert len([line for line in code.split("gi.repository")[1].splitlines()[1:] if line]) <= 20


def test_an_answer_may_come_from_another_thread(python, judge):
    spec, _ = python("""
def on_end_of_message(context, chunk, size):
    threading.Timer(0.01, context.emit, ("end-of-message-response", Status.DISCARD)).start()
    return Status.PROGRESS
def established(client, context):
    context.connect("end-of-message", on_end_of_message)
""")
    judge(spec, "eom\n  => discard\n")


def test_a_client_whose_context_cannot_be_made_tells_so_and_goes_on(python, play, tmp_path):
    spec, out = python("""
class Client(MilterClient.Client):
    def do_create_context(self):
        raise ValueError("planted")
client = Client()
def established(client, context):
    pass
""")
    scenario = tmp_path / "two.scenario"
    scenario.write_text("mta postfix\nsession\n")
    for _ in range(2):
        assert play("-s", spec, scenario).returncode == 3
    assert "client error create_context () made no context; the connection is closed" in out.read_text()
