import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { cleanEnvironment, scriptOf, startCommand, terminalScript } from '../../support/programs.ts';
import { tempFolder } from '../../flock/temp-folder.ts';

/** A folder whose name would do harm, were it ever run. */
const harm = `a b'"$(touch harmed)\`touch harmed\`;touch harmed`;
const quotedHarm = `'${harm.replaceAll("'", String.raw`'\''`)}'`;

const programs = Object.fromEntries(
  (['keymaker', 'flockd'] as const).map((name) => [
    `bin/${name}`,
    `#!/bin/sh\nexec '${process.execPath}' '${scriptOf(name)}' "$@"\n`,
  ]),
);
const root = tempFolder({
  ...programs,
  [`home/${harm}/keys/howl.json`]: '',
  [`home/${harm}/keys/-dash.json`]: '',
  [`home/${harm}/poems/psalm.txt`]: '',
  'home/key.yml': '',
});
for (const name of Object.keys(programs)) chmodSync(path.join(root, name), 0o700);
const home = path.join(root, 'home');
const env = cleanEnvironment({
  HOME: home,
  PATH: `${path.join(root, 'bin')}:${process.env['PATH'] ?? ''}`,
  XDG_CONFIG_HOME: undefined,
  XDG_DATA_HOME: undefined,
});

const missing = (shell: string): string | false =>
  spawnSync(shell, ['--version']).status !== 0 &&
  `${shell} is not installed: scripts/install-debian ${shell}`;

/** A shell as its completion is tried: without any settings of the person's. */
interface Shell {
  name: 'bash' | 'zsh' | 'fish';
  call: string[];
  /** Before the first line. zsh takes vi's keys where EDITOR is vi. */
  setup: string;
}

const shells: Shell[] = [
  { name: 'bash', call: ['bash', '--norc', '--noprofile', '-i'], setup: '' },
  { name: 'zsh', call: ['zsh', '-f', '-i'], setup: 'bindkey -e; autoload -Uz compinit; compinit -D -u; ' },
  { name: 'fish', call: ['fish', '--no-config', '-i'], setup: '' },
];

/** Types lines with tabs into a shell on a terminal. @returns the words that each line had in the end */
async function typed(
  { name, call, setup }: Shell,
  lines: readonly string[],
  cwd = home,
): Promise<string[][]> {
  const shell = startCommand(['python3', terminalScript, '200', ...call], { cwd, env });
  const source = ['flockd', 'keymaker'].map((program) =>
    name === 'fish' ? `${program} completion fish | source` : `source <(${program} completion ${name})`,
  );
  shell.answer(`${setup}${source.join('; ')}; echo read''y`);
  let { end } = await shell.matching(/ready/);
  const results: string[][] = [];
  for (const line of lines) {
    // To the beginning of the line, and to its end: what was completed becomes the arguments of printf.
    shell.write(`${line}\u0001printf '<%s>' \u0005 '!'\r`);
    const found = await shell.matching(/(?:<[^<>]*>)+<!>/, { from: end });
    end = found.end;
    results.push(Array.from(found[0].matchAll(/<([^>]*)>/g), ([, word = '']) => word).slice(0, -1));
  }
  shell.answer('exit');
  await shell.exit;
  assert.ok(!existsSync(path.join(cwd, 'harmed')), 'a part of the line was run');
  return results;
}

for (const shell of shells) {
  describe(`completion in ${shell.name}`, { skip: missing(shell.name) }, () => {
    it('completes what is typed', async () => {
      const table: [line: string, words: string[]][] = [
        ['flockd sta\t', ['flockd', 'status']],
        ['flockd status --js\t', ['flockd', 'status', '--json']],
        ['keymaker completion z\t', ['keymaker', 'completion', 'zsh']],
        ['keymaker make-keys --provider tu\t', ['keymaker', 'make-keys', '--provider', 'tumblr']],
        ['keymaker import ke\t', ['keymaker', 'import', 'key.yml']],
        [`flockd resume --root ${quotedHarm} ho\t`, ['flockd', 'resume', '--root', harm, 'howl']],
        [
          `keymaker doctor --root=${quotedHarm} --bot=ho\t`,
          ['keymaker', 'doctor', `--root=${harm}`, '--bot=howl'],
        ],
        [`flockd resume --root ${quotedHarm} -- -d\t`, ['flockd', 'resume', '--root', harm, '--', '-dash']],
        ['flockd resume --root nowhere ho\t', ['flockd', 'resume', '--root', 'nowhere', 'ho']],
        ['flockd nothing ho\t', ['flockd', 'nothing', 'ho']],
      ];
      const words = await typed(
        shell,
        table.map(([line]) => line),
      );
      assert.deepEqual(
        words,
        table.map(([, expected]) => expected),
      );
    });

    it('completes folders, whatever they are called', async () => {
      const [flag, equals] = await typed(shell, ['flockd run --root a\t', 'flockd run --root=a\t']);
      assert.deepEqual(flag?.map(withoutSlash), ['flockd', 'run', '--root', harm]);
      assert.deepEqual(equals?.map(withoutSlash), ['flockd', 'run', `--root=${harm}`]);
    });
  });
}

const withoutSlash = (word: string): string => word.replace(/\/$/, '');

const many = Array.from({ length: 10_000 }, (_, index) => `bot-${String(index).padStart(5, '0')}`);

