// What the encoders of a request share: the request, its model, and the losses.

import type { CanonicalRequest, FieldName, Loss, LossSeverity } from "../canonical.ts";
import { Callables } from "../tool-list.ts";
import { capabilitiesOf, type Capabilities } from "./capabilities.ts";
import { NAMES } from "./wire.ts";

export class Target {
  readonly request: CanonicalRequest;
  readonly capabilities: Capabilities;
  /**
   * Whether the client speaks this protocol itself. Then its values are sent back as they were; for all others, the defaults that they
   * are used to are sent explicitly, since this API's differ: it stores, it makes schemas strict, it shows no reasoning.
   */
  readonly own: boolean;
  readonly losses: Loss[] = [];
  readonly callables: Callables;

  constructor(request: CanonicalRequest, { own = request.names === NAMES }: { readonly own?: boolean } = {}) {
    this.request = request;
    this.capabilities = capabilitiesOf(request.model);
    this.own = own;
    this.callables = new Callables(request.tools);
  }

  /** Reports in the client's words that a field is lost, or only a member `inside` of it. */
  lose(field: FieldName, loss: { readonly inside?: string; readonly severity?: LossSeverity; readonly reason: string }): void {
    const { inside, severity = "reported", reason } = loss;
    const name = this.request.names[field];
    this.losses.push({ field: inside === undefined ? name : `${name}.${inside}`, severity, reason });
  }
}
