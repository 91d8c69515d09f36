import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { systemClock } from '../../src/clock.ts';
import type { Exit, FlockError } from '../../src/errors.ts';
import type { HttpAnswer, HttpRequest } from '../../src/http/exchange.ts';
import {
  openOAuth1Client,
  quotable,
  readAccessToken,
  readRequestToken,
  readWhoAmI,
  VerifierRefused,
} from '../../src/oauth/client.ts';
import { xProvider } from '../../src/oauth/providers.ts';
import { TokenPair } from '../../src/oauth/signature.ts';
import { outcome } from './hostile.ts';

const x = xProvider('https://api.x.com');
const now = Date.parse('2026-11-30T12:00:00Z');

/** What comes of a refusal at a step. */
function refused(
  step: 'first' | 'last',
  said: Partial<HttpAnswer> & { status: number; json?: object },
): FlockError {
  const { status, headers = {}, json, body = json ? JSON.stringify(json) : '' } = said;
  const read = (answer: HttpAnswer): unknown =>
    step === 'first' ? readRequestToken(answer, x, now) : readAccessToken(answer, x);
  return outcome(read, x, { status, headers, body }) as FlockError;
}

const notEnrolled = {
  title: 'Client Forbidden',
  type: 'https://api.x.com/2/problems/client-forbidden',
  reason: 'client-not-enrolled',
  detail:
    'When authenticating requests to the X API v2 endpoints, you must use keys and tokens from a developer App that is attached to a Project. You can create a project via the developer portal.',
};

describe('a refusal in the words of the provider', () => {
  const rows: [
    name: string,
    said: Parameters<typeof refused>[1],
    exit: Exit,
    message: RegExp,
    hint: RegExp,
  ][] = [
    [
      'an app in no project',
      { status: 403, json: notEnrolled },
      'config',
      /^X does not let the app in: “When .* attached to a Project\. You can create/,
      /Manage apps, Move to package, Pay-per-use, Production/,
    ],
    [
      'an app with too little access',
      {
        status: 403,
        json: {
          errors: [{ code: 453, message: 'You currently have access to a subset of X API V2 endpoints' }],
        },
      },
      'config',
      /let the app in: “You currently have access to a subset/,
      /Pay-per-use/,
    ],
    [
      'what nobody has heard of before',
      { status: 403, json: { title: 'Forbidden', detail: 'Not on a Sunday.' } },
      'unavailable',
      /\(403\): “Not on a Sunday”$/,
      /developer console/,
    ],
    [
      'the title, where there is nothing else',
      { status: 400, json: { title: 'Bad day' } },
      'unavailable',
      /\(400\): “Bad day”$/,
      /./,
    ],
    [
      'an error in XML',
      { status: 400, body: '<errors><error code="7">No such luck</error></errors>' },
      'unavailable',
      /: “No such luck”$/,
      /./,
    ],
    [
      'a problem in a form',
      { status: 401, body: 'oauth_problem=permission_denied&oauth_problem_advice=Ask%20the%20owner' },
      'config',
      /: “Ask the owner”$/,
      /./,
    ],
    [
      'one that says the same twice',
      { status: 403, json: { detail: 'No.', errors: [{ message: 'No.' }] } },
      'unavailable',
      /: “No”$/,
      /./,
    ],
  ];
  for (const [name, said, exit, message, hint] of rows) {
    it(`is shown with them: ${name}`, () => {
      const error = refused('first', said);
      assert.equal(error.exit, exit);
      assert.match(error.message, message);
      assert.match(error.hint ?? '', hint);
    });
  }

  it('is shown with them at the last step, too, where it may be about the app', () => {
    assert.match(
      refused('last', { status: 403, json: notEnrolled }).message,
      /does not let the app in: “When/,
    );
    const wrong = refused('last', {
      status: 401,
      json: { errors: [{ code: 99, message: 'That PIN is no good.' }] },
    });
    assert.ok(wrong instanceof VerifierRefused);
    assert.match(wrong.message, /its link had expired: “That PIN is no good”$/);
  });

  it('is bounded, and has neither control characters nor secrets', () => {
    const detail = `\u001b]0;title\u0007 ${'ha '.repeat(2000)}`;
    const long = refused('first', { status: 403, json: { detail } }).message;
    assert.ok(long.length < 320, String(long.length));
    // eslint-disable-next-line no-control-regex -- they are what must not be there
    assert.doesNotMatch(long, /[\x00-\x1f\x7f-\x9f]/);
    const echoed = 'you sent OAuth oauth_token="hidden-8sKd02mPq", oauth_signature="Zk39+8aPq0aX1bW%3D"';
    assert.match(refused('first', { status: 403, json: { detail: echoed } }).message, /“you sent OAuth …”$/);
  });
});

