/** Takes memory, lets it go, and says how much of it is still there; with `giveBack` as flockd does when it is at rest. */
import { Leftovers } from '../../src/daemon/leftovers.ts';

const taken = Array.from({ length: 400_000 }, (_, index) => ({ name: `bot-${index}`, line: [index] }));
const before = process.memoryUsage.rss();
taken.length = 0;
if (process.argv[2] === 'giveBack') {
  const leftovers = new Leftovers();
  leftovers.add();
  leftovers.giveBack();
}
const timer = setInterval(() => console.log(process.memoryUsage.rss() / before), 500);
process.stdin.resume().once('end', () => clearInterval(timer));