/** A flock of ten thousand. */
const large = (): string => tempFolder(Object.fromEntries(many.map((name) => [`keys/${name}.json`, ''])));

/** Runs a script in a shell. @returns the lines it prints */
function lines(shell: string, args: readonly string[], cwd = home): string[] {
  const { stdout, stderr } = spawnSync(shell, args, { cwd, env, encoding: 'utf8', input: '' });
  assert.equal(stderr, '');
  assert.ok(!existsSync(path.join(cwd, 'harmed')), 'a part of the line was run');
  return stdout.split('\n').filter((line) => line !== '');
}

/** What bash would offer, and the options that its completion sets. */
const replies = `
  source <("$1" completion bash)
  compopt() { echo "compopt $*"; }
  COMP_LINE=$2 COMP_POINT=\${3-\${#2}}
  "_$1"
  printf '%s\\n' "\${COMPREPLY[@]}"
`;

describe('the script for bash', () => {
  const reply = (line: string, ...point: string[]): string[] =>
    lines('bash', ['-c', replies, 'bash', line.split(' ')[0] ?? '', line, ...point]);

  it('offers what fits', () => {
    assert.deepEqual(reply('keymaker re'), ['reauth', 'revoke']);
    assert.deepEqual(reply('flockd resume --root ./x '), []);
    assert.deepEqual(reply(`flockd resume --root ${quotedHarm} `), ['howl', 'psalm']);
    assert.deepEqual(reply(`flockd resume --root ${quotedHarm} -- `), ['-dash', 'howl', 'psalm']);
    assert.deepEqual(reply(`keymaker doctor --root ${quotedHarm} --bot=`), ['-dash', 'howl', 'psalm']);
    assert.deepEqual(reply('flockd run --root '), ['compopt -o dirnames']);
    assert.deepEqual(reply('keymaker import '), ['compopt -o default']);
    assert.deepEqual(reply('flockd nothing '), []);
  });

  it('looks at the line before the cursor alone', () => {
    assert.deepEqual(reply('keymaker re --root x', '11'), ['reauth', 'revoke']);
  });

  it('says nothing where the program is gone', () => {
    const script = replies.replace('"_$1"', 'PATH=/nowhere; "_$1"; PATH=$OLD');
    assert.deepEqual(lines('bash', ['-c', `OLD=$PATH\n${script}`, 'bash', 'flockd', 'flockd res']), []);
  });

  it('offers ten thousand bots', () => {
    assert.deepEqual(lines('bash', ['-c', replies, 'bash', 'flockd', 'flockd resume '], large()), many);
  });
});

describe('the script for fish', { skip: missing('fish') }, () => {
  const reply = (line: string, cwd = home): string[] =>
    lines(
      'fish',
      [
        '--no-config',
        '-c',
        'keymaker completion fish | source; flockd completion fish | source; complete -C $argv[1]',
        line,
      ],
      cwd,
    );

  it('offers what fits, with what it means', () => {
    assert.deepEqual(reply('keymaker rea'), [
      'reauth\tAuthorize one bot again; its poem and its place in it stay',
    ]);
    assert.deepEqual(reply('keymaker list --js'), ['--json\tprint JSON']);
    assert.deepEqual(reply(`flockd resume --root ${quotedHarm.replace(String.raw`'\''`, String.raw`\'`)} `), [
      'howl',
      'psalm',
    ]);
    assert.deepEqual(reply('flockd resume --root (touch harmed) '), []);
    assert.deepEqual(reply('flockd nothing '), []);
  });

  it('offers ten thousand bots', () => {
    assert.deepEqual(reply('flockd resume ', large()), many);
  });
});

describe('the script for zsh', { skip: missing('zsh') }, () => {
  const [, zsh] = shells;
  assert.ok(zsh);

  it('offers verbs and flags with what they mean', async () => {
    const shell = startCommand(['python3', terminalScript, '200', ...zsh.call], { cwd: home, env });
    shell.answer(`${zsh.setup}source <(keymaker completion zsh); echo read''y`);
    const { end } = await shell.matching(/ready/);
    shell.write('keymaker \t\t');
    await shell.matching(/revoke +-- End the key of one bot, and remove its bundle/, { from: end });
    shell.write('\u0015keymaker list --\t\t');
    await shell.matching(/--json +-- print JSON/, { from: end });
    shell.write('\u0015exit\r');
    await shell.exit;
  });

  it('works from a folder of fpath too', async () => {
    const functions = path.join(root, 'functions');
    mkdirSync(functions);
    lines('sh', ['-c', 'flockd completion zsh >"$0/_flockd"', functions]);
    const shell = startCommand(['python3', terminalScript, '200', ...zsh.call], { cwd: home, env });
    shell.answer(`fpath=('${functions}' $fpath); ${zsh.setup}echo read''y`);
    const { end } = await shell.matching(/ready/);
    shell.write(`flockd resume --root ${quotedHarm} ho\t\u0001printf '<%s>' \r`);
    await shell.matching(/<howl>/, { from: end });
    shell.write('exit\r');
    await shell.exit;
  });

  it('completes one of ten thousand bots', async () => {
    const [words] = await typed(zsh, ['flockd resume bot-0777\t7\t'], large());
    assert.deepEqual(words, ['flockd', 'resume', 'bot-07777']);
  });
});
