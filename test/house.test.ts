import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { measure, type Figures } from '../scripts/house/figures.ts';
import { goals, missedGoals } from '../scripts/house/goals.ts';

const root = path.resolve(import.meta.dirname, '..');

/** A folder with these files, for as long as the test runs. */
function folderOf(test: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'house-'));
  test.after(() => {
    rmSync(folder, { recursive: true });
  });
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  }
  return folder;
}

const figuresOf = (test: TestContext, files: Readonly<Record<string, string>>): Figures =>
  measure(folderOf(test, files));

describe('the figures', () => {
  it('count the files and lines of TypeScript, and nothing else', (test) => {
    const figures = figuresOf(test, {
      'a.ts': 'const a = 1;\nconst b = 2;\n',
      'web/page.client.ts': 'const c = 3;',
      'empty.ts': '',
      'web/site.css': 'p {}\n',
      'README.md': '# a\n',
    });
    assert.equal(figures.files, 3);
    assert.equal(figures.lines, 3);
  });

  it('count an import of an own file once, whatever its form, and no package', (test) => {
    const figures = figuresOf(test, {
      'a.ts': [
        `import { readFileSync } from 'node:fs';`,
        `import * as z from 'zod';`,
        `import { b } from './b.ts';`,
        `import type { B } from './b.ts';`,
        `export { c } from './deep/c.ts';`,
        `export const later = async () => (await import('./deep/d.ts')).d;`,
        `type E = import('./deep/e.ts').E;`,
        ...Array.from({ length: 93 }, (_, line) => `// ${line}`),
      ].join('\n'),
      'deep/c.ts': `import '../b.ts';`,
    });
    assert.equal(figures.lines, 101);
    assert.equal(figures.importsPerThousandLines, 49.5);
  });

  it('count the exports that exactly one other file imports', (test) => {
    const figures = figuresOf(test, {
      'all.ts': [
        'export const one = 1, [two, { three }] = many;',
        'export function once(): void {}',
        'export default class {}',
        'const inside = 1;',
        'export { inside as outside };',
        'export type Kind = 1;',
        'export interface Shape {}',
        'export const used = one + two;',
      ].join('\n'),
      'first.ts': `import whole, { one, two as second, type Kind } from './all.ts';`,
      'second.ts': `import { one } from './all.ts';\nexport { outside as again } from './all.ts';`,
      'third.ts': `const found = (await import('./all.ts')).once;\nimport { again } from './second.ts';`,
    });
    // One: two, default, Kind, outside, once, again. Two: one. None: three, Shape, used.
    assert.equal(figures.percentServingOneFile, 60);
  });

  it('take an import of everything as one of each name', (test) => {
    const figures = figuresOf(test, {
      'all.ts': 'export const one = 1;\nexport const two = 2;',
      'first.ts': `import * as all from './all.ts';`,
      'second.ts': `export * from './all.ts';`,
      'third.ts': `import { one } from './all.ts';`,
      'fourth.ts': `export const each = import('./third.ts');`,
    });
    assert.equal(figures.percentServingOneFile, 0);
  });

  it('name each cycle, through types too', (test) => {
    const figures = figuresOf(test, {
      'a.ts': `import { b } from './deep/b.ts';`,
      'deep/b.ts': `import type { C } from './c.ts';`,
      'deep/c.ts': `import { a } from '../a.ts';\nimport { d } from '../d.ts';`,
      'd.ts': `import { a } from './a-type.ts';`,
      'a-type.ts': 'export type A = 1;',
    });
    assert.deepEqual(figures.cycles, ['a.ts → deep/b.ts → deep/c.ts → a.ts']);
  });

  it('find the type any by its line, and not the word', (test) => {
    const figures = figuresOf(test, {
      'a.ts': `// any\nconst any = 'any';\nlet a: any[];\nlet b = a as unknown as Map<string, any>;`,
    });
    assert.deepEqual(figures.anys, ['a.ts:3', 'a.ts:4']);
  });
});

describe('the goals', () => {
  const met: Figures = {
    files: 170,
    lines: 31_550,
    importsPerThousandLines: 30,
    percentServingOneFile: 33.3,
    cycles: [],
    anys: [],
  };
  const missed: readonly (readonly [Partial<Figures>, string])[] = [
    [{ files: 171 }, 'files: 171, at most 170'],
    [{ lines: 41_001 }, 'lines: 41,001, at most 41,000'],
    [{ importsPerThousandLines: 30.1 }, 'imports of own files per 1,000 lines: 30.1, at most 30'],
    [{ percentServingOneFile: 33.4 }, '% of exports serving one other file: 33.4, at most 33.3'],
    [{ cycles: ['a.ts → a.ts'] }, 'import cycles: 1, at most 0: a.ts → a.ts'],
    [{ anys: ['a.ts:1', 'b.ts:2'] }, 'any: 2, at most 0: a.ts:1, b.ts:2'],
  ];

  it('are met at their limits', () => {
    assert.deepEqual(missedGoals(met), []);
  });

  for (const [change, line] of missed) {
    it(`are missed beyond them: ${line}`, () => {
      assert.deepEqual(missedGoals({ ...met, ...change }), [line]);
    });
  }

  it('have a test for each', () => {
    assert.equal(missed.length, goals.length);
  });
});

describe('npm run house', () => {
  const run = (folder: string): { status: number | null; stdout: string; stderr: string } =>
    spawnSync(process.execPath, ['--import', 'tsx', 'scripts/house/house.ts', folder], {
      cwd: root,
      encoding: 'utf8',
    });

  it('prints the figures and ends with 0 where every goal is met', (test) => {
    const { status, stdout, stderr } = run(folderOf(test, { 'a.ts': 'export {};\n' }));
    assert.equal(stderr, '');
    assert.match(stdout, /^files +1 {3}at most 170\nlines +1 {3}at most 41,000\n/);
    assert.equal(status, 0);
  });

  it('ends with 1 and a line for each goal that is missed', (test) => {
    const { status, stdout, stderr } = run(folderOf(test, { 'a.ts': `import './a.ts';\nlet a: any;\n` }));
    assert.equal(stdout.split('\n').length, goals.length + 1);
    assert.match(stderr, /^imports of .*\nimport cycles: 1, .*\nany: 1, at most 0: a\.ts:2\n$/);
    assert.equal(status, 1);
  });

  it('ends with 64 where there is no such folder', () => {
    const { status, stderr } = run('no-such-folder');
    assert.equal(stderr, 'there is no folder no-such-folder\n');
    assert.equal(status, 64);
  });
});
