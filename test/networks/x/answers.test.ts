import type { Account } from '../../../src/networks/network.ts';
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { systemClock } from '../../../src/clock.ts';
import { openSender, type Sender } from '../../../src/http/send.ts';
import { openX } from '../../../src/networks/x/client.ts';
import { TokenPair } from '../../../src/oauth/signature.ts';
import { openSandbox, type OpenSandbox } from '../../../src/sandbox/server.ts';

const app = { token: 'app-key', secret: 'app-secret' };

/** Every way a post can go wrong over a real connection, whether the server has it, and what is to be made of it. */
const table: [name: string, fault: object, accepted: boolean, kind: string][] = [
  ['400', { kind: 'status', status: 400 }, false, 'rejected'],
  ['401', { kind: 'status', status: 401 }, false, 'unauthorized'],
  [
    '401 dead token',
    { kind: 'status', status: 401, body: { errors: [{ code: 89, message: 'Invalid or expired token.' }] } },
    false,
    'reauth',
  ],
  ['403 with a web page', { kind: 'status', status: 403, body: '<html>no</html>' }, false, 'in-doubt'],
  ['404', { kind: 'status', status: 404 }, false, 'in-doubt'],
  ['402', { kind: 'status', status: 402 }, false, 'no-credit'],
  ['403 of any other kind', { kind: 'status', status: 403 }, false, 'rejected'],
  [
    '403 duplicate',
    { kind: 'status', status: 403, body: { detail: 'duplicate content' } },
    false,
    'duplicate',
  ],
  ['403 spend cap', { kind: 'status', status: 403, body: { title: 'SpendCapReached' } }, false, 'no-credit'],
  ['429', { kind: 'status', status: 429 }, false, 'wait'],
  ['500 after it was accepted', { kind: 'status', status: 500, when: 'after' }, true, 'in-doubt'],
  ['503 before', { kind: 'status', status: 503 }, false, 'in-doubt'],
  ['503 after it was accepted', { kind: 'status', status: 503, when: 'after' }, true, 'in-doubt'],
  ['a 302', { kind: 'redirect' }, false, 'in-doubt'],
  ['a 201 without a body', { kind: 'empty' }, true, 'in-doubt'],
  ['a 201 that is no JSON', { kind: 'status', status: 201, body: '<html>', when: 'after' }, true, 'in-doubt'],
  [
    'a 201 without an id',
    { kind: 'status', status: 201, body: { data: {} }, when: 'after' },
    true,
    'in-doubt',
  ],
  ['a connection that closes before', { kind: 'drop', when: 'before' }, false, 'in-doubt'],
  ['a connection that closes after', { kind: 'drop', when: 'after' }, true, 'in-doubt'],
  ['half an answer', { kind: 'cut' }, true, 'in-doubt'],
  ['silence', { kind: 'hang', when: 'before' }, false, 'in-doubt'],
  ['silence after it was accepted', { kind: 'hang', when: 'after' }, true, 'in-doubt'],
  ['a body that trickles', { kind: 'trickle', ms: 40 }, true, 'in-doubt'],
  ['an answer after the deadline', { kind: 'delay', ms: 900 }, true, 'in-doubt'],
  ['a gzip body cut short', { kind: 'gzip-cut' }, true, 'in-doubt'],
];

describe('a post over a real connection', () => {
  let server: OpenSandbox;
  let sender: Sender;
  let x: Account;

  before(async () => {
    server = await openSandbox({
      port: 0,
      clock: systemClock,
      appKeys: [app],
      duplicates: 'accept',
      limits: { posts: null },
    });
    sender = openSender({ deadline: 400, sockets: 4 });
    const { token, secret, userId, screenName } = server.sandbox.grant(app.token, 'howl');
    x = openX(
      server.url,
      (request) => sender.send(request),
      systemClock,
    )({
      appKeys: new TokenPair(app.token, app.secret),
      accessToken: new TokenPair(token, secret),
      userId,
      screenName,
    });
  });
  after(async () => {
    await sender[Symbol.asyncDispose]();
    await server.close();
  });
  beforeEach(() => {
    server.sandbox.faults.clear();
  });

  const fault = async (rule: object): Promise<void> => {
    const body = JSON.stringify({ match: { method: 'POST', path: '/2/tweets' }, times: 1, fault: rule });
    const answer = await fetch(`${server.url}/sandbox/faults`, { method: 'POST', body });
    assert.ok(answer.ok, await answer.text());
  };

  for (const [name, rule, accepted, kind] of table) {
    it(`${name} is ${kind}`, async () => {
      await fault(rule);
      const count = server.sandbox.world.posts.length;
      const outcome = await x.post('a line');
      assert.equal('failure' in outcome ? outcome.failure.kind : outcome.ok, kind);
      assert.equal(server.sandbox.world.posts.length - count, accepted ? 1 : 0);
    });
  }

  it('a whole answer said to be gzip, which nobody asked for, counts as it is', async () => {
    await fault({ kind: 'gzip-corrupt' });
    const outcome = await x.post('a line');
    assert.ok('ok' in outcome || outcome.failure.kind === 'in-doubt');
  });

  it('is posted where nothing goes wrong, on the connection that went wrong before', async () => {
    const outcome = await x.post('a line');
    assert.ok('ok' in outcome);
    assert.equal(server.sandbox.world.posts.at(-1)?.id, outcome.ok);
  });
});
