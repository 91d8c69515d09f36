import { createHash } from 'node:crypto';
import { html } from 'hono/html';
import twitterText from 'twitter-text';
import * as z from 'zod';
import { parseJson } from '../text.ts';
import type { MastodonSwitches } from './levers.ts';
import { mastodonName, networkOf, usernameIn, usernameOf } from './names.ts';
import { accountForm, message, page } from './pages.ts';
import { type Call, json, Refused, type Routes, type SandboxAnswer } from './requests.ts';
import type { AccessToken, Account, Core, Post, SeededRandom } from './world.ts';

/*
 * A server with Mastodon's API in a box, at /mastodon: apps, the authorize page, codes, posts, timelines and rate limits. With
 * switches for what differs among the servers that speak it.
 */

const usernamePattern = /^\w{1,30}$/;

const base = '/mastodon';

/** @param switches - read at every request */
export function mastodonRoutes(core: Core, random: SeededRandom, switches: () => MastodonSwitches): Routes {
  const oauth = new OAuth(core, random);
  const take = rateLimiter();
  const keys: KnownKeys = new Map();

  const served =
    (act: Act, access: AccessToken['access'] = 'read') =>
    (call: Call): SandboxAnswer => {
      const { unauthorized, maxRequests } = switches();
      if (unauthorized === 'all') return dead;
      const caller = callerOf(core, call);
      const { passed, headers } = take(caller.account.id, maxRequests, core.clock.now() + core.ahead);
      const made = !passed
        ? refusal(429, 'Too many requests')
        : caller.account.suspended
          ? refusal(403, 'Your login is currently disabled')
          : access === 'write' && caller.token.access === 'read'
            ? refusal(403, 'This action is outside the authorized scopes')
            : act({ core, call, switches: switches(), keys, ...caller });
      const status = made.status >= 400 && unauthorized === 'faults' ? 401 : made.status;
      return { ...made, status, headers: { ...made.headers, ...headers } };
    };

  return {
    [`POST ${base}/api/v1/apps`]: (call) => oauth.register(call),
    [`GET ${base}/oauth/authorize`]: (call) => oauth.ask(call),
    [`POST ${base}/oauth/authorize`]: (call) => oauth.answer(call),
    [`POST ${base}/oauth/token`]: (call) => oauth.redeem(call),
    [`POST ${base}/oauth/revoke`]: (call) => oauth.revoke(call),
    [`GET ${base}/api/v(?<version>[12])/instance`]: (call) => instance(call, switches()),
    [`GET ${base}/api/v1/accounts/verify_credentials`]: served(whoAmI),
    [`GET ${base}/api/v1/accounts/:id/statuses`]: served(timeline),
    [`POST ${base}/api/v1/statuses`]: served(postOnce, 'write'),
    [`GET ${base}/api/v1/statuses/:id/source`]: served(source),
  };
}

interface Request {
  core: Core;
  call: Call;
  switches: MastodonSwitches;
  keys: KnownKeys;
  account: Account;
  token: AccessToken;
}
type Act = (request: Request) => SandboxAnswer;

const refusal = (status: number, error: string, description?: string): SandboxAnswer =>
  json(status, { error, ...(description !== undefined && { error_description: description }) });

const dead = refusal(401, 'The access token is invalid');

/** @throws {Refused} */
function callerOf({ world }: Core, { request }: Call): Pick<Request, 'account' | 'token'> {
  const [, bearer = ''] = /^Bearer (\S+)$/i.exec(request.headers['authorization'] ?? '') ?? [];
  const token = world.accessToken(bearer);
  const account = token?.dialect === 'mastodon' ? world.account(token.accountId) : undefined;
  if (!token || !account) throw new Refused(dead);
  if (token.revoked) throw new Refused(refusal(401, 'The access token was revoked'));
  return { token, account };
}

const windowLength = 5 * 60_000;

/** Counts requests in fixed windows. Resets are dates with microseconds. */
function rateLimiter() {
  const windows = new Map<string, { opened: number; used: number }>();
  return (id: string, max: number | null, now: number) => {
    if (max === null) return { passed: true, headers: {} };
    const known = windows.get(id);
    const window = known && now < known.opened + windowLength ? known : { opened: now, used: 0 };
    windows.set(id, window);
    const passed = window.used < max;
    if (passed) window.used += 1;
    const reset = new Date(window.opened + windowLength).toISOString().replace('Z', '000Z');
    return {
      passed,
      headers: {
        'x-ratelimit-limit': String(max),
        'x-ratelimit-remaining': String(max - window.used),
        'x-ratelimit-reset': reset,
      },
    };
  };
}

