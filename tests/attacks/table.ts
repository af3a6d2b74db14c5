// The attacks by name. A new one is a file of this folder that exports `attack`, and its row here.
// Never says what an attack looks at; its file does.

import type { Attack, OwnTarget } from "./attack.ts";

interface Row {
  readonly about: string;
  /** What the gateway that is started for it is set to, besides what all have. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface AnyRow extends Row {
  /** It can be pointed at any gateway. */
  readonly on: "any";
  readonly load: () => Promise<{ readonly attack: Attack }>;
}

export interface OwnRow extends Row {
  /** It needs a gateway that the runner started. */
  readonly on: "own";
  readonly load: () => Promise<{ readonly attack: Attack<OwnTarget> }>;
}

export const ATTACKS: Readonly<Record<string, AnyRow | OwnRow>> = {
  "log-reader": {
    about: "Nobody reads the log: a full pipe, a full disk.",
    on: "own",
    load: () => import("./log-reader.ts"),
  },
  "quadratic-bodies": {
    about: "Bodies of a few megabytes whose conversion could cost the square of their length.",
    on: "own",
    load: () => import("./quadratic-bodies.ts"),
  },
  "idle-connections": {
    about: "Idle connections until the gateway has no file descriptor left.",
    on: "own",
    load: () => import("./idle-connections.ts"),
  },
  "trickled-heads": {
    about: "Heads that never come to their end.",
    on: "any",
    settings: { HEADER_TIMEOUT: "2" },
    load: () => import("./trickled-heads.ts"),
  },
  "half-bodies": {
    about: "Half-sent bodies with made-up keys.",
    on: "own",
    settings: { FACTORY_API_KEY: "", PROXY_API_KEY: "", MAX_CALLS: "50", BODY_TIMEOUT: "3" },
    load: () => import("./half-bodies.ts"),
  },
  "endless-bodies": {
    about: "Endless bodies of clients that are refused by their head.",
    on: "any",
    load: () => import("./endless-bodies.ts"),
  },
  crumbs: {
    about: "Bodies in chunks of one byte.",
    on: "any",
    load: () => import("./crumbs.ts"),
  },
  "leaving-clients": {
    about: "A client that leaves, in six phases and after three ways of sending.",
    on: "own",
    settings: { KEEP_ALIVE_INTERVAL: "1" },
    load: () => import("./leaving-clients.ts"),
  },
  "comment-floods": {
    about: "An upstream that sends comments and never an event.",
    on: "own",
    load: () => import("./comment-floods.ts"),
  },
  bombs: {
    about: "Answers and errors of an upstream that unpack to gigabytes.",
    on: "own",
    load: () => import("./bombs.ts"),
  },
  "held-answers": {
    about: "Answers whose conversion has to hold back more and more.",
    on: "own",
    load: () => import("./held-answers.ts"),
  },
  "odd-statuses": {
    about: "Statuses of an upstream that no answer can have.",
    on: "own",
    load: () => import("./odd-statuses.ts"),
  },
  "pipelined-bytes": {
    about: "Bytes behind a request on the same connection.",
    on: "own",
    load: () => import("./pipelined-bytes.ts"),
  },
  "header-floods": {
    about: "Heads that are too large, and answers whose headers could be.",
    on: "own",
    load: () => import("./header-floods.ts"),
  },
  "large-bodies": {
    about: "Twenty bodies of 60 MiB at once.",
    on: "own",
    load: () => import("./large-bodies.ts"),
  },
  sighup: {
    about: "SIGHUP while streams run.",
    on: "own",
    load: () => import("./sighup.ts"),
  },
  "forced-stop": {
    about: "A stop that can't wait, while streams hang.",
    on: "own",
    load: () => import("./forced-stop.ts"),
  },
  "web-pages": {
    about: "What a web page can have a browser send.",
    on: "own",
    load: () => import("./web-pages.ts"),
  },
};
