import { Bench } from './client.ts';

/** A sandbox with the account `rain` at each network, and the requests that post as it there. */
export function threeRains() {
  const bench = new Bench();
  const x = bench.dance('rain');
  const { token } = bench.sandbox.grantMastodon('app', 'rain');
  const { did, appPassword } = bench.sandbox.grantBluesky('rain');
  const post = (url: string, json: object, bearer?: string) =>
    bench.send({
      method: 'POST',
      url,
      json,
      signer: null,
      headers: bearer === undefined ? {} : { authorization: `Bearer ${bearer}` },
    });
  const signIn = () =>
    post('/bluesky/xrpc/com.atproto.server.createSession', { identifier: did, password: appPassword });
  const login = (): string => (JSON.parse(signIn().body) as { accessJwt: string }).accessJwt;
  let posts = 0;
  return {
    bench,
    signIn,
    login,
    toX: (text: string) => bench.post(x, text),
    toMastodon: (text: string, more: object = {}) =>
      post('/mastodon/api/v1/statuses', { status: text, ...more }, token),
    toBluesky: (text: string, more: object = {}, session = login()) => {
      const $type = 'app.bsky.feed.post';
      const rkey = `3kabcdefghij${String.fromCharCode(97 + posts++)}`;
      const record = { $type, text, createdAt: '2026-11-21T09:00:00.000Z', ...more };
      const json = { repo: did, collection: $type, rkey, record, swapRecord: null };
      return post('/bluesky/xrpc/com.atproto.repo.putRecord', json, session);
    },
  };
}

/** The front page, or another. */
export const front = (bench: Bench, url = '/'): string => bench.send({ url, signer: null }).body;
