import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../../..');

/** Where scripts/prometheus/fetch-tools puts what is not on the path. */
const unpacked = path.join(root, 'node_modules/.cache/prometheus/usr/bin');

const places = [...(process.env['PATH'] ?? '').split(path.delimiter), unpacked];

const find = (tool: string): string | undefined =>
  places.map((folder) => path.join(folder, tool)).find((file) => existsSync(file));

const promtoolFile = find('promtool');

/** The Prometheus of this machine. */
export const prometheusFile = find('prometheus');

/** Why tests with Prometheus cannot run here, or false where they can. */
export const noPrometheus: string | false =
  (promtoolFile === undefined || prometheusFile === undefined) &&
  'NOT RUN: there is no Prometheus here (Debian: scripts/prometheus/fetch-tools)';

export const prometheusFolder = path.join(root, 'scripts/prometheus');

export interface Said {
  code: number;
  /** Both of its outputs. */
  output: string;
}

/** Runs promtool to its end. @param input - its standard input */
export function promtool(args: readonly string[], input = ''): Promise<Said> {
  return new Promise((resolve) => {
    const child = execFile(promtoolFile ?? 'promtool', args, (error, stdout, stderr) => {
      const code = typeof error?.code === 'number' ? error.code : error ? -1 : 0;
      resolve({ code, output: stdout + stderr });
    });
    child.stdin?.end(input);
  });
}

/** The series of a scrape and their values: `flockd_bots` or `flockd_key_valid{bot="heron"}`, labels in their order. */
export function seriesOf(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}
