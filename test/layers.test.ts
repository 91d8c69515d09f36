import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { Linter } from 'eslint';
import tseslint from 'typescript-eslint';
import { faultOf, layers, rows } from '../scripts/layers.js';

const right: readonly (readonly [file: string, source: string])[] = [
  ['keymaker.ts', './cli/program.ts'],
  ['cli/flockd/run.ts', '../../daemon/daemon.ts'],
  ['cli/flockd/run.ts', '../program.ts'],
  ['cli/keymaker/sandbox.ts', '../../sandbox/server.ts'],
  ['rehearsal/stage.ts', '../sandbox/sandbox.ts'],
  ['web/dashboard/page.ts', '../html.ts'],
  ['posting/decide.ts', '../ledger/state.ts'],
  ['posting/decide.ts', './cursor.ts'],
  ['posting/decide.ts', 'zod'],
  ['networks/x/failure.ts', '../../http/exchange.ts'],
  ['networks/x/client.ts', 'twitter-api-v2'],
  ['ledger/journal.ts', '../fs.ts'],
  ['ledger/journal.ts', 'node:fs'],
  ['fs.ts', './errors.ts'],
  ['sandbox/world.ts', '../clock.ts'],
];

const wrong: readonly (readonly [file: string, source: string, fault: string])[] = [
  ['ledger/state.ts', '../posting/cursor.ts', 'posting is above ledger'],
  ['errors.ts', './fs.ts', 'fs.ts is above errors.ts'],
  ['context.ts', './cli/program.ts', 'cli is above context.ts'],
  ['doctor/report.ts', '../web/html.ts', 'doctor and web are in one row'],
  ['log.ts', './fs.ts', 'log.ts and fs.ts are in one row'],
  [
    'sandbox/world.ts',
    '../schedule/schedule.ts',
    'sandbox imports only assets.ts, errors.ts, clock.ts, fs.ts, text.ts, cost.ts, poems',
  ],
  ['web/server.ts', '../sandbox/server.ts', 'sandbox is for rehearsal, cli and for tests'],
  ['posting/decide.ts', '../fs.ts', 'a module that decides has no disk and no network'],
  ['networks/x/failure.ts', '../../http/undici.ts', 'a module that decides has no disk and no network'],
];

describe('the rows of folders', () => {
  for (const [file, source] of right) {
    it(`let src/${file} import ${source}`, () => {
      assert.equal(faultOf(file, source), undefined);
    });
  }

  for (const [file, source, fault] of wrong) {
    it(`keep src/${file} from ${source}: ${fault}`, () => {
      const target = path.posix.join(path.posix.dirname(file), source);
      assert.equal(faultOf(file, source), `src/${file} cannot import src/${target}: ${fault}`);
      assert.equal(faultOf(file, source, true), faultOf(file, source));
    });
  }

  it('have a place for every file', () => {
    assert.equal(faultOf('errors.ts', './other.ts'), 'src/other.ts has no row in scripts/layers.js');
    assert.equal(faultOf('other/a.ts', './b.ts'), 'src/other/a.ts has no row in scripts/layers.js');
    assert.equal(faultOf('webs/a.ts', '../web/html.ts'), 'src/webs/a.ts has no row in scripts/layers.js');
  });

  it('name each folder once', () => {
    const entries = rows.flat();
    assert.deepEqual(entries, [...new Set(entries)]);
  });
});

describe('the map in src/README.md', () => {
  const src = path.resolve(import.meta.dirname, '../src');
  const map = readFileSync(path.join(src, 'README.md'), 'utf8');

  it('has the folders in the order of the rows', () => {
    const named = Array.from(map.matchAll(/^\| (`.+?`) +\|/gm), ([, cell = '']) =>
      Array.from(cell.matchAll(/`([^`]+?)\/?`/g), ([, name = '']) => name),
    );
    const shown = named.filter((names) => names.every((name) => !name.includes(' ')));
    assert.deepEqual(
      shown.flat().map((name) => name.split('/')[0]),
      rows.flat(),
    );
  });

  it('names files that are there', () => {
    const files = Array.from(map.matchAll(/`([\w./-]+\.(?:ts|js|css))`/g), ([, file = '']) => file);
    assert.ok(files.length > 30);
    const places = (file: string): string[] => [path.join(src, file), path.resolve(src, '..', file)];
    const known = readdirSync(src, { recursive: true, encoding: 'utf8' });
    for (const file of files)
      assert.ok(
        places(file).some(existsSync) || known.some((one) => one.endsWith(`/${file}`)),
        `there is no ${file}`,
      );
  });
});

describe('packages', () => {
  it('have one folder that imports them, and types for all', () => {
    const fault = 'src/ledger/journal.ts cannot import undici: only src/http does';
    assert.equal(faultOf('ledger/journal.ts', 'undici'), fault);
    assert.equal(faultOf('ledger/journal.ts', 'undici/types'), fault.replace('undici', 'undici/types'));
    assert.equal(faultOf('ledger/journal.ts', 'undici', true), undefined);
  });

  for (const source of ['node:fs/promises', 'fs-extra', 'node:net', 'node:child_process'])
    it(`that touch the world are not for a module that decides: ${source}`, () => {
      const fault = `src/posting/decide.ts cannot import ${source}: a module that decides has no disk and no network`;
      assert.equal(faultOf('posting/decide.ts', source), fault);
    });
});

describe('the lint rule', () => {
  const forms = [
    `import { a } from '../posting/post.ts';`,
    `import type { A } from '../posting/post.ts';`,
    `export { a } from '../posting/post.ts';`,
    `export * from '../posting/post.ts';`,
    `export const a = () => import('../posting/post.ts');`,
    `export type A = import('../posting/post.ts').A;`,
  ];
  for (const code of forms) {
    it(`sees ${code}`, () => {
      const linter = new Linter({ cwd: '/house' });
      const messages = linter.verify(
        code,
        {
          files: ['**/*.ts'],
          languageOptions: { parser: tseslint.parser },
          plugins: { house: { rules: { layers } } },
          rules: { 'house/layers': 'error' },
        },
        { filename: '/house/src/ledger/journal.ts' },
      );
      assert.deepEqual(
        messages.map(({ message }) => message),
        ['src/ledger/journal.ts cannot import src/posting/post.ts: posting is above ledger'],
      );
    });
  }
});
