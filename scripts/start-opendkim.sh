#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# start-opendkim.sh WORKDIR SPEC: runs Debian's opendkim in the foreground, for demonstrations and
# tests. It listens on SPEC (unix:PATH or inet:PORT@HOST), signs mail from example.com that comes
# from a client in 192.0.2.0/24 (or in OPENDKIM_INTERNAL), and verifies what comes from anybody else.
#
# The signing key (selector `spot`) is made in WORKDIR when there is none. Public keys are read from
# WORKDIR/public.txt instead of DNS: the one just made, and the one of the signed mails in
# scenarios/quickstart (selector `test`).
set -u
[ $# -eq 2 ] || {
  echo "usage: start-opendkim.sh WORKDIR SPEC" >&2
  exit 2
}
here=$(cd "$(dirname "$0")/.." && pwd)
work=$1 spec=$2
for program in opendkim opendkim-genkey openssl; do
  command -v $program >/dev/null || {
    echo "start-opendkim.sh: $program is not installed (Debian packages opendkim, opendkim-tools, openssl)" >&2
    exit 77
  }
done
mkdir -p "$work" && work=$(cd "$work" && pwd) || exit 2

if [ ! -e "$work/spot.private" ]; then
  opendkim-genkey -D "$work" -b 2048 -d example.com -s spot || exit 2
fi

# zone_to_line NAME FILE: a DNS zone entry with its quoted pieces, as one line of TestPublicKeys
zone_to_line() {
  printf '%s %s\n' "$1" "$(grep -o '"[^"]*"' "$2" | tr -d '"\n')"
}
{
  zone_to_line spot._domainkey.example.com "$work/spot.txt"
  zone_to_line test._domainkey.example.com "$here/scenarios/quickstart/test-key.txt"
} >"$work/public.txt"

cat >"$work/opendkim.conf" <<END
Syslog            no
Background        no
Canonicalization  relaxed/simple
AuthservID        mx.example.com
Mode              sv
Domain            example.com
Selector          spot
KeyFile           $work/spot.private
RequireSafeKeys   no
InternalHosts     ${OPENDKIM_INTERNAL:-192.0.2.0/24}
TestPublicKeys    $work/public.txt
AlwaysAddARHeader yes
END
[ "${spec%%:*}" = unix ] && rm -f "${spec#unix:}"
# opendkim calls a unix socket local:
exec opendkim -f -x "$work/opendkim.conf" -p "${spec/#unix:/local:}"
