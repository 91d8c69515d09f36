import { FlockError } from '../errors.ts';
import { RecentTexts } from './recent-texts.ts';
import { splitPoem, type Line, type Unit } from './split-poem.ts';

/** Each poem as it was split last: a bot needs its whole poem for every post, and it is rarely another one. */
const recent = new RecentTexts<{ text: string; unit: Unit; lines: readonly Line[] }>();

/** @throws {FlockError} `data` where the poem cannot be read or has nothing to post */
export async function linesOf(
  file: string,
  unit: Unit,
  readPoem: (file: string) => Promise<string>,
): Promise<readonly Line[]> {
  const text = await readPoem(file);
  const known = recent.get(file);
  const lines = known?.text === text && known.unit === unit ? known.lines : splitPoem(text, unit);
  if (lines !== known?.lines) recent.set(file, { text, unit, lines });
  if (lines.length > 0) return lines;
  throw new FlockError('data', `${file} has no lines`, { hint: 'write the poem, one post a line' });
}
