import * as z from 'zod';
import { type Exit, FlockError } from '../errors.ts';
import { type HttpAnswer, NoAnswer } from '../http/exchange.ts';
import { couldBeSecret, grouped, parseJson } from '../text.ts';
import type { Provider, WhoAmI } from './providers.ts';
import { type BotKey, signedSend, TokenPair, userIdIn } from './signature.ts';

/*
 * An OAuth 1.0a authorization: its requests, its flows, what the provider's answers mean, and why it refused.
 */

/** The account that an access token is for. */
export interface Account {
  userId: string;
  screenName: string;
}

/** A key that was granted, and the account that it is for. */
export interface Grant extends Pick<
  BotKey,
  'appKeys' | 'accessToken' | 'provider' | 'server' | 'textLimits'
> {
  account: Account;
}

/** The steps of an authorization by a link: of OAuth 1.0a, and of OAuth 2.0, where a state and a code verifier are the request token. */
export interface LinkClient {
  /** @param callback - the address to which the provider redirects the browser, or `oob` for a PIN */
  requestToken(callback: string): Promise<TokenPair>;
  /** The link that a person opens to authorize. @param expected - the screen name to sign in as */
  authorizeUrl(requestToken: TokenPair, expected: string | undefined): string;
  /** @throws {VerifierRefused} if the verifier is wrong or old */
  accessToken(requestToken: TokenPair, verifier: string): Promise<Grant>;
}

type SignedCall = Parameters<ReturnType<typeof signedSend>>[0];

export type OAuth1Client = ReturnType<typeof openOAuth1Client>;

/** The requests of OAuth 1.0a. Each throws a FlockError, `unavailable` if the provider cannot be reached. */
export function openOAuth1Client(
  provider: Provider,
  { send, clock, appKeys }: Pick<Parameters<typeof signedSend>[0], 'send' | 'clock' | 'appKeys'>,
) {
  async function call(signed: SignedCall, token?: TokenPair, secrets: string[] = []): Promise<HttpAnswer> {
    try {
      return await signedSend({ send, clock, appKeys, secrets, token })(signed);
    } catch (cause) {
      if (!(cause instanceof NoAnswer)) throw cause;
      const hint = 'is there a network, and is KEYMAKER_API_URL (if set) the right address?';
      throw new FlockError('unavailable', `${provider.title}: ${cause.message}`, { hint, cause });
    }
  }

  /** The account of an access token. */
  async function whoAmI(accessToken: TokenPair): Promise<Account> {
    const { whoAmI: question, title, id } = provider;
    if (question)
      return readWhoAmI(await call({ method: 'GET', url: question.url }, accessToken), provider, question);
    const hint = `describe it in flock.json: providers.${id}.whoAmI`;
    throw new FlockError('config', `${title} has no way to ask whose a key is`, { hint });
  }

  /** @throws {FlockError} `unavailable` if the token is another account's: X begins an access token with the account's id */
  async function granted({ accessToken, account: named }: Granted): Promise<Grant> {
    const account = named ?? (await whoAmI(accessToken));
    const { id, title } = provider;
    const owner = id === 'x' ? userIdIn(accessToken.reveal().token) : undefined;
    if (owner === undefined || owner === account.userId)
      return { appKeys, accessToken, account, ...(id !== 'x' && { provider: id }) };
    const message = `${title} sent a key of the account ${owner} for the account ${account.userId}; nothing was stored`;
    const hint = `a proxy between here and ${title} may have mixed up answers; try again later`;
    throw new FlockError('unavailable', message, { hint });
  }

  return {
    async requestToken(callback: string): Promise<TokenPair> {
      const { requestTokenMethod: method, requestTokenUrl: url } = provider;
      const answer = await call({ method, url, oauth: [['oauth_callback', callback]] });
      return readRequestToken(answer, provider, clock.now());
    },
    authorizeUrl(requestToken: TokenPair, expected: string | undefined): string {
      const { authorizeUrl, authorizeParameters, screenNameParameter } = provider;
      const url = new URL(authorizeUrl);
      url.searchParams.set('oauth_token', requestToken.reveal().token);
      for (const [name, value] of Object.entries(authorizeParameters)) url.searchParams.set(name, value);
      if (expected !== undefined && screenNameParameter !== undefined)
        url.searchParams.set(screenNameParameter, expected);
      return url.href;
    },
    async accessToken(requestToken: TokenPair, verifier: string): Promise<Grant> {
      const { accessTokenMethod: method, accessTokenUrl: url } = provider;
      const signed: SignedCall = { method, url, oauth: [['oauth_verifier', verifier]] };
      return granted(readAccessToken(await call(signed, requestToken, [verifier]), provider));
    },
    /** xAuth: exchanges a name and a password for an access token. */
    async passwordToken(login: TokenPair): Promise<Grant> {
      const { token: name, secret: password } = login.reveal();
      const form: SignedCall['form'] = [
        ['x_auth_mode', 'client_auth'],
        ['x_auth_username', name],
        ['x_auth_password', password],
      ];
      const signed: SignedCall = { method: 'POST', url: provider.accessTokenUrl, form };
      return granted(readPasswordToken(await call(signed, undefined, [password]), provider));
    },
    whoAmI,
    /** Revokes an access token. `by hand`: the provider has no request for it, so the person must do it. */
    async revoke(accessToken: TokenPair): Promise<'ended' | 'was dead' | 'by hand'> {
      const { revokeUrl: url } = provider;
      if (url === undefined) return 'by hand';
      return readRevoked(await call({ method: 'POST', url }, accessToken), provider);
    },
  };
}

