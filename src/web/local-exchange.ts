/** A request from a browser on this machine. */
export interface LocalRequest {
  method: string;
  path: string;
  query: URLSearchParams;
  /** Names in lower case. */
  headers: Readonly<Record<string, string | undefined>>;
  /** The fields of its body; none unless the body is a form. */
  form: URLSearchParams;
}

export interface LocalAnswer {
  status: number;
  /** Names in lower case. */
  headers: Record<string, string>;
  body: string | Buffer;
}

/**
 * Whether a person followed a link here. A page elsewhere can have its reader's browser ask for any address as an image or
 * a script; browsers say so.
 */
export function isNavigation({ headers }: LocalRequest): boolean {
  return [undefined, 'document'].includes(headers['sec-fetch-dest']);
}

/** An answer in a few words. */
export const plain = (status: number, text: string): LocalAnswer => ({
  status,
  headers: { 'content-type': 'text/plain; charset=utf-8' },
  body: `${text}\n`,
});
