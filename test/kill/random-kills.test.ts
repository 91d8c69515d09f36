import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import pMap from 'p-map';
import { KilledFlock } from './killed-flock.ts';

/** Flocks that are killed at the same time, each on its own, and how often each. */
const flocks = 8;
const killsEach = Math.ceil(Number(process.env['KILLS'] ?? 200) / flocks);
const bots = 20;
const linesEach = 30;

const posts = { path: '/2/tweets' };

/** What the server does to requests, and how often. Late ones land within deadline and settle of the daemon under test. */
const faults = [
  { match: posts, rate: 0.04, fault: { kind: 'drop', when: 'before' } },
  { match: posts, rate: 0.04, fault: { kind: 'drop', when: 'after' } },
  { match: posts, rate: 0.04, fault: { kind: 'status', status: 503, when: 'after', body: 'busy' } },
  { match: posts, rate: 0.04, fault: { kind: 'status', status: 503, when: 'before', body: 'busy' } },
  { match: posts, rate: 0.04, fault: { kind: 'cut' } },
  { match: posts, rate: 0.04, fault: { kind: 'late', ms: 200 } },
  { match: posts, rate: 0.1, fault: { kind: 'delay', ms: 150 } },
  { match: { path: '/2/users/*' }, rate: 0.1, fault: { kind: 'drop', when: 'before' } },
];

async function setFaults(url: string, rules: readonly object[]): Promise<void> {
  const address = `${url}/sandbox/faults`;
  await fetch(address, { method: 'DELETE' });
  for (const rule of rules) {
    const answer = await fetch(address, { method: 'POST', body: JSON.stringify(rule) });
    assert.ok(answer.ok, await answer.text());
  }
}

/** Starts the daemon and kills it after a random touch of the disk or the network, or when it idles too long. */
async function liveAndDie(flock: KilledFlock): Promise<void> {
  const child = await flock.start();
  const moment = randomBytes(1).readUInt8();
  let touches = 0;
  child.stdout?.on('data', (data: Buffer) => {
    touches += data.toString().split('\n').length - 1;
    if (touches >= moment) child.kill('SIGKILL');
  });
  const overdue = setTimeout(() => child.kill('SIGKILL'), 3_000);
  await once(child, 'exit');
  clearTimeout(overdue);
}

async function killOneFlock(): Promise<{ posted: number; wrong: unknown[] }> {
  const lines = (bot: number): string[] =>
    Array.from({ length: linesEach }, (_, line) =>
      line % 4 === 3 ? 'la la la' : `bot ${bot}, line ${line}`,
    );
  const names = Array.from({ length: bots }, (_, bot) => [`bot${bot}`, lines(bot)] as const);
  const flock = await KilledFlock.open(new Map(names));
  try {
    await setFaults(flock.server.url, faults);
    for (let kill = 0; kill < killsEach; kill++) await liveAndDie(flock);
    await setFaults(flock.server.url, []);
    const posted = flock.server.sandbox.world.posts.length;
    const { finished } = await flock.run();
    assert.ok(finished);
    return { posted, wrong: flock.wrong() };
  } finally {
    await flock.close();
  }
}

describe('kill -9 at random', () => {
  it(`posts every line of ${bots} poems once and in order, through a bad server and ${flocks} times ${killsEach} kills`, async (test) => {
    const results = await pMap(Array.from({ length: flocks }), killOneFlock);
    for (const { posted, wrong } of results) {
      test.diagnostic(`${posted} of ${bots * linesEach} lines were posted between the kills`);
      assert.deepEqual(wrong, []);
    }
  });
});
