/**
 * Rehearses a sample flock for half a year, with the real daemon, a held clock and a sandbox, and takes pictures of its
 * dashboard: scripts/images/dashboard.png and dashboard-dark.png.
 */
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { openBrowser } from '../test/browser/browser.ts';
import { ShownFlock } from '../test/support/shown-flock.ts';
import { bots, poems, settings } from './sample-flock.js';

const root = path.resolve(import.meta.dirname, '..');
const { values } = parseArgs({
  options: { into: { type: 'string', default: path.join(root, 'scripts/images') } },
});

const begins = '2026-03-24T00:00:00Z';
/** When one bot's key is revoked, so that the page shows a bot that needs its owner. */
const revokedAt = '2026-09-22T09:00:00Z';
const now = '2026-09-23T06:21:00Z';

/** The files in poems/ whose path is not the name of the bot. */
const files = { 'snow-ledger': 'winter/snow-ledger.txt' };

const poemOf = (bot) => poems[bot] ?? readFile(path.join(root, 'poems', files[bot] ?? `${bot}.txt`), 'utf8');

const own = Object.fromEntries(
  Object.entries(bots).map(([bot, { settings: settingsOfBot }]) => [bot, settingsOfBot]),
);

/** A flock after half a year. */
async function rehearsed() {
  const flock = new ShownFlock(begins, { ...settings, bots: own });
  for (const [bot, { account, from }] of Object.entries(bots)) {
    await flock.until(`${from}T00:00:00Z`);
    flock.add(bot, await poemOf(bot), {}, { account });
    flock.update();
  }
  await flock.until(revokedAt);
  flock.control('accounts/clock_repairs/revoke');
  await flock.until(now);
  return flock;
}

async function takePicture(browser, address, colorScheme, file) {
  const viewport = { width: 1280, height: 1040 };
  const page = await browser.newPage({
    colorScheme,
    viewport,
    deviceScaleFactor: 2,
    reducedMotion: 'reduce',
  });
  await page.goto(address);
  await page.locator('#live[data-live="yes"]').waitFor();
  await page.screenshot({ path: file });
  await page.close();
}

const flock = await rehearsed();
const browser = await openBrowser();
try {
  const address = await flock.listen();
  await mkdir(values.into, { recursive: true });
  await takePicture(browser, address, 'light', path.join(values.into, 'dashboard.png'));
  await takePicture(browser, address, 'dark', path.join(values.into, 'dashboard-dark.png'));
} finally {
  await browser.close();
  await flock[Symbol.asyncDispose]();
}
