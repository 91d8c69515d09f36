import { findNodeAtLocation, parseTree } from 'jsonc-parser';
import { couldBeSecret, shown } from '../text.ts';

/** A place in a file, as editors take it: `flock.json:3:12`. */
export function lineOf(offset: number, text: string, file: string): string {
  const before = text.slice(0, offset).split('\n');
  return `${file}:${before.length}:${(before.at(-1)?.length ?? 0) + 1}`;
}

/**
 * How messages name a setting. What could be a secret is not repeated: they say in which line it stands.
 *
 * @param way - the names that lead to it
 * @param text - the file's JSON
 * @returns the file, with the line where something is hidden, and the name: `bots.howl.schedule`
 */
export function placeOf(
  way: readonly PropertyKey[],
  text: string,
  file: string,
): { where: string; name: string; hidden: boolean } {
  const names = way.map(String);
  const name = names.map(shown).join('.');
  const first = names.findIndex(couldBeSecret);
  const tree = first < 0 ? undefined : parseTree(text);
  const node = tree && findNodeAtLocation(tree, names.slice(0, first + 1))?.parent;
  return { where: node ? lineOf(node.offset, text, file) : file, name, hidden: first >= 0 };
}
