import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, it } from 'node:test';
import { HeldClock } from '../../src/clock.ts';
import type { Checkup, Finding, LoadedBundle } from '../../src/doctor/finding.ts';
import { examineNetworks } from '../../src/doctor/networks.ts';
import { type HttpAnswer, NoAnswer, type Send } from '../../src/http/exchange.ts';
import type { KeyBundle } from '../../src/keys/bundle.ts';
import { KeyStore } from '../../src/keys/store.ts';
import { noApp, TokenPair } from '../../src/oauth/signature.ts';
import { parseBotName } from '../../src/poems/bot-name.ts';
import { sendInProcess } from '../../src/rehearsal/stage.ts';
import { Sandbox } from '../../src/sandbox/sandbox.ts';
import { tempFolder } from '../flock/temp-folder.ts';

const clock = new HeldClock('2026-11-21T09:00:00Z');
const howl = parseBotName('howl');

const atMastodon: KeyBundle = {
  appKeys: new TokenPair('client', 'hidden-client'),
  accessToken: new TokenPair('hidden-token', ''),
  userId: '7',
  screenName: 'howl@a.example',
  poemFile: 'poems/howl.txt',
  provider: 'mastodon',
  server: 'https://a.example',
  textLimits: { maxCharacters: 500, charactersPerLink: 23 },
};

/** What a healthy server answers, by the end of the address. */
const healthy = {
  'accounts/verify_credentials': { id: '7', username: 'howl', bot: true, locked: false, moved: null },
  'apps/verify_credentials': { scopes: ['read:accounts', 'read:statuses', 'write:statuses'] },
  'api/v2/instance': {
    title: 'A',
    version: '4.5.0',
    configuration: { statuses: { max_characters: 500, characters_reserved_per_url: 23 } },
  },
};

const isRaw = (answer: object): answer is Partial<HttpAnswer> => 'body' in answer;

type Answers = Record<string, object | Partial<HttpAnswer> | Error>;

const serve =
  (answers: Answers): Send =>
  ({ url }) => {
    const [, answer = { status: 404, body: '' }] =
      Object.entries(answers).find(([end]) => url.endsWith(end)) ?? [];
    if (answer instanceof Error) return Promise.reject(answer);
    const raw = isRaw(answer) ? answer : { body: JSON.stringify(answer) };
    return Promise.resolve({ status: 200, headers: {}, body: '', ...raw });
  };

interface Options {
  send: Send;
  bundles?: readonly LoadedBundle[];
  repairs?: boolean;
  directory?: string | undefined;
}

async function examined({ send, bundles, repairs = false, directory }: Options) {
  const root = tempFolder();
  const keys = new KeyStore(path.join(root, 'keys'));
  const loaded = bundles ?? [{ bot: howl, bundle: { ...atMastodon } }];
  for (const { bot, bundle } of loaded) await keys.write(bot, bundle);
  const paths = { root, keys: keys.folder, state: root, flockFile: path.join(root, 'flock.json') };
  const checkup: Checkup = {
    ...{ paths, keys, clock, send, directory, chosen: new Set() },
    provider: () => assert.fail('no provider of OAuth 1.0a is asked'),
    keymaker: (call) => `keymaker ${call}`,
  };
  const findings = await examineNetworks(checkup, loaded, { repairs });
  assert.doesNotMatch(JSON.stringify(findings), /hidden/);
  return { findings, keys, said: findings.map(textOf) };
}

const textOf = ({ check, subject, result, message, hint }: Finding): string =>
  [`${result} ${check} ${subject}: ${message}`, ...(hint === undefined ? [] : [hint])].join(' | ');

const refusal = (status: number, error: string): Partial<HttpAnswer> => ({
  status,
  body: JSON.stringify({ error }),
});

