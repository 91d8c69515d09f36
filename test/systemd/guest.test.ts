import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { noGuest, runInGuest, type GuestOptions, type GuestResult } from './guest.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'guests-'));
after(() => rmSync(folder, { recursive: true }));

const run = (script: string, options: GuestOptions = {}): Promise<GuestResult> =>
  runInGuest(script, { tmpdir: folder, ...options });

/** The command lines with this in them, of all live processes. */
const processes = (sign: string): string[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')];
      } catch {
        return [];
      }
    })
    .filter((line) => line.includes(sign));

const cgroups = (name: string): string[] =>
  ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'].flatMap((root) => {
    try {
      return readdirSync(root).filter((entry) => entry.endsWith(name));
    } catch {
      return [];
    }
  });

describe('a guest', { skip: noGuest, concurrency: 4 }, () => {
  it('boots systemd and runs the script as root in the project', async () => {
    const { code, output } = await run(
      'cat /proc/1/comm; id -un; node -v; pwd; cat package.json | head -n 2',
    );
    assert.equal(code, 0, output);
    const here = path.resolve(import.meta.dirname, '../..');
    assert.match(output, RegExp(`^systemd\nroot\n${process.version}\n${here}\n\\{\n {2}"name": "keymaker"`));
  });

  it('passes on exit codes, signals, both streams and arguments', async () => {
    assert.deepEqual(await run('exit 42'), { code: 42, output: '' });
    assert.equal((await run('kill -TERM $$')).code, 143);
    const args = ['a b', "it's", '$HOME', ''];
    assert.deepEqual(await run('yes | head -n 1'), { code: 0, output: 'y\n' });
    const { output } = await run('printf "[%s]" "$@"; echo; echo err >&2; echo out', { args });
    assert.equal(output, "[a b][it's][$HOME][]\nerr\nout\n");
  });

  it('says 125 when the guest ends before the script does', async () => {
    const { code, output } = await run('systemctl poweroff --force --force; exec sleep infinity');
    assert.equal(code, 125, output);
  });

  it('has a system of its own: users, units, folders, network', async () => {
    const { code, output } = await run(
      `set -euo pipefail
      useradd --system flockd
      install -d -o flockd -m 0700 /etc/flockd
      echo >/etc/systemd/system/ours.service
      [ "$(ls -A /home)$(ls -A /opt)$(ls -A /srv)" = "" ]
      for place in /usr . ; do if touch "$place/x" 2>/dev/null; then exit 3; fi; done
      [ "$(ls /sys/class/net)" = lo ]
      [ "$(df --output=size -k /small | tail -n 1)" -eq 512 ]
      systemctl --failed --quiet | cat`,
      { tmpfs: { '/small': '512k' } },
    );
    assert.deepEqual({ code, output }, { code: 0, output: '' });
  });

  it('runs a simple unit and lets its journal be read', async () => {
    const { code, output } = await run(`set -euo pipefail
      cat >/etc/systemd/system/hello.service <<'UNIT'
[Service]
Type=simple
DynamicUser=yes
StateDirectory=hello
ProtectSystem=strict
PrivateTmp=yes
ExecStart=/bin/sh -c 'echo "<4>hello from $USER"; exec sleep infinity'
UNIT
      systemctl start hello
      systemctl is-active hello
      grep -m 1 hello < <(journalctl --follow --unit hello --priority 4..4 --output cat)
      systemctl stop hello`);
    assert.deepEqual({ code, output }, { code: 0, output: 'active\nhello from hello\n' });
  });

  it('runs a unit that says READY through an inherited datagram socket', async () => {
    const { code, output } = await run(`set -euo pipefail
      cat >/root/notify.pl <<'PERL'
use Socket;
use Fcntl;
socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die $!;
connect($socket, pack_sockaddr_un($ENV{NOTIFY_SOCKET})) or die $!;
fcntl($socket, F_SETFD, 0) or die $!;
$ENV{NOTIFY_FD} = fileno $socket;
exec @ARGV or die $!;
PERL
      cat >/root/ready.cjs <<'NODE'
require('node:fs').writeSync(Number(process.env.NOTIFY_FD), 'STATUS=at work\\nREADY=1');
setInterval(() => {}, 1e9);
NODE
      cat >/etc/systemd/system/ready.service <<UNIT
[Service]
Type=notify
NotifyAccess=main
TimeoutStartSec=10
ExecStart=/usr/bin/perl /root/notify.pl $(node -p process.execPath) /root/ready.cjs
UNIT
      systemctl start ready
      systemctl show --property StatusText --value ready`);
    assert.deepEqual({ code, output }, { code: 0, output: 'at work\n' });
  });

  it('accepts credentials that systemd-creds encrypted', async () => {
    const { code, output } = await run(`set -euo pipefail
      echo secret | systemd-creds encrypt --quiet --name=key - /root/key 2>/dev/null
      cat >/etc/systemd/system/key.service <<'UNIT'
[Service]
Type=oneshot
DynamicUser=yes
LoadCredentialEncrypted=key:/root/key
ExecStart=/bin/sh -c 'cat "$CREDENTIALS_DIRECTORY/key"'
UNIT
      systemctl start key
      journalctl --sync
      journalctl --unit key --output cat SYSLOG_IDENTIFIER=sh`);
    assert.deepEqual({ code, output }, { code: 0, output: 'secret\n' });
  });

  it('shares nothing with four others at the same time', async () => {
    const results = await Promise.all(
      [1, 2, 3, 4].map((number) =>
        run('[ ! -e /var/mine ]; touch /var/mine; systemctl list-units --quiet "mine*"; exit "$1"', {
          args: [String(number)],
        }),
      ),
    );
    assert.deepEqual(
      results,
      [1, 2, 3, 4].map((code) => ({ code, output: '' })),
    );
  });

  it('boots where systemd is the host, as in a guest', async () => {
    const { code, output } = await run(`test/systemd/guest - <<<'echo within; exit 9'; echo $?
      test/systemd/guest --timeout 1 - <<<'exec sleep infinity' 2>/dev/null; echo $?
      ls -d /tmp/guest-* /sys/fs/cgroup/keymaker-* 2>/dev/null`);
    assert.deepEqual({ code, output }, { code: 2, output: 'within\n9\n124\n' });
  });
});

