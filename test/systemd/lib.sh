# Sourced by the scenarios of service.test.ts, inside the guest: a flock, X in a box, and flockd as a service.
set -euo pipefail
flock=/opt/flock
x() { node test/systemd/x.js "$@"; }
say() { printf '%s\n' "$*"; }
show() { systemctl show flockd -P "$1"; }
# What the journal holds of flockd, newest boot only there is.
logged() { journalctl --sync; journalctl -u flockd -o cat --no-pager; }

# setup BOTS LINES: installs everything; flockd is not started yet.
setup() {
  exec {x_output}< <(exec node --import tsx test/systemd/x.js serve "$flock" "$1" "$2")
  read -r _ <&"$x_output"
  scripts/install-systemd "$flock" >/dev/null
  mkdir -p /etc/systemd/system/flockd.service.d
  dropin api '[Service]' 'Environment=KEYMAKER_API_URL=http://127.0.0.1:4010'
}

# dropin NAME LINE...: adds to the unit.
dropin() {
  local name="$1"
  shift
  printf '%s\n' "$@" >"/etc/systemd/system/flockd.service.d/$name.conf"
  systemctl daemon-reload
}

# await COMMAND...: until it succeeds, woken by what flockd logs. The line before wakes it too: then nothing is missed.
await() {
  while read -r _; do "$@" && return; done < <(journalctl -f -n 1 -u flockd -u init.scope -o cat)
}
