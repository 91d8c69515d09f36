import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { ownFile } from '../fs.ts';

const manifest = z.object({ version: z.string() });

/** The version of the package this file is part of. */
export const version = (): string =>
  manifest.parse(JSON.parse(readFileSync(ownFile('package.json'), 'utf8'))).version;
