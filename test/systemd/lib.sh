# Sourced by the scenarios of service.test.ts, inside the guest: a flock, X in a box, and flockd as a service.
set -euo pipefail
flock=/opt/flock
x() { node test/systemd/x.js "$@"; }
say() { printf '%s\n' "$*"; }
show() { systemctl show flockd -P "$1"; }
# What the journal holds of flockd, newest boot only there is.
logged() { journalctl --sync; journalctl -u flockd -o cat --no-pager; }

# open_x BOTS LINES: a flock in a folder, and X, which is at the same address for the service and by hand.
open_x() {
  exec {x_output}< <(exec node --import tsx test/systemd/x.js serve "$flock" "$1" "$2")
  read -r _ <&"$x_output"
  export KEYMAKER_API_URL=http://127.0.0.1:4010
}

# setup BOTS LINES: installs everything; flockd is not started yet.
setup() {
  open_x "$@"
  node dist/flockd.js install "$flock" >/dev/null
  reach_x
}

# The service's X is the one in the box, too.
reach_x() {
  mkdir -p /etc/systemd/system/flockd.service.d
  dropin api '[Service]' 'Environment=KEYMAKER_API_URL=http://127.0.0.1:4010'
}

# "${by_owner[@]}" COMMAND...: flockd as the owner of the flock, who is not root.
by_owner=(setpriv --reuid owner --clear-groups "$(command -v node)" dist/flockd.js)
add_owner() { useradd --no-create-home owner && chown -R owner "$flock"; }

# dropin NAME LINE...: adds to the unit.
dropin() {
  local name="$1"
  shift
  printf '%s\n' "$@" >"/etc/systemd/system/flockd.service.d/$name.conf"
  systemctl daemon-reload
}

# wrong_clock SECONDS: flockd's wall clock, and no other one, is so far behind from its next start on, until `set_clock` is called.
wrong_clock() {
  local library=(/usr/lib/*/faketime/libfaketimeMT.so.1)
  [ -e "${library[0]}" ] || { say 'needs the Debian package faketime'; exit 1; }
  dropin clock '[Service]' "Environment=LD_PRELOAD=${library[0]} FAKETIME_TIMESTAMP_FILE=/opt/clock FAKETIME_NO_CACHE=1" \
    'Environment=FAKETIME_DONT_FAKE_MONOTONIC=1 NO_FAKE_STAT=1'
  say "-$1" >/opt/clock
}
set_clock() { say +0 >/opt/clock; }

# await COMMAND...: until it succeeds, woken by what flockd logs. The line before wakes it too: then nothing is missed.
await() {
  while read -r _; do "$@" && return; done < <(journalctl -f -n 1 -u flockd -u init.scope -o cat)
}

# deb FILE: installs a Debian package. Node may be there as a program only, and not as a package.
deb() {
  [ -e /usr/bin/node ] || ln -s "$(command -v node)" /usr/bin/node
  dpkg --force-depends -i "$@"
}

# debian_node: Node as apt knows it. Where it is no package of this machine, the guest has it as a program only.
debian_node() {
  ! dpkg-query --show nodejs >/dev/null 2>&1 || return 0
  [ -e /usr/bin/node ] || ln -s "$(command -v node)" /usr/bin/node
  printf '%s\n' 'Package: nodejs' 'Status: install ok installed' 'Architecture: all' \
    "Version: $(node --version | tr -d v)" 'Maintainer: nobody <nobody@example.org>' 'Description: Node' '' \
    >>/var/lib/dpkg/status
}

# administrator: a user with a home who may use sudo.
administrator() {
  useradd --create-home owner
  # sudo looks up the name of the machine.
  say '127.0.1.1 guest' >>/etc/hosts
  printf '%s\n' 'Defaults secure_path="/usr/sbin:/usr/bin:/sbin:/bin"' 'root ALL=(ALL) ALL' 'owner ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers
  chmod 0440 /etc/sudoers
}

# typed COMMANDS: what the administrator types at home, a line each, and what it says.
typed() {
  local line
  while read -r line <&3; do
    say "\$ $line"
    setpriv --reuid owner --regid owner --init-groups env -i HOME=/home/owner USER=owner PATH=/usr/local/bin:/usr/bin:/bin \
      bash -c "cd && $line" </dev/null 2>&1
  done 3<<<"$1"
}

# newer FILE: makes the same package with a higher version.
newer() {
  local folder
  folder="$(mktemp -d)"
  dpkg-deb --raw-extract "$1" "$folder/package"
  sed -i 's/^Version: .*/Version: 99/' "$folder/package/DEBIAN/control"
  dpkg-deb --build "$folder/package" "$folder/newer.deb" >&2
  say "$folder/newer.deb"
}
