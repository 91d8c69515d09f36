/**
 * The demo: starts a sandbox instead of all networks, makes keys for the sample poems over HTTP, and runs flockd. One of the poems
 * is posted at X, Mastodon and Bluesky side by side. In a terminal it runs until Enter, so that a person can look. Elsewhere it runs on a fast schedule and ends by itself: the exit code is 0 if
 * every bot posted its first lines in order, and 1 if not.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import open from 'open';
import { authorizeAs } from './person.js';

const root = path.resolve(import.meta.dirname, '..');
const { values } = parseArgs({ options: { rounds: { type: 'string', default: '3' } } });
const rounds = Number(values.rounds);

/** The poem of each bot, and the name that the sandbox gives its account. */
const bots = {
  beacons: { poem: 'beacons.txt', account: 'beacons' },
  lamplighter: { poem: 'lamplighter.txt', account: 'lamplighter' },
  'lamplighter-bluesky': { poem: 'lamplighter.txt', account: 'lamplighter@bsky' },
  'lamplighter-mastodon': { poem: 'lamplighter.txt', account: 'lamplighter@mastodon' },
  'long-breath': { poem: 'long-breath.txt', account: 'long_breath' },
  'snow-ledger': { poem: 'winter/snow-ledger.txt', account: 'snow_ledger' },
};

/** What flock.json says of the bots that are elsewhere than at X. */
const elsewhere = (url) => ({
  'lamplighter-bluesky': { network: 'bluesky', account: 'lamplighter.test', language: 'en' },
  'lamplighter-mastodon': {
    network: 'mastodon',
    server: `${url}/mastodon`,
    account: `lamplighter@${new URL(url).host}`,
    language: 'en',
  },
});
const children = new Set();

/** Whether a person watches: then the bots post slowly until Enter. */
const isWatched = process.stdin.isTTY && process.stdout.isTTY;

const say = (line = '') => process.stdout.write(`${line}\n`);
const styled = (code, text) => (isWatched ? `\u001b[${code}m${text}\u001b[0m` : text);
const bold = (text) => styled(1, text);
const sayCommand = (call) => say(`\n${bold(`$ ${call}`)}`);

/** Starts one of the two built programs. */
function start(program, args, options) {
  const child = spawn(process.execPath, [path.join(root, 'dist', `${program}.js`), ...args], options);
  children.add(child);
  child.exited = new Promise((resolve) => child.once('exit', (code) => resolve(code)));
  void child.exited.then(() => children.delete(child));
  return child;
}

