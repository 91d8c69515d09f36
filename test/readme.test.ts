import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { flockd, keymaker } from '../src/cli/program.ts';
import { manualOf, usageOf } from '../src/cli/manual.ts';
import { slugOf, topicNames } from '../src/manual/manual.ts';

const root = path.resolve(import.meta.dirname, '..');
const readme = readFileSync(path.join(root, 'README.md'), 'utf8');

describe('the README', () => {
  it('has at most 200 lines', () => {
    assert.ok(readme.split('\n').length <= 200);
  });

  it('links only to files that exist', () => {
    const files = Array.from(
      readme.matchAll(/(?:\]\(|src(?:set)?=")([^)"#:]+)[)"]/g),
      ([, file = '']) => file,
    );
    assert.ok(files.length > 10);
    for (const file of files) assert.ok(existsSync(path.join(root, file)), file);
  });

  it('lists every page of the manual', () => {
    for (const topic of topicNames)
      assert.ok(readme.includes(`](src/manual/${slugOf(topic)}.md)`), `${topic} is missing`);
  });

  it('gives the same callback URLs as the manual', () => {
    const urls = (text: string): string[] => [...new Set(text.match(/^ +http:\/\/127\.0\.0\.1\S*$/gm))];
    const networks = readFileSync(path.join(root, 'src/manual/networks.md'), 'utf8');
    assert.equal(urls(readme).length, 3);
    assert.deepEqual(urls(readme), urls(networks));
  });

  it('has a row for each command as it is called, and names only flags that it has', async () => {
    const table = readme.slice(readme.indexOf('\n## Commands\n'), readme.indexOf('\n## The manual'));
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
});
