import { build } from 'esbuild';
import { compiledAssets } from '../src/assets.ts';

/**
 * What twitter-text brings for browsers of long ago Node has itself. Loaded all the same it would replace some of it, and make
 * every spread, every destructuring and every regular expression of the whole process slow.
 */
const nothingForOldBrowsers = {
  name: 'nothing for old browsers',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^core-js\/modules\// }, ({ path }) => ({ path, namespace: 'native' }));
    onLoad({ filter: /.*/, namespace: 'native' }, () => ({ contents: '' }));
  },
};

/** Puts the texts of the files for browsers in the place of the module that compiles them. */
const constantAssets = {
  name: 'constant assets',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]src[\\/]assets\.ts$/ }, () => ({
      contents: `const texts = ${JSON.stringify(compiledAssets().texts)};\nexport const asset = (name) => texts[name];`,
    }));
  },
};

/** How anything of this project is joined with what it imports. */
export const joining = {
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  // Where a package has both module formats, the newer one, of which only what is used is taken.
  mainFields: ['module', 'main'],
  // twitter-text means the package; Node has an own one of that name, which warns of itself.
  alias: { punycode: 'punycode/punycode.js' },
  // Packages in the older module format ask Node for its own modules in that way.
  banner: {
    js: "import { createRequire as requireFor } from 'node:module';\nconst require = requireFor(import.meta.url);",
  },
  logLevel: 'warning',
  plugins: [nothingForOldBrowsers, constantAssets],
};

/**
 * Joins scripts with all that they import, so that they start fast and need no node_modules. What is imported only when it
 * is needed stays in files of its own beside them.
 *
 * @param {string[]} files - TypeScript or JavaScript
 * @param {string} folder - where the joined ones go, each under its own name
 * @returns {Promise<string[]>} the files of node_modules that are in them
 */
export async function bundle(files, folder) {
  const { metafile } = await build({
    ...joining,
    entryPoints: files,
    outdir: folder,
    splitting: true,
    legalComments: 'none',
    metafile: true,
  });
  const inside = [...Object.keys(metafile.inputs), ...compiledAssets().inputs];
  return inside.filter((file) => file.includes('node_modules/'));
}
