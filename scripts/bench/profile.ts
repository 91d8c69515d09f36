import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';

const profile = z.object({
  nodes: z.array(
    z.object({
      id: z.number(),
      callFrame: z.object({ functionName: z.string(), url: z.string(), lineNumber: z.number() }),
    }),
  ),
  samples: z.array(z.number()),
});

/** How many functions are worth naming. */
const most = 12;

/** The functions a process was in most of the time it was not idle, by the newest `--cpu-prof` in a folder. */
export function hottest(folder: string): string[] {
  const file = readdirSync(folder).find((name) => name.endsWith('.cpuprofile'));
  if (file === undefined) return [];
  const { nodes, samples } = profile.parse(JSON.parse(readFileSync(path.join(folder, file), 'utf8')));
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const counts = new Map<string, number>();
  let all = 0;
  for (const sample of samples) {
    const name = names.get(sample) ?? '';
    if (name === '(idle)' || name === '(program)') continue;
    counts.set(name, (counts.get(name) ?? 0) + 1);
    all++;
  }
  const sorted = [...counts].sort(([, a], [, b]) => b - a).slice(0, most);
  return sorted.map(([name, count]) => `${((100 * count) / all).toFixed(1)} % ${name}`);
}

function nameOf({ functionName, url, lineNumber }: z.infer<typeof profile>['nodes'][0]['callFrame']): string {
  const name = functionName === '' ? '(anonymous)' : functionName;
  if (url === '' || url.startsWith('node:')) return url === '' ? name : `${name} (${url})`;
  const place = url.includes('/node_modules/')
    ? url.split('/node_modules/').at(-1)
    : url.split('/').slice(-2).join('/');
  return `${name} (${place}:${lineNumber + 1})`;
}