/** A person's answer to the question for a PIN: the PIN, or that they want another link, or to skip this bot. */
export type PinAnswer = { pin: string } | 'new link' | 'skip';

/** What both flows need: the screen name of the wanted account, if it is known, and how a person is shown the authorize link. */
interface FlowOptions {
  client: LinkClient;
  expected: string | undefined;
  showUrl: (url: string) => void;
}

/** The maximum number of refused PINs: more come from a broken script, not from a person. */
const maxTries = 5;

/**
 * Gets an access token by PIN. After a refused PIN the person gets a new link.
 *
 * @param refused - shows why a PIN was refused, before the next link
 * @returns the grant, or undefined if the person skips this bot
 * @throws {VerifierRefused} after five refused PINs
 * @see RFC 5849 section 2, with the `oob` callback; docs.x.com, PIN-based OAuth
 */
export async function pinFlow({
  client,
  expected,
  showUrl,
  askPin,
  refused,
}: FlowOptions & {
  askPin: () => Promise<PinAnswer>;
  refused: (why: VerifierRefused) => void;
}): Promise<Grant | undefined> {
  for (let tries = 0; ;) {
    // 1. A request token, for this one attempt.
    const requestToken = await client.requestToken('oob');
    // 2. The person authorizes it and is shown a PIN.
    showUrl(client.authorizeUrl(requestToken, expected));
    const answer = await askPin();
    if (answer === 'skip') return undefined;
    if (answer === 'new link') continue;
    // 3. The PIN turns the request token into an access token.
    try {
      return await client.accessToken(requestToken, answer.pin);
    } catch (error) {
      tries += 1;
      if (!(error instanceof VerifierRefused) || tries === maxTries) throw error;
      refused(error);
    }
  }
}

/** Receives callbacks. */
export interface Callbacks {
  /** The address to which the provider redirects the browser. */
  url: string;
  /** Waits for the callback of a request token. @returns undefined if none came before the link expired */
  wait(requestToken: TokenPair): Promise<{ verifier: string } | 'denied' | undefined>;
}

/**
 * Gets an access token by a callback from the person's browser.
 *
 * @param title - the provider's
 * @returns the grant, or undefined if the person denied it
 * @throws {FlockError} `tryLater` if no callback arrives in time or the verifier is refused
 * @see RFC 5849 section 2, with a callback to this machine
 */
