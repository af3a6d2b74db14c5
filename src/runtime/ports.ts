// What the program asks of the outside world, as types: a runtime supplies them, a test scripts them.
// Never does: hold code.

/** The program as one function. Never rejects. */
export type Fetch = (request: Request) => Response | Promise<Response>;

/** Calls back once after `ms` milliseconds. Returns what takes it back; calling that later does nothing. */
export type After = (ms: number, callback: () => void) => () => void;

/** Reads a body piece by piece. One read at a time. */
export interface BodyReader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  /** Lets go of the rest. */
  cancel(reason?: unknown): Promise<void>;
}
