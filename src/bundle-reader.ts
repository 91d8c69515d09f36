/** A thread of either program that reads the private files it is asked for. What asks it is src/keys/read-ahead.ts. */
import { parentPort } from 'node:worker_threads';
import { readPrivateFileSync } from './keys/private-file.ts';
import type { Asked, Texts } from './keys/read-ahead.ts';

parentPort?.on('message', ({ files, ...rule }: Asked) => {
  const texts: Texts = files.map((file) => {
    try {
      return [file, readPrivateFileSync({ file, ...rule }).toString('utf8')];
    } catch {
      return [file, undefined];
    }
  });
  parentPort?.postMessage(texts);
});
