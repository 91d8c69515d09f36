import { execFileSync } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import { format, resolveConfig } from 'prettier';
import type { Figure, Figures, Gap } from './figures.ts';
import { goalsOf, type Goal } from './goals.ts';
import { shown } from './numbers.ts';
import type { Row } from './row.ts';
import type { Sizes } from './sizes.ts';
import { root } from './stage.ts';

/** The content of results.json. */
export interface Results {
  date: string;
  machine: string;
  node: string;
  commit: string;
  /** The duration of the run. Seconds. */
  took: number;
  goals: Goal[];
  figures: Figure[];
  gaps: Gap[];
  /** Results that are not numbers: profiles, and errors. */
  facts: Record<string, readonly string[]>;
}

export function resultsOf(figures: Figures, rows: readonly Row[], sizes: Sizes, took: number): Results {
  const referenceOf = (id: string): string | undefined => rows.find((row) => row.id === id)?.reference;
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: machine(),
    node: process.version,
    commit: commit(),
    took: Math.round(took),
    goals: goalsOf(figures, sizes),
    figures: figures.list(referenceOf),
    gaps: figures.gaps,
    facts: figures.facts,
  };
}

function machine(): string {
  const [{ model } = { model: 'unknown processor' }] = os.cpus();
  const cores = os.availableParallelism();
  const memory = Math.round(os.totalmem() / 2 ** 30);
  return `${cores} cores of ${model.trim()}, ${memory} GB, ${os.type()} ${os.release()}, ${fileSystem()}, load ${(os.loadavg()[0] ?? 0).toFixed(1)} at the end`;
}

/** The file system of the ledgers. It matters because an fsync is free in memory. */
function fileSystem(): string {
  const [, type = 'unknown file system'] = execFileSync('df', ['--output=fstype', os.tmpdir()], {
    encoding: 'utf8',
  }).split('\n');
  return type.trim();
}

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}

/** The results as a page for people. */
export function pageOf(results: Results, rows: readonly Row[]): string {
  const { date, machine: where, node, commit: what, took, goals, facts } = results;
  return [
    '# Benchmark',
    '`npm run bench` measures flockd side by side with what one would use instead, in one run, and writes this page and `results.json`. It wants Linux, OpenSSL and a network for npm; what is missing besides (`apt-get install wrk python3-tweepy`) leaves a gap. Every figure is the median of its rounds, with the smallest and the largest behind it; believe the ratios, not the digits.',
    `${date}, commit ${what}, Node ${node}, ${where}. The run took ${took} seconds.`,
    '## Goals',
    tableOf(
      ['goal', 'figure', ''],
      goals.map((goal) => [goal.goal, goal.figure ?? '–', verdict(goal)]),
    ),
    ...rows.flatMap((row) => sectionOf(row, results)),
    ...Object.entries(facts)
      .filter(([name]) => !name.startsWith('statuses') && name !== 'native')
      .flatMap(([name, lines]) => [
        `### ${name.replace(/^./, (first) => first.toUpperCase())}`,
        lines.map((line) => `- ${line}`).join('\n'),
      ]),
  ].join('\n\n');
}

function verdict({ kept, why }: Goal): string {
  if (kept === undefined) return 'not measured';
  return kept ? 'kept' : `**missed**: ${why}`;
}

function sectionOf(row: Row, { figures, gaps }: Results): string[] {
  const own = figures.filter((figure) => figure.row === row.id);
  const missing = gaps.filter((gap) => gap.row === row.id);
  const head = [`## ${row.title}`, row.about];
  if (own.length === 0 && missing.length === 0) return head;
  const units = [...new Set([...own, ...missing].map(({ unit }) => unit))];
  const lines = new Map<string, (Figure | Gap)[]>();
  for (const entry of [...own, ...missing]) {
    const name = `${entry.what} | ${entry.who}`;
    lines.set(name, [...(lines.get(name) ?? []), entry]);
  }
  const cells = Array.from(lines, ([name, of]) => [
    name,
    ...units.map((unit) => cellOf(of.find((entry) => entry.unit === unit))),
  ]);
  const against = row.reference === undefined ? [] : [`Ratios (×) are to ${row.reference}.`];
  return [...head, tableOf(['', '', ...units], cells), ...against];
}

/** `4.57 (4.5–4.6), 2 ×` */
function cellOf(entry: Figure | Gap | undefined): string {
  if (!entry) return '';
  if ('why' in entry) return `– (${entry.why})`;
  const { min, median, max, rounds, ratio } = entry;
  const spread = rounds > 1 ? ` (${shown(min)}–${shown(max)})` : '';
  return `${shown(median)}${spread}${ratio === undefined ? '' : `, ${shown(ratio)} ×`}`;
}

const tableOf = (columns: readonly string[], lines: readonly (readonly string[])[]): string =>
  [columns, columns.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

/** Formats a text like the repository's files. */
export async function formatted(text: string, parser: 'markdown' | 'json'): Promise<string> {
  const config = await resolveConfig(path.join(root, 'package.json'));
  return format(text, { ...config, parser });
}
