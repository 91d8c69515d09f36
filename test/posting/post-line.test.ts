import type { Account, TimelinePost } from '../../src/networks/network.ts';
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import pino from 'pino';
import { HeldClock } from '../../src/clock.ts';
import { parseFlockFile } from '../../src/config/flock-file.ts';
import type { LedgerEvent } from '../../src/ledger/events.ts';
import { FlockHistory } from '../../src/ledger/history.ts';
import type { Ledger } from '../../src/ledger/journal.ts';
import { applyEvent, type BotState, fingerprint, fingerprints } from '../../src/ledger/state.ts';
import { networks } from '../../src/networks/networks.ts';
import { TokenPair } from '../../src/oauth/signature.ts';
import type { BotName } from '../../src/poems/bot-name.ts';
import type { Line } from '../../src/poems/poem.ts';
import { rulesOfX } from '../../src/poems/tweet-text.ts';
import { unlimitedBudget } from '../../src/posting/budget.ts';
import { planPost } from '../../src/posting/decide.ts';
import { Gate } from '../../src/posting/gate.ts';
import { postLine } from '../../src/posting/post.ts';
import { Reconciler } from '../../src/posting/reconcile.ts';
import { alterations } from '../../src/sandbox/world.ts';

const bot = 'howl' as BotName;
const clock = new HeldClock('2026-05-01T12:00:00Z');
const last = '1917570000000000000';
const newer = '1917580000000000000';

const keys = new TokenPair('app', 'secret');
const owner = {
  name: bot,
  bundle: { appKeys: keys, accessToken: keys, userId: '1', screenName: bot, poemFile: bot },
  poemFile: bot,
  settings: parseFlockFile('{}', 'flock.json').settingsOf(bot),
  rules: rulesOfX,
};

/** A bot that is about to post the second line of its poem, and an X that says what it is told to. */
class Bench {
  readonly events: LedgerEvent[] = [];
  state: BotState;
  readonly #lines: readonly Line[];

  constructor(text: string) {
    this.#lines = ['one', text].map((line, index) => ({ text: line, at: index + 1 }));
    const poem = fingerprints(this.#lines);
    this.state = { place: { poem, next: 1, ahead: [] }, pass: 1, served: 0, posts: 1 };
  }

  get ledger(): Ledger {
    return {
      state: () => this.state,
      states: () => new Map([[bot, this.state]]),
      history: () => new FlockHistory(),
      record: (...events) => {
        this.events.push(...events);
        for (const event of events) this.state = applyEvent(this.state, event);
        return Promise.resolve();
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }

  async post(
    answer: Awaited<ReturnType<Account['post']>>,
    since: string | null = last,
  ): ReturnType<typeof postLine> {
    const post = planPost(this.state.place, this.#lines, { joinRefrain: false, rules: rulesOfX });
    assert.ok(post);
    if (since !== null) this.state.last = { id: since, at: 0, line: 0 };
    return await postLine({
      bot,
      state: this.state,
      post,
      slot: 0,
      until: 0,
      key: 'key',
      network: networks.x,
      mark: undefined,
      settings: { refrain: 'join' },
      judge: () => undefined,
      price: {},
      ledger: this.ledger,
      account: xWith([], answer),
      clock,
    });
  }

  /** @returns `absent`, or the id of the post that was found */
  async look(timeline: readonly TimelinePost[]): Promise<string> {
    const { open } = this.state;
    assert.ok(open, 'something is open');
    const x = xWith(timeline);
    const gate = new Gate({
      clock,
      log: pino({ enabled: false }),
      askTime: () => Promise.resolve({ ahead: 0, isOwn: true }),
      opened: () => undefined,
    });
    const reconciler = new Reconciler({
      bot: owner,
      ledger: this.ledger,
      account: x,
      clock,
      gate,
      flockBudget: unlimitedBudget,
      lines: () => Promise.resolve(this.#lines),
      key: 'key',
    });
    const settled = await reconciler.settle(this.state, open, { isInherited: false });
    return settled === 'absent' ? settled : 'posted' in settled ? settled.posted : settled.unseen;
  }
}

const xWith = (timeline: readonly TimelinePost[], answer = inDoubt): Account => ({
  post: () => Promise.resolve(answer),
  me: () => Promise.reject(new Error('nobody asks')),
  timeline: () => Promise.resolve({ ok: { posts: timeline.toReversed(), next: undefined } }),
});

const inDoubt: Awaited<ReturnType<Account['post']>> = { failure: { kind: 'in-doubt', reason: '503' } };

describe('the id of a new post', () => {
  it('is believed where it is newer, or the first', async () => {
    for (const since of [last, null]) {
      const bench = new Bench('two');
      assert.deepEqual(await bench.post({ ok: newer }, since), { id: newer });
      assert.equal(bench.state.last?.id, newer);
    }
  });
});

describe('a look for a post in doubt', () => {
  const texts = [
    'soft\u200bly, \u202eabc\u202c',
    '\u2764\ufe0f\u200d\u{1f525} in the caf\u00e9',
    'salt &amp; sea & <sun> "so" it\'s &#39;',
    'ring\u0007  the\tbell\u001a',
  ];
  for (const text of texts) {
    it(`finds ${JSON.stringify(text)} whatever X makes of it`, async () => {
      for (const [name, alter] of Object.entries(alterations)) {
        const bench = new Bench(text);
        await bench.post(inDoubt);
        assert.equal(await bench.look([{ id: newer, text: alter(text) }]), newer, name);
      }
      const bench = new Bench(text);
      await bench.post(inDoubt);
      assert.equal(await bench.look([{ id: newer, text: `${text} and more` }]), 'absent');
    });
  }

  it('goes by the print of an intent that an older version has written', async () => {
    const bench = new Bench('soft\u200bly');
    const { mark: _, ...open } = await intentOf(bench);
    bench.state = { ...bench.state, open };
    assert.equal(open.print, fingerprint('soft\u200bly'));
    assert.equal(await bench.look([{ id: newer, text: 'soft\u200bly' }]), newer);
    bench.state = { ...bench.state, open };
    assert.equal(await bench.look([{ id: newer, text: 'softly' }]), 'absent');
  });
});

async function intentOf(bench: Bench): Promise<NonNullable<BotState['open']>> {
  await bench.post(inDoubt);
  const { open } = bench.state;
  assert.ok(open);
  return open;
}

describe('what is sent', () => {
  it('has no control characters, joined or alone', () => {
    const texts = ['ring\u0007 the bell', '\u001b[31mred\u001b[0m', 'end\u001a'];
    const lines = texts.map((text) => ({ text }));
    const sent = (next: number, joinRefrain: boolean): string | undefined =>
      planPost({ poem: fingerprints(lines), next, ahead: [] }, lines, { joinRefrain, rules: rulesOfX })?.text;
    assert.deepEqual(
      [sent(0, false), sent(0, true), sent(2, false)],
      ['ring the bell', 'ring the bell\nred', 'end'],
    );
  });
});
