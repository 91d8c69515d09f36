import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { before, describe, it } from 'node:test';
import { HeldClock } from '../../src/clock.ts';
import { HeapTrimmer } from '../../src/daemon/reload.ts';
import { bundle } from '../support/bundle.ts';

let script: string;
before(async () => {
  script = await bundle(path.join(import.meta.dirname, 'leftovers-process.ts'));
});

/** How much of its memory a process still has, again and again until it is told to end. */
function sharesLeft(pause: number) {
  const child = spawn(process.execPath, [script, String(pause)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    next: async () => Number((await lines.next()).value),
    [Symbol.asyncDispose]: async () => {
      child.stdin.end();
      await once(child, 'exit');
    },
  };
}

const [on, off] = ['--optimize-for-size', '--no-optimize-for-size'];

function openLeftovers() {
  const clock = new HeldClock(0);
  const flags: string[] = [];
  const leftovers = new HeapTrimmer(clock, (flag) => flags.push(`${clock.now() / 1000} ${flag}`));
  return { clock, flags, leftovers };
}

describe('what is left over', () => {
  it('is given back by V8 where nothing is to be done for a while, and kept otherwise', async () => {
    await using frugal = sharesLeft(60_000);
    await using busy = sharesLeft(20_000);
    let left = [1, 1];
    for (let looks = 0; looks < 120 && (left[0] ?? 1) > 0.7; looks++)
      left = [await frugal.next(), await busy.next()];
    assert.ok((left[0] ?? 1) < 0.7, `${left[0]} of it is still there`);
    assert.ok((left[1] ?? 0) > 0.8, `${left[1]} of it was given back without a word`);
  });

  it('is asked for once after each reading, for half a minute', async () => {
    const { clock, flags, leftovers } = openLeftovers();
    leftovers.trim(Infinity);
    leftovers.add();
    leftovers.trim(Infinity);
    leftovers.trim(Infinity);
    await clock.runUntil(25_000);
    leftovers.add();
    leftovers.trim(40_000);
    await clock.runUntil(100_000);
    assert.deepEqual(flags, [`0 ${on}`, `25 ${on}`, `55 ${off}`]);
  });

  it('waits for a pause, but not for ever, and never for one that there is not', async () => {
    const { clock, flags, leftovers } = openLeftovers();
    leftovers.add();
    leftovers.trim(29_000);
    await clock.runUntil(299_000);
    leftovers.trim(10);
    await clock.runUntil(301_000);
    leftovers.trim(0);
    assert.deepEqual(flags, []);
    leftovers.trim(10);
    leftovers[Symbol.dispose]();
    await clock.runUntil(400_000);
    assert.deepEqual(flags, [`301 ${on}`]);
  });
});
