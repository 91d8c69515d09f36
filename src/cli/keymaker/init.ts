import { access, constants, mkdir } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { systemClock } from '../../clock.ts';
import { flockPaths } from '../../config/environment.ts';
import { accountName, parseFlockFile } from '../../config/flock-file.ts';
import { inMicros, readPrices, showUsd } from '../../cost.ts';
import { attempt, FlockError, systemCode } from '../../errors.ts';
import { knownBots, openKeys } from '../../flock/load.ts';
import { fileError, ownFile, readRegularFile, replaceFile } from '../../fs.ts';
import { type BotName, botNameOf, isPoem } from '../../poems/bot-name.ts';
import { findPoemsIfThere, type PoemFile } from '../../poems/find.ts';
import { countSlots, scheduleFault, timezoneFault } from '../../schedule/schedule.ts';
import { serverAddress } from '../../networks/mastodon/authorize.ts';
import type { NetworkName } from '../../networks/network.ts';
import { networks } from '../../networks/networks.ts';
import { counted, didYouMean, ownZone, quoted, scheduleInWords } from '../../text.ts';
import { command, nonEmpty, placeFlags, toggle, withInvocationFlags } from '../command.ts';
import type { Terminal } from '../terminal.ts';
import { networkFlags } from './authorize.ts';

const schema = z.object({
  schedule: nonEmpty.optional().meta({
    description: 'when each bot posts: 09:00, 9:00,21:00, hourly, or a cron expression',
    placeholder: 'WHEN',
  }),
  timezone: nonEmpty.optional().meta({ description: 'the time zone of the schedule', placeholder: 'ZONE' }),
  'usd-per-month': nonEmpty.optional().meta({
    description: 'the most that the whole flock may spend in a month, in dollars',
    placeholder: 'USD',
  }),
  network: networkFlags.network.meta({ defaultText: 'x' }),
  server: networkFlags.server,
  accounts: nonEmpty.optional().meta({
    description: 'a CSV file with a line for each bot: its poem and its account',
    kind: 'file',
  }),
  yes: toggle('ask nothing: use the default of everything that is not given'),
  root: placeFlags.root,
});

type Given = z.infer<typeof schema>;

export const init = command({
  summary: 'Write a flock.json: schedule, time zone, budget and accounts',
  schema,
  examples: [
    ['keymaker init', 'asks for each setting'],
    ["keymaker init --yes --schedule '0 9,21 * * *'", 'asks nothing'],
    ['keymaker init --accounts accounts.csv', 'lines such as: evensong, @evensong_bot'],
    ['keymaker init --network mastodon --server mastodon.social', 'a flock that posts to Mastodon'],
  ],
  exits: { cannotCreate: 'there is a flock.json already' },
  async run(given, terminal) {
    const paths = flockPaths(given);
    const { root, flockFile } = paths;
    const place = placeGiven(given);
    await mustNotExist(flockFile);
    await mustBeWritable(root, flockFile);
    const folder = path.join(root, 'poems');
    const { poems } = await findPoemsIfThere(folder, knownBots(root, openKeys(paths)));
    const bots = poems.map(({ bot }) => bot);
    const listed = given.accounts === undefined ? undefined : await readAccounts(given.accounts, poems);
    const schedule = await answerTo(scheduleQuestion, given.schedule, given, terminal);
    const timezone = await answerTo(timezoneQuestion, given.timezone, given, terminal);
    const usdPerMonth = await answerTo(budgetQuestion, given['usd-per-month'], given, terminal);
    const accounts = new Map(listed);
    if (!listed) {
      for (const bot of bots) {
        const account = await answerTo(accountQuestion(bot), undefined, given, terminal);
        if (account !== undefined) accounts.set(bot, account);
      }
    }
    const text = flockFileText({ schedule, timezone, usdPerMonth, bots, accounts, ...place });
    mustBeValid(text, bots);
    try {
      // Not recursive: Node tries for ever where the system answers ENOENT, as /proc does.
      await mkdir(folder).catch((cause: unknown) => {
        if (systemCode(cause) !== 'EEXIST') throw cause;
      });
      await replaceFile(flockFile, text);
    } catch (cause) {
      throw fileError(cause, 'cannotCreate', `cannot write ${flockFile}`, elsewhere);
    }
    const now = systemClock.now();
    const posts =
      bots.length * countSlots({ expression: schedule, timezone }, { from: now, until: now + month });
    const price = inMicros((await readPrices(root)).post) * posts;
    const flock = bots.length === 0 ? '' : `, ${counted(bots.length, 'bot')}`;
    terminal.say(`flock.json: ${scheduleInWords(schedule)} (${timezone})${flock}.`);
    if (posts > 0 && networks[place.network ?? 'x'].charges) {
      const shown = posts.toLocaleString('en-US');
      terminal.say(`At X, ${shown} posts in 30 days cost about ${showUsd(price)}, without links.`);
    }
    terminal.say();
    sayNext(given, bots.length, terminal);
    return 'done';
  },
});

