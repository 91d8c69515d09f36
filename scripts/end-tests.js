/**
 * Loaded before a test file: ends its process where its tests are done but something keeps it alive, as a program that a
 * failed test has left behind would for ever, and says what. A file that awaits something between its tests would be ended, too.
 */
import { after } from 'node:test';
import { isMainThread } from 'node:worker_threads';

/** How long what closes may take. Milliseconds. */
const patience = 120_000;

/** Neither the process that starts those of the files nor a thread has tests of its own. */
if (process.env.NODE_TEST_CONTEXT !== undefined && isMainThread) {
  after(() => {
    const end = () => {
      console.error(`the tests are done, but this is open: ${process.getActiveResourcesInfo().join(', ')}`);
      process.exit(1);
    };
    setTimeout(end, patience).unref();
  });
}
