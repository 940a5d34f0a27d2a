#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# start.sh NAME SOCKET DIR: one of the milters that the scenarios of this folder judge, in the
# foreground, as a `spawn` or `milter` line wants it. SOCKET is unix:PATH or inet:PORT@HOST. All that
# is written goes to DIR/NAME (keys to DIR/keys, which the links of a chain share). Without NAME:
# what there is.
#
# Each function below is a milter: its configuration, in full, and how it is started. They need
# neither root nor the network, and end with this script, helpers such as clamd included.
set -u
here=$(cd "$(dirname "$0")" && pwd)
PATH=$PATH:/usr/sbin:/sbin

names=$(sed -n 's/^milter_\([a-z_]*\) *().*/\1/p' "$0" | tr _ -)
[ $# -eq 3 ] || {
  printf 'usage: start.sh NAME SOCKET DIR; NAME is one of\n%s\n' "$names" >&2
  exit 2
}
name=$1 socket=$2 run=$3
[[ $name = [a-z]* && " ${names//$'\n'/ } " = *" $name "* ]] || {
  printf 'start.sh: there is no milter "%s" here; there are\n%s\n' "$name" "$names" >&2
  exit 2
}
mkdir -p "$run/$name" && run=$(cd "$run" && pwd) && work=$run/$name || exit 2
cd "$work" || exit 2
# a socket that somebody left behind makes most milters give up
[[ $socket = unix:* ]] && rm -f "${socket#unix:}"