/** @throws {FlockError} `usage` if the address is none, or is missing */
function placeGiven({ network, server }: Given): Pick<Settings, 'network' | 'server'> {
  const isAtServer = network === 'mastodon' || network === 'bluesky';
  if (server !== undefined && !isAtServer)
    throw wrong('--server', 'only Mastodon and Bluesky have servers', 'add --network mastodon');
  if (network === 'mastodon' && server === undefined)
    throw wrong('--network', 'on which server?', 'for example: --server https://mastodon.social');
  return { network, server: server === undefined ? undefined : serverAddress(server) };
}

/** Milliseconds. */
const month = 30 * 24 * 60 * 60_000;

const elsewhere = 'give a folder with room that you may write: keymaker init --root DIR';

/** Nobody answers questions in vain. */
const mustBeWritable = (root: string, flockFile: string): Promise<void> =>
  access(root, constants.W_OK).catch((cause: unknown) => {
    throw fileError(cause, 'cannotCreate', `cannot write ${flockFile}`, elsewhere);
  });

async function mustNotExist(file: string): Promise<void> {
  const exists = await access(file).then(
    () => true,
    () => false,
  );
  if (!exists) return;
  throw new FlockError('cannotCreate', `${file} exists already`, {
    hint: 'edit it: keymaker help flock.json describes each setting',
  });
}

interface Question<Value> {
  /** Without the default and without a colon. */
  text: string;
  /** The flag that answers it. */
  flag: string;
  /** The answer of an empty line. */
  usual: Value;
  /** How the default is shown. */
  shownUsual: string;
  /** @throws {FlockError} `usage` for an answer that is wrong */
  parse: (answer: string) => Value;
}

/**
 * The answer to a question: by its flag, by default with `--yes`, or by asking. A wrong flag is an error; a wrong answer of a
 * person is asked for again.
 *
 * @param given - the value of the flag
 */
async function answerTo<Value>(
  { text, flag, usual, shownUsual, parse }: Question<Value>,
  given: string | undefined,
  { yes }: Given,
  terminal: Terminal,
): Promise<Value> {
  if (given !== undefined) return parse(given);
  if (yes) return usual;
  for (;;) {
    const answer = (await terminal.ask(`${text} [${shownUsual}]:`, `give ${flag}, or --yes`)).trim();
    const value = answer === '' ? usual : attempt(() => parse(answer));
    if (!(value instanceof FlockError)) return value;
    if (!terminal.interactive) throw value;
    terminal.warn(value.message, value.hint);
  }
}

const wrong = (flag: string, why: string, hint: string): FlockError =>
  new FlockError('usage', `${flag}: ${why}`, { hint });

