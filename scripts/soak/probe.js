/** Loaded into flockd like the probe of the benchmark. On SIGUSR2 it reports what {@link ProcessState} lists. */
import { writeSync } from 'node:fs';
import { processState } from './process-state.js';

const fd = Number(process.env.FLOCKD_NOTIFY_FD);

process.on('SIGUSR2', () => {
  writeSync(fd, `MEMORY=${JSON.stringify(processState())}\n`);
});

// Ends when the process that started it ends.
process.stdin.once('end', () => process.kill(process.pid, 'SIGKILL')).unref();
process.stdin.resume();
