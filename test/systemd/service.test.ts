import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { z } from 'zod';
import { parseLine } from '../../src/ledger/journal.ts';
import { type GuestOptions, noGuest, runInGuest } from './guest.ts';

/** Runs a scenario; it passes where its script ends with 0. */
async function scenario(script: string, options: GuestOptions = {}): Promise<string> {
  const { code, output } = await runInGuest(`. test/systemd/lib.sh\n${script}`, options);
  assert.equal(code, 0, output);
  return output;
}

const second = 1000;

const entry = z.object({
  event: z.string(),
  bot: z.string(),
  at: z.number(),
  slot: z.number().optional(),
});

/** The events of a ledger whose journal a scenario has shown, without the line that begins it. */
const eventsIn = (output: string): z.infer<typeof entry>[] =>
  output
    .split('\n')
    .filter((line) => line.startsWith('{"n":') && !line.startsWith('{"n":0,'))
    .map((line) => entry.parse(parseLine(line)));

/** How many seconds behind a clock is at boot, in shell. */
const wrongClocks = { 'in 1970': '$(($(date +%s) - 10))', 'six hours behind': '21600' };

describe('flockd under systemd', { skip: noGuest, concurrency: 3 }, () => {
  it('is installed, ready when it says so, and posts', async () => {
    const output = await scenario(`
      setup 3 50
      systemctl enable -q flockd
      systemctl start flockd
      show ActiveState
      show StatusText
      x wait 6
      x audit "$flock"
      stat -c '%U %G %a %n' /etc/flockd /etc/flockd/keys /etc/flockd/keys/ada.json /var/lib/flockd
    `);
    assert.match(output, /^active\n3 bots, /);
    assert.match(output, /^root flockd 750 \/etc\/flockd$/m);
    assert.match(output, /^root flockd 640 \/etc\/flockd\/keys\/ada\.json$/m);
    assert.match(output, /^flockd flockd 700 \/var\/lib\/flockd$/m);
  });

  it('comes back after kill -9, and goes on at its place', async () => {
    await scenario(`
      setup 3 50
      dropin fast '[Service]' RestartSec=0
      systemctl start flockd
      x wait 6
      kill -9 "$(show MainPID)"
      x wait 15
      [ "$(show NRestarts)" = 1 ]
      x audit "$flock"
    `);
  });

  it('is killed by the watchdog where it stands still, and comes back', async () => {
    await scenario(`
      setup 2 60
      dropin fast '[Service]' RestartSec=0 WatchdogSec=5
      systemctl start flockd
      x wait 4
      first="$(show MainPID)"
      kill -STOP "$first"
      before="$(x audit "$flock")"
      x wait $((before + 4))
      [ "$(show MainPID)" != "$first" ]
      logged | grep -q 'Watchdog timeout'
      x audit "$flock"
    `);
  });

  it('is killed by the watchdog where its event loop hangs', async () => {
    await scenario(`
      setup 2 60
      echo 'process.on("SIGUSR2", () => { for (;;); });' >/opt/hang.cjs
      dropin fast '[Service]' RestartSec=0 WatchdogSec=5 'Environment=NODE_OPTIONS=--require=/opt/hang.cjs'
      systemctl start flockd
      x wait 4
      first="$(show MainPID)"
      kill -USR2 "$first"
      before="$(x audit "$flock")"
      x wait $((before + 4))
      [ "$(show MainPID)" != "$first" ]
      x audit "$flock"
    `);
  });

  it('reloads what is good, in the same process, and reports what is not as a failed reload', async () => {
    const output = await scenario(`
      setup 2 60
      systemctl start flockd
      first="$(show MainPID)"
      cp /etc/flockd/flock.json /opt/good.json
      sed -i 's/}$/,"bots":{"ada":{"paused":true}}}/' /etc/flockd/flock.json
      systemctl reload flockd
      say "good: $?"
      sed -i 's/^{/{"schedul": 1,/' /etc/flockd/flock.json
      if systemctl reload flockd; then say 'bad: taken'; else say 'bad: refused'; fi
      [ "$(show MainPID)" = "$first" ]
      show ActiveState
      logged | grep -o 'unknown setting[^;]*; goes on as it was' | head -n 1
      cp /opt/good.json /etc/flockd/flock.json
      chown root:flockd /etc/flockd/flock.json
      systemctl reload flockd
      x wait 8
      x audit "$flock"
    `);
    assert.match(output, /good: 0/);
    assert.match(output, /bad: refused/);
    assert.match(output, /^active$/m);
    assert.match(output, /unknown setting .*goes on as it was/);
  });

  it('takes up a key that changes on the disk, without a reload', async () => {
    await scenario(`
      setup 2 60
      mv /etc/flockd/keys/bea.json /opt/bea.json
      systemctl start flockd
      x wait 3
      mv /opt/bea.json /etc/flockd/keys/bea.json
      await eval 'logged | grep -q "\\"bot\\":\\"bea\\".*\\"event\\":\\"posted\\"\\|\\"event\\":\\"posted\\".*\\"bot\\":\\"bea\\""'
      x audit "$flock"
    `);
  });

  it('finishes the post under way when it is stopped', async () => {
    await scenario(`
      setup 2 60
      systemctl start flockd
      x wait 2
      x fault '{"match":{"path":"/2/tweets"},"fault":{"kind":"delay","ms":3000}}'
      before="$(x audit "$flock")"
      x wait $((before + 2))
      systemctl stop flockd
      [ "$(show Result)" = success ]
      if grep -q '"event":"intent"' <(tail -n 1 /var/lib/flockd/journal.jsonl); then say 'left in doubt'; exit 1; fi
      x audit "$flock"
    `);
  });

  it('is killed where it cannot come to its end, and knows afterwards what it had posted', async () => {
    await scenario(`
      setup 2 60
      echo 'process.on("SIGUSR2", () => { for (;;); });' >/opt/hang.cjs
      dropin slow '[Service]' TimeoutStopSec=1 'Environment=NODE_OPTIONS=--require=/opt/hang.cjs'
      systemctl start flockd
      x wait 4
      kill -USR2 "$(show MainPID)"
      systemctl stop flockd || true
      [ "$(show Result)" = timeout ]
      systemctl reset-failed flockd
      before="$(x audit "$flock")"
      systemctl start flockd
      x wait $((before + 4))
      x audit "$flock"
    `);
  });

  it('does not try again what a person must mend first', async () => {
    const output = await scenario(`
      setup 2 60
      echo '{"schedule": "whenever"}' >/etc/flockd/flock.json
      if systemctl start flockd; then exit 1; fi
      say "status $(show ExecMainStatus), restarts $(show NRestarts), $(show ActiveState)"
      logged | grep -o 'is not a cron expression' | head -n 1
      rm /etc/flockd/flock.json
      systemctl reset-failed flockd
      chmod 0644 /etc/flockd/keys/*.json
      if systemctl start flockd; then exit 1; fi
      say "status $(show ExecMainStatus), restarts $(show NRestarts), $(show ActiveState)"
      logged | grep -o 'chgrp [0-9]* /etc/flockd/keys/[a-z]*.json && chmod 640' | head -n 1
    `);
    assert.match(output, /^status 78, restarts 0, failed$/m);
    assert.match(output, /^is not a cron expression$/m);
    assert.match(output, /^status 77, restarts 0, failed$/m);
    assert.match(output, /^chgrp \d+ \/etc\/flockd\/keys\/ada\.json && chmod 640$/m);
  });

  it('reads its keys from credentials, plain and encrypted', async () => {
    await scenario(`
      setup 2 60
      mv /etc/flockd/keys /opt/keys
      mkdir /etc/flockd/keys
      chmod 0700 /opt/keys
      dropin keys '[Service]' LoadCredential=keys:/opt/keys
      systemctl start flockd
      x wait 4
      systemctl stop flockd
      mkdir /opt/sealed
      export TMPDIR=/opt
      for bot in ada bea; do
        systemd-creds encrypt --with-key=host --name="keys_$bot.json" "/opt/keys/$bot.json" "/opt/sealed/$bot.json"
      done
      ! grep -q consumer /opt/sealed/ada.json
      dropin keys '[Service]' LoadCredentialEncrypted=keys:/opt/sealed
      before="$(x audit "$flock")"
      systemctl start flockd
      x wait $((before + 4))
      x audit "$flock"
    `);
  });

  it('runs without the right to make code, as a drop-in', async () => {
    await scenario(`
      setup 2 60
      systemctl start flockd
      x wait 2
      systemctl stop flockd
      dropin jitless '[Service]' MemoryDenyWriteExecute=yes Environment=NODE_OPTIONS=--jitless
      before="$(x audit "$flock")"
      systemctl start flockd
      x wait $((before + 4))
      x audit "$flock"
    `);
  });

  it('loses no line and doubles none through 100 kills at random', async () => {
    const output = await scenario(
      `
      setup 5 60
      dropin fast '[Service]' RestartSec=0 StartLimitBurst=1000
      dropin limit '[Unit]' StartLimitIntervalSec=0
      systemctl start flockd
      x fault '{"match":{"path":"/2/tweets"},"rate":0.1,"fault":{"kind":"drop","when":"after"}}'
      pid=0
      for kill in $(seq 100); do
        # What is in doubt waits for longer than these lives last: time and again one lasts until it has posted again.
        if ((kill % 20)); then x pause $((RANDOM % 400)); else x wait $(($(x audit "$flock") + 3)); fi
        killed="$pid"
        await eval 'pid="$(show MainPID)"; [ "$pid" != 0 ] && [ "$pid" != "$killed" ]'
        kill -9 "$pid"
      done
      await eval '[ "$(show NRestarts)" = 100 ]'
      say "restarts: $(show NRestarts)"
      x calm
      before="$(x audit "$flock")"
      say "posts between them: $before"
      x wait $((before + 25))
      x audit "$flock"
    `,
    );
    assert.match(output, /^restarts: 100$/m);
    const posts = Number(/^posts between them: (\d+)$/m.exec(output)?.[1]);
    assert.ok(posts >= 15, `only ${posts} posts came between the kills: that proves nothing`);
  });

  it('stops at a full disk, loses nothing, and goes on when there is room', async () => {
    await scenario(
      `
      setup 3 60
      dropin fast '[Service]' RestartSec=1 StateDirectory=flockd
      systemctl start flockd
      x wait 6
      dd if=/dev/zero of=/var/lib/flockd/ballast bs=1k 2>/dev/null || true
      await eval 'logged | grep -q "the disk is full"'
      rm /var/lib/flockd/ballast
      before="$(x audit "$flock")"
      x wait $((before + 6))
      x audit "$flock"
    `,
      { tmpfs: { '/var/lib/flockd': '256k' } },
    );
  });

  it('takes the ledger along from the desk, and leaves there one that nobody runs on', async () => {
    const output = await scenario(
      `
      open_x 3 60
      add_owner
      "\${by_owner[@]}" run --root "$flock" >/opt/desk.log 2>&1 &
      x wait 7
      node dist/flockd.js install "$flock" || say "while it runs: $?"
      [ ! -e /etc/systemd/system/flockd.service ]
      kill %1 && wait %1
      before="$(x audit "$flock")"
      node dist/flockd.js install "$flock"
      reach_x
      stat -c '%U %a %n' /var/lib/flockd/journal.jsonl
      "\${by_owner[@]}" run --root "$flock" || say "at the desk: $?"
      node dist/flockd.js run --root /etc/flockd || say "by hand: $?"
      systemctl start flockd
      x wait $((before + 6))
      "\${by_owner[@]}" status --root "$flock" || say "status of a stranger: $?"
      node dist/flockd.js status --root /etc/flockd
      node dist/flockd.js pause ada --root /etc/flockd
      node dist/flockd.js resume ada --root /etc/flockd
      # Once more, as an upgrade: with the old ledger still in the folder that is given.
      node dist/flockd.js install "$flock"
      before="$(x audit "$flock")"
      systemctl restart flockd
      x wait $((before + 6))
      x audit "$flock"
    `,
      { timeout: 180 },
    );
    assert.match(
      output,
      /^flockd: a flockd runs on \/opt\/flock: end it first\nhint: .*\nwhile it runs: 75$/m,
    );
    assert.match(output, /^The ledger of 3 bots has moved here from \/opt\/flock\/state/m);
    assert.match(output, /^ {2}bea: line [345] of 60 comes next$/m);
    assert.match(output, /^flockd 600 \/var\/lib\/flockd\/journal\.jsonl$/m);
    assert.match(
      output,
      /the ledger in \/opt\/flock\/state was moved to \/var\/lib\/flockd[^]*at the desk: 78/,
    );
    assert.match(output, /the ledger in \/etc\/flockd\/state was moved to \/var\/lib\/flockd[^]*by hand: 78/);
    assert.match(output, /cannot read the ledger in \/var\/lib\/flockd .*[^]*status of a stranger: 74/);
    assert.match(output, /^hint: give the same command with sudo and --root \/etc\/flockd$/m);
    assert.match(output, /^flockd: the ledger is in \/var\/lib\/flockd: it was moved there/m);
    assert.match(output, /^3 bots: 3 posting\./m);
    assert.doesNotMatch(output, /the service uses its own ledger/);
  });

  it('does not post beside a flockd that somebody runs by hand, and takes over from it', async () => {
    const output = await scenario(
      `
      setup 2 60
      add_owner
      systemctl start flockd
      x wait 4
      "\${by_owner[@]}" run --root "$flock" || say "beside the service: $?"
      systemctl stop flockd
      # A second ledger, as people have it who know no better; it goes on where the first is.
      STATE_DIRECTORY=/var/lib/flockd node dist/flockd.js export /opt/flock.export --root /etc/flockd
      chown owner /opt/flock.export
      "\${by_owner[@]}" restore /opt/flock.export --root "$flock"
      "\${by_owner[@]}" run --root "$flock" >/opt/by-hand.log 2>&1 &
      before="$(x audit "$flock")"
      x wait $((before + 4))
      systemctl start flockd
      show ActiveState
      logged | grep -m 1 -o 'another flockd of this machine (pid [0-9]*) posts as its account, with its ledger in [^"]*'
      before="$(x audit "$flock")"
      x wait $((before + 4))
      kill -9 %1
      before="$(x audit "$flock")"
      x wait $((before + 6))
      logged | grep -c 'has found all that it has posted'
      x audit "$flock"
    `,
      { timeout: 180 },
    );
    assert.match(
      output,
      /posts as its account, with its ledger in \/var\/lib\/flockd[^]*beside the service: 75/,
    );
    assert.match(output, /^active$/m);
    assert.match(output, /posts as its account, with its ledger in \/opt\/flock\/state/);
  });

  for (const [where, behind] of Object.entries(wrongClocks))
    it(`waits at boot for a clock that is ${where}, and goes on once it is set`, async () => {
      const output = await scenario(
        `
        setup 2 200
        sed -i 's/}$/,"missed":"all"}/' /etc/flockd/flock.json
        mv /etc/flockd/keys/bea.json /opt/bea.json
        systemctl start flockd
        x wait 3
        systemctl stop flockd
        before="$(x audit "$flock")"
        # One bot has a place already, the other begins with this boot.
        mv /opt/bea.json /etc/flockd/keys/bea.json
        wrong_clock "${behind}"
        dropin watchdog '[Service]' WatchdogSec=10
        systemctl start flockd
        await eval 'logged | grep -q "\\"event\\":\\"clock-wrong\\""'
        x pause 30000
        say "posts meanwhile: $(($(x audit "$flock") - before))"
        say "right at: $(date +%s%3N)"
        set_clock
        x wait $((before + 12))
        await eval 'logged | grep -q "\\"event\\":\\"posted\\",\\"bot\\":\\"bea\\""'
        say "restarts: $(show NRestarts)"
        systemctl stop flockd
        x audit "$flock"
        logged
        cat /var/lib/flockd/journal.jsonl
      `,
        { timeout: 180 },
      );
      assert.match(output, /^posts meanwhile: 0$/m);
      assert.match(output, /^restarts: 0$/m);
      assert.equal(output.match(/"event":"clock-wrong"/g)?.length, 1, output);
      assert.equal(output.match(/"event":"clock-right"/g)?.length, 1, output);
      const right = Number(/^right at: (\d+)$/m.exec(output)?.[1]);
      const events = eventsIn(output);
      assert.deepEqual(
        events.filter(({ event }) => event === 'parked'),
        [],
      );
      for (const bot of ['ada', 'bea']) {
        const own = events.filter((event) => event.bot === bot);
        const begun = own.find(({ event }) => event === 'begun')?.at ?? NaN;
        const slots = own.flatMap(({ event, slot }) =>
          event === 'intent' && slot !== undefined ? [slot] : [],
        );
        const first = Math.floor(begun / second + 1) * second;
        assert.deepEqual(
          slots,
          slots.map((_, n) => first + n * second),
          `${bot} serves each slot since it began`,
        );
        const again = own.find(({ event, at }) => event === 'posted' && at >= right)?.at ?? NaN;
        assert.ok(
          again < right + 60 * second,
          `${bot} went on at ${again}, and the clock was right at ${right}`,
        );
      }
      const [begunNew] = events.filter(({ event, bot }) => event === 'begun' && bot === 'bea');
      assert.ok(begunNew && begunNew.at >= right, 'a bot begins by the right clock');
    });

  it('is removed without its flock and its ledger', async () => {
    await scenario(`
      setup 2 60
      systemctl enable -q --now flockd
      x wait 2
      node dist/flockd.js uninstall
      [ ! -e /etc/systemd/system/flockd.service ]
      [ ! -e /opt/flockd ]
      [ -e /etc/flockd/keys/ada.json ]
      [ -e /var/lib/flockd/journal.jsonl ]
      ! systemctl is-active -q flockd
    `);
  });

  it('is as closed as it can be', async () => {
    const output = await scenario(`
      setup 1 2
      systemd-analyze security --offline=yes --threshold=11 /etc/systemd/system/flockd.service | tail -n 1
    `);
    assert.match(output, /Overall exposure level for flockd\.service: 1\.1 OK/);
  });
});
