/** Takes memory, lets it go, and says how much of it is still there. Argument: for how long nothing is to be done. */
import { systemClock } from '../../src/clock.ts';
import { HeapTrimmer } from '../../src/daemon/reload.ts';

const taken = Array.from({ length: 400_000 }, (_, index) => ({ name: `bot-${index}`, line: [index] }));
const before = process.memoryUsage.rss();
taken.length = 0;
const leftovers = new HeapTrimmer(systemClock);
leftovers.add();
leftovers.trim(Number(process.argv[2]));
const timer = setInterval(() => console.log(process.memoryUsage.rss() / before), 500);
process.stdin.resume().once('end', () => {
  clearInterval(timer);
  leftovers[Symbol.dispose]();
});
