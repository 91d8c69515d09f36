import assert from 'node:assert/strict';
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { z } from 'zod';
import { cleanEnvironment, scriptOf, type Environment, type Program } from '../support/programs.ts';
import { tempFolder } from '../flock/temp-folder.ts';

interface Asked {
  cwd: string;
  program?: Program;
  env?: Environment;
}

function ask(args: readonly string[], { cwd, program = 'flockd', env }: Asked): SpawnSyncReturns<string> {
  const call = [scriptOf(program), 'complete', ...args];
  return spawnSync(process.execPath, call, { cwd, env: cleanEnvironment(env), encoding: 'utf8' });
}

/** What it answers, where it ends well and says nothing else. */
function answer(args: readonly string[], asked: Asked): string {
  const { status, stdout, stderr } = ask(args, asked);
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
  return stdout;
}

describe('what a shell is answered', () => {
  const root = tempFolder({ 'keys/howl.json': 'not a bundle', 'poems/Hymn.txt': '' });

  it('is the paths that could be, and the words with what they mean', () => {
    assert.equal(answer(['zsh', '--', 'resume', 'h'], { cwd: root }), 'none\nhowl\nhymn\n');
    assert.equal(answer(['fish', '--', 'run', '--root', ''], { cwd: root }), 'folders\n');
    assert.equal(answer(['fish', '--', 'import', ''], { cwd: root, program: 'keymaker' }), 'files\n');
    assert.equal(answer(['zsh', '--', 'unit'], { cwd: root }).split('\t')[0], 'none\nunit');
    assert.equal(answer(['zsh', '--', ''], { cwd: root }).includes('complete\t'), false);
  });

  it('is for bash by the line as it was typed', () => {
    for (const line of [
      'flockd resume h',
      '/opt/flockd resume h',
      'A=1 B="c d" flockd resume h',
      "flockd 'resume' h",
    ])
      assert.equal(answer(['bash', '--', line], { cwd: root }), 'none\nhowl\nhymn\n', line);
    assert.equal(answer(['bash', '--', ''], { cwd: root }).split('\n')[0], 'none');
  });

  it('is never an error', () => {
    const calls = [[], ['bash'], ['bash', '--'], ['tcsh', '--', 'resume', ''], ['zsh', '--', 'nothing', '']];
    for (const call of calls) answer(call, { cwd: root });
    assert.equal(answer(['zsh', '--', 'nothing', ''], { cwd: root }), 'none\n');
    const broken = tempFolder({ keys: '', poems: '', 'flock.json': '{' });
    assert.equal(answer(['zsh', '--', 'resume', ''], { cwd: broken }), 'none\n');
    const locked = tempFolder({ 'keys/howl.json': '' });
    chmodSync(path.join(locked, 'keys'), 0);
    answer(['zsh', '--', 'resume', ''], { cwd: locked });
    const env = { KEYMAKER_API_URL: 'nonsense', KEYMAKER_IDENTITY_FILE: '/nowhere', CONSUMER_TOKEN: 'half' };
    assert.equal(answer(['zsh', '--', 'resume', ''], { cwd: root, env }), 'none\nhowl\nhymn\n');
  });

  it('is found without opening a bundle or a poem', () => {
    const folder = tempFolder({});
    for (const place of ['keys', 'poems']) mkdirSync(path.join(folder, place));
    // To open one of them would take for ever.
    const fifos = ['keys/howl.json', 'keys/ode.json.age', 'poems/hymn.txt'].map((name) =>
      path.join(folder, name),
    );
    assert.equal(spawnSync('mkfifo', fifos).status, 0);
    assert.equal(answer(['zsh', '--', 'resume', ''], { cwd: folder }), 'none\nhowl\nhymn\node\n');
  });

  it('takes no library to find', () => {
    const folder = tempFolder({});
    answer(['zsh', '--', 'resume', ''], { cwd: root, env: { NODE_V8_COVERAGE: folder } });
    const [name = ''] = readdirSync(folder);
    const { result } = z
      .object({ result: z.array(z.object({ url: z.string() })) })
      .parse(JSON.parse(readFileSync(path.join(folder, name), 'utf8')));
    const loaded = result.map(({ url }) => url).filter((url) => url.startsWith('file:'));
    assert.ok(loaded.length > 3, 'the coverage was not written');
    assert.deepEqual(
      loaded.filter((url) => url.includes('node_modules')),
      [],
    );
    assert.deepEqual(
      loaded.filter((url) => /\/cli\/(program|terminal|flockd\/.+)\.js$/.test(url)),
      [],
    );
  });

  it('is nothing where the build did not write what there is to say', () => {
    const folder = tempFolder({ 'package.json': '{"type": "module"}' });
    const dist = path.dirname(scriptOf('flockd'));
    const chunk = readdirSync(dist).find((name) => /^complete-.*\.js$/.test(name)) ?? '';
    const call = `import(${JSON.stringify(`file://${dist}/${chunk}`)}).then(({ answerShell }) => answerShell('nobody', ['zsh', '--', '']))`;
    writeFileSync(path.join(folder, 'call.js'), call);
    const { status, stdout, stderr } = spawnSync(process.execPath, ['call.js'], {
      cwd: folder,
      encoding: 'utf8',
    });
    assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: '', stderr: '' });
  });
});
