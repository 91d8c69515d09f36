import { type Failure, describeSkew } from '../../../src/networks/network.ts';
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { NoAnswer } from '../../../src/http/exchange.ts';
import { classify, messageIn, sentenceOf } from '../../../src/networks/x/failure.ts';

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

/** X's own forms of a refusal: a problem (v2), and `errors` (v1.1). */
describe('what an answer of X means', () => {
  const app = 'This app is not allowed to do that.';
  const rows: [name: string, status: number, body: string, kind: Failure['kind']][] = [
    // The line.
    [
      'a bad request',
      400,
      problem('invalid-request', 'Invalid Request', 'One or more parameters was invalid.', 400),
      'rejected',
    ],
    ['a body that is too large', 413, problem('', 'Payload Too Large', '', 413), 'rejected'],
    ['a body it cannot read', 415, problem('', 'Unsupported Media Type', '', 415), 'rejected'],
    ['a body it will not have', 422, problem('', 'Unprocessable Entity', '', 422), 'rejected'],
    [
      'what it does not permit',
      403,
      problem('', 'Forbidden', 'You are not permitted to perform this action.', 403),
      'rejected',
    ],
    ['a text that is too long', 403, old(186, 'Tweet needs to be a bit shorter.'), 'rejected'],
    [
      'a duplicate, v2',
      403,
      problem('', 'Forbidden', 'You are not allowed to create a Tweet with duplicate content.', 403),
      'duplicate',
    ],
    ['a duplicate, v1.1', 403, old(187, 'Status is a duplicate.'), 'duplicate'],
    // The account.
    ['a dead token, v1.1', 401, old(89, 'Invalid or expired token.'), 'reauth'],
    ['a 401 that names nothing, v2', 401, problem('', 'Unauthorized', 'Unauthorized', 401), 'unauthorized'],
    ['a bad signature', 401, old(32, 'Could not authenticate you.'), 'unauthorized'],
    [
      'a suspended account, v2',
      403,
      problem('user-suspended', 'Forbidden', 'The user has been suspended.', 403),
      'suspended',
    ],
    [
      'a suspended account, in words',
      403,
      problem('', 'Forbidden', 'Your account is suspended and is not permitted to access this feature.', 403),
      'suspended',
    ],
    [
      'a suspended account, v1.1',
      403,
      old(64, 'Your account is not permitted to access this feature.'),
      'suspended',
    ],
    ['a suspended user, v1.1', 403, old(63, 'User has been suspended.'), 'suspended'],
    [
      'a locked account, v1.1',
      403,
      old(326, 'To protect our users from spam, this account is temporarily locked.'),
      'locked',
    ],
    [
      'a locked account, in words',
      403,
      problem('', 'Forbidden', 'This account is temporarily locked.', 403),
      'locked',
    ],
    [
      'an automated account, v1.1',
      403,
      old(226, 'This request looks like it might be automated.'),
      'automated',
    ],
    [
      'an automated account, in words',
      403,
      problem('', 'Forbidden', 'This request looks like it might be automated.', 403),
      'automated',
    ],
    // The app.
    [
      'an app that may only read',
      403,
      problem(
        'oauth1-permissions',
        'Forbidden',
        'Your client app is not configured with the appropriate oauth1 app permissions for this endpoint.',
        403,
      ),
      'read-only',
    ],
    [
      'a client that is forbidden',
      403,
      problem('client-forbidden', 'Client Forbidden', app, 403),
      'app-refused',
    ],
    [
      'a client that is not enrolled, as X says it',
      403,
      json({
        title: 'Client Forbidden',
        type: 'https://api.twitter.com/2/problems/client-forbidden',
        reason: 'client-not-enrolled',
        registration_url: 'https://developer.twitter.com/',
        detail:
          'When authenticating requests to the Twitter API v2 endpoints, you must use keys and tokens from a Twitter developer App that is attached to a Project.',
      }),
      'app-refused',
    ],
    [
      'a client that is not enrolled, in its reason alone',
      403,
      json({ title: 'Forbidden', detail: app, reason: 'client-not-enrolled' }),
      'app-refused',
    ],
    [
      'an app whose use is capped',
      429,
      problem('usage-capped', 'UsageCapExceeded', 'Usage cap exceeded: Monthly product cap', 429),
      'app-refused',
    ],
    [
      'an app whose use is capped, forbidden',
      403,
      problem('usage-capped', 'UsageCapExceeded', 'Usage cap exceeded: Monthly product cap', 403),
      'app-refused',
    ],
    [
      'an app with too little access',
      403,
      old(453, 'You currently have access to a subset of X API V2 endpoints.'),
      'app-refused',
    ],
    ['an app that cannot write', 403, old(261, 'Application cannot perform write actions.'), 'app-refused'],
    [
      'an app that cannot write, at 401',
      401,
      old(261, 'Application cannot perform write actions.'),
      'app-refused',
    ],
    ['a suspended app, v1.1', 403, old(416, 'Invalid / suspended application'), 'app-refused'],
    [
      'a suspended app, in words',
      403,
      problem('', 'Forbidden', 'This application has been suspended.', 403),
      'app-refused',
    ],
    [
      'a suspended app, at 401',
      401,
      problem('', 'Unauthorized', 'Your app is suspended', 401),
      'app-refused',
    ],
    [
      'no credit',
      402,
      json({ account_id: 1, title: 'CreditsDepleted', type: 'https://api.x.com/2/problems/credits' }),
      'no-credit',
    ],
    ['the spending cap', 403, problem('', 'SpendCapReached', 'The cap is reached.', 403), 'no-credit'],
    [
      'the spending cap, in words',
      403,
      problem('', 'Forbidden', 'Your spend cap was reached', 403),
      'no-credit',
    ],
    // Time.
    ['the daily limit', 403, old(185, 'User is over daily status update limit.'), 'limit'],
    [
      'the daily limit, v2',
      403,
      problem('', 'Forbidden', 'You have reached your daily limit for sending Tweets and messages.', 403),
      'limit',
    ],
    [
      'the daily limit, in other words',
      403,
      problem('', 'Forbidden', 'This account is over the daily post limit', 403),
      'limit',
    ],
    [
      'the limit for the day',
      403,
      problem('', 'Forbidden', 'You have reached the limit for the day', 403),
      'limit',
    ],
    ['the limit of replies', 403, old(344, 'You have reached your daily limit.'), 'limit'],
    ['a rate limit that is forbidden', 403, old(88, 'Rate limit exceeded'), 'limit'],
    ['a limit', 429, problem('', 'Too Many Requests', 'Too Many Requests', 429), 'wait'],
    ['a limit, v1.1', 429, old(88, 'Rate limit exceeded'), 'wait'],
    // Our clock.
    ['a clock that is wrong', 401, old(135, 'Timestamp out of bounds.'), 'clock'],
    [
      'a clock that is wrong, in words',
      401,
      problem('', 'Unauthorized', 'Timestamp out of bounds.', 401),
      'clock',
    ],
    ['a clock that is wrong, at 403', 403, old(135, 'Timestamp out of bounds.'), 'clock'],
    // Anything else: it may have been accepted.
    [
      'no such endpoint',
      404,
      problem('resource-not-found', 'Not Found Error', 'Could not find what was asked for.', 404),
      'in-doubt',
    ],
    ['its own trouble', 500, problem('', 'Internal Server Error', '', 500), 'in-doubt'],
    ['no service', 503, problem('', 'Service Unavailable', 'Service Unavailable', 503), 'in-doubt'],
    [
      'no service, with words that would mean something at 403',
      503,
      old(187, 'duplicate content, suspended'),
      'in-doubt',
    ],
    ['a request that took too long', 408, problem('', 'Request Timeout', '', 408), 'in-doubt'],
    ['a conflict', 409, problem('', 'Conflict', '', 409), 'in-doubt'],
    ['a proxy that wants a password, in JSON', 407, problem('', 'Proxy', '', 407), 'in-doubt'],
  ];
  for (const [name, status, body, kind] of rows) {
    it(`${status}, ${name}: ${kind}`, () => {
      const found = classify({ status, headers: {}, body }, now);
      assert.equal(found.kind, kind);
      assert.match(found.reason, new RegExp(`^[^()]{8,70} \\(${status} .+\\)$`));
      assert.ok(!('foreign' in found), 'it is the word of X');
    });
  }

  it('shows the sentence of X, and that of each of its errors', () => {
    const reasonOf = (body: string): string | undefined =>
      /\((.*)\)$/.exec(classify({ status: 403, headers: {}, body }, now).reason)?.[1];
    const detail = 'You have reached\nyour daily limit.';
    assert.equal(reasonOf(json({ title: 'Forbidden', detail })), '403 You have reached your daily limit');
    assert.equal(reasonOf(json({ title: 'Client Forbidden' })), '403 Client Forbidden');
    const errors = [
      { code: 1, message: 'One thing' },
      { code: 2, message: 'and another.' },
    ];
    assert.equal(reasonOf(json({ errors })), '403 One thing; and another');
  });

  it('tells a request that was not sent from one that may have been', () => {
    assert.deepEqual(classify(new NoAnswer('no route', { sent: false }), now), {
      kind: 'never-sent',
      reason: 'no route',
    });
    assert.deepEqual(classify(new NoAnswer('cut', { sent: true }), now), {
      kind: 'in-doubt',
      isServed: true,
      reason: 'cut',
    });
  });
});

