import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { flickrProvider } from '../../src/oauth/providers.ts';
import { app, type Pair } from './client.ts';
import { type Answer, type HttpBench, jsonOf, openBench, pairOf } from './http-bench.ts';

const base = '/flickr/services/oauth';
const login = '/flickr/services/rest?method=flickr.test.login&format=json&nojsoncallback=1';
const check = login.replace('flickr.test.login', 'flickr.auth.oauth.checkToken');
const minutes = (n: number): number => n * 60_000;

const begin = async (bench: HttpBench, callback = 'oob'): Promise<Pair> =>
  pairOf(await bench.signed(`${base}/request_token`, { oauth: { oauth_callback: callback } }));

const openPage = (bench: HttpBench, { token }: Pair, perms = '&perms=write'): Promise<Answer> =>
  bench.open(`${base}/authorize?oauth_token=${token}${perms}`);

const finish = (bench: HttpBench, token: Pair, verifier: string, method: 'GET' | 'POST' = 'GET') =>
  bench.signed(`${base}/access_token`, { method, token, oauth: { oauth_verifier: verifier } });

const verifierIn = ({ body }: Answer): string => /<code>([\d-]{9,})<\/code>/.exec(body)?.[1] ?? body;

/** A request token that howl approved, and its verifier. */
async function approved(bench: HttpBench, perms?: string): Promise<{ request: Pair; verifier: string }> {
  const request = await begin(bench);
  const shown = await bench.submit(await openPage(bench, request, perms), { screen_name: 'howl' });
  return { request, verifier: verifierIn(shown) };
}

async function dance(bench: HttpBench, perms?: string): Promise<Pair> {
  const { request, verifier } = await approved(bench, perms);
  return pairOf(await finish(bench, request, verifier));
}

const folders: string[] = [];

// Not with its test: a sandbox stores its state once more when it closes.
after(() => Promise.all(folders.map((path) => rm(path, { recursive: true }))));

describe('Flickr in a box', () => {
  it('dances by PIN: nine digits with dashes, and an account in Flickr’s words', async (t) => {
    const bench = await openBench(t);
    const { request, verifier } = await approved(bench);
    assert.match(verifier, /^\d{3}-\d{3}-\d{3}$/);
    assert.match(verifier, flickrProvider().verifier.pattern);
    const answer = await finish(bench, request, verifier);
    const key = pairOf(answer);
    const fields = Object.fromEntries(new URLSearchParams(answer.body));
    const nsid = `${bench.world.accountNamed('howl')?.id ?? ''}@N01`;
    assert.deepEqual(fields, {
      fullname: 'howl',
      oauth_token: key.token,
      oauth_token_secret: key.secret,
      user_nsid: nsid,
      username: 'howl',
    });
    assert.deepEqual(jsonOf(await bench.signed(login, { token: key })), {
      user: { id: nsid, username: { _content: 'howl' }, path_alias: null },
      stat: 'ok',
    });
  });

  it('takes GET and POST, and gives every account an id of its own', async (t) => {
    const bench = await openBench(t);
    const ids = new Set<string>();
    for (const name of ['howl', 'odyssey', 'howl']) {
      const method = name === 'howl' ? 'POST' : 'GET';
      const oauth = { oauth_callback: 'oob' };
      const request = pairOf(await bench.signed(`${base}/request_token`, { method, oauth }));
      const shown = await bench.submit(await openPage(bench, request), { screen_name: name });
      const { body } = await finish(bench, request, verifierIn(shown), method);
      ids.add(new URLSearchParams(body).get('user_nsid') ?? '');
    }
    assert.equal(ids.size, 2);
    for (const id of ids) assert.match(id, /^\d+@N01$/);
  });

  it('sends the person back with a verifier', async (t) => {
    const bench = await openBench(t);
    const request = await begin(bench, 'http://127.0.0.1:5000/back?poem=howl');
    const { status, location } = await bench.submit(await openPage(bench, request), { screen_name: 'howl' });
    assert.equal(status, 302);
    const back = new URL(location ?? '');
    assert.deepEqual(
      [back.origin, back.searchParams.get('poem'), back.searchParams.get('oauth_token')],
      ['http://127.0.0.1:5000', 'howl', request.token],
    );
    pairOf(await finish(bench, request, back.searchParams.get('oauth_verifier') ?? ''));
  });

  it('never comes back from a no, as Flickr does not', async (t) => {
    const bench = await openBench(t);
    const request = await begin(bench, 'http://127.0.0.1:5000/');
    const page = await openPage(bench, request);
    const answer = await bench.submit(page, { action: 'cancel' });
    assert.deepEqual([answer.status, answer.location], [200, undefined]);
    assert.match(answer.body, /Nothing was authorized/);
    assert.equal((await finish(bench, request, 'x')).body, 'oauth_problem=token_rejected');
    assert.equal((await bench.submit(page, { screen_name: 'howl' })).status, 404);
  });
});

