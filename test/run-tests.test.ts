import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';

const root = path.resolve(import.meta.dirname, '..');

const tests = {
  'src/number.ts': 'export const number: number = 1;\n',
  'test/number.test.ts': `
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { number } from '../src/number.ts';
describe('the number', () => {
  it('is one', () => assert.equal(number, 1));
  it('is odd', () => assert.equal(number % 2, 1));
});
`,
  'test/deep/wrong.test.ts': `
import { it } from 'node:test';
it('is wrong', () => { throw new Error('as it should be'); });
it('is right', () => {});
`,
  'test/deep/helper.ts': `throw new Error('a helper is no test');\n`,
  'test/simulation/history.test.ts': `
import { it } from 'node:test';
it('is a history', () => {});
`,
};

/** A checkout of its own with these tests, and the scripts that run them. */
const checkout = mkdtempSync(path.join(tmpdir(), 'run-tests-'));

const script = path.join(checkout, 'scripts/run-tests');

/** The runner refuses to run inside of a test unless it does not know. */
const { NODE_TEST_CONTEXT: _, ...env } = process.env;

/** Calls `scripts/run-tests`. @returns how it ended, the tests that were run, and what it said besides */
function run(...args: string[]): {
  code: number | null;
  ran: readonly string[];
  stdout: string;
  stderr: string;
} {
  const call = spawnSync(script, args, { cwd: checkout, encoding: 'utf8', env });
  // A test that failed is shown twice or three times.
  const shown = [...call.stdout.matchAll(/^ *([✔✖] is .*?) \(.*\)$/gm)].map(([, test = '']) => test);
  return { code: call.status, ran: [...new Set(shown)].sort(), stdout: call.stdout, stderr: call.stderr };
}

before(() => {
  for (const name of ['run-tests', 'join-tests.js', 'end-tests.js'])
    cpSync(path.join(root, 'scripts', name), path.join(checkout, 'scripts', name));
  symlinkSync(path.join(root, 'node_modules'), path.join(checkout, 'node_modules'));
  writeFileSync(path.join(checkout, 'package.json'), '{ "type": "module" }');
  for (const [name, text] of Object.entries(tests)) {
    mkdirSync(path.dirname(path.join(checkout, name)), { recursive: true });
    writeFileSync(path.join(checkout, name), text);
  }
});

after(() => {
  rmSync(checkout, { recursive: true });
});

describe('npm test', () => {
  it('runs every test, and fails where one does', () => {
    const { code, ran, stdout } = run();
    assert.deepEqual(ran, ['✔ is a history', '✔ is odd', '✔ is one', '✔ is right', '✖ is wrong']);
    assert.match(stdout, /failing tests:[^]*is wrong/);
    assert.equal(code, 1);
  });

  it('runs a file', () => {
    const { code, ran } = run('test/number.test.ts');
    assert.deepEqual(ran, ['✔ is odd', '✔ is one']);
    assert.equal(code, 0);
  });

  it('runs all below a folder', () => {
    const { code, ran } = run('test/deep/');
    assert.deepEqual(ran, ['✔ is right', '✖ is wrong']);
    assert.equal(code, 1);
  });

  it('runs a file that is named twice once', () => {
    const { ran } = run('test/number.test.ts', 'test/simulation', './test/number.test.ts');
    assert.deepEqual(ran, ['✔ is a history', '✔ is odd', '✔ is one']);
  });

  it('runs those with a name, and lists no other', () => {
    const { code, ran, stdout } = run('--grep', 'is (odd|right|a h)');
    assert.deepEqual(ran, ['✔ is a history', '✔ is odd', '✔ is right']);
    assert.doesNotMatch(stdout, /is wrong|does not match/);
    assert.equal(code, 0);
  });

  it('runs a group with a name', () => {
    const { code, ran } = run('--grep=the number', 'test');
    assert.deepEqual(ran, ['✔ is odd', '✔ is one']);
    assert.equal(code, 0);
  });

  it('shows how it is called', () => {
    const { code, stdout } = run('--help');
    assert.match(stdout, /^Runs tests with node:test\.\n {2}npm test .*every test\n/);
    assert.equal(code, 0);
  });

  const nothing: readonly (readonly [args: readonly string[], line: string])[] = [
    [['test/nowhere'], 'test/nowhere does not exist'],
    [['test/number.test.ts', 'test/number.tset.ts'], 'test/number.tset.ts does not exist'],
    [['src'], 'src has no tests: their files end in .test.ts'],
    [['test/deep/helper.ts'], 'test/deep/helper.ts has no tests: their files end in .test.ts'],
    [['--watch', 'test/nowhere'], 'test/nowhere does not exist'],
    [['--grep', 'is two', 'test/number.test.ts'], 'no test name matches'],
    [['--grep'], '--grep needs a name'],
    [['--grp', 'one'], 'unknown option --grp: the options are --watch and --grep NAME'],
  ];
  for (const [args, line] of nothing) {
    it(`ends with 64 and one line for ${args.join(' ')}`, () => {
      const { code, stderr } = run(...args);
      assert.equal(stderr, `run-tests: ${line}\n`);
      assert.equal(code, 64);
    });
  }

  it('runs again with --watch when a file that is imported changes', async () => {
    const watch = spawn(script, ['--watch', '--grep', 'is odd', 'test/number.test.ts'], {
      cwd: checkout,
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const runs: string[] = [];
    for await (const chunk of watch.stdout.setEncoding('utf8')) {
      for (const [mark] of String(chunk).matchAll(/[✔✖](?= is odd)/g)) runs.push(mark);
      if (runs.length === 1)
        writeFileSync(path.join(checkout, 'src/number.ts'), 'export const number: number = 2;\n');
      if (runs.includes('✖')) watch.kill();
    }
    writeFileSync(path.join(checkout, 'src/number.ts'), tests['src/number.ts']);
    assert.deepEqual(runs.slice(0, 2), ['✔', '✖']);
  });
});
