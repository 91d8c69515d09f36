/**
 * Does the person's step of an authorization: opens the link, signs in as an account, authorizes, and reads the PIN, or the code
 * of Mastodon.
 *
 * @param {string} link - the authorize link, on a sandbox
 * @param {string} screenName - the account to sign in as; the sandbox creates it if there is none
 * @returns {Promise<string>} the PIN
 */
export async function authorizeAs(link, screenName) {
  const answer = await answerPage(link, screenName, 'authorize');
  const html = await answer.text();
  const pin =
    /<code[^>]*>\s*([\d-]{7,11})\s*<\/code>/.exec(html)?.[1] ??
    /class="oauth-code" readonly value="(\w+)"/.exec(html)?.[1];
  if (pin === undefined) throw new Error(`no PIN on the page of ${link} (${answer.status})`);
  return pin;
}

/**
 * The same with a callback.
 *
 * @param {string} link
 * @param {string} screenName
 * @param {'authorize' | 'cancel'} action
 * @returns {Promise<string>} the URL of the redirect
 */
export async function sentBackAs(link, screenName, action = 'authorize') {
  const answer = await answerPage(link, screenName, action);
  const to = answer.headers.get('location');
  if (to === null) throw new Error(`the page of ${link} does not redirect (${answer.status})`);
  return to;
}

async function answerPage(link, screenName, action) {
  const page = await fetch(link);
  const html = await page.text();
  const fields = new URLSearchParams();
  for (const [input] of html.matchAll(/<input[^>]*type="hidden"[^>]*>/g)) {
    const name = /name="([^"]*)"/.exec(input)?.[1];
    const value = /value="([^"]*)"/.exec(input)?.[1];
    if (name !== undefined) fields.set(name, value ?? '');
  }
  fields.set('screen_name', screenName);
  fields.set('action', action);
  const cookie = page.headers
    .getSetCookie()
    .map((line) => line.split(';')[0])
    .join('; ');
  const target = new URL(/<form[^>]*action="([^"]*)"/.exec(html)?.[1] ?? '', link);
  return fetch(target, { method: 'POST', body: fields, headers: { cookie }, redirect: 'manual' });
}
