import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { flockd } from '../src/cli/flockd.ts';
import { keymaker } from '../src/cli/keymaker.ts';
import { manualOf, usageOf } from '../src/cli/manual.ts';
import { alarmNames } from '../src/config/hooks.ts';

const root = path.resolve(import.meta.dirname, '..');
const readme = readFileSync(path.join(root, 'README.md'), 'utf8');

const sources = readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => readFileSync(path.join(root, 'src', name), 'utf8'));

describe('the README', () => {
  it('tells of every event that is logged', () => {
    const events = sources.flatMap((text) =>
      Array.from(text.matchAll(/event: '([a-z-]+)'/g), ([, name]) => name),
    );
    const logged = new Set([...events, 'posted', 'refused', 'absent', 'skipped']);
    // What is about to be sent, and what a look costs, is in the ledger only.
    for (const name of ['intent', 'looked']) logged.delete(name);
    assert.ok(logged.size > 15);
    for (const name of logged) assert.ok(readme.includes(`\`${name}\``), `${name} is missing`);
  });

  it('tells of every alarm that a hook can have', () => {
    const alarms = readme.slice(readme.indexOf('### Alarms'), readme.indexOf('## At your shell'));
    for (const name of alarmNames) assert.ok(alarms.includes(`\`${name}\``), `${name} is missing`);
  });

  it('names tests of the promise that are there', () => {
    const promise = readme.slice(readme.indexOf('## The promise'), readme.indexOf('## With X'));
    const tests = Array.from(promise.matchAll(/`([\w/-]+\.test\.ts)`/g), ([, name = '']) => name);
    assert.ok(tests.length > 15);
    for (const name of tests) assert.ok(existsSync(path.join(root, 'test', name)), `test/${name} is missing`);
  });

  it('has a row for each command as it is called, and names only flags that it has', async () => {
    const table = readme.slice(readme.indexOf('\n## Commands\n'), readme.indexOf('\n### Exit codes'));
    const rows = new Map(
      Array.from(table.matchAll(/^\| `(\w+ [^`]+)` +\| (.+) \|$/gm), ([, call = '', text = '']) => [
        call,
        text,
      ]),
    );
    const manuals = await Promise.all([keymaker, flockd].map(manualOf));
    const commands = manuals.flatMap(({ name, commands: all }) =>
      all.map((command) => ({ call: `${name} ${usageOf(command)}`, flags: command.flags })),
    );
    assert.deepEqual([...rows.keys()].sort(), commands.map(({ call }) => call).sort());
    for (const { call, flags } of commands) {
      const named = Array.from((rows.get(call) ?? '').matchAll(/`(--[\w-]+)/g), ([, flag = '']) => flag);
      const known = flags.map(({ name }) => `--${name}`);
      assert.deepEqual(
        named.filter((flag) => !known.includes(flag)),
        [],
        call,
      );
    }
  });

  it('tells of every variable of the environment that is ours', () => {
    const variables = sources.flatMap((text) => text.match(/\b(?:KEYMAKER|CONSUMER)_[A-Z_]*[A-Z]\b/g) ?? []);
    for (const name of new Set(variables)) assert.ok(readme.includes(`\`${name}`), `${name} is missing`);
  });
});
