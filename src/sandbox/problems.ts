/** Requests and answers of the sandbox: builders for each format, and the refusals in the words of X's /2 and /1.1. */

/** An HTTP request to the sandbox. */
export interface SandboxRequest {
  method: string;
  /** Path and query, as on the request line. */
  url: string;
  /** The Host header: a loopback address with its port, or one of X's own names. */
  host: string;
  /** Names in lower case. */
  headers: Record<string, string>;
  body: string;
  /** When it arrived, if the sandbox carries it out later. Milliseconds since 1970. */
  arrived?: number;
}

/** How the server must damage the delivery of an answer. Times are milliseconds. */
export type Delivery =
  | { kind: 'delay'; ms: number }
  | { kind: 'trickle'; ms: number }
  | { kind: 'drop' | 'hang' | 'cut' | 'gzip-cut' | 'gzip-corrupt' };

export interface SandboxAnswer {
  status: number;
  /** Names in lower case. */
  headers: Record<string, string>;
  body: string;
  /** Absent if the answer arrives whole. */
  fault?: Delivery;
}

type Headers = Record<string, string>;

const answer = (status: number, type: string, body: string, headers: Headers = {}): SandboxAnswer => ({
  status,
  headers: { 'content-type': `${type}; charset=utf-8`, 'cache-control': 'no-store', ...headers },
  body,
});

export function json(status: number, value: unknown, headers?: Headers): SandboxAnswer {
  return answer(status, 'application/json', JSON.stringify(value), headers);
}

/** JSON that is already text, for numbers that a JavaScript number cannot hold. */
export function rawJson(status: number, body: string, headers?: Headers): SandboxAnswer {
  return answer(status, 'application/json', body, headers);
}

/** Parses JSON that a client sent. @returns undefined if it is not JSON */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

export function form(status: number, values: Record<string, string>): SandboxAnswer {
  return answer(status, 'application/x-www-form-urlencoded', new URLSearchParams(values).toString());
}

export function plain(status: number, body: string): SandboxAnswer {
  return answer(status, 'text/plain', body);
}

function xml(status: number, body: string): SandboxAnswer {
  return answer(status, 'application/xml', `<?xml version="1.0" encoding="UTF-8"?>${body}`);
}

export function asset(type: string, body: string): SandboxAnswer {
  return answer(200, type, body, { 'x-content-type-options': 'nosniff' });
}

export function redirect(location: string, headers: Headers = {}): SandboxAnswer {
  return { status: 302, headers: { location, 'cache-control': 'no-store', ...headers }, body: '' };
}

/**
 * An HTML page. Its policy allows no inline script or style. `formTarget` is one more origin that the form may lead to:
 * browsers apply `form-action` to the redirect after a form, too.
 */
