/** The runner of bots at each network: what a post costs flockd, with servers in this process that answer at once. */
import { mkdtemp } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { systemClock } from '../../../src/clock.ts';
import { type Bot, parseFlockFile } from '../../../src/config/flock-file.ts';
import type { HttpAnswer, HttpRequest } from '../../../src/http/exchange.ts';
import { Journal } from '../../../src/ledger/journal.ts';
import { EventLog } from '../../../src/log.ts';
import { networkNames, type NetworkName } from '../../../src/networks/network.ts';
import { networks, openNetworks } from '../../../src/networks/networks.ts';
import { type BotKey, noApp, TokenPair } from '../../../src/oauth/signature.ts';
import { parseBotName } from '../../../src/poems/bot-name.ts';
import { BotRunner } from '../../../src/posting/bot-runner.ts';
import { unlimitedBudget } from '../../../src/posting/budget.ts';
import { PostIds } from '../../../src/sandbox/world.ts';
import { answerQuestions } from '../questions.ts';

const turn = z.object({ names: z.array(z.enum(networkNames)).min(1), bots: z.number() });

const ids = new PostIds();
let made = 0;

/** Answers as a server that takes everything. */
function answer({ method, url, body = '' }: HttpRequest): HttpAnswer {
  const headers = { date: new Date().toUTCString() };
  const of = (value: object, status = 200): HttpAnswer => ({ status, headers, body: JSON.stringify(value) });
  const { hostname, pathname } = new URL(url);
  const isPost = method === 'POST';
  if (hostname === 'x.example') {
    if (isPost) return of({ data: { id: ids.next(Date.now()), text: '' } }, 201);
    return pathname.endsWith('/me') ? of({ title: 'Unauthorized' }, 401) : of({ meta: { result_count: 0 } });
  }
  if (hostname === 'mastodon.example') return of(isPost ? { id: `a${made++}` } : []);
  const sent = z.record(z.string(), z.unknown()).parse(JSON.parse(body || '{}'));
  if (pathname.endsWith('createSession')) {
    const token = (claims: object): string =>
      `e.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.s`;
    const exp = Date.now() / 1000 + 7200;
    return of({
      did: sent['identifier'],
      handle: 'a.example',
      accessJwt: token({ exp }),
      refreshJwt: token({}),
    });
  }
  if (isPost) return of({ uri: `at://a/b/${String(sent['rkey'])}`, cid: 'c' });
  return of(pathname.endsWith('listRecords') ? { records: [] } : { did: 'did:web:bluesky.example' });
}

function keyOf(name: NetworkName, bot: number): BotKey {
  const did = `did:plc:${String(bot)
    .replaceAll(/\d/g, (digit) => 'abcdefghij'[Number(digit)] ?? '')
    .padStart(24, 'z')}`;
  return {
    appKeys: name === 'bluesky' ? noApp : new TokenPair('app', 'secret'),
    accessToken: new TokenPair(`${bot}-token`, 'secret'),
    userId: name === 'bluesky' ? did : String(bot),
    screenName: `b${bot}`,
    ...(name !== 'x' && { provider: name, server: `https://${name}.example` }),
  };
}

const poem = Array.from(
  { length: 30 },
  (_, line) => `Line ${line}: praise the salt, and ask for it again.`,
).join('\n');

answerQuestions(async (question) => {
  const { names, bots: count } = turn.parse(question);
  await using ledger = await Journal.open(await mkdtemp(path.join(process.cwd(), 'ledger-')));
  const file = parseFlockFile('{"schedule":"* * * * * *"}', 'flock.json');
  const bots = Array.from({ length: count }, (_, index): Bot => {
    const name = parseBotName(`bot-${index}`);
    const network = names[index % names.length] ?? 'x';
    const bundle = keyOf(network, index);
    const rules = networks[network].rulesFor(bundle, undefined);
    return { name, poemFile: `${name}.txt`, settings: file.settingsOf(name), bundle, rules };
  });
  const runner = new BotRunner({
    ...openNetworks(
      { api: 'https://x.example', directory: 'https://bluesky.example/plc' },
      (request) => Promise.resolve(answer(request)),
      systemClock,
    ),
    ledger,
    clock: systemClock,
    log: new EventLog(),
    deadline: 10_000,
    flockBudget: () => unlimitedBudget,
    isStopped: () => false,
    bots: () => bots,
    isUp: () => true,
    opened: () => undefined,
    brake: (why) => Promise.reject(new Error(why)),
    readPoem: () => Promise.resolve(poem),
    writtenAt: () => 1,
  });
  const postsOf = ({ name }: Bot): number => ledger.state(name)?.posts ?? 0;
  /** Each bot posts one line. */
  const round = async (): Promise<void> => {
    for (let from = 0; from < bots.length; from += inFlight)
      await Promise.all(
        bots.slice(from, from + inFlight).map(async (bot) => {
          const before = postsOf(bot);
          for (let step = 0; step < maxSteps && postsOf(bot) === before; step++) await runner.step(bot);
        }),
      );
  };
  // The first begins, signs in and looks; the second lets V8 optimize.
  for (let rounds = 0; rounds < 2; rounds++) {
    await round();
    await sleep(slot);
  }
  const before = bots.reduce((sum, bot) => sum + postsOf(bot), 0);
  const cpu = process.cpuUsage();
  await round();
  const { user, system } = process.cpuUsage(cpu);
  return { posts: bots.reduce((sum, bot) => sum + postsOf(bot), -before), cpu: user + system };
});

const inFlight = 256;
/** Begin, look at the timeline, post. */
const maxSteps = 12;
/** Longer than a slot of the schedule. Milliseconds. */
const slot = 1100;
