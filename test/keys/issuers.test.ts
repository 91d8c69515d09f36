import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HeldClock } from '../../src/clock.ts';
import { FlockError } from '../../src/errors.ts';
import type { HttpAnswer, Send } from '../../src/http/exchange.ts';
import {
  chosenIssuer,
  credentialsFrom,
  type KeptApp,
  mastodonIssuer,
  type ServerApps,
} from '../../src/keys/issuers.ts';
import { outOfBand } from '../../src/networks/mastodon/authorize.ts';
import { type BotKey, TokenPair } from '../../src/oauth/signature.ts';
import { parseBotName } from '../../src/poems/bot-name.ts';
import { sendInProcess } from '../../src/rehearsal/stage.ts';
import { Sandbox } from '../../src/sandbox/sandbox.ts';
import { Secret } from '../../src/text.ts';
import { flockError } from '../support/flock-error.ts';

const howl = parseBotName('howl');
const server = 'https://a.example';
const ofMastodon = { provider: 'mastodon', server };

describe('who gives the key of a bot', () => {
  type Choice = Parameters<typeof chosenIssuer>[1];
  const none: Choice = { given: {}, settings: {} };
  const rows: [name: string, choice: Choice, chosen: ReturnType<typeof chosenIssuer>][] = [
    ['X, if nothing says another', none, { provider: 'x' }],
    ['the provider of a flag', { ...none, given: { provider: 'flickr' } }, { provider: 'flickr' }],
    ['the network of flock.json', { ...none, settings: { network: 'mastodon', server } }, ofMastodon],
    ['the network of a flag', { ...none, given: { network: 'mastodon', server: 'a.example' } }, ofMastodon],
    ['the giver of its key so far', { ...none, old: ofMastodon }, ofMastodon],
    [
      'Bluesky, where a server need not be named',
      { ...none, given: { network: 'bluesky' } },
      { provider: 'bluesky', server: undefined },
    ],
    [
      'the network of flock.json, whatever the key so far is for',
      { given: {}, settings: { network: 'bluesky' }, old: ofMastodon },
      { provider: 'bluesky', server: undefined },
    ],
    ['X again, for a key of Flickr so far', { ...none, old: { provider: 'flickr' } }, { provider: 'x' }],
    [
      'at the server of a flag, which both have',
      { given: { server: 'https://a.example/' }, settings: { network: 'mastodon', server } },
      ofMastodon,
    ],
    [
      'at another server, for an account that moved',
      { given: { provider: 'mastodon', server: 'b.example' }, settings: {}, old: ofMastodon },
      { provider: 'mastodon', server: 'https://b.example' },
    ],
  ];
  for (const [name, choice, chosen] of rows) {
    it(`is ${name}`, () => {
      assert.deepEqual(chosenIssuer(howl, choice), chosen);
    });
  }

  const wrong: [name: string, choice: Choice, message: RegExp][] = [
    [
      'no network but that of flock.json',
      { given: { network: 'bluesky' }, settings: { network: 'mastodon', server } },
      /flock\.json says that howl posts to Mastodon/,
    ],
    [
      'no server but that of flock.json',
      { given: { server: 'b.example' }, settings: { network: 'mastodon', server } },
      /flock\.json says that howl is at https:\/\/a\.example/,
    ],
    ['no unknown server', { ...none, given: { network: 'mastodon' } }, /howl: on which server/],
    ['no server of X', { ...none, given: { server } }, /only Mastodon and Bluesky have servers/],
    [
      'no server that can be overheard',
      { ...none, given: { network: 'mastodon', server: 'http://a.example' } },
      /is not an https:\/\/ address/,
    ],
  ];
  for (const [name, choice, message] of wrong) {
    it(`is ${name}`, () => {
      assert.throws(() => chosenIssuer(howl, choice), flockError('usage', message));
    });
  }
});

describe('what a person signs in with at Bluesky', () => {
  const old = { userId: 'did:plc:a', screenName: 'anna.test' };
  const password = ' abcd-abcd-abcd-abcd ';
  const rows: [typed: string, expected: object, handle: string, identifier: string][] = [
    [' @Rain.test ', {}, 'Rain.test', 'Rain.test'],
    ['', { named: 'rain.test' }, 'rain.test', 'rain.test'],
    // Its handle may be another by now.
    ['', { old }, 'anna.test', 'did:plc:a'],
    ['@Anna.test', { old }, 'Anna.test', 'did:plc:a'],
    ['rain.test', { old }, 'rain.test', 'rain.test'],
    ['', {}, '', ''],
  ];
  for (const [typed, expected, handle, identifier] of rows) {
    it(`is ${identifier || 'nothing'} for ${JSON.stringify(typed)} where ${JSON.stringify(expected)}`, () => {
      const found = credentialsFrom({ handle: typed, password }, expected);
      assert.deepEqual([found.handle, found.identifier], [handle, identifier]);
      assert.equal(found.appPassword.reveal(), password.trim());
    });
  }
});

/** Apps as they are kept in a file. */
class Kept implements ServerApps {
  app: KeptApp | undefined;
  written = 0;

  find(): KeptApp | undefined {
    return this.app;
  }

