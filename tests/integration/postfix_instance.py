# SPDX-License-Identifier: LGPL-2.1-or-later
"""A Postfix of its own: its own folders, a port that the system chose, nothing delivered.

It has no queue manager, unless it is told where to deliver to: every message stays in the incoming queue, where it
can be read as it would have been delivered; what a milter quarantines goes to the hold queue.
"""

import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from listening import listens_on_port

MAIN = """
compatibility_level = 3.6
queue_directory = {work}/spool
data_directory = {work}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
shlib_directory = /usr/lib/postfix
meta_directory = /etc/postfix
mail_owner = postfix
setgid_group = postdrop
maillog_file_prefixes = {work}
maillog_file = {work}/maillog
myhostname = mx.example.com
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_peername_lookup = no
disable_dns_lookups = yes
smtp_dns_support_level = disabled
alias_maps =
alias_database =
default_transport = smtp
relay_transport = smtp
smtpd_recipient_restrictions = check_recipient_access inline:{{refused@example.net=REJECT}}, permit_mynetworks, reject
service_throttle_time = 1s
smtpd_relay_restrictions = permit_mynetworks, reject
milter_default_action = tempfail
milter_protocol = 6
milter_connect_timeout = 10s
milter_command_timeout = 20s
milter_content_timeout = 30s
smtpd_error_sleep_time = 0
in_flow_delay = 0
smtpd_client_connection_count_limit = 0
"""

MASTER = """
cleanup   unix  n - n - 0  cleanup
rewrite   unix  - - n - -  trivial-rewrite
proxymap  unix  - - n - -  proxymap
anvil     unix  - - n - 1  anvil
postlog   unix-dgram n - n - 1 postlogd
"""

# what delivering takes
DELIVERY = """
qmgr      unix  n - n 300 1  qmgr
smtp      unix  - - n - -  smtp
relay     unix  - - n - -  smtp
error     unix  - - n - -  error
retry     unix  - - n - -  error
bounce    unix  - - n - 0  bounce
defer     unix  - - n - 0  bounce
trace     unix  - - n - 0  bounce
"""

MASTER_PROGRAM = "/usr/lib/postfix/sbin/master"


def why_not():
    """Why no instance can run here, or None."""
    if os.getuid() != 0:
        return "the Postfix master must be started as root"
    for path in ("/usr/sbin/postfix", MASTER_PROGRAM):
        if not os.access(path, os.X_OK):
            return f"{path} is not there (Debian package postfix)"
    try:
        pwd.getpwnam("postfix")
    except KeyError:
        return "there is no user postfix"
    return None


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Queued:
    """A message as it lies in the queue: header and body with CRLF, and its envelope."""

    def __init__(self, content, envelope):
        self.content = content
        self.sender = None
        self.recipients = []
        self.attributes = {}
        self.quarantined = b"ENVELOPE RECORDS hold/" in envelope
        for line in envelope.decode("latin-1").splitlines():
            key, _, value = line.partition(": ")
            if key == "sender":
                self.sender = value
            elif key == "recipient":
                self.recipients.append(value)
            elif key == "named_attribute":
                name, _, text = value.partition("=")
                self.attributes[name] = text
            else:
                self.attributes.setdefault(key, value)


class Postfix:
    """with Postfix(NAME="unix:/path/of/a/milter", …) as mta: mta.deliver(…, milter=NAME)

    Each milter has an SMTP server of its own; `settings`: for all of them, as "name=value"; `delivery`: the port
    of this machine to which messages are delivered."""

    def __init__(self, settings=(), delivery=None, **milters):
        # not below pytest's own folders: those are closed to the user postfix
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="milterlab-postfix-"))
        self.work.chmod(0o755)
        self.ports = {name: free_port() for name in milters}
        self.log = self.work / "maillog"
        for name in ("etc", "spool", "data"):
            (self.work / name).mkdir()
        shutil.chown(self.work / "data", "postfix")
        options = "".join(f" -o {setting}" for setting in settings)
        servers = "".join(f"{self.ports[name]} inet n - n - 10 smtpd -o smtpd_milters={spec}{options}\n"
                          for name, spec in milters.items())
        relay = f"relayhost = [127.0.0.1]:{delivery}\n" if delivery else ""
        (self.work / "etc/main.cf").write_text(MAIN.format(work=self.work) + relay)
        (self.work / "etc/master.cf").write_text(servers + MASTER + (DELIVERY if delivery else ""))
        self.process = None

    def __enter__(self):
        etc = str(self.work / "etc")
        subprocess.run(["postfix", "-c", etc, "check"], capture_output=True, timeout=60, check=False)
        environment = dict(os.environ, MAIL_CONFIG=etc, MAIL_LOGTAG="postfix")
        self.process = subprocess.Popen([MASTER_PROGRAM, "-c", etc, "-s"], env=environment, start_new_session=True,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 60
        while not all(listens_on_port(port) for port in self.ports.values()):
            if self.process.poll() is not None or time.monotonic() > end:
                said = self.log.read_text(errors="replace") if self.log.exists() else ""
                self.__exit__()
                raise RuntimeError(f"Postfix did not come up: {said}")
            time.sleep(0.05)
        return self

    def __exit__(self, *_exception):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        shutil.rmtree(self.work, ignore_errors=True)

    def send(self, content, milter, sender="<alice@example.com>", recipients=("<bob@example.net>",)):
        """One message over SMTP, byte for byte; the reply to the final dot."""
        with socket.create_connection(("127.0.0.1", self.ports[milter]), timeout=60) as connection:
            stream = connection.makefile("rwb")

            def reply():
                while True:
                    line = stream.readline()
                    if line[3:4] != b"-":
                        return line.decode("latin-1").strip()

            def say(line, code):
                stream.write(line.encode("latin-1") + b"\r\n")
                stream.flush()
                answer = reply()
                assert answer.startswith(code), f"{line}: {answer}"

            assert reply().startswith("220")
            say("EHLO client.example.com", "250")
            say(f"MAIL FROM:{sender}", "250")
            for recipient in recipients:
                say(f"RCPT TO:{recipient}", "250")
            say("DATA", "354")
            stream.write(re.sub(rb"(?m)^\.", b"..", content) + b".\r\n")
            stream.flush()
            answer = reply()
            say("QUIT", "221")
        return answer

    def deliver(self, content, milter, **envelope):
        """One message; as it was queued, or None and the reply if it was refused."""
        answer = self.send(content, milter, **envelope)
        queue_id = re.search(r"queued as (\w+)", answer)
        return (self.read(queue_id[1]) if queue_id else None), answer

    def read(self, queue_id):
        def postcat(*options):
            done = subprocess.run(["postcat", "-c", self.work / "etc", *options, "-q", queue_id], timeout=60,
                                  capture_output=True, check=True)
            return done.stdout

        return Queued(postcat("-h", "-b").replace(b"\n", b"\r\n"), postcat("-e"))
