// Room: openai-chat (row 2). Members inside of a request that nobody understood.
// In:  objects whose known members have been read.
// Out: a loss for each member that is left, once for each name however often it stands there.
// Never does: report a top-level member; those travel as extensions.

import type { Loss } from "../canonical.ts";
import type { Fields } from "../fields.ts";

export class Unread {
  readonly losses: Loss[] = [];
  readonly #seen = new Set<string>();

  /** Reports what of this object has not been read. */
  note(fields: Fields): void {
    for (const [key] of fields.unread()) {
      this.report(key, { field: fields.at(key), severity: "reported", reason: "The model's own protocol has no such member here." });
    }
  }

  /** Reports a loss, the first time that its key comes up. */
  report(key: string, loss: Loss): void {
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.losses.push(loss);
  }
}
