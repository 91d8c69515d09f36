/**
 * Makes dist/: both programs as bundles, the schema of flock.json, the man pages, their content as JSON for completion, and
 * the licences of the bundled packages.
 */
import { chmod, cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { manPage } from '../src/cli/help.ts';
import { flockd, keymaker } from '../src/cli/program.ts';
import { manualOf } from '../src/cli/manual.ts';
import { flockFileSchema } from '../src/config/flock-file.ts';
import { manNameOf, manPageOf, sectionAsRoff, topicNames } from '../src/manual/manual.ts';
import { bundle } from './bundle.js';

const root = path.resolve(import.meta.dirname, '..');
process.chdir(root);
await rm('dist', { recursive: true, force: true });
const bundled = await bundle(['src/keymaker.ts', 'src/flockd.ts'], 'dist');
for (const program of ['keymaker', 'flockd']) await chmod(`dist/${program}.js`, 0o755);
await writeFile('dist/LICENSES.txt', await licensesOf(packagesOf(bundled)));
await writeFile('dist/flock.schema.json', `${JSON.stringify(flockFileSchema(), null, 2)}\n`);
await cp('src/manual', 'dist/manual', { recursive: true, filter: (file) => !file.endsWith('.ts') });
await mkdir('dist/man');
const { version } = JSON.parse(await readFile('package.json', 'utf8'));
// SOURCE_DATE_EPOCH makes builds of the same source equal: reproducible-builds.org.
const { SOURCE_DATE_EPOCH: seconds } = process.env;
const day = seconds ? new Date(Number(seconds) * 1000) : new Date();
const edition = {
  version,
  date: day.toISOString().slice(0, 10),
  others: topicNames.map(manNameOf),
  files: sectionAsRoff('flock.json', 'The files of a flock'),
  environment: sectionAsRoff('flock.json', 'The environment'),
};
for (const program of [keymaker, flockd]) await describe(program);
for (const topic of topicNames) await writeFile(`dist/man/${manNameOf(topic)}.7`, manPageOf(topic, edition));

/** Writes a program's man page, and the same content as JSON for help and completion. */
async function describe(program) {
  const manual = await manualOf(program);
  await writeFile(`dist/man/${program.name}.1`, manPage(manual, edition));
  await writeFile(`dist/man/${program.name}.json`, JSON.stringify(manual));
}

/** The folders of the packages that contain some files. */
function packagesOf(files) {
  const found = files.map((file) => /.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? '');
  return [...new Set(found)].sort();
}

/** The texts of the packages' licences, which their licences require in copies. */
async function licensesOf(packages) {
  const parts = [];
  for (const folder of packages) {
    const { name, version, license } = JSON.parse(await readFile(`${folder}/package.json`, 'utf8'));
    const file = (await readdir(folder)).find((entry) => /^(licen[cs]e|copying)/i.test(entry));
    const text = file === undefined ? `License: ${license}` : await readFile(path.join(folder, file), 'utf8');
    parts.push(`${name} ${version}\n\n${text.trim()}\n`);
  }
  return parts.join(`\n${'-'.repeat(80)}\n\n`);
}
