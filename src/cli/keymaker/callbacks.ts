import type { Options } from 'yargs';
import * as z from 'zod';
import type { Context } from '../../context.ts';
import { FlockError } from '../../errors.ts';
import type { Provider } from '../../oauth/providers.ts';
import { type CallbackListener, openCallbackListener } from '../../web/callback.ts';
import { portSchema } from '../command.ts';
import type { Terminal } from '../terminal.ts';
import { authorizingGroup } from './choose-provider.ts';

/** The flags of commands that can wait for the browser. */
export const callbackFlags = {
  callback: {
    type: 'boolean',
    describe: 'let the browser bring the answer back, instead of a PIN',
    group: authorizingGroup,
  },
  port: {
    type: 'string',
    default: '4180',
    describe: 'with --callback: register http://127.0.0.1:PORT/callback with the app',
    group: authorizingGroup,
  },
} satisfies Record<string, Options>;

/** What {@link callbackFlags} may be. */
export const callbackSchema = { callback: z.boolean().default(false), port: portSchema };

/**
 * What waits for the browser, where the person or the provider wants that.
 *
 * @throws {FlockError} `usage` where the provider gives its keys by PIN only, `unavailable` where the port cannot be had
 */
export async function listenerFor(
  { callback, port }: { callback: boolean; port: number },
  provider: Provider,
  { clock }: Context,
  terminal: Terminal,
): Promise<CallbackListener | undefined> {
  if (callback && provider.callback === 'pin') {
    throw new FlockError('usage', `${provider.title} gives its keys by PIN`, {
      hint: 'leave --callback out',
    });
  }
  if (!callback && provider.callback !== 'url') return undefined;
  const warn = (message: string): void => {
    terminal.warn(message, 'use the link above');
  };
  return openCallbackListener({ port, clock, warn });
}
