import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HeldClock } from '../../../src/clock.ts';
import type { Send } from '../../../src/http/exchange.ts';
import { type MastodonAccount, openMastodon } from '../../../src/networks/mastodon/client.ts';
import { sendInProcess } from '../../../src/rehearsal/stage.ts';
import type { MastodonSwitches } from '../../../src/sandbox/levers.ts';
import { Sandbox } from '../../../src/sandbox/sandbox.ts';
import { Secret } from '../../../src/text.ts';
import { accountCases, posted, postsFrom, type Stage } from '../../contract/account.ts';

const server = 'http://127.0.0.1:4010/mastodon';

interface SandboxStage extends Stage<MastodonAccount> {
  sandbox: Sandbox;
  clock: HeldClock;
  asked: string[];
}

function stage(mastodon: Partial<MastodonSwitches> = {}): SandboxStage {
  const clock = new HeldClock('2026-11-21T09:00:00Z');
  const sandbox = new Sandbox({
    clock,
    appKeys: [],
    seed: 'test',
    mastodon: { maxRequests: null, ...mastodon },
  });
  const inProcess = sendInProcess((request) => sandbox.handle(request), { clock, deadline: 30_000 });
  const asked: string[] = [];
  const send: Send = (request) => {
    asked.push(`${request.method} ${new URL(request.url).pathname.replace('/mastodon/api/v1', '')}`);
    // Posts of one instant have no order.
    clock.set(clock.now() + 1000);
    return inProcess(request);
  };
  const { token, userId } = sandbox.grantMastodon('app', 'rain');
  const open = openMastodon(server, send, clock);
  return {
    account: open(new Secret(token)),
    stranger: open(new Secret('never-given')),
    screenName: 'rain@127.0.0.1:4010',
    userId,
    sandbox,
    clock,
    asked,
  };
}

