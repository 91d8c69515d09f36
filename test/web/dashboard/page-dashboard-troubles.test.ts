import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { botListOf, everyBot } from '../../../src/web/dashboard/bot-list.ts';
import { troublesOf } from '../../../src/web/dashboard/page.ts';
import { aBot, aView, flockOf, markupOf, textOf } from './a-view.ts';

describe('what is wrong', () => {
  it('is nothing at all where nothing is', () => {
    assert.equal(
      markupOf(troublesOf(flockOf('fine', 'paused', 'waiting', 'looking', 'in doubt'))),
      '<section id="troubles" class="troubles" hidden></section>',
    );
  });

  it('is told with the repair, commands as such, instants by the bot’s clock', () => {
    const doubt = aBot('howl', {
      state: 'in doubt',
      why: 'line 8 was sent at 2026-08-22T09:00:00.000Z, and nobody knows whether it arrived',
      hint: 'flockd looks by itself; or settle it: flockd resolve howl --posted | --not-posted',
    });
    const html = botListOf(aView([doubt]), everyBot, undefined);
    assert.match(textOf(html), /checking .* line 8 was sent at Sat 11:00 CEST, and nobody/);
    assert.match(
      markupOf(html),
      /flockd looks by itself; or settle it: <code>flockd resolve howl --posted \| --not-posted<\/code>/,
    );
    const parked = aBot('howl', { state: 'parked', why: 'reauth', hint: 'keymaker reauth howl' });
    assert.match(
      markupOf(troublesOf(aView([parked]))),
      /<p class="hint"><code>keymaker reauth howl<\/code><\/p>/,
    );
    const stuck = aBot('howl', { state: 'waiting', why: 'too small', hint: 'raise it', next: undefined });
    assert.match(textOf(troublesOf(aView([stuck]))), /howl : too small/);
  });

  it('is that the whole flock is paused', () => {
    const view = flockOf('stopped');
    const html = troublesOf({ ...view, flock: { ...view.flock, stopped: true } });
    assert.match(textOf(html), /The whole flock is paused: no bot posts\. flockd resume resumes it/);
  });

  it('is no endless list', () => {
    const html = troublesOf(flockOf(...Array<'parked'>(50).fill('parked')));
    assert.equal(markupOf(html).match(/<li>/g)?.length, 12);
    assert.match(textOf(html), /and 38 more bots/);
  });

  it('cannot break out of the page', () => {
    const html = troublesOf(
      aView([aBot('howl', { state: 'unfit', why: '<script>alert(1)</script>', hint: '"><img>' })]),
    );
    assert.doesNotMatch(markupOf(html), /<script|<img/);
  });
});
