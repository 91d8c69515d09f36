import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Exit, FlockError } from '../../src/errors.ts';
import { readAccessToken, readRequestToken, VerifierRefused } from '../../src/oauth/client.ts';
import { xProvider } from '../../src/oauth/providers.ts';

const x = xProvider('https://api.x.com');
const good = 'oauth_token=req-1&oauth_token_secret=hidden-1&oauth_callback_confirmed=true';
const granted = 'oauth_token=77-acc&oauth_token_secret=hidden-2&user_id=77&screen_name=Rain_1';

function refusal(read: () => unknown): FlockError {
  try {
    read();
  } catch (error) {
    assert.ok(error instanceof FlockError, String(error));
    assert.ok(error.hint, 'no hint');
    assert.doesNotMatch(`${error.message} ${error.hint}`, /hidden|\n/);
    return error;
  }
  return assert.fail('it was taken');
}

type Row = [name: string, status: number, body: string, exit: Exit, message: RegExp, hint: RegExp];

describe('a request token', () => {
  it('is read from a whole answer, with whatever else is in it', () => {
    for (const body of [good, `${good}\n`, `x=1&${good}&y=%20`]) {
      const token = readRequestToken({ status: 200, headers: {}, body }, x);
      assert.deepEqual(token.reveal(), { token: 'req-1', secret: 'hidden-1' });
    }
  });

  const rows: Row[] = [
    [
      'a web page',
      200,
      '<!DOCTYPE html><HTML><form action="?oauth_token=x">',
      'unavailable',
      /a web page where a request token/,
      /proxy|login page/,
    ],
    ['an empty answer', 200, '', 'unavailable', /something else where a request token/, /proxy/],
    [
      'JSON',
      200,
      '{"oauth_token":"a","oauth_token_secret":"hidden"}',
      'unavailable',
      /something else/,
      /KEYMAKER_API_URL/,
    ],
    [
      'no token',
      200,
      'oauth_token_secret=hidden&oauth_callback_confirmed=true',
      'unavailable',
      /something else/,
      /proxy/,
    ],
    ['an empty token', 200, good.replace('req-1', ''), 'unavailable', /something else/, /proxy/],
    [
      'no secret',
      200,
      'oauth_token=a&oauth_callback_confirmed=true',
      'unavailable',
      /something else/,
      /proxy/,
    ],
    [
      'a callback that is not confirmed',
      200,
      good.replace('true', 'false'),
      'unavailable',
      /something else/,
      /proxy/,
    ],
    [
      'no word of the callback',
      200,
      'oauth_token=a&oauth_token_secret=hidden',
      'unavailable',
      /something else/,
      /proxy/,
    ],
    ['two tokens', 200, `${good}&oauth_token=req-2`, 'unavailable', /something else/, /proxy/],
    [
      'a token with a line break',
      200,
      good.replace('req-1', 'a%0Ab'),
      'unavailable',
      /something else/,
      /proxy/,
    ],
    [
      'a token of a megabyte',
      200,
      good.replace('req-1', 'a'.repeat(1 << 20)),
      'unavailable',
      /something else/,
      /proxy/,
    ],
    ['201', 201, good, 'unavailable', /\(201\)/, /KEYMAKER_API_URL/],
    ['a redirect', 302, '', 'unavailable', /\(302\)/, /KEYMAKER_API_URL/],
    [
      '415 in XML',
      403,
      '<?xml version="1.0"?><errors><error code="415">Callback URL not approved for this client application.</error></errors>',
      'config',
      /callback address \(415\)/,
      /register a callback/,
    ],
    [
      '415 in JSON',
      403,
      '{"errors":[{"code":415,"message":"Callback URL not approved"}]}',
      'config',
      /415/,
      /register a callback/,
    ],
    [
      'a desktop app',
      401,
      "<error>Desktop applications only support the oauth_callback value 'oob'</error>",
      'config',
      /desktop app/,
      /Web App/,
    ],
    [
      'a wrong clock in JSON',
      401,
      '{"errors":[{"code":135,"message":"Timestamp out of bounds."}]}',
      'config',
      /time is wrong/,
      /clock/,
    ],
    ['a wrong clock in words', 401, 'Timestamp out of bounds', 'config', /time is wrong/, /clock/],
    [
      'wrong keys in JSON',
      401,
      '{"errors":[{"code":32,"message":"Could not authenticate you."}]}',
      'config',
      /app keys/,
      /CONSUMER_TOKEN/,
    ],
    [
      'wrong keys in plain text',
      401,
      'Failed to validate oauth signature and token',
      'config',
      /refused the app keys \(401\)/,
      /CONSUMER_TOKEN/,
    ],
    [
      'no authentication',
      400,
      '{"errors":[{"code":215,"message":"Bad Authentication data."}]}',
      'config',
      /app keys/,
      /CONSUMER_TOKEN/,
    ],
    [
      'a suspended app',
      403,
      '{"detail":"Your app is suspended"}',
      'config',
      /suspended the app/,
      /developer console/,
    ],
    ['a limit', 429, '{"errors":[{"code":88}]}', 'tryLater', /patience/, /15 minutes/],
    ['500', 500, '{"errors":[{"code":32}]}', 'unavailable', /not well \(500\)/, /few minutes/],
    ['503 in HTML', 503, '<html>', 'unavailable', /not well \(503\)/, /few minutes/],
    ['404', 404, 'Not Found', 'unavailable', /\(404\)/, /KEYMAKER_API_URL/],
  ];
  for (const [name, status, body, exit, message, hint] of rows) {
    it(`is not taken from ${name}`, () => {
      const error = refusal(() => readRequestToken({ status, headers: {}, body }, x));
      assert.equal(error.exit, exit);
      assert.match(error.message, message);
      assert.match(error.hint ?? '', hint);
      assert.match(error.message, /^X /);
    });
  }
});

