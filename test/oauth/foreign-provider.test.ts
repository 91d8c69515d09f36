import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { systemClock } from '../../src/clock.ts';
import { customProvider, providerFrom } from '../../src/config/flock-file.ts';
import { FlockError } from '../../src/errors.ts';
import type { HttpAnswer, HttpRequest } from '../../src/http/exchange.ts';
import { openSender, type Sender } from '../../src/http/send.ts';
import { type Grant, type OAuth1Client, openOAuth1Client, VerifierRefused } from '../../src/oauth/client.ts';
import { formBody, type SignedCall, signedSend, TokenPair } from '../../src/oauth/signature.ts';
import {
  answerLink,
  type Described,
  foreignApp,
  type ForeignProvider,
  openForeignProvider,
  reasonToSkip,
} from './foreign-provider.ts';

const skip = reasonToSkip();
const appKeys = new TokenPair(foreignApp.token, foreignApp.secret);
let foreign: ForeignProvider;
let sender: Sender;
before(async () => {
  if (skip === false) foreign = await openForeignProvider();
  sender = openSender({ deadline: 10_000, sockets: 4 });
});
after(async () => {
  if (skip === false) await foreign[Symbol.asyncDispose]();
  await sender[Symbol.asyncDispose]();
});

interface Desk {
  client: OAuth1Client;
  /** What was asked and answered, the last at the end. */
  seen: { request: HttpRequest; answer: HttpAnswer }[];
}

/** Our client of the provider, and what passes between the two. */
function desk(
  described: Described = foreign.described(),
  { keys = appKeys, change = (request: HttpRequest) => request } = {},
): Desk {
  const seen: Desk['seen'] = [];
  const client = openOAuth1Client(providerFrom('foreign', customProvider.parse(described)), {
    appKeys: keys,
    clock: systemClock,
    send: async (asked) => {
      const request = change(asked);
      const answer = await sender.send(request);
      seen.push({ request, answer });
      return answer;
    },
  });
  return { client, seen };
}

async function dance({ client }: Desk, name: string): Promise<Grant> {
  const requestToken = await client.requestToken('oob');
  return client.accessToken(
    requestToken,
    await answerLink(client.authorizeUrl(requestToken, undefined), name),
  );
}

/** What the provider found wrong with the last request. */
const reason = ({ seen }: Desk): string | undefined => seen.at(-1)?.answer.headers['x-refused-for'];

async function refusal(asked: Promise<unknown>): Promise<FlockError> {
  const error = await asked.then(
    () => assert.fail('it was granted'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof FlockError, String(error));
  assert.match(error.message, /^Foreign /);
  assert.ok(error.hint);
  assert.doesNotMatch(`${error.message}${error.hint}`, /hidden|\n/);
  return error;
}

/** Asks for a protected resource, and says what the provider verified of it. */
async function echoed({ accessToken }: Grant, call: SignedCall): Promise<unknown> {
  const options = { send: (request: HttpRequest) => sender.send(request), clock: systemClock, appKeys };
  const answer = await signedSend({ ...options, token: accessToken })(call);
  assert.equal(answer.status, 200, `${call.url}: ${answer.headers['x-refused-for'] ?? answer.body}`);
  return JSON.parse(answer.body);
}

describe('a provider made of oauthlib', { skip }, () => {
  it('gives a key by PIN, and says with it whose it is', async () => {
    const { account, accessToken } = await dance(desk(), 'Ødegård & søn');
    assert.deepEqual(account, { userId: '42', screenName: 'Ødegård & søn' });
    assert.match(accessToken.reveal().token, /^\w{20,30}$/);
  });

  it('is asked whose the key is where it does not say, with GET all along', async () => {
    const at = desk(foreign.described('/silent'));
    const { account } = await dance(at, 'Ødegård & søn');
    assert.deepEqual(account, { userId: '42', screenName: 'Ødegård & søn' });
    assert.deepEqual(
      at.seen.map(({ request }) => `${request.method} ${new URL(request.url).pathname}`),
      ['GET /silent/request_token', 'GET /silent/access_token', 'GET /me'],
    );
  });

  it('ends a key, which is refused from then on', async () => {
    const at = desk();
    const { accessToken } = await dance(at, 'grass_bot');
    assert.equal(await at.client.revoke(accessToken), 'ended');
    await refusal(at.client.whoAmI(accessToken));
    assert.equal(reason(at), 'token');
  });

  // src/oauth/signature.ts makes nonces of 32 characters; oauthlib by itself takes 20 to 30.
  it('takes our nonces as it comes, too', async () => {
    await desk(foreign.described('/stock')).client.requestToken('oob');
  });
});

describe('what is signed is what a provider made of oauthlib verifies', { skip }, () => {
  let key: Grant;
  before(async () => {
    key = await dance(desk(), 'grass_bot');
  });

  const sorted = (pairs: [string, string][]): [string, string][] =>
    [...pairs].sort(([a, b], [c, d]) => (a === c ? Number(b > d) - Number(b < d) : a < c ? -1 : 1));

  const rows: [
    name: string,
    way: string,
    query: string,
    form: [string, string][],
    all: [string, string][],
  ][] = [
    ['nothing at all', '/echo', '', [], []],
    [
      'names that come twice',
      '/echo',
      '?a=2&a=1&b=x&a=2',
      [
        ['a', '0'],
        ['b', 'x'],
      ],
      [
        ['a', '0'],
        ['a', '1'],
        ['a', '2'],
        ['a', '2'],
        ['b', 'x'],
        ['b', 'x'],
      ],
    ],
    [
      'empty values',
      '/echo',
      '?a=&b=',
      [['c', '']],
      [
        ['a', ''],
        ['b', ''],
        ['c', ''],
      ],
    ],
    [
      'values that sort differently once encoded',
      '/echo',
      '?a=%20b&a=b&a=%7E&a=~&a=%2B&a=+',
      [],
      [
        ['a', ' '],
        ['a', ' b'],
        ['a', '+'],
        ['a', 'b'],
        ['a', '~'],
        ['a', '~'],
      ],
    ],
    [
      'letters of all the world',
      '/echo',
      '?%C3%A9=%E9%9B%A8',
      [['gr\u00fc\u00df', '🌾 — “ß”']],
      [
        ['gr\u00fc\u00df', '🌾 — “ß”'],
        ['\u00e9', '雨'],
      ],
    ],
    [
      'all that is reserved',
      '/echo',
      '',
      [["!*'();:@&=+$,/?#[]", "%20%!*'();:@&=+$,/?#[]\r\n\t\0"]],
      [["!*'();:@&=+$,/?#[]", "%20%!*'();:@&=+$,/?#[]\r\n\t\0"]],
    ],
    ['a path that is encoded', '/echo/%E9%9B%A8/a%2Fb%20c/%7Euser;v=1/', '?a=1', [], [['a', '1']]],
    ['an empty step in the path', '/echo//x', '', [], []],
  ];
  for (const [name, way, query, form, all] of rows) {
    it(`with ${name}`, async () => {
      const method = form.length > 0 ? 'POST' : 'GET';
      const call = { method, url: `${foreign.url}${way}${query}`, ...(form.length > 0 && { form }) } as const;
      assert.deepEqual(await echoed(key, call), { method, path: way, parameters: sorted(all) });
    });
  }

  it('with a JSON body, which is not signed, and DELETE', async () => {
    const url = `${foreign.url}/echo?a=1`;
    const said = await echoed(key, { method: 'POST', url, json: { text: 'a=2&b=3' } });
    assert.deepEqual(said, { method: 'POST', path: '/echo', parameters: [['a', '1']] });
    assert.deepEqual(await echoed(key, { method: 'DELETE', url }), { ...(said as object), method: 'DELETE' });
  });

  it('with any parameters there can be', async () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 12 });
    const name = text.filter((word) => word !== '' && !/^(oauth_|realm$)/i.test(word));
    const pairs = fc.array(fc.tuple(name, text), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(pairs, pairs, async (query, form) => {
        const url = `${foreign.url}/echo${query.length > 0 ? '?' : ''}${formBody(query)}`;
        const said = (await echoed(key, { method: 'POST', url, form })) as { parameters: [string, string][] };
        assert.deepEqual(sorted(said.parameters), sorted([...query, ...form]));
      }),
      { numRuns: 200 },
    );
  });
});