describe('an account of the Mastodon in the sandbox', () => {
  accountCases(() => Promise.resolve(stage()));

  it('is posted to with all manners, and unlisted if none is named', async () => {
    const { account, sandbox } = stage();
    await account.post('rain', { mark: 'a', visibility: 'private', language: 'de', contentWarning: 'wet' });
    await account.post('tin', { mark: 'b' });
    assert.deepEqual(
      sandbox.world.posts.map((post) => [post.text, post.visibility, post.language, post.contentWarning]),
      [
        ['rain', 'private', 'de', 'wet'],
        ['tin', 'unlisted', undefined, undefined],
      ],
    );
  });

  it('is asked for the original of those texts alone that are not known', async () => {
    const { asked, ...on } = stage();
    const before = await posted(on, 'before');
    await posted(on, 'rain');
    const other = await posted(on, 'tin');
    asked.length = 0;
    await postsFrom(on, { sinceId: before }, { looked: 'rain' });
    assert.deepEqual(asked, [`GET /accounts/${on.userId}/statuses`, `GET /statuses/${other}/source`]);
  });

  it('is not believed absent while the original of a post cannot be read', async () => {
    const { account, sandbox, userId, ...on } = stage();
    const before = await posted({ account, userId, ...on }, 'before');
    await posted({ account, userId, ...on }, 'tin');
    sandbox.faults.add({
      match: { path: '*/source' },
      fault: { kind: 'status', status: 404, body: { error: 'Record not found' } },
    });
    const page = await account.timeline(userId, { sinceId: before }, { maxPosts: 40, isKnown: () => false });
    assert.ok('failure' in page);
    assert.equal(page.failure.kind, 'in-doubt');
    assert.match(page.failure.reason, /does not show what was written in the post \d+ \(/);
  });

  it('shows a post late if its server does', async () => {
    const { clock, ...on } = stage({ timelineLag: 60_000 });
    await posted(on, 'rain');
    assert.deepEqual(await postsFrom(on, 'newest'), []);
    clock.set(clock.now() + 60_000);
    assert.equal((await postsFrom(on, 'newest')).length, 1);
  });

  it('waits for the end of a rate limit', async () => {
    const { account, clock } = stage({ maxRequests: 1 });
    await account.post('rain');
    const opened = clock.now();
    const outcome = await account.post('tin');
    assert.ok('failure' in outcome && outcome.failure.kind === 'wait');
    assert.ok(
      Math.abs(outcome.failure.until - opened - 300_000) <= 2000,
      String(outcome.failure.until - opened),
    );
    assert.equal(outcome.failure.reason, 'its server limits its requests for now (429 Too many requests)');
  });

  const refused: [string, (on: SandboxStage) => void, kind: string, reason: RegExp][] = [
    [
      'a revoked key',
      ({ sandbox }) => lever(sandbox, 'revoke'),
      'reauth',
      /^its server refuses its key \(401 The access token was revoked\)$/,
    ],
    [
      'a key that may only read',
      ({ sandbox }) => lever(sandbox, 'read-only'),
      'read-only',
      /outside the authorized scopes/,
    ],
    [
      'a suspended account',
      ({ sandbox }) => lever(sandbox, 'suspend'),
      'suspended',
      /Your login is currently disabled/,
    ],
  ];
  for (const [name, arrange, kind, reason] of refused) {
    it(`takes ${name} for ${kind}`, async () => {
      const on = stage();
      arrange(on);
      const outcome = await on.account.post('rain');
      assert.ok('failure' in outcome);
      assert.equal(outcome.failure.kind, kind);
      assert.match(outcome.failure.reason, reason);
      assert.deepEqual(on.sandbox.world.posts, []);
    });
  }

  it('refuses a text that is too long since the server lowered its limit', async () => {
    const outcome = await stage({ maxCharacters: 10 }).account.post('eleven char');
    assert.ok('failure' in outcome);
    assert.deepEqual(
      [outcome.failure.kind, outcome.failure.reason],
      ['rejected', 'its server refuses it (422 Validation failed: Text character limit of 10 exceeded)'],
    );
  });
});

function lever(sandbox: Sandbox, name: 'revoke' | 'read-only' | 'suspend'): void {
  const url = `/sandbox/trigger/${name}/rain%40mastodon`;
  const { status } = sandbox.handle({ method: 'POST', url, host: '127.0.0.1:4010', headers: {}, body: '' });
  assert.equal(status, 200);
}

describe('a repetition with the same mark', () => {
  const rows: [key: MastodonSwitches['key'], again: 'the same' | 'another' | 'in-doubt', posts: number][] = [
    ['honours', 'the same', 1],
    ['ignores', 'another', 2],
    ['500', 'in-doubt', 1],
    ['400', 'in-doubt', 1],
    ['replays', 'the same', 1],
  ];
  for (const [key, again, posts] of rows) {
    it(`is ${again} at a server that ${key} it`, async () => {
      const { account, sandbox, stranger: _, ...on } = stage({ key });
      const first = await account.post('rain', { mark: 'one' });
      const second = await account.post('rain', { mark: 'one' });
      assert.ok('ok' in first);
      assert.equal(sandbox.world.posts.length, posts);
      if ('ok' in second) assert.equal(second.ok === first.ok ? 'the same' : 'another', again);
      else assert.equal(second.failure.kind, again);
      // The timeline tells in every case.
      const page = await account.timeline(on.userId, 'newest', { maxPosts: 40 });
      assert.ok('ok' in page);
      assert.equal(page.ok.posts.length, posts);
    });
  }

  it('with another text after a refusal gets the refusal again from a server that replays', async () => {
    const { account } = stage({ key: 'replays', maxCharacters: 10 });
    for (const text of ['eleven char', 'rain']) {
      const outcome = await account.post(text, { mark: 'one' });
      assert.ok('failure' in outcome);
      assert.equal(outcome.failure.kind, 'rejected');
    }
    assert.ok('ok' in (await account.post('rain', { mark: 'two' })));
  });

  it('is in doubt after a refusal at a server that keeps the key before it looks at the text', async () => {
    const { account } = stage({ key: '400', maxCharacters: 10 });
    await account.post('eleven char', { mark: 'one' });
    const outcome = await account.post('rain', { mark: 'one' });
    assert.ok('failure' in outcome && outcome.failure.kind === 'in-doubt');
  });
});

describe('a server that answers 401', () => {
  it('to any fault is not believed that it refuses the key', async () => {
    const { account, asked } = stage({ unauthorized: 'faults', maxCharacters: 10 });
    const outcome = await account.post('eleven char');
    assert.ok('failure' in outcome);
    assert.equal(outcome.failure.kind, 'in-doubt');
    assert.match(outcome.failure.reason, /, and accepts it at once$/);
    assert.deepEqual(asked, ['POST /statuses', 'GET /accounts/verify_credentials']);
  });

  it('to everything is believed', async () => {
    const outcome = await stage({ unauthorized: 'all' }).account.post('rain');
    assert.ok('failure' in outcome);
    assert.equal(outcome.failure.kind, 'reauth');
  });

  it('and then to nothing is in doubt', async () => {
    const { account, sandbox } = stage({ unauthorized: 'all' });
    sandbox.faults.add({ match: { path: '*/verify_credentials' }, fault: { kind: 'drop' } });
    const outcome = await account.post('rain');
    assert.ok('failure' in outcome);
    assert.equal(outcome.failure.kind, 'in-doubt');
  });
});
