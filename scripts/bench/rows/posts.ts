import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { Flockd } from '../flockd.ts';
import { oweAlways } from '../flock-folders.ts';
import { range } from '../numbers.ts';
import { roundsOf, type Bench, type Row } from '../row.ts';
import type { Way } from '../servers/x.ts';

const id = 'posts';
const reference = 'bare twitter-api-v2';
const tally = z.object({ posts: z.number(), seconds: z.number(), cpu: z.number().optional() });
type Tally = z.infer<typeof tally>;

/** The task that is the same for all competitors. */
interface Contest extends Way {
  inFlight: number;
  rounds: number;
}

interface Competitor {
  who: string;
  /** Why it is not measured. */
  absent?: string | undefined;
  post: (contest: Contest) => Promise<Tally>;
}

export const posts: Row = {
  id,
  title: 'Durable posts',
  about:
    'Posts per second, and processor time per post, with so many under way at once, each competitor in a process of its own, warmed up for three seconds, and in turns with the others. The durable path writes and fsyncs an intent, posts with a deadline, checks the answer, and writes and fsyncs the outcome; `flockd run` does that for 10,000 bots that are due all the time, reads their poems, keeps their budgets and writes its log. The others have no ledger. tweepy is blocking: one thread where X answers at once (more are slower), up to 200 where it does not. wrk only says what the server can take.',
  reference,
  async measure(bench) {
    const { sizes } = bench;
    const competitors = await enter(bench);
    const contests = [
      ...contestsOf(bench, false, sizes.inFlight, sizes.rounds),
      ...contestsOf(bench, true, sizes.manyInFlight, sizes.slowRounds),
      ...contestsOf(bench, true, sizes.inFlight, sizes.slowRounds).slice(0, 1),
    ];
    for (const contest of contests) {
      for (const round of roundsOf(contest.rounds, 12_000)) {
        for (const place of range(competitors.length)) {
          const competitor = competitors[(place + round) % competitors.length];
          if (competitor) await turn(bench, competitor, contest);
        }
      }
    }
  },
};

const contestsOf = ({ x }: Bench, isSlow: boolean, inFlight: number, rounds: number): Contest[] =>
  [false, true].flatMap((isSecure) => {
    const way = x.way({ isSecure, isSlow });
    return way ? [{ ...way, what: `${way.what}, ${inFlight} under way`, inFlight, rounds }] : [];
  });

async function turn({ figures }: Bench, { who, absent, post }: Competitor, contest: Contest): Promise<void> {
  const measure = { row: id, what: contest.what, who };
  if (absent !== undefined) {
    figures.leaveOut({ ...measure, unit: 'posts/s' }, absent);
    return;
  }
  const { posts: count, seconds, cpu } = await post(contest);
  figures.add({ ...measure, unit: 'posts/s' }, count / seconds);
  if (cpu !== undefined) figures.add({ ...measure, unit: 'CPU µs/post' }, cpu / count);
}

async function enter(bench: Bench): Promise<Competitor[]> {
  const { stage, x, sizes } = bench;
  const helped = async (who: string, source: string, absent?: string): Promise<Competitor> => {
    const helper = absent === undefined ? await stage.helper(source, { env: x.trust }) : undefined;
    const { posters: bots, inFlight, window } = sizes;
    // A process is slow at first, and a large program for longer.
    const way = x.way();
    await helper?.ask({ ...way, inFlight, bots, window: 6 * window }, tally);
    const post = (contest: Contest): Promise<Tally> => {
      if (!helper) throw new Error(`${who} is not there`);
      return helper.ask({ ...contest, bots, window }, tally);
    };
    return { who, absent, post };
  };
  const tweepy = existsSync('/usr/lib/python3/dist-packages/tweepy')
    ? undefined
    : 'apt-get install python3-tweepy';
  const [durable, library, undici, blocking] = await Promise.all([
    helped('durable path', 'competitors/durable-path.ts'),
    helped(reference, 'competitors/twitter-api-v2.ts'),
    helped('undici, minimal signer', 'competitors/undici.ts'),
    helped('tweepy', 'competitors/post_with_tweepy.py', tweepy),
  ]);
  return [
    durable,
    { who: 'flockd run', post: (contest) => postAsDaemon(bench, contest) },
    library,
    undici,
    blocking,
    {
      who: 'wrk, unsigned',
      absent: existsSync('/usr/bin/wrk') ? undefined : 'apt-get install wrk',
      post: (contest) => postAsWrk(bench, contest),
    },
  ];
}

/** The time limit of the warm-up: a small flock has too few posts for it, and each bot first reads its timeline. Milliseconds. */
const maxWarmUp = 30_000;

/** Measures flockd with bots that have had a slot each second for an hour, so that there is always more to post. */
export async function postAsDaemon(
  { stage, x, sizes, flockOf }: Bench,
  { base, latency, inFlight }: Contest,
  bots = sizes.crowd,
): Promise<Tally> {
  const root = flockOf(bots);
  const state = stage.file('posting-state');
  oweAlways(root, state, bots, Date.now() - 3_600_000);
  const before = await x.count();
  const flockd = new Flockd(stage, { root, state, api: base, sockets: inFlight, env: x.trust });
  await flockd.said(/READY=1/);
  const warm = latency === 0 ? sizes.warmUp : 2 * inFlight;
  const from = await x.count(before.posts + warm, maxWarmUp);
  const cpu = flockd.cpu;
  await sleep(sizes.window);
  const to = await x.count();
  const used = flockd.cpu - cpu;
  await flockd.kill();
  return { posts: to.posts - from.posts, seconds: (to.at - from.at) / 1000, cpu: used * 1000 };
}

/** Measures wrk, whose shortest duration is a second. */
async function postAsWrk({ stage }: Bench, { base, inFlight }: Contest): Promise<Tally> {
  const lua = path.join(import.meta.dirname, '../competitors/wrk.lua');
  const args = ['-t2', `-c${inFlight}`, '-d1s', '-s', lua, `${base}/2/tweets`];
  const said = await stage.run('/usr/bin/wrk', args);
  return tally.parse(JSON.parse(said.slice(said.lastIndexOf('{'))));
}
