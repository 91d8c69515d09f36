/** flockd's own path: intent on the disk, post with a deadline, check of the answer, outcome on the disk. */
import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { systemClock } from '../../../src/clock.ts';
import { openSender } from '../../../src/http/send.ts';
import { fingerprint } from '../../../src/ledger/state.ts';
import { Journal } from '../../../src/ledger/journal.ts';
import { networks } from '../../../src/networks/networks.ts';
import { openX } from '../../../src/networks/x/client.ts';
import { type BotKey, TokenPair } from '../../../src/oauth/signature.ts';
import { parseBotName } from '../../../src/poems/bot-name.ts';
import { postLine } from '../../../src/posting/post.ts';
import { competeIn, keysOf, type Poster, textOf, type Turn } from './post-loop.ts';

const day = 86_400_000;

function keyOf(bot: number): BotKey {
  const { appKey, appSecret, accessToken, accessSecret } = keysOf(bot);
  return {
    appKeys: new TokenPair(appKey, appSecret),
    accessToken: new TokenPair(accessToken, accessSecret),
    userId: String(1_000_000_000 + bot),
    screenName: `b${bot}`,
  };
}

async function open({ base, bots, inFlight }: Turn): Promise<Poster> {
  const folder = await mkdtemp(path.join(process.cwd(), 'ledger-'));
  const ledger = await Journal.open(folder);
  const sender = openSender({ deadline: 10_000, sockets: inFlight });
  const x = openX(base, (request) => sender.send(request), systemClock);
  const clock = systemClock;
  const flock = Array.from({ length: bots }, (_, bot) => ({
    name: parseBotName(`bot-${bot}`),
    key: keyOf(bot),
    text: textOf(bot),
  }));
  const began = clock.now();
  await ledger.record(
    ...flock.map(({ name: bot, text }) => ({
      event: 'begun' as const,
      bot,
      at: began,
      poem: fingerprint(text),
    })),
  );
  const price = { cost: 15_000, dayEnds: began + day, monthEnds: began + 30 * day };
  return {
    async post(index) {
      const bot = flock[index];
      const state = bot && ledger.state(bot.name);
      if (!state) throw new Error(`bot ${index} has not begun`);
      const slot = clock.now();
      const report = await postLine({
        bot: bot.name,
        state,
        post: { line: 0, lines: 1, text: bot.text },
        slot,
        until: slot,
        key: 'key',
        network: networks.x,
        mark: undefined,
        settings: { refrain: 'join' },
        judge: () => undefined,
        price,
        ledger,
        account: x(bot.key),
        clock,
      });
      if ('failure' in report) throw new Error(report.failure.reason);
    },
    async close() {
      await sender[Symbol.asyncDispose]();
      await ledger[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
}

competeIn(open);