describe('a provider made of oauthlib refuses, and we say', { skip }, () => {
  it('that the app secret is wrong', async () => {
    const at = desk(undefined, { keys: new TokenPair(foreignApp.token, 'hidden-other') });
    const error = await refusal(at.client.requestToken('oob'));
    assert.equal(reason(at), 'signature');
    assert.deepEqual([error.exit, error.message], ['config', 'Foreign refused the app keys (401)']);
    assert.match(error.hint ?? '', /CONSUMER_TOKEN_SECRET/);
  });

  it('that the app is not known', async () => {
    const at = desk(undefined, { keys: new TokenPair('anotherAppKey0123456789', foreignApp.secret) });
    assert.equal((await refusal(at.client.requestToken('oob'))).exit, 'config');
    assert.match(reason(at) ?? '', /^client/);
  });

  it('that the verifier is wrong, used before, or of a link that nobody approved', async () => {
    const at = desk();
    const open = await at.client.requestToken('oob');
    assert.ok((await refusal(at.client.accessToken(open, '1234567'))) instanceof VerifierRefused);
    assert.equal(reason(at), 'verifier');
    const verifier = await answerLink(at.client.authorizeUrl(open, undefined), 'grass_bot');
    assert.ok((await refusal(at.client.accessToken(open, `${verifier}x`))) instanceof VerifierRefused);
    assert.equal(reason(at), 'verifier');
    await at.client.accessToken(open, verifier);
    assert.ok((await refusal(at.client.accessToken(open, verifier))) instanceof VerifierRefused);
    assert.match(reason(at) ?? '', /token/);
  });

  it('that the request token was made for another', async () => {
    const at = desk();
    const [mine, other] = [await at.client.requestToken('oob'), await at.client.requestToken('oob')];
    const verifier = await answerLink(at.client.authorizeUrl(other, undefined), 'grass_bot');
    assert.ok((await refusal(at.client.accessToken(mine, verifier))) instanceof VerifierRefused);
    assert.equal(reason(at), 'verifier');
  });

  it('that a request came twice', async () => {
    const { client, seen } = desk();
    await client.requestToken('oob');
    const [first] = seen;
    const again = desk(undefined, { change: (request) => first?.request ?? request });
    assert.equal((await refusal(again.client.requestToken('oob'))).exit, 'config');
    assert.equal(reason(again), 'nonce');
  });

  for (const [part, change] of [
    ['query', (asked: HttpRequest) => ({ ...asked, url: `${asked.url}?a=1` })],
    ['method', (asked: HttpRequest) => ({ ...asked, method: 'DELETE' as const })],
    ['path', (asked: HttpRequest) => ({ ...asked, url: asked.url.replace('/me', '/silent/me') })],
  ] as const) {
    it(`that a request was changed on its way, in its ${part}`, async () => {
      const { accessToken } = await dance(desk(), 'grass_bot');
      const at = desk(undefined, { change });
      await refusal(at.client.whoAmI(accessToken));
      assert.equal(reason(at), 'signature');
    });
  }
});
