import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import path from 'node:path';
import { plainEnvironment } from '../config/environment.ts';
import { systemCode } from '../errors.ts';
import type { Trouble } from './trouble.ts';

/** Why a command could not be started, from what was thrown. */
export function notStarted(error: unknown): Trouble {
  const code = systemCode(error);
  if (code === 'ENOENT' || code === 'ENOTDIR') return missing;
  if (code === 'EACCES' || code === 'EPERM') return forbidden;
  return { why: `it cannot be started (${code ?? 'unknown'})`, passes: false };
}

const missing: Trouble = { why: 'there is no such command', passes: false };

const forbidden: Trouble = {
  why: 'flockd may not run it',
  hint: 'chmod +x it; under systemd, ExecPaths= in a drop-in must name it and what it runs',
  passes: false,
};

/** Why a command could not be started now, as far as that can be told without starting it. */
export async function whyNotRunnable(program: string, cwd: string): Promise<Trouble | undefined> {
  const folders = (plainEnvironment()['PATH'] ?? '').split(':').filter((folder) => folder !== '');
  const places = program.includes('/')
    ? [path.resolve(cwd, program)]
    : folders.map((folder) => path.join(folder, program));
  let trouble = missing;
  for (const place of places) {
    try {
      await access(place, constants.X_OK);
      return undefined;
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') trouble = notStarted(error);
    }
  }
  return trouble;
}
