/**
 * Restores a ledger, and dies on the way: `node killed-restore.mjs STATE "HOW N"`. The N-th call that changes the disk is the
 * last: HOW says whether it dies `before` it, `after` it, or `half` way through what it writes. Every call is a line of output.
 */
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { restoreJournal } from '../../src/ledger/backup.ts';
import { at, exported, posted } from './exported.ts';

const [, , folder = '', wanted = ''] = process.argv;
const [how, last] = wanted.split(' ');
let calls = 0;

type Call = (...args: unknown[]) => Promise<unknown>;

const die = (): void => void process.kill(process.pid, 'SIGKILL');

/** The call itself, counted, and the last where it is its turn. */
const counted = (name: string, act: Call): Call =>
  async function (this: unknown, ...args) {
    const isLast = String(++calls) === last;
    process.stdout.write(`${calls} ${name}\n`);
    if (isLast && how === 'before') die();
    const [content] = args;
    if (isLast && how === 'half' && name.startsWith('write')) {
      const bytes = Buffer.from(content as string | Uint8Array);
      await act.call(this, bytes.subarray(0, bytes.length / 2));
      die();
    }
    const result = await act.apply(this, args);
    if (isLast) die();
    return result;
  };

const probe = await fs.open(process.execPath, 'r');
const handles = Object.getPrototypeOf(probe) as Record<string, Call>;
await probe.close();
for (const name of ['writeFile', 'write', 'sync', 'datasync']) {
  const call = handles[name];
  if (call) handles[name] = counted(name, call);
}
const patched: Record<string, Call> = {
  rename: counted('rename', fs.rename as Call),
  rm: counted('rm', fs.rm as Call),
};
Object.assign(fs, patched);
syncBuiltinESMExports();
const states = { howl: posted(1) };
await restoreJournal({ folder, exported: exported(states), at, replace: true, markOf: () => '' });
