import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { authorizeAs } from '../../person.js';
import { script } from '../flockd.ts';
import { nameOf } from '../flock-folders.ts';
import { range } from '../numbers.ts';
import { roundsOf, type Bench, type Row } from '../row.ts';

const id = 'make-keys';

export const makeKeys: Row = {
  id,
  title: 'Making keys',
  about:
    'The whole of `keymaker make-keys --all` against the sandbox, its start included, without the time the person takes between the link and the PIN, shared out among the bots.',
  async measure(bench) {
    const { sizes, figures, stage } = bench;
    const api = await openSandbox(bench);
    for (const round of roundsOf(sizes.rounds, 10_000)) {
      const root = stage.file(`keys-${round}`);
      mkdirSync(path.join(root, 'poems'), { recursive: true });
      for (const bot of range(sizes.keys)) {
        writeFileSync(path.join(root, 'poems', `${nameOf(bot)}.txt`), `Praise the salt, ${bot}.\n`);
      }
      const took = await make(bench, root, api);
      figures.add(
        { row: id, what: `${sizes.keys} bots`, who: 'keymaker', unit: 'ms per bot' },
        took / sizes.keys,
      );
    }
  },
};

const app = { CONSUMER_TOKEN: 'sandbox-app-key', CONSUMER_TOKEN_SECRET: 'sandbox-app-secret' };

/** @returns the sandbox's URL */
async function openSandbox({ stage }: Bench): Promise<string> {
  const sandbox = stage.spawn(process.execPath, [script('keymaker'), 'sandbox', '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: stage.folder,
  });
  if (!sandbox.stdout) throw new Error('the sandbox has no output');
  for await (const line of createInterface({ input: sandbox.stdout })) {
    const url = /^X, Mastodon and Bluesky in a box: (\S+)$/.exec(line)?.[1];
    if (url !== undefined) return url;
  }
  throw new Error('the sandbox did not start');
}

/** @returns the time that keymaker took, without the time of the person. Milliseconds */
async function make({ stage }: Bench, root: string, api: string): Promise<number> {
  const began = performance.now();
  const keymaker = stage.spawn(process.execPath, [script('keymaker'), 'make-keys', './poems', '--all'], {
    cwd: root,
    env: { ...app, KEYMAKER_API_URL: api },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  if (!keymaker.stdout || !keymaker.stdin) throw new Error('keymaker has no pipes');
  const ended = new Promise((resolve) => keymaker.once('exit', resolve));
  let person = 0;
  let bot = 0;
  for await (const line of createInterface({ input: keymaker.stdout })) {
    if (line.startsWith('Is @')) keymaker.stdin.write('y\n');
    if (!line.startsWith('http')) continue;
    const asked = performance.now();
    keymaker.stdin.write(`${await authorizeAs(line, nameOf(bot++).replaceAll('-', '_'))}\n`);
    person += performance.now() - asked;
  }
  if ((await ended) !== 0) throw new Error('make-keys failed');
  return performance.now() - began - person;
}
