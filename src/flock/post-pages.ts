/** Where people see accounts and posts; undefined where that is not known. */
export interface PostPages {
  account: (name: string | undefined) => string | undefined;
  post: (account: string | undefined, id: string | undefined) => string | undefined;
}

/**
 * The pages of what is posted to by an API: X's own, or those of a sandbox on this machine, whose front page shows an account
 * and has its posts by name. Of any other nobody knows whether it has pages.
 *
 * @param api - its base: `https://api.x.com`, `http://127.0.0.1:4010`
 */
export function postPages(api: string): PostPages {
  const { hostname, protocol } = new URL(api);
  if (hostname === 'api.x.com') return pagesOfX;
  const home = (name: string): string => `${api}/?account=${encodeURIComponent(name)}`;
  return protocol === 'http:' ? pagesBy(home, (name, id) => `${home(name)}#post-${id}`) : noPages;
}

const pagesBy = (
  account: (name: string) => string,
  post: (account: string, id: string) => string,
): PostPages => ({
  account: (name) => (name === undefined ? undefined : account(name)),
  post: (name, id) => (name === undefined || id === undefined ? undefined : post(name, id)),
});

const noPages: PostPages = { account: () => undefined, post: () => undefined };

export const pagesOfX = pagesBy(
  (name) => `https://x.com/${name}`,
  (name, id) => `https://x.com/${name}/status/${id}`,
);
