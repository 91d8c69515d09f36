import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FlockHistory } from '../../src/ledger/history.ts';
import type { Change, Journal, Ledger } from '../../src/ledger/journal.ts';
import type { Plant } from './plant.ts';
import { moneyPlants } from './planted-bugs.ts';
import type { Happening, Scenario } from './scenario.ts';
import { runSeed } from './seeds.ts';

const { SIMULATIONS = '', SIMULATION_SEED } = process.env;

/** Histories with a budget; a million without one are elsewhere. A run of all tests takes a quarter of them, others each time. */
const histories = 1500;
const stride = Number(SIMULATIONS) >= 1_000_000 ? 1 : 4;
const first = 1 + (Date.now() % stride);
const seeds = Array.from({ length: histories / stride }, (_, n) => first + stride * n);
/** A bug that is not caught within so many is one the machinery is blind to. */
const most = 8000;

/**
 * The same history with a budget. A clock that is a little wrong has X's days a little wrong, and a ledger that is lost or
 * replaced by hand has forgotten what was spent.
 */
const bounded =
  (seed: number) =>
  (scenario: Scenario): Scenario => ({
    ...scenario,
    budget: 1 + (seed % 4),
    happenings: scenario.happenings.filter(isKept),
  });

const isKept = (happening: Happening): boolean =>
  !['copy state', 'put state back', 'lose state'].includes(happening.what) &&
  !(happening.what === 'clock' && happening.ahead !== 0 && Math.abs(happening.ahead) <= 5 * 60_000);

/** The same history with a budget of money, for posts and for looks. */
const paid =
  (seed: number, budgets: readonly number[] = [0.1, 0.15, 0.3]) =>
  (scenario: Scenario): Scenario => ({
    ...scenario,
    usd: budgets[seed % budgets.length] ?? 0,
    happenings: scenario.happenings.filter((happening) => isKept(happening) && happening.what !== 'restore'),
  });

/** A ledger of which something is another than it says. */
const changed = (ledger: Ledger, change: Partial<Ledger>): Ledger => ({
  state: (bot) => ledger.state(bot),
  states: () => ledger.states(),
  history: () => ledger.history(),
  record: (...events) => ledger.record(...events),
  [Symbol.asyncDispose]: () => ledger[Symbol.asyncDispose](),
  ...change,
});

/** A ledger with another idea of what the flock has spent. */
function misled(ledger: Journal, history: FlockHistory, learn: (change: Change) => void): Ledger {
  ledger.subscribe(learn);
  return changed(ledger, { history: () => history });
}

function late(ledger: Journal): Ledger {
  const history = new FlockHistory(ledger.history().toJSON());
  return misled(ledger, history, ({ event, before }) => {
    if (event.event === 'posted' && before?.open) history.apply(before.open, undefined);
  });
}

function forgetful(ledger: Journal): Ledger {
  const history = new FlockHistory();
  return misled(ledger, history, ({ event, before }) => {
    history.apply(event, before);
  });
}

/** Nobody seems to be restored to whoever asks for all. */
const hasty = (ledger: Ledger): Ledger => changed(ledger, { states: () => [] });

const plants: Plant[] = [
  { name: 'a post counts only once it is known to be posted', ledger: late },
  { name: 'what was spent is forgotten at a restart', ledger: forgetful },
  { name: 'nobody waits until a restored bot has looked', ledger: hasty },
];

describe('never over budget', () => {
  it(
    `holds in ${seeds.length} random histories, from seed ${first} on`,
    { skip: SIMULATION_SEED !== undefined },
    async () => {
      for (const seed of seeds)
        assert.equal(await runSeed(seed, { adapt: bounded(seed) }), undefined, `seed ${seed}`);
    },
  );

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

  it(
    `holds for what looks cost, in ${seeds.length} random histories, from seed ${first} on`,
    { skip: SIMULATION_SEED !== undefined },
    async () => {
      for (const seed of seeds)
        assert.equal(await runSeed(seed, { adapt: paid(seed) }), undefined, `seed ${seed}`);
    },
  );

  for (const plant of moneyPlants) {
    it(`catches: ${plant.name}`, async () => {
      for (let seed = 1; seed <= most; seed++) {
        // The less there is to spend, the sooner a cent that is forgotten is missed.
        const broken = await runSeed(seed, { plant, adapt: paid(seed, [0.05]) });
        if (broken?.includes('charges') === true) return;
      }
      assert.fail(`not caught within ${most} histories`);
    });
  }
});
