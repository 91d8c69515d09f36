import { EventEmitter } from 'node:events';
import { readdirSync } from 'node:fs';

let warnings = 0;

// Node warns by itself of anything, be it long out of sight, that has got too many listeners.
process.on('warning', () => warnings++);

/** What this process holds once its garbage is collected. Needs --expose-gc. */
export function processState() {
  globalThis.gc();
  // What the first round lets go of may have held more.
  globalThis.gc();
  const { rss, heapUsed, external } = process.memoryUsage();
  return {
    heap: (heapUsed + external) / 1e6,
    rss: rss / 1e6,
    // Without the one that reads the list.
    files: readdirSync('/proc/self/fd').length - 1,
    // Sockets come and go, and each has a few.
    listeners: listenersOf(process) + Math.max(0, ...process._getActiveHandles().map(listenersOf)),
    warnings,
    active: process.getActiveResourcesInfo().length,
  };
}

/** Not every handle says what listens to it. */
function listenersOf(one) {
  if (!(one instanceof EventEmitter)) return 0;
  return one.eventNames().reduce((sum, name) => sum + one.listenerCount(name), 0);
}
