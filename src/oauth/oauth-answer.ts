import * as z from 'zod';
import { FlockError } from '../errors.ts';
import type { HttpAnswer } from '../http/exchange.ts';
import { TokenPair } from '../keys/token-pair.ts';
import type { Provider, WhoAmI } from './provider.ts';

/** The account an access token acts as. */
export interface Account {
  userId: string;
  screenName: string;
}

/** An access token, and whose it is. */
export interface Grant {
  accessToken: TokenPair;
  account: Account;
}

const token = z.string().regex(/^[\x21-\x7e]{1,512}$/);
const tokenFields = z.object({ oauth_token: token, oauth_token_secret: token });
const confirmed = z.object({ oauth_callback_confirmed: z.literal('true') });
/**
 * @returns the request token in a whole, good answer
 * @throws {FlockError} for any other answer, see {@link oauthFailure}
 * @see RFC 5849 section 2.1
 */
export function readRequestToken(answer: HttpAnswer, provider: Provider): TokenPair {
  if (answer.status !== 200) throw oauthFailure(answer, provider.title);
  const fields = fieldsOf(answer.body);
  const found = tokenFields.safeParse(fields);
  if (!found.success) throw notOAuth(answer, provider.title, 'a request token');
  // Without it the callback may have been dropped, and the verifier with it.
  if (provider.confirmsCallback && !confirmed.safeParse(fields).success)
    throw notOAuth(answer, provider.title, 'a request token');
  return new TokenPair(found.data.oauth_token, found.data.oauth_token_secret);
}

/**
 * @returns the access token in a whole, good answer, and whose it is where the answer says so
 * @throws {VerifierRefused} where the provider would not have the verifier
 * @throws {FlockError} for any other answer, see {@link oauthFailure}
 * @see RFC 5849 section 2.3
 */
export function readAccessToken(
  answer: HttpAnswer,
  provider: Provider,
): { accessToken: TokenPair; account: Account | undefined } {
  // What was wrong with the app or its keys would have shown when the request token was asked for.
  if ([400, 401, 403].includes(answer.status))
    throw knownFailure(answer, provider.title, 'later') ?? new VerifierRefused(provider.title);
  return readGrant(answer, provider);
}

/**
 * The same for a name and a password: xAuth.
 *
 * @throws {FlockError} `partly` where the name or password was wrong, or the provider does not offer xAuth
 * @see the xAuth documentation of Instapaper, which still has it
 */
export function readPasswordToken(
  answer: HttpAnswer,
  provider: Provider,
): { accessToken: TokenPair; account: Account | undefined } {
  const { status, body } = answer;
  if ([400, 401, 403, 404].includes(status)) {
    if (/(user ?name|password|credentials)/i.test(body) && !/x_?auth/i.test(body))
      throw new FlockError('partly', `${provider.title} refused the name or the password (${status})`, {
        hint: 'try again, and mind capitals',
      });
    throw (
      knownFailure(answer, provider.title, 'later') ??
      new FlockError('config', `${provider.title} does not let this app use xAuth (${status})`, {
        hint: 'leave --xauth out: X gives keys by PIN, or by --callback; other services allow xAuth app by app',
      })
    );
  }
  return readGrant(answer, provider);
}

function readGrant(answer: HttpAnswer, provider: Provider) {
  if (answer.status !== 200) throw oauthFailure(answer, provider.title);
  const fields = fieldsOf(answer.body);
  const found = tokenFields.safeParse(fields);
  if (!found.success) throw notOAuth(answer, provider.title, 'an access token');
  const { oauth_token, oauth_token_secret } = found.data;
  const { accountFields } = provider;
  const account =
    accountFields && accountFrom(fields[accountFields.id], fields[accountFields.name], provider);
  if (accountFields && !account) throw notOAuth(answer, provider.title, 'an access token');
  return { accessToken: new TokenPair(oauth_token, oauth_token_secret), account };
}

function accountFrom(id: unknown, name: unknown, { account }: Provider): Account | undefined {
  const isAccount =
    typeof id === 'string' && typeof name === 'string' && account.id.test(id) && account.name.test(name);
  return isAccount ? { userId: id, screenName: name } : undefined;
}

/**
 * @returns whose the access token is that signed the question
 * @throws {FlockError} for any answer that does not say, see {@link oauthFailure}
 */
export function readWhoAmI(answer: HttpAnswer, provider: Provider, { id, name }: WhoAmI): Account {
  const { status, body } = answer;
  if (status === 401 || status === 403)
    throw knownFailure(answer, provider.title, 'later') ?? deadKey(provider.title, String(status));
  if (status !== 200) throw oauthFailure(answer, provider.title);
  const account = accountFrom(valueAt(body, id), valueAt(body, name), provider);
  if (account) return account;
  // Flickr fails with a success.
  if (valueAt(body, 'stat') === 'fail') throw deadKey(provider.title, String(valueAt(body, 'code')));
  throw notOAuth(answer, provider.title, 'the name of the account');
}

