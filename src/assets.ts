import path from 'node:path';
import { buildSync } from 'esbuild';

/** The files that browsers are sent, and what each is made from. */
const entries = {
  'dashboard.css': 'web/browser/dashboard.css',
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
  const text = known.get(name) ?? compiled(entries[name]);
  known.set(name, text);
  return text;
}

/** Every file for browsers, by its name. */
export const allAssets = (): Record<string, string> =>
  Object.fromEntries(Object.entries(entries).map(([name, file]) => [name, compiled(file)]));

function compiled(file: string): string {
  const { outputFiles } = buildSync({
    entryPoints: [path.join(import.meta.dirname, file)],
    bundle: true,
    minify: true,
    write: false,
    format: 'iife',
    platform: 'browser',
    target: 'es2022',
    charset: 'utf8',
    logLevel: 'warning',
  });
  return outputFiles[0]?.text ?? '';
}
