import { spawnSync } from 'node:child_process';
import path from 'node:path';
import type { z } from 'zod';
import type { customProvider } from '../../src/config/flock-file.ts';
import { startCommand } from '../support/programs.ts';

const python = '/usr/bin/python3';
const script = path.join(import.meta.dirname, 'oauthlib_provider.py');

/** As long as oauthlib wants them by default. */
export const foreignApp = { token: 'foreignAppKey0123456789', secret: 'hidden-foreign-app-secret' };

/** Only who could not install it may do without: as root a missing package is a failure. */
export function reasonToSkip(): string | false {
  const found = spawnSync(python, ['-c', 'import oauthlib']).status === 0;
  return !found && process.getuid?.() !== 0 && 'needs the package python3-oauthlib';
}

export type Described = z.input<typeof customProvider>;

export interface ForeignProvider extends AsyncDisposable {
  url: string;
  /** It as `flock.json` describes it. @param variant - `/silent` does not say whose a token is, `/stock` is strict */
  described(variant?: '' | '/silent' | '/stock'): Described;
}

/** Starts a provider that is made of oauthlib. */
export async function openForeignProvider(): Promise<ForeignProvider> {
  const running = startCommand([python, script, foreignApp.token, foreignApp.secret], {
    cwd: import.meta.dirname,
  });
  const [port] = await running.matching(/^\d+(?=\n)/);
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    described: (variant = '') => ({
      title: 'Foreign',
      requestTokenUrl: `${url}${variant}/request_token`,
      authorizeUrl: `${url}/authorize`,
      accessTokenUrl: `${url}${variant}/access_token`,
      revokeUrl: `${url}/revoke`,
      whoAmI: { url: `${url}/me`, id: 'me.id', name: 'me.name' },
      ...(variant === '/silent' && {
        accountFields: null,
        accessTokenMethod: 'GET',
        requestTokenMethod: 'GET',
      }),
    }),
    async [Symbol.asyncDispose]() {
      running.endInput();
      await running.exit;
    },
  };
}

/** Answers the page behind a link, as one of its accounts. @returns the PIN it shows, or where it sends the person */
export async function answerLink(link: string, name: string, action = 'approve'): Promise<string> {
  const asked = await fetch(link);
  const token = /name="oauth_token" value="(\w+)"/.exec(await asked.text())?.[1] ?? '';
  const body = new URLSearchParams({ oauth_token: token, name, action });
  const answer = await fetch(link.replace(/\?.*/, ''), { method: 'POST', body, redirect: 'manual' });
  const text = await answer.text();
  return answer.headers.get('location') ?? /<code>(\w+)<\/code>/.exec(text)?.[1] ?? text;
}
