import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { z } from 'zod';
import { startCommand } from '../support/programs.ts';

const root = path.resolve(import.meta.dirname, '../..');

const figure = z.object({ row: z.string(), what: z.string(), who: z.string(), unit: z.string() });
const results = z.object({
  date: z.string().regex(/^\d{4}-\d\d-\d\d$/),
  machine: z.string().min(1),
  node: z.literal(process.version),
  took: z.number(),
  goals: z.array(z.object({ goal: z.string(), figure: z.string().optional(), kept: z.boolean().optional() })),
  figures: z.array(
    figure.extend({ min: z.number(), median: z.number(), max: z.number(), rounds: z.int().min(1) }),
  ),
  gaps: z.array(figure.extend({ why: z.string() })),
  facts: z.record(z.string(), z.array(z.string())),
});

/** Runs rows of the benchmark on tiny sizes. @returns what it wrote */
async function bench(rows: readonly string[]): Promise<{ found: z.infer<typeof results>; page: string }> {
  const out = await mkdtemp(path.join(tmpdir(), 'bench-out-'));
  try {
    const only = rows.flatMap((row) => ['--only', row]);
    const call = ['--import', 'tsx', 'scripts/bench/bench.ts', '--quick', '--out', out, ...only];
    const running = startCommand([process.execPath, ...call], { cwd: root });
    const { code } = await running.exit;
    assert.equal(code, 0, running.stderr);
    const found = results.parse(JSON.parse(await readFile(path.join(out, 'results.json'), 'utf8')));
    const page = await readFile(path.join(out, 'README.md'), 'utf8');
    assert.equal(running.stdout, page);
    return { found, page };
  } finally {
    await rm(out, { recursive: true });
  }
}

/** The rows and units that were measured or left out with a reason. */
const measured = ({ figures, gaps }: z.infer<typeof results>, row: string, who: string): string[] => [
  ...new Set(
    [...figures, ...gaps].filter((entry) => entry.row === row && entry.who === who).map(({ unit }) => unit),
  ),
];

describe('the benchmark', { concurrency: 2 }, () => {
  it('holds posts against others, and times the programs', async () => {
    const { found, page } = await bench(['posts', 'make-keys', 'reports', 'restart', 'starts']);
    for (const who of [
      'durable path',
      'flockd run',
      'bare twitter-api-v2',
      'undici, minimal signer',
      'tweepy',
    ])
      assert.ok(measured(found, 'posts', who).includes('posts/s'), `${who} did not post`);
    assert.deepEqual(measured(found, 'posts', 'bare twitter-api-v2'), ['posts/s', 'CPU µs/post']);
    assert.deepEqual(measured(found, 'make-keys', 'keymaker'), ['ms per bot']);
    assert.deepEqual(measured(found, 'reports', 'flockd plan'), ['ms']);
    assert.deepEqual(measured(found, 'starts', 'keymaker --help'), ['ms']);
    assert.deepEqual(measured(found, 'restart', 'flockd run'), [
      'ms to READY',
      'ms for the ledger',
      'MB peak',
    ]);
    const help = found.goals.find(({ goal }) => goal === '`--help` under 100 ms');
    assert.equal(typeof help?.kept, 'boolean');
    assert.match(page, /^\| goal +\| figure +\| +\|$/m);
    assert.match(
      page,
      /^\| `--help` under 100 ms +\| [\d.,]+ ms +\| (kept|\*\*missed\*\*: Node itself takes [\d.,]+ ms to do nothing) +\|$/m,
    );
    assert.match(page, /^\| plain, 0 ms, \d+ under way +\| durable path +\| [\d.,]+.* × +\|/m);
  });

  it('starts flocks, and holds their lateness against that of schedulers', async () => {
    const { found, page } = await bench(['standing', 'curve', 'lateness']);
    const late = ['ms p50', 'ms p99', 'ms max', '% lost'];
    assert.deepEqual(measured(found, 'lateness', 'flockd run'), [...late, 'ms to the last answer']);
    for (const who of ['node-cron, a task per bot', 'croner', 'bare heap']) {
      assert.deepEqual(measured(found, 'lateness', who), late);
      assert.deepEqual(measured(found, 'standing', who), ['ms to register', 'KB per bot', '% CPU idle']);
    }
    assert.ok(measured(found, 'standing', 'flockd run').includes('ms to READY'), 'no time to READY');
    const lost = found.figures.filter(({ who, unit }) => who === 'flockd run' && unit === '% lost');
    assert.deepEqual([...new Set(lost.map(({ max }) => max))], [0]);
    assert.match(page, /^\| READY announced, with STATUS while loading +\| \d+ times +\| kept +\|$/m);
  });
});
