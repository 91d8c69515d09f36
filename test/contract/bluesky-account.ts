import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Clock } from '../../src/clock.ts';
import { FlockError } from '../../src/errors.ts';
import { type HttpRequest, NoAnswer, type Send } from '../../src/http/exchange.ts';
import { authorize } from '../../src/networks/bluesky/authorize.ts';
import { type BlueskyAccount, openBluesky, newTid } from '../../src/networks/bluesky/client.ts';
import type { BlueskyKey } from '../../src/networks/bluesky/sessions.ts';
import type { Outcome } from '../../src/networks/network.ts';
import { Secret } from '../../src/text.ts';
import { accountCases } from './account.ts';

/*
 * What the client relies on, as one table of cases for every server that speaks for Bluesky: the sandbox and @atproto/pds.
 */

/** A server and its directory, as it runs for the tests. */
export interface BlueskyPeer {
  /** Without trailing slashes. */
  server: string;
  directory: string;
  adminPassword: string;
  clock: Clock;
  send: Send;
  close(): Promise<void> | void;
}

interface Person {
  handle: string;
  did: string;
  password: string;
  appPassword: string;
  /** A session of the main password. */
  access: string;
}

let people = 0;

/** The calls of a person, and of the admin. */
export function personAt({ server, send, adminPassword }: BlueskyPeer) {
  const call = async (
    name: string,
    body: object,
    authorization?: string,
  ): Promise<Record<string, unknown>> => {
    const headers = {
      'content-type': 'application/json',
      ...(authorization !== undefined && { authorization }),
    };
    const url = `${server}/xrpc/${name}`;
    const answer = await send({ method: 'POST', url, headers, body: JSON.stringify(body) });
    assert.equal(answer.status, 200, `${name}: ${answer.body}`);
    return answer.body === '' ? {} : (JSON.parse(answer.body) as Record<string, unknown>);
  };
  return {
    call,
    async newPerson(name = `bot-${String(++people)}`): Promise<Person> {
      const [handle, password] = [`${name}.test`, 'the main password'];
      const email = `${name}@example.test`;
      const made = await call('com.atproto.server.createAccount', { handle, email, password });
      const access = String(made['accessJwt']);
      const app = await call('com.atproto.server.createAppPassword', { name: 'flock' }, `Bearer ${access}`);
      return { handle, did: String(made['did']), password, appPassword: String(app['password']), access };
    },
    revoke: ({ access }: Person) =>
      call('com.atproto.server.revokeAppPassword', { name: 'flock' }, `Bearer ${access}`),
    takeDown: ({ did }: Person, applied: boolean) =>
      call(
        'com.atproto.admin.updateSubjectStatus',
        { subject: { $type: 'com.atproto.admin.defs#repoRef', did }, takedown: { applied } },
        `Basic ${Buffer.from(`admin:${adminPassword}`).toString('base64')}`,
      ),
  };
}

const kindOf = (outcome: Outcome<unknown>): string => ('ok' in outcome ? 'ok' : outcome.failure.kind);
const reasonOf = (outcome: Outcome<unknown>): string => ('ok' in outcome ? '' : outcome.failure.reason);

function okOf<T>(outcome: Outcome<T>): T {
  assert.ok('ok' in outcome, reasonOf(outcome));
  return outcome.ok;
}

const nameOf = ({ url }: HttpRequest): string => /\/xrpc\/([\w.]+)/.exec(url)?.[1] ?? url;

