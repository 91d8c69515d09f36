/** Opens the link, signs in as the account, authorizes. @returns the PIN on the page */
export declare function authorizeAs(link: string, screenName: string): Promise<string>;
