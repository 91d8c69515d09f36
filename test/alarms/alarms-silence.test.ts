import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isExcused, maxDoubt, maxSilence } from '../../src/alarms/alarms.ts';
import { parseFlockFile } from '../../src/config/flock-file.ts';
import { type BotState, startOf } from '../../src/ledger/state.ts';
import type { BotName } from '../../src/poems/bot-name.ts';
import { AlarmedFlock } from './alarmed-flock.ts';
import { linesOf } from '../support/flock.ts';
import { intentOf } from '../support/intent.ts';

const noSend = () => Promise.reject(new Error('nothing is to be sent'));
const day = 86_400_000;
const posts = { method: 'POST', path: '/2/tweets' };

describe('since when a bot owes a post', () => {
  const at = (text: string): number => Date.parse(text);
  const bot = (settings: object) => ({
    name: 'howl',
    settings: parseFlockFile(JSON.stringify(settings), 'flock.json').settingsOf('howl' as BotName),
  });
  const fine: BotState = {
    place: startOf('abcdefgh'),
    pass: 1,
    served: at('2026-03-01T09:00:00Z'),
    posts: 3,
  };

  it('does not matter where it waits for a person, has finished, or has an alarm of its own', () => {
    const parked = { why: '', hint: '', key: '', at: 0 };
    const open = intentOf('howl', 0);
    assert.ok(!isExcused(bot({}), fine));
    assert.ok(isExcused(bot({}), { ...fine, parked }));
    assert.ok(isExcused(bot({}), { ...fine, open }));
    assert.ok(isExcused(bot({}), { ...fine, paused: 0 }));
    assert.ok(isExcused(bot({ bots: { howl: { paused: true } } }), fine));
    const finished = { ...fine, place: { ...fine.place, next: 1 } };
    assert.ok(isExcused(bot({ atEnd: 'stop' }), finished));
    assert.ok(!isExcused(bot({ atEnd: 'loop' }), finished));
  });

  it('gives it longer the longer its posts may be in doubt', () => {
    const { settings } = bot({ settle: '30m' });
    assert.equal(maxSilence(settings), 90 * 60_000);
    assert.equal(maxDoubt(settings), 45 * 60_000);
  });
});

