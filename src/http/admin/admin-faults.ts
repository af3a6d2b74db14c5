// Turns errors that an administrator can fix into the one kind that may be shown.

import { KeyFault } from "../../access/key-changes.ts";
import { StoreError } from "../../access/store.ts";
import { GatewayError } from "../../errors.ts";

/** The result of `act`. @throws GatewayError where input can't be read, or the store is away. */
export async function told<Result>(act: () => Promise<Result>): Promise<Result> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof KeyFault) throw wrongInput(error.message, error.param);
    if (!(error instanceof StoreError)) throw error;
    throw new GatewayError("overloaded", `The store can't be reached: ${error.message}`, { headers: { "retry-after": "5" }, cause: error });
  }
}

/** @param param the member of the body, or of the query; null: none in particular */
export function wrongInput(message: string, param: string | null = null): GatewayError {
  return new GatewayError("invalid-request", message, param === null ? {} : { param });
}

export function notFound(message: string): GatewayError {
  return new GatewayError("not-found", message);
}
