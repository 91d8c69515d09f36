import * as z from 'zod';
import { credentialsFolder, type FlockPaths, flockPaths, identityFile } from '../../config/environment.ts';
import { type Bot, readFlockFile } from '../../config/flock-file.ts';
import type { Context } from '../../context.ts';
import { isStopped } from '../../daemon/stop-switch.ts';
import { FlockError } from '../../errors.ts';
import { botsInLedger, loadFlock, readWholeFlock, unknownBots, type WholeFlock } from '../../flock/load.ts';
import { KeyStore } from '../../keys/store.ts';
import { fingerprints } from '../../ledger/cursor.ts';
import { hasJournal, readJournal } from '../../ledger/journal.ts';
import { applyEvent, type BotState } from '../../ledger/state.ts';
import { type BotName, parseBotName } from '../../poems/bot-name.ts';
import { readPoem } from '../../poems/find.ts';
import { linesOf } from '../../poems/poem.ts';
import { eventsOf } from '../../posting/commands.ts';
import { readingOf } from '../../posting/edits.ts';
import { nearest } from '../../text.ts';
import { type GivenPlaces, withInvocationFlags } from '../command.ts';
import { unknownTroubles } from '../tables.ts';
import type { Terminal } from '../terminal.ts';
import { onLedger } from './ledger-place.ts';

/**
 * The bot that a person named: one with a key bundle, or one that the ledger knows.
 *
 * @throws {FlockError} `usage` where there is none of that name
 */
export async function knownBot(
  text: string,
  { keys, paths }: Pick<Context, 'keys' | 'paths'>,
): Promise<BotName> {
  const name = parseBotName(text);
  const bundles = (await keys.list()).map(({ bot }): string => bot);
  if (bundles.includes(name)) return name;
  const known = [...bundles, ...(await readJournal(paths.state)).states.keys()];
  if (known.includes(name)) return name;
  const meant = nearest(name, known);
  throw new FlockError('usage', `${name} is not in the flock`, {
    hint: meant === undefined ? 'flockd status lists the bots' : `did you mean ${meant}?`,
  });
}

/**
 * What would keep a bot from posting its first line, asked before a ledger is begun: a refusal leaves none behind. Where there
 * is one, the order itself tells.
 *
 * @throws {FlockError} `data` where its poem cannot be read, `usage` where it rests
 */
export async function mustBeReady(
  { name: bot, poemFile, settings }: Bot,
  { clock, paths }: Context,
): Promise<void> {
  if (await hasJournal(paths.state)) return;
  const at = clock.now();
  const poem = fingerprints(await linesOf(poemFile, settings.unit, readPoem));
  const readiness = { ...settings, isStopped: isStopped(paths.state) };
  eventsOf({ order: 'post', bot }, applyEvent(undefined, { event: 'begun', bot, at, poem }), at, readiness);
}

/** How flockd says that a bot was parked because its place in its poem is lost. */
const lost = 'its poem has become another one';

/**
 * A bot that has lost its place goes on once its old poem is back, or at a line that a person names. Freed without either it
 * would only be parked again.
 *
 * @param state - what the ledger says of it
 * @throws {FlockError} `data` where the poem on the disk does not fit the ledger, or cannot be read
 */
export async function mustHavePlace(
  bot: BotName,
  state: BotState | undefined,
  { paths, keys }: Context,
  places: GivenPlaces,
): Promise<void> {
  if (state?.parked?.why.startsWith(lost) !== true) return;
  const { bots } = await loadFlock(paths.root, keys, await readFlockFile(paths.flockFile));
  const found = bots.find(({ name }) => name === bot);
  if (!found) return;
  const lines = await linesOf(found.poemFile, found.settings.unit, readPoem);
  if (readingOf(state.place, lines).place) return;
  const call = withInvocationFlags(places, 'flockd')(`resume ${bot} --line N`);
  throw new FlockError('data', `${bot}: ${lost}, and its place in it is lost`, {
    hint: `say where it is to go on: ${call}; or put the old poem back`,
  });
}

/** Ten years: nobody plans farther ahead. */
const maxDays = 3650;
const days = `should be a number of days, from 1 to ${maxDays}`;

/** X's ids count from 2010 on. */
const earliest = Date.UTC(2011);
const latest = Date.UTC(2200);

/** The flags that choose a time to come: a number of days, and milliseconds since 1970. @param usual - so many days without a flag */
export const spanFlags = (usual: number) => ({
  days: z
    .string()
    .regex(/^\d+$/, days)
    .transform(Number)
    .pipe(z.number().min(1, days).max(maxDays, days))
    .default(usual)
    .meta({ description: 'how many days', placeholder: 'N' }),
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
 * What a plan or a rehearsal begins with: the flock of the files, and the ledger that has the last word. Changes nothing. Warns
 * of bots in `flock.json` that do not exist, unless bots are chosen.
 *
 * @throws {FlockError} `usage` for a chosen bot that does not exist
 */
export async function readFlockToCome(
  args: Parameters<typeof flockPaths>[0] & { bot: readonly string[] },
  terminal: Terminal,
): Promise<{
  paths: FlockPaths;
  whole: WholeFlock;
  ledger: Awaited<ReturnType<typeof readJournal>>;
  wanted: ReadonlySet<string>;
}> {
  const given = flockPaths(args);
  const keys = new KeyStore(given.keys, {
    credentials: credentialsFolder(),
    identityFile: identityFile(),
    botsInLedger: () => botsInLedger(given.state),
  });
  const paths = await onLedger({ paths: given, keys }, terminal);
  const flockFile = await readFlockFile(paths.flockFile);
  const whole = await readWholeFlock(paths.root, keys, flockFile);
  const known = [...whole.bots.map(({ name }) => name), ...whole.invalidBots.map(({ bot }) => bot)];
  const wanted = chosenBots(args.bot, known);
  if (wanted.size === 0) warnOfUnknown(flockFile.named, known, terminal);
  return { paths, whole, ledger: await readJournal(paths.state), wanted };
}

/**
 * The bots that a person named, where only some are wanted.
 *
 * @throws {FlockError} `usage` for one that is not there
 */
function chosenBots(names: readonly string[], known: readonly string[]): ReadonlySet<string> {
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
const maxNames = 5;

function whoIsThere(known: readonly string[]): string {
  if (known.length === 0) return 'there are no poems yet: they are text files in the poems folder';
  const names = known.slice(0, maxNames).join(', ');
  const more = known.length - maxNames;
  return more > 0 ? `there are ${names} and ${more} more: flockd plan lists them` : `there are: ${names}`;
}

/**
 * Tells of bots that `flock.json` names and that are not there.
 *
 * @param named - in `flock.json`
 * @param known - who is there
 */
function warnOfUnknown(named: readonly string[], known: readonly string[], terminal: Terminal): void {
  for (const { text, hint } of unknownTroubles(unknownBots(named, known))) terminal.warn(text, hint);
}
