import { chmod, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { authorizeAs, mainPassword, TestFlock } from './flock.ts';
import { ownPort } from './own-port.ts';
import { type Running, scriptOf, startCommand, terminalScript, type Environment } from './programs.ts';

/*
 * How a transcript reads:
 *
 *   # a remark
 *   $ keymaker make-keys poems        a command, for the shell, in the folder of a flock of its own; a sandbox plays X
 *   > y                               a line of its standard input, which ends after the last
 *   > {{pin howl}}                    the PIN or code that the account @howl gets behind the link shown last
 *   > {{mastodon token howl}}         an access token of @howl that another app has at Mastodon
 *   > {{app password howl}}           the app password of howl.test at Bluesky; {{main password howl}} its main one
 *   Make key for howl? (y/n)          what it writes, to standard output and error, in the order it does
 *   [exit 64]                         how it ends, where that is not 0
 *   -- poems/howl.txt --              from here on: the files there are at the start
 *
 * `{{root}}`, `{{sandbox}}`, its `{{host}}` and `{{closed}}` (an address where nobody listens) stand for themselves in commands, files
 * and output alike; `{{token}}`, `{{id}}`, `{{did}}` and `{{pid}}` for what differs from run to run in output. Where the first remark is
 * `# needs root`, the session runs for root alone. What a command makes is private (umask 077), as bundles must be. One blank
 * line comes between a command's output and what follows.
 */

export interface Transcript {
  /** Remarks, commands, input and output, as they should be. */
  session: string;
  files: [name: string, content: string][];
  /** The files as the transcript has them. */
  blocks: string[];
  needsRoot: boolean;
}

interface Step {
  /** The remarks and blank lines before it. */
  before: string[];
  command: string;
  input: string[];
}

export function readTranscript(text: string): Transcript {
  const [head = '', ...parts] = text.split(/^-- (.+) --\n/m);
  const files: [string, string][] = [];
  for (let index = 0; index < parts.length; index += 2)
    files.push([parts[index] ?? '', parts[index + 1] ?? '']);
  const session = `${head.trimEnd()}\n`;
  const blocks = files.length === 0 ? [] : [files.map((file) => `-- ${file[0]} --\n${file[1]}`).join('')];
  return { session, files, blocks, needsRoot: session.startsWith('# needs root') };
}

/** Runs a session. @returns how it went, to be held against how it should have gone */
export async function runTranscript({ session, files }: Transcript): Promise<string> {
  await using flock = await TestFlock.open();
  const stage = new Stage(flock, `http://127.0.0.1:${await ownPort()}`);
  for (const [name, content] of files) await flock.write(name, stage.fill(content));
  await stage.installPrograms();
  const shown: string[] = [];
  for (const { before, command, input } of stepsOf(session)) {
    const said = await stage.play(command, input);
    const lines = [...before, `$ ${command}`, ...input.map((line) => `> ${line}`), said];
    shown.push(lines.join('\n').trimEnd());
  }
  return `${shown.join('\n\n')}\n`;
}

function stepsOf(session: string): Step[] {
  const steps: Step[] = [];
  let before: string[] = [];
  let last: Step | undefined;
  for (const line of session.split('\n')) {
    if (line.startsWith('# ')) before.push(line);
    else if (line.startsWith('$ ')) {
      last = { before, command: line.slice(2), input: [] };
      steps.push(last);
      before = [];
    } else if (line.startsWith('> ')) last?.input.push(line.slice(2));
  }
  return steps;
}

/** The place a session plays at. */
class Stage {
  readonly #flock: TestFlock;
  readonly #closed: string;

  constructor(flock: TestFlock, closed: string) {
    this.#flock = flock;
    this.#closed = closed;
  }

  get #bin(): string {
    return this.#flock.file('.bin');
  }

  get #environment(): Environment {
    return { ...this.#flock.environment, PATH: `${this.#bin}:${process.env['PATH'] ?? ''}` };
  }

  /** `keymaker` and `flockd` as words of the shell; `terminal N` runs what follows on a terminal of N columns. */
  async installPrograms(): Promise<void> {
    await mkdir(this.#bin);
    const programs = {
      keymaker: `exec '${process.execPath}' '${scriptOf('keymaker')}' "$@"`,
      flockd: `exec '${process.execPath}' '${scriptOf('flockd')}' "$@"`,
      terminal: `exec python3 '${terminalScript}' "$@"`,
    };
    for (const [name, line] of Object.entries(programs)) {
      await writeFile(path.join(this.#bin, name), `#!/bin/sh\n${line}\n`);
      await chmod(path.join(this.#bin, name), 0o755);
    }
  }

  fill(text: string): string {
    const { root, x } = this.#flock;
    return text
      .replaceAll(
        /\{\{mastodon token (\w+)\}\}/g,
        (_, name: string) => x.sandbox.grantMastodon('another app', name).token,
      )
      .replaceAll(/\{\{(app|main) password ([a-z]+)\}\}/g, (_, kind: string, name: string) =>
        kind === 'app' ? this.#flock.atBluesky(name, new URL(x.url).host).appPassword : mainPassword,
      )
      .replaceAll('{{root}}', root)
      .replaceAll('{{sandbox}}', x.url)
      .replaceAll('{{host}}', new URL(x.url).host)
      .replaceAll('{{port}}', new URL(x.url).port)
      .replaceAll('{{closed}}', this.#closed);
  }

  async play(command: string, input: readonly string[]): Promise<string> {
    const running = this.#flock.watch(
      startCommand(['sh', '-c', `exec 2>&1; umask 077\n${this.fill(command)}`], {
        cwd: this.#flock.root,
        env: this.#environment,
      }),
    );
    await this.#answer(running, input);
    const { code, signal } = await running.exit;
    const output = this.#blank(running.stdout.replaceAll('\r\n', '\n'));
    const ended = output === '' || output.endsWith('\n') ? output : `${output}\n`;
    return code === 0 ? ended : `${ended}[exit ${code ?? signal ?? ''}]\n`;
  }

  async #answer(running: Running, input: readonly string[]): Promise<void> {
    let from = 0;
    for (const line of input) {
      const account = /^\{\{pin (\w+)\}\}$/.exec(line)?.[1];
      if (account === undefined) {
        running.answer(this.fill(line));
        continue;
      }
      const { 0: link, end } = await running.matching(/^http\S+(?=\r?\n)/m, { from });
      running.answer(await authorizeAs(link, account));
      from = end;
    }
    running.endInput();
  }

  /** Output with placeholders for what differs from run to run. */
  #blank(output: string): string {
    const { root, x } = this.#flock;
    return output
      .replaceAll(root, '{{root}}')
      .replaceAll(x.url, '{{sandbox}}')
      .replaceAll(new URL(x.url).host, '{{host}}')
      .replaceAll(this.#closed, '{{closed}}')
      .replaceAll(new URL(this.#closed).host, '{{closed host}}')
      .replaceAll(`port ${new URL(x.url).port}`, 'port {{port}}')
      .replaceAll(/(oauth_token|client_id|state|code_challenge)=[\w-]+/g, '$1={{token}}')
      .replaceAll(/did:plc:[a-z2-7]{24}/g, '{{did}}')
      .replaceAll(/\bid \d{15,}/g, 'id {{id}}')
      .replaceAll(/\bpid \d+/g, 'pid {{pid}}');
  }
}
