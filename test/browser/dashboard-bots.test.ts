import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { createRequire } from 'node:module';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import * as z from 'zod';
import { ShownFlock } from '../support/shown-flock.ts';
import { noBrowser, openBrowser } from './browser.ts';
import { Shown, smallFlock } from './shown-page.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const violations = (page: Page): Promise<string[]> =>
  page.evaluate<string[]>(
    `${axe}; axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes[0].html))`,
  );

const lines = (word: string): string => Array.from({ length: 60 }, (_, n) => `${word} ${n + 1}`).join('\n');

/** Bots `bot-000`, `bot-001` …; two need a person, and one is paused. */
async function flockOf(count: number): Promise<ShownFlock> {
  const flock = new ShownFlock('2026-08-22T06:00:00Z', {
    schedule: '0 7 * * *',
    spread: '30m',
    bots: { 'bot-005': { paused: true } },
  });
  for (let n = 0; n < count - 2; n++) {
    const name = `bot-${String(n).padStart(3, '0')}`;
    flock.add(name, lines(`Line of ${name},`));
  }
  for (const name of ['broken', 'worse']) flock.addInvalid(name, 'its bundle is bad', 'make it again');
  flock.update();
  await flock.until('2026-08-22T07:40:00Z');
  return flock;
}

const bots = '#bots > li';

