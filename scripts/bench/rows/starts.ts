import { script } from '../flockd.ts';
import { roundsOf, type Row } from '../row.ts';

const id = 'starts';

export const starts: Row = {
  id,
  title: 'Start of a program',
  about: 'From its start to its end; Node itself does nothing at all.',
  reference: 'node -e 0',
  async measure({ stage, sizes, figures }) {
    const calls = {
      'keymaker --help': [script('keymaker'), '--help'],
      'flockd --help': [script('flockd'), '--help'],
      'node -e 0': ['-e', '0'],
    };
    for (const _ of roundsOf(sizes.starts, 5_000)) {
      for (const [who, args] of Object.entries(calls)) {
        const began = performance.now();
        await stage.run(process.execPath, args);
        figures.add({ row: id, what: 'start', who, unit: 'ms' }, performance.now() - began);
      }
    }
  },
};
