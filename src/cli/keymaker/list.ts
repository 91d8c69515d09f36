import path from 'node:path';
import pMap from 'p-map';
import * as z from 'zod';
import { parseFlockFile, readFlockFile } from '../../config/flock-file.ts';
import { type Context, openContext, type Places } from '../../context.ts';
import { attemptAsync, FlockError } from '../../errors.ts';
import { loadFlock } from '../../flock/load.ts';
import { type KeyBundle, maskToken } from '../../keys/bundle.ts';
import type { KeyStore, ListedBundle } from '../../keys/store.ts';
import type { BotName } from '../../poems/bot-name.ts';
import { poemFileIn } from '../../poems/find.ts';
import { listedFirst, saidOnce, tableLines, widthOf } from '../../text.ts';
import { command, hintAs, jsonFlag, placeFlags, withInvocationFlags } from '../command.ts';
import { keylessTroubles, sayTroubles } from '../tables.ts';
import type { Terminal } from '../terminal.ts';

/** The maximum number of bundles that are read concurrently. */
const readers = 64;

export const list = command({
  summary: 'List the key bundles: bot, account, masked tokens, poem and file',
  schema: z.object({ json: jsonFlag, ...placeFlags }),
  exits: { partly: 'a bundle is bad' },
  examples: [['keymaker list --json', 'for a program']],
  async run(args, terminal) {
    await using context = openContext(args);
    const { keys } = context;
    const files = await keys.list();
    const bundles = await pMap(files, (file) => describe(file, keys, args), { concurrency: readers });
    const entries = [...bundles, ...(await keyless(context, args))];
    if (args.json) terminal.print(`${JSON.stringify(entries, null, 2)}\n`);
    else if (bundles.length > 0) show(entries, args, terminal);
    else {
      terminal.say(`No keys in ${path.relative('.', keys.folder) || '.'} yet.`);
      if (entries.length > 0) showFaults(entries, args, terminal);
      else terminal.say(`hint: make some: ${withInvocationFlags(args)('make-keys ./poems')}`);
    }
    return bundles.every(({ ok }) => ok) ? 'done' : 'partly';
  },
});

/** A bundle without its secrets. Its fields have the names that they have in the file. */
interface Entry {
  bot: BotName;
  /** Missing if the bot has no bundle. */
  file?: string;
  ok: boolean;
  screen_name?: string | undefined;
  user_id?: string | undefined;
  provider?: string;
  /** Of Mastodon and Bluesky. */
  server?: string | undefined;
  /** Masked. Bluesky has an app password in place of both. */
  consumer_token?: string;
  oauth_token?: string;
  app_password?: string;
  poem_file?: string | undefined;
  /** Why it cannot be used. */
  error?: string;
  hint?: string | undefined;
}

async function describe(listed: ListedBundle, keys: KeyStore, places: Places): Promise<Entry> {
  const { bot, file } = listed;
  const bundle = await attemptAsync(keys.readListed(listed));
  if (bundle instanceof FlockError)
    return { bot, file, ok: false, error: bundle.message, ...hintAs(places, bundle.hint) };
  return {
    bot,
    file,
    ok: true,
    screen_name: bundle.screenName,
    user_id: bundle.userId,
    provider: bundle.provider ?? 'x',
    server: bundle.server,
    ...maskedTokens(bundle),
    poem_file: bundle.poemFile,
  };
}

function maskedTokens({ provider, appKeys, accessToken }: KeyBundle): Partial<Entry> {
  const token = maskToken(accessToken.reveal().token);
  if (provider === 'bluesky') return { app_password: token };
  return { consumer_token: maskToken(appKeys.reveal().token), oauth_token: token };
}

/** The bots with a poem in the flock's folder and no bundle. Other commands report faults of the folder. */
async function keyless({ paths, keys }: Context, places: Places): Promise<Entry[]> {
  const read = await attemptAsync(readFlockFile(paths.flockFile));
  const flockFile = read instanceof FlockError ? parseFlockFile('{}', '') : read;
  const found = await attemptAsync(loadFlock(paths.root, keys, flockFile));
  if (found instanceof FlockError) return [];
  return found.keyless.map(({ name: bot, poemFile }) => ({
    bot,
    ok: false,
    poem_file: poemFileIn(paths.root, poemFile),
    error: `${bot} has no key yet`,
    hint: withInvocationFlags(places)(`make-keys ./poems --bot=${bot}`),
  }));
}

function show(entries: readonly Entry[], places: Places, terminal: Terminal): void {
  const rank = ({ ok, file }: Entry): number => (ok ? 2 : file === undefined ? 1 : 0);
  const rows = entries.toSorted((a, b) => rank(a) - rank(b)).map(cellsOf);
  const drawings = layouts.map((layout) => drawn(rows, layout));
  const fits = (lines: readonly string[]): boolean =>
    lines.every((line) => widthOf(line) <= terminal.columns);
  // Away from a terminal nothing is left out for the sake of its width.
  const lines = process.stdout.isTTY ? (drawings.find(fits) ?? drawings.at(-1)) : drawings[0];
  for (const line of lines ?? []) terminal.say(line);
  showFaults(entries, places, terminal);
}

function showFaults(entries: readonly Entry[], places: Places, terminal: Terminal): void {
  const keyless = entries.filter(({ file }) => file === undefined).map(({ bot }) => bot);
  const bad = entries.flatMap(({ bot, file, error: text, hint }) =>
    file !== undefined && text !== undefined ? [{ bot, text, hint }] : [],
  );
  const faults = saidOnce(bad).map(({ bots, text, hint }) => {
    const whose = bots.length > 1 ? `${listedFirst(bots, maxNames)}: ` : '';
    return { text: `${whose}${text}`, hint };
  });
  sayTroubles([...faults, ...keylessTroubles(keyless, withInvocationFlags(places), maxNames)], terminal);
}

/** The maximum number of bots that a fault names: all are in the table. */
const maxNames = 3;

function cellsOf(entry: Entry) {
  const account = entry.screen_name === undefined ? '?' : `@${entry.screen_name}`;
  return {
    bot: entry.bot,
    account: entry.ok ? account : entry.file === undefined ? 'no key yet' : 'bad, see below',
    id: entry.user_id ?? '',
    provider: entry.provider ?? '',
    app: entry.consumer_token ?? '',
    token: entry.oauth_token ?? entry.app_password ?? '',
    poem: entry.poem_file ?? '',
    file: entry.file === undefined ? '' : path.relative('.', entry.file),
  };
}

type Cells = ReturnType<typeof cellsOf>;

/** From the widest to the narrowest: the first that fits is shown. */
const layouts: readonly (readonly (keyof Cells)[])[] = [
  ['bot', 'account', 'id', 'provider', 'app', 'token', 'poem', 'file'],
  ['bot', 'account', 'id', 'provider', 'app', 'token', 'poem'],
  ['bot', 'account', 'provider', 'token', 'poem'],
  ['bot', 'account', 'poem'],
  ['bot', 'account'],
];

/** The lines of a table with a row for each bot. A column in which no bot has anything is left out. */
function drawn(rows: readonly Cells[], layout: readonly (keyof Cells)[]): string[] {
  const columns = layout.filter((column) => rows.some((row) => row[column] !== ''));
  return tableLines([columns, ...rows.map((row) => columns.map((column) => row[column]))]);
}
