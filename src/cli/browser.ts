import open from 'open';
import { hasScreen } from '../config/environment.ts';
import type { Terminal } from './terminal.ts';

/** Opens a link in the person's browser, where there is a person and a screen. It is printed anyway, so failing is no error. */
export async function openInBrowser(url: string, terminal: Terminal): Promise<void> {
  if (!terminal.interactive || !hasScreen()) return;
  try {
    const browser = await open(url);
    browser.on('error', () => undefined);
    browser.unref();
  } catch {
    // The link is on the terminal.
  }
}
