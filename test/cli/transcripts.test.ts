import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, it } from 'node:test';
import { diffLines } from 'diff';
import { readTranscript, runTranscript } from '../support/transcript.ts';

const folder = path.resolve(import.meta.dirname, '../transcripts');
const names = (await readdir(folder)).filter((name) => name.endsWith('.txt')).sort();

/** A mount namespace takes the same right as a mount, which containers often lack, root or not. */
const mayMount = spawnSync('unshare', ['--mount', 'true']).status === 0;

/**
 * Each file is a session at the shell; see test/support/transcript.ts for how it is read.
 * With UPDATE_TRANSCRIPTS=all (or one file's name) they are written anew, to be read with `git diff`.
 */
describe('transcripts', { concurrency: 4 }, () => {
  for (const name of names) {
    it(name, async (context) => {
      const text = await readFile(path.join(folder, name), 'utf8');
      const transcript = readTranscript(text);
      if (transcript.needsRoot && !mayMount) {
        context.skip('needs the right to mount');
        return;
      }
      const shown = await runTranscript(transcript);
      if (['all', name].includes(process.env['UPDATE_TRANSCRIPTS'] ?? '')) {
        await writeFile(path.join(folder, name), [shown, ...transcript.blocks].join('\n'));
        return;
      }
      assert.ok(
        shown === transcript.session,
        `${name} went otherwise:\n${difference(transcript.session, shown)}`,
      );
    });
  }
});

function difference(expected: string, actual: string): string {
  return diffLines(expected, actual)
    .map(({ added, removed, value }) => value.replaceAll(/^(?=.)/gm, added ? '+ ' : removed ? '- ' : '  '))
    .join('');
}
