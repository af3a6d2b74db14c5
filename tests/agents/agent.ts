// What an agent's file says: how it is installed, which protocols it drives, how it is pointed at a base URL and told its task.
// Does not touch the home folder of whoever runs it; every run has one of its own.

import type { ProtocolId } from "../../src/protocol/canonical.ts";

export interface Place {
  /** Of the gateway, without a path. */
  readonly url: string;
  readonly key: string;
  readonly model: string;
  readonly protocol: ProtocolId;
  readonly task: string;
}

export interface Launch {
  /** Behind the program's name. */
  readonly words: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Files to write before the start: their path in the run's own home folder, their text. */
  readonly files?: Readonly<Record<string, string>>;
}

export interface Agent {
  readonly name: string;
  /** On npm. */
  readonly package: string;
  readonly version: string;
  /** The program in the package. */
  readonly program: string;
  /** A row of the table each. */
  readonly protocols: readonly ProtocolId[];
  readonly launch: (place: Place) => Launch;
  /** Why the agent itself can't do the task with a model over a protocol, whatever answers it; null: it can. Unset: it always can. */
  readonly unfit?: (protocol: ProtocolId, model: string) => string | null;
  /**
   * Whether the agent said the text at the end, given what it printed. Whether the tool ran is seen on the disk.
   * Unset: the text stands anywhere in it.
   */
  readonly said?: (printed: string, text: string) => boolean;
}

export const json = (value: unknown): string => JSON.stringify(value, null, 2);
