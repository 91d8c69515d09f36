import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { readAhead } from '../../src/keys/read-ahead.ts';
import { ownFile } from '../../src/own-files.ts';
import { tempFolder } from '../flock/temp-folder.ts';

const rule = { largest: 1000, credentials: undefined };

/** So many that threads read them, not a whole number of batches. */
const many = 5_003;

function folderOf(count: number): { file: string; text: string | undefined }[] {
  const folder = tempFolder();
  return Array.from({ length: count }, (_, index) => {
    const file = path.join(folder, `${index}.json`);
    writeFileSync(file, `text ${index} é`, { mode: 0o600 });
    return { file, text: `text ${index} é` };
  });
}

async function textsOf(
  things: readonly { file: string }[],
  program?: string,
): Promise<(string | undefined)[]> {
  const texts: (string | undefined)[] = [];
  for await (const [thing, text] of readAhead(things, rule, program)) {
    assert.equal(thing, things[texts.length]);
    texts.push(text);
  }
  return texts;
}

describe('reading ahead', () => {
  it('gives the texts of many files in their order, and none for those that cannot be read', async () => {
    const things = folderOf(many);
    const spoilt = (index: number, name: string): { file: string; text: string | undefined } => {
      const thing = { file: path.join(path.dirname(things[0]?.file ?? ''), name), text: undefined };
      return (things[index] = thing);
    };
    spoilt(7, 'missing.json');
    mkdirSync(spoilt(499, 'folder.json').file);
    symlinkSync('0.json', spoilt(500, 'link.json').file);
    writeFileSync(spoilt(4000, 'open.json').file, 'open to others', { mode: 0o644 });
    writeFileSync(spoilt(5002, 'large.json').file, 'x'.repeat(1001), { mode: 0o600 });
    assert.deepEqual(
      await textsOf(things),
      things.map(({ text }) => text),
    );
  });

  it('reads nothing where a thread cannot run, or dies', async () => {
    const things = folderOf(many);
    const none = things.map(() => undefined);
    assert.deepEqual(await textsOf(things, ownFile('dist/missing.js')), none);
    const dying = path.join(tempFolder(), 'dying.mjs');
    writeFileSync(
      dying,
      `import { parentPort } from 'node:worker_threads';
      parentPort.once('message', () => { throw new Error('dies'); });`,
    );
    assert.deepEqual(await textsOf(things, dying), none);
  });

  it('leaves few files to whoever wants them', async () => {
    assert.deepEqual(await textsOf(folderOf(3)), [undefined, undefined, undefined]);
    assert.deepEqual(await textsOf([]), []);
  });

  it('ends its threads where nobody wants the rest', async () => {
    for await (const [, text] of readAhead(folderOf(many), rule)) {
      assert.equal(text, 'text 0 é');
      break;
    }
    assert.ok(!process.getActiveResourcesInfo().includes('MessagePort'));
  });
});
