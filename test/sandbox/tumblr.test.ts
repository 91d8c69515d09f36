import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { app, type Pair } from './client.ts';
import { jsonOf, openBench, pairOf, type Answer, type HttpBench } from './http-bench.ts';

const base = '/tumblr/oauth';
const info = '/tumblr/v2/user/info';
const callback = 'http://127.0.0.1:5000/back?poem=howl';
const minutes = (n: number): number => n * 60_000;

const ask = (bench: HttpBench, oauth: Record<string, string>, signer: Pair = app): Promise<Answer> =>
  bench.signed(`${base}/request_token`, { method: 'POST', oauth, signer });

const begin = async (bench: HttpBench): Promise<Pair> =>
  pairOf(await ask(bench, { oauth_callback: callback }));

const openPage = (bench: HttpBench, { token }: Pair): Promise<Answer> =>
  bench.open(`${base}/authorize?oauth_token=${token}`);

const finish = (bench: HttpBench, token: Pair, verifier: string, method: 'GET' | 'POST' = 'GET') =>
  bench.signed(`${base}/access_token`, { method, token, oauth: { oauth_verifier: verifier } });

/** A request token that an account approved, and the address the person was sent back to. */
async function approved(
  bench: HttpBench,
  name = 'howl',
): Promise<{ request: Pair; back: URL; verifier: string }> {
  const request = await begin(bench);
  const { status, location } = await bench.submit(await openPage(bench, request), { screen_name: name });
  assert.equal(status, 302);
  const back = new URL(location ?? '');
  return { request, back, verifier: back.searchParams.get('oauth_verifier') ?? '' };
}

async function dance(bench: HttpBench, name?: string): Promise<Pair> {
  const { request, verifier } = await approved(bench, name);
  return pairOf(await finish(bench, request, verifier));
}

const told = ({ status, body }: Answer): [number, string] => [status, body];

describe('Tumblr in a box', () => {
  it('dances by callback, and says only to the API whose a token is', async (t) => {
    const bench = await openBench(t);
    for (const method of ['GET', 'POST'] as const) {
      const { request, back, verifier } = await approved(bench);
      assert.equal(back.searchParams.get('poem'), 'howl');
      assert.equal(back.searchParams.get('oauth_token'), request.token);
      assert.equal(back.hash, '#_=_');
      const answer = await finish(bench, request, verifier, method);
      const key = pairOf(answer);
      const names = [...new URLSearchParams(answer.body).keys()];
      assert.deepEqual(names, ['oauth_token', 'oauth_token_secret']);
      const { meta, response } = jsonOf(await bench.signed(info, { token: key })) as Record<string, unknown>;
      assert.deepEqual(meta, { status: 200, msg: 'OK' });
      const { user } = response as { user: { name: string; blogs: Record<string, unknown>[] } };
      const [blog] = user.blogs;
      assert.deepEqual(
        [user.name, blog?.['name'], blog?.['url']],
        ['howl', 'howl', 'https://howl.tumblr.com/'],
      );
    }
  });

  it('gives out request tokens to GET too, and shows nothing of permissions', async (t) => {
    const bench = await openBench(t);
    const oauth = { oauth_callback: callback };
    const answer = await bench.signed(`${base}/request_token`, { oauth });
    assert.match(answer.body, /&oauth_callback_confirmed=true$/);
    assert.equal((await openPage(bench, pairOf(answer))).status, 200);
  });

  it('knows no PINs', async (t) => {
    const bench = await openBench(t);
    const refused = await ask(bench, { oauth_callback: 'oob' });
    assert.deepEqual(told(refused), [
      400,
      'Out-of-band ("oob") callbacks are not supported by this implementation.',
    ]);
    assert.match(refused.type, /^text\/plain/);
    for (const bad of ['', 'nonsense', 'javascript:alert(1)'])
      assert.equal((await ask(bench, { oauth_callback: bad })).status, 400, bad);
  });

  it('comes back from a no without a word', async (t) => {
    const bench = await openBench(t);
    const request = await begin(bench);
    const { status, location } = await bench.submit(await openPage(bench, request), { action: 'cancel' });
    assert.deepEqual([status, location], [302, callback]);
    assert.deepEqual(told(await finish(bench, request, 'x')), [400, 'Missing or invalid request token.']);
  });
});

