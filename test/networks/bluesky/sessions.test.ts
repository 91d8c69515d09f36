import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { openBluesky } from '../../../src/networks/bluesky/client.ts';
import { Secret } from '../../../src/text.ts';
import { Bench, directory, kindOf, lost, methodOf, unreachable, xrpcError } from './bench.ts';

const hour = 3_600_000;

describe('the session of a bot', () => {
  it('is refreshed when its access token has expired, and made anew after 90 days', async () => {
    const bench = new Bench();
    const { key, mark } = await bench.person();
    const account = bench.open(key);
    const post = async () => kindOf(await account.post('rain', { mark: mark() }));
    assert.equal(await post(), 'ok');
    assert.deepEqual(bench.calls(), ['createSession', 'putRecord']);
    await bench.clock.runUntil(bench.clock.now() + 2 * hour);
    assert.equal(await post(), 'ok');
    assert.deepEqual(bench.calls(), ['refreshSession', 'putRecord']);
    await bench.clock.runUntil(bench.clock.now() + 91 * 24 * hour);
    assert.equal(await post(), 'ok');
    assert.deepEqual(bench.calls(), ['refreshSession', 'createSession', 'putRecord']);
  });

  it('is one for all accounts that are opened with its key, and is made once for requests at one time', async () => {
    const bench = new Bench();
    const { key, mark } = await bench.person();
    const outcomes = await Promise.all([1, 2, 3].map(() => bench.open(key).post('rain', { mark: mark() })));
    assert.deepEqual(outcomes.map(kindOf), ['ok', 'ok', 'ok']);
    assert.equal(bench.calls().filter((method) => method === 'createSession').length, 1);
  });

  it('is made anew with another app password', async () => {
    const bench = new Bench();
    const { key, mark } = await bench.person();
    await bench.open(key).post('rain', { mark: mark() });
    bench.calls();
    const outcome = await bench
      .open({ ...key, appPassword: new Secret('wrong') })
      .post('rain', { mark: mark() });
    assert.equal(kindOf(outcome), 'reauth');
  });

  for (const [error, status] of [
    ['ExpiredToken', 400],
    ['InvalidToken', 400],
    ['AuthMissing', 401],
  ] as const) {
    it(`is renewed after ${error}, and the post sent again under its mark`, async () => {
      const bench = new Bench();
      const { key, mark } = await bench.person();
      const account = bench.open(key);
      await account.post('one', { mark: mark() });
      bench.calls();
      let count = 0;
      bench.instead = (request) =>
        methodOf(request) === 'putRecord' && count++ === 0 ? xrpcError(status, error) : undefined;
      const two = mark();
      assert.deepEqual(await account.post('two', { mark: two }).then(kindOf), 'ok');
      const rkeys = bench.sent
        .filter((request) => methodOf(request) === 'putRecord')
        .map(({ body = '' }) => (JSON.parse(body) as { rkey: string }).rkey);
      assert.deepEqual(rkeys, [two, two]);
      assert.deepEqual(bench.posts(), ['one', 'two']);
    });
  }

  it('that is refused again and again is believed after one login', async () => {
    const bench = new Bench();
    const { key, mark } = await bench.person();
    const account = bench.open(key);
    await account.post('one', { mark: mark() });
    bench.calls();
    bench.instead = (request) =>
      methodOf(request) === 'putRecord' ? xrpcError(400, 'InvalidToken') : undefined;
    assert.equal(kindOf(await account.post('two', { mark: mark() })), 'unauthorized');
    assert.deepEqual(bench.calls(), [
      'putRecord',
      'refreshSession',
      'putRecord',
      'createSession',
      'putRecord',
    ]);
  });

  it('outlives a refresh that nobody answers, and a server that is busy', async () => {
    const bench = new Bench();
    const { key, mark } = await bench.person();
    const account = bench.open(key);
    await account.post('one', { mark: mark() });
    await bench.clock.runUntil(bench.clock.now() + 2 * hour);
    for (const answer of [lost, xrpcError(503, 'NotEnoughResources'), xrpcError(429, 'RateLimitExceeded')]) {
      bench.instead = (request) => (methodOf(request) === 'refreshSession' ? answer : undefined);
      const outcome = await account.post('two', { mark: mark() });
      assert.match(kindOf(outcome), /^(never-sent|wait)$/);
    }
    bench.calls();
    bench.instead = () => undefined;
    assert.equal(kindOf(await account.post('two', { mark: mark() })), 'ok');
    assert.deepEqual(bench.calls(), ['refreshSession', 'putRecord']);
  });

  it('survives a crash between two refreshes: the old refresh token works for a while', async () => {
    const bench = new Bench();
    const { key, mark } = await bench.person();
    const account = bench.open(key);
    await account.post('one', { mark: mark() });
    await bench.clock.runUntil(bench.clock.now() + 2 * hour);
    bench.calls();
    const send = bench.send;
    let refreshed = false;
    bench.instead = (request) => {
      if (methodOf(request) !== 'refreshSession' || refreshed) return undefined;
      refreshed = true;
      void send(request);
      return lost;
    };
    assert.equal(kindOf(await account.post('two', { mark: mark() })), 'never-sent');
    assert.equal(kindOf(await account.post('two', { mark: mark() })), 'ok');
    assert.ok(!bench.calls().includes('createSession'));
  });

  const failures: [name: string, answer: object, kind: string][] = [
    ['an answer that was lost', lost, 'never-sent'],
    ['a server that is gone', unreachable, 'never-sent'],
    ['a web page', { body: '<html>hello</html>' }, 'never-sent'],
    ['a web page that denies', { status: 403, body: '<html>no</html>' }, 'never-sent'],
    ['a session without tokens', { body: '{"did":"did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"}' }, 'never-sent'],
    ['another account', { body: JSON.stringify({ did: 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb', handle: 'b.test', accessJwt: 'a', refreshJwt: 'b' }) }, 'reauth'],
    ['a 429', xrpcError(429, 'RateLimitExceeded'), 'wait'],
    ['a 500', xrpcError(500, 'InternalServerError'), 'never-sent'],
  ]; // prettier-ignore
  for (const [name, answer, kind] of failures) {
    it(`is not made by ${name}: ${kind}, and no post is in doubt`, async () => {
      const bench = new Bench();
      const { key, mark } = await bench.person();
      bench.instead = (request) => (methodOf(request) === 'createSession' ? answer : undefined);
      assert.equal(kindOf(await bench.open(key).post('rain', { mark: mark() })), kind);
      assert.ok(!bench.calls().includes('putRecord'));
    });
  }

  it('shows its secrets nowhere, not even if a refusal quotes the request', async () => {
    const bench = new Bench();
    const { key, mark } = await bench.person();
    const account = bench.open(key);
    await account.post('one', { mark: mark() });
    bench.instead = ({ headers, body = '' }) =>
      xrpcError(400, 'InvalidRequest', `you sent ${headers['authorization'] ?? ''} ${body.slice(-60)}`);
    const {
      url = '',
      body = '',
      headers = {},
    } = bench.sent.find((request) => methodOf(request) === 'putRecord') ?? {};
    const token = headers['authorization']?.slice('Bearer '.length) ?? '';
    const outcomes = [await account.post('two', { mark: mark() }), await bench.openAll()(key).me()];
    for (const text of [url, body, inspect(outcomes, { depth: 9 }), inspect(key)]) {
      assert.ok(!text.includes(token) && token.length > 20);
      assert.ok(!text.includes(key.appPassword.reveal()), text);
    }
  });
});

describe('a restart of 1,000 bots', () => {
  for (const [loginsOf, longest] of [
    ['account', 1],
    ['address', 33 * 5 * 60 + 1],
  ] as const) {
    it(`posts with each, and no login is refused where logins of the ${loginsOf} are counted`, async () => {
      const bench = new Bench({
        loginsOf,
        limits: { logins: 1_000_000, loginsPerDay: null, requests: null },
      });
      let waiting = await Promise.all(Array.from({ length: 1000 }, () => bench.person()));
      const strict = new Bench({ loginsOf, limits: { loginsPerDay: null } }, bench.sandbox.world.snapshot());
      const start = strict.clock.now();
      let refused = 0;
      const { send } = strict;
      const open = openBluesky({
        clock: strict.clock,
        directory,
        send: async (request) => {
          const answer = await send(request);
          if (answer.status === 429) refused += 1;
          return answer;
        },
      });
      while (waiting.length > 0) {
        const outcomes = await Promise.all(
          waiting.map(async (bot) => ({
            bot,
            outcome: await open(bot.key).post('rain', { mark: bot.mark() }),
          })),
        );
        const next = outcomes.flatMap(({ bot, outcome }) => {
          if ('ok' in outcome) return [];
          assert.ok(outcome.failure.kind === 'wait', outcome.failure.reason);
          return { bot, until: outcome.failure.until };
        });
        waiting = next.map(({ bot }) => bot);
        if (next.length > 0) await strict.clock.runUntil(Math.min(...next.map(({ until }) => until)));
      }
      assert.equal(refused, 0);
      assert.ok(strict.clock.now() - start <= longest * 1000, `${String(strict.clock.now() - start)} ms`);
      assert.equal(strict.posts().length, 1000);
    });
  }
});

describe('an account that moves', () => {
  /** Moves the first account. @returns the app password that its owner makes at the new server */
  const move = async (bench: Bench) => {
    const { password } = await bench.call('/sandbox/bluesky/bot-1.test/move/bluesky-2', {});
    return new Secret(String(password));
  };

  it('is looked for where it is now, and needs its new app password', async () => {
    for (const hasPosted of [false, true]) {
      const bench = new Bench();
      const { key, mark } = await bench.person();
      const account = bench.open(key);
      if (hasPosted) await account.post('one', { mark: mark() });
      const appPassword = await move(bench);
      const two = mark();
      const outcome = await account.post('two', { mark: two });
      assert.ok('failure' in outcome && outcome.failure.kind === 'reauth');
      assert.match(
        outcome.failure.reason,
        /has moved to http:\/\/127\.0\.0\.1:4010\/bluesky-2, which does not/,
      );
      const again = bench.open({ ...key, appPassword });
      assert.equal(kindOf(await again.post('two', { mark: two })), 'ok');
      assert.match(bench.sent.at(-1)?.url ?? '', /\/bluesky-2\/xrpc/);
      const found = await again.find(two);
      assert.ok('ok' in found && found.ok?.text === 'two');
      const moved = await again.movedTo();
      assert.equal('ok' in moved && moved.ok, 'http://127.0.0.1:4010/bluesky-2');
    }
  });

  it('is posted to where a read has found it', async () => {
    const bench = new Bench();
    const { key, mark } = await bench.person();
    const account = bench.open(key);
    await account.post('one', { mark: mark() });
    await move(bench);
    const found = await account.find(mark());
    assert.ok('ok' in found && found.ok === undefined);
    const outcome = await account.post('two', { mark: mark() });
    assert.ok('failure' in outcome && outcome.failure.kind === 'reauth');
    assert.match(
      outcome.failure.reason,
      /has moved to http:\/\/127\.0\.0\.1:4010\/bluesky-2, which does not/,
    );
  });

  it('is found for its timeline', async () => {
    const bench = new Bench();
    const { key, mark, userId } = await bench.person();
    await bench.open(key).post('one', { mark: mark() });
    await move(bench);
    const page = await bench.openAll()(key).timeline(userId, 'newest', { maxPosts: 100 });
    assert.ok('ok' in page);
    assert.deepEqual(
      page.ok.posts.map(({ text }) => text),
      ['one'],
    );
  });

  it('from a server that is gone is found by its DID', async () => {
    const bench = new Bench();
    const { key, mark } = await bench.person();
    const appPassword = await move(bench);
    bench.instead = ({ url }) => (url.includes('/bluesky/xrpc') ? unreachable : undefined);
    assert.equal(kindOf(await bench.open({ ...key, appPassword }).post('one', { mark: mark() })), 'ok');
  });

  it('is looked for once in ten minutes', async () => {
    const bench = new Bench();
    const { key, mark } = await bench.person();
    bench.instead = ({ url }) => (url.includes('/bluesky/xrpc') ? unreachable : undefined);
    const account = bench.open(key);
    for (let count = 0; count < 5; count++)
      assert.equal(kindOf(await account.post('one', { mark: mark() })), 'never-sent');
    assert.equal(bench.sent.filter(({ url }) => url.includes('/plc/')).length, 1);
    await bench.clock.runUntil(bench.clock.now() + 10 * 60_000);
    await account.post('one', { mark: mark() });
    assert.equal(bench.sent.filter(({ url }) => url.includes('/plc/')).length, 2);
  });

  it('and whose directory is down is where it was', async () => {
    const bench = new Bench();
    const { key, mark } = await bench.person();
    bench.instead = ({ url }) => (url.includes('/plc/') ? unreachable : undefined);
    assert.equal(kindOf(await bench.open(key).movedTo()), 'never-sent');
    assert.equal(kindOf(await bench.open(key).post('one', { mark: mark() })), 'ok');
  });

  it('is not posted to where it is only deactivated', async () => {
    const bench = new Bench();
    const { key, mark, access } = await bench.person();
    const account = bench.open(key);
    await account.post('one', { mark: mark() });
    await bench.call('server.deactivateAccount', {}, access);
    for (const one of [account, bench.openAll()(key)]) {
      const outcome = await one.post('two', { mark: mark() });
      assert.ok('failure' in outcome && outcome.failure.kind === 'suspended');
      assert.match(outcome.failure.reason, /deactivated/);
    }
  });
});
