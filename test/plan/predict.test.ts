import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseFlockFile } from '../../src/config/flock-file.ts';
import { FlockHistory } from '../../src/ledger/history.ts';
import { networks } from '../../src/networks/networks.ts';
import { Prediction } from '../../src/plan/predict.ts';
import type { BotName } from '../../src/poems/bot-name.ts';
import { splitPoem } from '../../src/poems/poem.ts';
import { asKept, rulesOfX } from '../../src/poems/tweet-text.ts';
import { unlimitedBudget } from '../../src/posting/budget.ts';
import { HeldFlock } from '../support/held-flock.ts';
import { randomFlock, type RandomFlock } from './random-flock.ts';

const day = 86_400_000;

/** `howl 2026-11-21T09:00:00.000Z "text"` for each post, bot by bot. */
type Calendar = string[];

const entry = (bot: string, at: number, text: string): string =>
  `${bot} ${new Date(at).toISOString()} ${JSON.stringify(asKept(text))}`;

/** What the prediction says of a flock. @param held - the flock as it is now, where it is not new */
function predicted({ bots, settings }: RandomFlock, from: number, until: number, held?: HeldFlock): Calendar {
  const file = JSON.stringify({
    ...settings,
    bots: Object.fromEntries(bots.map((bot) => [bot.name, bot.settings])),
  });
  const { timezone, budget, settingsOf } = parseFlockFile(file, 'flock.json');
  const toPredict = bots.map(({ name, rows }) => {
    const own = settingsOf(name as BotName);
    const text = rows.join('\n');
    const lines = splitPoem(text, { unit: own.unit, rules: rulesOfX });
    const state = held?.state(name);
    const known = { network: networks.x, rules: rulesOfX, state, key: state?.parked?.key ?? '' };
    return { name, text, lines, settings: own, ...known };
  });
  const flockBudget = { ...unlimitedBudget, timezone, budget };
  const prediction = new Prediction(
    toPredict,
    { flockBudget, history: new FlockHistory(), deadline: 10_000 },
    from,
  );
  const posts = [...prediction.until(until)];
  assert.deepEqual(
    posts.map(({ at }) => at),
    posts.map(({ at }) => at).sort((a, b) => a - b),
  );
  return bots.flatMap(({ name }) =>
    posts.filter(({ bot }) => bot === name).map(({ at, text }) => entry(name, at, text)),
  );
}

/** What the daemon has posted since an instant. */
const posted = ({ bots }: RandomFlock, flock: HeldFlock, from: number): Calendar =>
  bots.flatMap(({ name }) =>
    flock
      .entriesOf(name)
      .filter(({ instant }) => instant >= from)
      .map(({ instant, text }) => entry(name, instant, text)),
  );

function held({ bots, settings, from }: RandomFlock): HeldFlock {
  const flock = new HeldFlock(new Date(from).toISOString(), settings);
  for (const { name, rows, settings: own } of bots) flock.add(name, rows, own);
  return flock;
}

/** The first that is not as it should be says more than all that follow from it. */
function assertSame(found: Calendar, expected: Calendar): void {
  const first = expected.findIndex((line, index) => line !== found[index]);
  const place = first < 0 ? expected.length : first;
  assert.deepEqual(found.slice(place, place + 2), expected.slice(place, place + 2), `from post ${place} on`);
}

const seeds = (count: number): number[] =>
  process.env['PLAN_SEED']?.split(',').map(Number) ?? Array.from({ length: count }, (_, n) => n + 1);

describe('what is predicted is what the daemon then posts', () => {
  for (const seed of seeds(10)) {
    it(`in 30 days of the random flock of PLAN_SEED=${seed}`, async () => {
      const random = randomFlock(seed);
      const until = random.from + 30 * day;
      const flock = held(random);
      flock.start();
      await flock.clock.runUntil(until);
      assertSame(predicted(random, random.from, until), posted(random, flock, random.from));
      assert.deepEqual(flock.failures, []);
    });
  }

  for (const seed of seeds(4)) {
    it(`where the flock has one budget, PLAN_SEED=${seed}`, async () => {
      const random = randomFlock(seed, true);
      const until = random.from + 15 * day;
      const flock = held(random);
      flock.start();
      await flock.clock.runUntil(until);
      assertSame(predicted(random, random.from, until), posted(random, flock, random.from));
    });
  }

  for (const seed of seeds(6)) {
    it(`after the daemon was down for a while, PLAN_SEED=${seed}`, async () => {
      const random = randomFlock(seed);
      const flock = held(random);
      flock.start();
      await flock.clock.runUntil(random.from + 8 * day);
      await flock.stop();
      // Long enough for X to have forgotten what it was told before, which the ledger does not know by heart.
      const from = random.from + 8 * day + (13 + 7 * seed) * 3_600_000;
      const until = from + 10 * day;
      flock.clock.set(from);
      const expected = predicted(random, from, until, flock);
      flock.start();
      await flock.clock.runUntil(until);
      assertSame(expected, posted(random, flock, from));
    });
  }
});