export async function callbackFlow(
  title: string,
  { client, expected, showUrl, callbacks }: FlowOptions & { callbacks: Callbacks },
): Promise<Grant | undefined> {
  // 1. A request token with the callback's address.
  const requestToken = await client.requestToken(callbacks.url);
  // 2. The person authorizes it, and the provider redirects the browser to the callback, with the same token.
  const answering = callbacks.wait(requestToken);
  showUrl(client.authorizeUrl(requestToken, expected));
  const answer = await answering;
  if (answer === 'denied') return undefined;
  if (!answer) {
    const hint = 'start again, and open the link within a quarter of an hour';
    throw new FlockError('tryLater', `${title}: the link was not used in time`, { hint });
  }
  // 3. The verifier turns the request token into an access token.
  return client.accessToken(requestToken, answer.verifier);
}

const token = z.string().regex(/^[\x21-\x7e]{1,512}$/);

/** The token pair in the fields of an answer. @throws {FlockError} `unavailable` if there is none, or the fields lack another */
function tokensIn(answer: HttpAnswer, { title }: Provider, wanted: string, others: z.ZodRawShape = {}) {
  const fields = fieldsOf(answer.body);
  const tokens = { oauth_token: token, oauth_token_secret: token };
  const { data } = z.object(tokens).safeParse(fields);
  if (!data || !z.object(others).safeParse(fields).success) throw notOAuth(answer, title, wanted);
  return { tokens: new TokenPair(data.oauth_token, data.oauth_token_secret), fields };
}

/**
 * @param now - this machine's time, to find out that a refusal is about the clock. Milliseconds since 1970
 * @returns the request token in a valid answer
 * @throws {FlockError} for any other answer, see {@link oauthFailure}
 * @see RFC 5849 section 2.1
 */
export function readRequestToken(answer: HttpAnswer, provider: Provider, now?: number): TokenPair {
  if (answer.status !== 200) throw oauthFailure(answer, provider.title, now);
  // Without the confirmation the provider may have dropped the callback, and would show no verifier.
  const confirmed = provider.confirmsCallback ? { oauth_callback_confirmed: z.literal('true') } : {};
  return tokensIn(answer, provider, 'a request token', confirmed).tokens;
}

/**
 * @returns the access token in a valid answer, and its account if the answer names it
 * @throws {VerifierRefused} if the provider refused the verifier
 * @throws {FlockError} for any other answer, see {@link oauthFailure}
 * @see RFC 5849 section 2.3
 */
export function readAccessToken(answer: HttpAnswer, provider: Provider): Granted {
  // A fault of the app or its keys would have shown at the request token, so this is about the verifier.
  if ([400, 401, 403].includes(answer.status))
    throw laterFailure(answer, provider) ?? new VerifierRefused(provider.title, wordsIn(answer));
  return readGrant(answer, provider);
}

/**
 * The same for xAuth, which exchanges a name and a password.
 *
 * @throws {FlockError} `partly` if the name or password is wrong, `config` if the provider does not let the app use xAuth
 * @see the xAuth documentation of Instapaper, which still supports it
 */
export function readPasswordToken(answer: HttpAnswer, provider: Provider): Granted {
  const { status, body } = answer;
  const { title } = provider;
  if (![400, 401, 403, 404].includes(status)) return readGrant(answer, provider);
  const isLoginWrong = /(user ?name|password|credentials)/i.test(body) && !/x_?auth/i.test(body);
  if (isLoginWrong && !isWebPage(body)) {
    const message = `${title} refused the name or the password (${status})`;
    throw failure('partly', message, answer, 'try again; capital letters matter');
  }
  const message = `${title} does not let this app use xAuth (${status})`;
  const hint =
    'run it without --xauth: X gives keys by PIN or by --callback; other services allow xAuth only to approved apps';
  throw laterFailure(answer, provider) ?? failure('config', message, answer, hint);
}

/** An access token, and its account if the answer names it. */
type Granted = ReturnType<typeof readGrant>;

