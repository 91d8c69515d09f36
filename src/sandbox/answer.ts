/** One HTTP request as the sandbox sees it. */
export interface SandboxRequest {
  method: string;
  /** Path and query, as on the request line. */
  url: string;
  /** The Host header: a loopback address with its port, or one of X's own names. */
  host: string;
  /** Names in lower case. */
  headers: Record<string, string>;
  body: string;
  /** When it came in, where it is worked on later. Milliseconds since 1970. */
  arrived?: number;
}

/** How a server should spoil the delivery of an answer. Times are milliseconds. */
export type Delivery =
  | { kind: 'delay'; ms: number }
  | { kind: 'trickle'; ms: number }
  | { kind: 'drop' | 'hang' | 'cut' | 'gzip-cut' | 'gzip-corrupt' };

export interface SandboxAnswer {
  status: number;
  /** Names in lower case. */
  headers: Record<string, string>;
  body: string;
  /** Absent for an answer that arrives whole. */
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

/** JSON that is already text, for numbers a JavaScript number cannot hold. */
export function rawJson(status: number, body: string, headers?: Headers): SandboxAnswer {
  return answer(status, 'application/json', body, headers);
}

export function form(status: number, values: Record<string, string>): SandboxAnswer {
  return answer(status, 'application/x-www-form-urlencoded', new URLSearchParams(values).toString());
}

export function plain(status: number, body: string): SandboxAnswer {
  return answer(status, 'text/plain', body);
}

export function xml(status: number, body: string): SandboxAnswer {
  return answer(status, 'application/xml', `<?xml version="1.0" encoding="UTF-8"?>${body}`);
}

export function asset(type: string, body: string): SandboxAnswer {
  return answer(200, type, body, { 'x-content-type-options': 'nosniff' });
}

export function redirect(location: string, headers: Headers = {}): SandboxAnswer {
  return { status: 302, headers: { location, 'cache-control': 'no-store', ...headers }, body: '' };
}

/**
 * A page. Nothing inline runs or paints; `formTarget` is one more origin its form may lead to,
 * because browsers hold the redirect after a form to the same rule as the form.
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
