import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { BotState } from '../../src/posting/bot-state.ts';
import { heard } from '../../src/posting/heard-ledger.ts';
import type { LedgerEvent } from '../../src/posting/ledger-event.ts';
import type { Ledger } from '../../src/posting/ledger.ts';
import { FlockHistory } from '../../src/posting/flock-history.ts';
import type { Plant } from './plant.ts';
import type { Scenario } from './scenario.ts';
import { runSeed } from './seeds.ts';

const { SIMULATION_SEED } = process.env;

/** Histories with a budget; a million without one are elsewhere. */
const histories = 1500;
/** A bug that is not caught within so many is one the machinery is blind to. */
const most = 8000;

/** The same history with a budget, and with a clock that nobody sets: on whose days else would it be kept? */
const bounded =
  (seed: number) =>
  (scenario: Scenario): Scenario => ({
    ...scenario,
    budget: 1 + (seed % 4),
    happenings: scenario.happenings.filter(({ what }) => what !== 'clock'),
  });

/** A ledger with another idea of what the flock has spent. */
function misled(
  ledger: Ledger,
  history: FlockHistory,
  learn: (event: LedgerEvent, before: BotState | undefined) => void,
): Ledger {
  const kept = heard(ledger, learn);
  return { ...kept, history: () => history };
}

function late(ledger: Ledger): Ledger {
  const history = new FlockHistory(ledger.history().toJSON());
  return misled(ledger, history, (event, before) => {
    if (event.event === 'posted' && before?.open) history.apply(before.open, undefined);
  });
}

function forgetful(ledger: Ledger): Ledger {
  const history = new FlockHistory();
  return misled(ledger, history, (event, before) => {
    history.apply(event, before);
  });
}

/** Nobody seems to be restored to whoever asks for all. */
const hasty = (ledger: Ledger): Ledger => ({ ...heard(ledger, () => undefined), states: () => [] });

const plants: Plant[] = [
  { name: 'a post counts only once it is known to be posted', ledger: late },
  { name: 'what was spent is forgotten at a restart', ledger: forgetful },
  { name: 'nobody waits until a restored bot has looked', ledger: hasty },
];

describe('never over budget', () => {
  it(`holds in ${histories} random histories`, { skip: SIMULATION_SEED !== undefined }, async () => {
    for (let seed = 1; seed <= histories; seed++)
      assert.equal(await runSeed(seed, { adapt: bounded(seed) }), undefined, `seed ${seed}`);
  });

  it('holds in a history that is replayed', { skip: SIMULATION_SEED === undefined }, async () => {
    const seed = Number(SIMULATION_SEED);
    assert.equal(await runSeed(seed, { adapt: bounded(seed), trace: console.log }), undefined);
  });

  for (const plant of plants) {
    it(`catches: ${plant.name}`, async () => {
      for (let seed = 1; seed <= most; seed++) {
        const broken = await runSeed(seed, { plant, adapt: bounded(seed) });
        if (broken?.includes('budget') === true) return;
      }
      assert.fail(`not caught within ${most} histories`);
    });
  }
});
