/**
 * Stores a bundle, and dies on the way: `node killed-write.mjs KEYS N HOW [IDENTITY]`. The N-th call of the file system is the
 * last: HOW says whether it dies `before` it, `after` it, or `half` way through what it writes. Every call is a line of output.
 */
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { KeyStore } from '../../src/keys/store.ts';
import type { BotName } from '../../src/poems/bot-name.ts';
import { bundle } from './hidden-bundle.ts';

const [, , folder = '', last = '', how = '', identityFile] = process.argv;
let calls = 0;

type Call = (...args: unknown[]) => Promise<unknown>;
interface Handle {
  writeFile: (content: Uint8Array) => Promise<void>;
}

const die = (): void => void process.kill(process.pid, 'SIGKILL');

/** The call itself, counted, and the last where it is its turn. */
const counted = (name: string, act: Call): Call =>
  async function (this: unknown, ...args) {
    const isLast = String(++calls) === last;
    process.stdout.write(`${calls} ${name}\n`);
    if (isLast && how === 'before') die();
    if (isLast && how === 'half' && name === 'writeFile') {
      const content = args[0] as Uint8Array;
      await (act as unknown as Handle['writeFile']).call(this, content.subarray(0, content.length / 2));
      die();
    }
    const result = await act.apply(this, args);
    if (isLast && how === 'after') die();
    return result;
  };

const probe = await fs.open(process.execPath, 'r');
const handles = Object.getPrototypeOf(probe) as Record<string, Call>;
await probe.close();
const keys = new KeyStore(folder, { identityFile });
// What is read and prepared before changes nothing: only the calls of the replacement count.
await keys.prepare();
for (const name of ['writeFile', 'sync', 'chown', 'chmod']) {
  const call = handles[name];
  if (call) handles[name] = counted(name, call);
}
const plainOpen = fs.open as Call;
const open = counted('open', plainOpen);
const patched: Record<string, Call> = {
  open: (...args) => (args[1] === 'wx' || args[1] === 'r' ? open(...args) : plainOpen(...args)),
  rename: counted('rename', fs.rename as Call),
  rm: counted('rm', fs.rm as Call),
};
Object.assign(fs, patched);
syncBuiltinESMExports();
await keys.write('howl' as BotName, bundle(2));
