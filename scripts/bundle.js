import { build } from 'esbuild';
import { compiledAssets } from '../src/assets.ts';

/**
 * Leaves out the core-js polyfills that twitter-text imports. Node does not need them, and they would replace some of its
 * functions: then spreads, destructuring and regular expressions are slow in the whole process.
 */
const withoutPolyfills = {
  name: 'without polyfills',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^core-js\/modules\// }, ({ path }) => ({ path, namespace: 'native' }));
    onLoad({ filter: /.*/, namespace: 'native' }, () => ({ contents: '' }));
  },
};

/** Replaces the module that compiles the files for browsers by their compiled texts. */
const constantAssets = {
  name: 'constant assets',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]src[\\/]assets\.ts$/ }, () => ({
      contents: `const texts = ${JSON.stringify(compiledAssets().texts)};\nexport const asset = (name) => texts[name];\nexport const compiledAssets = () => ({ texts, inputs: [] });`,
    }));
  },
};

/** esbuild's options for every bundle of this project. */
export const joining = {
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  // Prefers ES modules to CommonJS, because esbuild can then leave out unused code.
  mainFields: ['module', 'main'],
  // twitter-text needs the package. Node's own module of that name is deprecated and prints a warning.
  alias: { punycode: 'punycode/punycode.js' },
  // CommonJS packages in a bundle load Node's modules with require().
  banner: {
    js: "import { createRequire as requireFor } from 'node:module';\nconst require = requireFor(import.meta.url);",
  },
  logLevel: 'warning',
  plugins: [withoutPolyfills, constantAssets],
};

/**
 * Bundles scripts with all their imports, so that they start fast and need no node_modules. Dynamic imports get files of
 * their own.
 *
 * @param {string[]} files - TypeScript or JavaScript
 * @param {string} folder - the folder for the bundles, each with the name of its script
 * @returns {Promise<string[]>} the files of node_modules in the bundles
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
