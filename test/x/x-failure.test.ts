import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { NoAnswer } from '../../src/http/exchange.ts';
import { classify, type XFailure } from '../../src/x/x-failure.ts';

const now = Date.parse('2026-05-01T09:00:00Z');
const json = (value: unknown): string => JSON.stringify(value);
const problem = (type: string, title: string, detail: string, status: number): string =>
  json({
    type: type === '' ? 'about:blank' : `https://api.twitter.com/2/problems/${type}`,
    title,
    detail,
    status,
  });
const old = (code: number, message: string): string => json({ errors: [{ code, message }] });

describe('what an answer of X means', () => {
  const rows: [name: string, status: number, body: string, kind: XFailure['kind']][] = [
    ['a bad request', 400, problem('invalid-request', 'Invalid Request', 'One or more parameters was invalid.', 400), 'rejected'],
    ['no such endpoint', 404, '', 'rejected'],
    ['a body that is too large', 413, '', 'rejected'],
    ['a body it cannot read', 415, '', 'rejected'],
    ['a body it will not have', 422, '', 'rejected'],
    ['a dead token, v2', 401, problem('', 'Unauthorized', 'Unauthorized', 401), 'reauth'],
    ['a dead token, v1.1', 401, old(89, 'Invalid or expired token.'), 'reauth'],
    ['a bad signature', 401, old(32, 'Could not authenticate you.'), 'reauth'],
    ['a clock that is wrong', 401, old(135, 'Timestamp out of bounds.'), 'reauth'],
    ['401 in plain text', 401, 'Unauthorized', 'reauth'],
    ['no credit', 402, json({ account_id: 1, title: 'CreditsDepleted', type: 'https://api.x.com/2/problems/credits' }), 'no-credit'],
    ['no credit, without a body', 402, '', 'no-credit'],
    ['the spending cap', 403, problem('', 'SpendCapReached', 'The cap is reached.', 403), 'no-credit'],
    ['the spending cap, in words', 403, problem('', 'Forbidden', 'Your spend cap was reached', 403), 'no-credit'],
    ['a duplicate, v2', 403, problem('', 'Forbidden', 'You are not allowed to create a Tweet with duplicate content.', 403), 'duplicate'],
    ['a duplicate, v1.1', 403, old(187, 'Status is a duplicate.'), 'duplicate'],
    ['an app that may only read', 403, problem('oauth1-permissions', 'Forbidden', 'Your client app is not configured with the appropriate oauth1 app permissions for this endpoint.', 403), 'read-only'],
    ['a suspended account, v2', 403, problem('user-suspended', 'Forbidden', 'The user has been suspended.', 403), 'suspended'],
    ['a suspended account, v1.1', 403, old(64, 'Your account is not permitted to access this feature.'), 'suspended'],
    ['a locked account', 403, old(326, 'To protect our users from spam, this account is temporarily locked.'), 'suspended'],
    ['what it does not permit', 403, problem('', 'Forbidden', 'You are not permitted to perform this action.', 403), 'rejected'],
    ['403 with a web page', 403, '<html>no</html>', 'rejected'],
    ['a limit', 429, problem('', 'Too Many Requests', 'Too Many Requests', 429), 'wait'],
    ['a limit, v1.1', 429, old(88, 'Rate limit exceeded'), 'wait'],
    ['its own trouble', 500, problem('', 'Internal Server Error', '', 500), 'in-doubt'],
    ['an upstream that is down', 502, '<html><h1>502</h1></html>', 'in-doubt'],
    ['no service', 503, problem('', 'Service Unavailable', 'Service Unavailable', 503), 'in-doubt'],
    ['no service, with words that would mean something at 403', 503, old(187, 'duplicate content, suspended'), 'in-doubt'],
    ['a gateway that waited in vain', 504, '', 'in-doubt'],
    ['a redirect', 302, '', 'in-doubt'],
    ['not modified', 304, '', 'in-doubt'],
    ['a request that took too long', 408, '', 'in-doubt'],
    ['a conflict', 409, '', 'in-doubt'],
    ['a status nobody knows', 599, '', 'in-doubt'],
  ]; // prettier-ignore
  for (const [name, status, body, kind] of rows) {
    it(`${status}, ${name}: ${kind}`, () => {
      const found = classify({ status, headers: {}, body }, now);
      assert.equal(found.kind, kind);
      assert.match(found.reason, new RegExp(`^${status}`));
    });
  }

  it('tells a request that was not sent from one that may have been', () => {
    assert.deepEqual(classify(new NoAnswer('no route', false), now), {
      kind: 'never-sent',
      reason: 'no route',
    });
    assert.deepEqual(classify(new NoAnswer('cut', true), now), { kind: 'in-doubt', reason: 'cut' });
  });
});

