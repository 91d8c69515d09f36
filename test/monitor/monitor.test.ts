import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { request, type IncomingHttpHeaders } from 'node:http';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { isStopped } from '../../src/daemon/stop-switch.ts';
import { ShownFlock } from '../support/shown-flock.ts';

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

interface Asked {
  method?: string;
  headers?: Record<string, string>;
  body?: string;
}

/** Asks as no browser would: under any name, with any header. */
const ask = (address: string, way: string, { method = 'GET', headers = {}, body = '' }: Asked = {}) =>
  new Promise<Answer>((resolve, reject) => {
    const { hostname, port } = new URL(address);
    const asked = request({ host: hostname, port, path: way, method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text });
      });
    });
    asked.on('error', reject).end(body);
  });

const poem = 'Amber keeps the gnat\nand the afternoon\n<b>not bold</b> & “quoted”\n';

describe('a monitor', { timeout: 60_000 }, () => {
  let flock: ShownFlock;
  let address: string;
  before(async () => {
    flock = await ShownFlock.open('2026-08-20T00:00:00Z');
    await flock.add('amber', poem, 'amber_bot');
    flock.addMisfit('broken', 'keys/broken.json: not a key bundle', 'make it again');
    flock.takeUp();
    await flock.until('2026-08-22T10:00:00Z');
    address = await flock.listen({ names: ['flock.example'] });
  });
  after(() => flock[Symbol.asyncDispose]());

  const allowed = 'GET /, GET /dashboard.css, GET /dashboard.js, GET /healthz, GET /readyz, GET /metrics';

  it('says where it listens', () => {
    assert.match(address, /^http:\/\/127\.0\.0\.1:\d+$/);
  });

  it('shows the flock, and what it shows is text alone', async () => {
    const { status, body } = await ask(address, '/');
    assert.equal(status, 200);
    assert.match(body, /One of two bots is reading\. One cannot post\./);
    assert.match(body, /Amber keeps the gnat/);
    assert.match(body, /keys\/broken\.json: not a key bundle/);
    await flock.until('2026-08-23T10:00:00Z');
    assert.match((await ask(address, '/')).body, /&#60;b&#62;not bold&#60;\/b&#62; &#38; “quoted”/);
    assert.doesNotMatch((await ask(address, '/')).body, /<b>not bold/);
  });

  it('lets no script in but its own file', async () => {
    const { headers, body } = await ask(address, '/');
    const policy = headers['content-security-policy'] ?? '';
    for (const part of [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "connect-src 'self'",
      "frame-ancestors 'none'",
      "base-uri 'none'",
      "form-action 'self'",
    ])
      // prettier-ignore
      assert.ok(String(policy).split('; ').includes(part), part);
    assert.doesNotMatch(String(policy), /unsafe/);
    assert.equal(headers['cache-control'], 'no-store');
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.doesNotMatch(
      body,
      /<script(?! src="dashboard\.js" defer><\/script>)| style=| on[a-z]+="|javascript:/,
    );
  });

  it('answers no name that it does not know', async () => {
    for (const host of ['evil.example', 'localhost', '127.0.0.1', 'flock.example.evil'])
      for (const way of ['/', '/events', '/metrics', '/nothing'])
        assert.equal((await ask(address, way, { headers: { host } })).status, 421, `${host}${way}`);
    for (const host of ['flock.example', `localhost:${new URL(address).port}`])
      assert.equal((await ask(address, '/', { headers: { host } })).status, 200, host);
  });

  it('answers no page elsewhere, but links to it', async () => {
    for (const site of ['cross-site', 'same-site']) {
      const headers = { 'sec-fetch-site': site, 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' };
      for (const way of ['/', '/events', '/healthz'])
        assert.equal((await ask(address, way, { headers })).status, 403);
      const link = { 'sec-fetch-site': site, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
      assert.equal((await ask(address, '/', { headers: link })).status, 200);
    }
  });

  it('knows what it has, and by which method', async () => {
    for (const route of allowed.split(', ')) {
      const [, way = ''] = route.split(' ');
      assert.equal((await ask(address, way)).status, 200, way);
      const head = await ask(address, way, { method: 'HEAD' });
      assert.equal(head.status, 200, way);
      assert.equal(head.body, '');
    }
    for (const way of [
      '/nothing',
      '/bots/pause',
      '/flock/pause',
      '//evil.example/',
      '/../etc/passwd',
      '/dashboard.css/',
    ])
      assert.equal((await ask(address, way)).status, 404, way);
    for (const method of ['PUT', 'DELETE', 'POST', 'OPTIONS', 'PATCH', 'TRACE']) {
      const { status, headers } = await ask(address, '/', { method, headers: { origin: address } });
      assert.equal(status, 405, method);
      assert.equal(headers.allow, 'GET');
    }
    const events = await ask(address, '/events', { method: 'POST', headers: { origin: address } });
    assert.equal(events.status, 405);
  });

  it('cannot be told anything where nobody allowed it', async () => {
    for (const way of ['/bots/pause', '/bots/resume', '/bots/post', '/flock/pause', '/flock/resume']) {
      const { status } = await ask(address, way, { method: 'POST', headers: { origin: address } });
      assert.equal(status, 404, way);
    }
    assert.doesNotMatch((await ask(address, '/')).body, /<form|<button/);
  });

  it('reads no more of a request than it needs', async () => {
    const headers = { origin: address };
    const long = await ask(address, '/bots/pause', { method: 'POST', headers, body: 'x'.repeat(20_000) });
    assert.equal(long.status, 413);
    const heads = await ask(address, '/', { headers: { 'x-long': 'x'.repeat(20_000) } });
    assert.equal(heads.status, 431);
  });

  it('sends a page of another edition back for a new one', async () => {
    const { status, body } = await ask(address, '/events?edition=old');
    assert.equal(status, 200);
    assert.equal(body, 'event: stale\ndata:\n\n');
  });

  it('tells of a mistake of its own once, and goes on', async () => {
    const states = flock.ledger.states.bind(flock.ledger);
    flock.ledger.states = () => {
      throw new Error('a bug');
    };
    await flock.until('2026-08-23T10:01:00Z');
    for (let n = 0; n < 3; n++) {
      const { status, body } = await ask(address, '/');
      assert.equal(status, 500);
      assert.doesNotMatch(body, /a bug/);
    }
    flock.ledger.states = states;
    assert.equal((await ask(address, '/')).status, 200);
    const told = flock.log.filter(({ event }) => event === 'monitor-failed');
    assert.deepEqual(told.map(({ reason }) => reason), ['a bug']); // prettier-ignore
  });

  it('builds one view a second for all who ask', async () => {
    let built = 0;
    const states = flock.ledger.states.bind(flock.ledger);
    flock.ledger.states = () => {
      built++;
      return states();
    };
    await flock.until('2026-08-23T10:02:00Z');
    await Promise.all(Array.from({ length: 20 }, () => ask(address, '/')));
    const once = built;
    assert.ok(once > 0);
    await flock.until('2026-08-23T10:02:00.900Z');
    await ask(address, '/');
    assert.equal(built, once);
    await flock.until('2026-08-23T10:02:01.100Z');
    await ask(address, '/');
    assert.equal(built, 2 * once);
    flock.ledger.states = states;
  });

  it('shows what the poems are now', async () => {
    writeFileSync(path.join(flock.root, 'poems/amber.txt'), '');
    await flock.until('2026-08-23T10:03:00Z');
    assert.match((await ask(address, '/')).body, /amber\.txt has no lines/);
    // A line that was posted and shown stays what it was.
    assert.match((await ask(address, '/')).body, /Amber keeps the gnat/);
  });
});

describe('a monitor that may be told what to do', { timeout: 60_000 }, () => {
  let flock: ShownFlock;
  let address: string;
  before(async () => {
    flock = await ShownFlock.open('2026-08-20T00:00:00Z');
    for (const bot of ['amber', 'birch']) await flock.add(bot, poem.replaceAll('A', bot));
    flock.takeUp();
    await flock.until('2026-08-22T10:00:00Z');
    address = await flock.listen({ allowControl: true, names: ['flock.example'] });
  });
  after(() => flock[Symbol.asyncDispose]());

  const type = 'application/x-www-form-urlencoded';
  const tokenOf = ({ body }: Answer): string => /name="csrf" value="([^"]+)"/.exec(body)?.[1] ?? '';
  const tell = async (way: string, fields: Record<string, string>, headers: Record<string, string> = {}) => {
    const csrf = tokenOf(await ask(address, '/'));
    assert.match(csrf, /^[\w-]{43}$/);
    const body = new URLSearchParams({ csrf, ...fields }).toString();
    return ask(address, way, {
      method: 'POST',
      body,
      headers: { 'content-type': type, origin: address, ...headers },
    });
  };

  it('pauses a bot and lets it go on, through the ledger', async () => {
    const { status, headers } = await tell('/bots/pause', { bot: 'amber' });
    assert.equal(status, 303);
    assert.equal(headers.location, '../#bot-amber');
    assert.equal(flock.ledger.state('amber')?.paused, flock.clock.now());
    assert.match((await ask(address, '/')).body, /One of two bots is reading\. One is paused\./);
    assert.equal((await tell('/bots/resume', { bot: 'amber' })).status, 303);
    assert.equal(flock.ledger.state('amber')?.paused, undefined);
  });

  it('posts now', async () => {
    const before = flock.ledger.state('birch')?.posts ?? 0;
    assert.equal((await tell('/bots/post', { bot: 'birch' })).status, 303);
    assert.equal(flock.ledger.state('birch')?.posts, before + 1);
  });

  it('stops the flock and lets it go on, by the switch', async () => {
    const state = path.join(flock.root, 'state');
    assert.equal((await tell('/flock/pause', {})).status, 303);
    assert.equal(isStopped(state), true);
    assert.equal((await tell('/flock/resume', {})).status, 303);
    assert.equal(isStopped(state), false);
  });

  it('says what it cannot do, and how to repair that', async () => {
    const { status, body } = await tell('/bots/resume', { bot: 'amber' });
    assert.equal(status, 409);
    assert.match(body, /amber is neither parked nor paused/);
    assert.match(body, /flockd status shows which bots are/);
    for (const bot of ['nobody', '', '<b>'])
      assert.equal((await tell('/bots/post', { bot })).status, 409, bot);
  });

  it('believes only forms of its own', async () => {
    const told = await Promise.all([
      tell('/bots/pause', { bot: 'amber', csrf: '' }),
      tell('/bots/pause', { bot: 'amber', csrf: 'x'.repeat(43) }),
      tell('/bots/pause', { bot: 'amber' }, { origin: 'https://evil.example' }),
      tell('/bots/pause', { bot: 'amber' }, { origin: 'null' }),
      tell('/bots/pause', { bot: 'amber' }, { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }),
      tell('/bots/pause', { bot: 'amber' }, { 'content-type': 'text/plain' }),
      ask(address, '/bots/pause', { method: 'POST' }),
    ]);
    for (const { status } of told) assert.equal(status, 403);
    assert.equal(flock.ledger.state('amber')?.paused, undefined);
  });

  it('believes a form that came through its reverse proxy', async () => {
    const headers = { host: 'flock.example', origin: 'https://flock.example' };
    assert.equal((await tell('/bots/pause', { bot: 'amber' }, headers)).status, 303);
    assert.equal(
      (await tell('/bots/resume', { bot: 'amber' }, { origin: 'https://flock.example' })).status,
      303,
    );
  });

  it('cannot be told by a GET', async () => {
    const csrf = tokenOf(await ask(address, '/'));
    assert.equal((await ask(address, `/bots/pause?bot=amber&csrf=${csrf}`)).status, 405);
  });
});
