# SPDX-License-Identifier: LGPL-2.1-or-later
"""The conformance suite against Postfix and sendmail, each an instance of its own."""

import pathlib
import re
import shutil
import subprocess
import tempfile

import postfix_instance
import sendmail_instance

# more than any MTA takes for all of the suite
TIMEOUT = 200
# short times, so that a milter that says nothing costs little
POSTFIX = ("milter_command_timeout=2s", "milter_content_timeout=2s", "milter_connect_timeout=2s")
SENDMAIL = "C:3s;S:3s;R:3s;E:8s"
# of each MTA: what it is called; whom it refuses by itself; how long a slow milter is: sendmail counts whole seconds
MTAS = {
    "postfix": ("Postfix", "refused@example.net", "1200ms"),
    "sendmail": ("sendmail", "nobody-of-this-name@mx.example.com", "2s"),
}


def why_not(name, build):
    """Why the MTA cannot run here, or None."""
    if name == "postfix":
        return postfix_instance.why_not()
    return sendmail_instance.unpack(build)[1]


def describe(name, build):
    """What it is called, and its version."""
    title = MTAS[name][0]
    if name == "postfix":
        done = subprocess.run(["postconf", "-d", "-h", "mail_version"], capture_output=True, text=True, check=True)
        return title, done.stdout.strip()
    root, _ = sendmail_instance.unpack(build)
    program = (root / "usr/libexec/sendmail/sendmail").read_bytes()
    found = re.search(rb"\0(8\.\d+\.\d+(?:\.\d+)?)\0", program)
    return title, found[1].decode() if found else "unknown"


def judge(name, build, *arguments):
    """A run of milter-test-client --conformance against the MTA; its report json is the standard output."""
    _, refused, pause = MTAS[name]
    # open to the user postfix
    folder = pathlib.Path(tempfile.mkdtemp(prefix="milterlab-conformance-"))
    folder.chmod(0o755)
    milter = f"unix:{folder}/milter"
    delivery = postfix_instance.free_port()
    try:
        if name == "postfix":
            mta = postfix_instance.Postfix(POSTFIX, delivery=delivery, smtp=milter)
        else:
            root, _ = sendmail_instance.unpack(build)
            mta = sendmail_instance.Sendmail(root, milter, delivery=delivery, timeouts=SENDMAIL)
        with mta:
            port = mta.ports["smtp" if name == "postfix" else 0]
            command = [build / "tools/milter-test-client/milter-test-client", "--conformance", "-s", milter,
                       "--unix-socket-mode=666", "--smtp", f"inet:{port}@127.0.0.1", "--delivery",
                       f"inet:{delivery}@127.0.0.1", "--mta", name, "--deviations", name, "-D", f"refused={refused}", "-D",
                       f"pause={pause}", "-q", "--report", "json:-", *arguments]
            return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, timeout=TIMEOUT)
    finally:
        shutil.rmtree(folder)
