import { write } from 'node:fs';
import { promisify } from 'node:util';
import { systemCode } from '../errors.ts';
import { columnsOf } from '../text.ts';
import type { Screen } from './live-view.ts';

const writeTo = promisify(write);

/** How long a terminal that takes nothing is left alone. Milliseconds. */
const patience = 100;

/**
 * A terminal that may keep its writer waiting without keeping the process: Node's own stream blocks it, which would hold up
 * every post while somebody has stopped the output with Ctrl-S.
 */
export const openScreen = (stream: NodeJS.WriteStream & { fd: number }): Screen => ({
  get columns() {
    return columnsOf(stream);
  },
  get rows() {
    return stream.rows || 24;
  },
  async write(text) {
    let rest = Buffer.from(text);
    while (rest.length > 0) {
      const { bytesWritten } = await writeTo(stream.fd, rest).catch(async (error: unknown) => {
        if (systemCode(error) !== 'EAGAIN') {
          // A terminal that is gone gets nothing more: whoever hears of the stream's errors decides what follows.
          stream.emit('error', error);
          return { bytesWritten: rest.length };
        }
        await new Promise((resolve) => setTimeout(resolve, patience));
        return { bytesWritten: 0 };
      });
      rest = rest.subarray(bytesWritten);
    }
  },
  onResize(resized) {
    stream.on('resize', resized);
    return () => stream.off('resize', resized);
  },
  onStop(stops, goesOn) {
    const stop = (): void => {
      void stops().then(() => process.kill(process.pid, 'SIGSTOP'));
    };
    process.on('SIGTSTP', stop).on('SIGCONT', goesOn);
    return () => void process.off('SIGTSTP', stop).off('SIGCONT', goesOn);
  },
});
