import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { noBrowser, openBrowser } from './browser.ts';
import { Shown, smallFlock } from './shown-page.ts';

describe('the buttons of the page in Chromium', { skip: noBrowser }, () => {
  let browser: Browser;
  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser.close());

  it('lets nobody do anything, unless it may', async () => {
    await using shown = await Shown.open(browser, await smallFlock());
    // Only the search, which changes nothing.
    assert.equal(await shown.page.locator('form:not([method=get]), input[name=csrf]').count(), 0);
  });

  it('pauses, resumes and posts, where it may', async () => {
    // The time runs while the page catches up: no slot may come in between.
    const noSlotSoon = await smallFlock({ schedule: '0 12 * * *' });
    await using shown = await Shown.open(browser, noSlotSoon, {}, { allowControl: true });
    const { page, flock } = shown;
    const bot = page.locator('#bot-amber');
    const pause = bot.getByRole('button', { name: 'Pause (amber)' });
    await pause.click();
    // It shows that it was pressed, until the page is told what became of it.
    assert.equal(await pause.getAttribute('aria-busy'), 'true');
    await page.locator('#notice:text-is("amber paused.")').waitFor();
    await shown.until('#bot-amber .state:has-text("paused")');
    assert.equal(await bot.locator('[aria-busy]').count(), 0);
    await bot.getByRole('button', { name: 'Resume (amber)' }).click();
    await page.locator('#notice:text-is("amber resumed.")').waitFor();
    await shown.until('#bot-amber button:has-text("Post now")');
    await bot.getByRole('button', { name: 'Post now (amber)' }).click();
    await page.locator('#notice:text-is("amber posted line 3 of 30.")').waitFor();
    await shown.until('#lines li:first-child:has-text("Amber keeps the gnat 3")');
    await page.getByRole('button', { name: 'Pause the flock' }).click();
    await page.locator('#notice:text-is("The flock is paused.")').waitFor();
    assert.equal(flock.switched, true);
    assert.deepEqual(shown.complaints, []);
  });

  it('posts a line once, however often somebody clicks', async () => {
    await using shown = await Shown.open(browser, await smallFlock(), {}, { allowControl: true });
    const { page, flock } = shown;
    const before = flock.ledger.state('amber')?.posts ?? 0;
    const post = page.locator('#bot-amber').getByRole('button', { name: 'Post now (amber)' });
    // The second click is heard before anything has come back, the third once it was carried out.
    await post.dblclick();
    await page.locator('#notice:has-text("amber posted")').waitFor();
    await post.click();
    // And one from a page that never heard what became of it.
    await page.evaluate(`document.querySelector('#bot-amber button').removeAttribute('aria-busy')`);
    await post.click();
    await page.locator('#notice:has-text("amber has moved on since the page showed its place")').waitFor();
    assert.equal(flock.ledger.state('amber')?.posts, before + 1);
    assert.equal(await post.getAttribute('aria-busy'), null);
  });

  it('says that flockd does not answer, and stays where it is', async () => {
    await using shown = await Shown.open(browser, await smallFlock(), {}, { allowControl: true });
    const { page, flock } = shown;
    await flock.endListening();
    const pause = page.locator('#bot-amber').getByRole('button', { name: 'Pause (amber)' });
    await pause.click();
    await page.locator('#notice:has-text("Pause (amber): flockd does not answer")').waitFor();
    assert.equal(new URL(page.url()).pathname, '/');
    assert.equal(await pause.getAttribute('aria-busy'), null);
  });

  it('says what is wrong without its script, too', async () => {
    const options = { javaScriptEnabled: false };
    await using shown = await Shown.open(browser, await smallFlock(), options, { allowControl: true });
    const { page, flock } = shown;
    const bot = page.locator('#bot-amber');
    await flock.daemon.execute({ order: 'pause', bot: 'amber' });
    await bot.getByRole('button', { name: 'Pause (amber)' }).click();
    assert.match(
      await page.locator('main').innerText(),
      /That did not work\s+amber is paused already\s+flockd resume amber/,
    );
    await page.getByRole('link', { name: 'Back to the flock' }).click();
    assert.equal(await bot.locator('.state').innerText(), 'paused');
    await bot.getByRole('button', { name: 'Resume (amber)' }).click();
    assert.ok(page.url().endsWith('/#bot-amber'), page.url());
    assert.equal(await bot.getByRole('button', { name: 'Post now (amber)' }).count(), 1);
  });

  it('says why something cannot be done', async () => {
    await using shown = await Shown.open(browser, await smallFlock(), {}, { allowControl: true });
    const { page, flock } = shown;
    await flock.daemon.execute({ order: 'pause', bot: 'amber' });
    await page.locator('#bot-amber').getByRole('button', { name: 'Pause (amber)' }).click();
    await page.locator('#notice:has-text("amber is paused already. flockd resume amber")').waitFor();
    assert.equal(new URL(page.url()).pathname, '/');
  });
});
