import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, it } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { type Running, startCommand, terminalScript } from '../support/programs.ts';

const root = path.resolve(import.meta.dirname, '../..');
const demo = [process.execPath, path.join(root, 'scripts/demo.js')];

const textOf = ({ stdout }: Running): string => stripVTControlCharacters(stdout).replaceAll('\r', '');

describe('the demo', () => {
  it('ends by itself without a terminal, and has posted each line once', async () => {
    const running = startCommand([...demo, '--rounds', '1'], { cwd: root });
    assert.equal((await running.exit).code, 0);
    assert.match(textOf(running), /Done: \d+ posts, every line once and in order\.\n$/);
  });

  it('asks before it answers, shows the flock in the terminal, and goes on until Enter', async () => {
    const running = startCommand(['python3', terminalScript, '100', ...demo], { cwd: root });
    await running.matching(/6 bots: 6 posting/);
    await running.matching(/posted line 1 of/);
    const shown = textOf(running);
    assert.match(shown, /authorizes the app\)\n {2}PIN for beacons \(r for a new link, n to skip\): \d{7}\n/);
    const page = /The page of the flock: +(\S+)/.exec(shown)?.[1] ?? '';
    assert.match(await (await fetch(page)).text(), /lamplighter/);
    running.answer('');
    assert.equal((await running.exit).code, 0);
    assert.match(textOf(running), /Next, with poems of your own:/);
    await assert.rejects(fetch(page));
  });
});
