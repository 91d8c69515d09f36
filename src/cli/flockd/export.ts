import { open, rm } from 'node:fs/promises';
import * as z from 'zod';
import { FlockError, systemCode } from '../../errors.ts';
import { reasonOf } from '../../fs.ts';
import { formatExport } from '../../ledger/backup.ts';
import { readJournal } from '../../ledger/journal.ts';
import { command, placeFlags, placeSchema } from '../command.ts';
import { openOnLedger } from './open-on-ledger.ts';

/** `export` is a word of the language. */
export const exportLedger = command({
  words: { file: { type: 'string', describe: 'a new file, private to you; without one, standard output' } },
  flags: { root: placeFlags.root },
  examples: [
    ['flockd export backup.json', 'where every bot is, without secrets; flockd may run meanwhile'],
    ['flockd export | ssh elsewhere "cat > flock.export"', 'the same, to another machine'],
  ],
  schema: z.object({ file: z.string().min(1, 'is empty').optional(), root: placeSchema.root }),
  async run(args, terminal) {
    await using context = await openOnLedger(args, terminal);
    const { paths, clock } = context;
    const { states, history } = await readJournal(paths.state);
    if (states.size === 0) {
      throw new FlockError('data', `there is no ledger in ${paths.state}, or nobody has begun yet`, {
        hint: "is this the flock's folder? --root names another",
      });
    }
    const text = formatExport({ at: clock.now(), states, history });
    if (args.file === undefined) terminal.print(text);
    else {
      await writeNew(args.file, text);
      terminal.say(`The state of ${states.size === 1 ? '1 bot' : `${states.size} bots`} is in ${args.file}.`);
    }
    return 'done';
  },
});

/** @throws {FlockError} `cannotCreate` where there is such a file already, or it cannot be written whole */
async function writeNew(file: string, text: string): Promise<void> {
  try {
    await using handle = await open(file, 'wx', 0o600);
    await handle.writeFile(text);
    await handle.sync();
  } catch (cause) {
    if (systemCode(cause) !== 'EEXIST') await rm(file, { force: true }).catch(() => undefined);
    throw new FlockError('cannotCreate', `cannot write ${file}: ${reasonOf(cause)}`, {
      hint: hints[systemCode(cause) ?? ''] ?? 'write it somewhere else',
      cause,
    });
  }
}

const hints: Partial<Record<string, string>> = {
  EEXIST: 'give the name of a new file',
  ENOENT: 'make its folder first',
};
