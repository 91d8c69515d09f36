import { isUtf8 } from 'node:buffer';
import { type BigIntStats, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { FlockError, systemCode } from '../errors.ts';
import { fileError, namesOf, openFolder, readRegularFile, readRegularFileSync, reasonOf } from '../fs.ts';
import { grouped } from '../text.ts';
import { type BotName, botNameOf, formerNameOf, isPoem } from './bot-name.ts';
import { RecentTexts, rowsIn } from './poem.ts';

/*
 * Finds the poems of a flock, reads and decodes them: which files are poems, which bot reads which, and why others are skipped.
 */

/** A poem and its bot. */
export interface PoemFile {
  bot: BotName;
  /** The path: the folder as given, then the path inside it. */
  file: string;
}

/** A file or folder among the poems that no bot reads. */
interface PassedOver {
  file: string;
  /** `refused`: a poem that no bot can read. `unseen`: poems that no bot reads. `ignored`: no poem. */
  kind: 'refused' | 'unseen' | 'ignored';
  why: string;
  hint: string;
}

/** The maximum number of ignored files that are named: a folder may hold many pictures, too. */
const maxIgnored = 5;

/** The entries to show: all that could be poems, and the first few ignored files. */
export function passedOverShown(all: readonly PassedOver[]): PassedOver[] {
  const files = all.filter(({ kind }) => kind === 'ignored');
  const [first, ...others] = files.slice(maxIgnored);
  const more: PassedOver[] = first
    ? [{ ...first, file: others.length > 0 ? `${first.file} and ${others.length} more` : first.file }]
    : [];
  return [...all.filter(({ kind }) => kind !== 'ignored'), ...files.slice(0, maxIgnored), ...more];
}

/** The poems below a folder, sorted by path; each has another bot. */
export interface FoundPoems {
  poems: PoemFile[];
  /** Poems with the same bot name. Which one the bot should read is unknown, so it reads none. */
  clashes: { bot: BotName; files: string[]; error: FlockError }[];
  passedOver: PassedOver[];
}

/** The existing bots, which keep their names. */
export interface KnownBots {
  /** Whether a bot of this name has a key bundle or is in the ledger. */
  has: (name: BotName) => Promise<boolean>;
  /** The absolute path of the poem in a bot's key bundle, if there is one. */
  poemOf: (name: BotName) => Promise<string | undefined>;
}

/**
 * Finds the poems below a folder. It skips hidden files and folders and editors' backups, and does not follow links to folders.
 *
 * @throws {FlockError} `data` if the folder cannot be read
 */
export async function findPoems(folder: string, known?: KnownBots): Promise<FoundPoems> {
  const { files, passedOver } = await walk(folder);
  const bots = await botsByOlderRule(files, known);
  const named: PoemFile[] = [];
  for (const file of files.sort(byCodeUnit)) {
    const bot = bots.get(file) ?? botNameOf(file);
    if (bot === undefined) passedOver.push(nameless(file));
    else named.push({ bot, file });
  }
  return onePerBot(named, passedOver, known);
}

/** The same as {@link findPoems}, but a folder that does not exist has no poems. @throws {FlockError} as {@link findPoems} */
export async function findPoemsIfThere(folder: string, known?: KnownBots): Promise<FoundPoems> {
  try {
    return await findPoems(folder, known);
  } catch (error) {
    if (!(error instanceof FlockError) || systemCode(error.cause) !== 'ENOENT') throw error;
    return { poems: [], clashes: [], passedOver: [] };
  }
}

interface FolderContent {
  files: string[];
  passedOver: PassedOver[];
}

async function walk(folder: string): Promise<FolderContent> {
  const found: FolderContent = { files: [], passedOver: [] };
  const folders: string[] = [];
  const links: string[] = [];
  try {
    for await (const entry of await openFolder(folder)) {
      if (isSkipped(entry.name)) continue;
      const file = path.join(folder, entry.name);
      if (entry.isDirectory()) folders.push(file);
      else if (entry.isSymbolicLink()) links.push(file);
      else if (isPoem(entry.name)) found.files.push(file);
      else found.passedOver.push(ignored(file));
    }
  } catch (cause) {
    const hint = 'give the folder that holds the poems, for example: keymaker make-keys ./poems';
    throw fileError(cause, 'data', `cannot read the poems folder ${folder}`, hint);
  }
  for (const link of links) {
    if (await leadsToFolder(link)) found.passedOver.push(await linkedFolder(link));
    else if (isPoem(link)) found.files.push(link);
    else found.passedOver.push(ignored(link));
  }
  // One after the other, since each holds a file descriptor while it is read.
  for (const below of folders) {
    const { files, passedOver } = await walk(below).catch((error: unknown) => unreadable(below, error));
    for (const file of files) found.files.push(file);
    for (const other of passedOver) found.passedOver.push(other);
  }
  return found;
}

/** Whether a name is that of a hidden file, an editor's backup or an unfinished upload. */
const isSkipped = (name: string): boolean => /^\.|^#.*#$|~$|\.(?:bak|orig|part|swp|tmp)$/i.test(name);

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

/** The maximum number of poems that are named in a linked folder. */
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
  why: 'gives its bot no name: it has no letter or digit, or is too long',
  hint: 'rename the file: its name becomes the name of the bot',
});