export function page(status: number, body: string, headers: Headers = {}, formTarget = ''): SandboxAnswer {
  const policy = [
    "default-src 'none'",
    "style-src 'self'",
    "script-src 'self'",
    "connect-src 'self'",
    'img-src data:',
    `form-action 'self' ${formTarget}`.trim(),
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
  return answer(status, 'text/html', body, {
    'content-security-policy': policy,
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    ...headers,
  });
}

/** Why the sandbox refuses a request, in every version of the API. */
export type Refusal =
  | 'unauthenticated'
  | 'bad-signature'
  | 'unknown-app'
  | 'nonce-used'
  | 'clock-skew'
  | 'dead-token'
  | 'bearer'
  | 'suspended'
  | 'read-only'
  | 'no-credit'
  | 'empty'
  | 'too-long'
  | 'not-permitted'
  | 'duplicate'
  | 'too-many'
  | 'not-found'
  | 'not-yours';

const problem = (name: string): string => `https://api.twitter.com/2/problems/${name}`;
const blank = 'about:blank';

interface Problem {
  status: number;
  title: string;
  type: string;
  detail: string;
}

const unauthorized: Problem = { status: 401, title: 'Unauthorized', type: blank, detail: 'Unauthorized' };
const forbidden = (detail: string, type = blank): Problem => ({
  status: 403,
  title: 'Forbidden',
  type,
  detail,
});

/** The answers of /2, from reports in the issues of client libraries. */
const problems: Record<Refusal, Problem> = {
  unauthenticated: unauthorized,
  'bad-signature': unauthorized,
  'unknown-app': unauthorized,
  'nonce-used': unauthorized,
  'clock-skew': unauthorized,
  'dead-token': unauthorized,
  bearer: {
    status: 403,
    title: 'Unsupported Authentication',
    type: problem('unsupported-authentication'),
    detail:
      'Authenticating with OAuth 2.0 Application-Only is forbidden for this endpoint.  Supported authentication types are [OAuth 1.0a User Context].',
  },
  suspended: forbidden(
    'Your account is suspended and is not permitted to access this feature.',
    problem('user-suspended'),
  ),
  'read-only': forbidden(
    'Your client app is not configured with the appropriate oauth1 app permissions for this endpoint.',
    problem('oauth1-permissions'),
  ),
  'no-credit': {
    status: 402,
    title: 'CreditsDepleted',
    type: problem('credits'),
    detail: 'Your enrolled account does not have any credits to fulfill this request.',
  },
  empty: { status: 400, title: 'Invalid Request', type: problem('invalid-request'), detail: '' },
  'too-long': forbidden('You are not permitted to perform this action.'),
  'not-permitted': forbidden('You are not permitted to perform this action.'),
  duplicate: forbidden('You are not allowed to create a Tweet with duplicate content.'),
  'too-many': { status: 429, title: 'Too Many Requests', type: blank, detail: 'Too Many Requests' },
  'not-found': {
    status: 404,
    title: 'Not Found Error',
    type: problem('resource-not-found'),
    detail: 'Could not find what was asked for.',
  },
  'not-yours': forbidden('You are not authorized to delete this Tweet.'),
};

/** The answers of /1.1 and /oauth. */
const codes: Record<Refusal, [status: number, code: number, message: string]> = {
  unauthenticated: [400, 215, 'Bad Authentication data.'],
  'bad-signature': [401, 32, 'Could not authenticate you.'],
  'unknown-app': [401, 32, 'Could not authenticate you.'],
  'nonce-used': [401, 32, 'Could not authenticate you.'],
  'clock-skew': [401, 135, 'Timestamp out of bounds.'],
  'dead-token': [401, 89, 'Invalid or expired token.'],
  bearer: [403, 220, 'Your credentials do not allow access to this resource.'],
  suspended: [403, 64, 'Your account is suspended and is not permitted to access this feature.'],
  'read-only': [401, 261, 'Application cannot perform write actions.'],
  'no-credit': [402, 0, 'CreditsDepleted'],
  empty: [403, 170, 'Missing required parameter: status.'],
  'too-long': [403, 186, 'Tweet needs to be a bit shorter.'],
  'not-permitted': [403, 226, 'This request looks like it might be automated.'],
  duplicate: [403, 187, 'Status is a duplicate.'],
  'too-many': [429, 88, 'Rate limit exceeded'],
  'not-found': [404, 34, 'Sorry, that page does not exist.'],
  'not-yours': [403, 183, "You may not delete another user's status."],
};

/**
 * Builds the answer for a refusal in the format of an API.
 *
 * @param base the expected signature base string, if the signature was wrong; it holds no secret
 */
export type Refuse = (refusal: Refusal, base?: string) => SandboxAnswer;

export const refuseV2: Refuse = (refusal) => {
  if (refusal === 'empty') return invalidRequest('text', '', 'The text of a post must not be empty.');
  const { status, title, type, detail } = problems[refusal];
  // In reports the body of a 402 has no `status`, and the body of a 429 no `type`.
  if (status === 402) return json(status, { account_id: 0, title, detail, type });
  if (status === 429) return json(status, { title, detail, status });
  return json(status, { title, type, status, detail });
};

export const refuseV1: Refuse = (refusal) => {
  const [status, code, message] = codes[refusal];
  return json(status, { errors: [{ code, message }] });
};

/** The 400 of /2 for a parameter or property that it does not accept. */
export function invalidRequest(parameter: string, value: string, message: string): SandboxAnswer {
  return json(400, {
    errors: [{ parameters: { [parameter]: [value] }, message }],
    title: 'Invalid Request',
    detail: 'One or more parameters to your request was invalid.',
    type: problem('invalid-request'),
  });
}

/** X sends this refusal as XML. A client that expects JSON fails to parse it. */
export function callbackRefused(): SandboxAnswer {
  const message = 'Callback URL not approved for this client application.';
  return xml(403, `<errors><error code="415">${message}</error></errors>`);
}

/** X sends this refusal as plain text. */
export function verifierRefused(): SandboxAnswer {
  return plain(401, 'Error processing your OAuth request: Invalid oauth_verifier parameter');
}

/** The answer to a request token that is unknown, spent or expired. */
export function requestTokenRefused(): SandboxAnswer {
  return plain(401, 'Error processing your OAuth request: Invalid or expired oauth_token');
}
