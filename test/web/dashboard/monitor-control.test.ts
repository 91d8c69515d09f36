import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { isStopped } from '../../../src/daemon/stop-switch.ts';
import { ShownFlock } from '../../support/shown-flock.ts';
import { ask, type Answer } from './ask.ts';

const poem = 'Amber keeps the gnat\nand the afternoon\n<b>not bold</b> & “quoted”\n';

describe('a monitor that may be told what to do', () => {
  let flock: ShownFlock;
  let address: string;
  before(async () => {
    flock = new ShownFlock('2026-08-20T00:00:00Z');
    for (const bot of ['amber', 'birch']) flock.add(bot, poem.replaceAll('A', bot));
    flock.update();
    await flock.until('2026-08-22T10:00:00Z');
    address = await flock.listen({ allowControl: true, names: ['flock.example'] });
  });
  after(() => flock[Symbol.asyncDispose]());

  const type = 'application/x-www-form-urlencoded';
  const tokenOf = ({ body }: Answer): string => /name="csrf" value="([^"]+)"/.exec(body)?.[1] ?? '';
  const placeOf = (bot: string, { body }: Answer): string =>
    new RegExp(`name="bot" value="${bot}" />\\s*<input type="hidden" name="place" value="([^"]+)"`).exec(
      body,
    )?.[1] ?? '';
  const tell = async (way: string, fields: Record<string, string>, headers: Record<string, string> = {}) => {
    const csrf = tokenOf(await ask(address, '/'));
    assert.match(csrf, /^[\w-]{43}$/);
    const body = new URLSearchParams({ csrf, ...fields }).toString();
    return ask(address, way, {
      method: 'POST',
      body,
      headers: { 'content-type': type, origin: address, ...headers },
    });
  };

  it('pauses a bot and lets it go on, through the ledger', async () => {
    const { status, headers } = await tell('/bots/pause', { bot: 'amber' });
    assert.equal(status, 303);
    assert.equal(headers.location, '../#bot-amber');
    assert.equal(flock.ledger.state('amber')?.paused, flock.clock.now());
    assert.match((await ask(address, '/')).body, /One of two bots is posting\. One is paused\./);
    assert.equal((await tell('/bots/resume', { bot: 'amber' })).status, 303);
    assert.equal(flock.ledger.state('amber')?.paused, undefined);
  });

  it('posts now', async () => {
    const before = flock.ledger.state('birch')?.posts ?? 0;
    const place = placeOf('birch', await ask(address, '/'));
    assert.equal((await tell('/bots/post', { bot: 'birch', place })).status, 303);
    assert.equal(flock.ledger.state('birch')?.posts, before + 1);
  });

  it('posts a line once, however often it is told to', async () => {
    const before = flock.ledger.state('birch')?.posts ?? 0;
    const place = placeOf('birch', await ask(address, '/'));
    const told = await Promise.all([1, 2, 3].map(() => tell('/bots/post', { bot: 'birch', place })));
    assert.deepEqual(told.map(({ status }) => status).sort(), [303, 409, 409]);
    assert.equal(flock.ledger.state('birch')?.posts, before + 1);
    const { status, body } = await tell('/bots/post', { bot: 'birch', place });
    assert.equal(status, 409);
    assert.match(body, /birch has moved on since the page showed its place/);
    assert.match(body, /nothing was posted now/);
    assert.equal((await tell('/bots/post', { bot: 'birch' })).status, 409);
    assert.equal(flock.ledger.state('birch')?.posts, before + 1);
  });

  it('stops the flock and lets it go on, by the switch', async () => {
    const state = path.join(flock.root, 'state');
    assert.equal((await tell('/flock/pause', {})).status, 303);
    assert.equal(isStopped(state), true);
    assert.equal((await tell('/flock/resume', {})).status, 303);
    assert.equal(isStopped(state), false);
  });

  it('says what it cannot do, and how to repair that', async () => {
    const { status, body } = await tell('/bots/resume', { bot: 'amber' });
    assert.equal(status, 409);
    assert.match(body, /amber is not paused, and does not need you/);
    assert.match(body, /flockd status shows which bots are/);
    for (const bot of ['nobody', '', '<b>'])
      assert.equal((await tell('/bots/post', { bot })).status, 409, bot);
  });

  it('believes only forms of its own', async () => {
    const told = await Promise.all([
      tell('/bots/pause', { bot: 'amber', csrf: '' }),
      tell('/bots/pause', { bot: 'amber', csrf: 'x'.repeat(43) }),
      tell('/bots/pause', { bot: 'amber' }, { origin: 'https://evil.example' }),
      tell('/bots/pause', { bot: 'amber' }, { origin: 'null' }),
      tell('/bots/pause', { bot: 'amber' }, { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }),
      tell('/bots/pause', { bot: 'amber' }, { 'content-type': 'text/plain' }),
      ask(address, '/bots/pause', { method: 'POST' }),
    ]);
    for (const { status } of told) assert.equal(status, 403);
    assert.equal(flock.ledger.state('amber')?.paused, undefined);
  });

  it('believes a form that came through its reverse proxy', async () => {
    const headers = { host: 'flock.example', origin: 'https://flock.example' };
    assert.equal((await tell('/bots/pause', { bot: 'amber' }, headers)).status, 303);
    assert.equal(
      (await tell('/bots/resume', { bot: 'amber' }, { origin: 'https://flock.example' })).status,
      303,
    );
  });

  it('cannot be told by a GET', async () => {
    const csrf = tokenOf(await ask(address, '/'));
    assert.equal((await ask(address, `/bots/pause?bot=amber&csrf=${csrf}`)).status, 404);
    assert.equal((await ask(address, `/flock/pause?csrf=${csrf}`)).status, 405);
    assert.equal(flock.ledger.state('amber')?.paused, undefined);
  });
});
