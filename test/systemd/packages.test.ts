import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { before, describe, it } from 'node:test';
import { noGuest, runInGuest } from './guest.ts';

/** Runs a scenario in a guest where packages can be installed; it passes where its script ends with 0. */
async function scenario(script: string, args: readonly string[]): Promise<string> {
  const { code, output } = await runInGuest(`. test/systemd/lib.sh\n${script}`, { args, packages: true });
  assert.equal(code, 0, output);
  return output;
}

/** The commands of the first block below a heading. */
function commandsIn(file: string, heading: string): string {
  const [, text = ''] = readFileSync(file, 'utf8').split(`${heading}\n`);
  return /```sh\n([^]*?)\n```/.exec(text)?.[1] ?? '';
}

const noSudo = !existsSync('/usr/bin/sudo') && 'NOT RUN: there is no sudo (Debian: apt-get install sudo)';

const release = (script: string): string =>
  execFileSync(process.execPath, ['--import', 'tsx', `scripts/release/${script}`], {
    encoding: 'utf8',
  }).trim();

describe('the Debian package', { skip: noGuest, concurrency: 2 }, () => {
  let file = '';
  before(() => {
    file = release('deb.js');
  });

  it('is the same for each build of one source', () => {
    const first = readFileSync(file);
    assert.ok(readFileSync(release('deb.js')).equals(first));
  });

  it(
    'takes a flock from the desk and posts, by the five commands of the README as they are',
    { skip: noSudo },
    async () => {
      const commands = commandsIn('README.md', '## On a server');
      assert.equal(commands, commandsIn('src/manual/server.md', '## Install'));
      assert.equal(commands.split('\n').length, 5);
      const output = await scenario(
        `
      debian_node
      administrator
      flock=/home/owner/flock
      open_x 3 50
      # What root could read by a link of the flock's owner is not copied.
      ln -s /etc/shadow "$flock/keys/shadow.json"
      chown -hR owner:owner "$flock"
      cp "$1" /home/owner/
      reach_x
      typed "$2"
      [ ! -e /etc/flockd/keys/shadow.json ]
      rm "$flock/keys/shadow.json"
      x wait 6
      x audit "$flock"
      # The same a second time is no harm: the flock goes on at its place.
      typed "$2"
      before="$(x audit "$flock")"
      x wait $((before + 6))
      x audit "$flock"
      stat -c '%U %G %a %n' /etc/flockd /etc/flockd/keys /var/lib/flockd
      [ ! -e /opt/flockd ] && [ ! -e /etc/systemd/system/flockd.service ]
      ls /usr/share/man/man1/flockd.1.gz /usr/share/bash-completion/completions/flockd
      ls /usr/lib/keymaker/dist/manual/images/keymaker.png
      flockd uninstall || say "uninstall: $?"
    `,
        [file, commands],
      );
      const [apt = '', install = '', enable = '', service = '', status = ''] = output
        .split(/^\$ /m)
        .slice(1, 6);
      const said = [apt, install, enable, service, status];
      assert.deepEqual(
        said.map((text) => text.split('\n', 1)[0]),
        commands.split('\n'),
      );
      assert.match(apt, /^Setting up keymaker \(/m);
      assert.match(
        install,
        /\nflockd is installed\. Its flock is in \/etc\/flockd, its ledger in \/var\/lib\/flockd\.\nNext: /,
      );
      assert.match(output, /^flockd is installed\.[^]*\nIt runs again\.\n/m);
      assert.match(service, /^ +Active: active \(running\) /m);
      for (const bot of ['ada', 'bea', 'cyd'])
        assert.match(status, new RegExp(`^${bot} +@${bot} .* posting `, 'm'));
      assert.match(output, /^root flockd 750 \/etc\/flockd$/m);
      assert.match(output, /^flockd flockd 700 \/var\/lib\/flockd$/m);
      assert.match(output, /^hint: apt-get remove keymaker\nuninstall: 78$/m);
    },
  );

  it('is upgraded over a running flock, which goes on at its place', async () => {
    const output = await scenario(
      `
      deb "$1"
      open_x 3 80
      flockd install "$flock" && reach_x
      systemctl start flockd
      x wait 6
      new="$(newer "$1")"
      # A flock whose settings are wrong would not start again: the old one runs on.
      main="$(show MainPID)"
      say '{ "schedule": "every day" }' >/etc/flockd/flock.json
      deb "$new" || say "with bad settings: $?"
      flockd install || say "install with bad settings: $?"
      [ "$(show MainPID)" = "$main" ]
      before="$(x audit "$flock")"
      x wait $((before + 3))
      cp "$flock/flock.json" /etc/flockd/
      deb "$new"
      dpkg-query --show --showformat 'version \${Version}\\n' keymaker
      [ "$(show MainPID)" != "$main" ]
      show ActiveState
      before="$(x audit "$flock")"
      x wait $((before + 6))
      x audit "$flock"
    `,
      [file],
    );
    assert.match(
      output,
      /flock\.json: schedule[^]*not upgraded, and flockd runs on[^]*with bad settings: 1\n[^]*install with bad settings: 78$/m,
    );
    assert.match(output, /^version 99$/m);
    assert.match(output, /^active$/m);
  });

  it('is removed and purged without the flock and its ledger', async () => {
    const output = await scenario(
      `
      deb "$1"
      open_x 2 60
      flockd install "$flock" && reach_x
      systemctl enable -q --now flockd
      x wait 4
      dpkg --remove keymaker
      ! systemctl is-active -q flockd
      [ ! -e /usr/bin/flockd ]
      dpkg --purge keymaker
      ls /etc/flockd/keys/ada.json /var/lib/flockd/journal.jsonl
      # A second installation goes on.
      deb "$1"
      systemctl start flockd
      before="$(x audit "$flock")"
      x wait $((before + 4))
      x audit "$flock"
    `,
      [file],
    );
    assert.match(output, /^\/var\/lib\/flockd\/journal\.jsonl$/m);
  });

  it('refuses to stand beside an installation by hand', async () => {
    const output = await scenario(
      `
      open_x 1 2
      node dist/flockd.js install "$flock"
      deb "$1" || say "beside: $?"
      node dist/flockd.js uninstall
      deb "$1"
      flockd --version
    `,
      [file],
    );
    assert.match(output, /flockd is installed in \/opt\/flockd[^]*beside: 1$/m);
  });
});
