import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Trial } from '../../../src/alarms/call.ts';
import { ShownFlock } from '../../support/shown-flock.ts';
import { ask, type Answer } from './ask.ts';

const poem = 'Amber keeps the gnat\nand the afternoon\nand the hour\n';
const type = 'application/x-www-form-urlencoded';

/** A flock with the forms of its pages. */
class ControlledFlock extends ShownFlock {
  address = '';

  async open(): Promise<void> {
    for (const bot of ['amber', 'birch']) this.add(bot, poem);
    this.update();
    await this.until('2026-08-22T08:59:00Z');
    this.address = await this.listen({ allowControl: true });
  }

  /** Sends a form as the page's script does, or as a browser does without it. */
  async tell(way: string, fields: Record<string, string>, isScript = true): Promise<Answer> {
    const csrf = /name="csrf" value="([^"]+)"/.exec((await ask(this.address, '/')).body)?.[1] ?? '';
    const headers = {
      'content-type': type,
      origin: this.address,
      ...(isScript && { accept: 'text/plain' }),
    };
    return ask(this.address, way, {
      method: 'POST',
      body: new URLSearchParams({ csrf, ...fields }).toString(),
      headers,
    });
  }

  /** The name of the post in doubt on the page of a bot. */
  async doubt(bot: string): Promise<string> {
    const { body } = await ask(this.address, `/bots/${bot}`);
    return /name="doubt" value="([^"]+)"/.exec(body)?.[1] ?? '';
  }
}

describe('a post in doubt on the page of its bot', () => {
  let flock: ControlledFlock;
  before(async () => {
    flock = new ControlledFlock('2026-08-20T00:00:00Z');
    await flock.open();
    flock.deaf = true;
    await flock.until('2026-08-22T09:01:00Z');
    flock.deaf = false;
  });
  after(() => flock[Symbol.asyncDispose]());

  it('is shown with its text and its question', async () => {
    const { body } = await ask(flock.address, '/bots/amber');
    assert.match(body, /Was this posted\?/);
    assert.match(body, /<blockquote dir="auto" lang="">and the hour<\/blockquote>/);
    assert.match(body, /<input\s+type="checkbox"\s+name="looked"\s+value="yes"\s+required/);
    assert.match((await ask(flock.address, '/')).body, /href="bots\/amber#doubt">Resolve …/);
  });

  it('is settled by nobody who has not looked, or who says neither', async () => {
    const doubt = await flock.doubt('amber');
    for (const fields of [{ posted: 'yes' }, { looked: 'yes' }, { looked: 'yes', posted: 'perhaps' }]) {
      const { status, body } = await flock.tell('/bots/resolve', { bot: 'amber', doubt, ...fields });
      assert.equal(status, 409);
      assert.match(body, /nobody has said whether the post of amber arrived/);
    }
    assert.notEqual(flock.ledger.state('amber')?.open, undefined);
  });

  it('is settled by a form for that post alone', async () => {
    for (const doubt of ['', '1.2', await flock.doubt('birch').then((name) => `${name}0`)]) {
      const form = { bot: 'amber', doubt, looked: 'yes', posted: 'yes' };
      const { status, body } = await flock.tell('/bots/resolve', form);
      assert.equal(status, 409);
      assert.match(body, /the post of amber that the page showed is not in doubt any more/);
    }
    assert.notEqual(flock.ledger.state('amber')?.open, undefined);
  });

  it('counts as posted when a person says so, once', async () => {
    const form = { bot: 'amber', doubt: await flock.doubt('amber'), looked: 'yes', posted: 'yes' };
    const { status, body } = await flock.tell('/bots/resolve', form);
    assert.deepEqual([status, body], [200, 'amber: the post in doubt counts as posted.']);
    assert.equal(flock.ledger.state('amber')?.open, undefined);
    assert.equal(flock.ledger.state('amber')?.place.next, 3);
    assert.equal((await flock.tell('/bots/resolve', form)).status, 409);
    const page = (await ask(flock.address, '/bots/amber')).body;
    assert.doesNotMatch(page, /Was this posted/);
    assert.match(page, /was in doubt about, and finds posted, line 3 of 3/);
  });

  it('is posted again when a person says that it is not there', async () => {
    const form = {
      bot: 'birch',
      doubt: await flock.doubt('birch'),
      looked: 'yes',
      posted: 'no',
      from: 'bot',
    };
    const { status, headers } = await flock.tell('/bots/resolve', form, false);
    assert.deepEqual([status, headers.location], [303, 'birch']);
    const refused = flock.ledger.events.filter(({ bot, event }) => bot === 'birch' && event === 'absent');
    assert.equal(refused.length, 1);
  });
});