  keep(_: string, app: KeptApp): Promise<void> {
    this.app = app;
    this.written += 1;
    return Promise.resolve();
  }
}

const base = 'http://127.0.0.1:4010';

function stage() {
  const clock = new HeldClock('2026-11-21T09:00:00Z');
  const sandbox = new Sandbox({ clock, appKeys: [], seed: 'test', mastodon: { maxCharacters: 700 } });
  const send = sendInProcess((request) => sandbox.handle(request), { clock, deadline: 30_000 });
  const apps = new Kept();
  const open = (by = send) => mastodonIssuer(`${base}/mastodon`, apps, { send: by, clock });
  const keyOf = (name: string, clientId = 'another app'): BotKey => ({
    appKeys: new TokenPair(clientId, 'secret'),
    accessToken: new TokenPair(sandbox.grantMastodon(clientId, name).token, ''),
    userId: '1',
    screenName: name,
    ...ofMastodon,
  });
  return { clock, sandbox, send, apps, open, keyOf };
}

const redirectIn = (link: string): string | null => new URL(link).searchParams.get('redirect_uri');

describe("the keys of a server with Mastodon's API", () => {
  it('are of one app, which is registered again only for a callback that it does not have', async () => {
    const { apps, open } = stage();
    const first = open();
    const linkFor = async (callback: string, { client } = first): Promise<string> =>
      client.authorizeUrl(await client.requestToken(callback), undefined);
    assert.equal(redirectIn(await linkFor('oob')), outOfBand);
    await linkFor('oob');
    await linkFor('oob', open());
    assert.deepEqual([apps.written, apps.app?.redirectUris], [1, [outOfBand]]);
    const callback = `${base}/callback`;
    assert.equal(redirectIn(await linkFor(callback)), callback);
    await linkFor('oob', open());
    assert.deepEqual([apps.written, apps.app?.redirectUris], [2, [outOfBand, callback]]);
  });

  it('are of a new app where the server has forgotten the kept one', async () => {
    const { apps, open } = stage();
    apps.app = { clientId: 'gone', clientSecret: new Secret('gone'), redirectUris: [outOfBand] };
    await open().client.requestToken('oob');
    assert.equal(apps.written, 1);
    assert.notEqual(apps.find()?.clientId, 'gone');
  });

  it('have the text limits of the server, and know their account', async () => {
    const { open, keyOf } = stage();
    const token = keyOf('rain').accessToken.reveal().token;
    const grant = await open().accept?.(new Secret(token));
    assert.deepEqual(grant?.textLimits, { maxCharacters: 700, charactersPerLink: 23 });
    assert.deepEqual([grant.provider, grant.server], ['mastodon', `${base}/mastodon`]);
    assert.equal(grant.account.screenName, 'rain@127.0.0.1:4010');
  });

  it('are refused where the app of a pasted token may not post', async () => {
    const { open, send, keyOf } = stage();
    const answer =
      (scopes: string[]): Send =>
      (request): Promise<HttpAnswer> =>
        request.url.endsWith('/apps/verify_credentials')
          ? Promise.resolve({ status: 200, headers: {}, body: JSON.stringify({ scopes }) })
          : send(request);
    const token = new Secret(keyOf('rain').accessToken.reveal().token);
    await assert.rejects(
      async () => open(answer(['read'])).accept?.(token),
      flockError('partly', /^the access token lacks write:statuses$/),
    );
    assert.ok(await open(answer(['read', 'write'])).accept?.(token));
  });

  it('end at the server, by hand if they are of another app, and are found dead', async () => {
    const { open, apps, keyOf, send } = stage();
    const issuer = open();
    await issuer.client.requestToken('oob');
    const { clientId = '', clientSecret } = apps.app ?? {};
    const ours = {
      ...keyOf('rain', clientId),
      appKeys: new TokenPair(clientId, clientSecret?.reveal() ?? ''),
    };
    assert.equal(await issuer.revoke({ ...keyOf('rain'), appKeys: ours.appKeys }), 'by hand');
    assert.equal(await issuer.revoke(ours), 'ended');
    const forgetful: Send = (request) =>
      request.url.endsWith('/oauth/revoke')
        ? Promise.resolve({ status: 401, headers: {}, body: '{"error":"invalid_client"}' })
        : send(request);
    assert.equal(await open(forgetful).revoke(ours), 'was dead');
    await assert.rejects(open(forgetful).revoke(keyOf('tin')), (error) => error instanceof FlockError);
  });

  it('are not asked for where no such server is', async () => {
    const { open } = stage();
    const page: Send = () => Promise.resolve({ status: 200, headers: {}, body: '<html>hello</html>' });
    await assert.rejects(
      open(page).client.requestToken('oob'),
      flockError(
        'unavailable',
        /^127\.0\.0\.1:4010 is no server with the API of Mastodon \(200 with a web page\)$/,
      ),
    );
  });

  for (const [typed, code] of [
    [' abc def\t', 'abcdef'],
    ['0123456789', '0123456789'],
    ['short', undefined],
    ['a code é', undefined],
  ] as const) {
    it(`read ${JSON.stringify(typed)} as ${code ?? 'no code'}`, () => {
      assert.equal(stage().open().verifier.read(typed), code);
    });
  }
});