/** The fields of a body, which may be a form or JSON. */
const fieldsOf = ({ form, request }: Call): Partial<Record<string, string>> =>
  z.record(z.string(), z.coerce.string()).safeParse(parseJson(request.body)).data ?? Object.fromEntries(form);

function instance({ parts }: Call, { maxCharacters }: MastodonSwitches): SandboxAnswer {
  const isNew = parts['version'] === '2';
  return json(200, {
    [isNew ? 'domain' : 'uri']: 'mastodon',
    title: 'Sandbox',
    version: '4.5.0',
    configuration: { statuses: { max_characters: maxCharacters, characters_reserved_per_url: linkLength } },
    ...(isNew && { api_versions: { mastodon: 7 } }),
  });
}

function showAccount({ call: { request }, account }: Pick<Request, 'call' | 'account'>): object {
  const username = usernameOf(account);
  return {
    id: account.id,
    username,
    acct: username,
    display_name: username,
    url: `http://${request.host}/?account=${encodeURIComponent(account.screenName)}`,
    locked: false,
    bot: true,
    created_at: new Date(account.created).toISOString(),
  };
}

const whoAmI: Act = (request) =>
  json(200, { ...showAccount(request), source: { privacy: 'public', language: null } });

type KnownKeys = Map<string, { at: number; answer: SandboxAnswer }>;

const keyLifetime = {
  honours: 3_600_000,
  ignores: 0,
  '500': 3_600_000,
  '400': 3_600_000,
  replays: 21_600_000,
};

/** Posts, or deals with a key that was used before as the server's kind does. */
const postOnce: Act = (request) => {
  const { core, call, keys, account, switches } = request;
  const key = call.request.headers['idempotency-key'];
  if (key === undefined || switches.key === 'ignores') return createPost(request);
  const id = switches.key === 'replays' ? key : `${account.id} ${key}`;
  const now = core.clock.now();
  const known = keys.get(id);
  if (known && now - known.at < keyLifetime[switches.key]) {
    if (switches.key === '500') return refusal(500, 'An error occurred');
    if (switches.key === '400') return refusal(400, 'Duplicate idempotency key.');
    const replayed = { ...known.answer.headers, 'idempotent-replayed': 'true' };
    return switches.key === 'replays' ? { ...known.answer, headers: replayed } : known.answer;
  }
  const answer = createPost(request);
  // Mastodon keeps the key of a post, the others that of any attempt.
  const isKept = answer.status === 200 || switches.key === '400' || switches.key === 'replays';
  if (isKept) keys.set(id, { at: now, answer });
  return answer;
};

const newPost = z.object({
  status: z.string().default(''),
  visibility: z.enum(['public', 'unlisted', 'private', 'direct']).default('public'),
  language: z.string().optional(),
  spoiler_text: z.string().default(''),
});

function createPost({ core, call, account, switches: { maxCharacters } }: Request): SandboxAnswer {
  const read = newPost.safeParse(fieldsOf(call));
  if (!read.success) return refusal(422, 'Validation failed: Visibility is not included in the list');
  const { status, visibility, language, spoiler_text: contentWarning } = read.data;
  if (status.trim() === '') return refusal(422, "Validation failed: Text can't be blank");
  if (lengthOf(contentWarning + status) > maxCharacters)
    return refusal(422, `Validation failed: Text character limit of ${maxCharacters} exceeded`);
  const post = core.world.addPost(account, status, {
    visibility,
    ...(language !== undefined && { language }),
    ...(contentWarning !== '' && { contentWarning }),
  });
  return json(200, showPost(call, account, post));
}

/** The length that every link counts as. */
const linkLength = 23;

const segmenter = new Intl.Segmenter();

