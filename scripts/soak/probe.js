/** Goes into flockd as the bench's probe does. On SIGUSR2 it says all that flockd holds. */
import { writeSync } from 'node:fs';
import { processState } from './process-state.js';

const fd = Number(process.env.FLOCKD_NOTIFY_FD);

process.on('SIGUSR2', () => {
  writeSync(fd, `MEMORY=${JSON.stringify(processState())}\n`);
});

// It never outlives who started it.
process.stdin.once('end', () => process.kill(process.pid, 'SIGKILL')).unref();
process.stdin.resume();
