import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { harmless, networkPlants, ownersWorldPlants, plants } from './planted-bugs.ts';
import type { Plant } from './plant.ts';
import type { Scenario } from './scenario.ts';
import { runSeed } from './seeds.ts';

/** A bug that is not caught within so many histories is one the machinery is blind to. */
const most = 100_000;
/** How many histories show that a server hides a bug. */
const enough = 500;

/** The first history that breaks the promise: how many it took, and what was broken. */
async function catchPlant(
  plant: Plant,
  limit: number,
  adapt = plant.adapt,
): Promise<{ histories: number; broken: string } | undefined> {
  for (let seed = 1; seed <= limit; seed++) {
    const broken = await runSeed(seed, { plant, ...(adapt && { adapt }) });
    if (broken !== undefined) return { histories: seed, broken };
  }
  return undefined;
}

/** Poems without refrains that nobody edits, and an X that refuses what it has already for so long. */
const plain =
  (duplicateWindow: number) =>
  (scenario: Scenario): Scenario => ({
    ...scenario,
    duplicateWindow,
    // An edit would bring to light what the server hides.
    happenings: scenario.happenings.filter(({ what }) => what !== 'fix' && what !== 'append'),
    bots: scenario.bots.map((bot) => ({
      ...bot,
      settings: { ...bot.settings, refrain: 'skip', atEnd: 'stop' },
    })),
    poems: new Map(
      [...scenario.poems].map(([bot, lines]) => [bot, lines.map((line, at) => `${line} ${at}`)]),
    ),
  });
/** Longer than a history takes. */
const forever = 100 * 3_600_000;

describe('planted bugs', { concurrency: true }, () => {
  for (const plant of [...plants, ...ownersWorldPlants, ...networkPlants]) {
    it(`catches: ${plant.name}`, async (context) => {
      const caught = await catchPlant(plant, most);
      assert.ok(caught, `not caught within ${most} histories`);
      context.diagnostic(
        `${plant.name}: caught after ${caught.histories} histories: ${caught.broken.split('\n')[0]?.slice(0, 160) ?? ''}`,
      );
    });
  }

  it('finds nothing wrong with an outcome that is not fsynced: the next intent is, and doubt covers the rest', async () => {
    assert.equal(await catchPlant(harmless, enough), undefined);
  });

  it('would miss some of them with a server that refuses duplicates', async (context) => {
    const hidden: string[] = [];
    for (const plant of plants) {
      if (!(await catchPlant(plant, enough, plain(0)))) continue;
      if (!(await catchPlant(plant, enough, plain(forever)))) hidden.push(plant.name);
    }
    context.diagnostic(
      `hidden within ${enough} histories by a server that refuses duplicates: ${hidden.join('; ') || 'none'}`,
    );
    assert.notDeepEqual(hidden, []);
  });
});
