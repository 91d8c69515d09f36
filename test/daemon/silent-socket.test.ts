import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from '../../src/clock.ts';
import { type Bot, parseFlockFile } from '../../src/config/flock-file.ts';
import { Daemon } from '../../src/daemon/daemon.ts';
import { openNodeSender, openSender } from '../../src/http/send.ts';
import { EventLog } from '../../src/log.ts';
import { openX } from '../../src/networks/x/client.ts';
import { TokenPair } from '../../src/oauth/signature.ts';
import type { BotName } from '../../src/poems/bot-name.ts';
import { unlimitedBudget } from '../../src/posting/budget.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { openSandbox } from '../../src/sandbox/server.ts';
import { MemoryLedger } from '../fakes/memory-ledger.ts';
import { calmWorld } from '../support/daemon-options.ts';

const app = { token: 'app-key', secret: 'app-secret' };
const settings = parseFlockFile('{"schedule": "* * * * * *"}', 'flock.json');

function botOf(sandbox: Sandbox, name: string): Bot {
  const { token, secret, userId, screenName } = sandbox.grant(app.token, name);
  const bundle = {
    appKeys: new TokenPair(app.token, app.secret),
    accessToken: new TokenPair(token, secret),
    userId,
    screenName,
    poemFile: name,
  };
  return { name: name as BotName, bundle, poemFile: name, settings: settings.settingsOf(name as BotName) };
}

/** Resolves when each of these accounts has so many posts. */
function untilPosted({ world }: Sandbox, names: readonly string[], posts: number): Promise<void> {
  const isDone = (name: string): boolean => world.postsOf(world.accountNamed(name)?.id ?? '').length >= posts;
  return new Promise((resolve) => {
    const stop = world.watch(({ kind }) => {
      if (kind !== 'posted' || !names.every(isDone)) return;
      stop();
      resolve();
    });
  });
}

for (const [name, open] of Object.entries({
  undici: openSender,
  'the client of Node itself': openNodeSender,
})) {
  describe(`a socket that stays silent, through ${name}`, () => {
    it('delays nobody else', async () => {
      const limits = { posts: null };
      const opened = await openSandbox({
        port: 0,
        clock: systemClock,
        appKeys: [app],
        duplicates: 'accept',
        limits,
      });
      const { sandbox } = opened;
      sandbox.faults.add({ match: { account: 'mute', path: '/2/tweets' }, fault: { kind: 'hang' } });
      // Longer than the test may take: nobody is freed by it.
      const deadline = 3_600_000;
      const sockets = 2;
      await using sender = open({ deadline, sockets });
      const ledger = new MemoryLedger();
      const failures: unknown[] = [];
      const daemon = new Daemon({
        ...calmWorld,
        ledger,
        clock: systemClock,
        log: new EventLog(),
        openX: openX(opened.url, (request) => sender.send(request), systemClock),
        deadline,
        readPoem: () => Promise.resolve('one\ntwo\nthree'),
        sockets,
        isStopped: () => false,
        failed: (cause) => failures.push(cause),
      });
      const others = Array.from({ length: 20 }, (_, n) => `other-${n}`);
      const bots = ['mute', ...others].map((bot) => botOf(sandbox, bot));
      const posted = untilPosted(sandbox, others, 3);
      daemon.update({ bots, invalidBots: [], purse: unlimitedBudget });
      await posted;
      assert.equal(ledger.events.filter(({ bot, event }) => bot === 'mute' && event === 'intent').length, 1);
      assert.notEqual(ledger.state('mute')?.open, undefined, 'it still waits for its first answer');
      await opened.close();
      await daemon.stop();
      assert.deepEqual(failures, []);
    });
  });
}