describe('a permission on Flickr’s link', () => {
  it('is what the page shows and what the token gets', async (t) => {
    const bench = await openBench(t);
    for (const [perms, granted] of [
      ['read', 1],
      ['write', 2],
      ['delete', 3],
    ] as const) {
      const page = await openPage(bench, await begin(bench), `&perms=${perms}`);
      assert.equal(page.body.split('<li>').length - 1, granted, perms);
      const key = await dance(bench, `&perms=${perms}`);
      const checked = jsonOf(await bench.signed(check, { token: key })) as { oauth: Record<string, unknown> };
      assert.deepEqual(checked.oauth['perms'], { _content: perms });
      assert.match(
        (await bench.open('/sandbox/accounts')).body,
        new RegExp(`"tokens":\\["flickr ${perms}"\\]`),
      );
    }
  });

  it('is that of the page that was sent, not of the page that was opened last', async (t) => {
    const bench = await openBench(t);
    const request = await begin(bench);
    const first = await openPage(bench, request, '&perms=read');
    await openPage(bench, request, '&perms=delete');
    const shown = await bench.submit(first, { screen_name: 'howl' });
    await finish(bench, request, verifierIn(shown));
    assert.match((await bench.open('/sandbox/accounts')).body, /"flickr read"/);
  });

  it('must be there', async (t) => {
    const bench = await openBench(t);
    const request = await begin(bench);
    for (const perms of ['', '&perms=', '&perms=all']) {
      const { status, body } = await openPage(bench, request, perms);
      assert.deepEqual([status, body.includes('does not recognise the permission')], [400, true], perms);
      assert.doesNotMatch(body, /<form/);
    }
    assert.equal((await openPage(bench, request)).status, 200, 'the request token is not spent by it');
  });
});

describe('a refusal of Flickr’s', () => {
  it('names a wrong signature and shows its base string, without a secret', async (t) => {
    const bench = await openBench(t);
    const secret = 'not-to-be-shown';
    const refused = await bench.signed(`${base}/request_token?x_auth_password=${secret}&a=b`, {
      signer: { ...app, secret },
      oauth: { oauth_callback: 'oob' },
    });
    assert.deepEqual([refused.status, refused.type], [401, 'text/plain; charset=utf-8']);
    const address = encodeURIComponent(`${bench.url}${base}/request_token`);
    const start = `oauth_problem=signature_invalid&debug_sbs=GET&${address}&a%3Db%26oauth_callback%3Doob%26`;
    assert.ok(refused.body.startsWith(start), refused.body);
    assert.match(refused.body, /oauth_consumer_key%3Dapp-key%26oauth_nonce%3D/);
    for (const hidden of [secret, app.secret, 'oauth_signature%3D'])
      assert.ok(!refused.body.includes(hidden));
    const key = await dance(bench);
    const rest = await bench.signed(login, { token: { ...key, secret } });
    assert.equal(rest.status, 401);
    assert.match(rest.body, /^oauth_problem=signature_invalid&debug_sbs=GET&/);
    assert.ok(!rest.body.includes(key.secret));
  });

  it('has a name for everything else', async (t) => {
    const bench = await openBench(t);
    const now = Math.floor(bench.clock.now() / 1000);
    const ask = async (oauth: Record<string, string>, signer = app) => {
      const sent = { oauth: { oauth_callback: 'oob', ...oauth }, signer };
      const { status, body } = await bench.signed(`${base}/request_token`, sent);
      return [status, status === 200 || body];
    };
    assert.deepEqual(await ask({ oauth_nonce: 'once' }), [200, true]);
    assert.deepEqual(await ask({ oauth_nonce: 'once' }), [401, 'oauth_problem=nonce_used']);
    const late = { oauth_timestamp: String(now - 301) };
    assert.deepEqual(await ask(late), [401, 'oauth_problem=timestamp_refused']);
    const stranger = { token: 'unknown', secret: 'x' };
    assert.deepEqual(await ask({}, stranger), [401, 'oauth_problem=consumer_key_unknown']);
    const unknown = await finish(bench, stranger, '123-456-789');
    assert.deepEqual([unknown.status, unknown.body], [401, 'oauth_problem=token_rejected']);
    const absent = await bench.signed(`${base}/request_token`);
    assert.deepEqual([absent.status, absent.body.includes('oauth_callback')], [400, true]);
    assert.equal((await bench.open(`${base}/request_token`)).status, 400);
    assert.deepEqual(await ask({ oauth_callback: 'javascript:1' }), [
      400,
      'oauth_problem=parameter_rejected',
    ]);
  });

  it('meets a wrong verifier, and the right one without its dashes', async (t) => {
    const bench = await openBench(t);
    for (const spoil of [
      (verifier: string) => verifier.replaceAll('-', ''),
      (verifier: string) => verifier.replaceAll('-', ' '),
      (verifier: string) => (verifier === '000-000-000' ? '111-111-111' : '000-000-000'),
      () => '',
    ]) {
      const { request, verifier } = await approved(bench);
      const refused = await finish(bench, request, spoil(verifier));
      assert.deepEqual([refused.status, refused.body], [401, 'oauth_problem=verifier_invalid']);
      assert.equal((await finish(bench, request, verifier)).body, 'oauth_problem=token_rejected');
    }
  });

  it('meets a link that is too old', async (t) => {
    const bench = await openBench(t);
    const { request, verifier } = await approved(bench);
    bench.clock.set(bench.clock.now() + minutes(15));
    assert.equal((await openPage(bench, request)).status, 404);
    assert.equal((await finish(bench, request, verifier)).body, 'oauth_problem=token_rejected');
  });

  it('is 200 from its API', async (t) => {
    const bench = await openBench(t);
    const key = await dance(bench);
    const said = async (path: string, token: Pair | undefined) => {
      const answer = await bench.signed(path, token ? { token } : {});
      const { stat, code, message } = jsonOf(answer) as Record<string, unknown>;
      return [answer.status, stat, code, message];
    };
    const invalid = [200, 'fail', 98, 'Invalid token'];
    assert.deepEqual(await said(login, { token: 'unknown', secret: 'x' }), invalid);
    assert.deepEqual(await said(login, undefined), invalid);
    assert.equal((await said(login.replace('test.login', 'photos.add'), key))[2], 112);
    assert.equal((await said(login.replace('=json', '=xml'), key))[2], 111);
    const stranger = await bench.open(login);
    assert.equal((jsonOf(stranger) as { code: number }).code, 100);
    const script = await bench.signed(login.replace('&nojsoncallback=1', ''), { token: key });
    assert.match(script.body, /^jsonFlickrApi\(\{.*\}\)$/);
    assert.equal((await said(login, key))[1], 'ok');
    await fetch(`${bench.url}/sandbox/accounts/howl/revoke`, { method: 'POST' });
    assert.deepEqual(await said(login, key), invalid);
  });
});

