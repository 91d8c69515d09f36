import { script } from '../flockd.ts';
import { writeLedger, writeSettings } from '../flock-folders.ts';
import { roundsOf, type Row } from '../row.ts';
import { botsOf } from './standing.ts';

const id = 'reports';

export const reports: Row = {
  id,
  title: 'Reports',
  about: 'The whole command, from its start to its end, on a flock that posts once a day.',
  async measure({ stage, sizes, figures, flockOf }) {
    const root = flockOf(sizes.crowd);
    writeSettings(root, { schedule: '0 9 * * *', spread: '1h' });
    const state = stage.file('report-state');
    writeLedger(state, sizes.crowd, Date.now());
    for (const _ of roundsOf(sizes.rounds, 6_000)) {
      for (const verb of ['plan', 'status']) {
        const began = performance.now();
        await stage.run(process.execPath, [script('flockd'), verb, '--json', '--root', root], {
          env: { STATE_DIRECTORY: state },
        });
        const measure = { row: id, what: botsOf(sizes.crowd), who: `flockd ${verb}`, unit: 'ms' };
        figures.add(measure, performance.now() - began);
      }
    }
  },
};
