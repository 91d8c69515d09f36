import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { describe, it } from 'node:test';
import { makeKey } from '../../src/keys/authorize.ts';
import { KeyStore } from '../../src/keys/store.ts';
import {
  type Grant,
  type OAuth1Client,
  openOAuth1Client,
  VerifierRefused,
  type PinAnswer,
  pinFlow,
} from '../../src/oauth/client.ts';
import { xProvider } from '../../src/oauth/providers.ts';
import { TokenPair } from '../../src/oauth/signature.ts';
import type { BotName } from '../../src/poems/bot-name.ts';
import { sendInProcess } from '../../src/rehearsal/stage.ts';
import { tempFolder } from '../flock/temp-folder.ts';
import { app, Bench, pinOf } from '../sandbox/client.ts';
import { poem, TestFlock } from '../support/flock.ts';

const provider = xProvider('http://127.0.0.1:4010');
const guesses = 500;
/** As often as a flow lets anybody try. */
const limit = 5;

/** A sandbox in this process, and a client of it. */
function open(seed: string): { bench: Bench; client: OAuth1Client } {
  const bench = new Bench({ seed });
  const { clock } = bench;
  const send = sendInProcess((request) => bench.sandbox.handle(request), { clock, deadline: 10_000 });
  const appKeys = new TokenPair(app.token, app.secret);
  return { bench, client: openOAuth1Client(provider, { send, clock, appKeys }) };
}

/** The account's owner approves behind the link, for whoever has the request token. @returns the right PIN */
const approve = (bench: Bench, requestToken: TokenPair, screenName: string): string =>
  pinOf(bench.answerPage(requestToken.reveal(), { screen_name: screenName }));

/** The guess, unless it would be right by chance. */
const miss = (guess: number, right: string): string => {
  const digits = String((guess * 7_654_321 + 1_234_567) % 10_000_000).padStart(7, '0');
  return digits === right ? digits.replace(/^./, (digit) => String((Number(digit) + 1) % 10)) : digits;
};

const keysIn = (bench: Bench): number => bench.sandbox.world.snapshot().accessTokens.length;
const tokenIn = (url: string): string => new URL(url).searchParams.get('oauth_token') ?? '';

describe(`${guesses} guesses of a PIN`, () => {
  for (const [name, approved] of [
    ['behind links that nobody opened', false],
    ['behind links that the owner of an account approved', true],
  ] as const) {
    it(`make no key and no bundle, ${name}, and each flow gives up after ${limit}`, async () => {
      const { bench, client } = open(name);
      const folder = path.join(tempFolder(), 'keys');
      const keys = new KeyStore(folder);
      const links = new Set<string>();
      let guessed = 0;
      for (let bot = 0; bot < guesses / limit; bot++) {
        const requested: TokenPair[] = [];
        const watched: OAuth1Client = {
          ...client,
          async requestToken(callback) {
            const token = await client.requestToken(callback);
            requested.push(token);
            return token;
          },
        };
        const rights: string[] = [];
        const askPin = (): Promise<PinAnswer> => {
          const token = requested.at(-1);
          assert.ok(token);
          rights.push(approved ? approve(bench, token, `owner_${bot}`) : '1111111');
          return Promise.resolve({ pin: miss(guessed++, rights.at(-1) ?? '') });
        };
        let refusals = 0;
        const flow = (): Promise<Grant | undefined> =>
          pinFlow({
            client: watched,
            expected: undefined,
            showUrl: (url) => links.add(tokenIn(url)),
            askPin,
            refused: () => (refusals += 1),
          });
        const made = makeKey({
          bot: `bot-${bot}` as BotName,
          poemFile: undefined,
          expected: {},
          confirm: () => assert.fail('no account was authorized'),
          keys,
          owners: new Map(),
          flow,
        });
        await assert.rejects(made, VerifierRefused);
        assert.deepEqual([requested.length, refusals], [limit, limit - 1]);
        // The right PIN comes too late for a link that a wrong one was tried on.
        for (const [n, token] of requested.entries())
          await assert.rejects(client.accessToken(token, rights[n] ?? ''), VerifierRefused);
      }
      assert.deepEqual([guessed, links.size], [guesses, guesses]);
      assert.equal(keysIn(bench), 0);
      assert.deepEqual(await readdir(folder), []);
    });
  }

  it('at one link make no key: it is dead after the first, for the right PIN too', async () => {
    const { bench, client } = open('one link');
    const requestToken = await client.requestToken('oob');
    const right = approve(bench, requestToken, 'owner');
    const all = Array.from({ length: guesses }, (_, guess) =>
      client.accessToken(requestToken, miss(guess, right)),
    );
    const results = await Promise.allSettled([...all, client.accessToken(requestToken, right)]);
    for (const result of results) {
      assert.equal(result.status, 'rejected');
      assert.ok(result.reason instanceof VerifierRefused, String(result.reason));
    }
    assert.equal(keysIn(bench), 0);
  });

  it('at the links of others leave the one who has the PIN with the key of their own account', async () => {
    const { bench, client } = open('others');
    const mine = await client.requestToken('oob');
    const right = approve(bench, mine, 'owner');
    for (let guess = 0; guess < guesses; guess++) {
      const other = await client.requestToken('oob');
      // The PIN of one link opens no other, approved or not.
      if (guess % 2 === 0) approve(bench, other, 'somebody');
      await assert.rejects(client.accessToken(other, right), VerifierRefused);
    }
    assert.equal(keysIn(bench), 0);
    const { account } = await client.accessToken(mine, right);
    assert.equal(account.screenName, 'owner');
    assert.equal(keysIn(bench), 1);
    await assert.rejects(client.accessToken(mine, right), VerifierRefused);
  });

  it('typed into keymaker make no bundle', async () => {
    const bots = Array.from({ length: guesses / limit }, (_, n) => `bot-${String(n).padStart(3, '0')}`);
    await using flock = await TestFlock.open({
      poems: Object.fromEntries(bots.map((bot) => [`${bot}.txt`, poem(bot, 1)])),
    });
    const input = Array.from({ length: guesses }, (_, guess) => miss(guess, ''));
    const { code, stdout, stderr } = await flock.run('keymaker', ['make-keys', 'poems', '--all'], { input });
    assert.equal(code, 75);
    assert.match(
      stdout,
      new RegExp(
        `Keys: 0 made, 0 kept, 0 skipped, ${bots.length} failed\\.\n${bots.length} left: run the same command again\\.\n$`,
      ),
    );
    assert.equal(stdout.match(/^http\S+$/gm)?.length, guesses);
    assert.equal(stderr.match(/refused the PIN/g)?.length, guesses);
    assert.deepEqual(await readdir(flock.file('keys')), []);
    assert.equal(flock.x.sandbox.world.snapshot().accessTokens.length, 0);
  });
});
