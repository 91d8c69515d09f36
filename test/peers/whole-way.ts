import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Random } from '../simulation/random.ts';
import type { TestFlock, TestFlockOptions } from '../support/flock.ts';
import type { Environment, LogLine, Running } from '../support/programs.ts';
import { hostileTexts } from '../contract/account.ts';
import { type Fault, faults, Proxy, stages } from './proxy.ts';

/*
 * The whole way of a flock at a peer: posted by `flockd run`, through a network that loses requests and answers, with 20 kills.
 */

const lines = 60;

/** Whatever a server may change, and words that come again. */
const hostileLines = hostileTexts.filter((text) => !text.includes('\n'));

/** Poems by what is hard about them. */
const kinds = [
  (n: number) => `${hostileLines[n % hostileLines.length] ?? ''} [${n}]`,
  (n: number) => (n % 3 === 1 ? `verse ${n}` : 'la la la'),
  (n: number) => `stanza ${n}\n  with < two >\nand & three rows`,
];

/** The posts of each bot, as they are in its poem. */
export const poemsOf = (bots: readonly string[]): Record<string, string[]> =>
  Object.fromEntries(
    bots.map((bot, n) => [
      bot,
      Array.from({ length: lines }, (_, line) => kinds[n % kinds.length]?.(line) ?? ''),
    ]),
  );

/** What a flock with these poems has on its disk, besides its keys. */
export const flockOf = (poems: Record<string, string[]>): TestFlockOptions => ({
  poems: Object.fromEntries(
    Object.entries(poems).map(([bot, posts]) => [`${bot}.txt`, `${posts.join('\n\n')}\n`]),
  ),
  settings: {
    ...{ schedule: '* * * * * *', timezone: 'UTC', missed: 'all', atEnd: 'stop', spread: '1s' },
    // A doubt lasts for 11 seconds, with the deadline.
    settle: '1s',
    bots: Object.fromEntries(
      Object.entries(poems).map(([bot, [first = '']]) => [
        bot,
        { unit: first.includes('\n') ? 'stanza' : 'line' },
      ]),
    ),
  },
});

/** When flockd is killed: while a post is at some stage of its way, after some posts, or at any moment. */
const kills = [...stages, ...stages, ...Array<'any'>(14).fill('any')];
const mostPosts = 9;
/** Milliseconds after the start. */
const anywhen = { from: 300, to: 2500 };

/** What befalls requests to post, and others, and among how many of them: fewer than there will be. */
const dealt = {
  post: { faults: [...faults, ...faults], among: 120 },
  // Each lets a bot wait for a minute.
  other: { faults: ['cut within', 'error before'] satisfies Fault[], among: 20 },
};
/** After which a peer that is asked at once does not have a post. */
const losing: ReadonlySet<Fault> = new Set(['cut before', 'error before', 'late']);
/** A doubt lasts for 11 seconds; a kill begins it anew. Milliseconds. */
const mostLate = 9_000;

interface WholeWay {
  test: TestContext;
  flock: TestFlock;
  poems: Record<string, string[]>;
  env?: Environment;
  /** Where the peer is known, and where it listens. */
  ports: { front: number; peer: number };
  /** Whether a request posts. */
  isPost: (request: IncomingMessage) => boolean;
  /** Makes the keys of the bots, before anything is lost. */
  makeKeys: () => Promise<unknown>;
  /** What an account has posted, oldest first, as the peer itself says. */
  postsOf: (bot: string) => Promise<string[]>;
}

