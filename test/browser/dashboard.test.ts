import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { MonitorOptions } from '../../src/monitor/monitor.ts';
import { tempFolder } from '../flock/temp-folder.ts';
import { noBrowser, openBrowser } from '../support/browser.ts';
import { ShownFlock } from '../support/shown-flock.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Its page, in a browser of its own. */
class Shown implements AsyncDisposable {
  readonly flock: ShownFlock;
  readonly page: Page;
  readonly address: string;
  readonly complaints: string[] = [];
  readonly #context: BrowserContext;

  private constructor(flock: ShownFlock, context: BrowserContext, page: Page, address: string) {
    this.flock = flock;
    this.page = page;
    this.address = address;
    this.#context = context;
    page.on('console', (message) => {
      if (message.type() === 'error') this.complaints.push(message.text());
    });
    page.on('pageerror', (error) => this.complaints.push(error.message));
  }

  static async open(
    browser: Browser,
    flock: ShownFlock,
    options: Parameters<Browser['newContext']>[0] = {},
    monitor: Partial<MonitorOptions> = {},
  ): Promise<Shown> {
    const address = await flock.listen(monitor);
    const context = await browser.newContext(options);
    const shown = new Shown(flock, context, await context.newPage(), address);
    await shown.page.goto(address);
    if (options.javaScriptEnabled !== false) await shown.live();
    return shown;
  }

  /** Resolves once the page hears of changes. */
  live(): Promise<void> {
    return this.page.locator('#live[data-live="yes"]').waitFor();
  }

  /** Lets the time run, a second at a time, until something is to be seen. */
  async until(selector: string): Promise<void> {
    while ((await this.page.locator(selector).count()) === 0)
      await this.flock.clock.runUntil(this.flock.clock.now() + 1000);
  }

  async [Symbol.asyncDispose]() {
    await this.#context.close();
    await this.flock[Symbol.asyncDispose]();
  }
}

const lines = (word: string): string => Array.from({ length: 30 }, (_, n) => `${word} ${n + 1}`).join('\n');

/** Two bots that have posted for two days. */
async function smallFlock(settings: Record<string, unknown> = {}): Promise<ShownFlock> {
  const flock = await ShownFlock.open('2026-08-20T00:00:00Z', settings);
  await flock.add('amber', lines('Amber keeps the gnat'));
  await flock.add('birch', lines('Birch writes white on white'));
  flock.takeUp();
  await flock.until('2026-08-22T08:59:50Z');
  return flock;
}

/** Everything that can go wrong, and every script there is. */
async function motleyFlock(): Promise<ShownFlock> {
  const flock = await ShownFlock.open('2026-08-20T00:00:00Z', {
    timezone: 'Europe/Berlin',
    schedule: '0 */3 * * *',
    budget: { usdPerMonth: 3, postsPerDay: 90 },
    bots: {
      resting: { paused: true },
      once: { atEnd: 'stop' },
      capped: { budget: { postsPerDay: 2 } },
      hebrew: { schedule: '0 7 * * *' },
    },
  });
  await flock.add('once', 'only this\n');
  await flock.add('resting', lines('resting'));
  await flock.add('a-bot-with-a-name-so-long-that-nobody-would-ever-give-it-but-somebody-will', lines('long'), 'abcdefghijklmno'); // prettier-ignore
  await flock.add('hebrew', 'הַיָּם קוֹרֵא לַחוֹף בְּשֵׁם אַחֵר.\nשָׁלוֹם לַגֶּשֶׁם.\n');
  await flock.add('japanese', '灯台は一行だけ書いて、また消す。\n静けさや岩にしみ入る蝉の声\n');
  await flock.add('capped', `${'w'.repeat(270)}\nshort\n`);
  await flock.add('parked', lines('parked'));
  await flock.add('doubtful', lines('doubtful'));
  flock.addMisfit('broken', 'keys/broken.json: not a key bundle: oauth_token is missing', 'make it again: keymaker make-keys ./poems --bot broken'); // prettier-ignore
  flock.takeUp();
  await flock.until('2026-08-22T08:30:00Z');
  flock.control('accounts/parked/revoke');
  await flock.until('2026-08-22T09:30:00Z');
  flock.deaf = true;
  await flock.until('2026-08-22T12:01:00Z');
  return flock;
}

