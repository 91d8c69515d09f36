import { mkdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { Flockd } from '../flockd.ts';
import { emptyState, oweAlways, writeSettings } from '../flock-folders.ts';
import { hottest } from '../profile.ts';
import type { Bench, Row } from '../row.ts';
import { farAway } from '../times.ts';

/** The sampling interval, short enough for a profile of half a second. Microseconds. */
const interval = ['--cpu-prof-interval', '500'];

export const profiles: Row = {
  id: 'profiles',
  title: 'Where the time goes',
  about:
    'Shares of the time in which the main thread was not idle: of the parts of the program first, then of single functions, each without those it calls.',
  async measure(bench) {
    await profilePath(bench);
    await profilePosts(bench);
    await profileStarts(bench);
  },
};

/** The names of the profiles. Missed goals refer to them. */
export const profileOf = {
  path: 'profile of the durable path',
  posts: 'profile of flockd run while it posts',
  starts: 'profile of a second start',
};

/** A folder for a profile, and the flags with which Node writes it there. */
function profiled(stage: Bench['stage'], name: string): { folder: string; flags: string[] } {
  const folder = stage.file(name);
  mkdirSync(folder);
  return { folder, flags: ['--cpu-prof', '--cpu-prof-dir', folder, ...interval] };
}

async function profilePath({ stage, x, sizes, figures }: Bench): Promise<void> {
  const { folder, flags } = profiled(stage, 'path-profile');
  const helper = await stage.helper('competitors/durable-path.ts', { flags });
  const base = x.way()?.base;
  const turn = { base, bots: sizes.posters, inFlight: sizes.inFlight, window: 2 * sizes.window };
  await helper.ask(turn, z.unknown());
  await helper.end();
  figures.say(profileOf.path, hottest(folder));
}

async function profilePosts({ stage, x, sizes, figures, flockOf }: Bench): Promise<void> {
  const { folder, flags } = profiled(stage, 'posts-profile');
  const root = flockOf(sizes.crowd);
  const state = stage.file('profiled-posts');
  oweAlways(root, state, sizes.crowd, Date.now() - 3_600_000);
  const api = x.way()?.base ?? '';
  const flockd = new Flockd(stage, { root, state, api, sockets: sizes.inFlight, flags });
  await flockd.said(/READY=1/);
  await sleep(4 * sizes.window);
  await flockd.stop();
  figures.say(profileOf.posts, hottest(folder));
}

/** Profiles a second start. The first one only writes the ledger for it. */
async function profileStarts({ stage, sizes, figures, flockOf }: Bench): Promise<void> {
  const root = flockOf(sizes.crowd);
  writeSettings(root, { schedule: farAway() });
  const state = emptyState(stage.file('profiled-state'));
  const { folder, flags } = profiled(stage, 'start-profile');
  for (const options of [{}, { flags }]) {
    const flockd = new Flockd(stage, { root, state, ...options });
    await flockd.rest();
    await flockd.stop();
  }
  figures.say(profileOf.starts, hottest(folder));
}
