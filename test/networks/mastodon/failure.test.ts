import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { NoAnswer } from '../../../src/http/exchange.ts';
import { classify, sentenceOf } from '../../../src/networks/mastodon/failure.ts';
import type { Failure } from '../../../src/networks/network.ts';

const now = Date.parse('2026-11-21T09:00:00Z');
const error = (words: string, description?: string): string =>
  JSON.stringify({ error: words, ...(description !== undefined && { error_description: description }) });
const answer = (status: number, body: string, headers: Record<string, string> = {}) => ({
  status,
  headers,
  body,
});

describe('what an answer of a server with the API of Mastodon means', () => {
  const rows: [name: string, status: number, body: string, kind: Failure['kind']][] = [
    // The line.
    ['Mastodon: too long', 422, error('Validation failed: Text character limit of 500 exceeded'), 'rejected'],
    ['Mastodon: empty', 422, error("Validation failed: Text can't be blank"), 'rejected'],
    ['Mastodon: not permitted', 403, error('This action is not allowed'), 'rejected'],
    ['GoToSocial: too long', 400, error('Bad Request: status too long, 5,001 characters'), 'rejected'],
    ['Pleroma: too long', 422, error('The status is over the character limit'), 'rejected'],
    [
      'Pixelfed: a validation',
      422,
      '{"message":"The status is too long.","errors":{"status":["long"]}}',
      'rejected',
    ],
    ['a body that is too large', 413, error('Payload Too Large'), 'rejected'],
    // The key.
    ['Mastodon: an unknown key', 401, error('The access token is invalid'), 'reauth'],
    ['Mastodon: a revoked key', 401, error('The access token was revoked'), 'reauth'],
    ['Mastodon: an expired key', 401, error('The access token expired'), 'reauth'],
    ['GoToSocial: a bad key', 401, error('Unauthorized: token not supplied'), 'unauthorized'],
    ['Pleroma: a bad key', 403, error('Invalid credentials.'), 'unauthorized'],
    [
      'Sharkey: any fault',
      401,
      '{"error":{"message":"Internal error","code":"INTERNAL_ERROR"}}',
      'unauthorized',
    ],
    ['snac: a bad key', 401, '', 'unauthorized'],
    ['Mastodon: too few scopes', 403, error('This action is outside the authorized scopes'), 'read-only'],
    ['Pleroma: too few scopes', 403, error('Insufficient permissions: write:statuses.'), 'read-only'],
    [
      'GoToSocial: too few scopes',
      403,
      error('Forbidden: token has insufficient scope permission'),
      'read-only',
    ],
    // The account.
    ['Mastodon: suspended', 403, error('Your login is currently disabled'), 'suspended'],
    ['Mastodon: not approved', 403, error('Your login is currently pending approval'), 'locked'],
    [
      'Mastodon: no confirmed address',
      403,
      error('Your login is missing a confirmed e-mail address'),
      'locked',
    ],
    ['Misskey: suspended', 403, '{"error":{"message":"no","code":"YOUR_ACCOUNT_SUSPENDED"}}', 'suspended'],
    [
      'GoToSocial: moved',
      403,
      error('Forbidden: your account has Moved or is currently Moving'),
      'suspended',
    ],
    // Time.
    ['Mastodon: too many', 429, error('Too many requests'), 'wait'],
    ['Pleroma: too many', 429, error('Throttled'), 'wait'],
    // It may have been posted.
    ['Mastodon: an error', 500, error('An error occurred'), 'in-doubt'],
    ['Mastodon: a race', 503, error('There was a temporary problem serving your request'), 'in-doubt'],
    ['a gateway', 502, '<html><h1>Bad Gateway</h1></html>', 'in-doubt'],
    ['a gateway that waited', 504, '', 'in-doubt'],
    ['Pixelfed: a repeated key', 400, error('Duplicate idempotency key.'), 'in-doubt'],
    ['a conflict', 409, error('Conflict'), 'in-doubt'],
    // It is not the server.
    ['a login page', 403, '<!doctype html><p>Sign in</p>', 'in-doubt'],
    ['a challenge before too many', 429, '<html>Just a moment</html>', 'in-doubt'],
    ['another format', 403, '{"message":"blocked"}', 'in-doubt'],
    ['an empty 403', 403, '', 'in-doubt'],
    ['another domain', 301, '', 'in-doubt'],
    ['a server that was shut down', 404, '<html>404</html>', 'in-doubt'],
    ['a server that was shut down, in JSON', 404, error('Not Found'), 'in-doubt'],
    ['a server that is gone', 410, error('Gone'), 'in-doubt'],
  ];
  for (const [name, status, body, kind] of rows) {
    it(`${name}: ${status} is ${kind}`, () => {
      const failure = classify(answer(status, body), 'POST', now);
      assert.equal(failure.kind, kind, failure.reason);
      assert.match(failure.reason, new RegExp(String(status)));
    });
  }

  it('says in our words what it is, with the words of the server behind it', () => {
    const reason = (status: number, body: string): string =>
      classify(answer(status, body), 'POST', now).reason;
    const dead = error('The access token is invalid.');
    assert.equal(reason(401, dead), 'its server refuses its key (401 The access token is invalid)');
    const moved = error('your account has Moved');
    assert.equal(reason(403, moved), 'its account has moved to another server (403 your account has Moved)');
    assert.equal(reason(401, ''), 'its server refuses its key (401)');
    assert.match(reason(403, '<html>'), /^403 with a web page that is not the server's/);
    assert.equal(reason(404, error('Not Found')), 'there is no Mastodon at its address (404 Not Found)');
  });

  it('takes what is between here and a server, and a dead server, for foreign', () => {
    for (const [status, body] of [
      [404, error('Not Found')],
      [410, error('Gone')],
      [404, '<html>'],
      [200, '<html>'],
      [403, ''],
      [302, ''],
    ] as const) {
      const failure = classify(answer(status, body), 'POST', now);
      assert.ok(failure.kind === 'in-doubt' && failure.foreign === true, String(status));
    }
    const own = classify(answer(500, error('An error occurred')), 'POST', now);
    assert.ok(own.kind === 'in-doubt' && own.foreign === undefined);
  });

  it('takes the empty 422 of snac for its key at a GET alone', () => {
    assert.equal(classify(answer(422, ''), 'GET', now).kind, 'unauthorized');
    assert.equal(classify(answer(422, ''), 'POST', now).kind, 'in-doubt');
    assert.equal(classify(answer(422, '<html>'), 'GET', now).kind, 'in-doubt');
  });

  it('is in doubt after a refusal that is about the mark: its first attempt may have posted', () => {
    assert.equal(classify(answer(400, error('Duplicate idempotency key.')), 'POST', now).kind, 'in-doubt');
    assert.equal(classify(answer(400, error('Duplicate.')), 'POST', now).kind, 'rejected');
  });

  it('tells a request that was never sent from one that may have arrived', () => {
    const kind = (sent: boolean): string => classify(new NoAnswer('no', { sent }), 'POST', now).kind;
    assert.deepEqual([kind(true), kind(false)], ['in-doubt', 'never-sent']);
  });
});

describe('how long a 429 holds a bot', () => {
  const minute = 60_000;
  const waitOf = (headers: Record<string, string>): number => {
    const failure = classify(answer(429, error('Too many requests'), headers), 'POST', now);
    assert.ok(failure.kind === 'wait');
    assert.equal(failure.scope, 'bot');
    return failure.until - now;
  };
  const rows: [name: string, headers: Record<string, string>, wait: number][] = [
    ['a date with microseconds', { 'x-ratelimit-reset': '2026-11-21T09:03:00.123456Z' }, 180_123],
    ['seconds since 1970 (GoToSocial)', { 'x-ratelimit-reset': String(now / 1000 + 90) }, 90_000],
    ['no header', {}, 5 * minute],
    ['no date', { 'x-ratelimit-reset': 'soon' }, 5 * minute],
    ['seconds from now', { 'retry-after': '40' }, 40_000],
    ['a reset long ago', { 'x-ratelimit-reset': '2026-11-20T09:00:00Z', 'retry-after': '40' }, 40_000],
    ['a reset just now', { 'x-ratelimit-reset': '2026-11-21T08:59:59Z' }, 1000],
    ['a reset in a year', { 'x-ratelimit-reset': '2027-11-21T09:00:00Z' }, 24 * 60 * minute],
    [
      'a clock of the server that is an hour ahead',
      { 'x-ratelimit-reset': '2026-11-21T10:03:00Z', date: 'Sat, 21 Nov 2026 10:00:00 GMT' },
      3 * minute,
    ],
  ];
  for (const [name, headers, wait] of rows) {
    it(name, () => {
      assert.equal(waitOf(headers), wait);
    });
  }
});

describe('any answer', () => {
  it('is classified, and no web page is quoted or a refusal', () => {
    const page = fc.string().map((text) => `<html>${text}</html>`);
    fc.assert(
      fc.property(
        fc.integer({ min: 300, max: 599 }),
        fc.oneof(fc.string(), page, fc.json()),
        (status, body) => {
          for (const method of ['GET', 'POST'] as const) {
            const failure = classify(answer(status, body), method, now);
            assert.doesNotMatch(failure.reason, /[\n\r]|<html/);
            if (body.startsWith('<html')) assert.equal(failure.kind, 'in-doubt');
            if (status >= 500) assert.equal(failure.kind, 'in-doubt');
          }
        },
      ),
    );
  });

  it('has a sentence of one short line, if it is in a format of a server', () => {
    assert.equal(sentenceOf(answer(422, error('one\n two\u0007three.'))), 'one two three');
    assert.equal(sentenceOf(answer(400, error('invalid_grant', 'It is old.'))), 'It is old');
    assert.equal(sentenceOf(answer(422, error('x'.repeat(900))))?.length, 200);
    for (const body of ['', '<p>', '[]', 'null', '{}', '{"error":""}', '{"error":1}', '{"message":"no"}'])
      assert.equal(sentenceOf(answer(422, body)), undefined, body);
  });
});
