/**
 * Writes the npm package `flockd` into a folder: node scripts/release/alias.js FOLDER
 * It has nothing of its own. With it, `npx flockd` and `npm install -g flockd` find the program.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const [folder = ''] = process.argv.slice(2);
const manifest = path.resolve(import.meta.dirname, '../../package.json');
const { version, license, author, homepage, repository, bugs, engines } = JSON.parse(
  readFileSync(manifest, 'utf8'),
);
mkdirSync(folder, { recursive: true });
const put = (name, text) => writeFileSync(path.join(folder, name), text);
put(
  'package.json',
  `${JSON.stringify(
    {
      name: 'flockd',
      version,
      description: 'The daemon of keymaker: posts the lines of a flock of poems.',
      license,
      author,
      homepage,
      repository,
      bugs,
      engines,
      type: 'module',
      bin: { flockd: 'flockd.js', keymaker: 'keymaker.js' },
      dependencies: { keymaker: version },
    },
    undefined,
    2,
  )}\n`,
);
for (const name of ['flockd', 'keymaker'])
  put(`${name}.js`, `#!/usr/bin/env node\nimport 'keymaker/dist/${name}.js';\n`);
put('README.md', `flockd is part of keymaker: ${homepage}\n`);
