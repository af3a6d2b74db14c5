// Room: discretion (row 4).
// In:  what goes to a client beside the answer itself: errors, headers, an explained request.
// Out: the same without any secret of the program or of the call.
// Never does: touch the bytes of an answer; what an upstream says in there is between it and its client.

import { GatewayError } from "./errors.ts";
import { JsonText } from "./json.ts";
import { presentedKeys } from "./keys.ts";
import type { Redactor } from "./log.ts";
import type { ReplyEvent } from "./protocol/canonical.ts";
import type { Machine, SseEvent } from "./stream.ts";

export class Discretion {
  readonly #redactor: Redactor;

  /** For one call: what its client presented is a secret too. */
  constructor(redactor: Redactor, request: Request) {
    this.#redactor = redactor.with(presentedKeys(request.headers, new URL(request.url).searchParams.get("key")));
  }

  text(text: string): string {
    return this.#redactor.known(text);
  }

  /** A header that holds a secret is left out whole. */
  headers(headers: Readonly<Record<string, string>>): Record<string, string> {
    return Object.fromEntries(Object.entries(headers).filter(([, value]) => this.text(value) === value));
  }

  error(error: GatewayError): GatewayError {
    const message = this.text(error.message);
    return message === error.message ? error : new GatewayError(error.kind, message, { status: error.status, cause: error });
  }

  /** The same decoder, whose errors hold no secret. */
  decoder(decoder: Machine<SseEvent, ReplyEvent>): Machine<SseEvent, ReplyEvent> {
    const shown = (events: Iterable<ReplyEvent>): ReplyEvent[] => {
      const out: ReplyEvent[] = [];
      for (const event of events) out.push(event.type === "reply-error" ? { ...event, error: this.error(event.error) } : event);
      return out;
    };
    return { step: (event) => shown(decoder.step(event)), end: () => shown(decoder.end()) };
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
