import { z } from 'zod';
import { roundsOf, type Row } from '../row.ts';

const id = 'networks';
const flocks = [['x'], ['mastodon'], ['bluesky'], ['x', 'mastodon', 'bluesky']] as const;
const turned = z.object({ posts: z.number(), cpu: z.number() });

export const atNetworks: Row = {
  id,
  title: 'Networks',
  about:
    'Processor time of flockd for each post at each network, and of a flock with a third of its bots at each: the runner of bots with the ledger on the disk, and servers in the same process that answer at once. Signing, sessions, marks and the look at the text are in it; the connection is not.',
  reference: 'x',
  async measure({ stage, sizes, figures }) {
    for (const _ of roundsOf(sizes.rounds, 20_000))
      for (const names of flocks) {
        const helper = await stage.helper('competitors/networks.ts');
        const { posts, cpu } = await helper.ask({ names, bots: Math.min(sizes.crowd, 3000) }, turned);
        const who = names.join(', ');
        figures.add({ row: id, who, what: 'one post of each bot', unit: 'CPU µs/post' }, cpu / posts);
        await helper.end();
      }
  },
};
