import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
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
    const env = { KEYMAKER_PLC_URL: pds.directory };
    await goTheWholeWay({
      test,
      flock,
      poems,
      env,
      ports: { front, peer: pds.port },
      isPost: ({ url = '' }) => url.endsWith('/com.atproto.repo.putRecord'),
      async makeKeys() {
        const person = personAt(pds);
        const input: string[] = [];
        for (const bot of Object.keys(poems)) {
          const { handle, appPassword } = await person.newPerson(bot);
          input.push('y', handle, appPassword);
        }
        const call = ['make-keys', 'poems', '--network', 'bluesky', '--server', pds.server];
        const { code, stdout, stderr } = await flock.run('keymaker', call, { env, input });
        assert.equal(code, 0, stdout + stderr);
      },
      async postsOf(bot) {
        const { user_id: did } = await flock.bundle(bot);
        const query = `repo=${String(did)}&collection=app.bsky.feed.post&limit=100&reverse=true`;
        const answer = await fetch(`http://127.0.0.1:${pds.port}/xrpc/com.atproto.repo.listRecords?${query}`);
        const { records } = (await answer.json()) as { records: { value: { text: string } }[] };
        return records.map(({ value }) => value.text);
      },
    });
  });
});
