# SPDX-License-Identifier: LGPL-2.1-or-later
"""A sendmail of its own beside an installed Postfix, whose package it conflicts with.

The packages are taken from the package archive, once for a build folder, and unpacked there. It queues
every message and delivers nothing, unless it is told where to.
"""

import fcntl
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

from listening import listens_on_port
from postfix_instance import free_port

PACKAGES = ["sendmail-bin", "sendmail-cf", "libwrap0"]

CONFIG = """divert(0)dnl
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `mx.example.com')dnl
define(`confPID_FILE', `{work}/pid')dnl
define(`QUEUE_DIR', `{work}/queue')dnl
define(`STATUS_FILE', `{work}/statistics')dnl
define(`ALIAS_FILE', `{work}/aliases')dnl
define(`confSERVICE_SWITCH_FILE', `{work}/switch')dnl
define(`confDELIVERY_MODE', `{mode}')dnl
define(`confDONT_BLAME_SENDMAIL', `TrustStickyBit')dnl
define(`confTO_IDENT', `0')dnl
define(`confBAD_RCPT_THROTTLE', `0')dnl
define(`confREFUSE_LA', `100000')dnl
define(`confQUEUE_LA', `100000')dnl
FEATURE(`nocanonify')dnl
FEATURE(`accept_unqualified_senders')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`relay_entire_domain')dnl
FEATURE(`no_default_msa')dnl
{relay}
{daemons}
{milters}
MAILER(local)dnl
MAILER(smtp)dnl
LOCAL_RULESETS
SLocal_check_rcpt
R$*\t$#OK
"""


def unpack(build):
    """(The folder of an unpacked sendmail, None) or (None, why there is none)."""
    if os.getuid() != 0:
        return None, "sendmail must be started as root"
    if shutil.which("m4") is None:
        return None, "m4 is not installed (Debian package m4)"
    root = pathlib.Path(build) / "sendmail"
    root.mkdir(exist_ok=True)
    with open(root / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (root / "complete").exists():
            done = subprocess.run(["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", *PACKAGES], cwd=root,
                                  capture_output=True, text=True, timeout=300, check=False)
            packages = sorted(root.glob("*.deb"))
            if done.returncode != 0 or len(packages) < len(PACKAGES):
                return None, "sendmail could not be had from the package archive"
            for package in packages:
                subprocess.run(["dpkg", "-x", package, root], check=True)
            # a program with a group of its own may not be told where its libraries are
            (root / "usr/libexec/sendmail/sendmail").chmod(0o755)
            (root / "complete").touch()
    return root, None


class Sendmail:
    """with Sendmail(root, SPEC, …) as mta: SMTP on mta.ports[SPEC's number]; each milter has a daemon of its own.

    SPEC is in sendmail's notation: inet:PORT@HOST, unix:PATH. `delivery`: the port of this machine to which messages
    are delivered."""

    def __init__(self, root, *specs, host="127.0.0.1", timeouts="C:10s;S:10s;R:30s;E:30s", delivery=None):
        self.root = root
        self.host = host
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="milterlab-sendmail-"))
        self.ports = [free_port() for _ in specs]
        self.process = None
        (self.work / "queue").mkdir(mode=0o700)
        (self.work / "aliases").touch()
        (self.work / "switch").write_text("hosts\tfiles\naliases\tfiles\npasswd\tfiles\n")
        family = "inet6" if ":" in host else "inet"
        daemons = "\n".join(f"DAEMON_OPTIONS(`Port={port}, Addr={host}, Family={family}, Name=MTA, "
                            f"InputMailFilters=m{number}')dnl" for number, port in enumerate(self.ports))
        milters = "\n".join(f"MAIL_FILTER(`m{number}', `S={spec}, F=T, T={timeouts}')dnl"
                            for number, spec in enumerate(specs))
        relay = (f"define(`SMART_HOST', `relay:[127.0.0.1]')dnl\n"
                 f"define(`RELAY_MAILER_ARGS', `TCP $h {delivery}')dnl" if delivery else "dnl")
        config = self.work / "sendmail.mc"
        config.write_text(CONFIG.format(work=self.work, daemons=daemons, milters=milters, relay=relay,
                                        mode="background" if delivery else "queueonly"))
        cf = self.root / "usr/share/sendmail/cf"
        done = subprocess.run(["m4", f"-D_CF_DIR_={cf}/", cf / "m4/cf.m4", config], check=True, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL)
        (self.work / "sendmail.cf").write_bytes(done.stdout)

    def __enter__(self):
        libraries = next(self.root.rglob("libwrap.so.0")).parent
        # with a host name that has no dot it sleeps at start: it gets one of its own
        self.process = subprocess.Popen(
            ["unshare", "--uts", "sh", "-c", 'hostname mx.example.com; exec "$0" -bD -C "$1"',
             self.root / "usr/libexec/sendmail/sendmail", self.work / "sendmail.cf"],
            env=dict(os.environ, LD_LIBRARY_PATH=str(libraries)), start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=open(self.work / "errors", "w"))
        end = time.monotonic() + 60
        while not all(listens_on_port(port) for port in self.ports):
            if self.process.poll() is not None or time.monotonic() > end:
                said = (self.work / "errors").read_text(errors="replace")
                self.__exit__()
                raise RuntimeError(f"sendmail did not come up: {said}")
            time.sleep(0.05)
        return self

    def __exit__(self, *_exception):
        try:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(timeout=10)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.work, ignore_errors=True)