describe('an answer that is not in the format of X', () => {
  const bodies: Record<string, string> = {
    'a web page': '<html><head><title>Forbidden, suspended, duplicate content</title></head></html>',
    'a web page after white space': '\r\n  <!DOCTYPE html><p>code 89</p>',
    'an empty body': '',
    'white space': ' \n',
    'an empty object': '{}',
    'a list': '[]',
    null: 'null',
    'a number': '89',
    'a text': 'Unauthorized',
    'a text in JSON': '"duplicate content"',
    'half of a refusal': '{"title":"Forbidden","detail":"You are not per',
    'no error in a list of errors': '{"errors":[]}',
    'errors that say nothing': '{"errors":[{}]}',
    'errors that are texts': '{"errors":["Invalid or expired token."]}',
    'another JSON': '{"error":"invalid_token","error_description":"account is suspended"}',
    'a message of a gateway': '{"message":"Forbidden","code":89}',
    'titles that are no texts': '{"title":89,"detail":["duplicate content"],"type":{}}',
  };
  for (const status of [400, 401, 402, 403, 404, 407, 413, 422, 429, 502, 503, 511]) {
    it(`is the word of nobody, with ${status}`, () => {
      for (const [name, body] of Object.entries(bodies)) {
        const found = classify({ status, headers: {}, body }, now);
        assert.ok(found.kind === 'in-doubt' && found.foreign === true, name);
        assert.ok(!('isServed' in found), `${name} has cost nothing`);
        assert.match(found.reason, new RegExp(`^${status} with .* not X's`));
        // Its words are nobody's, and may be anything.
        assert.doesNotMatch(found.reason, /suspended|duplicate|token|Unauthorized/);
      }
    });
  }

  it('is told from a success and from what X says', () => {
    const of = (status: number, body: string): boolean =>
      messageIn({ status, headers: {}, body }) !== undefined;
    assert.equal(of(401, problem('', 'Unauthorized', 'Unauthorized', 401)), true);
    assert.equal(of(401, old(32, 'Could not authenticate you.')), true);
    assert.equal(of(200, '<html>'), false);
    assert.equal(of(401, ''), false);
  });

  it('has no sentence of X to show', () => {
    const of = (body: string): string | undefined => sentenceOf({ status: 403, headers: {}, body });
    assert.equal(of('<html>no</html>'), undefined);
    assert.equal(
      of(old(453, 'You currently have access to a subset.')),
      'You currently have access to a subset',
    );
    assert.equal(of(json({ type: 'about:blank' })), undefined);
  });
});

