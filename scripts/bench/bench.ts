/**
 * The benchmark: `npm run bench [-- --quick] [--only ROW]… [--out FOLDER]`. Writes README.md and results.json to this
 * folder or to FOLDER. With `--quick` or `--only` it writes them only with `--out`. The table also goes to standard output.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Figures } from './figures.ts';
import { makeFlock } from './flock-folders.ts';
import type { Bench, Row } from './row.ts';
import { curve } from './rows/curve.ts';
import { lateness } from './rows/lateness.ts';
import { makeKeys } from './rows/make-keys.ts';
import { atNetworks } from './rows/networks.ts';
import { packaged } from './rows/package.ts';
import { posts } from './rows/posts.ts';
import { profiles } from './rows/profiles.ts';
import { reports } from './rows/reports.ts';
import { restart } from './rows/restart.ts';
import { standing } from './rows/standing.ts';
import { starts } from './rows/starts.ts';
import { X } from './servers/x.ts';
import { full, quick } from './sizes.ts';
import { Stage } from './stage.ts';
import { formatted, pageOf, resultsOf } from './write-up.ts';

const all: Row[] = [
  posts,
  atNetworks,
  standing,
  curve,
  restart,
  lateness,
  makeKeys,
  reports,
  starts,
  packaged,
  profiles,
];

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
    out: { type: 'string' },
  },
});

/** The time limit of a row. Milliseconds. */
const longest = 240_000;

const say = (text: string): void => void process.stderr.write(`${text}\n`);

async function measure(rows: readonly Row[], bench: Bench): Promise<void> {
  for (const row of rows) {
    const began = performance.now();
    const isOver = new AbortController();
    const late = sleep(longest, undefined, { signal: isOver.signal }).then(() => {
      throw new Error('it took too long');
    });
    try {
      await Promise.race([row.measure(bench), late]);
    } catch (error) {
      // Continues with the other rows.
      const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
      say(`${row.id}: ${why}`);
      bench.figures.say(`${row.id} failed`, [why.split('\n')[0] ?? why]);
      process.exitCode = 1;
    } finally {
      isOver.abort();
      late.catch(() => undefined);
    }
    say(`${row.title}: ${((performance.now() - began) / 1000).toFixed(1)} s`);
  }
}

async function run(stage: Stage): Promise<void> {
  const began = performance.now();
  const rows = flags.only.length === 0 ? all : all.filter(({ id }) => flags.only.includes(id));
  const sizes = flags.quick ? quick : full;
  const figures = new Figures();
  const flocks = new Map<number, string>();
  const flockOf = (bots: number): string => {
    const folder = stage.file(`flock-${bots}`);
    if (!flocks.has(bots)) makeFlock(folder, bots);
    flocks.set(bots, folder);
    return folder;
  };
  await measure(rows, { stage, x: await X.open(stage), sizes, figures, flockOf });
  const results = resultsOf(figures, rows, sizes, (performance.now() - began) / 1000);
  const page = await formatted(pageOf(results, rows), 'markdown');
  process.stdout.write(page);
  const isWhole = rows.length === all.length && !flags.quick;
  const folder = flags.out ?? (isWhole ? import.meta.dirname : undefined);
  if (folder === undefined) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'README.md'), page);
  writeFileSync(path.join(folder, 'results.json'), await formatted(JSON.stringify(results), 'json'));
}

const stage = new Stage();
stage.closeAtExit();
await run(stage);
// Its helpers would keep the process alive.
process.exit();