describe('a guest by itself', { skip: noGuest }, () => {
  it('boots and ends, time and again, with nothing that failed', async (context) => {
    for (let turn = 0; turn < 3; turn += 1) {
      const start = performance.now();
      assert.deepEqual(await run('systemctl --failed --quiet | cat'), { code: 0, output: '' });
      context.diagnostic(`${Math.round(performance.now() - start)} ms`);
    }
  });

  const endings: [string, number | null, (harness: AbortController) => void, GuestOptions][] = [
    ['after a timeout', 124, () => undefined, { timeout: 30 }],
    ['after SIGKILL of the harness', null, (harness) => harness.abort(), {}],
  ];
  for (const [name, code, end, options] of endings) {
    it(`leaves nothing ${name}`, async () => {
      const place = mkdtempSync(path.join(tmpdir(), 'guests-'));
      const harness = new AbortController();
      const mark = `/tmp/${path.basename(place)}`;
      let own = '';
      const result = await runInGuest('echo up >"$1"; exec tail -f "$1"', {
        args: [mark],
        tmpdir: place,
        signal: harness.signal,
        ...options,
        onOutput: () => {
          if (own !== '') return;
          own = readdirSync(place).join();
          assert.notDeepEqual(processes(place), []);
          assert.notDeepEqual(processes(`tail -f ${mark}`), []);
          assert.notDeepEqual(cgroups(own), []);
          end(harness);
        },
      });
      assert.equal(result.code, code, result.output);
      assert.match(own, /^guest-\w+$/);
      assert.deepEqual(readdirSync(place), []);
      assert.deepEqual(processes(path.basename(place)), []);
      assert.deepEqual(cgroups(own), []);
      assert.doesNotMatch(readFileSync('/proc/self/mountinfo', 'utf8'), RegExp(place));
      rmSync(place, { recursive: true });
    });
  }
});
