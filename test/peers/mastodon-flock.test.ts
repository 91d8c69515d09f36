import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TestFlock } from '../support/flock.ts';
import { ownPort } from '../support/own-port.ts';
import { noSnac, startSnac } from './snac.ts';
import { flockOf, goTheWholeWay, poemsOf } from './whole-way.ts';

const poems = poemsOf(['anna', 'beppe', 'carla', 'dora', 'emil', 'fritz']);

describe('a flock at snac2', { skip: noSnac }, () => {
  it('posts every line once and in order, although requests are lost and flockd is killed', async (test) => {
    const front = await ownPort();
    const snac = await startSnac(Object.keys(poems), front);
    test.after(() => snac.close());
    await using flock = await TestFlock.open(flockOf(poems));
    await goTheWholeWay({
      test,
      flock,
      poems,
      ports: { front, peer: snac.port },
      isPost: ({ method, url }) => method === 'POST' && url === '/api/v1/statuses',
      async makeKeys() {
        const call = ['make-keys', 'poems', '--network', 'mastodon', '--server', snac.server];
        const keymaker = flock.start('keymaker', call);
        let from = 0;
        for (const bot of Object.keys(poems)) {
          keymaker.answer('y');
          const link = await keymaker.matching(/^http\S+(?=\n)/m, { from });
          keymaker.answer(await snac.signIn(link[0], bot));
          from = link.end;
        }
        assert.equal((await keymaker.exit).code, 0, keymaker.stdout + keymaker.stderr);
      },
      async postsOf(bot) {
        const { user_id: id } = await flock.bundle(bot);
        const url = `http://127.0.0.1:${snac.port}/api/v1/accounts/${String(id)}/statuses`;
        // snac closes connections that stay open without saying so.
        const answer = await fetch(url, { headers: { connection: 'close' } });
        const statuses = (await answer.json()) as { text: string }[];
        return statuses.map(({ text }) => text).reverse();
      },
    });
  });
});
