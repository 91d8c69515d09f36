/**
 * Bundles test files with the files of this repository that they import. They then start in half the time, because their
 * processes do not each compile the same files. `import.meta` still gives the place of the source.
 *   node scripts/join-tests.js FOLDER FILE…    test/cost/money.test.ts becomes FOLDER/test/cost/money.test.mjs
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = path.resolve(import.meta.dirname, '..');
const [folder, ...files] = process.argv.slice(2);

/** Defines the place of each source in constants. They are in its first line, so that line numbers stay the same. */
const places = {
  name: 'places',
  setup: ({ onLoad }) =>
    onLoad({ filter: /\.[jt]s$/ }, async ({ path: file }) => {
      const place = { dirnameOfSource: path.dirname(file), urlOfSource: pathToFileURL(file).href };
      const names = Object.entries(place).map(([name, value]) => `const ${name} = ${JSON.stringify(value)};`);
      return {
        contents: names.join(' ') + (await readFile(file, 'utf8')),
        loader: file.endsWith('.ts') ? 'ts' : 'js',
      };
    }),
};

await build({
  absWorkingDir: root,
  entryPoints: files,
  outdir: folder,
  outbase: root,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  splitting: true,
  packages: 'external',
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  sourcemap: 'linked',
  define: { 'import.meta.dirname': 'dirnameOfSource', 'import.meta.url': 'urlOfSource' },
  plugins: [places],
  logLevel: 'warning',
});