describe('a refusal that is not the provider’s', () => {
  const pages = [
    '<html><title>Attention Required! | Cloudflare</title></html>',
    '<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN"><h1>Access denied: suspended, client-forbidden, code: 32</h1>',
    '  <head><meta name="errors" content=\'{"errors":[{"code":453}]}\'></head>',
  ];
  for (const step of ['first', 'last'] as const) {
    it(`blames what stands between, for a web page at the ${step} step, and quotes nothing of it`, () => {
      for (const body of pages) {
        for (const status of [400, 401, 403, 404]) {
          const error = refused(step, { status, body });
          assert.equal(error.exit, 'unavailable');
          assert.equal(error.message, `something between here and X answered ${status} with a web page`);
          assert.ok(!(error instanceof VerifierRefused));
        }
      }
    });

    it(`blames the proxy that wants a login at the ${step} step`, () => {
      for (const body of ['', ...pages, '{"detail":"Log in"}'])
        assert.equal(
          refused(step, { status: 407, body }).message,
          'a proxy between here and X wants a login (407)',
        );
    });
  }

  it('quotes no plain text, which anybody can send', () => {
    for (const body of ['Access denied', '', 'upstream connect error', '"a text"', '[1]', 'null'])
      assert.match(refused('first', { status: 403, body }).message, /\(403\)$/);
  });

  it('asks nobody to revoke or replace a key', () => {
    const read = (answer: HttpAnswer) =>
      readWhoAmI(answer, x, { url: '', id: 'data.id', name: 'data.username' });
    const error = outcome(read, x, { status: 403, headers: {}, body: pages[0] ?? '' }) as FlockError;
    assert.equal(error.exit, 'unavailable');
  });
});

describe('a bare 401', () => {
  it('is about the app keys, unless the clock of this machine is off by more than a minute', () => {
    const at = (date: string): string => refused('first', { status: 401, headers: { date } }).message;
    assert.match(at('Mon, 30 Nov 2026 12:00:30 GMT'), /refused the app keys \(401\)$/);
    assert.match(at('nonsense'), /refused the app keys/);
    assert.match(at('Mon, 30 Nov 2026 12:20:00 GMT'), /the clock of this machine is 20 minutes off$/);
    assert.match(at('Mon, 30 Nov 2026 11:58:50 GMT'), /the clock of this machine is 2 minutes off$/);
  });
});

describe('the client', () => {
  const open = (answerTo: (request: HttpRequest) => Pick<HttpAnswer, 'status' | 'body'>) =>
    openOAuth1Client(x, {
      send: (request) => Promise.resolve({ headers: {}, ...answerTo(request) }),
      clock: systemClock,
      appKeys: new TokenPair('app-key', 'hidden-app'),
    });
  const grantOf = (token: string, id: string) =>
    open(() => ({
      status: 200,
      body: `oauth_token=${token}&oauth_token_secret=s&user_id=${id}&screen_name=howl`,
    }));

  it('takes no key of another account than it is called', async () => {
    for (const give of [
      () => grantOf('9-token', '5').accessToken(new TokenPair('r', 's'), '1234567'),
      () => grantOf('9-token', '5').passwordToken(new TokenPair('howl', 'pass')),
    ])
      await assert.rejects(give, {
        exit: 'unavailable',
        message: /a key of the account 9 for the account 5/,
      });
    for (const token of ['5-token', 'token', 'no-5'])
      assert.equal((await grantOf(token, '5').accessToken(new TokenPair('r', 's'), '1')).account.userId, '5');
  });

  it('shows no password, PIN or token that a refusal quotes', async () => {
    const echo = open(({ body = '', headers }) => ({
      status: 403,
      body: JSON.stringify({ detail: `you sent ${body} with ${headers['authorization'] ?? ''}` }),
    }));
    const tries = [
      () => echo.passwordToken(new TokenPair('howl', 'pa ss&wörd')),
      () => echo.accessToken(new TokenPair('request', 'hidden'), '4406740'),
      () => echo.requestToken('oob'),
    ];
    for (const attempt of tries) {
      await assert.rejects(attempt, ({ message }: Error) => {
        assert.match(message, /“you sent/);
        assert.doesNotMatch(message, /ss.*w(ö|%C3%B6)rd|4406740|hidden|app-key|request"/);
        return true;
      });
    }
  });
});

describe('what another program said', () => {
  const rows: [said: string, quoted: string][] = [
    ['Could not authenticate you.', 'Could not authenticate you'],
    ['  two\n\n lines\u2028and \u202Ea third ', 'two lines and a third'],
    [
      '\u001b]0;title\u0007see https://docs.x.com/resources/fundamentals (client-not-enrolled)',
      ']0;title see https://docs.x.com/resources/fundamentals (client-not-enrolled)',
    ],
    ['key "sX2mQ0tVbN4yLr8KcJd7", secret=9f86d081884c7d65 is bad', 'key … is bad'],
    ['sX2mQ0tVbN4yLr8KcJd7', ''],
    ['...', ''],
    ['', ''],
  ];
  for (const [said, expected] of rows) {
    it(`is quoted as ${JSON.stringify(expected)}`, () => {
      assert.equal(quotable(said), expected);
    });
  }

  it('is bounded, on one line and without a secret, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 2000 }), (said) => {
        const words = quotable(`${said} sX2mQ0tVbN4yLr8KcJd7 ${said}`);
        assert.ok(words.length <= 240);
        assert.doesNotMatch(words, /[\p{C}\u2028\u2029]|sX2mQ0tVbN4yLr8KcJd7/u);
      }),
    );
  });
});
