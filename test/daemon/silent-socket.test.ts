import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from '../../src/clock.ts';
import { parseFlockFile } from '../../src/config/flock-file.ts';
import { openNode, openSender } from '../../src/http/send.ts';
import type { BotName } from '../../src/poems/bot-name.ts';
import { rulesOfX } from '../../src/poems/tweet-text.ts';
import { unlimitedBudget } from '../../src/posting/budget.ts';
import { MemoryLedger } from '../fakes/memory-ledger.ts';
import { TestFlock } from '../support/flock.ts';
import { openDaemon } from '../support/daemon.ts';

const settings = parseFlockFile('{"schedule": "* * * * * *"}', 'flock.json');

for (const [name, open] of Object.entries({
  undici: openSender,
  'the client of Node itself': (options: Parameters<typeof openSender>[0]) => openSender(options, openNode),
})) {
  describe(`a socket that stays silent, through ${name}`, () => {
    it('delays nobody else', async () => {
      await using flock = await TestFlock.open({
        sandbox: { duplicates: 'accept', limits: { posts: null } },
      });
      flock.control('faults', { match: { account: 'mute', path: '/2/tweets' }, fault: { kind: 'hang' } });
      // Longer than the test may take: nobody is freed by it.
      const deadline = 3_600_000;
      const sockets = 2;
      await using sender = open({ deadline, sockets });
      const ledger = new MemoryLedger();
      const failures: unknown[] = [];
      const daemon = openDaemon({
        ledger,
        clock: systemClock,
        send: (request) => sender.send(request),
        api: flock.x.url,
        deadline,
        readPoem: () => Promise.resolve('one\ntwo\nthree'),
        sockets,
        failed: (cause) => failures.push(cause),
      });
      const others = Array.from({ length: 20 }, (_, n) => `other-${n}`);
      const bots = ['mute', ...others].map((account) => {
        const name = account as BotName;
        return {
          name,
          bundle: flock.keyOf(account),
          poemFile: account,
          settings: settings.settingsOf(name),
          rules: rulesOfX,
        };
      });
      const posted = Promise.all(others.map((account) => flock.posted(account, 3)));
      daemon.update({ bots, invalidBots: [], flockBudget: unlimitedBudget });
      await posted;
      assert.equal(ledger.events.filter(({ bot, event }) => bot === 'mute' && event === 'intent').length, 1);
      assert.notEqual(ledger.state('mute')?.open, undefined, 'it still waits for its first answer');
      await flock.x.close();
      await daemon.stop();
      assert.deepEqual(failures, []);
    });
  });
}