/** A reverse proxy that shows the page in a folder of its own. */
async function openProxy(address: string, folder: string) {
  const to = new URL(address);
  const proxy = createServer((asked, answer) => {
    const path = asked.url?.startsWith(folder) === true ? asked.url.slice(folder.length - 1) : '/not-here';
    const headers = { ...asked.headers, host: to.host, ...(asked.headers.origin && { origin: to.origin }) };
    const passed = request(
      { host: to.hostname, port: to.port, path, method: asked.method, headers },
      (given) => {
        answer.writeHead(given.statusCode ?? 502, given.headers);
        given.pipe(answer);
      },
    );
    passed.on('error', () => answer.destroy());
    answer.on('close', () => passed.destroy());
    asked.pipe(passed);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const { port } = z.object({ port: z.int() }).parse(proxy.address());
  return {
    address: `http://127.0.0.1:${port}${folder}`,
    [Symbol.asyncDispose]: async () => {
      proxy.closeAllConnections();
      proxy.close();
      await once(proxy, 'close');
    },
  };
}

describe('bots are found in Chromium', { skip: noBrowser }, () => {
  let browser: Browser;
  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser.close());

  for (const count of [40, 400])
    it(`among ${count}, by typing, by state, by keyboard, and by an address`, async () => {
      await using shown = await Shown.open(browser, await flockOf(count));
      const { page } = shown;
      assert.equal(await page.locator(bots).count(), Math.min(60, count));
      assert.deepEqual((await shown.ids(bots)).slice(0, 3), ['bot-broken', 'bot-worse', 'bot-bot-000']);
      await page.keyboard.press('/');
      await page.keyboard.type('bot-01');
      await page.locator('#found:text-is("10 bots found.")').waitFor({ state: 'attached' });
      assert.equal(await page.locator(bots).count(), 10);
      assert.equal(await page.locator('#q').inputValue(), 'bot-01');
      assert.equal(await page.evaluate('document.activeElement.id'), 'q');
      await page.keyboard.press('2');
      await page.locator('#found:text-is("1 bot found.")').waitFor({ state: 'attached' });
      const address = page.url();
      assert.ok(address.includes('?q=bot-012'), address);
      await page.locator('#q').fill('');
      await page.locator('#found:text-is("")').waitFor({ state: 'attached' });
      await page.locator('#filter-needs-you').click();
      await page.locator('#found:text-is("2 bots found.")').waitFor({ state: 'attached' });
      assert.deepEqual(await shown.ids(bots), ['bot-broken', 'bot-worse']);
      await page.goBack();
      await page.locator('#found:text-is("")').waitFor({ state: 'attached' });
      await page.goto(address);
      assert.deepEqual(await shown.ids(bots), ['bot-bot-012']);
      assert.deepEqual(shown.complaints, []);
    });

  it('stay found while the flock goes on', async () => {
    await using shown = await Shown.open(browser, await smallFlock());
    const { page } = shown;
    await page.locator('#q').fill('birch');
    await page.locator('#found:text-is("1 bot found.")').waitFor({ state: 'attached' });
    await shown.until('#bot-birch .place:has-text("3 of 30 lines")');
    assert.deepEqual(await shown.ids(bots), ['bot-birch']);
    assert.equal(await page.locator('#q').inputValue(), 'birch');
  });

  it('are found without the script, too', async () => {
    await using shown = await Shown.open(browser, await flockOf(40), { javaScriptEnabled: false });
    const { page } = shown;
    await page.getByRole('searchbox').fill('bot-007');
    await page.getByRole('button', { name: 'Find' }).click();
    assert.deepEqual(await page.locator(`${bots} h3`).allInnerTexts(), ['bot-007']);
    await page.getByRole('searchbox').fill('zebra');
    await page.getByRole('button', { name: 'Find' }).click();
    await page.getByRole('link', { name: 'Show all 40' }).click();
    assert.equal(await page.locator(bots).count(), 40);
    await page.getByRole('link', { name: 'bot-007', exact: true }).first().click();
    assert.equal(await page.locator('h1').innerText(), 'bot-007 @bot_007');
    await page.getByRole('link', { name: 'flockd' }).first().click();
    assert.equal(new URL(page.url()).pathname, '/');
  });

  it('fit a telephone', async () => {
    const viewport = { width: 390, height: 844 };
    const flock = await flockOf(12);
    await using shown = await Shown.open(browser, flock, { viewport });
    const height = await shown.page.evaluate<number>('document.documentElement.scrollHeight');
    assert.ok(height < 3600, `${height} pixels`);
  });

  it('leave no half of a wide page empty', async () => {
    await using shown = await Shown.open(browser, await flockOf(40), {
      viewport: { width: 1280, height: 900 },
    });
    const [left = 0, right = 0] = await shown.page.evaluate<number[]>(
      `Array.from(document.querySelectorAll('.column'), (one) => one.lastElementChild.getBoundingClientRect().bottom - one.getBoundingClientRect().top)`,
    );
    assert.ok(Math.min(left, right) > Math.max(left, right) * 0.6, `${left} and ${right} pixels`);
  });
});

describe('the page of a bot in Chromium', { skip: noBrowser }, () => {
  let browser: Browser;
  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser.close());

  it('goes on by itself', async () => {
    await using shown = await Shown.open(browser, await smallFlock());
    const { page } = shown;
    await page.locator('#bot-amber h3 a').click();
    await shown.live();
    assert.equal(await page.locator('.verses .next').innerText(), 'Amber keeps the gnat 3 next');
    await shown.until('.verses .next:has-text("Amber keeps the gnat 4")');
    assert.match(
      await page.locator('#events li').first().innerText(),
      /posted line 3 of 30 .*Amber keeps the gnat 3/s,
    );
    assert.deepEqual(shown.complaints, []);
  });

  it('works in a folder of a reverse proxy', async () => {
    await using shown = await Shown.open(browser, await smallFlock(), {}, { allowControl: true });
    const { page, flock } = shown;
    await using proxy = await openProxy(shown.address, '/birds/of/mine/');
    await page.goto(`${proxy.address}bots/amber`);
    await shown.live();
    await page.getByRole('button', { name: 'Pause (amber)' }).click();
    await page.locator('#notice:text-is("amber paused.")').waitFor();
    await shown.until('.standing:has-text("paused")');
    await page.getByRole('link', { name: 'flockd' }).first().click();
    await page.locator('#q').fill('amber');
    await page.locator('#found:text-is("1 bot found.")').waitFor({ state: 'attached' });
    await page.locator('#bot-amber h3 a').click();
    assert.equal(page.url(), `${proxy.address}bots/amber`);
    assert.equal(flock.ledger.state('amber')?.paused !== undefined, true);
    assert.deepEqual(shown.complaints, []);
  });

  it('resumes a bot that needs it, by a click', async () => {
    await using shown = await Shown.open(
      browser,
      await smallFlock({ schedule: '0 12 * * *' }),
      {},
      { allowControl: true },
    );
    const { page, flock } = shown;
    await page.goto(`${shown.address}/bots/amber`);
    await shown.live();
    await page.getByRole('button', { name: 'Pause (amber)' }).click();
    await page.locator('#notice:text-is("amber paused.")').waitFor();
    await shown.until('.standing:has-text("paused")');
    await page.getByRole('button', { name: 'Resume (amber)' }).click();
    await page.locator('#notice:text-is("amber resumed.")').waitFor();
    assert.equal(flock.ledger.state('amber')?.paused, undefined);
    assert.equal(new URL(page.url()).pathname, '/bots/amber');
  });

  for (const [answer, posted] of [
    ['It was posted', 3],
    ['It was not posted: post it again', 2],
  ] as const)
    it(`settles a post in doubt once one has looked: ${answer}`, async () => {
      const flock = await smallFlock({ schedule: '0 9 * * *' });
      flock.deaf = true;
      await flock.until('2026-08-22T09:01:00Z');
      await using shown = await Shown.open(browser, flock, {}, { allowControl: true });
      const { page } = shown;
      await page.locator('#bot-amber').getByRole('link', { name: 'Resolve …' }).click();
      await shown.live();
      assert.equal(await page.locator('#doubt blockquote').innerText(), 'Amber keeps the gnat 3');
      const button = page.getByRole('button', { name: answer });
      await button.click();
      // The browser asks for the tick first.
      assert.notEqual(flock.ledger.state('amber')?.open, undefined);
      await page.getByRole('checkbox', { name: 'I have looked at the timeline of @amber' }).check();
      await button.click();
      await page.locator('#notice:has-text("amber: the post in doubt counts as")').waitFor();
      assert.equal(flock.ledger.state('amber')?.place.next, posted);
      await shown.until('#doubt[hidden]');
    });

  it('sends a test alarm by a click, and says what came of it', async () => {
    const flock = await smallFlock();
    flock.trials = [{ name: 'hooks.0', kind: 'ntfy', call: () => Promise.resolve(undefined) }];
    await using shown = await Shown.open(browser, flock, {}, { allowControl: true });
    const { page } = shown;
    const button = page.getByRole('button', { name: 'Send a test alarm' });
    await button.click();
    await page.locator('#notice:text-is("ntfy: sent.")').waitFor();
    await page.evaluate(`document.querySelector('#alarms button').removeAttribute('aria-busy')`);
    await button.click();
    await page
      .locator('#notice:has-text("the hooks were tried less than a minute ago. try again in")')
      .waitFor();
  });

  it('leaves a box ticked and a part opened where the flock goes on', async () => {
    const flock = await smallFlock({ schedule: '0 9 * * *', bots: { birch: { schedule: '*/2 9 * * *' } } });
    await using shown = await Shown.open(browser, flock, {}, { allowControl: true });
    const { page } = shown;
    await page.goto(`${shown.address}/bots/birch`);
    await shown.live();
    await page.locator('#before summary').click();
    const first = await page.locator('#events time').first().getAttribute('datetime');
    await shown.until(`#events li:first-child:not(:has(time[datetime="${first ?? ''}"]))`);
    assert.equal(await page.evaluate('document.querySelector("#before").open'), true);
  });

  for (const colorScheme of ['light', 'dark'] as const)
    for (const width of [360, 1280])
      it(`fits a screen of ${width} pixels in ${colorScheme} colours, and axe finds nothing`, async () => {
        const options = {
          colorScheme,
          viewport: { width, height: 800 },
          bypassCSP: true,
          reducedMotion: 'reduce',
        } as const;
        const flock = await smallFlock({ schedule: '0 9 * * *' });
        flock.deaf = true;
        await flock.until('2026-08-22T09:01:00Z');
        await using shown = await Shown.open(browser, flock, options, { allowControl: true });
        const { page } = shown;
        for (const way of ['/bots/amber', '/?q=zebra', '/?state=checking']) {
          await page.goto(shown.address + way);
          await shown.live();
          for (const summary of await page.locator('summary').all())
            if (await summary.isVisible()) await summary.click();
          assert.equal(
            await page.evaluate('document.documentElement.scrollWidth > window.innerWidth'),
            false,
            way,
          );
          assert.deepEqual(await violations(page), [], way);
        }
      });
});

describe('the tab in Chromium', { skip: noBrowser }, () => {
  let browser: Browser;
  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser.close());

  it('says at once that a bot needs a person, and that flockd is away', async () => {
    await using shown = await Shown.open(browser, await smallFlock(), { fakeClock: true });
    const { page, flock } = shown;
    const icon = (): Promise<string | null> => page.locator('link[rel=icon]').getAttribute('href');
    assert.equal(await page.title(), 'The flock · flockd');
    const calm = await icon();
    flock.addInvalid('broken', 'its bundle is bad', 'make it again');
    flock.update();
    await shown.until('#troubles:has-text("broken")');
    assert.equal(await page.title(), '(1) The flock · flockd');
    const troubled = await icon();
    assert.notEqual(troubled, calm);
    await flock.endListening();
    await shown.refused(1);
    await shown.runFor(6000);
    assert.equal(await page.title(), '(!) The flock · flockd');
    assert.ok(![calm, troubled].includes(await icon()));
  });
});
