import path from 'node:path';
import { findNodeAtLocation, parse, type ParseError, parseTree, visit } from 'jsonc-parser';
import * as z from 'zod';
import { FlockError, systemCode } from '../errors.ts';
import { readRegularFile, reasonOf } from '../fs.ts';
import { builtIn, type Provider, providerDefaults } from '../oauth/providers.ts';
import type { BotKey } from '../oauth/signature.ts';
import { type BotName, botNameOf, formerNameOf, isBotName } from '../poems/bot-name.ts';
import { plainExpression, scheduleFault, timezoneFault } from '../schedule/schedule.ts';
import { couldBeSecret, nearest, quoted, shown } from '../text.ts';
import {
  type AlarmSettings,
  durationLike,
  hookFields,
  hookSettings,
  pingSetting,
  someText,
} from './hooks.ts';
import { isSafeAddress } from '../http/exchange.ts';
import { networkNames, type NetworkName, type PostOptions } from '../networks/network.ts';
import type { Split } from '../poems/poem.ts';
import type { TextRules } from '../poems/tweet-text.ts';

/*
 * `flock.json`: its schema, its defaults, and the settings of each bot. A fault in one bot's settings stops that bot only.
 */

const address = z
  .string('should be an address')
  .refine(isSafeAddress, 'should be an https address, or http to this machine itself')
  .meta({ description: 'An https address' });

const pattern = z.string('should be a regular expression').refine(isPattern, 'is not a regular expression');

function isPattern(text: string): boolean {
  try {
    return Boolean(new RegExp(text, 'u'));
  } catch {
    return false;
  }
}

const method = z.enum(['GET', 'POST']);
const word = someText.regex(/^[^\p{Cc}\u2028\u2029]*$/u, 'should be one line');

/** A custom OAuth 1.0a provider in `flock.json`. */
export const customProvider = z
  .strictObject({
    title: word.meta({ description: 'The name people know it by' }).optional(),
    requestTokenUrl: address,
    authorizeUrl: address,
    accessTokenUrl: address,
    requestTokenMethod: method.optional(),
    accessTokenMethod: method.optional(),
    callback: z
      .enum(['pin', 'url', 'both'])
      .meta({ description: 'How the verifier comes back: typed, with the browser, or either' })
      .optional(),
    authorizeParameters: z
      .record(z.string(), z.string())
      .meta({ description: 'What the authorize link says besides the request token' })
      .optional(),
    screenNameParameter: word
      .meta({ description: 'The parameter of the authorize link that fills in the account' })
      .optional(),
    permissions: z.strictObject({ parameter: word, choices: z.array(word).min(1), usual: word }).optional(),
    verifier: z.strictObject({ pattern, example: z.string().default('') }).optional(),
    accountFields: z
      .strictObject({ id: word, name: word })
      .nullable()
      .meta({ description: 'The fields of the access token answer that say whose it is; null for none' })
      .optional(),
    whoAmI: z
      .strictObject({ url: address, id: word, name: word })
      .meta({ description: 'A signed GET that says whose a key is, and where in its JSON: "data.id"' })
      .optional(),
    confirmsCallback: z.boolean().optional(),
    revokeUrl: address.optional(),
    revokedAt: word.optional(),
  })
  .refine(({ accountFields, whoAmI }) => accountFields !== null || whoAmI !== undefined, {
    path: ['whoAmI'],
    message: 'is needed where accountFields is null: nothing else says whose a key is',
  });

/** The id of a custom provider. */
const customId = z
  .string()
  .regex(/^[a-z0-9_-]{1,64}$/, 'is not the id of a provider (a-z, 0-9, - and _)')
  .refine(
    (id) => !builtIn.includes(id) && !networkNames.some((name) => name === id),
    'is built in; give yours another id',
  );

/** The provider that an entry of `providers` describes. */
export function providerFrom(id: string, described: z.infer<typeof customProvider>): Provider {
  const {
    verifier,
    accountFields,
    title = id,
    requestTokenUrl,
    authorizeUrl,
    accessTokenUrl,
    ...rest
  } = described;
  return {
    ...providerDefaults,
    ...defined(rest),
    id,
    title,
    requestTokenUrl,
    authorizeUrl,
    accessTokenUrl,
    ...(verifier && { verifier: { ...verifier, pattern: new RegExp(verifier.pattern, 'u') } }),
    ...(accountFields !== undefined && { accountFields: accountFields ?? undefined }),
  };
}

