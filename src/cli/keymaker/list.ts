import path from 'node:path';
import pMap from 'p-map';
import * as z from 'zod';
import { parseFlockFile, readFlockFile } from '../../config/flock-file.ts';
import { type Context, openContext, type Places } from '../../context.ts';
import { attemptAsync, FlockError } from '../../errors.ts';
import { loadFlock } from '../../flock/load.ts';
import { type KeyStore, type ListedBundle, maskToken } from '../../keys/store.ts';
import type { BotName } from '../../poems/bot-name.ts';
import { poemFileIn } from '../../poems/find.ts';
import { tableLines, widthOf } from '../../text.ts';
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
  consumer_token?: string;
  oauth_token?: string;
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
    consumer_token: maskToken(bundle.appKeys.reveal().token),
    oauth_token: maskToken(bundle.accessToken.reveal().token),
    poem_file: bundle.poemFile,
  };
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
  const wide = drawn(entries, cellsOf);
  const fits = wide.every((line) => widthOf(line) <= terminal.columns);
  for (const line of fits ? wide : drawn(entries, narrowCellsOf)) terminal.say(line);
  showFaults(entries, places, terminal);
}

function showFaults(entries: readonly Entry[], places: Places, terminal: Terminal): void {
  const keyless = entries.filter(({ file }) => file === undefined).map(({ bot }) => bot);
  const bad = entries.flatMap(({ file, error, hint }) =>
    file !== undefined && error !== undefined ? [{ text: error, hint }] : [],
  );
  sayTroubles([...bad, ...keylessTroubles(keyless, withInvocationFlags(places))], terminal);
}

/** The lines of a table with a row for each bot. */
function drawn(entries: readonly Entry[], cells: (entry: Entry) => Record<string, string>): string[] {
  const rows = entries.map(cells);
  const table = [Object.keys(rows[0] ?? {}), ...rows.map((row) => Object.values(row))];
  return tableLines(table, { gap: ' │ ' }).map((line) => ` ${line}`);
}

function cellsOf(entry: Entry) {
  const account = entry.screen_name === undefined ? '?' : `@${entry.screen_name}`;
  return {
    bot: entry.bot,
    account: entry.ok ? account : entry.file === undefined ? 'no key yet' : 'bad, see below',
    id: entry.user_id ?? '',
    provider: entry.provider ?? '',
    app: entry.consumer_token ?? '',
    token: entry.oauth_token ?? '',
    poem: entry.poem_file ?? '',
    file: entry.file === undefined ? '' : path.relative('.', entry.file),
  };
}

/** Cells of several lines, for a narrow terminal. */
function narrowCellsOf(entry: Entry) {
  const { bot, account, id, provider, app, token, poem, file } = cellsOf(entry);
  const tokens = entry.ok ? `${provider}: ${app} ${token}` : '';
  return {
    bot,
    account: [account, id, tokens].filter(Boolean).join('\n'),
    files: [poem, file].filter(Boolean).join('\n'),
  };
}
