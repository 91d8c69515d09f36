/** Restores a ledger, and dies on the way: `node killed-restore.mjs STATE "HOW N"`, as `KillPoint` takes it. */
import { restoreJournal } from '../../src/ledger/backup.ts';
import { KillPoint } from '../support/killed-process.ts';
import { at, exported, posted } from './exported.ts';

const [, , folder = '', killAt = ''] = process.argv;
await new KillPoint(killAt).watchDisk(['writeFile', 'write', 'sync', 'datasync']);
const states = { howl: posted(1) };
await restoreJournal({ folder, exported: exported(states), at, replace: true, markOf: () => '' });
