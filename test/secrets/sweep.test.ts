import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import type { Mood } from './hostile-x.ts';
import { runCallback, runFlockd, runKeymaker, runServe, type Call } from './sessions.ts';
import { Sweep } from './sweep.ts';

/** What is refused in a good world too: nothing is in doubt, nobody is parked, no daemon runs any more. */
const mayFail = /^flockd (status|resolve|resume|reload)|--callback/;

const assertDone = (calls: readonly Call[]): void => {
  for (const { call, code, said } of calls)
    if (!mayFail.test(call)) assert.equal(code, 0, `${call}: ${said}`);
};

async function runAll(sweep: Sweep): Promise<Call[]> {
  const calls = await runFlockd(sweep);
  calls.push(...(await runKeymaker(sweep)));
  await sweep.giveKey('prowl');
  calls.push(await runCallback(sweep));
  await runServe(sweep);
  return calls;
}

/** How X fails from the first request on, and how it fails once it gave a request token. */
const moods: [first: Mood, later: Mood][] = [
  ['401', 'drop'],
  ['403', '401'],
  ['429', 'cut'],
  ['500', '403'],
  ['html', 'redirect'],
  ['echo 401', 'echo 200'],
  ['echo 403', 'echo 302'],
  ['echo 500', 'echo 400'],
  ['echo 429', 'empty'],
];

describe('no secret is where it does not belong', { concurrency: 4 }, () => {
  for (const appKeys of ['in a file', 'in the environment'] as const) {
    it(`after every command in a good world, with the app keys ${appKeys}`, async () => {
      await using sweep = await Sweep.open({ appKeys });
      assertDone(await runAll(sweep));
      const noted = await readdir(sweep.file('children'));
      assert.ok(noted.some((name) => name.startsWith('flock.')));
      await sweep.assertClean();
    });
  }

  for (const [mood, later] of moods) {
    it(`while X answers with ${mood}`, async () => {
      await using sweep = await Sweep.open({ mood, inOneProcess: true });
      await runAll(sweep);
      await sweep.assertClean();
    });

    it(`while X answers with ${later}, but for the request token`, async () => {
      await using sweep = await Sweep.open({ mood: later, failsLater: true, inOneProcess: true });
      await runKeymaker(sweep);
      await sweep.giveKey('prowl');
      await runCallback(sweep);
      await runServe(sweep);
      await sweep.assertClean();
    });
  }

  it('in the arguments and the environment of a child', async () => {
    await using sweep = await Sweep.open({ appKeys: 'in the environment' });
    await runFlockd(sweep, { env: { NOTIFY_SOCKET: sweep.file('nobody') } });
    const noted = await readdir(sweep.file('children'));
    for (const name of ['flock.', 'systemd-notify.'])
      assert.ok(
        noted.some((file) => file.startsWith(name)),
        name,
      );
    assert.match((await readFile(sweep.file('children', noted[0] ?? ''))).toString(), /^PATH=/m);
    await sweep.assertClean();
  });
});
