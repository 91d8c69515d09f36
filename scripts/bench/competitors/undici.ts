/** undici with the smallest signer that X accepts: without a ledger, a deadline or a check of the answer. */
import { createHmac, randomBytes } from 'node:crypto';
import { Agent, request } from 'undici';
import { competeIn, keysOf, textOf } from './post-loop.ts';

const encode = encodeURIComponent;

function signerFor(url: string, bot: number): () => string {
  const { appKey, appSecret, accessToken, accessSecret } = keysOf(bot);
  const key = `${encode(appSecret)}&${encode(accessSecret)}`;
  const start = `POST&${encode(url)}&`;
  return () => {
    const nonce = randomBytes(16).toString('hex');
    const time = Math.floor(Date.now() / 1000);
    const parameters = `oauth_consumer_key=${appKey}&oauth_nonce=${nonce}&oauth_signature_method=HMAC-SHA1&oauth_timestamp=${time}&oauth_token=${accessToken}&oauth_version=1.0`;
    const signature = createHmac('sha1', key)
      .update(start + encode(parameters))
      .digest('base64');
    return `OAuth oauth_consumer_key="${appKey}", oauth_nonce="${nonce}", oauth_signature="${encode(signature)}", oauth_signature_method="HMAC-SHA1", oauth_timestamp="${time}", oauth_token="${accessToken}", oauth_version="1.0"`;
  };
}

competeIn(({ base, bots, inFlight }) => {
  const url = `${base}/2/tweets`;
  const dispatcher = new Agent({ connections: inFlight, pipelining: 1 });
  const signers = Array.from({ length: bots }, (_, bot) => signerFor(url, bot));
  return {
    async post(bot) {
      const { statusCode, body } = await request(url, {
        dispatcher,
        method: 'POST',
        headers: { authorization: signers[bot]?.() ?? '', 'content-type': 'application/json' },
        body: JSON.stringify({ text: textOf(bot) }),
      });
      await body.json();
      if (statusCode !== 201) throw new Error(`answered ${statusCode}`);
    },
    close: () => dispatcher.destroy(),
  };
});