describe('an access token', () => {
  it('is read with its account', () => {
    const { accessToken, account } = readAccessToken({ status: 200, headers: {}, body: granted }, x);
    assert.deepEqual(accessToken.reveal(), { token: '77-acc', secret: 'hidden-2' });
    assert.deepEqual(account, { userId: '77', screenName: 'Rain_1' });
  });

  for (const [status, body] of [
    [401, 'Error processing your OAuth request: Invalid oauth_verifier parameter'],
    [401, '<?xml version="1.0"?><errors/>'],
    [403, ''],
    [400, '{"errors":[]}'],
  ] as const) {
    it(`is refused with its PIN by ${status} ${body}`, () => {
      const error = refusal(() => readAccessToken({ status, headers: {}, body }, x));
      assert.ok(error instanceof VerifierRefused);
      assert.equal(error.exit, 'tryLater');
    });
  }

  const rows: [name: string, status: number, body: string, exit: Exit][] = [
    ['a web page', 200, '<html>', 'unavailable'],
    ['nothing', 200, '', 'unavailable'],
    ['half an answer', 200, granted.slice(0, 30), 'unavailable'],
    ['no account', 200, 'oauth_token=a&oauth_token_secret=hidden', 'unavailable'],
    ['an id that is none', 200, granted.replace('user_id=77', 'user_id=7x'), 'unavailable'],
    ['two ids', 200, `${granted}&user_id=78`, 'unavailable'],
    ['a screen name that would leave the folder', 200, granted.replace('Rain_1', '..%2Fx'), 'unavailable'],
    ['a screen name with an escape code', 200, granted.replace('Rain_1', '%1b[2J'), 'unavailable'],
    ['429', 429, '', 'tryLater'],
    ['500', 500, '', 'unavailable'],
    ['302', 302, '', 'unavailable'],
  ];
  for (const [name, status, body, exit] of rows) {
    it(`is not taken from ${name}`, () => {
      const error = refusal(() => readAccessToken({ status, headers: {}, body }, x));
      assert.equal(error.exit, exit);
      assert.ok(!(error instanceof VerifierRefused));
    });
  }
});