describe('the Date of an answer, as a witness of our clock', () => {
  const headersAt = (ahead: number): Record<string, string> => ({
    date: new Date(now + ahead).toUTCString(),
  });
  const bare = problem('', 'Unauthorized', 'Unauthorized', 401);
  const minute = 60_000;
  const rows: [name: string, status: number, ahead: number, body: string, kind: Failure['kind']][] = [
    ['a 401 within a minute', 401, 59_000, bare, 'unauthorized'],
    ['a 401 within a minute, behind', 401, -59_000, bare, 'unauthorized'],
    ['a 401 more than a minute off', 401, 62_000, bare, 'clock'],
    ['a 401 more than a minute off, behind', 401, -62_000, bare, 'clock'],
    ['a 401 years off', 401, 56 * 365 * 24 * 60 * minute, bare, 'clock'],
    ['a 401 that calls the key dead', 401, 20 * minute, old(89, 'Invalid or expired token.'), 'clock'],
    ['a 403', 403, 20 * minute, problem('user-suspended', 'Forbidden', 'suspended', 403), 'suspended'],
    ['a 401 that is not of X', 401, 20 * minute, '<html>', 'in-doubt'],
  ];
  for (const [name, status, ahead, body, kind] of rows) {
    it(`${name}: ${kind}`, () => {
      const found = classify({ status, headers: headersAt(ahead), body }, now);
      assert.equal(found.kind, kind);
      if (kind === 'clock')
        assert.match(found.reason, /^this machine's clock is .* (behind|ahead of) X's \(/);
    });
  }

  it('tells nothing where it is no date, or missing', () => {
    for (const headers of [{}, { date: '' }, { date: 'yesterday' }])
      assert.equal(classify({ status: 401, headers, body: bare }, now).kind, 'unauthorized');
  });

  for (const [ahead, shown] of [
    [-62_000, '62 s ahead of'],
    [20 * minute, '20 min behind'],
    [-5 * 60 * minute, '5 h ahead of'],
    [20_000 * 24 * 60 * minute, '20000 days behind'],
  ] as const)
    it(`reads as: ${shown} X's`, () => {
      assert.equal(describeSkew(ahead, 'X'), `this machine's clock is ${shown} X's`);
    });
});

describe('a limit of X', () => {
  const seconds = now / 1000;
  const quarter = 15 * 60;
  const day = 24 * 60 * 60;
  const rows: [name: string, headers: Record<string, string>, waits: number, scope: 'bot' | 'app'][] = [
    ['without headers', {}, quarter, 'bot'],
    [
      'of the bot’s window',
      { 'x-rate-limit-remaining': '0', 'x-rate-limit-reset': String(seconds + 60) },
      60,
      'bot',
    ],
    [
      'of the bot’s window, in milliseconds',
      { 'x-rate-limit-remaining': '0', 'x-rate-limit-reset': String(now + 60_000) },
      60,
      'bot',
    ],
    [
      'of the bot’s day',
      {
        'x-rate-limit-remaining': '5',
        'x-rate-limit-reset': String(seconds + 60),
        'x-user-limit-24hour-remaining': '0',
        'x-user-limit-24hour-reset': String(seconds + 7200),
      },
      7200,
      'bot',
    ],
    [
      'of the app’s day',
      {
        'x-rate-limit-remaining': '5',
        'x-rate-limit-reset': String(seconds + 60),
        'x-app-limit-24hour-remaining': '0',
        'x-app-limit-24hour-reset': String(seconds + 9000),
      },
      9000,
      'app',
    ],
    [
      'of the app’s day, in milliseconds',
      { 'x-app-limit-24hour-remaining': '0', 'x-app-limit-24hour-reset': String(now + 9_000_000) },
      9000,
      'app',
    ],
    [
      'of the app’s day and the window too',
      {
        'x-rate-limit-remaining': '0',
        'x-rate-limit-reset': String(seconds + 60),
        'x-app-limit-24hour-remaining': '0',
        'x-app-limit-24hour-reset': String(seconds + 9000),
      },
      9000,
      'app',
    ],
    [
      'nobody tells, while the window has requests left',
      { 'x-rate-limit-remaining': '5', 'x-rate-limit-reset': String(seconds + 60) },
      quarter,
      'bot',
    ],
    [
      'by X’s own clock, where ours is an hour ahead',
      {
        date: new Date(now - 3_600_000).toUTCString(),
        'x-rate-limit-remaining': '0',
        'x-rate-limit-reset': String(seconds - 3600 + 60),
      },
      60,
      'bot',
    ],
    [
      'whose reset is past',
      { 'x-rate-limit-remaining': '0', 'x-rate-limit-reset': String(seconds - 60) },
      quarter,
      'bot',
    ],
    [
      'whose reset has just passed',
      { 'x-rate-limit-remaining': '0', 'x-rate-limit-reset': String(seconds - 30) },
      1,
      'bot',
    ],
    [
      'whose reset is no number',
      { 'x-rate-limit-remaining': '0', 'x-rate-limit-reset': 'soon' },
      quarter,
      'bot',
    ],
    [
      'whose reset is years away',
      { 'x-rate-limit-remaining': '0', 'x-rate-limit-reset': String(seconds + 400 * day) },
      day,
      'bot',
    ],
    ['without a reset', { 'x-rate-limit-remaining': '0' }, quarter, 'bot'],
    ['with retry-after only', { 'retry-after': '30' }, 30, 'bot'],
    ['with retry-after 0', { 'retry-after': '0' }, quarter, 'bot'],
    ['with a date in retry-after', { 'retry-after': 'Fri, 01 May 2026 10:00:00 GMT' }, 3600, 'bot'],
    [
      'with a date in retry-after that is past',
      { 'retry-after': 'Fri, 01 May 2026 08:00:00 GMT' },
      quarter,
      'bot',
    ],
    [
      'with a date in retry-after that is years away',
      { 'retry-after': 'Sat, 01 May 2027 08:00:00 GMT' },
      day,
      'bot',
    ],
    ['with words in retry-after', { 'retry-after': 'later' }, quarter, 'bot'],
  ];
  for (const [name, headers, waits, scope] of rows) {
    it(name, () => {
      const body = problem('', 'Too Many Requests', 'Too Many Requests', 429);
      const found = classify({ status: 429, headers, body }, now);
      const reason = 'X limits its requests for now (429 Too Many Requests)';
      assert.deepEqual(found, { kind: 'wait', until: now + waits * 1000, scope, reason });
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
        assert.ok(found.reason.length <= 290);
        if (found.kind === 'wait')
          assert.ok(found.until > now && !Number.isNaN(new Date(found.until).getTime()));
      }),
      { numRuns: 1000 },
    );
  });
});
