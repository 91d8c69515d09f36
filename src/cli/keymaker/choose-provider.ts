import type { Options } from 'yargs';
import * as z from 'zod';
import type { FlockFile } from '../../config/flock-file.ts';
import type { Context } from '../../context.ts';
import { FlockError } from '../../errors.ts';
import { type Provider, withPermission } from '../../oauth/providers.ts';

/** The heading of the flags that say how a key is got. */
export const authorizingGroup = 'How it is authorized';

/** The flags that say whose keys are made. */
export const providerFlags = {
  provider: {
    type: 'string',
    default: 'x',
    describe: 'who gives the key: x, flickr, tumblr, or one described in flock.json',
    group: authorizingGroup,
  },
  perms: {
    type: 'string',
    describe: 'what to ask for, where the provider leaves it to the link (flickr)',
    group: authorizingGroup,
  },
} satisfies Record<string, Options>;

/** What {@link providerFlags} may be. */
export const providerSchema = {
  provider: z.string('should be given once, with a value').min(1, 'is empty').default('x'),
  perms: z.string('should be given once, with a value').min(1, 'is empty').optional(),
};

/** @throws {FlockError} `usage` for a provider or permission that is not there */
export function chooseProvider(
  context: Context,
  { providers }: FlockFile,
  { provider: id, perms }: { provider: string; perms?: string | undefined },
): Provider {
  const provider = context.provider(id, providers);
  if (perms === undefined) return withPermission(provider, undefined);
  const { permissions, title } = provider;
  if (!permissions) {
    throw new FlockError('usage', `${title} takes its permissions from the app, not from the link`, {
      hint: 'set them where the app was registered, and leave --perms out',
    });
  }
  if (permissions.choices.includes(perms)) return withPermission(provider, perms);
  throw new FlockError('usage', `--perms: ${title} does not know ${JSON.stringify(perms)}`, {
    hint: `choose one of ${permissions.choices.join(', ')}`,
  });
}