function readGrant(answer: HttpAnswer, provider: Provider) {
  if (answer.status !== 200) throw oauthFailure(answer, provider.title);
  const wanted = 'an access token';
  const { tokens: accessToken, fields } = tokensIn(answer, provider, wanted);
  const { accountFields: names } = provider;
  const account = names && accountFrom(fields[names.id], fields[names.name], provider);
  if (names && !account) throw notOAuth(answer, provider.title, wanted);
  return { accessToken, account };
}

function accountFrom(id: unknown, name: unknown, { account }: Provider): Account | undefined {
  const isAccount =
    typeof id === 'string' && typeof name === 'string' && account.id.test(id) && account.name.test(name);
  return isAccount ? { userId: id, screenName: name } : undefined;
}

/**
 * @returns the account of the access token that signed the request
 * @throws {FlockError} for any answer that does not name it, see {@link oauthFailure}
 */
export function readWhoAmI(answer: HttpAnswer, provider: Provider, { id, name }: WhoAmI): Account {
  const { status, body } = answer;
  const { title } = provider;
  const deadKey = (code: string, words: string): FlockError =>
    new FlockError('partly', `${title} does not accept the key (${code.slice(0, 20)})${words}`, {
      hint: 'it was revoked, or its app was changed: make it again with keymaker reauth',
    });
  if (status === 401 || status === 403)
    throw laterFailure(answer, provider) ?? deadKey(String(status), wordsIn(answer));
  if (status !== 200) throw oauthFailure(answer, title);
  const account = accountFrom(valueAt(body, id), valueAt(body, name), provider);
  if (account) return account;
  // Flickr reports failures with status 200.
  if (valueAt(body, 'stat') === 'fail') throw deadKey(String(valueAt(body, 'code')), '');
  throw notOAuth(answer, title, 'the name of the account');
}

/**
 * @returns whether the access token was revoked now or was invalid before
 * @throws {FlockError} for any other answer, see {@link oauthFailure}
 * @see docs.x.com, POST oauth/invalidate_token
 */
export function readRevoked(answer: HttpAnswer, provider: Provider): 'ended' | 'was dead' {
  if (answer.status === 200) return 'ended';
  const dead = answer.status === 401 && /code"?\s*[:=]\s*"?89\b|invalid or expired token/i.test(answer.body);
  if (dead) return 'was dead';
  throw oauthFailure(answer, provider.title);
}

/** The value at a path (`response.user.name`) in a JSON text; a number, as an id may be, as text. */
function valueAt(json: string, path: string): unknown {
  let value = parseJson(json);
  for (const name of path.split('.')) {
    const found = z.record(z.string(), z.unknown()).safeParse(value);
    value = found.success && Object.hasOwn(found.data, name) ? found.data[name] : undefined;
  }
  return asText(value);
}

/** A number as text. A number that JavaScript cannot hold exactly is refused: it would be another account's id. */
const asText = (value: unknown): unknown => (Number.isSafeInteger(value) ? String(value) : value);

/** The fields of a body: a form, as in the RFC, or JSON, as some providers send. A field that occurs twice in a form is left out. */
function fieldsOf(body: string): Record<string, string> {
  const json = z.record(z.string(), z.preprocess(asText, z.string()).or(z.boolean().transform(String)));
  const object = json.safeParse(parseJson(body));
  if (object.success) return object.data;
  const byName = grouped(new URLSearchParams(body.trim()), ([name]) => name);
  return Object.fromEntries([...byName.values()].filter(({ length }) => length === 1).flat());
}

/** The PIN or code is wrong, was used before, or came too late. Only a new link helps. */
export class VerifierRefused extends FlockError {
  /** @param words - the provider's own words, from {@link wordsIn} */
  constructor(provider: string, words = '', verifier: 'PIN' | 'code' = 'PIN') {
    const message = `${provider} refused the ${verifier}: it was wrong, used before, or its link had expired${words}`;
    super('tryLater', message, { hint: `open the new link and enter the ${verifier} it shows` });
  }
}