const scheduleQuestion: Question<string> = {
  text: 'When does each bot post? (09:00, or 9:00,21:00, or hourly, or a cron expression)',
  flag: '--schedule',
  usual: '0 9 * * *',
  shownUsual: '09:00',
  parse(answer) {
    const expression = cronOf(answer);
    const fault = scheduleFault(expression);
    if (fault === undefined) return expression;
    throw wrong('--schedule', fault, 'give a time such as 09:00, or "0 9 * * *"');
  },
};

/** Times of day and `hourly` as cron expressions. Anything else should be one already. */
function cronOf(answer: string): string {
  if (answer === 'hourly') return '0 * * * *';
  const times = answer.split(',').map((time) => /^\s*(\d{1,2}):(\d{2})\s*$/.exec(time));
  if (times.includes(null)) return answer;
  const minutes = new Set(times.map((time) => Number(time?.[2])));
  if (minutes.size > 1) {
    const hint = 'give times with the same minute, such as 9:30,21:30';
    throw wrong('--schedule', `${quoted(answer)} has different minutes`, hint);
  }
  const hours = times.map((time) => Number(time?.[1])).sort((a, b) => a - b);
  return `${[...minutes].join()} ${[...new Set(hours)].join()} * * *`;
}

const timezoneQuestion: Question<string> = {
  text: 'In which time zone?',
  flag: '--timezone',
  usual: ownZone(),
  shownUsual: ownZone(),
  parse(answer) {
    const fault = timezoneFault(answer);
    if (fault) throw wrong('--timezone', fault.message, fault.hint);
    return answer;
  },
};

const budgetQuestion: Question<number | undefined> = {
  text: 'How many dollars may the whole flock spend in a month?',
  flag: '--usd-per-month',
  usual: undefined,
  shownUsual: 'no limit',
  parse(answer) {
    const amount = /^\$?(\d{1,7}(?:\.\d{1,2})?)$/.exec(answer)?.[1];
    if (amount === undefined)
      throw wrong('--usd-per-month', `${quoted(answer)} is not a sum`, 'give a sum such as 25 or 2.50');
    return Number(amount);
  },
};

const accountQuestion = (bot: BotName): Question<string | undefined> => ({
  text: `The account of ${bot}?`,
  flag: '--accounts FILE',
  usual: undefined,
  shownUsual: 'not known yet',
  parse(answer) {
    const account = accountIn(answer);
    if (account !== undefined) return account;
    throw wrong('--accounts', `${quoted(answer)} is no account`, 'give one such as @evensong_bot');
  },
});

/** @returns the screen name without `@`, or undefined if it is none */
const accountIn = (text: string): string | undefined =>
  accountName.safeParse(text.trim()).data?.replace('@', '');

/** The maximum size of a list of accounts. Bytes. */
const maxList = 4 * 1024 * 1024;

/** Reads lines such as `evensong, @evensong_bot`. The first line may be a heading. */
async function readAccounts(file: string, poems: readonly PoemFile[]): Promise<Map<BotName, string>> {
  const content = await readRegularFile(file, maxList).catch((cause: unknown) => {
    throw fileError(
      cause,
      'data',
      `cannot read ${file}`,
      'give a file with lines such as: evensong, @evensong_bot',
    );
  });
  const accounts = new Map<BotName, string>();
  const lines = content
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .split(/\r?\n/);
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '' || (index === 0 && /^"?poem"?\s*[,;\t]/i.test(line))) continue;
    const wrongLine = (why: string, hint: string): FlockError =>
      new FlockError('data', `${file}:${index + 1}: ${why}`, { hint });
    const [, poem, name] = /^\s*"?(.+?)"?\s*[,;\t]\s*"?(@?[\w@.:-]+)"?\s*$/.exec(line) ?? [];
    if (poem === undefined || name === undefined)
      throw wrongLine('should be a poem and an account', 'write it as: evensong, @evensong_bot');
    const account = accountIn(name);
    if (account === undefined)
      throw wrongLine(`${quoted(name)} is no account`, 'give one such as @evensong_bot');
    const bot = botIn(poem, poems);
    if (bot === undefined) {
      const bots = poems.map((one) => one.bot);
      throw wrongLine(
        `there is no poem ${quoted(poem)}`,
        didYouMean(poem, bots, 'put it into the folder poems first'),
      );
    }
    const isTaken = ([other, theirs]: [BotName, string]): boolean =>
      other === bot || theirs.toLowerCase() === account.toLowerCase();
    const twin = [...accounts].find(isTaken);
    if (twin) throw wrongLine(`${twin[0]} is @${twin[1]} already`, 'give each bot one account');
    accounts.set(bot, account);
  }
  return accounts;
}