async function startSandbox() {
  sayCommand('keymaker sandbox --port 0');
  const sandbox = start('keymaker', ['sandbox', '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: sandbox.stdout })) {
    const url = /^X, Mastodon and Bluesky in a box: (\S+)$/.exec(line)?.[1];
    if (url !== undefined) return url;
  }
  throw new Error('the sandbox did not start');
}

/** An app password for a handle, from the sandbox's page. */
async function appPasswordFor(handle, url) {
  const answer = await fetch(`${url}/sandbox/bluesky`, {
    method: 'POST',
    body: new URLSearchParams({ handle }),
  });
  return (await answer.json()).appPassword;
}

/** Answers keymaker's questions, and authorizes in place of a person with a browser. */
async function makeKeys(flock, env, url) {
  sayCommand('keymaker make-keys ./poems');
  const keymaker = start('keymaker', ['make-keys', './poems'], {
    cwd: flock,
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let bot = '';
  let link = '';
  for await (const line of createInterface({ input: keymaker.stdout })) {
    const question = /^Make key for (\S+)\?/.exec(line)?.[1];
    bot = question ?? bot;
    if (line.startsWith('http')) link = line;
    const { account = '' } = bots[bot] ?? {};
    const name = account.replace(/@.*/, '');
    let answer;
    let asWhom = '';
    if (question !== undefined) answer = 'y';
    else if (/^(PIN|code) for/.test(line)) {
      answer = await authorizeAs(link, name);
      asWhom = `(in the browser, @${account} signs in and authorizes the app)`;
    } else if (line.startsWith('Handle ')) answer = `${name}.test`;
    else if (line.startsWith('app password ')) {
      answer = await appPasswordFor(`${name}.test`, url);
      asWhom = `(in the browser, @${name}.test makes an app password)`;
    }
    if (answer === undefined) say(`  ${line}`);
    else {
      // The question comes first, then what a person would type after it.
      await pause(0.5);
      if (asWhom !== '') say(`  ${asWhom}`);
      say(`  ${line} ${bold(line.includes('not shown') ? '••••' : answer)}`);
      keymaker.stdin.write(`${answer}\n`);
    }
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

/** @param {number} seconds - for a person; without one there is no pause */
const pause = (seconds) => (isWatched ? sleep(1000 * seconds) : undefined);

/** Posts a few rounds. @returns the texts of each account */
async function runFlock(flock, env, url) {
  await writeSettings(flock, { schedule: '*/2 * * * * *', atEnd: 'stop', bots: elsewhere(url) });
  const watching = new AbortController();
  const posts = postsOf(url, watching.signal);
  const first = posts.next();
  sayCommand('flockd run');
  const flockd = start('flockd', ['run'], { cwd: flock, env, stdio: ['ignore', 'ignore', 'inherit'] });
  const seen = new Map(Object.values(bots).map(({ account }) => [account, []]));
  for (let next = await first; !next.done; next = await posts.next()) {
    const { account, text } = next.value;
    seen.get(account)?.push(text);
    say(`  @${account}: ${text.replaceAll('\n', ' / ')}`);
    if ([...seen.values()].every((texts) => texts.length >= rounds)) break;
  }
  flockd.kill('SIGTERM');
  await flockd.exited;
  watching.abort();
  return seen;
}

/** Runs the flock in this terminal, slowly enough to be watched, until Enter or Ctrl-C. */
async function showFlock(flock, env, url) {
  // The same poem at the same moment, and the others in between.
  const others = Object.keys(bots).filter((bot) => !bot.startsWith('lamplighter'));
  const spread = Object.fromEntries(others.map((bot) => [bot, { spread: '20s' }]));
  await writeSettings(flock, { schedule: '*/20 * * * * *', bots: { ...spread, ...elsewhere(url) } });
  const port = await freePort();
  const page = `http://127.0.0.1:${port}`;
  say();
  say(`The page of the flock:  ${bold(page)}`);
  say(`What its accounts post: ${bold(url)}`);
  say(`The manual:             ${bold(`${page}/manual`)}`);
  await pause(2);
  sayCommand(`flockd run --listen ${port}`);
  say('(each bot posts a line every 20 seconds; Enter ends it)\n');
  const flockd = start('flockd', ['run', '--listen', String(port)], {
    cwd: flock,
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (process.env.DISPLAY || process.env.WAYLAND_DISPLAY || process.platform === 'darwin') {
    await pause(2);
    await open(page).catch(() => undefined);
  }
  await Promise.race([once(process.stdin.resume(), 'data'), once(process, 'SIGINT'), flockd.exited]);
  process.stdin.pause();
  flockd.kill('SIGTERM');
  await flockd.exited;
  say(`
Next, with poems of your own:
  keymaker sandbox              stands in for all networks; it prints what to export
  keymaker make-keys ./poems    gets a key for each poem
  flockd run                    posts
README.md says how to install both programs, and how to post at each network.`);
}

const writeSettings = (flock, settings) =>
  writeFile(path.join(flock, 'flock.json'), JSON.stringify(settings));

/** A port of this machine that no program uses. */
async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** Checks that the posted words are the first words of each poem, in order. */
async function check(flock, seen) {
  for (const [bot, { poem: file, account }] of Object.entries(bots)) {
    const wordsOf = (text) => text.split(/\s+/).filter(Boolean).join(' ');
    const posted = wordsOf(seen.get(account).join(' '));
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
  say(`  X, Mastodon and Bluesky in a box: ${url}`);
  // A poem for each bot: three of them have the same text.
  for (const bot of ['lamplighter-bluesky', 'lamplighter-mastodon'])
    await cp(path.join(root, 'poems/lamplighter.txt'), path.join(flock, `poems/${bot}.txt`));
  await writeSettings(flock, { bots: elsewhere(url) });
  await makeKeys(flock, env, url);
  if (isWatched) await showFlock(flock, env, url);
  else {
    const seen = await runFlock(flock, env, url);
    await check(flock, seen);
    say(`Done: ${[...seen.values()].flat().length} posts, every line once and in order.`);
  }
} catch (error) {
  say(`The demo failed: ${error.message}`);
  process.exitCode = 1;
} finally {
  for (const child of children) child.kill('SIGTERM');
  await rm(flock, { recursive: true, force: true });
}
