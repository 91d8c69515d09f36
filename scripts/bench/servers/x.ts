import { existsSync } from 'node:fs';
import { z } from 'zod';
import type { Helper, Stage } from '../stage.ts';

const ports = z.object({
  plain: z.number(),
  slow: z.number(),
  secure: z.number().optional(),
  secureSlow: z.number().optional(),
});
const counted = z.object({ posts: z.number(), at: z.number() });
const noted = z.array(z.tuple([z.number(), z.number(), z.number()]));

/** An address of the server, and its name in the tables. */
export interface Way {
  what: string;
  base: string;
  latency: number;
}

/** The server that stands in for X, in a separate process. */
export class X {
  readonly #helper: Helper;
  readonly ports: z.infer<typeof ports>;
  /** The variables with which clients trust its certificate. */
  readonly trust: NodeJS.ProcessEnv;

  private constructor(helper: Helper, found: z.infer<typeof ports>, trust: NodeJS.ProcessEnv) {
    this.#helper = helper;
    this.ports = found;
    this.trust = trust;
  }

  static async open(stage: Stage): Promise<X> {
    const files = await makeCertificate(stage);
    const helper = await stage.helper('servers/x-server.ts', { args: files });
    const [, certificate] = files;
    const trust =
      certificate === undefined ? {} : { NODE_EXTRA_CA_CERTS: certificate, REQUESTS_CA_BUNDLE: certificate };
    return new X(helper, await helper.ask({ ask: 'ports' }, ports), trust);
  }

  /** Undefined for TLS if OpenSSL is missing. */
  way({ isSecure = false, isSlow = false } = {}): Way | undefined {
    const { plain, slow, secure, secureSlow } = this.ports;
    const port = isSecure ? (isSlow ? secureSlow : secure) : isSlow ? slow : plain;
    if (port === undefined) return undefined;
    return {
      what: `${isSecure ? 'TLS' : 'plain'}, ${isSlow ? 80 : 0} ms`,
      base: `${isSecure ? 'https' : 'http'}://127.0.0.1:${port}`,
      latency: isSlow ? 80 : 0,
    };
  }

  /** The number of posts and the time, when there are at least `reach` posts, or after `within` milliseconds. */
  count(reach = 0, within = 0): Promise<z.infer<typeof counted>> {
    return this.#helper.ask({ ask: 'count', reach, within }, counted);
  }

  async note(): Promise<void> {
    await this.#helper.ask({ ask: 'note' }, z.unknown());
  }

  /** Each post since {@link note}: account, time of the request, time of the answer. */
  noted(): Promise<z.infer<typeof noted>> {
    return this.#helper.ask({ ask: 'noted' }, noted);
  }
}

/** @returns the files of the key and the certificate; none if OpenSSL is missing */
async function makeCertificate(stage: Stage): Promise<string[]> {
  if (!existsSync('/usr/bin/openssl')) return [];
  const [key, certificate] = [stage.file('x.key'), stage.file('x.crt')];
  const names = 'subjectAltName=IP:127.0.0.1,DNS:api.x.com,DNS:api.twitter.com';
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  const args = ['req', '-x509', ...curve, '-nodes', '-days', '2', '-subj', '/CN=bench', '-addext', names];
  await stage.run('/usr/bin/openssl', [...args, '-keyout', key, '-out', certificate]);
  return [key, certificate];
}
