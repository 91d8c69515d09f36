import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { describe, it, type TestContext } from 'node:test';
import { share } from './crew.ts';
import { found } from './found.ts';
import { describePlan, parsePlan, runPlanned, singles } from './planned.ts';
import { runSeed } from './seeds.ts';
import { keyManners } from './simulated-network.ts';
import type { Done, Work } from './work.ts';

const { SIMULATIONS = '100000', SIMULATION_SEED, SIMULATION_FAULTS, SIMULATION_NETWORK } = process.env;
const processes = Math.max(2, availableParallelism());
/** Histories that every run has; the others are new each time. */
const fixedBase = 1;
/** Where there is no time for a million histories, one pair of faults in so many is tried, others each time. */
const stride = Number(SIMULATIONS) >= 1_000_000 ? 1 : 8;

/** The other networks get one history for so many of X. */
const shareOfOthers = 4;
const otherNames = ['mastodon', 'bluesky'] as const;

const replays = SIMULATION_SEED !== undefined || SIMULATION_FAULTS !== undefined;

describe('a replayed history', { skip: !replays }, () => {
  it('keeps the promise', async () => {
    const trace = console.log;
    const broken =
      SIMULATION_FAULTS === undefined
        ? await runSeed(Number(SIMULATION_SEED), {
            trace,
            network: otherNames.find((name) => name === SIMULATION_NETWORK),
          })
        : (await runPlanned(parsePlan(SIMULATION_FAULTS), { trace })).broken;
    assert.equal(broken, undefined);
  });
});

describe('never twice, never skipped', { skip: replays }, () => {
  it('holds without a fault, and with every single one', async (context) => {
    const broken: Done['broken'] = [];
    const begun = performance.now();
    const plans = [[], ...(await singles()).map((fault) => [fault])];
    for (const plan of plans) {
      const { broken: what } = await runPlanned(plan);
      if (what !== undefined) broken.push({ replay: `SIMULATION_FAULTS='${describePlan(plan)}'`, what });
    }
    report(context, 'single faults', {
      ran: plans.length,
      seconds: (performance.now() - begun) / 1000,
      broken,
    });
  });

  it('holds with pairs of faults', async (context) => {
    const offset = Date.now() % stride;
    const works = Array.from({ length: processes }, (_, index): Work => {
      return { kind: 'pairs', share: index, of: processes, stride, offset };
    });
    report(context, `pairs of faults, one in ${stride}, offset ${offset}`, await share(works));
  });

  it('holds in random histories', async (context) => {
    const count = Math.ceil(Number(SIMULATIONS) / processes);
    const freshBase = Date.now() % 1_000_000_000;
    const works = Array.from({ length: processes }, (_, index): Work => {
      const base = index % 2 === 0 ? fixedBase : freshBase;
      return { kind: 'seeds', from: base + index * count, count };
    });
    report(context, `random histories, from seeds ${fixedBase} and ${freshBase} on`, await share(works));
  });

  it('holds with every single fault at Bluesky, and at Mastodon whatever it does with a mark', async () => {
    const others = [
      { name: 'bluesky' as const },
      ...keyManners.map((key) => ({ name: 'mastodon' as const, key })),
    ];
    for (const other of others)
      for (const fault of await singles(other)) {
        const { broken } = await runPlanned([fault], { other });
        assert.equal(broken, undefined, `${JSON.stringify(other)}, ${describePlan([fault])}`);
      }
  });

  for (const network of otherNames)
    it(`holds in random histories at ${network}`, async (context) => {
      const count = Math.ceil(Number(SIMULATIONS) / shareOfOthers / processes);
      const freshBase = Date.now() % 1_000_000_000;
      const works = Array.from({ length: processes }, (_, index): Work => {
        const base = index % 2 === 0 ? fixedBase : freshBase;
        return { kind: 'seeds', from: base + index * count, count, network };
      });
      report(context, `at ${network}, from seeds ${fixedBase} and ${freshBase} on`, await share(works));
    });

  for (const { name, run } of found) {
    it(`holds where it once did not: ${name}`, async () => {
      assert.equal(await run(), undefined);
    });
  }
});

function report(context: TestContext, name: string, { ran, seconds, broken }: Done): void {
  const rate = Math.round(ran / seconds);
  context.diagnostic(`${name}: ${ran} in ${seconds.toFixed(1)} s, ${rate} a second`);
  const shown = broken
    .slice(0, 5)
    .map(({ replay, what }) => `${what.slice(0, 600)}\n  replay: ${replay} scripts/simulation`);
  assert.equal(broken.length, 0, `${broken.length} broken, among them:\n${shown.join('\n')}`);
}