describe('the page of a running flock in Chromium', { skip: noBrowser, timeout: 240_000 }, () => {
  let browser: Browser;
  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser.close());

  it('shows what is posted as it is posted, and leaves alone what has not changed', async () => {
    await using shown = await Shown.open(
      browser,
      await smallFlock({ bots: { birch: { schedule: '0 12 * * *' } } }),
    );
    const { page } = shown;
    await page.locator('summary').filter({ hasText: 'As a table' }).click();
    await page.locator('#bot-birch a').first().focus();
    // A node that is made anew would be another one, without this.
    await page.evaluate(`
      window.stayed = document.querySelector('#bot-birch');
      for (const node of document.querySelectorAll('*')) node.mark = true;
      window.scrollTo(0, 120);
    `);
    await shown.until('#lines li:first-child:has-text("Amber keeps the gnat 3")');
    assert.match(await page.locator('#facts').innerText(), /5 posts|2 posts|1 post/);
    const [marks, focus, scroll, table] = await page.evaluate(`[
      ['#bot-birch', '#bot-amber', '#bot-birch h3', '#facts', '#calendar-weeks', '#lines li:nth-child(2)', 'h1']
        .filter((place) => !document.querySelector(place).mark),
      document.activeElement === window.stayed.querySelector('a'),
      window.scrollY,
      document.querySelector('#calendar-table').open,
    ]`) as [string[], boolean, number, boolean]; // prettier-ignore
    assert.deepEqual(marks, []);
    assert.equal(focus, true);
    assert.equal(scroll, 120);
    assert.equal(table, true);
    assert.equal(await page.evaluate('document.querySelector("#lines li").mark'), undefined);
    assert.match(await page.locator('#row-2026-08-17').innerText(), /\s1 \+ 1\s/);
    assert.deepEqual(shown.complaints, []);
  });

  it('moves lines on to those before them, and takes up bots that come and go', async () => {
    await using shown = await Shown.open(browser, await smallFlock({ schedule: '0 * * * *' }));
    const { page, flock } = shown;
    const first = await page.locator('#lines li').first().getAttribute('id');
    const earlier = (): Promise<string[]> =>
      page.locator('#earlier li').evaluateAll((items) => items.map(({ id }) => id));
    assert.equal(await page.locator('#lines li').count(), 7);
    await page.evaluate(`document.getElementById(${JSON.stringify(first)}).mark = true`);
    for (let hour = 0; hour < 7; hour++) {
      const before = await page.locator('#lines li').first().getAttribute('id');
      await shown.until(`#lines li:first-child:not(#${before ?? ''})`);
    }
    assert.equal(await page.locator('#lines li').count(), 7);
    assert.ok((await earlier()).includes(first ?? ''));
    assert.equal(await page.evaluate(`document.getElementById(${JSON.stringify(first)}).mark`), true);
    await flock.add('cinder', 'Cinder, small red clause\n');
    flock.takeUp();
    await shown.until('#bot-cinder');
    const order = await page.locator('#bots > li').evaluateAll((items) => items.map(({ id }) => id));
    assert.deepEqual(order, ['bot-amber', 'bot-birch', 'bot-cinder']);
    flock.remove('birch');
    flock.takeUp();
    await shown.until('#bots:not(:has(#bot-birch))');
    assert.deepEqual(shown.complaints, []);
  });

  it('goes on by itself when flockd was started again', async () => {
    await using shown = await Shown.open(browser, await smallFlock());
    const { page, flock } = shown;
    await page.evaluate('window.isSame = true');
    const port = Number(new URL(shown.address).port);
    await flock.endListening();
    await flock.until('2026-08-22T10:00:00Z');
    await flock.listen({ listen: { kind: 'port', host: '127.0.0.1', port } });
    await shown.until('#lines li:first-child:has-text("3")');
    assert.equal(await page.evaluate('window.isSame'), true);
  });

  it('says in a polite voice how the flock stands, and nothing else aloud', async () => {
    await using shown = await Shown.open(browser, await smallFlock());
    const { page, flock } = shown;
    assert.equal(await page.locator('[role="status"]').innerText(), 'All two bots are reading.');
    assert.equal(await page.locator('[aria-live], [role="alert"], [role="log"], [role="status"]').count(), 1);
    flock.control('accounts/birch/revoke');
    await shown.until('#troubles:not([hidden])');
    assert.equal(
      await page.locator('[role="status"]').innerText(),
      'One of two bots is reading. One is parked.',
    );
    assert.match(await page.locator('#troubles').innerText(), /keymaker reauth birch/);
  });

  it('shows everything without its script', async () => {
    await using shown = await Shown.open(browser, await motleyFlock(), { javaScriptEnabled: false });
    const { page } = shown;
    for (const text of [
      'is in doubt',
      'Needs you',
      'הַיָּם קוֹרֵא',
      'The calendar',
      'Spending',
      'not a key bundle',
    ])
      assert.ok(await page.getByText(text).first().isVisible(), text);
    assert.match(await page.locator('#live').innerText(), /^as of Sat 14:01 CEST$/);
    await page.locator('summary').filter({ hasText: 'As a table' }).click();
    assert.ok(await page.getByRole('columnheader', { name: 'Mon' }).isVisible());
  });

  it('can be read by keyboard alone', async () => {
    await using shown = await Shown.open(browser, await smallFlock());
    const { page } = shown;
    const seen: string[] = [];
    for (let n = 0; n < 40; n++) {
      await page.keyboard.press('Tab');
      const name = String(await page.evaluate('document.activeElement.textContent.trim().slice(0, 30)'));
      seen.push(name);
      if (name === 'As a table') await page.keyboard.press('Enter');
      const outline = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle');
      if (name !== '') assert.equal(outline, 'solid', name);
    }
    for (const name of ['As a table', 'Posts of each day; those still', '@amber', '@birch'])
      assert.ok(seen.includes(name), name);
  });

  it('says what each of its parts is', async () => {
    await using shown = await Shown.open(browser, await motleyFlock());
    const { page } = shown;
    for (const name of ['Needs you', 'The last lines', 'The calendar', 'Spending', 'The bots'])
      assert.equal(await page.getByRole('region', { name }).count(), 1, name);
    assert.match(
      (await page.getByRole('img').first().getAttribute('aria-labelledby')) ?? '',
      /calendar-sentence/,
    );
    const bar = page.getByRole('progressbar', { name: 'doubtful’s place in its poem' });
    assert.match((await bar.getAttribute('aria-valuetext')) ?? '', /^\d+ of 30 lines$/);
    assert.equal(await page.getByRole('meter', { name: 'Budget of capped' }).count(), 1);
  });

  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of [360, 390, 1280]) {
      it(`fits a screen of ${width} pixels in ${colorScheme} colours, and axe finds nothing`, async () => {
        const viewport = { width, height: 800 };
        const options = { colorScheme, viewport, bypassCSP: true, reducedMotion: 'reduce' } as const;
        await using shown = await Shown.open(browser, await motleyFlock(), options, { allowControl: true });
        const { page } = shown;
        for (const summary of await page.locator('summary').all()) await summary.click();
        assert.equal(await page.evaluate('document.documentElement.scrollWidth > window.innerWidth'), false);
        const found: unknown = await page.evaluate(`${axe}; axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes[0].html))`); // prettier-ignore
        assert.deepEqual(found, []);
      });
    }
  }

  it('moves nothing for those who want no motion', async () => {
    await using shown = await Shown.open(browser, await smallFlock(), { reducedMotion: 'reduce' });
    await shown.until('#lines li:first-child:has-text("3")');
    const moving = await shown.page.evaluate('document.getAnimations().length');
    assert.equal(moving, 0);
  });

  it('lets nobody do anything, unless it may', async () => {
    await using shown = await Shown.open(browser, await smallFlock());
    assert.equal(await shown.page.locator('form, button, input').count(), 0);
  });

  it('pauses, resumes and posts, where it may', async () => {
    await using shown = await Shown.open(browser, await smallFlock(), {}, { allowControl: true });
    const { page, flock } = shown;
    const bot = page.locator('#bot-amber');
    await bot.getByRole('button', { name: 'Pause (amber)' }).click();
    await bot.locator('.state').waitFor();
    assert.equal(await bot.locator('.state').innerText(), 'paused');
    assert.ok(page.url().endsWith('/#bot-amber'));
    await bot.getByRole('button', { name: 'Resume (amber)' }).click();
    await bot.getByRole('button', { name: 'Post now (amber)' }).click();
    await page.locator('#lines li:first-child:has-text("Amber keeps the gnat 3")').waitFor();
    await page.getByRole('button', { name: 'Pause the flock' }).click();
    await page.getByRole('status').waitFor();
    assert.equal(flock.switched, true);
    assert.deepEqual(shown.complaints, []);
  });

  it('says why something cannot be done', async () => {
    await using shown = await Shown.open(browser, await smallFlock(), {}, { allowControl: true });
    const { page, flock } = shown;
    await flock.daemon.carryOut({ order: 'pause', bot: 'amber' });
    await page.locator('#bot-amber').getByRole('button', { name: 'Pause (amber)' }).click();
    assert.match(
      await page.locator('main').innerText(),
      /That did not work\s+amber is paused already\s+flockd resume amber/,
    );
    await page.getByRole('link', { name: 'Back to the flock' }).click();
    assert.equal(await page.locator('#bot-amber .state').innerText(), 'paused');
  });
});

describe('the picture of a rehearsed flock', { skip: noBrowser, timeout: 240_000 }, () => {
  const root = path.resolve(import.meta.dirname, '../..');

  it('is taken by a script, in light and in dark', () => {
    const folder = tempFolder();
    const { status, stderr } = spawnSync(path.join(root, 'scripts/screenshot'), ['--into', folder], {
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
    const [light, dark] = ['dashboard.png', 'dashboard-dark.png'].map((name) =>
      readFileSync(path.join(folder, name)),
    );
    for (const picture of [light, dark]) {
      assert.equal(picture?.readUInt32BE(16), 2560);
      // One colour alone would take a few kilobytes.
      assert.ok((picture?.length ?? 0) > 100_000, `${picture?.length ?? 0} bytes`);
    }
    assert.notDeepEqual(light, dark);
  });
});
