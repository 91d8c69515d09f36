import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { fingerprint } from '../../src/ledger/state.ts';
import type { LedgerEvent } from '../../src/ledger/events.ts';
import { formatHeader, formatLine } from '../../src/ledger/journal.ts';
import { range } from './numbers.ts';

const lines = 8;
/** The account of the first bot. */
export const firstAccount = 1_000_000_000;
export const nameOf = (index: number): string => `bot-${String(index).padStart(6, '0')}`;
const lineOf = (name: string, line: number): string =>
  `${name}, line ${line + 1}: the tide comes in by itself`;

/** Makes a flock: each bot has a poem and a bundle. */
export function makeFlock(folder: string, count: number): void {
  const keys = path.join(folder, 'keys');
  const poems = path.join(folder, 'poems');
  mkdirSync(keys, { recursive: true, mode: 0o700 });
  mkdirSync(poems);
  for (const index of range(count)) {
    const name = nameOf(index);
    const poem = path.join(poems, `${name}.txt`);
    const text = range(lines).map((line) => lineOf(name, line));
    writeFileSync(poem, `${text.join('\n')}\n`);
    // flockd waits before it posts from a file that was just changed.
    utimesSync(poem, 0, 0);
    writeFileSync(path.join(keys, `${name}.json`), bundleOf(index), { mode: 0o600 });
  }
}

function bundleOf(index: number): string {
  const account = String(firstAccount + index);
  const fields = {
    consumer_token: 'kYq3vT8mZs2LwXc9RbNf4HdJp',
    consumer_token_secret: 'u7GxQe1TzVw5KoMn8CyBs3AhRf6LjDp2XiNv9EtUq4WmZk0YbS',
    oauth_token: `${account}-Jx4VbQ7nLr2TzKw9MpYc5GdHs8FqAe3RtNu6`,
    oauth_token_secret: 'Zp8WcRn3XkTq6VbLy1MsGd9JhFa4EuKo7QiTz2BvNxYr5',
    user_id: account,
    screen_name: `b${String(index).padStart(6, '0')}`,
    poem_file: `poems/${nameOf(index)}.txt`,
  };
  return `${JSON.stringify(fields, null, 2)}\n`;
}

/**
 * Reads all files of a flock, as an earlier flockd would have done. Some machines drop files from their cache within a minute,
 * and a start would then measure the disk.
 */
export function remember(folder: string): void {
  for (const name of ['keys', 'poems'])
    for (const file of readdirSync(path.join(folder, name))) readFileSync(path.join(folder, name, file));
}

/** Writes flock.json, which only its owner can read. */
export function writeSettings(folder: string, settings: object): void {
  writeFileSync(path.join(folder, 'flock.json'), JSON.stringify(settings), { mode: 0o600 });
}

/** Makes an empty state folder. */
export function emptyState(folder: string): string {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return folder;
}

/** Writes the ledger of a flock that began at an instant and has posted since, with at least that many records. */
export function writeLedger(folder: string, bots: number, began: number, records = bots): void {
  const file = openSync(path.join(emptyState(folder), 'journal.jsonl'), 'w', 0o600);
  let n = 0;
  let text = formatHeader(0);
  for (const event of eventsOf(bots, began)) {
    text += formatLine(++n, event);
    if (text.length > 4_000_000) {
      writeSync(file, text);
      text = '';
    }
    if (n >= Math.max(records, bots)) break;
  }
  writeSync(file, text);
  closeSync(file);
}

/** Writes settings and a ledger with a due post in each second since an instant, so that flockd always has more to post. */
export function oweAlways(root: string, state: string, bots: number, since: number): void {
  writeSettings(root, { schedule: '* * * * * *', missed: 'all' });
  writeLedger(state, bots, since);
}

const day = 86_400_000;

function* eventsOf(bots: number, began: number): Generator<LedgerEvent> {
  for (const index of range(bots)) {
    const name = nameOf(index);
    const poem = range(lines)
      .map((line) => fingerprint(lineOf(name, line)))
      .join('');
    yield { event: 'begun', bot: name, at: began, poem, account: String(firstAccount + index) };
  }
  for (let post = 0; ; post++) {
    const slot = began + Math.floor(post / lines) * 1000;
    for (const index of range(bots)) yield* postOf(nameOf(index), post % lines, slot, began);
  }
}

function* postOf(bot: string, line: number, slot: number, began: number): Generator<LedgerEvent> {
  const ends = { dayEnds: began + day, monthEnds: began + 30 * day };
  const print = fingerprint(lineOf(bot, line));
  yield { event: 'intent', bot, at: slot, slot, until: slot, line, lines: 1, print, cost: 15_000, ...ends };
  yield { event: 'posted', bot, at: slot, id: '1890000000000000001', by: 'answer' };
}