describe('tokens of Flickr in a box', () => {
  it('belong to the accounts of X in a box, and are good only at Flickr', async (t) => {
    const bench = await openBench(t);
    const xKey = bench.sandbox.grant(app.token, 'howl');
    const flickrKey = await dance(bench, '&perms=read');
    assert.equal(bench.world.accounts.length, 1);
    const me = await bench.signed('/2/users/me', { token: xKey });
    assert.equal(me.status, 200);
    assert.equal((await bench.signed('/2/users/me', { token: flickrKey })).status, 401);
    assert.match((await bench.signed(login, { token: xKey })).body, /"code":98/);
    assert.equal(
      bench.world.accessToken(xKey.token)?.access,
      'write',
      'reading at Flickr takes nothing at X',
    );
    const request = await begin(bench);
    assert.equal((await bench.open(`/oauth/authorize?oauth_token=${request.token}`)).status, 404);
  });

  it('are kept apart in a stored state, where those of old states are X’s', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'sandbox-'));
    const stateFile = join(folder, 'state.json');
    const bench = await openBench(t);
    folders.push(folder);
    const key = await dance(bench);
    const stored = JSON.stringify(bench.world.snapshot());
    for (const [text, good] of [
      [stored, [true, false]],
      [stored.replace('"dialect":"flickr",', ''), [false, true]],
    ] as const) {
      await writeFile(stateFile, text);
      const again = await openBench(t, { stateFile });
      const flickr = (await again.signed(login, { token: key })).body.includes('"stat":"ok"');
      const x = (await again.signed('/2/users/me', { token: key })).status === 200;
      assert.deepEqual([flickr, x], good);
    }
  });

  it('meet the faults that are ordered for them', async (t) => {
    const bench = await openBench(t);
    const key = await dance(bench);
    const fault = { kind: 'status', status: 503 } as const;
    bench.sandbox.faults.add({ match: { path: '/flickr/services/rest', account: 'howl' }, times: 1, fault });
    bench.sandbox.faults.add({ match: { path: '/flickr/services/oauth/*' }, times: 1, fault });
    assert.equal((await bench.signed(login, { token: key })).status, 503);
    assert.equal((await bench.signed(login, { token: key })).status, 200);
    assert.equal((await bench.open(`${base}/authorize?perms=read`)).status, 404, 'pages are for people');
    assert.equal((await bench.signed(`${base}/request_token`)).status, 503);
    await begin(bench);
  });
});
