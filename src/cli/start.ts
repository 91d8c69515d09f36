import type { Program } from './command.ts';

/** Asked by completion scripts alone, and so in no help. */
const callback = 'complete';

/** Runs a program once. A shell that completes a line waits for it, so that what it asks loads nothing else. */
export async function start(program: Program, argv: readonly string[]): Promise<void> {
  if (argv[0] === callback) {
    const { answerShell } = await import('./complete.ts');
    answerShell(program.name, argv.slice(1));
    return;
  }
  const { runProgram } = await import('./program.ts');
  await runProgram(program, argv);
}