/** The seed is printed: `PEER_SEED` gives the same faults and kills again, as far as the processes go alike. */
export async function goTheWholeWay(way: WholeWay): Promise<void> {
  const { test, flock, poems, env = {}, ports, isPost } = way;
  const seed = Number(process.env['PEER_SEED'] ?? randomInt(2 ** 31));
  test.diagnostic(`PEER_SEED=${seed}`);
  const random = new Random(seed);
  const faultOf = faultsBy(random, isPost);
  const lateness = (): number => random.int(mostLate);
  await using proxy = await Proxy.open({ port: ports.front, peer: ports.peer, lateness });
  await way.makeKeys();
  const begun = Date.now();
  /** Starts a flockd, which has the faults. */
  const start = (): Running => {
    const flockd = flock.start('flockd', ['run'], { env });
    proxy.faultOf = (request, body) => faultOf(request, body, flockd);
    return flockd;
  };
  for (const moment of shuffled(random, kills)) {
    const flockd = start();
    let left = random.int(mostPosts);
    proxy.reached = (stage, request) => {
      if (stage === moment && isPost(request) && left-- <= 0 && !sendsAgain(flockd)) flockd.kill('SIGKILL');
    };
    if (moment === 'any') killAfter(flockd, anywhen.from + random.int(anywhen.to - anywhen.from));
    assert.equal((await flockd.exit).signal, 'SIGKILL', flockd.stdout + flockd.stderr);
    assertWell(flockd);
  }
  test.diagnostic(`all kills were made in ${Date.now() - begun} ms`);
  proxy.reached = () => undefined;
  const last = start();
  await finished(flock, Object.keys(poems), last);
  test.diagnostic(`all posts were made in ${Date.now() - begun} ms`);
  last.kill('SIGTERM');
  assert.equal((await last.exit).code, 0);
  assertWell(last);
  for (const [bot, posts] of Object.entries(poems)) assert.deepEqual(await way.postsOf(bot), posts, bot);
  await flock.assertNoSecrets();
}

/** In an order by chance. */
function shuffled<T>(random: Random, all: readonly T[]): T[] {
  const keyed = all.map((one) => [random.next(), one] as const);
  return keyed.sort(([a], [b]) => a - b).map(([, one]) => one);
}

/** What becomes of requests, by their number. */
function faultsBy(random: Random, isPost: WholeWay['isPost']) {
  const deal = (kind: keyof typeof dealt): (Fault | undefined)[] => {
    const { faults: some, among } = dealt[kind];
    return shuffled(random, [...some, ...Array<undefined>(among - some.length).fill(undefined)]);
  };
  const left = { post: deal('post'), other: deal('other') };
  const lost = new Set<string>();
  return (request: IncomingMessage, body: string, flockd: Running): Fault | undefined => {
    const kind = isPost(request) ? 'post' : 'other';
    const fault = left[kind].pop();
    if (fault !== undefined && kind === 'other') killAfter(flockd, random.int(1000));
    if (kind === 'other' || fault === undefined || !losing.has(fault)) return fault;
    if (lost.has(body) || sendsAgain(flockd)) return 'cut after';
    lost.add(body);
    return fault;
  };
}

/** Whether a line is sent again that did not arrive. If it does not twice, its bot waits for five minutes. */
function sendsAgain({ log }: Running): boolean {
  const again = new Set<string | undefined>();
  for (const { event, bot } of log)
    if (event === 'absent') again.add(bot);
    else if (event === 'posted') again.delete(bot);
  return again.size > 0;
}

/** Kills a flockd, once it sends no line again. @param wait - milliseconds */
function killAfter(flockd: Running, wait: number): void {
  void delay(wait).then(() => {
    if (sendsAgain(flockd)) killAfter(flockd, 100);
    else flockd.kill('SIGKILL');
  });
}

/** Resolves once all bots have posted their last lines, perhaps before this flockd began. */
async function finished(flock: TestFlock, bots: readonly string[], flockd: Running): Promise<void> {
  const { stdout } = await flock.run('flockd', ['status', '--json']);
  const status = JSON.parse(stdout) as { bots: { bot: string; state: string }[] };
  const over = new Set(status.bots.filter(({ state }) => state === 'finished').map(({ bot }) => bot));
  const isLast = ({ line }: LogLine): boolean => line === lines;
  const waiting = bots.filter((bot) => !over.has(bot));
  await Promise.all(waiting.map((bot) => flockd.logged('posted', bot, isLast)));
}

/** No bot needs a person for what a network may do. */
function assertWell({ lines: said }: Running): void {
  assert.deepEqual(
    said.filter((line) => /"event":"(parked|unfit)"/.test(line)),
    [],
  );
}
