import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { describe, it } from 'node:test';
import pMap from 'p-map';
import { KilledFlock } from './killed-flock.ts';

const poems = new Map([
  ['ada', ['one', 'la', 'la']],
  ['bea', ['la', 'two', 'la']],
]);

/** Touches that change something outside. After any other one, a process that dies leaves the same as before it. */
const changes = /^\d+ (append|rename|remove|POST)\b/;

describe('kill -9 right before every touch of the disk and the network, and right after each that changes something', () => {
  it('loses no line and doubles none', async (test) => {
    const touches = await touchesOfOneRun();
    assert.ok(
      touches.some((touch) => touch.includes('rename')),
      'the journal is compacted on the way',
    );
    const points = touches.flatMap((touch, index) => [
      { at: `before ${index + 1}`, touch },
      ...(changes.test(touch) ? [{ at: `after ${index + 1}`, touch }] : []),
    ]);
    assert.ok(points.length >= touches.length + 20, 'each post is an intent, a request and an outcome');
    const results = await pMap(points, ({ at }) => killedAt(at), { concurrency: 8 * availableParallelism() });
    const wrong = results.flatMap(({ wrong: posts }, index) =>
      posts.length > 0 ? [{ ...points[index], posts }] : [],
    );
    const kills = results.filter(({ killed }) => killed).length;
    const tooOld = results.reduce((sum, result) => sum + result.tooOld, 0);
    test.diagnostic(`${points.length} kill points, ${kills} kills, ${tooOld} requests taken up too late`);
    assert.deepEqual(wrong, []);
    // A daemon that writes more at once has fewer touches, and is done before the last points.
    assert.ok(kills >= points.length / 2, `only ${kills} of ${points.length} points were come to`);
  });
});

async function touchesOfOneRun(): Promise<string[]> {
  await using flock = await KilledFlock.open(poems);
  const { touches, finished } = await flock.run();
  assert.ok(finished);
  assert.deepEqual(flock.wrong(), []);
  return touches;
}

async function killedAt(point: string): Promise<{ killed: boolean; tooOld: number; wrong: unknown[] }> {
  await using flock = await KilledFlock.open(poems);
  const killed = !(await flock.run(point)).finished;
  const { finished } = await flock.run();
  assert.ok(finished, `after the kill at ${point} the flock did not finish`);
  return { killed, tooOld: flock.tooOld, wrong: flock.wrong() };
}
