/** What a person may see of a token, to tell it from another: its first 4 characters, or fewer of a short one. */
export const maskToken = (token: string): string =>
  `${token.slice(0, Math.min(4, Math.floor(token.length / 3)))}…`;
