import type { SandboxAnswer, SandboxRequest } from './answer.ts';

/** A request that found its route: the parts its pattern names, its query and its form. */
export interface Call {
  request: SandboxRequest;
  path: string;
  parts: Record<string, string>;
  query: URLSearchParams;
  /** The body's fields; empty unless the body is a form. */
  form: URLSearchParams;
}

export type Handler = (call: Call) => SandboxAnswer;

/** `GET /2/users/:id/tweets` and what answers it. */
export type Routes = Record<string, Handler>;

interface Route {
  method: string;
  pattern: string[];
  handler: Handler;
}

export type Match =
  | { kind: 'found'; handler: Handler; call: Call }
  | { kind: 'no-path' }
  | { kind: 'no-method'; allow: string };

/** Finds the handler of a request in a table of `METHOD /path/:part`. */
export function makeRouter(table: Routes): (request: SandboxRequest) => Match {
  const routes = Object.entries(table).map(([key, handler]): Route => {
    const [method = '', path = ''] = key.split(' ');
    return { method, pattern: path.split('/'), handler };
  });
  return (request) => {
    const [path, query] = splitOnce(request.url, '?');
    const steps = path.split('/');
    const allowed: string[] = [];
    for (const { method, pattern, handler } of routes) {
      const parts = matchPath(pattern, steps);
      if (!parts) continue;
      if (method !== request.method) allowed.push(method);
      else return { kind: 'found', handler, call: { request, path, parts, ...readFields(request, query) } };
    }
    return allowed.length > 0 ? { kind: 'no-method', allow: allowed.join(', ') } : { kind: 'no-path' };
  };
}

function matchPath(pattern: string[], steps: string[]): Record<string, string> | undefined {
  if (pattern.length !== steps.length) return undefined;
  const parts: Record<string, string> = {};
  for (const [n, expected] of pattern.entries()) {
    const step = steps[n] ?? '';
    if (expected.startsWith(':')) parts[expected.slice(1)] = step;
    else if (expected !== step) return undefined;
  }
  return parts;
}

function readFields(
  request: SandboxRequest,
  query: string,
): { query: URLSearchParams; form: URLSearchParams } {
  const isForm = /^application\/x-www-form-urlencoded\b/i.test(request.headers['content-type'] ?? '');
  return { query: new URLSearchParams(query), form: new URLSearchParams(isForm ? request.body : '') };
}

function splitOnce(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