/** The bot that a list names by its own name or by the file of its poem. */
function botIn(text: string, poems: readonly PoemFile[]): BotName | undefined {
  const name = botNameOf(isPoem(text) ? text : `${text}.txt`);
  return poems.find(({ bot, file }) => bot === name || botNameOf(file) === name)?.bot;
}

interface Settings {
  schedule: string;
  timezone: string;
  usdPerMonth: number | undefined;
  bots: readonly BotName[];
  accounts: ReadonlyMap<BotName, string>;
  network?: NetworkName | undefined;
  server?: string | undefined;
}

/** A flock.json with comments. */
function flockFileText(settings: Settings): string {
  const { schedule, timezone, usdPerMonth, bots, accounts, network, server } = settings;
  const place = [
    '  // Where the bots post. A bot can have a network and a server of its own.',
    `  "network": ${JSON.stringify(network)},`,
    ...(server === undefined ? [] : [`  "server": ${JSON.stringify(server)},`]),
    '',
  ];
  const entries = bots.map((bot) => {
    const account = accounts.get(bot);
    return `    ${JSON.stringify(bot)}: ${account === undefined ? '{}' : JSON.stringify({ account: `@${account}` })},`;
  });
  return [
    '{',
    '  // `keymaker help flock.json` describes every setting. After a change: `flockd reload`.',
    `  "$schema": ${JSON.stringify(ownFile('dist/flock.schema.json'))},`,
    '',
    ...(network === undefined ? [] : place),
    `  // When each bot posts: minute, hour, day of the month, month, day of the week. Here: ${scheduleInWords(schedule)}.`,
    `  "schedule": ${JSON.stringify(schedule)},`,
    `  "timezone": ${JSON.stringify(timezone)},`,
    '',
    '  // The maximum delay of a post. Each bot has its own, so that they do not all post in the same second.',
    `  "spread": "${bots.length > 1 ? '20m' : '0s'}",`,
    '',
    '  // The most that the whole flock spends in a month, in dollars. A bot can have a budget of its own.',
    usdPerMonth === undefined
      ? '  // "budget": { "usdPerMonth": 25 },'
      : `  "budget": { "usdPerMonth": ${usdPerMonth} },`,
    '',
    '  // One entry for each bot. Every setting above can stand in an entry, for that bot alone.',
    '  "bots": {',
    ...entries,
    '  },',
    '}',
    '',
  ].join('\n');
}

/** The rules of flock.json have one home: what is written here must load. */
function mustBeValid(text: string, bots: readonly BotName[]): void {
  const file = parseFlockFile(text, 'flock.json');
  for (const bot of bots) file.settingsOf(bot);
}

function sayNext(given: Given, bots: number, terminal: Terminal): void {
  const steps = [
    ...(bots === 0 ? [['', 'put a .txt file for each bot into the folder poems']] : []),
    [withInvocationFlags(given)('make-keys ./poems'), 'get a key for each bot'],
    [withInvocationFlags(given, 'flockd')('plan'), 'see what it will post, and what it costs'],
    [withInvocationFlags(given, 'flockd')('run'), 'post'],
  ];
  const width = Math.max(...steps.map(([call = '']) => call.length));
  terminal.say('Next:');
  for (const [call = '', does] of steps)
    terminal.say(`  ${call === '' ? does : `${call.padEnd(width)}   ${does}`}`);
}
