import type { Options } from 'yargs';
import * as z from 'zod';
import { FlockError } from '../../errors.ts';
import { parseBotName } from '../../flock/bot.ts';
import { unknownBots } from '../../flock/load.ts';
import { nearest } from '../../text.ts';
import { unknownTroubles } from '../status-words.ts';
import type { Terminal } from '../terminal.ts';

const once = 'should be given once, with a value';

/** Ten years: nobody plans farther ahead. */
const mostDays = 3650;
const days = `should be a number of days, from 1 to ${mostDays}`;

/** X's ids count from 2010 on. */
const earliest = Date.UTC(2011);
const latest = Date.UTC(2200);

/** What the flags are that choose a time to come. @param days - how many there are where nobody says */
export const spanFlags = (days: string) =>
  ({
    days: { type: 'string', default: days, describe: 'how many days' },
    from: {
      type: 'string',
      describe: 'when they begin, such as 2026-11-21T09:00Z',
      defaultDescription: 'now',
    },
  }) satisfies Record<string, Options>;

/** What {@link spanFlags} may be: a number of days, and milliseconds since 1970. */
export const spanSchema = {
  days: z
    .string(once)
    .regex(/^\d+$/, days)
    .transform(Number)
    .pipe(z.number().min(1, days).max(mostDays, days)),
  from: z
    .string(once)
    .transform((text, context) => {
      const instant = /^\d{4}-\d\d-\d\d(T.*(Z|[+-]\d\d:?\d\d))?$/.test(text) ? Date.parse(text) : NaN;
      if (instant >= earliest && instant < latest) return instant;
      context.addIssue({
        code: 'custom',
        message: 'should be a time from 2011 to 2199, such as 2026-11-21 or 2026-11-21T09:00Z',
      });
      return z.NEVER;
    })
    .optional(),
};

/**
 * The bots that a person named, where only some are wanted.
 *
 * @throws {FlockError} `usage` for one that is not there
 */
export function chosenBots(names: readonly string[], known: readonly string[]): ReadonlySet<string> {
  const wanted = new Set<string>(names.map(parseBotName));
  for (const name of wanted) {
    if (known.includes(name)) continue;
    const meant = nearest(name, known);
    throw new FlockError('usage', `${name} has neither a poem nor a key bundle`, {
      hint: meant === undefined ? whoIsThere(known) : `did you mean ${meant}?`,
    });
  }
  return wanted;
}

/** So many names are said; there may be thousands. */
const mostNames = 5;

function whoIsThere(known: readonly string[]): string {
  if (known.length === 0) return 'there are no poems yet: they are text files in the poems folder';
  const names = known.slice(0, mostNames).join(', ');
  const more = known.length - mostNames;
  return more > 0 ? `there are ${names} and ${more} more: flockd plan lists them` : `there are: ${names}`;
}

/**
 * Tells of bots that `flock.json` names and that are not there.
 *
 * @param named - in `flock.json`
 * @param known - who is there
 */
export function warnOfUnknown(named: readonly string[], known: readonly string[], terminal: Terminal): void {
  for (const { text, hint } of unknownTroubles(unknownBots(named, known))) terminal.warn(text, hint);
}
