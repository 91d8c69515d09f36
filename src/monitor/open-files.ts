import { readFileSync } from 'node:fs';

/** What every Unix gives a process. */
const least = 256;

/** How many files and connections this process may have open. */
export function mostOpenFiles(): number {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return soft === undefined ? Infinity : Number(soft);
  } catch {
    return least;
  }
}
