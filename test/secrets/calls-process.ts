/**
 * Carries out calls of keymaker and flockd one after the other in one process, which takes a fraction of the time of a process
 * for each. Each call is a message; what it says goes where it would go from a process of its own, and a mark follows.
 */
import { Readable } from 'node:stream';
import * as z from 'zod';
import { flockd, keymaker, start } from '../../src/cli/program.ts';
import { markOf, type ProcessCall } from './calls.ts';

const programs = { flockd, keymaker };
const call: z.ZodType<ProcessCall> = z.object({
  program: z.enum(['keymaker', 'flockd']),
  args: z.array(z.string()),
  env: z.record(z.string(), z.string()),
  input: z.string(),
});

process.once('disconnect', () => process.exit());
process.on('message', (message) => {
  void carryOut(call.parse(message));
});

async function carryOut({ program, args, env, input }: ProcessCall): Promise<void> {
  const { env: own } = process;
  process.env = { ...own, ...env };
  Object.defineProperty(process, 'stdin', { value: Readable.from([input]), configurable: true });
  await start(programs[program], args);
  const code = Number(process.exitCode);
  process.env = own;
  for (const stream of [process.stdout, process.stderr]) {
    // Each call listens for errors anew.
    stream.removeAllListeners('error');
    stream.write(markOf(code));
  }
}
