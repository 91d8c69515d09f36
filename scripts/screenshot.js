/**
 * Takes the pictures of the README and the manual: src/manual/images/*.png. The flock in them is rehearsed for half a year, with
 * the real daemon, a held clock and a sandbox, so that each run gives the same pictures on the same machine.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Writable } from 'node:stream';
import { parseArgs } from 'node:util';
import pino from 'pino';
import { Issuers } from '../src/cli/keymaker/authorize.ts';
import { flockFrame } from '../src/cli/live-view.ts';
import { openContext } from '../src/context.ts';
import { logChanges } from '../src/ledger/log-events.ts';
import { EventLog, linesForPeople } from '../src/log.ts';
import { openKeymakerSite } from '../src/web/keymaker-site.ts';
import { openBrowser } from '../test/browser/browser.ts';
import { app, TestFlock } from '../test/support/flock.ts';
import { ShownFlock } from '../test/support/shown-flock.ts';
import { terminalPage } from './terminal-page.js';
import { bots, poems, settings } from './sample-flock.js';
import { withPalette } from './small-png.js';

/** The pictures, and how each is taken. */
const pictures = {
  'dashboard.png': ({ flock }) => shot(flock.address, { height: 1040 }),
  'dashboard-dark.png': ({ flock }) => shot(flock.address, { height: 1040, colorScheme: 'dark' }),
  'bot.png': ({ flock }) => shot(`${flock.address}/bots/tide-table`, { width: 1000, height: 1000 }),
  'terminal.png': ({ flock }) => shootTerminal(flock),
  'sandbox.png': ({ flock }) => shootSandbox(flock.sandbox),
  'keymaker.png': () => shootKeymaker(),
};

const root = path.resolve(import.meta.dirname, '..');
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    into: { type: 'string', default: path.join(root, 'src/manual/images') },
    list: { type: 'boolean', default: false },
  },
});
const wanted = positionals.length > 0 ? positionals : Object.keys(pictures);
const unknown = wanted.find((name) => !(name in pictures));
if (unknown !== undefined) throw new Error(`there is no picture ${unknown}`);

const begins = '2026-03-24T00:00:00Z';
/** When one bot's key is revoked, so that the page shows a bot that needs its owner. */
const revokedAt = '2026-09-22T09:00:00Z';
const now = '2026-09-23T06:21:00Z';

/** The files in poems/ whose path is not the name of the bot. */
const files = { 'snow-ledger': 'winter/snow-ledger.txt' };

const poemOf = (bot) => poems[bot] ?? readFile(path.join(root, 'poems', files[bot] ?? `${bot}.txt`), 'utf8');

/** A flock after half a year, its dashboard, and the last lines of its log as a terminal shows them. */
async function rehearsed() {
  const own = Object.entries(bots).map(([bot, { settings: settingsOfBot }]) => [bot, settingsOfBot]);
  const flock = new ShownFlock(begins, { ...settings, bots: Object.fromEntries(own) });
  const log = [];
  const stream = new Writable({ decodeStrings: false, write: (line, _, done) => done(void log.push(line)) });
  const timestamp = () => `,"time":"${new Date(flock.clock.now()).toISOString()}"`;
  const lines = linesForPeople(stream, {
    color: true,
    timezone: () => settings.timezone,
    takeText: (bot) => flock.postsOf(bots[bot].account).at(-1),
  });
  flock.ledger.subscribe(logChanges(new EventLog(pino({ base: null, timestamp }, lines))));
  for (const [bot, { account, from }] of Object.entries(bots)) {
    await flock.until(`${from}T00:00:00Z`);
    flock.add(bot, await poemOf(bot), {}, { account });
    flock.update();
  }
  await flock.until(revokedAt);
  flock.control('accounts/clock_repairs/revoke');
  await flock.until(now);
  return Object.assign(flock, { address: await flock.listen(), lastLog: log.slice(-9) });
}

