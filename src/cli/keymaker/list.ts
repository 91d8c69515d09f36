import path from 'node:path';
import pMap from 'p-map';
import * as z from 'zod';
import { openContext } from '../../context.ts';
import { FlockError } from '../../errors.ts';
import type { BotName } from '../../flock/bot.ts';
import type { KeyStore } from '../../keys/key-store.ts';
import { maskToken } from '../../keys/mask-token.ts';
import { callsAs, hintAs, type GivenPlaces } from '../calls-as.ts';
import { command, placeFlags, placeSchema } from '../command.ts';
import { tableLines } from '../table-blocks.ts';
import type { Terminal } from '../terminal.ts';

/** Bundles read at a time. */
const readers = 64;

export const list = command({
  flags: { json: { type: 'boolean', describe: 'as JSON, on standard output' }, ...placeFlags },
  examples: [['keymaker list --json', 'for a program']],
  schema: z.object({ json: z.boolean().default(false), ...placeSchema }),
  async run(args, terminal) {
    await using context = openContext(args);
    const { keys } = context;
    const files = await keys.list();
    const entries = await pMap(files, (file) => describe(file, keys, args), { concurrency: readers });
    if (args.json) terminal.print(`${JSON.stringify(entries, null, 2)}\n`);
    else if (entries.length > 0) show(entries, terminal);
    else {
      terminal.say(`No keys in ${path.relative('.', keys.folder) || '.'} yet.`);
      terminal.say(`hint: make some: ${callsAs(args)('make-keys ./poems')}`);
    }
    return entries.every(({ ok }) => ok) ? 'done' : 'partly';
  },
});

/** A bundle as a person may see it, in the names of its own fields. */
interface Entry {
  bot: BotName;
  file: string;
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

async function describe(
  { bot, file }: { bot: BotName; file: string },
  keys: KeyStore,
  places: GivenPlaces,
): Promise<Entry> {
  try {
    const bundle = await keys.read(file);
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

function show(entries: readonly Entry[], terminal: Terminal): void {
  for (const line of tableFor(entries, terminal.columns)) terminal.say(line);
  for (const { error, hint } of entries) {
    if (error === undefined) continue;
    terminal.say();
    terminal.say(error);
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
  if (wide.every((line) => line.length <= columns)) return wide;
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
  const account = ok ? accountOf(entry) : 'bad, see below';
  return [bot, account, user_id, provider, consumer_token, oauth_token, poem_file, fileOf(entry)];
}

function narrowCells(entry: Entry): string[] {
  const [bot = '', account = '', id = '', provider = '', app = '', token = '', poem = '', file = ''] =
    cellsOf(entry);
  const tokens = entry.ok ? `${provider}: ${app} ${token}` : '';
  return [bot, [account, id, tokens].filter(Boolean).join('\n'), [poem, file].filter(Boolean).join('\n')];
}

const accountOf = ({ screen_name }: Entry): string => (screen_name === undefined ? '?' : `@${screen_name}`);

const fileOf = ({ file }: Entry): string => path.relative('.', file);

const draw = (heads: string[], rows: string[][]): string[] =>
  tableLines({ style: { head: [], border: [], compact: true }, chars: noLines }, [heads, ...rows]);

const sides = ['top', 'bottom', 'left', 'right', 'mid'];
const noLines = Object.fromEntries(
  [...sides, ...sides.flatMap((side) => ['mid', 'left', 'right'].map((end) => `${side}-${end}`))].map(
    (name) => [name, ''],
  ),
);
