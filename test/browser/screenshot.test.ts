import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { withPalette } from '../../scripts/small-png.js';
import { terminalPage } from '../../scripts/terminal-page.js';
import { noBrowser, openBrowser } from './browser.ts';

const root = path.resolve(import.meta.dirname, '../..');
const kept = path.join(root, 'src/manual/images');

function screenshot(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(path.join(root, 'scripts/screenshot'), args, {
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  return stdout;
}

/** The pictures of pages have palettes, which make them small. Bytes. */
const maxSize = 150_000;
const typeAt = 25;
const withPaletteType = 3;

function check(folder: string, name: string): Buffer {
  const picture = readFileSync(path.join(folder, name));
  assert.ok(picture.length < maxSize, `${name}: ${picture.length} bytes`);
  // One colour alone would take less.
  assert.ok(picture.length > 20_000, `${name}: ${picture.length} bytes`);
  assert.equal(picture[typeAt], withPaletteType, name);
  return picture;
}

describe('the pictures of the README and the manual', () => {
  const names = screenshot('--list').trim().split('\n');

  it('are those that the script takes', () => {
    assert.ok(names.length > 4);
    assert.deepEqual(readdirSync(kept).sort(), names.toSorted());
  });

  it('are all shown somewhere, each with words for those who do not see it', () => {
    const pages = readdirSync(path.join(root, 'src/manual')).filter((name) => name.endsWith('.md'));
    const shown = pages.flatMap((page) =>
      Array.from(
        readFileSync(path.join(root, 'src/manual', page), 'utf8').matchAll(/!\[([^\]]*)\]\(([^)]*)\)/g),
        ([, alt = '', place = '']) => {
          assert.ok(alt.length > 20, `${page}: ${place}`);
          assert.equal(path.dirname(place), 'images', page);
          return path.basename(place);
        },
      ),
    );
    const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
    for (const [tag] of readme.matchAll(/<img [^>]*>/g)) assert.match(tag, / alt="[^"]{20,}"/);
    const inReadme = Array.from(readme.matchAll(/"src\/manual\/images\/([^"]*)"/g), ([, name = '']) => name);
    assert.ok(inReadme.length > 0);
    assert.doesNotMatch(readme, /(?:src|srcset)="(?!src\/manual\/images\/)/);
    assert.deepEqual([...new Set([...shown, ...inReadme])].sort(), names.toSorted());
  });

  it('are small', () => {
    for (const name of names) check(kept, name);
  });

  it('are taken by one command', { skip: noBrowser }, () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'pictures-'));
    try {
      screenshot('--into', folder);
      assert.deepEqual(readdirSync(folder).sort(), names.toSorted());
      const taken = new Map(names.map((name) => [name, check(folder, name)]));
      assert.equal(taken.get('dashboard.png')?.readUInt32BE(16), 1920);
      assert.notDeepEqual(taken.get('dashboard.png'), taken.get('dashboard-dark.png'));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('have names: another one is refused', () => {
    const { status, stderr } = spawnSync(path.join(root, 'scripts/screenshot'), ['howl.png'], {
      encoding: 'utf8',
    });
    assert.notEqual(status, 0);
    assert.match(stderr, /there is no picture howl\.png/);
  });
});

describe('the page of a terminal', () => {
  it('has its colours, each until it ends, and no other sequence', () => {
    const page = terminalPage('\u001b[2K\u001b[1m\u001b[32mgood\u001b[39m bold\u001b[22m <i>\u001b[0m');
    const parts = Array.from(
      page.matchAll(/<span style="([^"]*)">([^<]+)<\/span>/g),
      ([, ...found]) => found,
    );
    assert.deepEqual(parts, [
      ['font-weight: 600; color: #86d0a5', 'good'],
      ['font-weight: 600', ' bold'],
      ['', ' &lt;i>'],
    ]);
  });
});

describe('a picture with a palette', { skip: noBrowser }, () => {
  let browser: Browser;
  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser.close());

  /** The pixels of a picture, and how many differ from another one's by more than a little. */
  async function compare(html: string): Promise<{ colors: number; differing: number; farthest: number }> {
    const page = await browser.newPage({ viewport: { width: 300, height: 200 } });
    await page.setContent(html);
    const before = await page.screenshot();
    const after = withPalette(before);
    assert.ok(after.length < before.length);
    const [first, second] = [before, after].map((picture) => picture.toString('base64'));
    return page.evaluate<{ colors: number; differing: number; farthest: number }>(`(async () => {
      const pixels = async (base64) => {
        const image = new Image();
        image.src = 'data:image/png;base64,' + base64;
        await image.decode();
        const canvas = new OffscreenCanvas(image.width, image.height);
        const drawing = canvas.getContext('2d');
        drawing.drawImage(image, 0, 0);
        return drawing.getImageData(0, 0, image.width, image.height).data;
      };
      const [a, b] = [await pixels('${first ?? ''}'), await pixels('${second ?? ''}')];
      if (a.length !== b.length) throw new Error('another size');
      const distances = Array.from(a, (value, at) => Math.abs(value - b[at]));
      const colors = new Set(new Uint32Array(a.buffer)).size;
      const farthest = distances.reduce((most, distance) => Math.max(most, distance), 0);
      return { colors, differing: distances.filter((distance) => distance > 0).length, farthest };
    })()`);
  }

  it('keeps every pixel where there are few colours', async () => {
    const { colors, differing } = await compare('<p style="color: #a00">A line of <b>text</b> on paper.');
    assert.ok(colors > 10 && colors <= 256, `${colors} colours`);
    assert.equal(differing, 0);
  });

  it('changes colours by little where there are many', async () => {
    const gradient = 'background: linear-gradient(90deg, #fff, #2a5b61), #000; height: 200px';
    const { colors, farthest } = await compare(
      `<p style="color: #a00">A line.<div style="${gradient}"></div>`,
    );
    assert.ok(colors > 256, `${colors} colours`);
    assert.ok(farthest > 0 && farthest < 32, `${farthest}`);
  });
});
