import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { z } from 'zod';
import { noGuest, runInGuest } from './guest.ts';

/** What is installed besides the service; /usr is read-only in a guest but for this. */
const tmpfs = { '/usr/local/share': '4M' };

const places = `
  share=/usr/local/share
  ours="$share/man/man1/NAME.1 $share/bash-completion/completions/NAME $share/zsh/site-functions/_NAME
    /etc/fish/completions/NAME.fish"
`;

describe('flockd install', { skip: noGuest }, () => {
  it('installs man pages and completions, and takes them away again', async () => {
    const { code, output } = await runInGuest(
      `. test/systemd/lib.sh
      ${places}
      umask 077
      setup 1 2
      for name in keymaker flockd; do stat -c '%a %n' \${ours//NAME/$name}; done
      stat -c '%a' "$share/man/man1" /etc/fish/completions
      cmp dist/man/flockd.1 "$share/man/man1/flockd.1"
      bash -c '. "$0/bash-completion/completions/flockd"; complete -p flockd' "$share"
      systemctl show flockd -P Documentation | tr -d '"'
      # A page of somebody else stays.
      touch "$share/man/man1/other.1"
      node dist/flockd.js uninstall
      find "$share" /etc/fish -type f`,
      { tmpfs },
    );
    assert.equal(code, 0, output);
    const files = (name: string): string =>
      [
        `/usr/local/share/man/man1/${name}.1`,
        `/usr/local/share/bash-completion/completions/${name}`,
        `/usr/local/share/zsh/site-functions/_${name}`,
        `/etc/fish/completions/${name}.fish`,
      ]
        .map((file) => `644 ${file}\n`)
        .join('');
    assert.equal(
      output,
      `${files('keymaker')}${files('flockd')}755\n755\ncomplete -F _flockd flockd\nman:flockd(1)\n` +
        'flockd is removed. Its flock is still in /etc/flockd, its ledger in /var/lib/flockd.\n' +
        '/usr/local/share/man/man1/other.1\n',
    );
  });

  const hidden = process.execPath.startsWith('/usr/local/bin/') && 'Node itself is in /usr/local/bin';
  it("puts the programs on the path, but in nobody's place", { skip: hidden }, async () => {
    const { code, output } = await runInGuest(
      `. test/systemd/lib.sh
      touch /usr/local/bin/keymaker
      setup 1 2
      readlink /usr/local/bin/flockd
      /usr/local/bin/flockd --version
      node dist/flockd.js uninstall >/dev/null
      ls /usr/local/bin`,
      { tmpfs: { '/usr/local/bin': '1M' } },
    );
    const { version } = z
      .object({ version: z.string() })
      .parse(JSON.parse(readFileSync('package.json', 'utf8')));
    assert.deepEqual(
      { code, output },
      { code: 0, output: `/opt/flockd/dist/flockd.js\n${version}\nkeymaker\n` },
    );
  });

  it('leaves them out where /usr is read-only', async () => {
    const { code, output } = await runInGuest(
      `. test/systemd/lib.sh
      ${places}
      setup 1 2
      ls \${ours//NAME/flockd} 2>/dev/null || true
      systemctl start flockd
      node dist/flockd.js uninstall >/dev/null`,
    );
    assert.deepEqual({ code, output }, { code: 0, output: '' });
  });
});
