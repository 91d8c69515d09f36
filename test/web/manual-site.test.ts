import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ShownFlock } from '../support/shown-flock.ts';
import { ask } from './dashboard/ask.ts';

describe('the manual in a browser', () => {
  let flock: ShownFlock;
  let address: string;
  before(async () => {
    flock = new ShownFlock('2026-08-20T00:00:00Z');
    address = await flock.listen({});
  });
  after(() => flock[Symbol.asyncDispose]());

  it('begins with the guide', async () => {
    const { status, headers } = await ask(address, '/manual');
    assert.equal(status, 302);
    assert.equal(headers.location, 'manual/guide');
  });

  it('is found by the name of a page and of its file', async () => {
    for (const name of ['flock.json', 'flock-json']) {
      const { status, body } = await ask(address, `/manual/${name}`);
      assert.equal(status, 200);
      assert.match(body, /<title>flock\.json · flockd<\/title>/);
      assert.match(body, /<a\s+href="flock-json"\s+title="[^"]+"\s+aria-current="page"/);
    }
  });

  it('has no page of another name', async () => {
    for (const name of ['nothing', '..%2f..%2fpackage', 'guide.md'])
      assert.equal((await ask(address, `/manual/${name}`)).status, 404);
  });

  it('links relatively, so that a reverse proxy may have it in a folder', async () => {
    const { body } = await ask(address, '/manual/guide');
    const links = Array.from(body.matchAll(/(?:href|src)="([^"]*)"/g), ([, href = '']) => href);
    assert.ok(links.length > 10);
    for (const link of links) assert.doesNotMatch(link, /^\//);
  });

  it('has the pictures of its pages, and no other file', async () => {
    const { body, headers } = await ask(address, '/manual/guide');
    assert.match(String(headers['content-security-policy']), /img-src data: 'self'/);
    const pictures = Array.from(
      body.matchAll(/<img src="(images\/[^"]+)" alt="[^"]+"/g),
      ([, src = '']) => src,
    );
    assert.ok(pictures.length > 1);
    const { body: monitoring } = await ask(address, '/manual/monitoring');
    const dark =
      /<source media="\(prefers-color-scheme: dark\)" srcset="([^"]+)">/.exec(monitoring)?.[1] ?? '';
    pictures.push(dark);
    for (const src of pictures) {
      const picture = await ask(address, `/manual/${src}`);
      assert.equal(picture.status, 200, src);
      assert.equal(picture.headers['content-type'], 'image/png');
      assert.equal(Number(picture.headers['content-length']), statSync(path.join('src/manual', src)).size);
    }
    for (const name of ['nothing.png', '..%2fguide.md', '..%2f..%2f..%2fpackage.json', '%00', ''])
      assert.equal((await ask(address, `/manual/images/${name}`)).status, 404, name);
  });

  it('runs no script', async () => {
    assert.doesNotMatch((await ask(address, '/manual/promise')).body, /<script/);
  });
});
