import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const callFrame = z.object({ functionName: z.string(), url: z.string(), lineNumber: z.number() });
type CallFrame = z.infer<typeof callFrame>;

const profile = z.object({
  nodes: z.array(z.object({ id: z.number(), callFrame })),
  samples: z.array(z.number()),
});

/** The maximum of listed parts and of listed functions. */
const mostParts = 10;
const mostFunctions = 8;

/**
 * How a process spent its time while it was not idle, by the profile of `--cpu-prof` in a folder: by parts of the program, and
 * by the functions with the most time of their own.
 */
export function hottest(folder: string): string[] {
  // Each thread has a profile. The main thread's is the largest.
  const files = readdirSync(folder).filter((name) => name.endsWith('.cpuprofile'));
  const texts = files.map((name) => readFileSync(path.join(folder, name), 'utf8'));
  const [largest] = texts.sort((a, b) => b.length - a.length);
  if (largest === undefined) return [];
  const { nodes, samples } = profile.parse(JSON.parse(largest));
  const frames = new Map(nodes.map((node) => [node.id, node.callFrame]));
  const busy = samples
    .flatMap((sample) => frames.get(sample) ?? [])
    .filter(({ functionName }) => functionName !== '(idle)' && functionName !== '(program)');
  const parts = new Parts();
  return [
    ...shares(busy, (frame) => parts.of(frame), mostParts),
    ...shares(busy, nameOf, mostFunctions).map((line) => `in ${line}`),
  ];
}

function shares(frames: readonly CallFrame[], keyOf: (frame: CallFrame) => string, most: number): string[] {
  const counts = new Map<string, number>();
  for (const frame of frames) {
    const key = keyOf(frame);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const sorted = [...counts].sort(([, a], [, b]) => b - a).slice(0, most);
  return sorted.map(([key, count]) => `${((100 * count) / frames.length).toFixed(1)} % ${key}`);
}

/** The comment that esbuild writes above each bundled module. */
const joined = /^\/\/ (?:.*node_modules\/((?:@[^/]+\/)?[^/]+)|((?:src|scripts)\/[^/]+)\/)/;

/** Finds the part of a program that a function belongs to. */
class Parts {
  readonly #files = new Map<string, string[]>();
  readonly #known = new Map<string, string>();

  of({ functionName, url, lineNumber }: CallFrame): string {
    if (functionName === '(garbage collector)') return 'garbage collection';
    if (url.startsWith('wasm:')) return 'undici';
    if (!url.startsWith('file:')) return 'Node and the system';
    const place = `${url}:${lineNumber}`;
    const known = this.#known.get(place) ?? this.#above(url, lineNumber);
    this.#known.set(place, known);
    return known;
  }

  #above(url: string, line: number): string {
    const lines = this.#files.get(url) ?? readFileSync(fileURLToPath(url), 'utf8').split('\n');
    this.#files.set(url, lines);
    for (let at = line; at >= 0; at--) {
      const [, packaged, own] = joined.exec(lines[at] ?? '') ?? [];
      const part = packaged ?? own;
      if (part !== undefined) return part;
    }
    return 'the rest';
  }
}

function nameOf({ functionName, url, lineNumber }: CallFrame): string {
  const name = functionName === '' ? '(anonymous)' : functionName;
  if (url === '' || url.startsWith('node:')) return url === '' ? name : `${name} (${url})`;
  const place = url.includes('/node_modules/')
    ? url.split('/node_modules/').at(-1)
    : url.split('/').slice(-2).join('/');
  return `${name} (${place}:${lineNumber + 1})`;
}
