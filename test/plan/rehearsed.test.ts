import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Intent } from '../../src/ledger/events.ts';
import { FlockHistory } from '../../src/ledger/history.ts';
import type { RehearsalOptions } from '../../src/rehearsal/rehearse.ts';
import { changing, rehearsed } from '../rehearsal/rehearsed.ts';
import { randomFlock, type RandomFlock } from './random-flock.ts';
import { planOf } from './small-flock.ts';

const day = 86_400_000;

type Begun = RehearsalOptions['begun'];

const entry = (
  bot: string,
  at: number,
  slot: number,
  { line, lines }: Pick<Intent, 'line' | 'lines'>,
): string => `${bot} ${new Date(at).toISOString()} for ${new Date(slot).toISOString()}: ${line}+${lines}`;

const poemsOf = ({ bots }: RandomFlock): Record<string, string[]> =>
  Object.fromEntries(bots.map(({ name, rows }) => [name, rows]));

const settingsOf = ({ bots, settings }: RandomFlock): Record<string, unknown> => ({
  ...settings,
  bots: Object.fromEntries(bots.map(({ name, settings: own }) => [name, own])),
});

/** Rehearses a flock. @returns its posts, and what its ledger says then */
async function rehearse(
  flock: RandomFlock,
  from: number,
  days: number,
  begun: Begun,
): Promise<{ posts: string[]; ended: Begun }> {
  const posts: string[] = [];
  const { ledger } = await rehearsed(
    { poems: poemsOf(flock), settings: settingsOf(flock) },
    {
      from: new Date(from).toISOString(),
      days,
      begun,
      through: (inner) =>
        changing(inner, (event) => {
          const open = inner.state(event.bot)?.open;
          if (event.event === 'posted' && open) posts.push(entry(event.bot, event.at, open.slot, open));
          return [event];
        }),
    },
  );
  return { posts, ended: { states: new Map(ledger.states()), history: ledger.history() } };
}

function plan(flock: RandomFlock, from: number, days: number, { states, history }: Begun): string[] {
  const found = planOf({
    poems: poemsOf(flock),
    settings: settingsOf(flock),
    begun: { states, history: new FlockHistory(JSON.parse(JSON.stringify(history))) },
    from,
    days,
  });
  return Array.from(found.posts(), (post) => entry(post.bot, post.at, post.slot, post));
}

const nothing = (): Begun => ({ states: new Map(), history: new FlockHistory() });

const seeds = process.env['PLAN_SEED']?.split(',').map(Number) ?? [111, 113, 114, 116, 118, 119, 121, 123];

describe('what is planned is what is then rehearsed', () => {
  for (const seed of seeds) {
    it(`for a new flock, and for the same flock later, PLAN_SEED=${seed}`, async () => {
      const flock = randomFlock(seed, seed % 2 === 0);
      const { from } = flock;
      const first = await rehearse(flock, from, 14, nothing());
      assert.deepEqual(plan(flock, from, 14, nothing()).sort(), first.posts.sort());
      const later = from + 17 * day;
      const second = await rehearse(flock, later, 10, first.ended);
      assert.deepEqual(plan(flock, later, 10, first.ended).sort(), second.posts.sort());
    });
  }
});
