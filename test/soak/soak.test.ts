import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { z } from 'zod';
import { startCommand } from '../support/programs.ts';

const root = path.resolve(import.meta.dirname, '../..');

/** Runs one of the soak's programs. */
async function run(program: string, ...args: string[]): Promise<{ code: number | null; page: string }> {
  const running = startCommand([process.execPath, '--import', 'tsx', program, ...args], { cwd: root });
  const { code } = await running.exit;
  assert.ok(running.stdout !== '', running.stderr);
  return { code, page: running.stdout };
}

const judged = ['heap', 'rss', 'files', 'listeners', 'warnings', 'active', 'ledger', 'journal'];

/** What the page says of each measure. */
function verdictsOf(page: string): Map<string, string> {
  const lines = page.matchAll(/^(\w+) +(flat|GROWS) /gm);
  return new Map([...lines].map(([, measure = '', verdict = '']) => [measure, verdict]));
}

const kept = z.object({
  samples: z.array(z.object({ at: z.number(), posts: z.number(), heap: z.number(), ledger: z.number() })),
  verdicts: z.record(z.string(), z.object({ grows: z.boolean() }).optional()),
});

const [bots, days] = ['50', '24'];

describe('the soak', { concurrency: true }, () => {
  it('shows a flock that lives through its days, and that nothing of it grows', async () => {
    const out = await mkdtemp(path.join(tmpdir(), 'soak-out-'));
    try {
      const call = ['--only', 'year', '--bots', bots, '--days', days, '--out', out];
      const { code, page } = await run('scripts/soak/soak.ts', ...call);
      assert.deepEqual(
        [...verdictsOf(page)].filter(([, verdict]) => verdict !== 'flat'),
        [],
        page,
      );
      assert.deepEqual([...verdictsOf(page).keys()], judged);
      assert.equal(code, 0);
      for (const measure of [...judged, 'pace'])
        assert.match(page, new RegExp(`^${measure} +(MB|KB|/s)? +[▁-█]{24} `, 'm'));
      assert.deepEqual(
        page.split('\n').filter((line) => line.length > 80),
        [],
      );
      const { samples, verdicts } = kept.parse(
        JSON.parse(await readFile(path.join(out, 'year.json'), 'utf8')),
      );
      assert.equal(samples.length, 24);
      assert.equal(samples.at(-1)?.at, Number(days));
      assert.ok((samples.at(-1)?.posts ?? 0) > Number(bots) * (Number(days) - 2), 'bots did not post');
      assert.deepEqual(Object.keys(verdicts), judged);
    } finally {
      await rm(out, { recursive: true });
    }
  });

  it('finds what grows, and ends with 1', async () => {
    const { code, page } = await run('test/soak/leaky-soak.ts', bots, days);
    assert.equal(verdictsOf(page).get('heap'), 'GROWS', page);
    assert.equal(verdictsOf(page).get('ledger'), 'flat', page);
    assert.equal(code, 1);
  });

  it('runs flockd itself at full rate', async () => {
    const { code, page } = await run(
      'scripts/soak/soak.ts',
      '--only',
      'rate',
      '--bots',
      '20',
      '--minutes',
      '0.1',
    );
    const verdicts = verdictsOf(page);
    assert.deepEqual([...verdicts.keys()], judged);
    // A few seconds warm nothing up, so memory says nothing.
    for (const measure of ['files', 'listeners', 'ledger']) assert.equal(verdicts.get(measure), 'flat', page);
    assert.equal(code, [...verdicts.values()].includes('GROWS') ? 1 : 0);
    assert.match(page, /^A flock of 20 at full rate for 0.1 min: [\d,]+ posts/m);
  });
});
