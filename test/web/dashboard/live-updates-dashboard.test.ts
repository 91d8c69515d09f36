import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { HeldClock } from '../../../src/clock.ts';
import { Dashboard } from '../../../src/web/dashboard/live-updates.ts';
import type { FlockView } from '../../../src/web/dashboard/snapshot.ts';
import { openWebServer, webApp, type WebServer } from '../../../src/web/server.ts';
import { aBot, aPost, aView } from './a-view.ts';

describe('a page that is open', () => {
  const clock = new HeldClock('2026-08-22T10:00:00Z');
  const mistakes: unknown[] = [];
  let current: FlockView | Error = aView([aBot('evensong')]);
  const view = (): Promise<FlockView> =>
    current instanceof Error ? Promise.reject(current) : Promise.resolve(current);
  const failed = (error: unknown): void => void mistakes.push(error);
  const watchers = new Set<(view: FlockView) => void>();
  const watch = (show: (view: FlockView) => void): (() => void) => {
    watchers.add(show);
    if (!(current instanceof Error)) show(current);
    return () => watchers.delete(show);
  };
  const sourcesOf = (): never => assert.fail('no page of a bot is loaded here');
  const dashboard = new Dashboard({
    snapshots: { view, watch, failed, sourcesOf },
    clock,
    control: () => undefined,
    changesOf: () => Promise.resolve([]),
    keyChanged: () => Promise.resolve(undefined),
    maxReaders: 2,
  });
  let server: WebServer;
  before(async () => {
    const address = { kind: 'port', host: '127.0.0.1', port: 0 } as const;
    const app = webApp({ names: [], maxBody: 1000, failed, errorsAreIn: 'the log' });
    dashboard.addTo(app);
    server = await openWebServer(app, { address, maxConnections: 500, failed });
  });
  after(async () => {
    dashboard.close();
    await server[Symbol.asyncDispose]();
  });

  const load = async (): Promise<string> => (await fetch(server.shown)).text();
  /** The flock has changed. */
  const change = (view: FlockView): void => {
    current = view;
    for (const show of watchers) show(view);
  };

  /** A page, and what it is told from then on. */
  async function open({ since }: { since?: string } = {}) {
    const [, version = '', edition = ''] =
      /data-version="([^"]+)"\s+data-edition="([^"]+)"/.exec(await load()) ?? [];
    const control = new AbortController();
    const { signal } = control;
    const { status, body } = await fetch(
      `${server.shown}/events?since=${since ?? version}&edition=${edition}`,
      {
        signal,
      },
    );
    const stream = body?.pipeThrough(new TextDecoderStream()).getReader() ?? assert.fail();
    let text = '';
    const until = async (pattern: RegExp): Promise<void> => {
      while (!pattern.test(text)) text += (await stream.read()).value ?? assert.fail('it ended');
    };
    await (status === 200 ? until(/retry/) : undefined);
    return { status, until, close: () => control.abort(), heard: () => text };
  }

  it('is told of what another page has shown already', async () => {
    const first = await open();
    const newest = aView([aBot('evensong')], { recent: [aPost('evensong')] });
    current = newest;
    assert.match(await load(), /The bell lets go of the hour/);
    change(newest);
    await first.until(/^event: changed$/m);
    first.close();
  });

  it('is told of nothing while nothing changes', async () => {
    const page = await open();
    for (let n = 0; n < 5; n++) {
      const now = `2026-08-22T10:0${n}:00.000Z`;
      change(aView([aBot('evensong')], { recent: [aPost('evensong')], now }));
    }
    change(aView([aBot('evensong', { state: 'parked' })], { recent: [aPost('evensong')] }));
    await page.until(/changed/);
    assert.match(await load(), /needs you/);
    assert.equal(page.heard().match(/^id:/gm)?.length, 1);
    page.close();
  });

  it('goes on when a view could not be built or rendered', async () => {
    const page = await open();
    current = new Error('a bug');
    assert.match(await load(), /something went wrong here/);
    const broken = aView([]);
    Object.defineProperty(broken, 'bots', {
      get: () => {
        throw new Error('another bug');
      },
    });
    change(broken);
    change(aView([aBot('evensong', { state: 'in doubt' })]));
    await page.until(/changed/);
    assert.match(await load(), /checking/);
    assert.deepEqual(mistakes.splice(0).map(String), ['Error: a bug', 'Error: another bug']);
    page.close();
  });

  it('is told at once of what has changed while no page was open', async () => {
    const first = await open();
    first.close();
    while (watchers.size > 0) await new Promise((resolve) => setImmediate(resolve));
    const page = await open({ since: 'an-older-one' });
    await page.until(/changed/);
    page.close();
  });

  it('is one of so many', async () => {
    const pages = [await open(), await open()];
    const { status } = await open();
    assert.equal(status, 503);
    for (const page of pages) page.close();
  });

  it('is rendered once for all who load it while a view is fresh', async () => {
    current = aView([aBot('evensong')]);
    let rendered = 0;
    const bots = current.bots;
    Object.defineProperty(current, 'bots', { get: () => (rendered++, bots) });
    const first = await load();
    const once = rendered;
    assert.ok(once > 0, 'nothing was rendered');
    const pages = await Promise.all(Array.from({ length: 200 }, load));
    assert.equal(rendered, once);
    assert.deepEqual(new Set(pages), new Set([first]));
  });

  it('costs nothing once it is closed', async () => {
    const page = await open();
    page.close();
    // It takes a while to notice that a reader has gone.
    while (watchers.size > 0) await new Promise((resolve) => setImmediate(resolve));
    while (clock.nextAlarm !== undefined) await clock.runUntil(clock.nextAlarm);
  });
});
