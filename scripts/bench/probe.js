/**
 * Loaded into flockd with --import and --expose-gc. On SIGUSR2 it collects the garbage, and writes the remaining memory to
 * the descriptor of systemd's notifications.
 */
import { writeSync } from 'node:fs';
import { getHeapSpaceStatistics } from 'node:v8';

const fd = Number(process.env.FLOCKD_NOTIFY_FD);

process.on('SIGUSR2', () => {
  globalThis.gc();
  globalThis.gc();
  const { rss, heapUsed } = process.memoryUsage();
  const spaces = getHeapSpaceStatistics().map(({ space_name: name, ...space }) => {
    return [name, space.space_used_size / 1e6, space.physical_space_size / 1e6];
  });
  writeSync(fd, `MEMORY=${JSON.stringify({ rss: rss / 1e6, heap: heapUsed / 1e6, spaces })}\n`);
});

// Ends when the process that started it ends.
process.stdin.once('end', () => process.kill(process.pid, 'SIGKILL')).unref();
process.stdin.resume();
