# SPDX-License-Identifier: LGPL-2.1-or-later
#
# packages.sh: what Debian packages each job needs, and how they get there. Sourced by ./try and
# ./check.

# what building needs
packages_build="gcc libc6-dev meson ninja-build pkg-config libglib2.0-dev"
# what the demonstration of ./try needs besides
packages_try="opendkim opendkim-tools openssl"
# what the tests need besides
packages_check="g++ git opendkim opendkim-tools openssl libcriterion-dev libpcap-dev python3-pytest python3-pytest-xdist python3-junitparser libxml2-utils perl libmilter-dev postfix
 valgrind strace tcpdump gobject-introspection libgirepository1.0-dev python3-gi gi-docgen
 tshark opendmarc clamav-milter clamav-daemon spamass-milter spamassassin spamd spamc rspamd python3-milter libsendmail-pmilter-perl m4 miltertest"

# need_packages PACKAGE...: installs those that are missing, as root or with sudo
need_packages() {
  local package missing=() as_root=()

  for package; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
      missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0

  if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null || ! sudo -n true 2>/dev/null; then
      echo "These packages are missing, and neither root nor sudo is at hand. Please run" >&2
      echo "  apt-get install --no-install-recommends ${missing[*]}" >&2
      echo "as root, and start again." >&2
      return 1
    fi
    as_root=(sudo)
  fi
  echo "Installing from the package archive: ${missing[*]}"
  # a service that a package would start is not wanted here: the tests start their own
  local log policy=/usr/sbin/policy-rc.d made_policy=
  log=$(mktemp) || return 1
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"
    made_policy=1
  fi
  # Postfix asks what kind of site this is; the tests run an instance of their own
  echo 'postfix postfix/main_mailer_type select No configuration' |
    "${as_root[@]}" debconf-set-selections 2>/dev/null
  if ! { "${as_root[@]}" apt-get update &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "Installing failed; the whole log is $log" >&2
    [ -n "$made_policy" ] && "${as_root[@]}" rm -f "$policy"
    return 1
  fi
  [ -n "$made_policy" ] && "${as_root[@]}" rm -f "$policy"
  rm -f "$log"
}
