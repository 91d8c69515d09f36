import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { noBrowser, openBrowser } from './browser.ts';
import { ownPort } from '../support/own-port.ts';
import { motleyFlock, Shown, smallFlock } from './shown-page.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

describe('the page of a running flock in Chromium', { skip: noBrowser }, () => {
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
    const [marks, focus, scroll, table] = await page.evaluate<[string[], boolean, number, boolean]>(`[
      ['#bot-birch', '#bot-amber', '#bot-birch h3', '#facts', '#calendar-weeks', '#lines li:nth-child(2)', 'h1']
        .filter((place) => !document.querySelector(place).mark),
      document.activeElement === window.stayed.querySelector('a'),
      window.scrollY,
      document.querySelector('#calendar-table').open,
    ]`);
    assert.deepEqual(marks, []);
    assert.equal(focus, true);
    assert.equal(scroll, 120);
    assert.equal(table, true);
    assert.equal(await page.evaluate('document.querySelector("#lines li").mark'), undefined);
    assert.match(await page.locator('#row-2026-08-17').innerText(), /\s1 \+ 1\s/);
    assert.deepEqual(shown.complaints, []);
  });

  it('moves lines on to those before them, and takes up bots that come and go', async () => {
    const settings = { schedule: '*/2 9 * * *', spread: '30s', bots: { birch: { schedule: '0 1-8 * * *' } } };
    await using shown = await Shown.open(browser, await smallFlock(settings));
    const { page, flock } = shown;
    const first = await page.locator('#lines li').first().getAttribute('id');
    assert.equal(await page.locator('#lines li').count(), 5);
    await page.evaluate(`document.getElementById(${JSON.stringify(first)}).mark = true`);
    for (const time of ['09:01', '09:03', '09:05', '09:07', '09:09', '09:11', '09:13']) {
      const before = await page.locator('#lines li').first().getAttribute('id');
      await flock.until(`2026-08-22T${time}:00Z`);
      await shown.until(`#lines li:first-child:not(#${before ?? ''})`);
    }
    assert.equal(await page.locator('#lines li').count(), 5);
    assert.ok((await shown.ids('#earlier li')).includes(first ?? ''));
    assert.equal(await page.evaluate(`document.getElementById(${JSON.stringify(first)}).mark`), true);
    flock.add('cinder', 'Cinder, small red clause\n');
    flock.update();
    await shown.until('#bot-cinder');
    assert.deepEqual(await shown.ids('#bots > li'), ['bot-amber', 'bot-birch', 'bot-cinder']);
    flock.remove('birch');
    flock.update();
    await shown.until('#bots:not(:has(#bot-birch))');
    assert.deepEqual(shown.complaints, []);
  });

  it('goes on by itself when flockd was started again', async () => {
    const listen = { kind: 'port', host: '127.0.0.1', port: await ownPort() } as const;
    await using shown = await Shown.open(browser, await smallFlock(), {}, { listen });
    const { page, flock } = shown;
    await page.evaluate('window.isSame = true');
    await flock.endListening();
    await flock.until('2026-08-22T10:00:00Z');
    await flock.listen({ listen });
    await shown.until('#lines li:first-child:has-text("3")');
    assert.equal(await page.evaluate('window.isSame'), true);
  });

  it('says that flockd is away, however often the browser asks for it', async () => {
    const listen = { kind: 'port', host: '127.0.0.1', port: await ownPort() } as const;
    await using shown = await Shown.open(browser, await smallFlock(), { fakeClock: true }, { listen });
    const { page, flock } = shown;
    await shown.runFor(6 * 60_000);
    const next = page.locator('#bot-amber .when time');
    assert.equal(await next.innerText(), 'due now');
    await flock.endListening();
    await shown.refused(1);
    await shown.runFor(3000);
    await shown.refused(2);
    assert.equal(await page.locator('#live').innerText(), 'live');
    await shown.runFor(3000);
    assert.equal(await page.locator('#live').innerText(), 'not connected since Sat 09:05 UTC');
    assert.match(await page.locator('#lost').innerText(), /flockd does not answer: .* at Sat 09:05 UTC/);
    const last = page.locator('#bot-amber .last time');
    const then = await last.innerText();
    // Nobody knows what has happened since.
    await shown.runFor(24 * 3_600_000);
    assert.equal(await last.innerText(), then);
    await flock.listen({ listen });
    await shown.live();
    assert.equal(await page.locator('#lost').innerText(), '');
    assert.notEqual(await last.innerText(), then);
  });

  it('says in a polite voice how the flock stands, and nothing else aloud', async () => {
    await using shown = await Shown.open(browser, await smallFlock());
    const { page, flock } = shown;
    const aloud = page.locator('[aria-live], [role="alert"], [role="log"], [role="status"]');
    // The others say that the connection is lost, how many bots were found, and what became of an order.
    assert.deepEqual(await aloud.allInnerTexts(), ['All two bots are posting.', '', '', '']);
    flock.control('accounts/birch/revoke');
    // A 401 is tried again for an hour.
    await flock.until('2026-08-22T10:05:00Z');
    await shown.until('#troubles:not([hidden])');
    assert.equal(await page.locator('#summary').innerText(), 'One of two bots is posting. One needs you.');
    assert.match(await page.locator('#troubles').innerText(), /keymaker reauth birch/);
  });

  it('shows everything without its script', async () => {
    await using shown = await Shown.open(browser, await motleyFlock(), { javaScriptEnabled: false });
    const { page } = shown;
    for (const text of ['checking', 'Needs you', 'הַיָּם קוֹרֵא', 'The calendar', 'Spending', 'not a key bundle'])
      assert.ok(await page.getByText(text).first().isVisible(), text);
    assert.match(await page.locator('#live').innerText(), /^as of Sat 14:01 CEST$/);
    await page.locator('summary').filter({ hasText: 'As a table' }).click();
    assert.ok(await page.getByRole('columnheader', { name: 'Mon' }).isVisible());
  });

  it('can be read by keyboard alone', async () => {
    await using shown = await Shown.open(browser, await smallFlock());
    const { page } = shown;
    const seen: string[] = [];
    for (;;) {
      await page.keyboard.press('Tab');
      const [name, outline] = await page.evaluate<[string, string] | []>(`
        document.activeElement === document.body
          ? []
          : [document.activeElement.textContent.trim().slice(0, 30), getComputedStyle(document.activeElement).outlineStyle]
      `);
      if (name === undefined) break;
      seen.push(name);
      if (name === 'As a table') await page.keyboard.press('Enter');
      assert.equal(outline, 'solid', name);
    }
    for (const name of ['As a table', 'Posts of each day; those still', '@amber', '@birch'])
      assert.ok(seen.includes(name), name);
  });

  it('says what each of its parts is', async () => {
    await using shown = await Shown.open(browser, await motleyFlock());
    const { page } = shown;
    for (const name of ['Needs you', 'The last lines', 'Still today', 'The calendar', 'Spending', 'The bots'])
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
        const found: unknown = await page.evaluate(
          `${axe}; axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes[0].html))`,
        );
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
});
