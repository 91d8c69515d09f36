/** Opens the link, signs in as the account, authorizes. @returns the PIN on the page */
export declare function authorizeAs(link: string, screenName: string): Promise<string>;
/** The same where the provider sends the person back. @returns where to */
export declare function sentBackAs(
  link: string,
  screenName: string,
  action?: 'authorize' | 'cancel',
): Promise<string>;
