import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { describe, it } from 'node:test';
import pMap from 'p-map';
import { KilledFlock } from './killed-flock.ts';

/** Flocks that are killed at the same time, each on its own, and how often each: `npm run test:kill` kills them 1000 times. */
const flocks = 5;
const killsEach = Math.ceil(Number(process.env['KILLS'] ?? 50) / flocks);
const bots = 20;
const linesEach = Math.max(20, 2 * killsEach);

/** Posts that have to come between the kills of a flock, or they have proved too little. */
const enough = 6 * killsEach;

/** More lives than this for its kills, and the flock does not get on. */
const mostLives = 10 * killsEach;

const posts = { path: '/2/tweets' };

/** What the server does to requests, and how often; besides, some land late. */
const faults = [
  { match: posts, rate: 0.04, fault: { kind: 'drop', when: 'before' } },
  { match: posts, rate: 0.04, fault: { kind: 'drop', when: 'after' } },
  { match: posts, rate: 0.04, fault: { kind: 'status', status: 503, when: 'after', body: 'busy' } },
  { match: posts, rate: 0.04, fault: { kind: 'status', status: 503, when: 'before', body: 'busy' } },
  { match: posts, rate: 0.04, fault: { kind: 'cut' } },
  { match: posts, rate: 0.1, fault: { kind: 'delay', ms: 150 } },
  { match: { path: '/2/users/*' }, rate: 0.1, fault: { kind: 'drop', when: 'before' } },
] as const;
const lateShare = 0.04;

/** After what a daemon is killed: so many touches of the disk or the network, requests to post, or writes of the journal. */
const moments = [
  { touch: /./, most: 120 },
  { touch: /POST/, most: 30 },
  { touch: /append/, most: 30 },
];

/** A daemon that touches nothing for so long waits, as a bot does for a minute after a look that failed. Milliseconds. */
const idle = 5_000;

/** Starts the daemon and kills it after so many events. One that waits is killed as well, which counts for nothing. */
async function liveAndDie(flock: KilledFlock): Promise<'killed' | 'waited' | 'finished'> {
  const { touch: wanted, most } = moments[randomInt(moments.length)] ?? assert.fail();
  let left = randomInt(1, most + 1);
  let waits: NodeJS.Timeout | undefined;
  const { finished } = await flock.run('', (touch, child) => {
    clearTimeout(waits);
    if (wanted.test(touch) && --left === 0) child.kill('SIGKILL');
    else if (left > 0) waits = setTimeout(() => child.kill('SIGKILL'), idle);
  });
  clearTimeout(waits);
  if (finished) return 'finished';
  return left > 0 ? 'waited' : 'killed';
}

/** Kills the daemon of a flock again and again, until both kills and posts are enough. @returns how many kills */
async function killAgainAndAgain(flock: KilledFlock): Promise<number> {
  let kills = 0;
  for (let lives = 0; lives < mostLives && (kills < killsEach || flock.posted < enough); lives++) {
    const end = await liveAndDie(flock);
    if (end === 'finished') break;
    if (end === 'killed') kills++;
  }
  return kills;
}

async function killOneFlock(): Promise<{ kills: number; posted: number; tooOld: number; wrong: unknown[] }> {
  const lines = (bot: number): string[] =>
    Array.from({ length: linesEach }, (_, line) =>
      line % 4 === 3 ? 'la la la' : `bot ${bot}, line ${line}`,
    );
  const names = Array.from({ length: bots }, (_, bot) => [`bot${bot}`, lines(bot)] as const);
  await using flock = await KilledFlock.open(new Map(names));
  for (const rule of faults) flock.faults.add(rule);
  flock.lateShare = lateShare;
  const kills = await killAgainAndAgain(flock);
  const { posted } = flock;
  flock.faults.clear();
  flock.lateShare = 0;
  const { finished } = await flock.run();
  assert.ok(finished, 'without kills and faults the flock did not finish');
  return { kills, posted, tooOld: flock.tooOld, wrong: flock.wrong() };
}

describe('kill -9 at random', () => {
  it(`posts every line of ${bots} poems once and in order, through a bad server and ${flocks} times ${killsEach} kills`, async (test) => {
    const results = await pMap(Array.from({ length: flocks }), killOneFlock);
    for (const { kills, posted, tooOld, wrong } of results) {
      test.diagnostic(
        `${kills} kills, ${posted} of ${bots * linesEach} lines posted between them, ${tooOld} requests taken up too late`,
      );
      assert.deepEqual(wrong, []);
      assert.ok(posted >= enough, `only ${posted} lines were posted between the kills: that proves nothing`);
      assert.ok(kills >= killsEach / 2, `only ${kills} kills came in time: that proves nothing`);
    }
  });
});