describe('doctor at Mastodon', () => {
  it('finds nothing wrong with a sound key, free of charge', async () => {
    const { said, findings } = await examined({ send: serve(healthy) });
    assert.deepEqual(said, [
      'ok key howl: a.example says @howl@a.example',
      'ok bot-flag howl: its profile says that it is a bot',
      'ok scopes howl: its key may post and read its own posts',
      'ok limits howl: 500 characters, 23 for a link',
    ]);
    assert.deepEqual(new Set(findings.map(({ cost }) => cost)), new Set([0]));
  });

  const whose = 'accounts/verify_credentials';
  const reauth = 'keymaker reauth howl';
  const rows: [name: string, answers: Answers, said: string][] = [
    [
      'a profile that does not say that it is a bot',
      { ...healthy, [whose]: { id: '7', username: 'howl', bot: false } },
      'warn bot-flag howl: its profile does not say that it is a bot | sign in at https://a.example, and set in Preferences, Public profile: This is an automated account',
    ],
    [
      'an account that moved',
      { ...healthy, [whose]: { id: '7', username: 'howl', bot: true, moved: { url: 'https://b.example/@howl' } } },
      'bad moved howl: its account has moved to https://b.example/@howl | with a key of the new account: keymaker reauth howl --server URL',
    ],
    [
      'a key of another account',
      { ...healthy, [whose]: { id: '8', username: 'tin', bot: true } },
      `bad key howl: the key is for @tin@a.example (id 8), but its bundle says @howl@a.example (id 7) | ${reauth}`,
    ],
    [
      'a key that may only read',
      { ...healthy, 'apps/verify_credentials': { scopes: ['read'] } },
      `bad scopes howl: its key lacks write:statuses | make another, and allow everything that the page lists: ${reauth}`,
    ],
    [
      'a key that may not say whose it is',
      { ...healthy, [whose]: refusal(403, 'This action is outside the authorized scopes') },
      `bad scopes howl: its key may not do this (403 This action is outside the authorized scopes) | allow everything that the page lists: ${reauth}`,
    ],
    [
      'a revoked key',
      { ...healthy, [whose]: refusal(401, 'The access token was revoked') },
      `bad key howl: its server refuses its key (401 The access token was revoked) | ${reauth}`,
    ],
    [
      'a suspended account',
      { ...healthy, [whose]: refusal(403, 'Your login is currently disabled') },
      'bad key howl: its account is suspended (403 Your login is currently disabled) | sign in as @howl@a.example to see why; until then set "paused": true in flock.json',
    ],
    [
      'a limit of requests',
      { ...healthy, [whose]: refusal(429, 'Too many requests') },
      'warn key howl: its server limits its requests for now (429 Too many requests) | try again in 5 minutes',
    ],
    [
      'other limits',
      { ...healthy, 'api/v2/instance': { ...healthy['api/v2/instance'], configuration: { statuses: { max_characters: 300, characters_reserved_per_url: 23 } } } },
      'warn limits howl: its server takes 300 characters, 23 for a link; its bundle says 500 characters, 23 for a link | keymaker doctor --repair --bot=howl',
    ],
    [
      'a web page in place of a server',
      { [whose]: { body: '<html>' } },
      "bad provider a.example: 200 with a web page that is not the server's: something between here and the server may have given it, asked for howl | is there a network, and is the address of the server right?",
    ],
    [
      'a server that is gone',
      { [whose]: new NoAnswer('cannot reach a.example (ENOTFOUND)', { sent: false }) },
      'bad provider a.example: cannot reach a.example (ENOTFOUND), asked for howl | is there a network, and is the address of the server right?',
    ],
  ]; // prettier-ignore
  for (const [name, answers, expected] of rows) {
    it(`finds ${name}`, async () => {
      const { said } = await examined({ send: serve(answers) });
      assert.deepEqual(
        said.filter((line) => !line.startsWith('ok ')),
        [expected],
      );
    });
  }

  it('says nothing of scopes where the server does not', async () => {
    const { said } = await examined({
      send: serve({ ...healthy, 'apps/verify_credentials': { name: 'flockd' } }),
    });
    assert.ok(said.every((line) => line.startsWith('ok ') && !line.includes('scopes')));
  });

  it('stores changed limits on request, and a new name, which flockd then has', async () => {
    const answers = {
      ...healthy,
      [whose]: { id: '7', username: 'howls', bot: true },
      'api/v2/instance': {
        title: 'A',
        version: '4.5.0',
        configuration: { statuses: { max_characters: 900 } },
      },
    };
    const { said, keys } = await examined({ send: serve(answers), repairs: true });
    assert.ok(
      said.every((line) => line.startsWith('ok ')),
      said.join('\n'),
    );
    const { textLimits, screenName, accessToken } =
      (await keys.readIfThere(howl)) ?? assert.fail('no bundle');
    assert.deepEqual(textLimits, { maxCharacters: 900, charactersPerLink: 23 });
    assert.equal(screenName, 'howls@a.example');
    assert.equal(accessToken.reveal().token, 'hidden-token');
  });

  it('asks a silent server about no more bots than those under way, and says so once', async () => {
    const bundles = Array.from({ length: 30 }, (_, n) => ({
      bot: parseBotName(`bot-${n}`),
      bundle: { ...atMastodon, userId: String(n) },
    }));
    let asked = 0;
    const send: Send = () => {
      asked += 1;
      return Promise.reject(new NoAnswer('cannot reach a.example (ENOTFOUND)', { sent: false }));
    };
    const { said } = await examined({ send, bundles });
    assert.deepEqual(said.length, 1);
    assert.match(said[0] ?? '', /asked for bot-0 and 29 more bots/);
    assert.ok(asked <= 8, `${asked} requests`);
  });
});

