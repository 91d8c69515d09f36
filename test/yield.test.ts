import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EventLoopYield } from '../src/yield.ts';

/** Work that takes longer than anybody should be held up. */
function work(): void {
  const until = performance.now() + 10;
  while (performance.now() < until);
}

function* longWork(): Generator<number> {
  for (let n = 0; n < 5; n++) {
    work();
    yield n;
  }
}

/** How often others had their turn meanwhile. */
async function turnsOfOthers(during: () => Promise<unknown>): Promise<number> {
  let count = 0;
  let isOver = false;
  const take = (): void => {
    count++;
    if (!isOver) setImmediate(take);
  };
  setImmediate(take);
  await during();
  isOver = true;
  return count;
}

describe('a long piece of work', () => {
  it('gives everything, with turns for others in between', async () => {
    const all: number[] = [];
    const turns = await turnsOfOthers(async () => all.push(...(await new EventLoopYield().all(longWork()))));
    assert.deepEqual(all, [0, 1, 2, 3, 4]);
    assert.ok(turns >= 4, `${turns} turns`);
  });

  it('has taken as long as it has worked, whatever others did in their turns', async () => {
    const turns = new EventLoopYield();
    const begun = performance.now();
    setImmediate(() => {
      for (let n = 0; n < 10; n++) work();
    });
    await turns.all(longWork());
    assert.ok(turns.worked >= 45, `${turns.worked} ms of work`);
    assert.ok(turns.worked <= performance.now() - begun - 90, `${turns.worked} ms with those of others`);
  });
});