const failure = (exit: Exit, message: string, answer: HttpAnswer, hint: string): FlockError =>
  new FlockError(exit, message + wordsIn(answer), { hint });

/**
 * Why a provider refused. X documents few of these bodies, and sends JSON, XML, forms and plain text.
 *
 * @param now - this machine's time, in milliseconds since 1970
 */
function oauthFailure(answer: HttpAnswer, provider: string, now?: number): FlockError {
  const { status } = answer;
  if (status === 429)
    return failure('tryLater', `${provider} asks for patience (429)`, answer, 'try again in 15 minutes');
  if (status >= 500) {
    const message = `${provider} is not well (${status})`;
    return failure('unavailable', message, answer, 'try again in a few minutes');
  }
  const known = foreignFailure(answer, provider) ?? knownFailure(answer, provider, 'first');
  if (known) return known;
  if (status === 401) {
    const message = `${provider} refused the app keys (401)`;
    return wrongClock(answer, provider, now) ?? failure('config', message, answer, checkAppKeys);
  }
  const message = `${provider} refused to begin the authorization (${status})`;
  const hint = 'is KEYMAKER_API_URL right, and is the app set up for OAuth 1.0a in the developer console?';
  return failure('unavailable', message, answer, hint);
}

/** Why a later request of an authorization was refused, if it is known. A wrong app would have been refused at the first one. */
const laterFailure = (answer: HttpAnswer, { title }: Provider): FlockError | undefined =>
  foreignFailure(answer, title) ?? knownFailure(answer, title, 'later');

/** A refusal by something other than the provider; it says nothing about the app, the key or the PIN. */
function foreignFailure({ status, body }: HttpAnswer, provider: string): FlockError | undefined {
  if (status === 407) {
    const hint = `let this machine reach ${provider} without the proxy`;
    return new FlockError('unavailable', `a proxy between here and ${provider} wants a login (407)`, {
      hint,
    });
  }
  if (status < 400 || !isWebPage(body)) return undefined;
  const message = `something between here and ${provider} answered ${status} with a web page`;
  const hint =
    'is there a proxy, a firewall or a login page, or is KEYMAKER_API_URL (if set) the wrong address?';
  return new FlockError('unavailable', message, { hint });
}

/** The content type does not tell: X has sent plain texts as `text/html`. */
const isWebPage = (body: string): boolean => /<(html|head|body|title)\b|<!doctype html/i.test(body);

/** How wrong this machine's clock must be for a refusal to be about it. Milliseconds. */
const maxSkew = 60_000;

/** Providers refuse a signature with a wrong time without naming the time as the reason, so the `Date` header decides. */
function wrongClock({ headers }: HttpAnswer, provider: string, now?: number): FlockError | undefined {
  const theirs = Date.parse(headers['date'] ?? '');
  if (now === undefined || !(Math.abs(theirs - now) > maxSkew)) return undefined;
  const minutes = Math.max(2, Math.round(Math.abs(theirs - now) / 60_000));
  const message = `${provider} refused the signature (401), and the clock of this machine is ${minutes} minutes off`;
  return new FlockError('config', message, { hint: setClock });
}

/** The formats in which X and others report problems in JSON. */
const problem = z.object({
  title: z.string().catch(''),
  detail: z.string().catch(''),
  reason: z.string().catch(''),
  error: z.string().catch(''),
  errors: z.array(z.object({ message: z.string().catch('') }).catch({ message: '' })).catch([]),
});

/**
 * The provider's own words about a refusal, to follow our message; empty if the body is in none of the providers' formats. A web
 * page or a plain text may come from a proxy, so it is not quoted.
 */
function wordsIn({ body }: HttpAnswer): string {
  if (isWebPage(body)) return '';
  const words = quotable(providerMessage(body));
  return words === '' ? '' : `: “${words}”`;
}

/** The longest quotation of another program's message. Characters. */
const maxWords = 240;

/**
 * Another program's message, safe to quote in a line of ours: bounded, without control characters and possible secrets. Empty
 * if no word is left.
 */