describe('a refusal of Tumblr’s', () => {
  it('is plain text in the dance', async (t) => {
    const bench = await openBench(t);
    const good = { oauth_callback: callback };
    const wrong = await ask(bench, good, { ...app, secret: 'wrong' });
    assert.deepEqual(told(wrong), [401, 'oauth_signature does not match expected value']);
    const stranger = await ask(bench, good, { token: 'unknown', secret: 'x' });
    assert.deepEqual(told(stranger), [401, 'oauth_consumer_key not recognized']);
    const stamp = String(Math.floor(bench.clock.now() / 1000) + 301);
    const early = await ask(bench, { ...good, oauth_timestamp: stamp });
    assert.deepEqual(told(early), [401, 'oauth_timestamp is too far away']);
    assert.equal((await ask(bench, { ...good, oauth_nonce: 'once' })).status, 200);
    assert.equal((await ask(bench, { ...good, oauth_nonce: 'once' })).status, 401);
    assert.equal((await bench.open(`${base}/request_token`)).status, 400);
  });

  it('meets a wrong verifier, which spends the link, and a link that is too old', async (t) => {
    const bench = await openBench(t);
    const first = await approved(bench);
    const refused = await finish(bench, first.request, `${first.verifier}x`);
    assert.deepEqual(told(refused), [400, 'Missing or invalid oauth_verifier.']);
    assert.equal((await finish(bench, first.request, first.verifier)).status, 400);
    const second = await approved(bench);
    bench.clock.set(bench.clock.now() + minutes(15));
    assert.equal((await openPage(bench, second.request)).status, 404);
    const late = await finish(bench, second.request, second.verifier);
    assert.deepEqual(told(late), [400, 'Missing or invalid request token.']);
  });

  it('is JSON from the API', async (t) => {
    const bench = await openBench(t);
    const key = await dance(bench);
    const failed = (answer: Answer): unknown[] => [answer.status, jsonOf(answer)];
    const unauthorized = [401, { meta: { status: 401, msg: 'Unauthorized' }, response: [] }];
    assert.deepEqual(failed(await bench.signed(info, { token: { ...key, secret: 'wrong' } })), unauthorized);
    assert.deepEqual(failed(await bench.signed(info)), unauthorized);
    assert.deepEqual(failed(await bench.open(info)), unauthorized);
    const xKey = bench.sandbox.grant(app.token, 'howl');
    assert.deepEqual(failed(await bench.signed(info, { token: xKey })), unauthorized);
    const nowhere = await bench.signed('/tumblr/v2/user/outfo', { token: key });
    assert.deepEqual(failed(nowhere), [404, { meta: { status: 404, msg: 'Not Found' }, response: [] }]);
    await fetch(`${bench.url}/sandbox/accounts/howl/suspend`, { method: 'POST' });
    assert.equal((await bench.signed(info, { token: key })).status, 403);
    await fetch(`${bench.url}/sandbox/accounts/howl/unsuspend`, { method: 'POST' });
    assert.equal((await bench.signed(info, { token: key })).status, 200);
    await fetch(`${bench.url}/sandbox/accounts/howl/revoke`, { method: 'POST' });
    assert.deepEqual(failed(await bench.signed(info, { token: key })), unauthorized);
  });

  it('can be a fault that was ordered', async (t) => {
    const bench = await openBench(t);
    const key = await dance(bench);
    const fault = { kind: 'status', status: 503 } as const;
    bench.sandbox.faults.add({ match: { path: '/tumblr/*' }, times: 2, fault });
    assert.equal((await bench.open(`${base}/authorize?oauth_token=x`)).status, 404, 'pages are for people');
    assert.equal((await bench.signed(info, { token: key })).status, 503);
    assert.equal((await ask(bench, { oauth_callback: callback })).status, 503);
    assert.equal((await bench.signed(info, { token: key })).status, 200);
  });
});
