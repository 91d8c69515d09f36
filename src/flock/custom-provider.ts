import * as z from 'zod';
import { isSafeAddress } from '../http/safe-address.ts';
import { builtIn, usual, type Provider } from '../oauth/provider.ts';

const address = z
  .string('should be an address')
  .refine(isSafeAddress, 'should be an https address, or http to this machine itself')
  .meta({ description: 'An https address' });

const pattern = z.string('should be a regular expression').refine(isPattern, 'is not a regular expression');

function isPattern(text: string): boolean {
  try {
    return Boolean(new RegExp(text, 'u'));
  } catch {
    return false;
  }
}

const method = z.enum(['GET', 'POST']);
const word = z
  .string('should be text')
  .min(1, 'is empty')
  .regex(/^[^\p{Cc}\u2028\u2029]*$/u, 'should be one line');

/** An OAuth 1.0a provider of one's own, in `flock.json`. */
export const customProvider = z
  .strictObject({
    title: word.meta({ description: 'The name people know it by' }).optional(),
    requestTokenUrl: address,
    authorizeUrl: address,
    accessTokenUrl: address,
    requestTokenMethod: method.optional(),
    accessTokenMethod: method.optional(),
    callback: z
      .enum(['pin', 'url', 'both'])
      .meta({ description: 'How the verifier comes back: typed, with the browser, or either' })
      .optional(),
    authorizeParameters: z
      .record(z.string(), z.string())
      .meta({ description: 'What the authorize link says besides the request token' })
      .optional(),
    screenNameParameter: word
      .meta({ description: 'The parameter of the authorize link that fills in the account' })
      .optional(),
    permissions: z.strictObject({ parameter: word, choices: z.array(word).min(1), usual: word }).optional(),
    verifier: z.strictObject({ pattern, example: z.string().default('') }).optional(),
    accountFields: z
      .strictObject({ id: word, name: word })
      .nullable()
      .meta({ description: 'The fields of the access token answer that say whose it is; null for none' })
      .optional(),
    whoAmI: z
      .strictObject({ url: address, id: word, name: word })
      .meta({ description: 'A signed GET that says whose a key is, and where in its JSON: "data.id"' })
      .optional(),
    confirmsCallback: z.boolean().optional(),
    revokeUrl: address.optional(),
    revokedAt: word.optional(),
  })
  .refine(({ accountFields, whoAmI }) => accountFields !== null || whoAmI !== undefined, {
    path: ['whoAmI'],
    message: 'is needed where accountFields is null: nothing else says whose a key is',
  });

/** The id of a provider of one's own. */
export const customId = z
  .string()
  .regex(/^[a-z0-9_-]{1,64}$/, 'is not the id of a provider (a-z, 0-9, - and _)')
  .refine((id) => !builtIn.some((known) => known === id), 'is built in; give yours another id');

/** The provider that a description in `flock.json` stands for. */
export function providerFrom(id: string, described: z.infer<typeof customProvider>): Provider {
  const { verifier, accountFields, title = id, ...rest } = described;
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  const { requestTokenUrl, authorizeUrl, accessTokenUrl } = described;
  return {
    ...usual,
    ...given,
    id,
    title,
    requestTokenUrl,
    authorizeUrl,
    accessTokenUrl,
    verifier: verifier
      ? { pattern: new RegExp(verifier.pattern, 'u'), example: verifier.example }
      : usual.verifier,
    accountFields: accountFields === undefined ? usual.accountFields : (accountFields ?? undefined),
  };
}
