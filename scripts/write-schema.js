/** Part of the build: writes dist/flock.schema.json, which a flock.json may name as its `$schema`. */
import { writeFileSync } from 'node:fs';
import { flockFileSchema } from '../dist/flock/flock-file.js';

const file = new URL('../dist/flock.schema.json', import.meta.url);
writeFileSync(file, `${JSON.stringify(flockFileSchema(), null, 2)}\n`);
