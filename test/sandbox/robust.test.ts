import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { Bench } from './client.ts';

const paths = [
  '/',
  '/oauth/request_token',
  '/oauth/access_token',
  '/oauth/authorize',
  '/oauth/authenticate',
  '/flickr/services/oauth/request_token',
  '/flickr/services/oauth/authorize',
  '/flickr/services/oauth/access_token',
  '/flickr/services/rest',
  '/tumblr/oauth/request_token',
  '/tumblr/oauth/authorize',
  '/tumblr/oauth/access_token',
  '/tumblr/v2/user/info',
  '/2/tweets',
  '/2/tweets/1',
  '/2/users/me',
  '/1.1/statuses/update.json',
  '/sandbox/faults',
  '/sandbox/credits',
  '/sandbox/clock',
  '/sandbox/accounts/%ff/suspend',
];

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('%', '%zz', '{"fault":{}}', 'oauth_token=%ff', '\uD800'),
);

const request = fc.record({
  method: fc.constantFrom('GET', 'POST', 'DELETE', 'HEAD', 'BREW'),
  url: fc.tuple(fc.constantFrom(...paths), text).map(([path, query]) => `${path}?${query}`),
  host: fc.constantFrom('127.0.0.1:4010', 'api.x.com', '[::1]', '', 'localhost:99999'),
  headers: fc.record({
    authorization: fc.oneof(
      text,
      text.map((value) => `OAuth oauth_consumer_key="app-key", oauth_token="${value}"`),
    ),
    'content-type': fc.constantFrom('application/json', 'application/x-www-form-urlencoded', ''),
    cookie: text,
  }),
  body: text,
});

it('whatever comes in, the sandbox answers and keeps its world', () => {
  const bench = new Bench();
  fc.assert(
    fc.property(request, (sent) => {
      const { status } = bench.sandbox.handle(sent);
      assert.ok(status >= 200 && status < 500, String(status));
    }),
    { numRuns: 2_000 },
  );
  assert.deepEqual(bench.sandbox.world.posts, []);
  assert.equal(bench.sandbox.world.accounts.length, 0);
});

it('a signature covers any parameters there can be', () => {
  const bench = new Bench({ limits: { me: null } });
  const key = bench.dance('howl');
  // oauth-1.0a cannot carry a parameter of the name __proto__.
  const name = fc.string({ unit: 'grapheme' }).filter((word) => !/^(oauth_.*|__proto__)$/.test(word));
  fc.assert(
    fc.property(fc.array(fc.tuple(name, fc.string({ unit: 'grapheme' }))), (parameters) => {
      const url = `/2/users/me?${new URLSearchParams(parameters).toString()}`;
      assert.equal(bench.send({ url, token: key }).status, 200);
    }),
    { numRuns: 2_000 },
  );
});
