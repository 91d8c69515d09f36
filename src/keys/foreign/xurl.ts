import * as z from 'zod';
import { FlockError } from '../../errors.ts';
import { foreignKey, part, refusalOf, type Found } from './foreign-key.ts';

const oauth1 = z.object({
  // Nothing else in the store says whose key it is.
  access_token: part.regex(/^[0-9]+-/, "does not begin with an account's id"),
  token_secret: part,
  consumer_key: part,
  consumer_secret: part,
});
const oauth1Token = z.object({ oauth1 }, 'is not a token');

const app = z.object({
  oauth1_token: z.unknown().optional(),
  /** The name it had in the first versions, which kept JSON. */
  oauth1_tokens: z.unknown().optional(),
});

/** Whether this is the store of `xurl`: apps in YAML, or the one app of its first versions in JSON. */
export const isXurl = (value: object): boolean =>
  ['apps', 'oauth1_token', 'oauth1_tokens', 'oauth2_tokens', 'bearer_token'].some((field) => field in value);

/**
 * The keys in `apps.<name>.oauth1_token.oauth1`: `access_token`, `token_secret`, `consumer_key`, `consumer_secret`.
 *
 * @throws {FlockError} `data` where there are none, but perhaps tokens of OAuth 2
 */
export function readXurl(value: object, file: string): Found[] {
  const found = appsIn(value).flatMap(([name, held]) => {
    const title = name === undefined ? file : `${file}: app ${JSON.stringify(name)}`;
    return readApp(held, title);
  });
  if (found.length > 0) return found;
  throw new FlockError(
    'data',
    `${file}: no OAuth 1.0a key in it; tokens of OAuth 2 and bearer tokens are of no use here`,
    {
      hint: 'make the key: keymaker make-keys ./poems',
    },
  );
}

function appsIn(value: object): [name: string | undefined, held: unknown][] {
  const apps = z.object({ apps: z.record(z.string(), z.unknown()) }).safeParse(value);
  return [[undefined, value], ...Object.entries(apps.data?.apps ?? {})];
}

function readApp(held: unknown, title: string): Found[] {
  const parsed = app.safeParse(held);
  const token = parsed.data?.oauth1_token ?? parsed.data?.oauth1_tokens;
  return token === undefined || token === null ? [] : [readToken(token, title)];
}

function readToken(token: unknown, title: string): Found {
  const parsed = oauth1Token.safeParse(token);
  if (!parsed.success) return refusalOf(title, parsed.error);
  const { access_token, token_secret, consumer_key, consumer_secret } = parsed.data.oauth1;
  return foreignKey(title, {
    consumerToken: consumer_key,
    consumerSecret: consumer_secret,
    token: access_token,
    secret: token_secret,
  });
}