/** @see Mastodon, StatusLengthValidator */
function lengthOf(text: string): number {
  const entities = [
    ...twitterText.extractUrlsWithIndices(text, { extractUrlsWithoutProtocol: false }),
    ...Array.from(text.matchAll(/(?<![\w@/])@\w+(@[\w.-]+\w)/g), ({ index, 0: all, 1: name = '' }) => ({
      mention: true,
      indices: [index + all.length - name.length, index + all.length] as const,
    })),
  ].sort((a, b) => b.indices[0] - a.indices[0]);
  const counted = entities.reduce(
    (rest, entity) =>
      rest.slice(0, entity.indices[0]) +
      ('mention' in entity ? '' : 'x'.repeat(linkLength)) +
      rest.slice(entity.indices[1]),
    text,
  );
  return Array.from(segmenter.segment(counted)).length;
}

const showPost = (call: Call, account: Account, post: Post): object => ({
  id: post.id,
  uri: `http://${call.request.host}${base}/users/${usernameOf(account)}/statuses/${post.id}`,
  url: `http://${call.request.host}/#post-${post.id}`,
  created_at: new Date(post.instant).toISOString(),
  content: asHtml(post.text),
  visibility: post.visibility,
  language: post.language ?? null,
  spoiler_text: post.contentWarning ?? '',
  sensitive: post.contentWarning !== undefined,
  reblog: null,
  account: showAccount({ call, account }),
  application: { name: 'flockd', website: null },
});

const escaped = (text: string): string =>
  text.replaceAll(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`).replaceAll('&#38;', '&amp;');

/** A text as Mastodon shows it: paragraphs, and links whose scheme and end are hidden. */
function asHtml(text: string): string {
  const links = twitterText.extractUrlsWithIndices(text, { extractUrlsWithoutProtocol: false });
  let shown = '';
  let read = 0;
  for (const { url, indices } of links) {
    const [, scheme = '', rest = ''] = /^(https?:\/\/(?:www\.)?)(.*)$/is.exec(url) ?? [];
    const parts = [
      `<span class="invisible">${escaped(scheme)}</span>`,
      `<span class="${rest.length > 30 ? 'ellipsis' : ''}">${escaped(rest.slice(0, 30))}</span>`,
      `<span class="invisible">${escaped(rest.slice(30))}</span>`,
    ];
    const anchor = `<a href="${escaped(url)}" target="_blank" rel="nofollow noopener" translate="no">${parts.join('')}</a>`;
    shown += escaped(text.slice(read, indices[0])) + anchor;
    read = indices[1];
  }
  shown += escaped(text.slice(read));
  const paragraphs = shown.trim().split(/\n\n+/);
  return paragraphs.map((lines) => `<p>${lines.replaceAll('\n', '<br />')}</p>`).join('');
}

const wantedPage = z.object({
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .default(20)
    .transform((limit) => Math.min(limit, 40)),
  max_id: z.string().regex(/^\d+$/).transform(BigInt).optional(),
  since_id: z.string().regex(/^\d+$/).transform(BigInt).optional(),
});

const timeline: Act = ({ core, call, switches: { timelineLag } }) => {
  const account = core.world.account(call.parts['id'] ?? '');
  if (!account || networkOf(account) !== 'mastodon') return refusal(404, 'Record not found');
  const { limit, max_id: max, since_id: since } = wantedPage.parse(Object.fromEntries(call.query));
  const shownUntil = core.clock.now() - timelineLag;
  const found = core.world
    .postsOf(account.id)
    .filter(({ id, instant, deleted }) => {
      const isWithin = (max === undefined || BigInt(id) < max) && (since === undefined || BigInt(id) > since);
      return isWithin && !deleted && instant <= shownUntil;
    })
    .reverse()
    .slice(0, limit);
  const last = found.length === limit ? found.at(-1)?.id : undefined;
  const next = `http://${call.request.host}${call.path}?limit=${limit}&max_id=${last ?? ''}`;
  return json(
    200,
    found.map((post) => showPost(call, account, post)),
    last === undefined ? {} : { link: `<${next}>; rel="next"` },
  );
};

const source: Act = ({ core, call, account }) => {
  const post = core.world.postsOf(account.id).find(({ id, deleted }) => id === call.parts['id'] && !deleted);
  return post
    ? json(200, { id: post.id, text: post.text, spoiler_text: post.contentWarning ?? '' })
    : refusal(404, 'Record not found');
};

