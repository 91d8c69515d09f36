/**
 * Goes into flockd with --import and --expose-gc. On SIGUSR2 it collects the garbage, and says on the descriptor that
 * systemd would listen to what is left.
 */
import { writeSync } from 'node:fs';

const fd = Number(process.env.FLOCKD_NOTIFY_FD);

process.on('SIGUSR2', () => {
  globalThis.gc();
  globalThis.gc();
  const { rss, heapUsed } = process.memoryUsage();
  writeSync(fd, `MEMORY=${JSON.stringify({ rss: rss / 1e6, heap: heapUsed / 1e6 })}\n`);
});

// It never outlives who started it.
process.stdin.once('end', () => process.kill(process.pid, 'SIGKILL')).unref();
process.stdin.resume();