/** A page in the browser. `prepare` gets it before the picture is taken; without an address it also shows something. */
async function shot(address, { width = 1280, height = 900, colorScheme = 'light', prepare, clip } = {}) {
  const context = await browser.newContext({
    colorScheme,
    viewport: { width, height },
    deviceScaleFactor: 1.5,
    reducedMotion: 'reduce',
    locale: 'en-GB',
    timezoneId: 'Europe/Berlin',
  });
  const page = await context.newPage();
  if (address !== undefined) await page.goto(address);
  await (prepare ?? isLive)(page);
  const picture = clip === undefined ? await page.screenshot() : await page.locator(clip).screenshot();
  await context.close();
  return picture;
}

const isLive = (page) => page.locator('#live[data-live="yes"]').waitFor();

/** `flockd run` in a terminal. */
async function shootTerminal(flock) {
  const size = { columns: 120, rows: 30 };
  const frame = flockFrame(await flock.view(), flock.clock.now(), { ...size, colors: true });
  const text = `$ flockd run\n${flock.lastLog.join('')}${frame.join('\n')}`;
  return shot(undefined, { prepare: (page) => page.setContent(terminalPage(text)), clip: 'pre' });
}

/** The page of the sandbox. It has no server here: the browser's requests are answered by the sandbox itself. */
function shootSandbox(sandbox) {
  const host = '127.0.0.1:4010';
  const prepare = async (page) => {
    await page.route('**', (route) => {
      const { pathname, search } = new URL(route.request().url());
      const url = pathname + search;
      if (url === '/sandbox/events') return route.abort();
      return route.fulfill(sandbox.handle({ method: 'GET', url, host, headers: {}, body: '' }));
    });
    await page.goto(`http://${host}/`);
    await page.getByText('Make something go wrong').click();
  };
  return shot(undefined, { width: 800, height: 760, prepare });
}

/** How many bots have a key before the picture of `keymaker serve`, in which one more gets its own. */
const keyed = 5;

async function shootKeymaker() {
  const names = Object.keys(bots).sort();
  const texts = await Promise.all(names.map(async (bot) => [`${titleOf(bot)}.txt`, await poemOf(bot)]));
  const accounts = Object.fromEntries(names.map((bot) => [bot, { account: bots[bot].account }]));
  const flock = await TestFlock.open({ poems: Object.fromEntries(texts), settings: { bots: accounts } });
  for (const bot of names.slice(0, keyed)) {
    const { account } = bots[bot];
    await flock.write(`keys/${bot}.json`, JSON.stringify(flock.granted(bot, account)));
  }
  Object.assign(process.env, {
    KEYMAKER_API_URL: flock.x.url,
    CONSUMER_TOKEN: app.token,
    CONSUMER_TOKEN_SECRET: app.secret,
  });
  const context = openContext({ root: flock.root });
  const options = {
    context,
    issuers: (flockFile) => new Issuers(context, flockFile, {}),
    poems: flock.file('poems'),
  };
  const site = await openKeymakerSite(0, (error) => console.error(error), options);
  try {
    return await shot(site.entrance, { width: 1000, height: 900, prepare: authorizeNext });
  } finally {
    await site[Symbol.asyncDispose]();
    await context[Symbol.asyncDispose]();
    await flock[Symbol.asyncDispose]();
  }
}

/** `Night Train` */
const titleOf = (bot) =>
  bot
    .split('-')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join(' ');

async function authorizeNext(page) {
  await page.locator('.next button').click();
  await page.getByRole('button', { name: 'Authorize app' }).click();
  await page.locator('.outcome').waitFor();
  // The port is another one each time.
  await page.evaluate(`document.querySelector('footer code').textContent = 'http://127.0.0.1:4181/callback'`);
}

async function takePictures() {
  const flock = await rehearsed();
  try {
    await mkdir(values.into, { recursive: true });
    for (const name of wanted)
      await writeFile(path.join(values.into, name), withPalette(await pictures[name]({ flock })));
  } finally {
    await browser.close();
    await flock[Symbol.asyncDispose]();
  }
}

let browser;
if (values.list) console.log(Object.keys(pictures).join('\n'));
else {
  browser = await openBrowser();
  await takePictures();
}