const outOfBand = 'urn:ietf:wg:oauth:2.0:oob';
const knownScopes = /^(profile|read|write|(read|write):(accounts|statuses|media))$/;
const codeLifetime = 10 * 60_000;

/** What a link asks for. Apps are not stored: a client id is what was registered. */
interface Asked {
  app: string;
  redirectUri: string;
  scope: string;
  state: string | null;
  challenge: string | null;
  expires: number;
}

/** The authorization of apps: the two requests of an app and the page for the person between them. */
class OAuth {
  readonly #core: Core;
  readonly #asked = new Map<string, Asked>();
  readonly #codes = new Map<string, Asked & { accountId: string }>();

  readonly #random: SeededRandom;

  constructor(core: Core, random: SeededRandom) {
    this.#core = core;
    this.#random = random;
  }

  register(call: Call): SandboxAnswer {
    const { client_name: name = '', redirect_uris: uris = '', scopes = 'read' } = fieldsOf(call);
    if (name === '') return refusal(422, "Validation failed: Application name can't be blank");
    const redirects = uris.split(/[\s,]+/).filter(Boolean);
    if (redirects.length === 0 || !redirects.every((uri) => URL.canParse(uri)))
      return refusal(422, 'Validation failed: Redirect URI must be an absolute URI.');
    if (!areKnown(scopes))
      return refusal(422, "Validation failed: Scopes doesn't match configured on the server.");
    const id = Buffer.from(JSON.stringify([base, redirects, scopes])).toString('base64url');
    return json(200, { id: '1', name, website: null, client_id: id, client_secret: secretOf(id) });
  }

  /** The page that asks the person. */
  ask({ query }: Call): SandboxAnswer {
    const [app, redirectUri, scope] = [
      query.get('client_id'),
      query.get('redirect_uri'),
      query.get('scope') ?? 'read',
    ];
    const registered = registeredIn(app ?? '');
    if (app === null || !registered)
      return message(401, 'The app is not known', 'Client authentication failed due to unknown client.');
    if (redirectUri === null || !registered.redirects.includes(redirectUri))
      return message(400, 'The link is wrong', 'The redirect uri included is not valid.');
    const isGranted = scope.split(' ').every((one) => registered.scopes.split(' ').includes(one));
    if (query.get('response_type') !== 'code' || !areKnown(scope) || !isGranted)
      return message(400, 'The link is wrong', 'The requested scope is invalid, unknown, or malformed.');
    const asked = {
      ...{ app, redirectUri, scope },
      state: query.get('state'),
      challenge: query.get('code_challenge'),
      expires: this.#core.clock.now() + codeLifetime,
    };
    const id = this.#random.token('mastodon link', 32);
    this.#asked.set(id, asked);
    return this.#show(id, asked);
  }

