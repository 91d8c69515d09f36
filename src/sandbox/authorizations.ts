import type { Chance } from './chance.ts';
import type { Access, DialectId } from './state.ts';

/** How long a request token waits for its person. X's own figure is not published; reports put it here. */
const patience = 15 * 60_000;

/** A request token on its way from the app to the person and back. */
export interface Authorization {
  token: string;
  secret: string;
  app: string;
  dialect: DialectId;
  /** `oob` for a PIN, else the URL the person is sent back to. */
  callback: string;
  access: Access;
  expires: number;
  /** Proves that a form was filled in on our own page. */
  authenticity: string;
  state: 'open' | 'approved' | 'spent';
  /** Set once a person approved: whose account, and the verifier that proves it. */
  approved: { accountId: string; verifier: string } | undefined;
}

export interface Asked {
  app: string;
  dialect: DialectId;
  callback: string;
  access: Access;
}

/** The request tokens of the last quarter of an hour. */
export class Authorizations {
  readonly #all = new Map<string, Authorization>();
  readonly #chance: Chance;

  constructor(chance: Chance) {
    this.#chance = chance;
  }

  begin(asked: Asked, now: number): Authorization {
    this.#forgetOld(now);
    const authorization: Authorization = {
      ...asked,
      token: this.#chance.word('request token', 27),
      secret: this.#chance.word('request secret', 32),
      authenticity: this.#chance.word('authenticity', 32),
      expires: now + patience,
      state: 'open',
      approved: undefined,
    };
    this.#all.set(authorization.token, authorization);
    return authorization;
  }

  /** A request token that has not expired, whatever its state. */
  find(token: string, now: number): Authorization | undefined {
    const found = this.#all.get(token);
    return found && now < found.expires ? found : undefined;
  }

  /**
   * Records a person's yes and gives the verifier: digits to type, or a word for a callback.
   *
   * @param pin how the digits are written, each as `#`
   */
  approve(authorization: Authorization, accountId: string, pin: string): string {
    const verifier = authorization.callback === 'oob' ? this.#pin(pin) : this.#chance.word('verifier', 32);
    authorization.state = 'approved';
    authorization.approved = { accountId, verifier };
    return verifier;
  }

  /**
   * Trades a verifier for the account that approved. The request token is spent by any try,
   * a wrong one too: a few digits could be guessed otherwise.
   */
  redeem(authorization: Authorization, verifier: string): string | undefined {
    const { approved, state } = authorization;
    authorization.state = 'spent';
    return state === 'approved' && approved?.verifier === verifier ? approved.accountId : undefined;
  }

  #pin(written: string): string {
    const digits = this.#chance.digits('pin', written.split('#').length - 1);
    let n = 0;
    return written.replaceAll('#', () => digits.charAt(n++));
  }

  #forgetOld(now: number): void {
    for (const [token, { expires }] of this.#all) {
      // The oldest come first.
      if (now < expires) return;
      this.#all.delete(token);
    }
  }
}
