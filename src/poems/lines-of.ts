import { FlockError } from '../errors.ts';
import { splitPoem, type Line, type Unit } from './split-poem.ts';

interface Split {
  text: string;
  unit: Unit;
  lines: readonly Line[];
}

/** Each poem as it was split last: a bot reads its whole poem for every post, and it is rarely another one. */
const recent = new Map<string, Split>();
/** Of all of them. Characters. */
const mostText = 4_000_000;
let kept = 0;

/** @throws {FlockError} `data` where the poem cannot be read or has nothing to post */
export async function linesOf(
  file: string,
  unit: Unit,
  readPoem: (file: string) => Promise<string>,
): Promise<readonly Line[]> {
  const text = await readPoem(file);
  const known = recent.get(file);
  const lines = known?.text === text && known.unit === unit ? known.lines : splitPoem(text, unit);
  if (lines !== known?.lines) remember(file, { text, unit, lines });
  if (lines.length > 0) return lines;
  throw new FlockError('data', `${file} has no lines`, { hint: 'write the poem, one post a line' });
}

function remember(file: string, split: Split): void {
  kept += split.text.length - (recent.get(file)?.text.length ?? 0);
  if (kept > mostText) {
    recent.clear();
    kept = split.text.length;
  }
  recent.set(file, split);
}
