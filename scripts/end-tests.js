/**
 * Loaded before each test file. If the process still runs some time after its tests, this ends it with 1 and prints what
 * keeps it alive: for example a program that a failed test started. Otherwise the test run would wait for it until the
 * limit. A file that waits that long between two tests is ended too.
 */
import { after } from 'node:test';
import { isMainThread } from 'node:worker_threads';

/** The time that a process may take to close everything after its tests. Milliseconds. */
const exitTimeout = 120_000;

/** Skips the runner's own process and worker threads, which have no tests. */
if (process.env.NODE_TEST_CONTEXT !== undefined && isMainThread) {
  after(() => {
    const end = () => {
      console.error(
        `the tests are done, but these resources are open: ${process.getActiveResourcesInfo().join(', ')}`,
      );
      process.exit(1);
    };
    setTimeout(end, exitTimeout).unref();
  });
}
