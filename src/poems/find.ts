import { type BigIntStats, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { FlockError, systemCode } from '../errors.ts';
import { namesOf, openFolder, readRegularFile, readRegularFileSync, reasonOf } from '../fs.ts';
import { grouped } from '../text.ts';
import { type BotName, botNameOf, formerNameOf, isPoem } from './bot-name.ts';
import { decodePoem, RecentTexts } from './poem.ts';

/** A poem's place on the disk and the bot that reads it. */
export interface PoemFile {
  bot: BotName;
  /** The path as a person would write it: the folder as given, then the way inside it. */
  file: string;
}

/** Poems of one name. Nobody can say which of them its bot is to read, so it reads none. */
interface Clash {
  bot: BotName;
  files: string[];
  error: FlockError;
}

/** What is in a folder of poems and is read by nobody. */
export interface PassedOver {
  file: string;
  /** `refused` is a poem that no bot can read, `unseen` is or holds poems that none reads, `ignored` is none. */
  kind: 'refused' | 'unseen' | 'ignored';
  why: string;
  hint: string;
}

/** So many files that are no poems are named one by one: somebody may keep pictures beside them. */
const maxIgnored = 5;

/** What is said of them: all that could be poems, and the first few of those that are none. */
export function passedOverShown(all: readonly PassedOver[]): PassedOver[] {
  const files = all.filter(({ kind }) => kind === 'ignored');
  const [first, ...others] = files.slice(maxIgnored);
  const more: PassedOver[] = first
    ? [{ ...first, file: others.length > 0 ? `${first.file} and ${others.length} more` : first.file }]
    : [];
  return [...all.filter(({ kind }) => kind !== 'ignored'), ...files.slice(0, maxIgnored), ...more];
}

/** The poems below a folder, by their paths; no two of them have the same bot. */
export interface FoundPoems {
  poems: PoemFile[];
  clashes: Clash[];
  passedOver: PassedOver[];
}

/** The bots that are there already: a poem whose bot is one of them leaves it its name. */
export interface KnownBots {
  /** Whether one of this name has a key bundle, or is in the ledger. */
  has: (name: BotName) => Promise<boolean>;
  /** The absolute path of the poem that its key bundle names, where it has one that does. */
  poemOf: (name: BotName) => Promise<string | undefined>;
}

/**
 * The poems below a folder. Hidden files and folders and the backups of editors are left alone, links to folders are not
 * followed.
 *
 * @throws {FlockError} `data` where the folder cannot be read
 */
export async function findPoems(folder: string, known: KnownBots = nobody): Promise<FoundPoems> {
  const { files, passedOver } = await walk(folder);
  const bots = await namedBefore(files, known);
  const named: PoemFile[] = [];
  for (const file of files.sort(byCodeUnit)) {
    const bot = bots.get(file) ?? botNameOf(file);
    if (bot === undefined) passedOver.push(nameless(file));
    else named.push({ bot, file });
  }
  return onePerBot(named, passedOver, known);
}

/** None where the folder is not there, for whoever can do without poems. @throws {FlockError} as {@link findPoems} */
export async function findPoemsIfThere(folder: string, known?: KnownBots): Promise<FoundPoems> {
  try {
    return await findPoems(folder, known);
  } catch (error) {
    if (error instanceof FlockError && systemCode(error.cause) === 'ENOENT') return noPoems;
    throw error;
  }
}

export const noPoems: FoundPoems = { poems: [], clashes: [], passedOver: [] };

const nobody: KnownBots = {
  has: () => Promise.resolve(false),
  poemOf: () => Promise.resolve(undefined),
};

interface Walked {
  files: string[];
  passedOver: PassedOver[];
}

async function walk(folder: string): Promise<Walked> {
  const found: Walked = { files: [], passedOver: [] };
  const folders: string[] = [];
  const links: string[] = [];
  try {
    for await (const entry of await openFolder(folder)) {
      if (isLeftAlone(entry.name)) continue;
      const place = path.join(folder, entry.name);
      if (entry.isDirectory()) folders.push(place);
      else if (entry.isSymbolicLink()) links.push(place);
      else if (isPoem(entry.name)) found.files.push(place);
      else found.passedOver.push(ignored(place));
    }
  } catch (cause) {
    throw new FlockError('data', `cannot read the poems folder ${folder}: ${reasonOf(cause)}`, {
      hint: 'give the folder that holds the poems, for example: keymaker make-keys ./poems',
      cause,
    });
  }
  for (const link of links) {
    if (await leadsToFolder(link)) found.passedOver.push(await linkedFolder(link));
    else if (isPoem(link)) found.files.push(link);
    else found.passedOver.push(ignored(link));
  }
  // One after the other: each holds a descriptor while it is read.
  for (const below of folders) {
    const { files, passedOver } = await walk(below).catch((error: unknown) => unreadable(below, error));
    for (const file of files) found.files.push(file);
    for (const other of passedOver) found.passedOver.push(other);
  }
  return found;
}

/** Hidden ones, what editors leave beside a file, and what is being uploaded. */
const isLeftAlone = (name: string): boolean => /^\.|^#.*#$|~$|\.(?:bak|orig|part|swp|tmp)$/i.test(name);

const leadsToFolder = (link: string): Promise<boolean> =>
  stat(link).then(
    (status) => status.isDirectory(),
    () => false,
  );

const ignored = (file: string): PassedOver => ({
  file,
  kind: 'ignored',
  why: 'not a poem: the name does not end in .txt',
  hint: 'rename it if it is one',
});

/** So many poems are named in a folder that is not read. */
const maxUnseen = 3;

async function linkedFolder(file: string): Promise<PassedOver> {
  const poems = (await namesOf(file).catch(() => [])).filter(isPoem).sort(byCodeUnit);
  const more = poems.length - maxUnseen;
  const named = [...poems.slice(0, maxUnseen), ...(more > 0 ? [`${more} more`] : [])].join(', ');
  return {
    file,
    kind: 'unseen',
    why: `not read: links to folders are not followed${named === '' ? '' : ` (in it: ${named})`}`,
    hint: 'move the folder itself to this place',
  };
}

const nameless = (file: string): PassedOver => ({
  file,
  kind: 'refused',
  why: 'gives its bot no name: it has no letter or digit, or too many',
  hint: 'rename the file: its name becomes the name of the bot',
});

/** A folder in the folder of poems: the others can be read all the same. */
function unreadable(folder: string, error: unknown): Walked {
  if (!(error instanceof FlockError)) throw error;
  const why = `not read: ${reasonOf(error.cause)}`;
  return {
    files: [],
    passedOver: [{ file: folder, kind: 'unseen', why, hint: `chmod u+rx ${folder}` }],
  };
}

/** The bots that have a name by an older rule: the poem that the bundle names keeps it, or else the only one it can be. */
async function namedBefore(files: readonly string[], known: KnownBots): Promise<Map<string, BotName>> {
  const renamed = files.filter((file) => formerNameOf(file) !== botNameOf(file));
  const kept = new Map<string, BotName>();
  for (const [former, poems] of grouped(renamed, formerNameOf)) {
    if (!(await known.has(former))) continue;
    const itsPoem = await known.poemOf(former);
    const file = itsPoem === undefined ? onlyOne(poems) : poems.find((poem) => isAt(poem, itsPoem));
    if (file !== undefined) kept.set(file, former);
  }
  return kept;
}

const onlyOne = (files: readonly string[]): string | undefined => (files.length === 1 ? files[0] : undefined);

const isAt = (file: string, place: string): boolean => path.resolve(file) === place;

/** Of poems of one name a bot reads the one that its bundle names; where none does it reads none. */
async function onePerBot(
  named: readonly PoemFile[],
  passedOver: PassedOver[],
  known: KnownBots,
): Promise<FoundPoems> {
  const found: FoundPoems = { poems: [], clashes: [], passedOver };
  for (const [bot, poems] of grouped(named, (poem) => poem.bot)) {
    const itsPoem = poems.length > 1 ? await known.poemOf(bot) : undefined;
    const read =
      poems.length > 1 ? poems.find(({ file }) => itsPoem !== undefined && isAt(file, itsPoem)) : poems[0];
    if (!read) {
      const files = poems.map(({ file }) => file);
      found.clashes.push({ bot, files, error: clashOf(bot, files) });
      continue;
    }
    found.poems.push(read);
    for (const { file } of poems) {
      if (file === read.file) continue;
      passedOver.push({ ...unreadNamesake(file, bot, read.file), kind: 'refused' });
    }
  }
  return found;
}

/** A poem whose bot reads another one, as its bundle says. */
export const unreadNamesake = (file: string, bot: BotName, read: string): PassedOver => ({
  file,
  kind: 'unseen',
  why: `would be read by ${bot}, which reads ${read}`,
  hint: 'rename it: its name becomes the name of its bot',
});

const clashOf = (bot: BotName, files: readonly string[]): FlockError =>
  new FlockError(
    'data',
    `${files.join(' and ')} would ${files.length > 2 ? 'all' : 'both'} be read by a bot called ${bot}`,
    { hint: 'rename all but one of them' },
  );

const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** The poem's path as flockd finds it again: relative to the root, or absolute where the poem is elsewhere. */
export function poemFileIn(root: string, file: string): string {
  const way = path.relative(root, path.resolve(file));
  return way.startsWith('..') || path.isAbsolute(way) ? path.resolve(file) : way;
}

/** A poem longer than this is not a poem. Bytes. */
const maxPoem = 32 * 1024 * 1024;

/** Each poem as it was read last, and the mark of its file then. */
const recent = new RecentTexts<{ text: string; mark: string }>();

/**
 * The text of one poem; of a file that is as it was, the text that it had.
 *
 * @throws {FlockError} `data`, naming the file, for anything but a readable, regular UTF-8 text file of a sane size
 */
export async function readPoem(file: string): Promise<string> {
  const status = statusOf(file);
  const mark = status && markOf(status);
  const known = recent.get(file);
  if (known && known.mark === mark) return known.text;
  const text = await readText(file, status?.size ?? Infinity);
  if (mark !== undefined) recent.set(file, { text, mark });
  return text;
}

/** Undefined where there is none: to read the file says why. */
function statusOf(file: string): BigIntStats | undefined {
  try {
    return statSync(file, { bigint: true });
  } catch {
    return undefined;
  }
}

/** When a file was written last, by its own time stamp, in milliseconds since 1970; undefined where there is no such file. */
export function writtenAt(file: string): number | undefined {
  const status = statusOf(file);
  return status && Number(status.mtimeMs);
}

/** A file that was changed less than this before it was looked at may change again and show the same times. Nanoseconds. */
const grain = 2_000_000_000n;

/** What is another where a file was written, replaced or touched; undefined where nobody can be sure. */
function markOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string | undefined {
  const now = BigInt(Math.floor((performance.timeOrigin + performance.now()) * 1e6));
  return now - ctimeNs < grain ? undefined : [dev, ino, size, mtimeNs, ctimeNs].join(' ');
}

/** To hand a small file to another thread takes longer than to read it. Bytes. */
const small = 64 * 1024;

async function readText(file: string, size: number | bigint): Promise<string> {
  const read = size <= small ? readRegularFileSync : readRegularFile;
  try {
    return decodePoem(await read(file, maxPoem), file);
  } catch (cause) {
    if (cause instanceof FlockError) throw cause;
    throw new FlockError('data', `cannot read ${file}: ${reasonOf(cause)}`, {
      hint:
        systemCode(cause) === 'EACCES'
          ? `chmod u+r ${file}`
          : 'a poem is a plain text file; is it still where it was?',
      cause,
    });
  }
}
