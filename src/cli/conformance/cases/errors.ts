// Refusals by the gateway itself: a status that clients understand, in their protocol's format.

import type { ProtocolId } from "../../../protocol/canonical.ts";
import { LEFT_OUT, shown, type Case } from "../case.ts";
import { bodyOf, isObject, keyHeaders, numberAt, objectIn, pathOf, pick, printed, PROTOCOLS, textAt, userTurn } from "../wire.ts";
import type { Page, World } from "../world.ts";

/** Null: an error that the protocol's clients can parse. */
export function malformed(protocol: ProtocolId, { text }: Pick<Page, "text">): string | null {
  const body = objectIn(text);
  const message = textAt(body, "error.message");
  const isShaped =
    protocol === "anthropic-messages"
      ? textAt(body, "type") === "error" && textAt(body, "error.type") !== ""
      : protocol === "gemini"
        ? numberAt(body, "error.code") !== null && textAt(body, "error.status") !== ""
        : textAt(body, "error.type") !== "" && isObject(pick(body, "error")) && "code" in errorOf(body);
  return isShaped && message !== "" ? null : `a body that is no error of ${protocol}: ${shown(text)}`;
}

function errorOf(body: unknown): object {
  const error = pick(body, "error");
  return isObject(error) ? error : {};
}

interface Refused {
  readonly name: string;
  /** Live calls must be few. */
  readonly needs: Case["needs"];
  readonly statuses: readonly number[];
  readonly breaks: string;
  readonly send: (world: World, protocol: ProtocolId) => Promise<Page>;
}

function post(
  world: World,
  protocol: ProtocolId,
  { body, key = world.key, model }: { body: string; key?: string | null; model: string },
): Promise<Page> {
  const headers = keyHeaders(protocol, key);
  return world.page(pathOf(protocol, { model, stream: false }), { method: "POST", headers, body });
}

function modelOf({ models }: World): string {
  return models[0]?.id ?? "none";
}

function hello(protocol: ProtocolId, model: string): string {
  return printed(bodyOf(protocol, { model, stream: false, turns: [userTurn(protocol, "Hello.")] }));
}

const WRONG_KEY = "wrong key";

const REFUSALS: readonly Refused[] = [
  {
    name: WRONG_KEY,
    needs: "live",
    statuses: [401, 403],
    breaks: "SDKs raise AuthenticationError by status; agents then ask for another key",
    send: (world, protocol) =>
      post(world, protocol, { body: hello(protocol, modelOf(world)), key: "conformance-wrong-key", model: modelOf(world) }),
  },
  {
    name: "broken JSON",
    needs: "lab",
    statuses: [400],
    breaks: "SDKs retry a 500, again and again",
    send: (world, protocol) => post(world, protocol, { body: '{"model": "x", "messages": [', model: modelOf(world) }),
  },
  {
    name: "no messages",
    needs: "lab",
    statuses: [400, 422],
    breaks: "SDKs retry a 500; a 200 hides a mistake",
    send: (world, protocol) =>
      post(world, protocol, { body: JSON.stringify({ model: modelOf(world), max_tokens: 16 }), model: modelOf(world) }),
  },
];

export const ERROR_CASES: readonly Case[] = PROTOCOLS.flatMap((protocol) =>
  REFUSALS.map(({ name, needs, statuses, breaks, send }): Case => ({
    area: "errors",
    name: `${protocol} ${name}`,
    protocol,
    needs,
    expected: `status ${statuses.join(" or ")} and an error in the shape of the protocol`,
    breaks,
    run: async (world) => {
      // A gateway that accepts any key has no wrong one.
      if (name === WRONG_KEY && world.key === null) return LEFT_OUT;
      const page = await send(world, protocol);
      return statuses.includes(page.status) ? malformed(protocol, page) : `status ${page.status}: ${shown(page.text)}`;
    },
  })),
);
