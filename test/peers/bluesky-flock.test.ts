import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type BlueskyPeer, personAt } from '../contract/bluesky-account.ts';
import { everySecond, linesOf, poem, TestFlock } from '../support/flock.ts';
import { ownPort } from '../support/own-port.ts';
import { Proxy } from './proxy.ts';
import { noPds, startPds } from './pds.ts';
import { flockOf, goTheWholeWay, poemsOf } from './whole-way.ts';

describe('a flock at @atproto/pds', { skip: noPds }, () => {
  let pds: BlueskyPeer & { port: number };
  let person: ReturnType<typeof personAt>;
  let front: number;
  let env: { KEYMAKER_PLC_URL: string };
  before(async () => {
    front = await ownPort();
    pds = await startPds(front);
    person = personAt(pds);
    env = { KEYMAKER_PLC_URL: pds.directory };
  });
  after(() => pds.close());

  /** The bots' people, whose keys `keymaker make-keys` makes. */
  const makeKeys = async (flock: TestFlock, bots: readonly string[]) => {
    const people = await Promise.all(bots.map((bot) => person.newPerson(bot)));
    const input = people.flatMap(({ handle, appPassword }) => ['y', handle, appPassword]);
    const call = ['make-keys', 'poems', '--network', 'bluesky', '--server', pds.server];
    const { code, stdout, stderr } = await flock.run('keymaker', call, { env, input });
    assert.equal(code, 0, stdout + stderr);
    return people;
  };

  /** What an account has posted, oldest first, as the peer itself says. */
  const postsOf = async (flock: TestFlock, bot: string): Promise<string[]> => {
    const { user_id: did } = await flock.bundle(bot);
    const query = `repo=${String(did)}&collection=app.bsky.feed.post&limit=100&reverse=true`;
    const answer = await fetch(`http://127.0.0.1:${pds.port}/xrpc/com.atproto.repo.listRecords?${query}`);
    const { records } = (await answer.json()) as { records: { value: { text: string } }[] };
    return records.map(({ value }) => value.text);
  };

  it('posts every line once and in order, although requests are lost and flockd is killed', async (test) => {
    const poems = poemsOf(['anna', 'beppe', 'carla']);
    await using flock = await TestFlock.open(flockOf(poems));
    await goTheWholeWay({
      test,
      flock,
      poems,
      env,
      ports: { front, peer: pds.port },
      isPost: ({ url = '' }) => url.endsWith('/com.atproto.repo.putRecord'),
      makeKeys: () => makeKeys(flock, Object.keys(poems)),
      postsOf: (bot) => postsOf(flock, bot),
    });
  });

  it('goes on without a bot that is suspended in mid-poem, and one whose app password was revoked', async () => {
    await using _ = await Proxy.open({ port: front, peer: pds.port, lateness: () => 0 });
    const bots = ['dora', 'emil', 'fritz'];
    const lengths = { dora: 12, emil: 12, fritz: 60 };
    await using flock = await TestFlock.open({
      poems: Object.fromEntries(
        Object.entries(lengths).map(([bot, count]) => [`${bot}.txt`, poem(bot, count)]),
      ),
      settings: everySecond,
    });
    const [dora, emil] = await makeKeys(flock, bots);
    assert.ok(dora && emil);
    const first = flock.start('flockd', ['run'], { env });
    await first.logged('posted', 'emil', ({ line }) => line === 2);
    await person.takeDown(dora, true);
    await person.revoke(emil);
    const parked = await first.logged('parked', 'dora');
    assert.match(parked.msg, /its account is suspended/);
    assert.match(parked.hint ?? '', /flockd resume dora/);
    // A session outlives its app password by up to two hours, but not its process.
    await first.logged('posted', 'emil', ({ line }) => line === 5);
    first.kill('SIGKILL');
    await first.exit;

    const second = flock.start('flockd', ['run'], { env });
    const refused = await second.logged('parked', 'emil');
    assert.equal(refused.hint, 'keymaker reauth emil');
    const { line = 0 } = await second.logged('posted', 'fritz');
    await second.logged('posted', 'fritz', (entry) => (entry.line ?? 0) > line + 1);

    await person.takeDown(dora, false);
    assert.equal((await flock.run('flockd', ['resume', 'dora'], { env })).code, 0);
    const made = await person.call(
      'com.atproto.server.createAppPassword',
      { name: 'again' },
      `Bearer ${emil.access}`,
    );
    const input = ['', String(made['password'])];
    const { code, stderr } = await flock.run('keymaker', ['reauth', 'emil'], { env, input });
    assert.equal(code, 0, stderr);
    for (const bot of ['dora', 'emil'] as const) {
      await second.logged('posted', bot, (entry) => entry.line === lengths[bot]);
      assert.deepEqual(await postsOf(flock, bot), linesOf(bot, lengths[bot]));
    }
    const fritz = await postsOf(flock, 'fritz');
    assert.deepEqual(fritz, linesOf('fritz', 60).slice(0, fritz.length));
    await flock.assertNoSecrets();
  });
});
