import { systemClock } from '../clock.ts';

/** A line on a terminal that says how far something is, in place of the one before. Elsewhere there is none. */
export interface ProgressLine extends Disposable {
  show(text: string): void;
  clear(): void;
}

/** The line is written this often at most. Milliseconds. */
const every = 100;

export function openProgressLine(stream: NodeJS.WriteStream): ProgressLine {
  let last = -Infinity;
  const clear = (): void => {
    if (last !== -Infinity) stream.write('\r\u001b[K');
    last = -Infinity;
  };
  return {
    show(text) {
      const now = systemClock.elapsed();
      if (!stream.isTTY || now < last + every) return;
      last = now;
      stream.write(`\r\u001b[K${text.slice(0, (stream.columns || 80) - 1)}`);
    },
    clear,
    [Symbol.dispose]: clear,
  };
}
