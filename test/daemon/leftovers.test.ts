import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { before, describe, it } from 'node:test';
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
    end: async () => {
      child.stdin.end();
      await once(child, 'exit');
    },
  };
}

describe('what is left over', () => {
  it('is given back where nothing is to be done for a while, and kept otherwise', async () => {
    const [frugal, busy] = [sharesLeft(60_000), sharesLeft(20_000)];
    let left: [frugal: number, busy: number];
    do left = [await frugal.next(), await busy.next()];
    while (left[0] > 0.7);
    assert.ok(left[1] > 0.8, `${left[1]} of it was given back without a word`);
    await Promise.all([frugal.end(), busy.end()]);
  });
});