const deadKey = (provider: string, code: string): FlockError =>
  new FlockError('partly', `${provider} does not accept the key (${code.slice(0, 20)})`, {
    hint: 'it was revoked, or its app was changed: make it again with keymaker reauth',
  });

/**
 * @returns whether an access token was ended now or had been before
 * @throws {FlockError} for any other answer, see {@link oauthFailure}
 * @see docs.x.com, POST oauth/invalidate_token
 */
export function readRevoked(answer: HttpAnswer, provider: Provider): 'ended' | 'was dead' {
  if (answer.status === 200) return 'ended';
  const dead = answer.status === 401 && /code"?\s*[:=]\s*"?89\b|invalid or expired token/i.test(answer.body);
  if (dead) return 'was dead';
  throw oauthFailure(answer, provider.title);
}

/** What stands at a way (`response.user.name`) in a JSON text; numbers, as ids may be, as text. */
function valueAt(json: string, way: string): unknown {
  let value = parseJson(json);
  for (const step of way.split('.')) {
    const found = z.record(z.string(), z.unknown()).safeParse(value);
    value = found.success && Object.hasOwn(found.data, step) ? found.data[step] : undefined;
  }
  return asText(value);
}

/** A number as text. One that JavaScript cannot hold exactly would be the id of somebody else. */
const asText = (value: unknown): unknown => (Number.isSafeInteger(value) ? String(value) : value);

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The PIN was wrong, used before, or came too late. Only a new link helps. */
export class VerifierRefused extends FlockError {
  constructor(provider: string) {
    super('tryLater', `${provider} refused the PIN: it was wrong, used before, or its link had expired`, {
      hint: 'open the new link and enter the PIN it shows',
    });
  }
}

/** The fields of a body, which is a form by the RFC and JSON at some providers; one that comes twice in a form is as bad as none. */
function fieldsOf(body: string): Record<string, string> {
  const json = z.record(z.string(), z.preprocess(asText, z.string()).or(z.boolean().transform(String)));
  const object = json.safeParse(parseJson(body));
  if (object.success) return object.data;
  const fields = new Map<string, string>();
  const doubled = new Set<string>();
  for (const [name, value] of new URLSearchParams(body.trim())) {
    if (fields.has(name)) doubled.add(name);
    fields.set(name, value);
  }
  return Object.fromEntries([...fields].filter(([name]) => !doubled.has(name)));
}

/**
 * Why a provider would give no request token, as far as its answer says: X documents few of these bodies,
 * and sends JSON, XML, forms and plain text.
 */
export function oauthFailure(answer: HttpAnswer, provider: string): FlockError {
  const { status } = answer;
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
  const known = knownFailure(answer, provider, 'first');
  if (known) return known;
  if (status === 401) {
    return new FlockError('config', `${provider} refused the app keys (401)`, {
      hint: 'check CONSUMER_TOKEN and CONSUMER_TOKEN_SECRET (or apikeys.json) against the developer console',
    });
  }
  return new FlockError('unavailable', `${provider} refused to begin the authorization (${status})`, {
    hint: 'is KEYMAKER_API_URL right, and is the app set up for OAuth 1.0a in the developer console?',
  });
}

/** @param step - whether it is the first request, or a later one where some failures mean something else */
function knownFailure(
  { body }: HttpAnswer,
  provider: string,
  step: 'first' | 'later',
): FlockError | undefined {
  const known = knownFailures.find(({ sign, anyStep }) => (step === 'first' || anyStep) && sign.test(body));
  return known && new FlockError('config', `${provider} ${known.says}`, { hint: known.hint });
}

const knownFailures = [
  {
    sign: /code"?\s*[:=]\s*"?415\b|callback.{0,40}not approved/i,
    anyStep: false,
    says: 'does not know the callback address (415)',
    hint: 'register a callback URL in the developer console (any will do for PINs, for example http://127.0.0.1)',
  },
  {
    sign: /desktop applications only support/i,
    anyStep: false,
    says: 'treats the app as a desktop app, which may only use PINs',
    hint: 'set the app type to "Web App" in the developer console',
  },
  {
    sign: /code"?\s*[:=]\s*"?135\b|timestamp out of bounds|oauth_problem=timestamp_refused|timestamp is too far/i,
    anyStep: true,
    says: 'says that the time is wrong here (135)',
    hint: 'set the clock of this machine, for example with: timedatectl set-ntp true',
  },
  {
    sign: /code"?\s*[:=]\s*"?(32|215)\b|oauth_problem=(consumer_key_unknown|signature_invalid)|consumer_key not recognized|signature does not match/,
    anyStep: false,
    says: 'refused the app keys (32)',
    hint: 'check CONSUMER_TOKEN and CONSUMER_TOKEN_SECRET (or apikeys.json) against the developer console',
  },
  {
    sign: /suspended/i,
    anyStep: true,
    says: 'has suspended the app or the account',
    hint: 'sign in as the account, and look in the developer console, for the reason',
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
