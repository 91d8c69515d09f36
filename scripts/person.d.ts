/** Opens an authorize link, signs in and authorizes. @returns the PIN on the page */
export declare function authorizeAs(link: string, screenName: string): Promise<string>;
/** The same with a callback. @returns the URL of the redirect */
export declare function sentBackAs(
  link: string,
  screenName: string,
  action?: 'authorize' | 'cancel',
): Promise<string>;
