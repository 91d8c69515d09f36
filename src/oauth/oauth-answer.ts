import { z } from 'zod';
import { FlockError } from '../errors.ts';
import type { HttpAnswer } from '../http/exchange.ts';
import { TokenPair } from '../keys/token-pair.ts';

/** The account an access token acts as. */
export interface Account {
  userId: string;
  screenName: string;
}

const token = z.string().regex(/^[\x21-\x7e]{1,512}$/);
const requestTokenFields = z.object({
  oauth_token: token,
  oauth_token_secret: token,
  oauth_callback_confirmed: z.literal('true'),
});
const accessTokenFields = z.object({
  oauth_token: token,
  oauth_token_secret: token,
  user_id: z.string().regex(/^[0-9]{1,20}$/),
  screen_name: z.string().regex(/^[A-Za-z0-9_]{1,50}$/),
});

/**
 * @returns the request token in a whole, good answer
 * @throws {FlockError} for any other answer, see {@link oauthFailure}
 * @see RFC 5849 section 2.1
 */
export function readRequestToken(answer: HttpAnswer, provider: string): TokenPair {
  if (answer.status !== 200) throw oauthFailure(answer, provider);
  const fields = requestTokenFields.safeParse(formFields(answer.body));
  if (!fields.success) throw notOAuth(answer, provider, 'a request token');
  return new TokenPair(fields.data.oauth_token, fields.data.oauth_token_secret);
}

/**
 * @returns the access token and whose it is, from a whole, good answer
 * @throws {VerifierRefused} where the provider would not have the verifier
 * @throws {FlockError} for any other answer, see {@link oauthFailure}
 * @see RFC 5849 section 2.3
 */
export function readAccessToken(
  answer: HttpAnswer,
  provider: string,
): { accessToken: TokenPair; account: Account } {
  // What was wrong with the app or its keys would have shown when the request token was asked for.
  if (answer.status === 401 || answer.status === 403 || answer.status === 400)
    throw new VerifierRefused(provider);
  if (answer.status !== 200) throw oauthFailure(answer, provider);
  const fields = accessTokenFields.safeParse(formFields(answer.body));
  if (!fields.success) throw notOAuth(answer, provider, 'an access token');
  const { oauth_token, oauth_token_secret, user_id, screen_name } = fields.data;
  return {
    accessToken: new TokenPair(oauth_token, oauth_token_secret),
    account: { userId: user_id, screenName: screen_name },
  };
}

/** The PIN was wrong, used before, or came too late. Only a new link helps. */
export class VerifierRefused extends FlockError {
  constructor(provider: string) {
    super('tryLater', `${provider} refused the PIN: it was wrong, used before, or its link had expired`, {
      hint: 'open the new link and enter the PIN it shows',
    });
  }
}

/** The fields of a form body; a field that comes twice is as bad as none. */
function formFields(body: string): Record<string, string> {
  const fields: Record<string, string> = {};
  const doubled = new Set<string>();
  for (const [name, value] of new URLSearchParams(body.trim())) {
    if (name in fields) doubled.add(name);
    fields[name] = value;
  }
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !doubled.has(name)));
}

/**
 * Why a provider would give no request token, as far as its answer says: X documents few of these bodies,
 * and sends JSON, XML, forms and plain text.
 */
export function oauthFailure(answer: HttpAnswer, provider: string): FlockError {
  const { status, body } = answer;
  if (status === 429) {
    return new FlockError('tryLater', `${provider} asks for patience (429)`, {
      hint: 'try again in 15 minutes',
    });
  }
  if (status >= 500) {
    return new FlockError('unavailable', `${provider} is not well (${status})`, {
      hint: 'try again in a few minutes',
    });
  }
  const known = knownFailures.find(({ sign }) => sign.test(body));
  if (known) return new FlockError('config', `${provider} ${known.says}`, { hint: known.hint });
  if (status === 401) {
    return new FlockError('config', `${provider} refused the app keys (401)`, {
      hint: 'check CONSUMER_TOKEN and CONSUMER_TOKEN_SECRET (or apikeys.json) against the developer console',
    });
  }
  return new FlockError('unavailable', `${provider} refused to begin the authorization (${status})`, {
    hint: 'is KEYMAKER_API_URL right, and is the app set up for OAuth 1.0a in the developer console?',
  });
}

const knownFailures = [
  {
    sign: /code"?\s*[:=]\s*"?415\b|callback.{0,40}not approved/i,
    says: 'does not know the callback address (415)',
    hint: 'register a callback URL in the developer console (any will do for PINs, for example http://127.0.0.1)',
  },
  {
    sign: /desktop applications only support/i,
    says: 'treats the app as a desktop app, which may only use PINs',
    hint: 'set the app type to "Web App" in the developer console',
  },
  {
    sign: /code"?\s*[:=]\s*"?135\b|timestamp out of bounds/i,
    says: 'says that the time is wrong here (135)',
    hint: 'set the clock of this machine, for example with: timedatectl set-ntp true',
  },
  {
    sign: /code"?\s*[:=]\s*"?(32|215)\b/,
    says: 'refused the app keys (32)',
    hint: 'check CONSUMER_TOKEN and CONSUMER_TOKEN_SECRET (or apikeys.json) against the developer console',
  },
  {
    sign: /suspended/i,
    says: 'has suspended the app',
    hint: 'look in the developer console for the reason',
  },
];

function notOAuth(answer: HttpAnswer, provider: string, wanted: string): FlockError {
  const kind = /<html/i.test(answer.body) ? 'a web page' : 'something else';
  return new FlockError(
    'unavailable',
    `${provider} sent ${kind} where ${wanted} should be (${answer.status})`,
    {
      hint: 'is there a proxy or a login page between, or is KEYMAKER_API_URL the wrong address?',
    },
  );
}
