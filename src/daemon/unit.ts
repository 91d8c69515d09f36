/** Where things are on the server. Absolute paths. */
export interface UnitPlaces {
  node: string;
  /** flockd's own script, and the folder it and what it needs are in. */
  flockd: string;
  program: string;
  /** scripts/notify-fd. */
  notifyFd: string;
  /** The flock's folder. */
  root: string;
  user: string;
}

/**
 * The unit of flockd, for systemd 252 and newer. It may read its own program and its flock, write its state, and reach the
 * network; nothing else. `systemd-analyze security` says 1.1.
 */
export function unitText({ node, flockd, program, notifyFd, root, user }: UnitPlaces): string {
  const run = `${quoted(node)} ${quoted(flockd)}`;
  return `# Written by: flockd unit
[Unit]
Description=Posts the lines of a flock of poems
Documentation=man:flockd(1)
Wants=network-online.target time-sync.target
After=network-online.target time-sync.target
StartLimitIntervalSec=600
StartLimitBurst=20

[Service]
Type=notify
NotifyAccess=main
ExecStart=/usr/bin/perl ${quoted(notifyFd)} ${run} run --root ${quoted(root)}
ExecReload=${run} reload --root ${quoted(root)}
User=${user}
Group=${user}
StateDirectory=flockd
StateDirectoryMode=0700
WorkingDirectory=${root}
UMask=0077

Restart=always
RestartSec=5
# What a person must mend first: usage, bad keys, a folder that cannot be made, modes of secrets, configuration.
RestartPreventExitStatus=64 65 73 77 78
TimeoutStartSec=60
TimeoutStopSec=30
WatchdogSec=60
WatchdogSignal=SIGKILL
# A core dump would hold the secrets.
LimitCORE=0
LimitNOFILE=65536
OOMPolicy=stop

${hardening}
NoExecPaths=/
ExecPaths=/usr/bin/perl /usr/bin/flock ${quoted(node)} /usr/lib /lib /lib64 -${quoted(program)}

[Install]
WantedBy=multi-user.target
`;
}

/** What takes from the service whatever it does not need. @see systemd.exec(5) */
const hardening = `CapabilityBoundingSet=
AmbientCapabilities=
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
ProtectProc=invisible
ProcSubset=pid
PrivateTmp=yes
PrivateDevices=yes
PrivateUsers=yes
PrivateIPC=yes
PrivateMounts=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RemoveIPC=yes
LockPersonality=yes
KeyringMode=private
DevicePolicy=closed
SystemCallArchitectures=native
SystemCallFilter=@system-service @pkey
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
InaccessiblePaths=-/boot -/root -/home -/srv -/media -/mnt -/var/log`;

/** As systemd reads a word of a command line. */
const quoted = (word: string): string =>
  /^[\w./@:+-]+$/.test(word)
    ? word
    : `"${word.replaceAll(/["\\]/g, '\\$&').replaceAll('%', '%%').replaceAll('$', '$$$$')}"`;

/** The flock's folder in the text of a unit, or undefined where it names none. */
export function rootIn(unit: string): string | undefined {
  const [, inQuotes, plain] = /^ExecStart=.* --root (?:"((?:[^"\\]|\\.)*)"|(\S+))/m.exec(unit) ?? [];
  return inQuotes?.replaceAll(/\\(.)/g, '$1').replaceAll(/([%$])\1/g, '$1') ?? plain;
}