const duration = durationLike('"90s" or "20m"').meta({
  description: 'A duration such as "90s", "20m", "2h" or "1d"',
});

const schedule = z
  .string('should be a cron expression')
  .meta({ description: 'When to post: a cron expression of 5 fields, or 6 with seconds first' })
  .superRefine((expression, context) => {
    const fault = scheduleFault(expression);
    if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
  })
  .transform(plainExpression);

const timezone = z
  .string('should be an IANA time zone such as "Europe/Berlin"')
  .meta({ description: 'An IANA time zone such as "Europe/Berlin"' })
  .superRefine((name, context) => {
    const fault = timezoneFault(name);
    if (fault) context.addIssue({ code: 'custom', message: fault.message, params: { hint: fault.hint } });
  });

/** An amount of a budget. A larger one is a typing error, and sums of it would not be exact. */
const amount = z.number('should be a number').nonnegative('should not be negative').max(1e9, 'is too large');
/** Turns the -0 of JSON into 0. */
const plainZero = (value: number): number => value + 0;

const settings = {
  schedule,
  timezone,
  spread: duration.refine((ms) => ms <= 7 * 86_400_000, 'should be a week at most'),
  missed: z
    .enum(['skip', 'one', 'all'])
    .meta({ description: 'What to post for slots that passed while flockd was down' }),
  atEnd: z.enum(['loop', 'stop']).meta({ description: 'Begin the poem again at its end, or not' }),
  unit: z.enum(['line', 'stanza']).meta({ description: 'What one post is' }),
  refrain: z
    .enum(['join', 'defer', 'skip'])
    .meta({ description: 'What to do with a line that X refuses as a repetition' }),
  settle: duration.refine(
    (ms) => ms >= 1000,
    'should be a second at least, or the timeline is believed too early',
  ),
  budget: z.strictObject(
    {
      postsPerDay: amount.int('should be a whole number').transform(plainZero).optional(),
      usdPerMonth: amount.transform(plainZero).optional(),
    },
    {
      error: ({ code }) =>
        code === 'invalid_type' ? 'should be an object such as {"postsPerDay": 24}' : undefined,
    },
  ),
  network: z.enum(networkNames).meta({ description: 'Where the bot posts' }),
  server: z
    .string()
    .refine(isSafeAddress, 'should be the address of a server, such as "https://mastodon.social"')
    .transform((address) => new URL(address).href.replace(/\/+$/, ''))
    .meta({ description: "The account's server, at Mastodon and Bluesky" }),
  visibility: z
    .enum(['public', 'unlisted', 'private', 'direct'])
    .meta({ description: 'Who sees a post on Mastodon; unlisted by default' }),
  language: z
    .string()
    .regex(
      /^[a-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?$/,
      'should be a language such as "en" or "pt-BR"',
    )
    .meta({ description: 'The language of the posts, such as "en" or "pt-BR"' }),
  contentWarning: z
    .string()
    .regex(/\S/, 'should not be empty')
    .max(200, 'is too long for a content warning')
    .meta({ description: 'A warning in front of each post, on Mastodon and Bluesky' }),
};

const noAccount =
  'should be a name such as "@evensong", "@evensong@mastodon.social" or "evensong.bsky.social"';

/** The name of an account, with or without `@`: X's screen name, Mastodon's name with its host, or Bluesky's handle. */
export const accountName = z
  .string()
  .regex(
    /^@?([A-Za-z0-9_]{1,32}|[\w.-]{1,64}@[\w.-]{1,253}(:\d{1,5})?|([\w-]{1,63}\.)+[\w-]{2,63})$/,
    noAccount,
  )
  // Messages show the account, so a token that is put here by mistake must be refused.
  .refine((name) => !couldBeSecret(name.replaceAll(/[_.@]/g, ' ')), noAccount);

const allSettings = z.strictObject({
  ...settings,
  account: accountName,
  paused: z.boolean(),
});
const botSettings = allSettings.partial();

const flockFile = z
  .strictObject({
    ...settings,
    $schema: z.string(),
    hooks: hookSettings,
    ping: pingSetting,
    bots: z.record(z.string().refine(isBotName), botSettings),
    // Messages show the id.
    providers: z.record(
      customId.refine((id) => !couldBeSecret(id), 'could be a secret; give it words as its id'),
      customProvider,
    ),
  })
  .partial();

/** The same without a check of `bots`: a fault in one bot's settings stops that bot only. */
const sharedSettings = flockFile.extend({ bots: z.record(z.string(), z.unknown()).optional() });

/** The JSON Schema of `flock.json`, for editors. */
export const flockFileSchema = (): object => ({
  title: 'flock.json',
  ...z.toJSONSchema(flockFile, { io: 'input' }),
});

/** Limits on spending; an absent one is no limit. */
export type Budget = z.infer<typeof settings.budget>;

/** How one bot posts: the flock's settings, overridden by the bot's. Durations in milliseconds. */
export interface BotSettings extends Omit<z.infer<typeof allSettings>, OptionalSetting> {
  /** The screen name the bot must have, without a leading `@`. */
  account: string | undefined;
  /** The network it must post to; without one, its key tells. */
  network?: NetworkName | undefined;
  server?: string | undefined;
  visibility?: PostOptions['visibility'];
  language?: string | undefined;
  contentWarning?: string | undefined;
}

type OptionalSetting = 'account' | 'network' | 'server' | 'visibility' | 'language' | 'contentWarning';

const defaults: BotSettings = {
  schedule: '0 9 * * *',
  timezone: 'UTC',
  spread: 0,
  missed: 'one',
  atEnd: 'loop',
  unit: 'line',
  refrain: 'join',
  /*
   * How long a post stays in doubt before the timeline decides. The request's deadline plus this time must be at least the
   * age at which X refuses a signature, 5 minutes. A request may be delayed in the network and reach X long after the bot
   * gave it up, and X accepts it while its signature is young enough. By this rule the signature is too old when the
   * timeline is read, so no post can appear after that.
   */
  settle: 300_000,
  account: undefined,
  paused: false,
  budget: {},
};

/** The settings of a flock. */
export interface FlockFile {
  /** @throws {FlockError} `config` if the bot's own settings are wrong */
  settingsOf: (bot: BotName) => BotSettings;
  /** The fault in a bot's own settings, if there is one. */
  faultOf: (bot: BotName) => FlockError | undefined;
  /** The bots that the file names. */
  named: BotName[];
  /** The zone in which the flock's days and months begin, and the budget of the whole flock. */
  timezone: string;
  budget: Budget;
  alarms: AlarmSettings;
  /** Custom providers by id. */
  providers: ReadonlyMap<string, Provider>;
}

/** The maximum size of flock.json: entries for 10,000 bots need far less. Bytes. */
const maxSize = 32 * 1024 * 1024;

/**
 * Reads `flock.json`. Without the file, every bot has the defaults.
 *
 * @throws {FlockError} `config`, naming the place in the file, if the file is invalid
 */
export async function readFlockFile(file: string): Promise<FlockFile> {
  const content = await readRegularFile(file, maxSize).catch((cause: unknown) => {
    if (systemCode(cause) === 'ENOENT') return Buffer.from('{}');
    const hint = 'put a regular file there, or remove it to use the defaults';
    throw new FlockError('config', `cannot read ${file}: ${reasonOf(cause)}`, { hint, cause });
  });
  return parseFlockFile(content.toString('utf8'), path.basename(file));
}

/** @throws {FlockError} `config` if anything but the settings of a bot is invalid */
export function parseFlockFile(text: string, file: string): FlockFile {
  const source = { text: text.replace(/^\ufeff/, ''), file };
  const { value, wrongKeys } = parseJson(source);
  for (const { bot, error } of wrongKeys) if (bot === undefined) throw error;
  const found = sharedSettings.safeParse(value);
  if (!found.success) throw faultIn(source, found.error);
  const { bots = {}, providers = {}, hooks = [], ping, budget = {}, ...flock } = found.data;
  // The budget at the top is the whole flock's; it is no default for the bots.
  const shared = { ...defaults, ...defined(flock) };
  const own = readBots(bots, source);
  for (const { bot = '', error } of wrongKeys) own.set(botMeantBy(bot), error);
  const faultOf = (bot: BotName): FlockError | undefined => {
    const settings = own.get(bot);
    return settings instanceof FlockError ? settings : undefined;
  };
  return {
    settingsOf(bot) {
      const settings = own.get(bot);
      if (settings === undefined) return shared;
      if (settings instanceof FlockError) throw settings;
      const { account, ...rest } = settings;
      return { ...shared, ...defined(rest), account: account?.replace(/^@/, '') };
    },
    faultOf,
    named: [...own.keys()],
    timezone: shared.timezone,
    budget,
    alarms: { hooks, ping },
    providers: new Map(Object.entries(providers).map(([id, described]) => [id, providerFrom(id, described)])),
  };
}

/** The text of a flock.json, and its name in messages. */
interface Source {
  text: string;
  file: string;
}

/** A position in a file, as editors read it: `flock.json:3:12`. */
function lineOf(offset: number, { text, file }: Source): string {
  const before = text.slice(0, offset).split('\n');
  return `${file}:${before.length}:${(before.at(-1)?.length ?? 0) + 1}`;
}

/**
 * How messages name a setting. A name that could be a secret is not shown; the message gives its line instead.
 *
 * @param way - the keys from the top of the file to the setting
 * @returns the file (with the position if a name is hidden), the name `bots.howl.schedule`, and a hint that says what is hidden
 */
function placeOf(way: readonly PropertyKey[], source: Source) {
  const names = way.map(String);
  const first = names.findIndex(couldBeSecret);
  const hidden = first >= 0;
  const tree = hidden ? parseTree(source.text) : undefined;
  const node = tree && findNodeAtLocation(tree, names.slice(0, first + 1))?.parent;
  return {
    where: node ? lineOf(node.offset, source) : source.file,
    name: names.map(shown).join('.'),
    hidden,
    hintOf: (hint: string) => (hidden ? `a text that could be a secret is not shown; ${hint}` : hint),
  };
}

type OwnSettings = z.infer<typeof botSettings>;

/**
 * The settings of each bot, or the fault in them.
 *
 * @throws {FlockError} `config` for a name that is no bot name and could be a secret, since other messages would show it
 */
function readBots(bots: Record<string, unknown>, source: Source): Map<BotName, OwnSettings | FlockError> {
  const found = new Map<BotName, OwnSettings | FlockError>();
  for (const [name, value] of Object.entries(bots)) {
    const bot = botMeantBy(name);
    if (found.has(bot)) found.set(bot, misnamed(source, name, `is another entry for ${shown(bot)}`));
    else if (isBotName(name.normalize('NFC'))) {
      const settings = botSettings.safeParse(value);
      found.set(bot, settings.success ? settings.data : faultIn(source, settings.error, ['bots', name]));
    } else {
      const error = misnamed(source, name, 'is not the name of a bot');
      if (couldBeSecret(name)) throw error;
      found.set(bot, error);
    }
  }
  return found;
}

/** The bot that an entry is for. An invalid name stops the bot that was most likely meant: it must not post without its settings. */
function botMeantBy(name: string): BotName {
  const composed = name.normalize('NFC');
  return isBotName(composed) ? composed : (botNameOf(composed) ?? formerNameOf(composed));
}

function misnamed(source: Source, name: string, why: string): FlockError {
  const { where, name: called, hidden, hintOf } = placeOf(['bots', name], source);
  const meant = botNameOf(name);
  const right =
    meant === undefined ? 'flockd status has the names of the bots' : `call it ${shown(meant)}, once`;
  const hint = hintOf(hidden ? `correct it in ${source.file}` : right);
  return new FlockError('config', `${where}: ${called} ${why}`, { hint });
}

/** Leaves out undefined values, so that they do not override defaults. */
function defined<T extends object>(values: T): { [Key in keyof T]?: Exclude<T[Key], undefined> };
function defined(values: object): object {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

/** @throws {FlockError} `config` if it is not JSON, or so deeply nested that the parser overflows the stack */
function parseJson(source: Source) {
  const errors: ParseError[] = [];
  try {
    const value: unknown = parse(source.text, errors, { allowTrailingComma: true });
    const [error] = errors;
    if (!error) return { value, wrongKeys: badKeys(source) };
    const hint = 'look for a missing or extra comma, quote or bracket';
    throw new FlockError('config', `${lineOf(error.offset, source)}: not JSON`, { hint });
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new FlockError('config', `${source.file}: nested too deeply`, { cause });
  }
}

/** The keys that occur twice in their object, or are `__proto__`. Without a bot, they stop the whole flock. */
function badKeys({ text, file }: Source) {
  const seen = new Map<string, Set<string>>();
  /** Each key is reported once: a file may repeat one millions of times. */
  const reported = new Set<string>();
  const found: { bot: string | undefined; error: FlockError }[] = [];
  visit(text, {
    onObjectProperty(key, _offset, _length, line, column, pathTo) {
      const [top, bot, ...rest] = [...pathTo(), key];
      const place = pathTo().join('.');
      const keys = seen.get(place) ?? new Set();
      const isNews = !reported.has(`${place}\n${key}`);
      if (isNews && (keys.has(key) || key === '__proto__')) {
        reported.add(`${place}\n${key}`);
        const why = key === '__proto__' ? 'is not a name' : 'comes twice';
        const message = `${file}:${line + 1}:${column + 1}: ${quoted(key)} ${why}`;
        const error = new FlockError('config', message, { hint: 'leave one out' });
        const isOfOneBot = top === 'bots' && (rest.length > 0 || key !== '__proto__');
        found.push({ bot: isOfOneBot && bot !== undefined ? String(bot) : undefined, error });
      }
      seen.set(place, keys.add(key));
    },
  });
  return found;
}

function knownSettings(place: string): string[] {
  if (place.endsWith('budget')) return Object.keys(settings.budget.shape);
  if (place.startsWith('bots')) return Object.keys(botSettings.shape);
  if (place.startsWith('hooks')) return hookFields;
  return Object.keys(place.startsWith('providers') ? customProvider.shape : flockFile.shape);
}

/** @param above - the keys from the top of the file to the parsed value */
function faultIn(source: Source, error: z.ZodError, above: string[] = []): FlockError {
  const { file } = source;
  const [issue] = error.issues;
  const way = [...above, ...(issue?.path ?? [])];
  if (issue?.code === 'unrecognized_keys') {
    const [key = ''] = issue.keys;
    const known = knownSettings(way.join('.'));
    const { where, name, hidden, hintOf } = placeOf([...way, key], source);
    const meant = hidden ? undefined : nearest(key, known);
    const hint = meant === undefined ? `the settings are ${known.join(', ')}` : `did you mean "${meant}"?`;
    const message = `${where}: unknown setting ${JSON.stringify(name)}`;
    return new FlockError('config', message, { hint: hintOf(hint) });
  }
  if (!issue || way.length === 0) {
    const hint = 'it should read {"schedule": "0 9 * * *", …}';
    return new FlockError('config', `${file}: not an object of settings`, { hint });
  }
  const { where, name, hidden, hintOf } = placeOf(way, source);
  const more: unknown = issue.code === 'custom' ? issue.params?.['hint'] : undefined;
  const hint = `correct ${hidden ? 'it' : name} in ${file}${typeof more === 'string' ? `; ${more}` : ''}`;
  return new FlockError('config', `${where}: ${name}: ${messageOf(issue)}`, { hint: hintOf(hint) });
}

function messageOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_value') return `should be one of ${issue.values.join(', ')}`;
  return (issue.code === 'invalid_key' ? issue.issues[0]?.message : undefined) ?? issue.message;
}

/** One account that reads one poem. */
export interface Bot {
  name: BotName;
  bundle: BotKey;
  /** Absolute path. */
  poemFile: string;
  settings: BotSettings;
  /** How its network counts and reads its texts. */
  rules: TextRules;
  /** Why its bundle can no longer be read; `bundle` is the one that was read before. */
  unopened?: FlockError;
}

/** How a bot's poem is split into posts. */
export const splitOf = ({ settings: { unit }, rules }: Pick<Bot, 'settings' | 'rules'>): Split => ({
  unit,
  rules,
});
