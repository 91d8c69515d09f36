import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import type { LedgerEvent } from '../../src/ledger/events.ts';
import { Journal, type Ledger } from '../../src/ledger/journal.ts';
import { MemoryLedger } from '../fakes/memory-ledger.ts';

const poem = 'aaaaaaaabbbbbbbbcccccccc';
const begun = (bot: string): LedgerEvent => ({ event: 'begun', bot, at: 1000, poem });
const intent = (bot: string, line: number): LedgerEvent => {
  return { event: 'intent', bot, at: 2000, slot: 1900, until: 1950, line, lines: 1, print: 'aaaaaaaa' };
};
const posted = (bot: string, id: string): LedgerEvent => ({
  event: 'posted',
  bot,
  at: 2100,
  id,
  by: 'answer',
});
const refused = (bot: string): LedgerEvent => {
  return { event: 'refused', bot, at: 2100, why: 'wait', reason: '429', retryAt: 9000 };
};

interface Kept {
  ledger: Ledger & Pick<Journal, 'subscribe'>;
  /** The same ledger after the process ended and began again. */
  reopen: () => Promise<Ledger>;
  remove: () => Promise<void>;
}

async function journal(): Promise<Kept> {
  const folder = await mkdtemp(path.join(tmpdir(), 'ledger-'));
  let open = await Journal.open(folder);
  return {
    ledger: open,
    async reopen() {
      await open[Symbol.asyncDispose]();
      return (open = await Journal.open(folder));
    },
    async remove() {
      await open[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
}

function memory(): Promise<Kept> {
  const ledger = new MemoryLedger();
  return Promise.resolve({ ledger, reopen: () => Promise.resolve(ledger), remove: () => Promise.resolve() });
}

for (const [name, make] of Object.entries({ journal, memory })) {
  describe(`ledger: ${name}`, () => {
    const check = async (body: (kept: Kept) => Promise<void>): Promise<void> => {
      const kept = await make();
      try {
        await body(kept);
      } finally {
        await kept.remove();
      }
    };

    it('knows a bot by its new name, with its place, its open post and its history, and by its old one no more', () =>
      check(async ({ ledger, reopen }) => {
        await ledger.record(begun('ada'), intent('ada', 0), posted('ada', '7'), intent('ada', 1));
        await ledger.record({ event: 'renamed', bot: 'eve', at: 3000, from: 'ada' }, begun('bea'));
        await assert.rejects(
          ledger.record({ event: 'renamed', bot: 'bea', at: 3000, from: 'eve' }),
          /bea is another bot/,
        );
        for (const known of [ledger, await reopen()]) {
          assert.deepEqual(Array.from(known.states(), ([bot]) => bot).sort(), ['bea', 'eve']);
          const state = known.state('eve');
          assert.deepEqual(
            [state?.place.next, state?.posts, state?.open?.bot, state?.open?.line, state?.was],
            [1, 1, 'eve', 1, ['ada']],
          );
          assert.equal(known.state('ada'), undefined);
          assert.deepEqual(
            known
              .history()
              .recent()
              .map(({ bot }) => bot),
            ['eve'],
          );
        }
        await (await reopen()).record({ event: 'renamed', bot: 'ada', at: 4000, from: 'eve' });
      }));

    it('knows nothing of a bot that has not begun', () =>
      check(({ ledger }) => {
        assert.equal(ledger.state('howl'), undefined);
        return Promise.resolve();
      }));

    it('shows an event once it is kept, and after a restart', () =>
      check(async ({ ledger, reopen }) => {
        const kept = ledger.record(begun('howl'));
        assert.equal(ledger.state('howl'), undefined);
        await kept;
        const expected = { place: { poem, next: 0, ahead: [] }, pass: 1, served: 1000, posts: 0 };
        assert.deepEqual(ledger.state('howl'), expected);
        assert.deepEqual((await reopen()).state('howl'), expected);
      }));

    it('tells its subscribers of each event once it is kept, with what was before and after, in one batch too', () =>
      check(async ({ ledger }) => {
        const told: [event: string, before: number | undefined, after: number, isKept: boolean][] = [];
        ledger.subscribe(({ event, before, after }) =>
          told.push([event.event, before?.place.next, after.place.next, ledger.state('howl') !== undefined]),
        );
        await ledger.record(begun('howl'));
        const batch = [intent('howl', 0), posted('howl', '1'), intent('howl', 1), posted('howl', '2')];
        await ledger.record(...batch);
        assert.deepEqual(told, [
          ['begun', undefined, 0, true],
          ['intent', 0, 0, true],
          ['posted', 0, 1, true],
          ['intent', 1, 1, true],
          ['posted', 1, 2, true],
        ]);
      }));

    it('keeps an intent open until its outcome', () =>
      check(async ({ ledger, reopen }) => {
        await ledger.record(begun('howl'), intent('howl', 0));
        assert.equal((await reopen()).state('howl')?.open?.line, 0);
      }));

    it('moves on with a posted line, and owes a refused one', () =>
      check(async ({ ledger, reopen }) => {
        await ledger.record(begun('howl'), intent('howl', 0), posted('howl', '77'));
        await ledger.record(intent('howl', 1), refused('howl'));
        const state = (await reopen()).state('howl');
        assert.ok(state);
        assert.equal(state.place.next, 1);
        assert.equal(state.served, 1950);
        assert.deepEqual(state.last, { id: '77', at: 2100, line: 0 });
        assert.deepEqual(state.owed, {
          slot: 1900,
          until: 1950,
          retryAt: 9000,
          why: 'wait',
          reason: '429',
          times: 1,
          at: 2100,
          since: 2100,
        });
        assert.equal(state.open, undefined);
      }));

    it('tells of every bot', () =>
      check(async ({ ledger, reopen }) => {
        await ledger.record(begun('howl'), begun('bells'));
        for (const kept of [ledger, await reopen()])
          assert.deepEqual(Array.from(kept.states(), ([bot]) => bot).sort(), ['bells', 'howl']);
      }));

    it('counts for the flock what is being written, what was posted, and no more what was refused', () =>
      check(async ({ ledger, reopen }) => {
        const priced = (bot: string): LedgerEvent => {
          return { ...intent(bot, 0), cost: 15_000, dayEnds: 90, monthEnds: 91 } as LedgerEvent;
        };
        await ledger.record(begun('howl'), begun('bells'));
        const kept = ledger.record(priced('howl'));
        assert.deepEqual(ledger.history().days.at(90), { posts: 1, micros: 15_000 });
        await kept;
        await ledger.record(priced('bells'), posted('howl', '77'));
        assert.deepEqual(ledger.history().months.at(91), { posts: 2, micros: 30_000 });
        await ledger.record(refused('bells'));
        const { history } = { history: (await reopen()).history() };
        assert.deepEqual(history.days.at(90), { posts: 1, micros: 15_000 });
        assert.deepEqual(
          history.recent().map(({ bot, id }) => [bot, id]),
          [['howl', '77']],
        );
      }));

    it('keeps the bots apart when many write at once', () =>
      check(async ({ ledger, reopen }) => {
        const bots = Array.from({ length: 50 }, (_, index) => `bot-${index}`);
        await Promise.all(
          bots.map(async (bot, index) => {
            await ledger.record(begun(bot));
            await ledger.record(intent(bot, 0));
            await ledger.record(posted(bot, String(index)));
          }),
        );
        const again = await reopen();
        assert.deepEqual(
          bots.map((bot) => again.state(bot)?.last?.id),
          bots.map((_, index) => String(index)),
        );
      }));
  });
}
