import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { ownFile } from '../../src/fs.ts';
import { readAhead } from '../../src/keys/read-ahead.ts';
import { tempFolder } from '../flock/temp-folder.ts';
import { bundle } from '../support/bundle.ts';

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

  const bad: [why: string, program: string][] = [
    ['is not there', ''],
    ['ends at once', 'export {};'],
    ['ends the first time it is asked', `parentPort.once('message', () => process.exit(0));`],
    ['dies', `parentPort.once('message', () => { throw new Error('dies'); });`],
    ['is another version, which answers otherwise', `parentPort.on('message', ({ files }) => parentPort.postMessage(files));`],
    ['takes one file for another', `parentPort.on('message', ({ files }) => parentPort.postMessage(files.map((file, i) => [files[i + 1], 'text'])));`],
  ]; // prettier-ignore
  for (const [why, code] of bad) {
    it(`reads nothing where the program of its threads ${why}`, async () => {
      const things = folderOf(many);
      const program = path.join(tempFolder(), 'program.mjs');
      if (code !== '') writeFileSync(program, `import { parentPort } from 'node:worker_threads'; ${code}`);
      assert.deepEqual(
        await textsOf(things, program),
        things.map(() => undefined),
      );
    });
  }

  it('reads nothing where no thread may be made', async () => {
    const script = await bundle(path.join(import.meta.dirname, 'read-ahead-process.ts'));
    const [{ file } = { file: '' }] = folderOf(1);
    const known = process.allowedNodeEnvironmentFlags;
    const saidWith = (...flags: string[]): string =>
      spawnSync(process.execPath, [...flags, script, file, ownFile('dist/bundle-reader.js')], {
        encoding: 'utf8',
      }).stdout;
    assert.equal(saidWith(), '5003 of 5003 were read\n');
    const fence = ['--permission', '--experimental-permission'].find((flag) => known.has(flag)) ?? '';
    const fenced = [fence, '--allow-fs-read=*', '--allow-fs-write=*'];
    assert.equal(saidWith(...fenced), '0 of 5003 were read\n');
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