describe('doctor at Bluesky', () => {
  const address = 'http://127.0.0.1:4010';

  /** The sandbox's Bluesky with the account of a bot. */
  function stage() {
    const sandbox = new Sandbox({ clock, appKeys: [], seed: 'test' });
    const send = sendInProcess((request) => sandbox.handle(request), { clock, deadline: 30_000 });
    const call = async (name: string, body: object, bearer?: string): Promise<Record<string, string>> => {
      const answer = await send({
        method: 'POST',
        url: `${address}/bluesky/xrpc/com.atproto.${name}`,
        headers: {
          'content-type': 'application/json',
          ...(bearer !== undefined && { authorization: bearer.includes(' ') ? bearer : `Bearer ${bearer}` }),
        },
        body: JSON.stringify(body),
      });
      assert.equal(answer.status, 200, answer.body);
      return (answer.body === '' ? {} : JSON.parse(answer.body)) as Record<string, string>;
    };
    const open = async () => {
      const { did = '', accessJwt = '' } = await call('server.createAccount', {
        handle: 'howl.test',
        password: 'hidden-main',
      });
      const { password = '' } = await call('server.createAppPassword', { name: 'flockd' }, accessJwt);
      const bundle: KeyBundle = {
        ...{ appKeys: noApp, accessToken: new TokenPair(password, '') },
        ...{ userId: did, screenName: 'howl.test', poemFile: undefined },
        ...{ provider: 'bluesky', server: `${address}/bluesky` },
      };
      return { did, accessJwt, bundle };
    };
    const look = (bundle: KeyBundle, repairs = false) =>
      examined({
        ...{ send, repairs, directory: `${address}/bluesky/plc` },
        bundles: [{ bot: howl, bundle: { ...bundle } }],
      });
    return { call, open, look, send };
  }

  it('proves the key, and sets a missing label on request', async () => {
    const { open, look } = stage();
    const { bundle } = await open();
    const warned = [
      'ok key howl: Bluesky says @howl.test',
      'warn bot-label howl: its profile does not say that it is a bot | keymaker doctor --repair --bot=howl',
    ];
    assert.deepEqual((await look(bundle)).said, warned);
    assert.deepEqual((await look(bundle)).said, warned);
    const set = 'ok bot-label howl: its profile does not say that it is a bot: the label was set';
    assert.deepEqual((await look(bundle, true)).said, [warned[0], set]);
    assert.deepEqual((await look(bundle)).said, [
      warned[0],
      'ok bot-label howl: its profile says that it is a bot',
    ]);
  });

  it('finds another handle, and stores it on request', async () => {
    const { call, open, look } = stage();
    const { bundle, accessJwt } = await open();
    await call('identity.updateHandle', { handle: 'howls.test' }, accessJwt);
    const said = 'key howl: is called @howls.test now; its bundle still says @howl.test';
    assert.equal((await look(bundle)).said[0], `warn ${said} | keymaker doctor --repair --bot=howl`);
    const repaired = await look(bundle, true);
    assert.equal(repaired.said[0], `ok ${said}: the new is stored`);
    assert.equal((await repaired.keys.readIfThere(howl))?.screenName, 'howls.test');
  });

  it('finds another server of the account, and stores it on request', async () => {
    const { open, send } = stage();
    const { bundle } = await open();
    // As the servers of one company, all of which sign the account in.
    const elsewhere: Send = async (request) => {
      const answer = await send(request);
      if (!request.url.includes('/plc/')) return answer;
      return { ...answer, body: answer.body.replaceAll('/bluesky"', '/bluesky-2"') };
    };
    const look = (repairs: boolean) =>
      examined({
        ...{ send: elsewhere, repairs, directory: `${address}/bluesky/plc` },
        bundles: [{ bot: howl, bundle: { ...bundle } }],
      });
    const said = `moved howl: its account is at ${address}/bluesky-2 now; its bundle still says ${address}/bluesky`;
    assert.equal((await look(false)).said[1], `warn ${said} | keymaker doctor --repair --bot=howl`);
    const repaired = await look(true);
    assert.equal(repaired.said[1], `ok ${said}: the new is stored`);
    assert.equal((await repaired.keys.readIfThere(howl))?.server, `${address}/bluesky-2`);
  });

  it('finds an account whose new server does not know its app password', async () => {
    const { open, look, send } = stage();
    const { bundle } = await open();
    const url = `${address}/sandbox/bluesky/howl.test/move/bluesky-2`;
    assert.equal((await send({ method: 'POST', url, headers: {} })).status, 200);
    const { said } = await look(bundle);
    assert.match(said[0] ?? '', /^bad key howl: its account has moved to .*bluesky-2, which does not know/);
  });

  it('finds an app password that was revoked, and a suspended account', async () => {
    const { call, open, look } = stage();
    const { bundle, accessJwt, did } = await open();
    await call('server.revokeAppPassword', { name: 'flockd' }, accessJwt);
    assert.deepEqual((await look(bundle)).said, [
      'bad key howl: Bluesky refuses its app password (401 AuthenticationRequired Invalid identifier or password) | keymaker reauth howl',
    ]);
    const admin = `Basic ${Buffer.from('admin:admin').toString('base64')}`;
    await call('admin.updateSubjectStatus', { subject: { did }, takedown: { applied: true } }, admin);
    const { said } = await look(bundle);
    assert.match(
      said[0] ?? '',
      /^bad key howl: its account is suspended.* \| sign in as @howl\.test to see why/,
    );
  });
});
