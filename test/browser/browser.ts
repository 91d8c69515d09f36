import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser'];
const place = places.find((file) => existsSync(file));

/** Why tests in a browser cannot run here, or false where they can. */
export const noBrowser: string | false =
  place === undefined && 'NOT RUN: there is no Chromium here (Debian: apt-get install chromium)';

/** How long a page may take to show something, on a machine that is very busy. Milliseconds. */
export const patience = 300_000;

/** Debian's Chromium. Its own sandbox does not work for root. */
export const openBrowser = (): Promise<Browser> =>
  chromium.launch({
    timeout: patience,
    ...(place !== undefined && { executablePath: place }),
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  });
