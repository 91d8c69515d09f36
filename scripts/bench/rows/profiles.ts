import { mkdirSync } from 'node:fs';
import { z } from 'zod';
import { Flockd } from '../flockd.ts';
import { emptyState, writeSettings } from '../flock-folders.ts';
import { hottest } from '../profile.ts';
import type { Bench, Row } from '../row.ts';
import { farAway } from '../times.ts';

/** Often enough to see where half a second goes. Microseconds. */
const interval = ['--cpu-prof-interval', '500'];

export const profiles: Row = {
  id: 'profiles',
  title: 'Where the time goes',
  about:
    'The functions themselves, without those they call; shares of the time in which the main thread was not idle.',
  async measure(bench) {
    await profilePath(bench);
    await profileStart(bench);
  },
};

async function profilePath({ stage, x, sizes, figures }: Bench): Promise<void> {
  const folder = stage.file('path-profile');
  mkdirSync(folder);
  const flags = ['--cpu-prof', '--cpu-prof-dir', folder, ...interval];
  const helper = await stage.helper('competitors/durable-path.ts', { flags });
  const base = x.way(false, false)?.base;
  const turn = { base, bots: sizes.posters, inFlight: sizes.inFlight, window: 2 * sizes.window };
  await helper.ask(turn, z.unknown());
  await helper.end();
  figures.say('profile of the durable path', hottest(folder));
}

async function profileStart({ stage, sizes, figures, flockOf }: Bench): Promise<void> {
  const folder = stage.file('start-profile');
  mkdirSync(folder);
  const root = flockOf(sizes.crowd);
  writeSettings(root, { schedule: farAway() });
  const flags = ['--cpu-prof', '--cpu-prof-dir', folder, ...interval];
  const flockd = new Flockd(stage, { root, state: emptyState(stage.file('profiled-state')), flags });
  await flockd.rest();
  await flockd.stop();
  figures.say(`profile of a first start with ${sizes.crowd.toLocaleString('en-US')} bots`, hottest(folder));
}
