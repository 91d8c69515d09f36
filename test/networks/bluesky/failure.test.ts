import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NoAnswer } from '../../../src/http/exchange.ts';
import { classify, errorIn } from '../../../src/networks/bluesky/failure.ts';
import type { Failure } from '../../../src/networks/network.ts';

const now = Date.parse('2026-11-21T09:00:00Z');
const date = new Date(now).toUTCString();

const read = (status: number, body: string, headers: Record<string, string> = {}): Failure =>
  classify({ status, headers, body }, now);
const xrpc = (error: string, message = ''): string => JSON.stringify({ error, message });

/** Messages and names of @atproto/pds 0.4 and 0.5. */
describe('what an answer of Bluesky means', () => {
  const rows: [status: number, error: string, message: string, kind: Failure['kind'], reason: RegExp][] = [
    [401, 'AuthenticationRequired', 'Invalid identifier or password', 'reauth', /refuses its app password/],
    [401, 'AuthFactorTokenRequired', 'A sign in code has been sent', 'reauth', /use an app password/],
    [401, 'AccountTakedown', 'Account has been taken down', 'suspended', /is suspended/],
    [400, 'RepoTakendown', 'Repo has been takendown: did:plc:a', 'suspended', /is suspended/],
    [401, 'AccountDeactivated', 'Account is deactivated', 'suspended', /is deactivated/],
    [400, 'AccountDeactivated', 'Account is deactivated', 'suspended', /is deactivated/],
    [400, 'RepoDeactivated', 'Repo has been deactivated', 'suspended', /is deactivated/],
    [403, 'AccountNotFound', 'Account not found', 'suspended', /not at this server/],
    [400, 'RepoNotFound', 'Could not find repo for DID: did:plc:a', 'suspended', /not at this server/],
    [400, 'InvalidRequest', 'Could not find repo: did:plc:a', 'suspended', /not at this server/],
    [400, 'ExpiredToken', 'Token has expired', 'unauthorized', /refuses its session/],
    [400, 'InvalidToken', 'Token could not be verified', 'unauthorized', /refuses its session/],
    [401, 'AuthMissing', 'Authentication Required', 'unauthorized', /refuses its session/],
    [401, 'AuthenticationRequired', 'Authentication Required', 'unauthorized', /refuses its session/],
    [403, 'Forbidden', 'No', 'unauthorized', /refuses its session/],
    [400, 'InvalidSwap', 'Record was at bafy', 'duplicate', /has a post with this key/],
    [400, 'InvalidRequest', 'Invalid app.bsky.feed.post record: grapheme too big (maximum 300, got 301)', 'rejected', /maximum 300, got 301\)/],
    [413, 'PayloadTooLarge', 'request entity too large', 'rejected', /refuses it/],
    [500, 'InternalServerError', 'Internal Server Error', 'in-doubt', /answered with an error/],
    [502, 'UpstreamFailure', 'pipethrough network error', 'in-doubt', /answered with an error/],
    [503, 'NotEnoughResources', '', 'in-doubt', /answered with an error \(503 NotEnoughResources\)/],
    [504, 'UpstreamTimeout', '', 'in-doubt', /answered with an error/],
    [501, 'MethodNotImplemented', 'Method Not Implemented', 'in-doubt', /answered with an error/],
  ]; // prettier-ignore
  for (const [status, error, message, kind, reason] of rows) {
    it(`${String(status)} ${error} "${message}" is ${kind}`, () => {
      const failure = read(status, xrpc(error, message));
      assert.equal(failure.kind, kind);
      assert.match(failure.reason, reason);
      assert.ok(!('foreign' in failure));
    });
  }

  const foreign: [name: string, status: number, body: string][] = [
    ['a web page that denies', 403, '<html>denied</html>'],
    ['a login page', 401, '<html>sign in</html>'],
    ['an empty 400', 400, ''],
    ['another JSON', 400, '{"errors":[{"code":89}]}'],
    ['an error without a name', 400, '{"error":""}'],
    ['a list', 400, '[]'],
    ['a server that is gone, in any format', 404, xrpc('NotFound', 'no such app')],
    ['a redirect', 302, ''],
    ['a 429 of a proxy', 429, '<html>slow down</html>'],
    ['half a body', 400, '{"error":"InvalidRe'],
  ];
  for (const [name, status, body] of foreign) {
    it(`${name} says nothing of the post`, () => {
      const failure = read(status, body);
      assert.deepEqual([failure.kind, 'foreign' in failure], ['in-doubt', true]);
      assert.doesNotMatch(failure.reason, /denied|sign in|slow/);
    });
  }

  it('no answer is in doubt, and never sent if no connection was made', () => {
    const sent = classify(new NoAnswer('cut', { sent: true }), now);
    assert.deepEqual(sent, { kind: 'in-doubt', isServed: true, reason: 'cut' });
    assert.equal(classify(new NoAnswer('refused', { sent: false }), now).kind, 'never-sent');
  });

  it('quotes a message in one short line', () => {
    const { reason } = read(400, xrpc('InvalidRequest', `a\nb\u001b[31m ${'x'.repeat(500)}`));
    assert.match(reason, /^Bluesky refuses it \(400 InvalidRequest a b \[31m x+\)$/);
    assert.ok(reason.length < 260);
  });

  it('has a name in the format of the network only', () => {
    assert.equal(errorIn({ status: 400, headers: {}, body: xrpc('ExpiredToken') }), 'ExpiredToken');
    assert.equal(errorIn({ status: 400, headers: {}, body: '<html>ExpiredToken' }), undefined);
  });
});

describe('how long a 429 holds', () => {
  const limited = (headers: Record<string, string>) => {
    const failure = read(429, xrpc('RateLimitExceeded', 'Rate Limit Exceeded'), headers);
    assert.equal(failure.kind, 'wait');
    return 'until' in failure ? { seconds: (failure.until - now) / 1000, scope: failure.scope } : undefined;
  };
  const resetIn = (seconds: number): string => String(now / 1000 + seconds);

  const rows: [name: string, headers: Record<string, string>, seconds: number, scope: 'bot' | 'app'][] = [
    ['until its reset', { 'ratelimit-reset': resetIn(90), 'retry-after': '7' }, 90, 'bot'],
    ['as it says otherwise', { 'retry-after': '7' }, 7, 'bot'],
    ['5 minutes where it says nothing', {}, 300, 'bot'],
    ['5 minutes where it says nonsense', { 'ratelimit-reset': 'soon', 'retry-after': 'never' }, 300, 'bot'],
    ['a second at least', { 'ratelimit-reset': resetIn(-1) }, 1, 'bot'],
    ['a day at most', { 'ratelimit-reset': resetIn(1e6) }, 86_400, 'bot'],
    ['not until a reset long past', { 'ratelimit-reset': resetIn(-3600) }, 300, 'bot'],
    ['one account', { 'ratelimit-reset': resetIn(90), 'ratelimit-policy': '5000;w=3600' }, 90, 'bot'],
    ['all bots here', { 'ratelimit-reset': resetIn(90), 'ratelimit-policy': '3000;w=300' }, 90, 'app'],
  ];
  for (const [name, headers, seconds, scope] of rows) {
    it(name, () => {
      assert.deepEqual(limited(headers), { seconds, scope });
    });
  }

  it('by the clock of the server', () => {
    const ahead = new Date(now + 3_600_000).toUTCString();
    assert.deepEqual(limited({ date, 'ratelimit-reset': resetIn(90) })?.seconds, 90);
    assert.deepEqual(limited({ date: ahead, 'ratelimit-reset': resetIn(3690) })?.seconds, 90);
  });
});
