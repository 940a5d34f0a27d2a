# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whether a program listens on a unix socket or a TCP port yet.

The file is there from bind() on, and who connects before listen() is refused; a connection to try would be counted
as one by a program that is tested, and told to its milter by an MTA, at some time.
"""

import os

ACCEPTS = 0x10000
LISTENS = "0A"


def listens(path):
    path = str(path)
    with open("/proc/net/unix", encoding="utf-8", errors="surrogateescape") as table:
        for line in table:
            # Num RefCount Protocol Flags Type St Inode Path
            fields = line.rstrip("\n").split(None, 7)
            if len(fields) < 8 or fields[0] == "Num" or not int(fields[3], 16) & ACCEPTS:
                continue
            where = fields[7]
            if where == path or (not where.startswith("/") and where == os.path.basename(path)):
                return True
    return False


def listens_on_port(port):
    """On any address of this machine."""
    for name in ("/proc/net/tcp", "/proc/net/tcp6"):
        if not os.path.exists(name):
            continue
        with open(name, encoding="ascii") as table:
            # number, own address and port, the peer's, state
            for fields in map(str.split, table):
                if fields[3] == LISTENS and int(fields[1].rpartition(":")[2], 16) == port:
                    return True
    return False
