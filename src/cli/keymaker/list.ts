import path from 'node:path';
import pMap from 'p-map';
import * as z from 'zod';
import { parseFlockFile, readFlockFile } from '../../config/flock-file.ts';
import { type Context, openContext } from '../../context.ts';
import { FlockError } from '../../errors.ts';
import { loadFlock } from '../../flock/load.ts';
import { maskToken } from '../../keys/bundle.ts';
import type { KeyStore, ListedBundle } from '../../keys/store.ts';
import type { BotName } from '../../poems/bot-name.ts';
import { poemFileIn } from '../../poems/find.ts';
import { tableLines, widthOf } from '../../text.ts';
import { command, type GivenPlaces, hintAs, jsonFlag, placeFlags, withInvocationFlags } from '../command.ts';
import { keylessTrouble } from '../tables.ts';
import type { Terminal } from '../terminal.ts';

/** Bundles read at a time. */
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
      if (entries.length > 0) tellOfTroubles(entries, args, terminal);
      else terminal.say(`hint: make some: ${withInvocationFlags(args)('make-keys ./poems')}`);
    }
    return bundles.every(({ ok }) => ok) ? 'done' : 'partly';
  },
});

/** A bundle as a person may see it, in the names of its own fields. */
interface Entry {
  bot: BotName;
  /** Missing where it has none. */
  file?: string;
  ok: boolean;
  screen_name?: string | undefined;
  user_id?: string | undefined;
  provider?: string;
  consumer_token?: string;
  oauth_token?: string;
  poem_file?: string | undefined;
  /** Why it cannot be used, and the repair. */
  error?: string;
  hint?: string | undefined;
}

async function describe(listed: ListedBundle, keys: KeyStore, places: GivenPlaces): Promise<Entry> {
  const { bot, file } = listed;
  try {
    const bundle = await keys.readListed(listed);
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
  } catch (error) {
    if (!(error instanceof FlockError)) throw error;
    const hint = error.hint === undefined ? undefined : hintAs(places, error.hint);
    return { bot, file, ok: false, error: error.message, hint };
  }
}

/** The bots that have a poem in the flock's folder and no bundle. What is wrong with the folder others say. */
async function keyless({ paths, keys }: Context, places: GivenPlaces): Promise<Entry[]> {
  const flockFile =
    (await readFlockFile(paths.flockFile).catch(noneWhereUnreadable)) ?? parseFlockFile('{}', '');
  const found = await loadFlock(paths.root, keys, flockFile).catch(noneWhereUnreadable);
  return (found?.keyless ?? []).map(({ name: bot, poemFile }) => ({
    bot,
    ok: false,
    poem_file: poemFileIn(paths.root, poemFile),
    error: `${bot} has no key yet`,
    hint: withInvocationFlags(places)(`make-keys ./poems --bot=${bot}`),
  }));
}

function noneWhereUnreadable(error: unknown): undefined {
  if (!(error instanceof FlockError)) throw error;
}

/** So many bots without a key are named. */
const maxKeyless = 20;

function show(entries: readonly Entry[], places: GivenPlaces, terminal: Terminal): void {
  for (const line of tableFor(entries, terminal.columns)) terminal.say(line);
  tellOfTroubles(entries, places, terminal);
}

function tellOfTroubles(entries: readonly Entry[], places: GivenPlaces, terminal: Terminal): void {
  const without = entries.filter(({ file }) => file === undefined).map(({ bot }) => bot);
  const bad = entries.filter(({ file, error }) => file !== undefined && error !== undefined);
  const trouble = keylessTrouble(without, withInvocationFlags(places), maxKeyless);
  for (const { text, hint } of [
    ...bad.map(({ error = '', hint }) => ({ text: error, hint })),
    ...(trouble ? [trouble] : []),
  ]) {
    terminal.say();
    terminal.say(text);
    if (hint !== undefined) terminal.say(`hint: ${hint}`);
  }
}

/** A row for each bot, or where that is too wide a row of several lines. */
function tableFor(entries: readonly Entry[], columns: number): string[] {
  const heads = ['bot', 'account', 'id', 'provider', 'app', 'token', 'poem', 'file'];
  const wide = draw(
    heads,
    entries.map((entry) => cellsOf(entry)),
  );
  if (wide.every((line) => widthOf(line) <= columns)) return wide;
  return draw(['bot', 'account', 'files'], entries.map(narrowCells));
}

function cellsOf(entry: Entry): string[] {
  const {
    bot,
    ok,
    user_id = '',
    provider = '',
    poem_file = '',
    consumer_token = '',
    oauth_token = '',
  } = entry;
  const account = ok ? accountOf(entry) : entry.file === undefined ? 'no key yet' : 'bad, see below';
  return [bot, account, user_id, provider, consumer_token, oauth_token, poem_file, fileOf(entry)];
}

function narrowCells(entry: Entry): string[] {
  const [bot = '', account = '', id = '', provider = '', app = '', token = '', poem = '', file = ''] =
    cellsOf(entry);
  const tokens = entry.ok ? `${provider}: ${app} ${token}` : '';
  return [bot, [account, id, tokens].filter(Boolean).join('\n'), [poem, file].filter(Boolean).join('\n')];
}

const accountOf = ({ screen_name }: Entry): string => (screen_name === undefined ? '?' : `@${screen_name}`);

const fileOf = ({ file }: Entry): string => (file === undefined ? '' : path.relative('.', file));

const draw = (heads: string[], rows: string[][]): string[] =>
  tableLines([heads, ...rows], { gap: ' │ ' }).map((line) => ` ${line}`);
