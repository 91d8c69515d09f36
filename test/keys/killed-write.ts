/** Stores a bundle, and dies on the way: `node killed-write.mjs KEYS "HOW N" [IDENTITY]`, as `KillPoint` takes it. */
import { KeyStore } from '../../src/keys/store.ts';
import type { BotName } from '../../src/poems/bot-name.ts';
import { KillPoint } from '../support/killed-process.ts';
import { bundle } from './hidden-bundle.ts';

const [, , folder = '', killAt = '', identityFile] = process.argv;
const keys = new KeyStore(folder, { identityFile });
// What is read and prepared before changes nothing: only the calls of the replacement count.
await keys.prepare();
await new KillPoint(killAt).watchDisk(['writeFile', 'sync', 'chown', 'chmod'], ['wx', 'r']);
await keys.write('howl' as BotName, bundle(2));
