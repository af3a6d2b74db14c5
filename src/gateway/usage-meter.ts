// What is known of an answer while it passes, and after: usage, how it ended, the error in it.
// Never does: change the answer.

import type { GatewayError } from "../errors.ts";
import type { FinishReason, ReplyEvent, Usage } from "../protocol/canonical.ts";

export class UsageMeter {
  usage: Usage | null = null;
  finish: FinishReason | null = null;
  error: GatewayError | null = null;

  see(event: ReplyEvent): void {
    if (event.type === "usage") this.usage = event.usage;
    else if (event.type === "reply-end") this.finish = event.finish;
    else if (event.type === "reply-error") this.error = event.error;
  }
}