describe('the forms of the page', () => {
  let flock: ControlledFlock;
  before(async () => {
    flock = new ControlledFlock('2026-08-20T00:00:00Z');
    await flock.open();
  });
  after(() => flock[Symbol.asyncDispose]());

  it('say in a sentence what was done', async () => {
    const said = async (way: string, fields: Record<string, string> = {}): Promise<string> =>
      (await flock.tell(way, fields)).body;
    assert.equal(await said('/bots/pause', { bot: 'amber' }), 'amber paused.');
    assert.equal(await said('/bots/resume', { bot: 'amber' }), 'amber resumed.');
    assert.equal(await said('/bots/post', { bot: 'amber', place: '1.3' }), 'amber posted line 3 of 3.');
    assert.equal(await said('/flock/pause'), 'The flock is paused.');
    await flock.tell('/bots/pause', { bot: 'amber' });
    assert.equal(
      await said('/bots/resume', { bot: 'amber' }),
      'amber resumed; it posts when the flock is resumed.',
    );
    assert.equal(await said('/flock/resume'), 'The flock is resumed.');
  });

  it('refuse a field that they do not have, and change nothing', async () => {
    const { status, body } = await flock.tell('/bots/pause', { bot: 'amber', colour: 'red' });
    assert.equal(status, 400);
    assert.match(body, /It has fields that this page does not send\. Nothing was changed/);
    assert.equal(flock.ledger.state('amber')?.paused, undefined);
  });
});

describe('the alarms on the page', () => {
  let flock: ControlledFlock;
  const calls: string[] = [];
  const trial = (kind: string, trouble?: Awaited<ReturnType<Trial['call']>>): Trial => ({
    name: 'hooks.0',
    kind,
    call: () => {
      calls.push(kind);
      return Promise.resolve(trouble);
    },
  });
  before(async () => {
    flock = new ControlledFlock('2026-08-20T00:00:00Z');
    await flock.open();
  });
  after(() => flock[Symbol.asyncDispose]());

  it('say that nobody is told of anything', async () => {
    assert.match((await ask(flock.address, '/')).body, /Nobody is told when a bot needs you/);
    assert.equal((await flock.tell('/alarms/test', {})).status, 409);
  });

  it('are tried, each once, and say what came of it', async () => {
    flock.trials = [
      trial('ntfy'),
      trial('email', { why: 'the mail was not taken (ETIMEDOUT)', passes: true }),
    ];
    flock.update();
    const { status, body } = await flock.tell('/alarms/test', {});
    assert.deepEqual([status, body], [200, 'ntfy: sent. email: the mail was not taken (ETIMEDOUT).']);
    assert.deepEqual(calls.splice(0), ['ntfy', 'email']);
  });

  it('are not tried again within a minute', async () => {
    const again = await Promise.all([1, 2, 3].map(() => flock.tell('/alarms/test', {})));
    for (const { status, body } of again) {
      assert.equal(status, 409);
      assert.match(body, /try again in 60 seconds/);
    }
    assert.deepEqual(calls, []);
    await flock.until('2026-08-22T09:00:30Z');
    assert.equal((await flock.tell('/alarms/test', {})).status, 200);
    assert.deepEqual(calls.splice(0), ['ntfy', 'email']);
  });

  it('cannot be tried where nothing may be done', async () => {
    const address = await flock.listen();
    assert.equal(
      (await ask(address, '/alarms/test', { method: 'POST', headers: { origin: address } })).status,
      404,
    );
    assert.doesNotMatch((await ask(address, '/')).body, /ntfy|Alarms/);
  });
});
