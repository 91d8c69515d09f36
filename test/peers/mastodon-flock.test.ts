import { describe, it } from 'node:test';
import { systemClock } from '../../src/clock.ts';
import { openSender } from '../../src/http/send.ts';
import { KeyStore } from '../../src/keys/store.ts';
import { openMastodonOAuth } from '../../src/networks/mastodon/authorize.ts';
import { TokenPair } from '../../src/oauth/signature.ts';
import { parseBotName } from '../../src/poems/bot-name.ts';
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
      async giveKeys() {
        await using sender = openSender({ deadline: 10_000, sockets: 4 });
        const oauth = openMastodonOAuth(snac.server, (r) => sender.send(r), systemClock);
        const app = await oauth.registerApp();
        for (const bot of Object.keys(poems)) {
          const pending = oauth.begin(app);
          const { accessToken, account } = await oauth.finish(
            app,
            pending,
            await snac.signIn(pending.link, bot),
          );
          await new KeyStore(flock.file('keys')).write(parseBotName(bot), {
            appKeys: new TokenPair(app.clientId, app.clientSecret.reveal()),
            accessToken: new TokenPair(accessToken.reveal(), ''),
            userId: account.userId,
            screenName: account.screenName,
            poemFile: `poems/${bot}.txt`,
            provider: 'mastodon',
            server: snac.server,
            textLimits: { maxCharacters: 100_000, charactersPerLink: 32 },
          });
        }
      },
      async postsOf(bot) {
        const { user_id: id } = await flock.bundle(bot);
        const url = `http://127.0.0.1:${snac.port}/api/v1/accounts/${String(id)}/statuses`;
        const statuses = (await (await fetch(url)).json()) as { text: string }[];
        return statuses.map(({ text }) => text).reverse();
      },
    });
  });
});
