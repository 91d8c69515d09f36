import { FlockError } from '../errors.ts';
import { splitPoem, type Line, type Unit } from './split-poem.ts';

/** @throws {FlockError} `data` where the poem cannot be read or has nothing to post */
export async function linesOf(
  file: string,
  unit: Unit,
  readPoem: (file: string) => Promise<string>,
): Promise<Line[]> {
  const lines = splitPoem(await readPoem(file), unit);
  if (lines.length > 0) return lines;
  throw new FlockError('data', `${file} has no lines`, { hint: 'write the poem, one post a line' });
}