/** @param start - starts the server for all cases */
export function blueskyContract(title: string, start: () => Promise<BlueskyPeer>): void {
  describe(`Bluesky's contract with ${title}`, () => {
    let peer: BlueskyPeer;
    let person: ReturnType<typeof personAt>;
    let sent: HttpRequest[];

    before(async () => {
      peer = await start();
      person = personAt(peer);
    });
    after(() => peer.close());

    /** A bot whose answers can be lost after the server has given them. */
    const bot = async (someone?: Person, isLost: (request: HttpRequest) => boolean = () => false) => {
      const { did, handle, appPassword } = someone ?? (await person.newPerson());
      const key: BlueskyKey = { userId: did, appPassword: new Secret(appPassword), server: peer.server };
      sent = [];
      const send: Send = async (request) => {
        sent.push(request);
        const answer = await peer.send(request);
        if (isLost(request)) throw new NoAnswer('the answer was lost', { sent: true });
        return answer;
      };
      const { clock, directory } = peer;
      const open = (): BlueskyAccount => openBluesky({ send, clock, directory })(key);
      let last: string | undefined;
      const mark = (): string => (last = newTid(clock.now(), last));
      return { account: open(), open, mark, did, handle, key };
    };

    accountCases(async () => {
      const { account, mark, did, handle, key } = await bot();
      const appPassword = new Secret('aaaa-bbbb-cccc-dddd');
      const { clock, directory, send } = peer;
      const stranger = openBluesky({ send, clock, directory })({ ...key, appPassword });
      return { account, stranger, userId: did, screenName: handle, mark, ordersIds: true };
    });

    const texts = async (account: BlueskyAccount, did: string): Promise<string[]> => {
      const { posts } = okOf(await account.timeline(did, 'newest', { maxPosts: 100 }));
      return posts.map(({ text }) => text);
    };

    const tryKey = (identifier: string, password: string) =>
      authorize({ identifier, appPassword: new Secret(password) }, peer);

    const refusal = async (promise: Promise<unknown>): Promise<FlockError> => {
      const error: unknown = await promise.then(
        () => assert.fail('it was accepted'),
        (thrown: unknown) => thrown,
      );
      assert.ok(error instanceof FlockError, String(error));
      return error;
    };

    describe('a key', () => {
      it('is got with a handle, in any form, and an app password', async () => {
        const { handle, did, appPassword } = await person.newPerson();
        for (const typed of [
          handle,
          `@${handle}`,
          ` ${handle.toUpperCase()} `,
          did,
          `https://bsky.app/profile/${handle}`,
        ]) {
          const { key, screenName } = await tryKey(typed, appPassword);
          assert.deepEqual([key.userId, key.server, screenName], [did, peer.server, handle]);
        }
      });

      it('is not the main password', async () => {
        const { handle, password } = await person.newPerson();
        const error = await refusal(tryKey(handle, password));
        assert.equal(error.exit, 'data');
        assert.match(error.message, /this is the main password of @bot-\d+\.test/);
        assert.match(error.hint ?? '', /App passwords/);
      });

      it('is not a wrong password', async () => {
        const { handle } = await person.newPerson();
        const error = await refusal(tryKey(handle, 'aaaa-bbbb-cccc-dddd'));
        assert.equal(error.exit, 'data');
        assert.match(error.message, /refuses its app password \(401 AuthenticationRequired/);
      });

      it('is not of a handle that no account has', async () => {
        const error = await refusal(tryKey('nobody-has-this.test', 'aaaa-bbbb-cccc-dddd'));
        assert.equal(error.exit, 'data');
        assert.match(error.message, /there is no account @nobody-has-this\.test/);
      });

      it('is not of a suspended account', async () => {
        const someone = await person.newPerson();
        await person.takeDown(someone, true);
        const error = await refusal(tryKey(someone.did, someone.appPassword));
        assert.equal(error.exit, 'data');
        assert.match(error.message, /its account is suspended/);
      });

      it('says whose it is', async () => {
        const { account, did, handle } = await bot();
        assert.deepEqual(okOf(await account.me()), { userId: did, screenName: handle });
      });
    });

    describe('a post', () => {
      it('is a record with the key of its mark', async () => {
        const { account, mark, did } = await bot();
        const one = mark();
        assert.equal(okOf(await account.post('rain & "tin" 雨 👩‍👩‍👧', { mark: one, language: 'de' })), one);
        const found = okOf(await account.find(one));
        assert.deepEqual([found?.id, found?.text], [one, 'rain & "tin" 雨 👩‍👩‍👧']);
        assert.deepEqual(await texts(account, did), ['rain & "tin" 雨 👩‍👩‍👧']);
      });

      it('has links and tags, and a label for its warning', async () => {
        const { account, mark } = await bot();
        const text = 'Über https://example.com/ä und #Regen, @anna.test';
        okOf(await account.post(text, { mark: mark(), contentWarning: 'war' }));
        const { body = '' } = sent.find((request) => nameOf(request).endsWith('putRecord')) ?? {};
        const { record } = JSON.parse(body) as { record: { facets: object[]; labels: object } };
        assert.equal(record.facets.length, 2);
        assert.deepEqual(record.labels, {
          $type: 'com.atproto.label.defs#selfLabels',
          values: [{ val: 'graphic-media' }],
        });
      });

      it('sent again, at once or after a restart, changes nothing', async () => {
        const { account, open, mark, did } = await bot();
        const one = mark();
        const outcomes = await Promise.all(
          Array.from({ length: 8 }, () => account.post('once', { mark: one })),
        );
        assert.deepEqual(outcomes.map(okOf), Array(8).fill(one));
        assert.equal(okOf(await open().post('once', { mark: one })), one);
        assert.deepEqual(await texts(account, did), ['once']);
      });

      it('with the mark of another text is that other post', async () => {
        const { account, mark, did } = await bot();
        const one = mark();
        okOf(await account.post('as it was', { mark: one }));
        assert.equal(okOf(await account.post('as it is edited', { mark: one })), one);
        assert.deepEqual(await texts(account, did), ['as it was']);
      });

      it('whose answer was lost is found, or sent again under its mark', async () => {
        let isLost = true;
        const { account, mark, did } = await bot(
          undefined,
          (request) => isLost && nameOf(request).endsWith('putRecord'),
        );
        const one = mark();
        assert.equal(kindOf(await account.post('once', { mark: one })), 'in-doubt');
        isLost = false;
        assert.equal(okOf(await account.find(one))?.text, 'once');
        assert.equal(okOf(await account.post('once', { mark: one })), one);
        assert.deepEqual(await texts(account, did), ['once']);
      });

      it('of sixty, with lost answers and restarts, is there once and in its place', async () => {
        let count = 0;
        const { open, mark, did } = await bot(
          undefined,
          (request) => nameOf(request).endsWith('putRecord') && count++ % 3 === 0,
        );
        const lines = Array.from({ length: 60 }, (_, n) => `line ${String(n + 1)}`);
        let account = open();
        for (const [n, line] of lines.entries()) {
          const one = mark();
          while (kindOf(await account.post(line, { mark: one })) !== 'ok') {
            if (n % 2 === 0) assert.equal(okOf(await account.find(one))?.text, line);
            if (n % 10 === 0) account = open();
          }
        }
        assert.deepEqual((await texts(account, did)).reverse(), lines);
      });

      it('that was never sent is absent', async () => {
        const { account, mark } = await bot();
        assert.equal(okOf(await account.find(mark())), undefined);
      });

      const limits: [name: string, text: string, kind: string][] = [
        ['300 graphemes', '👩‍👩‍👧'.repeat(75) + 'a'.repeat(225), 'ok'],
        ['300 graphemes of Devanagari', 'नि'.repeat(300), 'ok'],
        ['301 graphemes', 'a'.repeat(301), 'rejected'],
        ['more than 3,000 bytes', '👩‍👩‍👧‍👦'.repeat(121), 'rejected'],
      ];
      for (const [name, text, kind] of limits) {
        it(`may have ${name}: ${kind}`, async () => {
          const { account, mark } = await bot();
          const outcome = await account.post(text, { mark: mark() });
          assert.equal(kindOf(outcome), kind, reasonOf(outcome));
        });
      }

      it('keeps the order of its marks in the timeline', async () => {
        const { account, mark, did } = await bot();
        const marks: string[] = [];
        for (const text of ['one', 'two', 'three', 'four', 'five'])
          marks.push(okOf(await account.post(text, { mark: mark() })));
        const since = okOf(await account.timeline(did, { sinceId: marks[1] ?? '' }, { maxPosts: 100 }));
        assert.deepEqual(
          since.posts.map(({ id }) => id),
          [marks[4], marks[3], marks[2]],
        );
        assert.equal(since.next, undefined);
        const paged: string[] = [];
        let token: string | undefined;
        do {
          const page = okOf(await account.timeline(did, 'newest', { maxPosts: 2, token }));
          paged.push(...page.posts.map(({ text }) => text));
          token = page.next;
        } while (token !== undefined);
        assert.deepEqual(paged, ['five', 'four', 'three', 'two', 'one']);
      });
    });

    describe('a bot', () => {
      it('signs in once, at its first post', async () => {
        const { account, mark, did } = await bot();
        okOf(await account.find(mark()));
        await texts(account, did);
        assert.equal(sent.filter((request) => nameOf(request).includes('Session')).length, 0);
        for (const text of ['one', 'two', 'three']) okOf(await account.post(text, { mark: mark() }));
        assert.deepEqual(
          sent.map(nameOf).filter((name) => name.includes('Session')),
          ['com.atproto.server.createSession'],
        );
      });

      it('whose app password was revoked needs a new one, and no other bot does', async () => {
        const someone = await person.newPerson();
        const { open, mark } = await bot(someone);
        await person.revoke(someone);
        const outcome = await open().post('rain', { mark: mark() });
        assert.equal(kindOf(outcome), 'reauth', reasonOf(outcome));
        const other = await bot();
        okOf(await other.account.post('rain', { mark: other.mark() }));
      });

      it('that is suspended in mid-poem says so, and goes on afterwards', async () => {
        const someone = await person.newPerson();
        const { account, open, mark, did } = await bot(someone);
        okOf(await account.post('one', { mark: mark() }));
        await person.takeDown(someone, true);
        const two = mark();
        assert.equal(kindOf(await account.post('two', { mark: two })), 'suspended');
        assert.equal(kindOf(await open().post('two', { mark: two })), 'suspended');
        await person.takeDown(someone, false);
        okOf(await open().post('two', { mark: two }));
        assert.deepEqual(await texts(open(), did), ['two', 'one']);
      });

      it('that has signed in too often waits until it may', async () => {
        const someone = await person.newPerson();
        const { open, mark } = await bot(someone);
        for (let count = 0; count < 30; count++)
          await peer.send({
            method: 'POST',
            url: `${peer.server}/xrpc/com.atproto.server.createSession`,
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ identifier: someone.did, password: 'wrong' }),
          });
        const outcome = await open().post('rain', { mark: mark() });
        assert.ok('failure' in outcome && outcome.failure.kind === 'wait', kindOf(outcome));
        const wait = outcome.failure.until - peer.clock.now();
        assert.ok(wait > 0 && wait <= 5 * 60_000 + 1000, `${String(wait)} ms`);
        assert.equal(outcome.failure.scope, 'bot');
        const other = await bot();
        okOf(await other.account.post('rain', { mark: other.mark() }));
      });

      it('gets the label of a bot, once, and keeps the rest of its profile', async () => {
        const someone = await person.newPerson();
        const { account, did } = await bot(someone);
        assert.equal(okOf(await account.hasBotLabel()), false);
        assert.equal(okOf(await account.setBotLabel()), true);
        assert.equal(okOf(await account.hasBotLabel()), true);
        assert.equal(okOf(await account.setBotLabel()), false);
        const record = { $type: 'app.bsky.actor.profile', displayName: 'Howl' };
        const place = { repo: did, collection: 'app.bsky.actor.profile', rkey: 'self' };
        await person.call('com.atproto.repo.putRecord', { ...place, record }, `Bearer ${someone.access}`);
        assert.equal(okOf(await account.setBotLabel()), true);
        const { body = '' } = sent.findLast((request) => nameOf(request).endsWith('putRecord')) ?? {};
        assert.deepEqual(JSON.parse(body), {
          ...place,
          swapRecord: (JSON.parse(body) as { swapRecord: string }).swapRecord,
          record: {
            ...record,
            labels: { $type: 'com.atproto.label.defs#selfLabels', values: [{ val: 'bot' }] },
          },
        });
      });

      it('is where it was', async () => {
        const { account } = await bot();
        assert.equal(okOf(await account.movedTo()), undefined);
      });
    });
  });
}
