import { createHash, randomBytes } from 'node:crypto';
import * as z from 'zod';
import type { Clock } from '../../clock.ts';
import { type Exit, FlockError } from '../../errors.ts';
import { type HttpAnswer, isSafeAddress, NoAnswer, type Send } from '../../http/exchange.ts';
import { VerifierRefused } from '../../oauth/client.ts';
import { listed, parseJson, quoted, Secret } from '../../text.ts';
import type { Failure } from '../network.ts';
import { askInstance, clientHeaders, type Instance, openMastodon, type Profile } from './client.ts';
import { sentenceOf } from './failure.ts';

/*
 * How a key for a server with Mastodon's API is got: OAuth 2.0 with an app that is registered once for each server.
 */

/** The redirect address that has the server show the code. */
export const outOfBand = 'urn:ietf:wg:oauth:2.0:oob';

/** What a bot needs. Servers before Mastodon 4.3 refuse the narrower `profile`. */
const wantedScopes = ['read:accounts', 'read:statuses', 'write:statuses'];
const scopes = wantedScopes.join(' ');

/** An app's keys at one server. */
export interface ServerApp {
  clientId: string;
  clientSecret: Secret<string>;
}

/** A link for a person, and what the code from it is redeemed with. It may be stored until then. */
export interface PendingCode {
  link: string;
  redirectUri: string;
  /** In the callback, it must be the same. */
  state: string;
  codeVerifier: Secret<string>;
}

export interface MastodonGrant {
  accessToken: Secret<string>;
  account: Profile;
}

/**
 * A server's address as a person writes it: `mastodon.social`, or with `https://`. A path is kept, as the sandbox has one.
 *
 * @returns without a trailing slash
 * @throws {FlockError} `usage` if it is none, or if its connection could be overheard
 */
