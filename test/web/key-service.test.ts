import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { openContext } from '../../src/context.ts';
import { Issuers } from '../../src/cli/keymaker/authorize.ts';
import type { FlockFile } from '../../src/config/flock-file.ts';
import { TokenPair } from '../../src/oauth/signature.ts';
import { fileMark } from '../../src/poems/find.ts';
import { KeyService } from '../../src/web/key-service.ts';
import { app, TestFlock } from '../support/flock.ts';

function serviceOf(flock: TestFlock): KeyService {
  const context = openContext({ root: flock.root });
  const appKeys = new TokenPair(app.token, app.secret);
  const issuers = (flockFile: FlockFile): Issuers => new Issuers(context, flockFile, { appKeys });
  return new KeyService({ context, issuers, poems: flock.file('poems') });
}

const cardOf = async (service: KeyService, bot: string) =>
  (await service.flock()).cards.find((card) => card.bot === bot);

describe('the flock of keymaker serve', () => {
  it('has every bot with its poem and its key, and the files that no bot reads', async () => {
    await using flock = await TestFlock.open({
      poems: {
        'Winter/Snow Ledger.txt': '\nEntry: one field.\nEntry: two.\n',
        'amber.txt': 'a\n',
        'notes.md': '',
      },
      settings: { bots: { amber: { account: '@amber_reads' } } },
    });
    await flock.giveKey('snow-ledger');
    await flock.giveKey('poemless');
    await flock.write('keys/amber.json', '{');
    const { cards, passedOver } = await serviceOf(flock).flock();
    assert.deepEqual(
      cards.map(({ bot, poem, key, expected, fault }) => [
        bot,
        poem?.title,
        poem?.first,
        poem?.lines,
        key.state,
        expected,
        fault,
      ]),
      [
        ['amber', 'amber', 'a', 1, 'bad', 'amber_reads', undefined],
        ['poemless', undefined, undefined, undefined, 'good', undefined, undefined],
        ['snow-ledger', 'Snow Ledger', 'Entry: one field.', 2, 'good', undefined, undefined],
      ],
    );
    assert.match(passedOver[0]?.file ?? '', /notes\.md$/);
    assert.ok(!JSON.stringify(cards).includes(app.secret), 'a secret is kept');
  });

  it('says why no key can be made: no lines, two poems of one name, bad settings', async () => {
    await using flock = await TestFlock.open({
      poems: { 'empty.txt': ' \n', 'twin.txt': 'a\n', 'more/twin.txt': 'b\n', 'odd.txt': 'c\n' },
      settings: { bots: { odd: { schedule: 'never' } } },
    });
    const service = serviceOf(flock);
    const { cards } = await service.flock();
    const faults = cards.map(({ bot, fault }) => `${bot}: ${fault?.why ?? ''}`);
    assert.match(faults[0] ?? '', /^empty: .*empty\.txt has no lines$/);
    assert.match(faults[1] ?? '', /^odd: .*schedule/);
    assert.match(faults[2] ?? '', /^twin: .*would both be read by a bot called twin$/);
    for (const { bot } of cards) await assert.rejects(service.issuerOf(bot), { name: 'FlockError' });
  });

  it('sees each change of a poem and of a key', async () => {
    await using flock = await TestFlock.open({ poems: { 'amber.txt': 'first\n' } });
    const service = serviceOf(flock);
    const seen = async () => {
      const card = await cardOf(service, 'amber');
      return `${card?.poem?.first ?? card?.fault?.why ?? ''}, ${card?.key.state ?? ''}`;
    };
    assert.equal(await seen(), 'first, none');
    await flock.giveKey('amber');
    assert.equal(await seen(), 'first, good');
    await flock.write('poems/amber.txt', 'other\n');
    await flock.write('keys/amber.json', '{');
    assert.equal(await seen(), 'other, bad');
    await flock.giveKey('amber');
    await flock.write('keys/amber.json.age', 'a second bundle');
    assert.equal(await seen(), 'other, bad');
  });

  describe('with 400 bots', () => {
    let flock: TestFlock;
    before(async () => {
      const names = Array.from({ length: 400 }, (_, n) => `bot-${n}`);
      const poems = Object.fromEntries(names.map((bot) => [`${bot}.txt`, `${bot} says so\n`.repeat(100)]));
      flock = await TestFlock.open({ poems });
      for (const bot of names) await flock.giveKey(bot);
    });
    after(() => flock[Symbol.asyncDispose]());

    it('is read once, not on each click', async () => {
      const service = serviceOf(flock);
      // A file that changed just now is read again.
      while (fileMark(flock.file('keys/bot-399.json')) === undefined) await setTimeout(100);
      const took = async (): Promise<number> => {
        const from = performance.now();
        assert.equal((await service.flock()).cards.length, 400);
        return performance.now() - from;
      };
      const first = await took();
      const later = Math.min(await took(), await took(), await took());
      assert.ok(later < first / 2, `${later} ms, after ${first} ms for the first time`);
      await flock.write('poems/bot-7.txt', 'changed\n');
      await flock.write('keys/bot-8.json', '{');
      assert.equal((await cardOf(service, 'bot-7'))?.poem?.first, 'changed');
      assert.equal((await cardOf(service, 'bot-8'))?.key.state, 'bad');
    });
  });
});
