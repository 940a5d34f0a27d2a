# SPDX-License-Identifier: LGPL-2.1-or-later
"""The conformance suite against milters of other people, and against our own."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
OWN = ROOT / "tests/integration/milters"
# more than any milter takes for all of the suite
TIMEOUT = 600

# Of each milter: what it is called; the package whose version counts; the command line, or None: scenarios/real/start.sh
# starts what has this name. A program that says nothing of it does what it always does. What a milter does not keep is in
# scenarios/conformance/deviations, in the file of its name.
MILTERS = {
    "reference": ("`milter-test-client --conformance-rules`", None, "{tools}/milter-test-client/milter-test-client -q --conformance-rules -s $socket"),
    "libmilter": ("libmilter: conformance-milter.c", "libmilter-dev", "{build}/tests/integration/conformance-milter $socket"),
    "pymilter": ("pymilter (libmilter): conformance-milter.py", "python3-milter", "/usr/bin/python3 {own}/conformance-milter.py $socket"),
    "pmilter": ("Sendmail::PMilter: conformance-milter.pl", "libsendmail-pmilter-perl", "/usr/bin/perl {own}/conformance-milter.pl $socket"),
    "go-milter": ("go-milter: conformance-milter.go", "golang-github-emersion-go-milter-dev", "{go} $socket"),
    "opendkim": ("opendkim (libmilter)", "opendkim", None),
    "opendmarc": ("opendmarc (libmilter)", "opendmarc", None),
    "clamav": ("clamav-milter (libmilter)", "clamav-milter", None),
    "spamass": ("spamass-milter (libmilter)", "spamass-milter", None),
    "rspamd": ("rspamd", "rspamd", None),
}


def find_deviations(name):
    return ROOT / f"scenarios/conformance/deviations/{name}.txt"


def find_package(package):
    """Its version. None: it is not installed."""
    found = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", package], capture_output=True,
                           text=True, check=False)
    status, _, version = found.stdout.partition(" ")
    return re.sub(r"^\d+:", "", version) if status == "installed" else None


def why_not(name, build):
    """Why the milter cannot run here, or None."""
    _, package, command = MILTERS[name]
    if package is not None and find_package(package) is None:
        return f"the package {package} is not installed"
    if "{go}" in (command or "") and shutil.which("go") is None:
        return "there is no Go: golang-go has it"
    return None


def describe(name, build):
    """What it is called, and its version."""
    title, package, _ = MILTERS[name]
    return title, "this one" if package is None else find_package(package)


def build_go(folder):
    """The program of the milter in Go, built of what Debian packages, without a network."""
    program = pathlib.Path(folder, "go-milter")
    environment = {**os.environ, "GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOFLAGS": "", "GOCACHE": f"{folder}/cache"}
    subprocess.run(["go", "build", "-o", program, OWN / "conformance-milter.go"], check=True, env=environment)
    return program


def make_command(name, build, folder):
    command = MILTERS[name][2]
    if command is None:
        return f"{ROOT}/scenarios/real/start.sh {name} $socket $dir"
    return command.format(tools=build / "tools", build=build, own=OWN, go=build_go(folder) if "{go}" in command else None)


def judge(name, build, *arguments):
    """A run of milter-test-server --conformance against the milter; its report json is the standard output."""
    deviations = find_deviations(name)
    with tempfile.TemporaryDirectory() as folder:
        command = [build / "tools/milter-test-server/milter-test-server", "--conformance", "-q", "--report", "json:-", "--timeout", "3s",
                   "--spawn-grace", "1s", *arguments, "--spawn", make_command(name, build, folder)]
        if deviations.exists():
            command += ["--deviations", deviations]
        return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, timeout=TIMEOUT)