export function quotable(text: string): string {
  const parts = text
    .slice(0, 16 * maxWords)
    .split(/[\p{C}\s]+/u)
    .map((part) => (couldBeSecret(part.replaceAll(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, '')) ? '…' : part));
  const words = parts
    .filter((part, index) => part !== '…' || parts[index - 1] !== '…')
    .join(' ')
    .slice(0, maxWords)
    .replaceAll(/^\s+|[\s.\p{C}]+$/gu, '');
  return /[\p{L}\p{N}]/u.test(words) ? words : '';
}

function providerMessage(body: string): string {
  const json = problem.safeParse(parseJson(body));
  if (json.success) {
    const { title, detail, reason, error, errors } = json.data;
    const reasons = reason === '' ? '' : `(${reason})`;
    const sentences = [detail || title || error, ...errors.map(({ message }) => message)].filter(Boolean);
    return [...new Set(sentences), reasons].join(' ').trim();
  }
  const xml = Array.from(body.matchAll(/<error\b[^<>]*>([^<>]*)<\/error>/gi), ([, text = '']) => text);
  if (xml.length > 0) return xml.join(' ');
  // @see wiki.oauth.net/w/page/12238543/ProblemReporting
  const form = new URLSearchParams(body.slice(0, maxForm).trim());
  return form.get('oauth_problem_advice') ?? form.get('oauth_problem') ?? '';
}

/** The maximum length of a form that reports a problem. Characters. */
const maxForm = 4096;

const checkAppKeys =
  'check CONSUMER_TOKEN and CONSUMER_TOKEN_SECRET (or apikeys.json) against the developer console';
const setClock = 'set the clock of this machine, for example with: timedatectl set-ntp true';

/** @param step - the first request of an authorization, or a later one, at which some signs mean something else */
function knownFailure(answer: HttpAnswer, provider: string, step: 'first' | 'later'): FlockError | undefined {
  const known = knownFailures.find(
    ({ sign, onlyFirst }) => (step === 'first' || onlyFirst !== true) && sign.test(answer.body),
  );
  return known && failure('config', `${provider} ${known.message}`, answer, known.hint);
}

const knownFailures: readonly { sign: RegExp; onlyFirst?: true; message: string; hint: string }[] = [
  {
    sign: /code"?\s*[:=]\s*"?415\b|callback.{0,40}not approved/i,
    onlyFirst: true,
    message: 'does not know the callback address (415)',
    hint: 'register a callback URL in the developer console (any will do for PINs, for example http://127.0.0.1)',
  },
  {
    sign: /desktop applications only support/i,
    onlyFirst: true,
    message: 'treats the app as a desktop app, which may only use PINs',
    hint: 'set the app type to "Web App" in the developer console',
  },
  {
    sign: /code"?\s*[:=]\s*"?135\b|timestamp out of bounds|oauth_problem=timestamp_refused|timestamp is too far/i,
    message: 'says that the time is wrong here (135)',
    hint: setClock,
  },
  {
    sign: /code"?\s*[:=]\s*"?(32|215)\b|oauth_problem=(consumer_key_unknown|signature_invalid)|consumer_key not recognized|signature does not match/,
    onlyFirst: true,
    message: 'refused the app keys (32)',
    hint: checkAppKeys,
  },
  {
    sign: /client-not-enrolled|client-forbidden|code"?\s*[:=]\s*"?453\b/i,
    message: 'does not let the app in',
    hint: 'in the developer console: Manage apps, Move to package, Pay-per-use, Production',
  },
  {
    sign: /suspended/i,
    message: 'has suspended the app or the account',
    hint: 'sign in as the account, and look in the developer console, for the reason',
  },
];

function notOAuth({ status, body }: HttpAnswer, provider: string, wanted: string): FlockError {
  const kind = isWebPage(body) ? 'a web page' : 'something else';
  const hint = 'is there a proxy or a login page between, or is KEYMAKER_API_URL the wrong address?';
  return new FlockError('unavailable', `${provider} sent ${kind} where ${wanted} should be (${status})`, {
    hint,
  });
}
