import path from 'node:path';

/** A path as a person at this prompt would write it: relative where it is below. */
export function shownPath(file: string): string {
  const way = path.relative('.', file);
  return way === '' || way.startsWith('..') ? file : way;
}