describe('a limit of X', () => {
  const seconds = now / 1000;
  const quarter = 15 * 60;
  const rows: [name: string, headers: Record<string, string>, waits: number, scope: 'bot' | 'app'][] = [
    ['without headers', {}, quarter, 'bot'],
    ['of the bot’s window', { 'x-rate-limit-remaining': '0', 'x-rate-limit-reset': String(seconds + 60) }, 60, 'bot'],
    ['of the bot’s day', { 'x-rate-limit-remaining': '5', 'x-rate-limit-reset': String(seconds + 60), 'x-user-limit-24hour-remaining': '0', 'x-user-limit-24hour-reset': String(seconds + 7200) }, 7200, 'bot'],
    ['of the app’s day', { 'x-rate-limit-remaining': '5', 'x-rate-limit-reset': String(seconds + 60), 'x-app-limit-24hour-remaining': '0', 'x-app-limit-24hour-reset': String(seconds + 9000) }, 9000, 'app'],
    ['of the app’s day and the window too', { 'x-rate-limit-remaining': '0', 'x-rate-limit-reset': String(seconds + 60), 'x-app-limit-24hour-remaining': '0', 'x-app-limit-24hour-reset': String(seconds + 9000) }, 9000, 'app'],
    ['nobody tells, while the window has requests left', { 'x-rate-limit-remaining': '5', 'x-rate-limit-reset': String(seconds + 60) }, quarter, 'bot'],
    ['whose reset is past', { 'x-rate-limit-remaining': '0', 'x-rate-limit-reset': String(seconds - 60) }, quarter, 'bot'],
    ['whose reset is no number', { 'x-rate-limit-remaining': '0', 'x-rate-limit-reset': 'soon' }, quarter, 'bot'],
    ['without a reset', { 'x-rate-limit-remaining': '0' }, quarter, 'bot'],
    ['with retry-after only', { 'retry-after': '30' }, 30, 'bot'],
    ['with retry-after 0', { 'retry-after': '0' }, quarter, 'bot'],
    ['with a date in retry-after', { 'retry-after': 'Fri, 01 May 2026 10:00:00 GMT' }, quarter, 'bot'],
  ]; // prettier-ignore
  for (const [name, headers, waits, scope] of rows) {
    it(name, () => {
      const found = classify({ status: 429, headers, body: '' }, now);
      assert.deepEqual(found, { kind: 'wait', until: now + waits * 1000, scope, reason: '429' });
    });
  }
});

describe('any answer', () => {
  it('means something, with a reason of one short line and a wait that ends', () => {
    const header = fc.constantFrom(
      'x-rate-limit-remaining',
      'x-rate-limit-reset',
      'retry-after',
      'x-app-limit-24hour-reset',
    );
    const headers = fc.dictionary(
      header,
      fc.oneof(fc.constantFrom('0', '-1', '1e99', 'Infinity', 'NaN', ''), fc.string()),
    );
    const status = fc.oneof(
      fc.constantFrom(400, 401, 402, 403, 429, 500),
      fc.integer({ min: 100, max: 999 }),
    );
    const body = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.jsonValue().map(json),
      fc.record({ title: fc.jsonValue(), detail: fc.string(), errors: fc.jsonValue() }).map(json),
    );
    fc.assert(
      fc.property(status, headers, body, (code, given, text) => {
        const found = classify({ status: code, headers: given, body: text }, now);
        assert.doesNotMatch(found.reason, /[\n\r\u0000-\u001f\u001b]/); // eslint-disable-line no-control-regex
        assert.ok(found.reason.length <= 210);
        if (found.kind === 'wait')
          assert.ok(found.until > now && !Number.isNaN(new Date(found.until).getTime()));
      }),
      { numRuns: 1000 },
    );
  });
});
