export interface HttpRequest {
  method: 'GET' | 'POST' | 'DELETE';
  url: string;
  headers: Record<string, string>;
  body?: string;
}

/** What a server said, header names in lower case, the body as text. */
export interface HttpAnswer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** Sends one request and resolves with any answer, whatever its status; rejects with {@link NoAnswer}. */
export type Send = (request: HttpRequest) => Promise<HttpAnswer>;

/** There is no whole answer. `sent` is false only where the request certainly never reached the server. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
  readonly sent: boolean;

  constructor(message: string, sent: boolean, cause?: unknown) {
    super(message, { cause });
    this.sent = sent;
  }
}

/** Requests under way at a time, where nobody wants more or fewer. */
export const usualSockets = 64;