describe('the watch for silence', () => {
  it('says nothing in a year that goes well, whatever the clocks of the zones do', async () => {
    const zones = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Africa/Casablanca', 'UTC'];
    const poems = Object.fromEntries(zones.map((_, index) => [`bot-${index}`, linesOf(`bot-${index}`, 500)]));
    await using flock = new AlarmedFlock('2026-01-01T00:00:00Z', poems, noSend);
    const bots = Object.fromEntries(zones.map((timezone, index) => [`bot-${index}`, { timezone }]));
    // In the hours that the clock skips or shows twice.
    flock.update({ schedule: '30 2 * * *', spread: '20m', bots });
    await flock.until('2027-01-01T00:00:00Z');
    for (const name of Object.keys(poems)) assert.ok(flock.postsOf(name).length >= 364, name);
    assert.deepEqual(
      flock.heard.lines.filter(({ event }) => !['posted', 'begun'].includes(event)),
      [],
    );
  });

  it('tells once of a bot that posts nothing, an hour after its slot, and again only if it has posted since', async () => {
    await using flock = new AlarmedFlock('2026-03-27T12:00:00Z', { howl: linesOf('howl', 9) }, noSend);
    flock.update({ schedule: '30 2 * * *', timezone: 'Europe/Berlin', settle: '3m' });
    await flock.until('2026-03-28T12:00:00Z');
    flock.stick();
    // The clocks skip 02:30 on the 29th; its slot is at 03:00, which is 01:00Z.
    await flock.until('2026-03-29T02:02:59Z');
    assert.deepEqual(flock.heard.of('silent'), []);
    await flock.until('2026-03-29T02:20:00Z');
    const [silent] = flock.heard.of('silent');
    assert.deepEqual([silent?.bot, silent?.since], ['howl', '2026-03-29T01:00:00.000Z']);
    assert.equal(silent?.why, 'it should have posted at 2026-03-29T01:00:00.000Z, and has not');
    await flock.until('2026-04-03T12:00:00Z');
    assert.equal(flock.heard.of('silent').length, 1);
    flock.unstick();
    await flock.until('2026-04-05T12:00:00Z');
    assert.ok(flock.postsOf('howl').length >= 3);
    flock.stick();
    await flock.until('2026-04-07T12:00:00Z');
    assert.equal(flock.heard.of('silent').length, 2);
  });

  it('tells why, where X says why', async () => {
    await using flock = new AlarmedFlock('2026-03-01T08:00:00Z', { howl: linesOf('howl', 9) }, noSend);
    flock.control('faults', { match: posts, times: 1000, fault: { kind: 'status', status: 429 } });
    flock.update({ schedule: '0 9 * * *' });
    await flock.until('2026-03-02T08:00:00Z');
    const [silent, ...others] = flock.heard.of('silent');
    assert.deepEqual(others, []);
    assert.match(
      silent?.why ?? '',
      /^it should have posted at 2026-03-01T09:00:00\.000Z, and has not: .*429/,
    );
  });

  it('has patience with a flock that was down for days, and with a clock that was set', async () => {
    const poems = { one: linesOf('one', 99), all: linesOf('all', 99) };
    await using flock = new AlarmedFlock('2026-03-01T08:00:00Z', poems, noSend);
    const bots = { all: { missed: 'all' } };
    flock.update({ schedule: '0 * * * *', bots });
    await flock.until('2026-03-01T12:30:00Z');
    // Three days pass in which nothing runs.
    flock.clock.set(flock.clock.now() + 3 * day);
    await flock.until('2026-03-06T12:00:00Z');
    assert.deepEqual(flock.heard.of('silent'), []);
    assert.ok(flock.postsOf('all').length > 90);
  });

  it('knows of pauses, the stop switch, parked bots and ends of poems', async () => {
    const names = ['paused', 'rests', 'parked', 'done', 'lives'];
    const poems = Object.fromEntries(names.map((name) => [name, linesOf(name, name === 'done' ? 3 : 99)]));
    await using flock = new AlarmedFlock('2026-03-01T08:00:00Z', poems, noSend);
    flock.update({ schedule: '0 9 * * *', bots: { rests: { paused: true }, done: { atEnd: 'stop' } } });
    await flock.until('2026-03-02T12:00:00Z');
    await flock.order({ order: 'pause', bot: 'paused' });
    flock.control('accounts/parked/suspend');
    await flock.until('2026-03-10T12:00:00Z');
    flock.stopped = true;
    await flock.until('2026-03-15T12:00:00Z');
    flock.stopped = false;
    flock.daemon.wakeAll();
    await flock.order({ order: 'resume', bot: 'paused' });
    await flock.until('2026-03-20T12:00:00Z');
    assert.deepEqual(flock.heard.of('silent'), []);
    assert.deepEqual(
      flock.heard.of('parked').map(({ bot }) => bot),
      ['parked'],
    );
  });

  it('leaves a bot that waits for its budget to the alarm of the budget', async () => {
    const poems = { howl: linesOf('howl', 99), rain: linesOf('rain', 99) };
    await using flock = new AlarmedFlock('2026-03-01T00:00:00Z', poems, noSend);
    const bots = { howl: { budget: { postsPerDay: 3 } }, rain: { budget: { postsPerDay: 0 } } };
    flock.update({ schedule: '0 * * * *', bots });
    await flock.until('2026-03-04T23:30:00Z');
    assert.equal(flock.postsOf('howl').length, 12);
    assert.deepEqual(flock.heard.of('silent'), []);
    // It may post again, and does not.
    flock.update({ schedule: '0 * * * *' });
    await flock.until('2026-03-05T06:00:00Z');
    assert.ok(flock.postsOf('rain').length > 3);
    flock.stick();
    await flock.until('2026-03-05T12:00:00Z');
    assert.deepEqual(
      flock.heard.of('silent').map(({ bot }) => bot),
      ['howl', 'rain'],
    );
  });
});

describe('the watch for doubts', () => {
  it('tells once of a post that stays in doubt longer than it should', async () => {
    await using flock = new AlarmedFlock('2026-03-01T08:00:00Z', { howl: linesOf('howl', 9) }, noSend);
    flock.control('faults', { match: posts, times: 1, fault: { kind: 'drop', when: 'before' } });
    flock.update({ schedule: '0 9 * * *', settle: '3m' });
    await flock.until('2026-03-01T09:00:01Z');
    flock.control('faults', { match: { method: 'GET' }, times: 20, fault: { kind: 'drop', when: 'before' } });
    await flock.until('2026-03-01T09:17:59Z');
    assert.deepEqual(flock.heard.of('in-doubt-long'), []);
    await flock.until('2026-03-02T08:00:00Z');
    const [doubt, ...others] = flock.heard.of('in-doubt-long');
    assert.deepEqual([doubt?.bot, doubt?.line, others], ['howl', 1, []]);
    assert.match(doubt?.hint ?? '', /flockd resolve howl --posted \| --not-posted/);
    assert.deepEqual(flock.heard.of('silent'), []);
    // The timeline can be read again in the end.
    await flock.until('2026-03-03T12:00:00Z');
    assert.ok(flock.postsOf('howl').length >= 2);
  });

  it('says nothing of a doubt that is settled in time', async () => {
    await using flock = new AlarmedFlock('2026-03-01T08:00:00Z', { howl: linesOf('howl', 99) }, noSend);
    flock.control('faults', { match: posts, rate: 0.3, fault: { kind: 'drop', when: 'before' } });
    flock.update({ schedule: '0 * * * *' });
    await flock.until('2026-03-04T08:00:00Z');
    assert.ok(flock.heard.of('in-doubt').length > 10);
    assert.deepEqual(flock.heard.of('in-doubt-long'), []);
    assert.deepEqual(flock.heard.of('silent'), []);
  });
});