/** A subfolder that cannot be read; the other folders can be. */
function unreadable(folder: string, error: unknown): FolderContent {
  if (!(error instanceof FlockError)) throw error;
  const why = `not read: ${reasonOf(error.cause)}`;
  return { files: [], passedOver: [{ file: folder, kind: 'unseen', why, hint: `chmod u+rx ${folder}` }] };
}

/**
 * The existing bots that are named by the older rule, by their poems: the poem that the bot's bundle names, otherwise the only
 * poem that has this name by the older rule.
 */
async function botsByOlderRule(
  files: readonly string[],
  known: KnownBots | undefined,
): Promise<Map<string, BotName>> {
  const renamed = files.filter((file) => formerNameOf(file) !== botNameOf(file));
  const kept = new Map<string, BotName>();
  for (const [former, poems] of grouped(renamed, formerNameOf)) {
    if ((await known?.has(former)) !== true) continue;
    const itsPoem = await known?.poemOf(former);
    const isOnly = itsPoem === undefined && poems.length === 1;
    const file = poems.find((poem) => isOnly || path.resolve(poem) === itsPoem);
    if (file !== undefined) kept.set(file, former);
  }
  return kept;
}

/** Chooses among poems of one bot name the one that the bot's bundle names; without such a bundle the bot reads none. */
async function onePerBot(
  named: readonly PoemFile[],
  passedOver: PassedOver[],
  known: KnownBots | undefined,
): Promise<FoundPoems> {
  const found: FoundPoems = { poems: [], clashes: [], passedOver };
  for (const [bot, poems] of grouped(named, (poem) => poem.bot)) {
    const itsPoem = poems.length > 1 ? await known?.poemOf(bot) : undefined;
    const read = poems.length > 1 ? poems.find(({ file }) => path.resolve(file) === itsPoem) : poems[0];
    if (!read) {
      const files = poems.map(({ file }) => file);
      const both = files.length > 2 ? 'all' : 'both';
      const message = `${files.join(' and ')} would ${both} be read by a bot called ${bot}`;
      const error = new FlockError('data', message, { hint: 'rename all but one of them' });
      found.clashes.push({ bot, files, error });
      continue;
    }
    found.poems.push(read);
    for (const { file } of poems)
      if (file !== read.file) passedOver.push({ ...unreadNamesake(file, bot, read.file), kind: 'refused' });
  }
  return found;
}

/** A poem whose bot reads another poem, by its bundle. */
export const unreadNamesake = (file: string, bot: BotName, read: string): PassedOver => ({
  file,
  kind: 'unseen',
  why: `would be read by ${bot}, which reads ${read}`,
  hint: 'rename it: its name becomes the name of its bot',
});

const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** A poem's path for its key bundle: relative to the root, or absolute if the poem is outside it. */
export function poemFileIn(root: string, file: string): string {
  const relative = path.relative(root, path.resolve(file));
  return relative.startsWith('..') || path.isAbsolute(relative) ? path.resolve(file) : relative;
}

/** The maximum size of a poem. Bytes. */
const maxPoem = 32 * 1024 * 1024;

/** A cache of the poems' texts, with the marks of their files. */
const recent = new RecentTexts<{ text: string; mark: string }>();

/**
 * The text of a poem, from a cache if the file has not changed.
 *
 * @throws {FlockError} `data`, naming the file, for anything but a readable, regular text file of at most 32 MiB
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

/** Undefined if the file cannot be examined; reading it then says why. */
function statusOf(file: string): BigIntStats | undefined {
  try {
    return statSync(file, { bigint: true });
  } catch {
    return undefined;
  }
}

/** A file's modification time in milliseconds since 1970; undefined if there is no such file. */
export function writtenAt(file: string): number | undefined {
  const status = statusOf(file);
  return status && Number(status.mtimeMs);
}

/** A mark that changes when a file does; undefined if there is no such file, or it changed too recently to tell. */
export function fileMark(file: string): string | undefined {
  const status = statusOf(file);
  return status && markOf(status);
}

/** The resolution of file times: a file that changed less than this ago may change again without new times. Nanoseconds. */
const timeResolution = 2_000_000_000n;

/** A mark that changes when a file is written, replaced or touched; undefined if the file changed too recently to tell. */
function markOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string | undefined {
  const now = BigInt(Math.floor((performance.timeOrigin + performance.now()) * 1e6));
  return now - ctimeNs < timeResolution ? undefined : [dev, ino, size, mtimeNs, ctimeNs].join(' ');
}

/** The largest file that is read synchronously: for a small file, Node's thread pool takes longer than reading. Bytes. */
const maxSyncSize = 64 * 1024;

