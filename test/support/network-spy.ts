import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type Running, startCommand, type StartOptions } from './programs.ts';

/** Why a command cannot run without a network here, or false where it can. */
export const noUnshare: string | false =
  spawnSync('unshare', ['--net', 'true']).status !== 0 && 'may not leave the network';

const spy = `
import { createHook } from 'node:async_hooks';
import { writeFileSync } from 'node:fs';
const seen = [];
createHook({
  init(_, type) {
    if (/TCP|UDP|TLS|GETADDRINFO|GETNAMEINFO|QUERYWRAP|HTTP|PROCESSWRAP/.test(type)) seen.push(type);
  },
}).enable();
process.on('exit', () => writeFileSync('seen.json', JSON.stringify(seen)));
`;

/** Files of a folder in which {@link runSpied} runs. */
export const spyFiles = {
  'spy.mjs': spy,
  'probe.mjs': `import net from 'node:net'; net.connect(9, '127.0.0.1').on('error', () => undefined);`,
};

/**
 * Runs a script of Node in its folder.
 *
 * @returns it, and everything in its process that could reach a network. A local socket cannot: a flockd on this machine may be
 * asked through its own which ledger to use, and other tests run some.
 */
export async function runSpied(
  script: readonly string[],
  options: StartOptions,
): Promise<{ running: Running; seen: string[] }> {
  const running = startCommand([process.execPath, '--import', './spy.mjs', ...script], options);
  await running.exit;
  const seen: unknown = JSON.parse(readFileSync(path.join(options.cwd, 'seen.json'), 'utf8'));
  return { running, seen: seen as string[] };
}
