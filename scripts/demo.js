/**
 * The demo: starts a sandbox instead of X, makes keys for the sample poems with PINs over HTTP, and runs flockd on a fast
 * schedule. The exit code is 0 if every bot posted its first lines in order, and 1 if not.
 */
import { spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { parseArgs } from 'node:util';
import { authorizeAs } from './person.js';

const root = path.resolve(import.meta.dirname, '..');
const { values } = parseArgs({
  options: { 'keep-running': { type: 'boolean', default: false }, rounds: { type: 'string', default: '3' } },
});
const rounds = Number(values.rounds);
const bots = ['beacons', 'lamplighter', 'long-breath', 'snow-ledger'];
const children = new Set();

const say = (line = '') => process.stdout.write(`${line}\n`);

/** Starts one of the two built programs. */
function start(program, args, options) {
  const child = spawn(process.execPath, [path.join(root, 'dist', `${program}.js`), ...args], options);
  children.add(child);
  child.exited = new Promise((resolve) => child.once('exit', (code) => resolve(code)));
  void child.exited.then(() => children.delete(child));
  return child;
}

async function startSandbox() {
  say('$ keymaker sandbox --port 0');
  const sandbox = start('keymaker', ['sandbox', '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: sandbox.stdout })) {
    const url = /^X in a box: (\S+)$/.exec(line)?.[1];
    if (url !== undefined) return url;
  }
  throw new Error('the sandbox did not start');
}

/** Answers keymaker's questions, and authorizes in place of a person with a browser. */
async function makeKeys(flock, env) {
  say('$ keymaker make-keys ./poems');
  const keymaker = start('keymaker', ['make-keys', './poems'], {
    cwd: flock,
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const answer = (text) => {
    say(`  > ${text}`);
    keymaker.stdin.write(`${text}\n`);
  };
  let bot = '';
  for await (const line of createInterface({ input: keymaker.stdout })) {
    say(`  ${line}`);
    bot = /^Make key for (\S+)\?/.exec(line)?.[1] ?? bot;
    if (line.startsWith('Make key')) answer('y');
    if (line.startsWith('http')) answer(await authorizeAs(line, bot.replaceAll('-', '_')));
  }
  if ((await keymaker.exited) !== 0) throw new Error('make-keys failed');
}

/** Yields each post when the sandbox accepts it. */
async function* postsOf(url, signal) {
  const events = await fetch(`${url}/sandbox/events`, { signal });
  let event = '';
  for await (const line of createInterface({ input: Readable.fromWeb(events.body) })) {
    if (line.startsWith('event: ')) event = line.slice(7);
    if (line.startsWith('data: ') && event === 'posted') yield JSON.parse(line.slice(6));
  }
}

async function runFlock(flock, env, url) {
  await writeFile(
    path.join(flock, 'flock.json'),
    JSON.stringify({ schedule: '*/2 * * * * *', atEnd: 'stop' }),
  );
  const watching = new AbortController();
  const posts = postsOf(url, watching.signal);
  const first = posts.next();
  say('$ flockd run');
  const flockd = start('flockd', ['run'], { cwd: flock, env, stdio: ['ignore', 'ignore', 'inherit'] });
  const seen = new Map(bots.map((bot) => [bot.replaceAll('-', '_'), []]));
  for (let next = await first; !next.done; next = await posts.next()) {
    const { account, text } = next.value;
    seen.get(account)?.push(text);
    say(`  @${account}: ${text.replaceAll('\n', ' / ')}`);
    if (!values['keep-running'] && [...seen.values()].every((texts) => texts.length >= rounds)) break;
  }
  flockd.kill('SIGTERM');
  await flockd.exited;
  watching.abort();
  return seen;
}

/** Checks that the posted words are the first words of each poem, in order. */
async function check(flock, seen) {
  for (const bot of bots) {
    const file = bot === 'snow-ledger' ? 'winter/snow-ledger.txt' : `${bot}.txt`;
    const wordsOf = (text) => text.split(/\s+/).filter(Boolean).join(' ');
    const posted = wordsOf(seen.get(bot.replaceAll('-', '_')).join(' '));
    const poem = wordsOf(await readFile(path.join(flock, 'poems', file), 'utf8'));
    if (posted === '' || !poem.startsWith(posted))
      throw new Error(`${bot} posted words that are not the start of its poem`);
  }
}

process.on('SIGINT', () => undefined);
const flock = await mkdtemp(path.join(tmpdir(), 'flock-'));
try {
  await cp(path.join(root, 'poems'), path.join(flock, 'poems'), { recursive: true });
  const url = await startSandbox();
  const app = { CONSUMER_TOKEN: 'sandbox-app-key', CONSUMER_TOKEN_SECRET: 'sandbox-app-secret' };
  const env = { ...process.env, ...app, KEYMAKER_API_URL: url };
  say(`  X in a box: ${url}`);
  await makeKeys(flock, env);
  say(`${url}/ shows every post as it arrives.`);
  const seen = await runFlock(flock, env, url);
  await check(flock, seen);
  say(`Done: ${[...seen.values()].flat().length} posts, every line once and in order.`);
} catch (error) {
  say(`The demo failed: ${error.message}`);
  process.exitCode = 1;
} finally {
  for (const child of children) child.kill('SIGTERM');
  await rm(flock, { recursive: true, force: true });
}