async function readText(file: string, size: number | bigint): Promise<string> {
  const read = size <= maxSyncSize ? readRegularFileSync : readRegularFile;
  try {
    return decodePoem(await read(file, maxPoem), file);
  } catch (cause) {
    const isDenied = systemCode(cause) === 'EACCES';
    const hint = isDenied ? `chmod u+r ${file}` : 'a poem is a plain text file; is it still where it was?';
    throw fileError(cause, 'data', `cannot read ${file}`, hint);
  }
}

/** The characters that X refuses in a post: byte order marks and noncharacters. */
const refusedByX = /[\ufffe\ufeff\uffff]/;

/**
 * Decodes a poem's file strictly: UTF-8, or UTF-16 with a byte order mark, which is dropped.
 *
 * @throws {FlockError} `data`, naming file and line, for an invalid encoding, NUL or a character that X refuses
 */
export function decodePoem(bytes: Uint8Array, file: string): string {
  const text = decode(bytes, file);
  const wrong = (index: number, what: string, hint: string): FlockError =>
    new FlockError('data', `${file}:${rowsIn(text.slice(0, index)).length}: ${what}`, { hint });
  const nul = text.indexOf('\0');
  if (nul >= 0) throw wrong(nul, 'a NUL byte; this is not a text', hintForNul(bytes, file));
  const refused = text.search(refusedByX);
  if (refused < 0) return text;
  const code = (text.codePointAt(refused) ?? 0).toString(16).toUpperCase();
  throw wrong(refused, `the character U+${code}, which X refuses`, 'delete that invisible character');
}

function decode(bytes: Uint8Array, file: string): string {
  const encoding = markedEncoding(bytes);
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (cause) {
    if (encoding !== 'utf-8') {
      const hint = 'save the file as UTF-8 in the program that wrote it';
      throw new FlockError('data', `${file}: begins as UTF-16 does and is not valid UTF-16`, { hint, cause });
    }
    const line = rowsOf(bytes).findIndex((row) => !isUtf8(row)) + 1;
    throw new FlockError('data', `${file}:${line}: not valid UTF-8`, { hint: hintFor(bytes, file), cause });
  }
}

/** The encoding by the byte order mark. UTF-32 has a mark that begins like UTF-16's; its NULs are refused later. */
function markedEncoding([first, second]: Uint8Array): 'utf-8' | 'utf-16le' | 'utf-16be' {
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  return first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8';
}

function hintForNul(bytes: Uint8Array, file: string): string {
  const [first, second, third, fourth] = bytes;
  const iconv = (from: string): string =>
    `is it ${from}? then: iconv -f ${from.toLowerCase()} -t utf-8 ${file}`;
  if (first === 0xff && second === 0xfe && third === 0 && fourth === 0) return iconv('UTF-32');
  // In UTF-16, every other byte of Western text is NUL.
  if (first !== 0 && second === 0 && third !== 0 && fourth === 0) return iconv('UTF-16LE');
  if (first === 0 && second !== 0 && third === 0 && fourth !== 0) return iconv('UTF-16BE');
  return 'is it a poem at all? save it as plain UTF-8 text';
}

/** How much of a file is examined to guess its encoding. Bytes. */
const sampleSize = 1024 * 1024;

/** How to repair a file that is not UTF-8; it names an encoding only if the bytes allow the guess. */
function hintFor(whole: Uint8Array, file: string): string {
  const bytes = whole.subarray(0, sampleSize);
  const rows = rowsOf(bytes).filter((row) => row.some(isHigh));
  // A few lines of another encoding may be valid UTF-8 by chance.
  if (rows.filter((row) => isUtf8(row)).length > rows.length / 2)
    return 'other lines of the file are UTF-8: write anew what is not';
  const high = bytes.filter(isHigh);
  const letters = bytes.filter((byte) => isHigh(byte) || /[a-z]/i.test(String.fromCharCode(byte))).length;
  // The guess is for Western languages, whose letters are mostly ASCII; in other scripts they are not.
  const looksLike = (name: string, from: string): string =>
    `it looks like ${name}; save it as UTF-8: iconv -f ${from} -t utf-8 ${file}`;
  if (high.length * 3 <= letters) {
    if (!high.some((byte) => byte < 0xa0)) return looksLike('Latin-1', 'latin1');
    if (!high.some((byte) => notInWindows.has(byte))) return looksLike('Windows-1252', 'windows-1252');
  }
  return `save it as UTF-8 in the program that wrote it, or by its encoding: iconv -f ENCODING -t utf-8 ${file}`;
}

const isHigh = (byte: number): boolean => byte >= 0x80;

/** The bytes from 0x80 to 0x9f that Windows-1252 does not define; at the others it has quotes and dashes. */
const notInWindows = new Set([0x81, 0x8d, 0x8f, 0x90, 0x9d]);

/** The lines of a file. Bytes of a multi-byte character are never a newline, so each line can be decoded by itself. */
function rowsOf(bytes: Uint8Array): Uint8Array[] {
  const rows: Uint8Array[] = [];
  for (let start = 0; start < bytes.length; start += rows.at(-1)?.length ?? 0) {
    const newline = bytes.indexOf(0x0a, start);
    rows.push(bytes.subarray(start, newline < 0 ? bytes.length : newline + 1));
  }
  return rows;
}
