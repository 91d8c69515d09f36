import { createInterface } from 'node:readline';

/**
 * The helpers' side of the protocol: each line of standard input is a question as JSON, and each line of standard output its
 * answer. A helper ends when its standard input ends, so that it does not outlive the benchmark.
 */
export function answerQuestions(answer: (question: unknown) => Promise<unknown>): void {
  const lines = createInterface({ input: process.stdin });
  let last: Promise<void> = Promise.resolve();
  const reply = async (line: string): Promise<void> => {
    const said = await answer(JSON.parse(line)).catch((error: unknown) => ({
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    }));
    process.stdout.write(`${JSON.stringify(said)}\n`);
  };
  lines.on('line', (line) => {
    last = last.then(() => reply(line));
  });
  lines.once('close', () => process.exit());
}