  /** The person's answer: the code on a page, or in a redirect. */
  answer({ form }: Call): SandboxAnswer {
    const id = form.get('asked') ?? '';
    const asked = this.#asked.get(id);
    if (!asked || asked.expires <= this.#core.clock.now())
      return message(404, 'This link no longer works', 'Ask for a new one.');
    const target = asked.redirectUri === outOfBand ? undefined : new URL(asked.redirectUri);
    if (asked.state !== null) target?.searchParams.set('state', asked.state);
    if (form.get('action') === 'cancel') {
      this.#asked.delete(id);
      target?.searchParams.set('error', 'access_denied');
      return target ? redirect(target) : message(200, 'Nothing was authorized', 'You can close this page.');
    }
    const typed = usernameIn(form.get('screen_name') ?? '');
    const username = typed === '' ? usernameIn(form.get('account') ?? '') : typed;
    if (!usernamePattern.test(username)) return this.#show(id, asked, 'Pick an account, or name a new one.');
    this.#asked.delete(id);
    const account = this.#core.world.ensureAccount(mastodonName(username));
    const code = this.#random.token('mastodon code', 32);
    this.#codes.set(code, {
      ...asked,
      accountId: account.id,
      expires: this.#core.clock.now() + codeLifetime,
    });
    target?.searchParams.set('code', code);
    return target ? redirect(target) : codePage(account.screenName, code);
  }

  redeem(call: Call): SandboxAnswer {
    const fields = fieldsOf(call);
    const { client_id: app = '', client_secret: secret, code = '', redirect_uri: redirectUri } = fields;
    if (!registeredIn(app) || secret !== secretOf(app))
      return refusal(401, 'invalid_client', 'Client authentication failed due to unknown client.');
    if (fields['grant_type'] !== 'authorization_code')
      return refusal(400, 'unsupported_grant_type', 'The authorization grant type is not supported.');
    const granted = this.#codes.get(code);
    this.#codes.delete(code);
    const isFresh = granted !== undefined && granted.expires > this.#core.clock.now();
    const verifier = createHash('sha256')
      .update(fields['code_verifier'] ?? '')
      .digest('base64url');
    const isProven = granted?.challenge === null || granted?.challenge === verifier;
    if (!isFresh || granted.app !== app || granted.redirectUri !== redirectUri || !isProven)
      return refusal(
        400,
        'invalid_grant',
        'The provided authorization grant is invalid, expired, revoked, …',
      );
    const access = /(^| )write( |:statuses|$)/.test(granted.scope) ? 'write' : 'read';
    const { token } = this.#core.world.grant(app, granted.accountId, access, 'mastodon');
    const created = Math.floor(this.#core.clock.now() / 1000);
    return json(200, {
      access_token: token,
      token_type: 'Bearer',
      scope: granted.scope,
      created_at: created,
    });
  }

  revoke(call: Call): SandboxAnswer {
    const { client_id: app = '', client_secret: secret, token: name = '' } = fieldsOf(call);
    const token = this.#core.world.accessToken(name);
    if (secret !== secretOf(app) || (token && token.app !== app))
      return refusal(403, 'unauthorized_client', 'You are not authorized to revoke this token');
    if (token) {
      token.revoked = true;
      this.#core.world.changed();
    }
    return json(200, {});
  }

  #show(id: string, { scope, redirectUri }: Asked, complaint?: string): SandboxAnswer {
    const accounts = this.#core.world.accounts.filter((account) => networkOf(account) === 'mastodon');
    const content = html`<main class="card">
      <p class="brand">Sandbox <span>a Mastodon in a box</span></p>
      <h1>Authorize this app to use an account?</h1>
      <ul class="rights">
        ${scope.split(' ').map((one) => html`<li>${rights[one] ?? one} <code>${one}</code></li>`)}
      </ul>
      ${accountForm({ action: `${base}/oauth/authorize`, hidden: { asked: id }, accounts, complaint })}
      <p class="small">Nothing here reaches a real Mastodon.</p>
    </main>`;
    const formTarget = redirectUri === outOfBand ? '' : new URL(redirectUri).origin;
    return page(complaint === undefined ? 200 : 422, 'Authorize an app · Sandbox', content, { formTarget });
  }
}

/** What scopes allow. */
const rights: Partial<Record<string, string>> = {
  profile: 'See whose account it is',
  'read:accounts': 'See its account',
  'read:statuses': 'Read its posts',
  'write:statuses': 'Post as it',
  'write:accounts': 'Change its profile',
};

const codePage = (screenName: string, code: string): SandboxAnswer =>
  page(
    200,
    'Your code · Sandbox',
    html`<main class="card">
      <p class="brand">Sandbox <span>a Mastodon in a box</span></p>
      <p class="who">@${screenName}</p>
      <h1>Copy this code and paste it to the application.</h1>
      <input class="oauth-code" readonly value="${code}" aria-label="Code" />
      <p class="small">It works once, within 10 minutes.</p>
    </main>`,
  );

const redirect = (target: URL): SandboxAnswer => ({
  status: 302,
  headers: { location: target.href, 'cache-control': 'no-store' },
  body: '',
});

const areKnown = (scopes: string): boolean => scopes.split(' ').every((scope) => knownScopes.test(scope));

const secretOf = (clientId: string): string =>
  createHash('sha256').update(`sandbox ${clientId}`).digest('base64url');

function registeredIn(clientId: string): { redirects: string[]; scopes: string } | undefined {
  const read = z
    .tuple([z.literal(base), z.array(z.string()), z.string()])
    .safeParse(parseJson(Buffer.from(clientId, 'base64url').toString()));
  return read.data && { redirects: read.data[1], scopes: read.data[2] };
}
