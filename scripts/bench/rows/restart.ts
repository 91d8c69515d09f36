import { Flockd } from '../flockd.ts';
import { writeLedger, writeSettings } from '../flock-folders.ts';
import { roundsOf, type Row } from '../row.ts';
import { farAway } from '../times.ts';
import { botsOf } from './standing.ts';

const id = 'restart';
const who = 'flockd run';

export const restart: Row = {
  id,
  title: 'Restart with a long ledger',
  about:
    'A ledger that was never compacted, of 10,000 bots. The ledger’s part is from the moment flockd says that it reads it until READY.',
  async measure({ stage, sizes, figures, flockOf }) {
    const root = flockOf(sizes.crowd);
    const state = stage.file('long-state');
    writeLedger(state, sizes.crowd, Date.now() - 86_400_000, sizes.records);
    writeSettings(root, { schedule: farAway() });
    const what = `${sizes.records.toLocaleString('en-US')} records, ${botsOf(sizes.crowd)}`;
    for (const _ of roundsOf(sizes.rounds, 5_000)) {
      const flockd = new Flockd(stage, { root, state });
      const ready = await flockd.said(/READY=1/);
      figures.add({ row: id, what, who, unit: 'ms to READY' }, ready);
      figures.add(
        { row: id, what, who, unit: 'ms for the ledger' },
        ready - (await flockd.said(/reads the ledger/)),
      );
      figures.add({ row: id, what, who, unit: 'MB peak' }, (await flockd.memory()).peak);
      await flockd.stop();
    }
  },
};
