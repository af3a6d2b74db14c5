// One client, on a connection of its own.
// Does not wait for ever, or judge what it saw.

import type { Buffer } from "node:buffer";
import { connect } from "node:net";
import { MessageReader } from "../bench/http.ts";
import type { Manner } from "./scenarios.ts";

export interface Sight {
  /** Null: the connection ended before a head came. */
  readonly status: number | null;
  readonly head: string;
  /** Beginning and end of a long body, without its filling. */
  readonly text: string;
  /** Whether the message came to its end. */
  readonly isComplete: boolean;
  readonly hasLeft: boolean;
  readonly isHung: boolean;
}

export interface Visit {
  readonly port: number;
  readonly bytes: Buffer;
  readonly manner: Manner;
  /** From 0 up to 1: when a client leaves. */
  readonly chance: number;
}

const PATIENCE_MS = 90_000;
const KEPT_LENGTH = 256 * 1024;
/** What large answers are filled with. */
const FILLING = /x{64,}/g;
const SLOW_READ_MS = 20;

export function visit({ port, bytes, manner, chance }: Visit): Promise<Sight> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    const timers: ReturnType<typeof setTimeout>[] = [];
    const later = (ms: number, callback: () => void): void => void timers.push(setTimeout(callback, ms));
    const texts = new BothEnds();
    let head = "";
    let isComplete = false;
    let hasLeft = false;
    let isHung = false;
    const leave = (): void => {
      if (!isComplete) hasLeft = true;
      socket.destroy();
    };
    const reader = new MessageReader({
      head: (text) => (head = text),
      body: (piece) => texts.add(piece),
      end() {
        isComplete = true;
        socket.end();
        // A server that keeps its side open is waited for a moment only.
        later(1000, () => socket.destroy());
      },
    });
    later(PATIENCE_MS, () => {
      isHung = true;
      socket.destroy();
    });

    socket.once("connect", () => {
      const half = Math.floor(bytes.length / 2);
      if (manner === "leave while sending") {
        socket.write(bytes.subarray(0, half));
        later(20 + 200 * chance, leave);
      } else if (manner === "leave at once") socket.write(bytes, leave);
      else if (chance < 0.1) {
        socket.write(bytes.subarray(0, half));
        later(30, () => socket.write(bytes.subarray(half)));
      } else socket.write(bytes);
      if (manner === "leave before the head") later(100 + 100 * chance, leave);
    });
    let isLeaving = false;
    socket.on("data", (chunk: Buffer) => {
      reader.feed(chunk);
      if (manner === "read slowly" && !isComplete) {
        socket.pause();
        later(SLOW_READ_MS, () => socket.resume());
      }
      if (manner === "leave in the middle" && texts.length > 0 && !isLeaving) {
        isLeaving = true;
        socket.pause();
        later(400 * chance, leave);
      }
    });
    socket.on("error", () => {
      // A connection that was reset is closed; "close" says so.
    });
    socket.once("close", () => {
      for (const timer of timers) clearTimeout(timer);
      const status = head === "" ? null : Number(head.slice(9, 12));
      resolve({ status, head, text: texts.text(), isComplete, hasLeft, isHung });
    });
  });
}

/** The beginning and the end of what may be long, without its filling. */
class BothEnds {
  readonly #first: string[] = [];
  #last = "";
  length = 0;

  add(piece: Buffer): void {
    const text = piece.toString("latin1").replace(FILLING, "x");
    this.length += text.length;
    if (this.length <= KEPT_LENGTH) this.#first.push(text);
    else this.#last = (this.#last + text).slice(-KEPT_LENGTH);
  }

  text(): string {
    return this.#first.join("") + this.#last;
  }
}
