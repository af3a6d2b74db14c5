// Room: discretion (row 4).
// In:  what goes to a client beside the answer itself: errors, headers, an explained request.
// Out: the same without any secret of the program or of the call.
// Never does: touch the bytes of an answer; what an upstream says in there is between it and its client.

import { GatewayError } from "../errors.ts";
import { JsonText } from "../wire/json.ts";
import type { Redactor } from "./log.ts";

export class Discretion {
  readonly #redactor: Redactor;

  /** For one call: what its client presented is a secret too. */
  constructor(redactor: Redactor, keys: readonly string[]) {
    this.#redactor = redactor.with(keys);
  }

  text(text: string): string {
    return this.#redactor.known(text);
  }

  /** A header that holds a secret is left out whole. */
  headers(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
    const all = Object.values(headers).join("\n");
    if (this.text(all) === all) return headers;
    const shown: Record<string, string> = {};
    for (const name in headers) {
      const value = headers[name] ?? "";
      if (this.text(value) === value) shown[name] = value;
    }
    return shown;
  }

  error(error: GatewayError): GatewayError {
    const message = this.text(error.message);
    return message === error.message ? error : new GatewayError(error.kind, message, { status: error.status, cause: error });
  }

  /** Headers of an explained request: keys are masked, known or not. */
  explained(headers: Readonly<Record<string, string>>): JsonText {
    return new JsonText(JSON.stringify(this.#redactor.value(headers)));
  }
}

/** A URL as it may be shown: its query may hold a key under any name. */
export function shownUrl(url: string): string {
  const query = url.indexOf("?");
  return query === -1 ? url : `${url.slice(0, query)}?\u2026`;
}
