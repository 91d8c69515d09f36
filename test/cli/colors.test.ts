import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { tempFolder } from '../flock/temp-folder.ts';
import { start, type Environment } from '../support/programs.ts';

/** What doctor says of a flock of nobody: some of it is bold. */
async function checkup(env: Environment, columns?: number): Promise<string> {
  const cwd = tempFolder();
  const doctor = start('keymaker', ['doctor', '--offline'], { cwd, env, ...(columns && { columns }) });
  assert.deepEqual(await doctor.exit, { code: 1, signal: null });
  assert.equal(doctor.stderr, '');
  assert.match(doctor.stdout, /app keys: not set/);
  return doctor.stdout;
}

describe('colours', { concurrency: 4 }, () => {
  const table: [set: Environment, where: 'in a pipe' | 'on a terminal', are: boolean][] = [
    [{}, 'on a terminal', true],
    [{}, 'in a pipe', false],
    [{ CI: '1' }, 'in a pipe', false],
    [{ NO_COLOR: '1' }, 'on a terminal', false],
    [{ FORCE_COLOR: '1' }, 'in a pipe', true],
    [{ CLICOLOR_FORCE: '1' }, 'in a pipe', true],
    [{ FORCE_COLOR: '0' }, 'on a terminal', false],
    [{ NO_COLOR: '1', FORCE_COLOR: '1' }, 'on a terminal', false],
  ];
  for (const [set, where, are] of table) {
    it(`are ${are ? '' : 'not '}shown ${where} with ${JSON.stringify(set)}`, async () => {
      const shown = await checkup(set, where === 'on a terminal' ? 80 : undefined);
      assert.equal(shown.includes('\u001b['), are, JSON.stringify(shown));
    });
  }

  it('are not in what a program reads', async () => {
    const cwd = tempFolder();
    const env = { FORCE_COLOR: '1' };
    for (const args of [['--help'], ['completion', 'zsh'], ['list', '--json']]) {
      const keymaker = start('keymaker', args, { cwd, env });
      await keymaker.exit;
      assert.ok(!keymaker.stdout.includes('\u001b['));
    }
  });
});
