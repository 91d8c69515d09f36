/** Part of the build: writes the man pages, and what completion reads, from the tables of the verbs. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { flockd } from '../dist/cli/flockd.js';
import { keymaker } from '../dist/cli/keymaker.js';
import { manPage } from '../dist/cli/man-page.js';
import { manualOf } from '../dist/cli/manual.js';

const at = (name) => new URL(`../${name}`, import.meta.url);
const { version } = JSON.parse(readFileSync(at('package.json'), 'utf8'));
// @see reproducible-builds.org: the same sources make the same pages where the day is told.
const { SOURCE_DATE_EPOCH: seconds } = process.env;
const day = seconds ? new Date(Number(seconds) * 1000) : new Date();
const date = day.toISOString().slice(0, 10);

mkdirSync(at('dist/man'), { recursive: true });
for (const program of [keymaker, flockd]) {
  const manual = await manualOf(program);
  writeFileSync(at(`dist/man/${program.name}.1`), manPage(manual, { version, date }));
  writeFileSync(at(`dist/man/${program.name}.json`), JSON.stringify(manual));
}
