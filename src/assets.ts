import path from 'node:path';
import { buildSync } from 'esbuild';

/** The files that browsers are sent, and what each is made from. */
const entries = {
  'dashboard.css': 'web/browser/dashboard.css',
  'dashboard.js': 'web/browser/dashboard.client.ts',
  'manual.css': 'web/browser/manual.css',
  'keymaker.css': 'web/browser/keymaker.css',
  'sandbox.css': 'sandbox/browser/sandbox.css',
  'sandbox.js': 'sandbox/browser/sandbox.client.ts',
} as const;

type AssetName = keyof typeof entries;

const known = new Map<AssetName, string>();

/**
 * The text of a file for browsers. In dist/ it is a constant: the build puts the texts in the place of this module. Where
 * the sources run as they are, it is compiled when it is asked for first.
 */
export function asset(name: AssetName): string {
  const text = known.get(name) ?? compiled(entries[name]).text;
  known.set(name, text);
  return text;
}

/** The texts of all files for browsers by their names, and every file that is in them. */
export function compiledAssets(): { texts: Record<string, string>; inputs: string[] } {
  const all = Object.entries(entries).map(([name, file]) => ({ name, ...compiled(file) }));
  return {
    texts: Object.fromEntries(all.map(({ name, text }) => [name, text])),
    inputs: all.flatMap(({ inputs }) => inputs),
  };
}

function compiled(file: string): { text: string; inputs: string[] } {
  const { outputFiles, metafile } = buildSync({
    entryPoints: [path.join(import.meta.dirname, file)],
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: 'iife',
    platform: 'browser',
    target: 'es2022',
    charset: 'utf8',
    logLevel: 'warning',
  });
  return { text: outputFiles[0]?.text ?? '', inputs: Object.keys(metafile.inputs) };
}
