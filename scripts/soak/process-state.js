import { EventEmitter } from 'node:events';
import { readdirSync } from 'node:fs';

let warnings = 0;

// Node warns of every emitter with too many listeners, also of those that this file cannot reach.
process.on('warning', () => warnings++);

/** Collects the garbage, then measures this process. Needs --expose-gc. */
export function processState() {
  globalThis.gc();
  // Finalizers of the first collection can release more.
  globalThis.gc();
  const { rss, heapUsed, external } = process.memoryUsage();
  return {
    heap: (heapUsed + external) / 1e6,
    rss: rss / 1e6,
    // Without the resource that reads the list.
    files: readdirSync('/proc/self/fd').length - 1,
    // The number of sockets varies, and each has a few listeners.
    listeners: listenersOf(process) + Math.max(0, ...process._getActiveHandles().map(listenersOf)),
    warnings,
    active: process.getActiveResourcesInfo().length,
  };
}

/** Not every handle has a list of its listeners. */
function listenersOf(one) {
  if (!(one instanceof EventEmitter)) return 0;
  return one.eventNames().reduce((sum, name) => sum + one.listenerCount(name), 0);
}
