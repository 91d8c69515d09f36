import { type Dirent, readdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { botNameOf, formerNameOf, isPoem } from '../../flock/bot.ts';
import { botOfBundle } from '../../keys/bundle.ts';
import { grouped } from '../../text.ts';
import type { Places } from '../complete.ts';

/**
 * The names of the bots of a flock, sorted, from the names of its key bundles and poems alone. No file is opened, and what
 * cannot be read has no bots.
 *
 * @param most - the files and folders that are looked at for poems: somebody may name the whole disk as their folder
 */
export function botNames({ root = '.', keys, poems }: Places, most = 50_000): string[] {
  const folder = fromHome(root);
  const bundles = entriesOf(keys === undefined ? path.join(folder, 'keys') : fromHome(keys));
  const names = new Set<string | undefined>(bundles.map(({ name }) => botOfBundle(name)));
  const files = poemsBelow(poems === undefined ? path.join(folder, 'poems') : fromHome(poems), most);
  // A poem whose bot has a bundle under the name of an older rule has no other.
  const byFormer = [...grouped(files, formerNameOf)].filter(
    ([name, same]) => same.length > 1 || !names.has(name),
  );
  for (const file of byFormer.flatMap(([, same]) => same)) names.add(botNameOf(file));
  return [...names].filter((name) => name !== undefined).sort();
}

/** The file names of the poems below a folder, the nearest first. */
function poemsBelow(top: string, most: number): string[] {
  const folders = [top];
  const found: string[] = [];
  let left = most;
  for (const folder of folders) {
    const entries = entriesOf(folder).filter(({ name }) => !name.startsWith('.'));
    for (const entry of entries) {
      if (entry.isDirectory()) folders.push(path.join(folder, entry.name));
      else if (isPoem(entry.name)) found.push(entry.name);
    }
    left -= entries.length + 1;
    if (left < 0) break;
  }
  return found;
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

/** A completion sees the line before the shell has put the home folder in. */
const fromHome = (folder: string): string => folder.replace(/^~(?=\/|$)/, () => os.homedir());
