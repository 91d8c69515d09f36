import { describe, it } from 'node:test';
import { KeyStore } from '../../src/keys/store.ts';
import { authorize } from '../../src/networks/bluesky/authorize.ts';
import { noApp, TokenPair } from '../../src/oauth/signature.ts';
import { parseBotName } from '../../src/poems/bot-name.ts';
import { Secret } from '../../src/text.ts';
import { personAt } from '../contract/bluesky-account.ts';
import { TestFlock } from '../support/flock.ts';
import { ownPort } from '../support/own-port.ts';
import { noPds, startPds } from './pds.ts';
import { flockOf, goTheWholeWay, poemsOf } from './whole-way.ts';

const poems = poemsOf(['anna', 'beppe', 'carla']);

describe('a flock at @atproto/pds', { skip: noPds }, () => {
  it('posts every line once and in order, although requests are lost and flockd is killed', async (test) => {
    const front = await ownPort();
    const pds = await startPds(front);
    test.after(() => pds.close());
    await using flock = await TestFlock.open(flockOf(poems));
    await goTheWholeWay({
      test,
      flock,
      poems,
      env: { KEYMAKER_PLC_URL: pds.directory },
      ports: { front, peer: pds.port },
      isPost: ({ url = '' }) => url.endsWith('/com.atproto.repo.putRecord'),
      async giveKeys() {
        const person = personAt(pds);
        for (const bot of Object.keys(poems)) {
          const { handle, appPassword } = await person.newPerson(bot);
          const { key, screenName } = await authorize(
            { identifier: handle, appPassword: new Secret(appPassword) },
            pds,
          );
          await new KeyStore(flock.file('keys')).write(parseBotName(bot), {
            appKeys: noApp,
            accessToken: new TokenPair(appPassword, ''),
            userId: key.userId,
            screenName,
            poemFile: `poems/${bot}.txt`,
            provider: 'bluesky',
            server: key.server,
          });
        }
      },
      async postsOf(bot) {
        const { user_id: did } = await flock.bundle(bot);
        const query = `repo=${String(did)}&collection=app.bsky.feed.post&limit=100&reverse=true`;
        const answer = await fetch(`http://127.0.0.1:${pds.port}/xrpc/com.atproto.repo.listRecords?${query}`);
        const { records } = (await answer.json()) as { records: { uri: string; value: { text: string } }[] };
        return records.map(({ value }) => value.text);
      },
    });
  });
});
