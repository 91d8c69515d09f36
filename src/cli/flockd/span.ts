import * as z from 'zod';
import { flockPaths } from '../../config/environment.ts';
import { readFlockFile } from '../../config/flock-file.ts';
import type { Places } from '../../context.ts';
import { FlockError } from '../../errors.ts';
import { openKeys, readWholeFlock, unknownBots } from '../../flock/load.ts';
import { readJournal } from '../../ledger/journal.ts';
import { parseBotName } from '../../poems/bot-name.ts';
import { didYouMean, listedFirst } from '../../text.ts';
import { unknownTroubles } from '../tables.ts';
import type { Terminal } from '../terminal.ts';
import { lastWord } from './ledger-place.ts';

/*
 * What `flockd plan` and `flockd rehearse` begin with: the days to come, and the flock as it is now. Neither opens anything that
 * can reach the network.
 */

/** Ten years. */
const maxDays = 3650;
const days = `should be a number of days, from 1 to ${maxDays}`;

/** X's ids count from 2010 on. */
const earliest = Date.UTC(2011);
const latest = Date.UTC(2200);

/** The flags that choose the days. @param usual - the default number of days */
export const spanFlags = (usual: number) => ({
  days: z
    .string()
    .regex(/^\d+$/, days)
    .transform(Number)
    .pipe(z.number().min(1, days).max(maxDays, days))
    .default(usual)
    .meta({ description: 'the number of days', placeholder: 'N' }),
  from: z
    .string()
    .transform((text, context) => {
      const instant = /^\d{4}-\d\d-\d\d(T.*(Z|[+-]\d\d:?\d\d))?$/.test(text) ? Date.parse(text) : NaN;
      if (instant >= earliest && instant < latest) return instant;
      context.addIssue({
        code: 'custom',
        message: 'should be a time from 2011 to 2199, such as 2026-11-21 or 2026-11-21T09:00Z',
      });
      return z.NEVER;
    })
    .optional()
    .meta({
      description: 'when they begin, such as 2026-11-21T09:00Z',
      placeholder: 'INSTANT',
      defaultText: 'now',
    }),
});

/**
 * Reads the flock's files and its ledger, and changes nothing. Warns of bots in `flock.json` that do not exist, unless bots
 * are chosen.
 *
 * @returns the flock, its ledger, and which bots are chosen
 * @throws {FlockError} `usage` if a chosen bot does not exist
 */
export async function readFlockToCome(args: Places & { bot: readonly string[] }, terminal: Terminal) {
  const given = flockPaths(args);
  const keys = openKeys(given);
  const paths = await lastWord({ paths: given, keys }, terminal);
  const flockFile = await readFlockFile(paths.flockFile);
  const whole = await readWholeFlock(paths.root, keys, flockFile);
  const known = [...whole.bots.map(({ name }) => name), ...whole.invalidBots.map(({ bot }) => bot)];
  const wanted = new Set<string>(args.bot.map(parseBotName));
  const stranger = [...wanted].find((name) => !known.some((bot) => bot === name));
  if (stranger !== undefined) {
    const hint = didYouMean(stranger, known, namesOf(known));
    throw new FlockError('usage', `${stranger} has neither a poem nor a key bundle`, { hint });
  }
  if (wanted.size === 0)
    for (const { text, hint } of unknownTroubles(unknownBots(flockFile.named, known)))
      terminal.warn(text, hint);
  const isChosen = (bot: string): boolean => wanted.size === 0 || wanted.has(bot);
  return { paths, whole, ledger: await readJournal(paths.state), isChosen };
}

/** The maximum number of names in a hint. */
const maxNames = 5;

const namesOf = (known: readonly string[]): string =>
  known.length === 0
    ? 'there are no poems yet: they are text files in the poems folder'
    : `there are: ${listedFirst(known, maxNames)}`;