helpers=()
milter=
# a libmilter program takes five seconds to notice TERM, and has nothing to lose
milter_signal=KILL
finish() {
  trap '' TERM INT HUP
  [ -n "$milter" ] && kill -s "$milter_signal" "$milter" 2>/dev/null
  [ ${#helpers[@]} -gt 0 ] && kill "${helpers[@]}" 2>/dev/null
  wait
}
# bash would tell of each job that is killed
trap 'exec 2>/dev/null; finish; exit 0' TERM INT HUP

# tied SIGNAL COMMAND...: what is started ends with this script, even if the script is killed
tied() { exec setpriv --pdeathsig "$@"; }

# helper SOCKET [SETPRIV-OPTION...] COMMAND...: a daemon that the milter needs; returns when it listens.
helper() {
  local path=$1 i
  shift
  tied TERM "$@" >"$work/helper.log" 2>&1 &
  helpers+=($!)
  for ((i = 0; i < 600; i++)); do
    # a socket is there before it listens, and clamav-milter does not ask twice
    [ -S "$path" ] && perl -MIO::Socket::UNIX -e 'exit !IO::Socket::UNIX->new(shift)' "$path" && return 0
    kill -0 $! 2>/dev/null || break
    sleep 0.05
  done
  echo "start.sh: no helper listens on $path: $*; it says:" >&2
  tail -n 5 "$work/helper.log" >&2
  finish
  exit 1
}

# milter COMMAND...: runs the milter until it ends, or this script is told to.
milter() {
  local status
  tied "$milter_signal" "$@" &
  milter=$!
  wait "$milter"
  status=$?
  finish
  exit $status
}

# -- opendkim ------------------------------------------------------------------------------------

# The key that signs, selector spot, made once for all links of a chain; and keys.txt, which stands in
# for the DNS: that key, and the one of the signed mails in ../quickstart (selector test).
dkim_keys() {
  mkdir -p "$run/keys"
  (
    flock 9
    [ -e "$run/keys/keys.txt" ] && exit
    opendkim-genkey -D "$run/keys" -b 2048 -d example.com -s spot || exit 1
    {
      dkim_key spot._domainkey.example.com "$run/keys/spot.txt"
      dkim_key weekly._domainkey.lists.example.com "$run/keys/spot.txt"
      dkim_key test._domainkey.example.com "$here/../quickstart/test-key.txt"
    } >"$run/keys/new"
    mv "$run/keys/new" "$run/keys/keys.txt"
  ) 9>"$run/keys/lock" || exit 1
}

# dkim_key NAME FILE: a zone entry, which is quoted in pieces, on one line
dkim_key() { printf '%s %s\n' "$1" "$(grep -o '"[^"]*"' "$2" | tr -d '"\n')"; }

# opendkim_with MODE INTERNAL: Mode, and which clients are our own. It calls a unix socket local:.
opendkim_with() {
  dkim_keys
  cat >opendkim.conf <<END
Syslog               no
Background           no
AuthservID           mx.example.com
AlwaysAddARHeader    yes
Mode                 $1
InternalHosts        $2
Canonicalization     relaxed/simple
SigningTable         refile:$work/signing-table
KeyTable             $work/key-table
RequireSafeKeys      no
OversignHeaders      From
TestPublicKeys       $run/keys/keys.txt
END
  printf '%s\n' '*@example.com ours' '*@lists.example.com lists' >signing-table
  printf '%s\n' "ours example.com:spot:$run/keys/spot.private" \
    "lists lists.example.com:weekly:$run/keys/spot.private" >key-table
  milter opendkim -f -x opendkim.conf -p "${socket/#unix:/local:}"
}
# signs what comes from our own network, 192.0.2.0/24 and 2001:db8:1::/48, verifies all else
milter_opendkim() { opendkim_with sv 192.0.2.0/24,2001:db8:1::/48; }
# two halves, for chains: one signs for everybody, one verifies for everybody
milter_opendkim_sign() { opendkim_with s 0.0.0.0/0,::/0; }
milter_opendkim_verify() { opendkim_with v 203.0.113.255; }

# -- opendmarc -----------------------------------------------------------------------------------

opendmarc_with() {
  cat >opendmarc.conf <<END
Syslog                   false
Background               false
AuthservID               mx.example.com
TrustedAuthservIDs       mx.example.com
IgnoreHosts              $work/ignore-hosts
SoftwareHeader           false
RejectFailures           $1
RequiredHeaders          $1
HoldQuarantinedMessages  $1
HistoryFile              $work/history
END
  # an empty list: without it, mail from 127.0.0.1 is not looked at
  : >ignore-hosts
  cc -shared -fPIC -O1 -o fake-dns.so "$here/fake-dns.c" || exit 1
  milter env LD_PRELOAD="$work/fake-dns.so" FAKE_DNS="$here/dmarc-records.txt" \
    opendmarc -f -c opendmarc.conf -p "${socket/#unix:/local:}"
}
milter_opendmarc() { opendmarc_with false; }
milter_opendmarc_reject() { opendmarc_with true; }

# -- clamav-milter, with a clamd of its own ------------------------------------------------------

clamav_with() {
  mkdir -p db tmp
  # a data base of one signature: what EICAR's test file ends with
  printf 'Local.Eicar:0:*:%s\n' "$(printf '%s%s' 'STANDARD-ANTIVIRUS' '-TEST-FILE!$H+H*' |
    od -An -tx1 | tr -d ' \n')" >db/local.ndb
  cat >clamd.conf <<END
LocalSocket $work/clamd.sock
DatabaseDirectory $work/db
TemporaryDirectory $work/tmp
Foreground yes
MaxThreads 2
END
  cat >clamav-milter.conf <<END
MilterSocket $socket
ClamdSocket unix:$work/clamd.sock
Foreground yes
TemporaryDirectory $work/tmp
AddHeader Replace
ReportHostname mx.example.com
OnInfected $1
END
  [ $# -gt 1 ] && echo "RejectMsg $2" >>clamav-milter.conf
  rm -f clamd.sock
  helper clamd.sock clamd -c clamd.conf
  milter clamav-milter -c clamav-milter.conf
}
milter_clamav() { clamav_with Reject 'Infected with %v'; }
milter_clamav_quarantine() { clamav_with Quarantine; }

# -- spamass-milter, with a spamd of its own -----------------------------------------------------

spamass_with() {
  mkdir -p rules site home
  cp /etc/spamassassin/*.pre site/
  cat >rules/10_test.cf <<'END'
body   GTUBE   /XJS\*C4JDBQADN1\.NSBN3\*2IDNEN\*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL\*C\.34X/
tflags GTUBE   userconf noautolearn
score  GTUBE   1000
header SPAMMY  Subject =~ /\bspammy\b/i
score  SPAMMY  7.5
END
  cat >site/local.cf <<'END'
use_bayes 0
use_auto_welcomelist 0
dns_available no
required_score 5
report_safe 0
rewrite_header Subject [SPAM]
clear_headers
add_header all Status _YESNO_, score=_SCORE_ required=_REQD_ tests=_TESTS_
add_header spam Flag _YESNOCAPS_
END
  rm -f spamd.sock
  # spamd does not work as root, and a folder of root may be closed to others; but everybody may go
  # to where they were started
  local cwd=/proc/self/cwd other=()
  if [ "$(id -u)" = 0 ]; then
    other=(--reuid=nobody --regid=nogroup --clear-groups)
    chown -R nobody:nogroup .
  fi
  HOME=$cwd/home helper spamd.sock "${other[@]}" spamd -L -x \
    --max-children=1 --min-children=1 --min-spare=1 --max-spare=1 \
    --configpath=$cwd/rules --siteconfigpath=$cwd/site --helper-home-dir=$cwd/home \
    --socketpath=$cwd/spamd.sock --pidfile=$cwd/spamd.pid --syslog=$cwd/spamd.log
  milter spamass-milter -p "$socket" "$@" -- -U "$work/spamd.sock"
}
# marks only, or refuses from 15 points on
milter_spamass() { spamass_with -r 100000; }
milter_spamass_reject() { spamass_with -r 15; }

# -- rspamd --------------------------------------------------------------------------------------

milter_rspamd() {
  local bind insecure=()
  case $socket in
    unix:*) bind="${socket#unix:} mode=0666" ;;
    inet:*) bind=${socket#inet:} bind=${bind#*@}:${bind%@*} ;;
  esac
  # root has to say that it means it
  [ "$(id -u)" = 0 ] && insecure=(--insecure)
  # left to itself it compiles a list of all domain suffixes and learns 46 languages: 20 seconds
  printf '%s\n' com net org example test >suffixes
  cat >rspamd.conf <<END
options {
  pidfile = "$work/rspamd.pid";
  tempdir = "$work";
  hs_cache_dir = "$work";
  control_socket = "$work/control.sock mode=0600";
  url_tld = "$work/suffixes";
  dns { nameserver = ["127.0.0.1:9"]; timeout = 0.1s; retransmits = 1; }
  enable_test_patterns = true;
}
lang_detection { languages = "$work/none"; }
logging { type = "file"; filename = "$work/rspamd.log"; level = "info"; }
actions { reject = 15; "add header" = 6; greylist = null; "rewrite subject" = null; }
lua = "$here/rspamd-rules.lua";
worker "rspamd_proxy" {
  bind_socket = "$bind";
  milter = yes;
  count = 1;
  max_retries = 1;
  discard_on_reject = false;
  quarantine_on_reject = false;
  spam_header = "X-Spam";
  upstream "local" { default = yes; self_scan = yes; }
}
END
  # it has workers of its own, which end only if it ends in order
  milter_signal=TERM
  milter rspamd -f "${insecure[@]}" -c rspamd.conf
}

# -- our own -------------------------------------------------------------------------------------

milter_list_milter() { milter /usr/bin/python3 "$here/list-milter.py" "$socket"; }
milter_footer_milter() {
  cc -O1 -o footer-milter "$here/footer-milter.c" -lmilter -lpthread || exit 1
  milter ./footer-milter "$socket"
}

"milter_${name//-/_}"
