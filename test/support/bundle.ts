import { rmSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { joining } from '../../scripts/bundle.js';

const folder = path.resolve(import.meta.dirname, '../../node_modules/.cache');
const made = new Map<string, Promise<string>>();

/** Compiles a program and all it imports into one file, which starts in a third of the time. @returns that file */
export function bundle(source: string): Promise<string> {
  const known = made.get(source) ?? compile(source);
  made.set(source, known);
  return known;
}

async function compile(source: string): Promise<string> {
  // Test files run at the same time, and none may see the half-written file of another.
  const file = path.join(folder, `${path.parse(source).name}-${process.pid}.mjs`);
  await build({ ...joining, entryPoints: [source], outfile: file });
  process.once('exit', () => rmSync(file, { force: true }));
  return file;
}
