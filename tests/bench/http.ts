// As much HTTP/1.1 as a load generator and a fast upstream need.
// Does not copy a body, check what the peer should know, or answer for anything but the programs of this folder.

import { Buffer } from "node:buffer";

export interface MessageListener {
  /** The first line and the headers, as text. */
  head?(text: string): void;
  /** A piece of the body, without its framing. Valid until the call returns. */
  body?(bytes: Buffer): void;
  end(): void;
}

const HEAD_END = Buffer.from("\r\n\r\n");
const LINE_FEED = 10;
const LENGTH = /\r\ncontent-length: *(\d+)/i;
const CHUNKED = /\r\ntransfer-encoding: *chunked/i;

type State = "head" | "length" | "size" | "data" | "data-end" | "trailer";

/** Reads one message after another. */
export class MessageReader {
  readonly #listener: MessageListener;
  #state: State = "head";
  /** Bytes of a head or a line whose end has not come. */
  #begun: Buffer | null = null;
  /** Bytes left of the body or of the present chunk. */
  #left = 0;

  constructor(listener: MessageListener) {
    this.#listener = listener;
  }

  feed(bytes: Buffer): void {
    let chunk = bytes;
    if (this.#begun !== null) {
      chunk = Buffer.concat([this.#begun, bytes]);
      this.#begun = null;
    }
    let at = 0;
    while (at < chunk.length) {
      const next = this.#step(chunk, at);
      if (next === -1) {
        this.#begun = Buffer.from(chunk.subarray(at));
        return;
      }
      at = next;
    }
  }

  /** Where the next step begins; -1 when more bytes are needed. */
  #step(chunk: Buffer, at: number): number {
    switch (this.#state) {
      case "head":
        return this.#head(chunk, at);
      case "length":
      case "data": {
        const end = Math.min(chunk.length, at + this.#left);
        this.#listener.body?.(chunk.subarray(at, end));
        this.#left -= end - at;
        if (this.#left > 0) return end;
        if (this.#state === "length") this.#finish();
        else this.#state = "data-end";
        return end;
      }
      case "size": {
        const end = chunk.indexOf(LINE_FEED, at);
        if (end === -1) return -1;
        this.#left = Number.parseInt(chunk.toString("latin1", at, end), 16);
        this.#state = this.#left === 0 ? "trailer" : "data";
        return end + 1;
      }
      case "data-end": {
        const end = chunk.indexOf(LINE_FEED, at);
        if (end === -1) return -1;
        this.#state = "size";
        return end + 1;
      }
      case "trailer": {
        const end = chunk.indexOf(LINE_FEED, at);
        if (end === -1) return -1;
        if (end - at <= 1) this.#finish();
        return end + 1;
      }
    }
  }

  #head(chunk: Buffer, at: number): number {
    const end = chunk.indexOf(HEAD_END, at);
    if (end === -1) return -1;
    const text = chunk.toString("latin1", at, end);
    this.#listener.head?.(text);
    if (CHUNKED.test(text)) this.#state = "size";
    else {
      this.#left = Number(LENGTH.exec(text)?.[1] ?? 0);
      if (this.#left > 0) this.#state = "length";
      else this.#finish();
    }
    return end + HEAD_END.length;
  }

  #finish(): void {
    this.#state = "head";
    this.#listener.end();
  }
}

interface RequestParts {
  readonly host: string;
  readonly key: string;
  readonly body: string;
  /** Whole lines. */
  readonly headers?: readonly string[];
}

/** A request, ready to be written. */
export function requestBytes(path: string, { host, key, body, headers = [] }: RequestParts): Buffer {
  const head = [
    `POST ${path} HTTP/1.1`,
    `host: ${host}`,
    `authorization: Bearer ${key}`,
    "content-type: application/json",
    "anthropic-version: 2023-06-01",
    ...headers,
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  return Buffer.from(`${head.join("\r\n")}\r\n\r\n${body}`);
}

/** One chunk of a chunked body, framed. */
export function chunkBytes(text: string): Buffer {
  return Buffer.from(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);
}

export const LAST_CHUNK: Buffer = Buffer.from("0\r\n\r\n");