export function serverAddress(text: string): string {
  const written = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `https://${text}`;
  const address = written.replace(/\/+$/, '');
  const isAccount = /^@|.@/.test(text);
  if (isAccount || !/^[^\s?#]+$/.test(text) || !URL.canParse(address)) {
    const hint = 'for example: --server https://mastodon.social, without the name of the account';
    throw new FlockError('usage', `${quoted(text)} is not the address of a server`, { hint });
  }
  if (!isSafeAddress(address))
    throw new FlockError('usage', `${quoted(text)} is not an https:// address`, {
      hint: 'http:// is for servers on this machine: a key that is sent over it can be overheard',
    });
  return new URL(address).href.replace(/\/+$/, '');
}

const token = z.string().regex(/^[\x21-\x7e]{1,4096}$/);
const appAnswer = z.object({ client_id: token, client_secret: token });
const tokenAnswer = z.object({ access_token: token, scope: z.string().optional() });

/**
 * The steps of an authorization at a server. Each throws a FlockError, `unavailable` if no server with Mastodon's API answers.
 *
 * @param server - from {@link serverAddress}
 */
export function openMastodonOAuth(server: string, send: Send, clock: Clock) {
  const { host } = new URL(server);

  const submit: Submit = async (path, form) => {
    const headers = { ...clientHeaders, 'content-type': 'application/x-www-form-urlencoded' };
    const body = new URLSearchParams(form).toString();
    try {
      return await send({ method: 'POST', url: server + path, headers, body });
    } catch (cause) {
      if (!(cause instanceof NoAnswer)) throw cause;
      const hint = 'is there a network, and is the address of the server right?';
      throw new FlockError('unavailable', cause.message, { hint, cause });
    }
  };

  const questions = openQuestions(server, send, clock);
  return {
    ...questions,
    ...openApps(server, submit, send),
    begin: (app: ServerApp, redirectUri = outOfBand): PendingCode => begin(server, app, redirectUri),
    /**
     * Turns a code into an access token.
     *
     * @throws {VerifierRefused} if the code is wrong or old
     * @throws {FlockError} `config` if the server knows the app no more, `partly` if it granted less than a bot needs
     */
    async finish(
      { clientId, clientSecret }: ServerApp,
      { redirectUri, codeVerifier }: Pick<PendingCode, 'redirectUri' | 'codeVerifier'>,
      code: string,
    ): Promise<MastodonGrant> {
      const answer = await submit('/oauth/token', {
        grant_type: 'authorization_code',
        code: code.trim(),
        client_id: clientId,
        client_secret: clientSecret.reveal(),
        redirect_uri: redirectUri,
        code_verifier: codeVerifier.reveal(),
        scope: scopes,
      });
      const accessToken = readToken(host, answer);
      return { accessToken, account: await questions.whoAmI(accessToken) };
    },
    /** Ends a token. `by hand`: it is another app's token, which only the person can end in the account's settings. */
    async revoke(
      { clientId, clientSecret }: ServerApp,
      accessToken: Secret<string>,
    ): Promise<'ended' | 'by hand'> {
      const answer = await submit('/oauth/revoke', {
        client_id: clientId,
        client_secret: clientSecret.reveal(),
        token: accessToken.reveal(),
      });
      if (answer.status === 200 && !isWebPage(answer.body)) return 'ended';
      if (answer.status === 403 && sentenceOf(answer) !== undefined) return 'by hand';
      throw refusalAt(host, answer, 'the end of the key');
    },
  };
}

/** What is asked of a server, and of a token. */
function openQuestions(server: string, send: Send, clock: Clock) {
  const { host } = new URL(server);
  return {
    /** What the server says of itself. @throws {FlockError} `unavailable` if it has no API of Mastodon */
    async instance(): Promise<Instance> {
      const outcome = await askInstance(server, send, clock);
      if ('ok' in outcome) return outcome.ok;
      const { failure } = outcome;
      // A server that is down answers through its proxy, with a web page.
      const isDown = /^5\d\d /.test(failure.reason);
      if (failure.kind !== 'in-doubt' || failure.foreign !== true || isDown) throw errorOf(host, failure);
      const answered = failure.reason.replace(/ that is not .*/, '');
      throw new FlockError('unavailable', `${host} is no server with the API of Mastodon (${answered})`, {
        hint: notMastodon,
      });
    },
    /** Whose a token is. */
    async whoAmI(accessToken: Secret<string>): Promise<Profile> {
      const outcome = await openMastodon(server, send, clock)(accessToken).me();
      if ('ok' in outcome) return outcome.ok;
      throw errorOf(host, outcome.failure);
    },
    /** What a bot needs and a key's app may not do; undefined if the server does not tell (before Mastodon 4.3). */
    async scopesMissing(accessToken: Secret<string>): Promise<string[] | undefined> {
      const headers = { ...clientHeaders, authorization: `Bearer ${accessToken.reveal()}` };
      const url = `${server}/api/v1/apps/verify_credentials`;
      const answer = await send({ method: 'GET', url, headers }).catch(() => undefined);
      const scopes = z.object({ scopes: z.array(z.string()) }).safeParse(parseJson(answer?.body ?? ''));
      return answer?.status === 200 && scopes.success
        ? missingScopes(scopes.data.scopes.join(' '))
        : undefined;
    },
  };
}

type Submit = (path: string, form: Record<string, string>) => Promise<HttpAnswer>;

/** The app that asks for tokens. */
function openApps(server: string, submit: Submit, send: Send) {
  const { host } = new URL(server);
  return {
    /**
     * Whether the server still knows an app: some forget those that are not used. It asks for a token of the app itself, which
     * Mastodon gives; where a server has no such tokens, the page for the person tells.
     */
    async knowsApp({ clientId, clientSecret }: ServerApp, { link }: PendingCode): Promise<boolean> {
      const credentials = { client_id: clientId, client_secret: clientSecret.reveal() };
      const { status } = await submit('/oauth/token', { grant_type: 'client_credentials', ...credentials });
      if (status === 200 || status === 401) return status === 200;
      const page = await send({ method: 'GET', url: link, headers: clientHeaders }).catch(() => undefined);
      return page === undefined || page.status < 400 || page.status > 499;
    },
    /** Registers an app, which is done once for a server. @param redirectUris - all that its links will ever name */
    async registerApp(redirectUris: readonly string[] = [outOfBand]): Promise<ServerApp> {
      const answer = await submit('/api/v1/apps', {
        client_name: 'flockd',
        redirect_uris: redirectUris.join('\n'),
        scopes,
      });
      const app = read(host, answer, appAnswer, 'the registration of the app');
      return { clientId: app.client_id, clientSecret: new Secret(app.client_secret) };
    },
  };
}

/** A link that asks a person to sign in, even one who is signed in: each bot is another account of the server. */
function begin(server: string, { clientId }: ServerApp, redirectUri: string): PendingCode {
  const state = randomBytes(16).toString('base64url');
  const codeVerifier = randomBytes(32).toString('base64url');
  const link = new URL(`${server}/oauth/authorize`);
  const parameters = {
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectUri,
    scope: scopes,
    state,
    code_challenge: createHash('sha256').update(codeVerifier).digest('base64url'),
    code_challenge_method: 'S256',
    force_login: 'true',
  };
  for (const [name, value] of Object.entries(parameters)) link.searchParams.set(name, value);
  return { link: link.href, redirectUri, state, codeVerifier: new Secret(codeVerifier) };
}

function readToken(host: string, answer: HttpAnswer): Secret<string> {
  const error = errorCodeIn(answer);
  if (answer.status === 400 && error === 'invalid_grant')
    throw new VerifierRefused(host, wordsIn(answer), 'code');
  if (answer.status === 401 && (error === 'invalid_client' || answer.body === ''))
    throw new FlockError('config', `${host} does not know the app (401)${wordsIn(answer)}`, {
      hint: 'run it again: the app is registered anew',
    });
  const granted = read(host, answer, tokenAnswer, 'the code');
  const missing = missingScopes(granted.scope);
  if (missing.length > 0)
    throw new FlockError('partly', `${host} granted a key that lacks ${listed(missing)}`, {
      hint: 'run it again, and allow everything that the page lists',
    });
  return new Secret(granted.access_token);
}

function read<T>(host: string, answer: HttpAnswer, schema: z.ZodType<T>, step: string): T {
  const { data } = schema.safeParse(parseJson(answer.body));
  if (answer.status !== 200 || data === undefined) throw refusalAt(host, answer, step);
  return data;
}

/** The wanted scopes that are not granted. Without an answer all are. @see RFC 6749 section 5.1 */
function missingScopes(granted: string | undefined): string[] {
  if (granted === undefined) return [];
  const given = new Set(granted.split(/[\s+]+/));
  return wantedScopes.filter((scope) => !given.has(scope) && !given.has(scope.split(':')[0] ?? ''));
}

const errorCodeIn = ({ body }: HttpAnswer): string | undefined =>
  z.object({ error: z.string() }).safeParse(parseJson(body)).data?.error;

/** The server's own words, to follow our message. A web page may be a proxy's, so it is not quoted. */
function wordsIn(answer: HttpAnswer): string {
  const sentence = sentenceOf(answer);
  return sentence === undefined ? '' : `: “${sentence}”`;
}

const notMastodon =
  'is its address right, and does nothing in between answer? It may differ from the host in the names of its accounts';

const isWebPage = (body: string): boolean => /^\s*</.test(body);

/** Why a server refused a step. */
function refusalAt(host: string, answer: HttpAnswer, step: string): FlockError {
  const { status } = answer;
  const words = wordsIn(answer);
  if (status === 429)
    return new FlockError('tryLater', `${host} asks for patience (429)${words}`, {
      hint: 'try again in 5 minutes',
    });
  if (words === '' || status === 404) {
    const what = isWebPage(answer.body) ? 'a web page' : 'something else';
    return new FlockError('unavailable', `${host} answered ${step} with ${what} (${status})`, {
      hint: notMastodon,
    });
  }
  if (status >= 500)
    return new FlockError('unavailable', `${host} is not well (${status})${words}`, {
      hint: 'try again in a few minutes',
    });
  return new FlockError('config', `${host} refused ${step} (${status})${words}`, {
    hint: 'does the server allow apps, and the account to use them?',
  });
}

const exits: Partial<Record<Failure['kind'], Exit>> = {
  reauth: 'partly',
  unauthorized: 'partly',
  suspended: 'partly',
  locked: 'partly',
  'read-only': 'partly',
  wait: 'tryLater',
};

const hints: Partial<Record<Failure['kind'], string>> = {
  reauth: 'it was revoked: make it again with keymaker reauth',
  unauthorized: 'it was revoked: make it again with keymaker reauth',
  suspended: 'sign in as this account to see why',
  locked: 'sign in as this account to see why',
  'read-only': 'make it again with keymaker reauth, and allow everything that the page lists',
  wait: 'try again in 5 minutes',
};

const errorOf = (host: string, { kind, reason }: Failure): FlockError =>
  new FlockError(exits[kind] ?? 'unavailable', `${host}: ${reason}`, {
    hint: hints[kind] ?? 'is there a network, and is the address of the server right?',
  });
