import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { systemClock } from '../../src/clock.ts';
import { NoAnswer, type Send } from '../../src/http/exchange.ts';
import { openSender } from '../../src/http/send.ts';
import { fingerprint } from '../../src/ledger/state.ts';
import {
  type MastodonGrant,
  openMastodonOAuth,
  type ServerApp,
} from '../../src/networks/mastodon/authorize.ts';
import { askInstance, openMastodon } from '../../src/networks/mastodon/client.ts';
import { Secret } from '../../src/text.ts';
import { accountCases, hostileTexts, postsFrom, type Stage } from '../contract/account.ts';
import { noSnac, type Snac, startSnac } from './snac.ts';

if (noSnac !== false) process.stderr.write(`test/peers/mastodon.test.ts: skipped, since ${noSnac}\n`);

/** A server that ignores `Idempotency-Key`, shows texts altered, and knows no `max_id`. */
describe('snac2', { skip: noSnac }, () => {
  let snac: Snac;
  let app: ServerApp;
  let grant: MastodonGrant;
  const sender = openSender({ deadline: 10_000, sockets: 4 });
  // snac closes connections without saying so, and a request on one that is just closing is lost.
  const send: Send = (request) =>
    sender.send({ ...request, headers: { ...request.headers, connection: 'close' } });
  const stage = (by: Send = send): Stage => {
    const open = openMastodon(snac.server, by, systemClock);
    const { userId, screenName } = grant.account;
    return {
      account: open(grant.accessToken),
      stranger: open(new Secret('never-given')),
      userId,
      screenName,
    };
  };
  const oauth = () => openMastodonOAuth(snac.server, send, systemClock);

  before(async () => {
    snac = await startSnac();
    app = await oauth().registerApp();
    const pending = oauth().begin(app);
    grant = await oauth().finish(app, pending, await snac.signIn(pending.link));
  });
  after(async () => {
    await snac.close();
    await sender[Symbol.asyncDispose]();
  });

  it('gives a key for the account that signed in', () => {
    const { screenName, isBot, movedTo } = grant.account;
    assert.deepEqual([screenName, isBot, movedTo], [`anna@${new URL(snac.server).host}`, false, undefined]);
  });

  it('names its limits at the older address', async () => {
    const outcome = await askInstance(snac.server, send, systemClock);
    assert.ok('ok' in outcome, JSON.stringify(outcome));
    assert.deepEqual(outcome.ok.limits, { maxCharacters: 100_000, charactersPerLink: 32 });
    assert.match(outcome.ok.version, /snac/);
  });

  accountCases(() => Promise.resolve(stage()));

  it('gets 60 lines once each and in order, although answers are lost and connections break', async () => {
    let count = 0;
    const spoiled: Send = async (request) => {
      count += 1;
      if (count % 5 === 3) throw new NoAnswer('cut before', { sent: true });
      const answer = await send(request);
      if (count % 3 === 0) throw new NoAnswer('cut after', { sent: true });
      return count % 7 === 0 ? { ...answer, body: answer.body.slice(0, answer.body.length / 2) } : answer;
    };
    const { account, userId } = stage(spoiled);
    const whole = stage();
    const first = await whole.account.post('begin');
    assert.ok('ok' in first);
    const lines = Array.from(
      { length: 60 },
      (_, n) => `${hostileTexts[n % hostileTexts.length] ?? ''} [${n}]`,
    );
    let since = first.ok;
    let doubts = 0;
    for (const line of lines)
      for (let id: string | undefined; id === undefined;) {
        const outcome = await account.post(line, { mark: `mark ${count}` });
        id = 'ok' in outcome ? outcome.ok : undefined;
        for (let isSettled = id !== undefined; !isSettled;) {
          doubts += 1;
          const isKnown = (text: string): boolean => fingerprint(text) === fingerprint(line);
          const page = await account.timeline(userId, { sinceId: since }, { maxPosts: 40, isKnown });
          isSettled = 'ok' in page;
          if ('ok' in page) id = page.ok.posts.find(({ text }) => isKnown(text))?.id;
        }
        since = id ?? since;
      }
    assert.ok(doubts > 20, String(doubts));
    const read = await postsFrom(whole, { sinceId: first.ok }, { maxPosts: 100, looked: 'none of them' });
    assert.deepEqual(read.map(({ text }) => fingerprint(text)).reverse(), lines.map(fingerprint));
  });

  it('ends a key', async () => {
    const other = await oauth().registerApp();
    const pending = oauth().begin(other);
    const { accessToken } = await oauth().finish(other, pending, await snac.signIn(pending.link));
    assert.equal(await oauth().revoke(other, accessToken), 'ended');
    const outcome = await openMastodon(snac.server, send, systemClock)(accessToken).post('rain');
    assert.ok('failure' in outcome);
    assert.equal(outcome.failure.kind, 'unauthorized');
  });
});
