// Answers each row of the admin API. Access has been checked before: see site.ts.

import type { GatewayError } from "../../errors.ts";
import { notFound } from "./admin-faults.ts";
import type { Admin, DoctorView, KeyView } from "./admin.ts";
import { KEY_WORDS, keyWordsIn, objectIn, optionalTextIn, textIn } from "./api-body.ts";
import { requestQuery, usageRequest } from "./api-query.ts";
import type { LiveReader, LiveStreams } from "./live-stream.ts";
import type { ApiName } from "./routes.ts";
import type { Session } from "./session.ts";

export interface ApiRequest {
  /** The value of the `:name` in its path. */
  readonly name: string;
  readonly query: URLSearchParams;
  /** The body of a change. @throws GatewayError where it is too large */
  readonly body: () => Promise<string>;
  readonly session: Session;
  /** Puts a sentence into the language of whoever asks. */
  readonly say: Say;
  /** Aborted when the reader of the stream leaves. */
  readonly reader: () => LiveReader;
}

export interface ApiPorts {
  readonly admin: Admin;
  readonly streams: LiveStreams;
}

export type Say = (english: string) => string;

export type ApiHandler = (request: ApiRequest) => Response | Promise<Response>;

/** `GET /api/admin/me`. */
export interface MeView {
  /** Null: an administrator. */
  readonly key: KeyView | null;
  /** See `Session`. */
  readonly csrfToken: string | null;
  readonly expires: string;
}

/** Signing in and out need the cookie, and are in site.ts. */
export type ApiTable = Readonly<Record<Exclude<ApiName, "signIn" | "signOut">, ApiHandler>>;

const OK = 200;
const CREATED = 201;
const NO_CONTENT = 204;

export function createApi({ admin, streams }: ApiPorts): ApiTable {
  return {
    me: async ({ session }) => json(await meView(session, admin)),
    live: ({ reader }) => streams.open(admin, reader()),
    running: async ({ name }) => json((await admin.running(name)) ?? missing(`Call ${JSON.stringify(name)} is not running here.`)),
    requests: async ({ query }) => json(await admin.requests(requestQuery(query))),
    request: async ({ name }) => json((await admin.request(name)) ?? missing(`There is no call ${JSON.stringify(name)}.`)),
    async cancel({ name }) {
      if (!(await admin.cancel(name)))
        throw notFound(`Call ${JSON.stringify(name)} is not running here. It has ended, or runs in another gateway.`);
      return new Response(null, { status: NO_CONTENT });
    },
    usage: async ({ query }) => json(await admin.usage(usageRequest(query))),
    quota: async () => json(await admin.quota()),
    keys: async () => json({ keys: await admin.keys() }),
    async addKey({ body }) {
      const members = objectIn(await body(), ["name", ...KEY_WORDS]);
      return json(await admin.addKey({ ...keyWordsIn(members), name: textIn(members, "name") }), CREATED);
    },
    key: async ({ name }) => json((await admin.key(name)) ?? missing(`There is no key ${JSON.stringify(name)}.`)),
    changeKey: async ({ name, body }) => json(await admin.changeKey(name, keyWordsIn(objectIn(await body(), KEY_WORDS)))),
    async removeKey({ name }) {
      await admin.removeKey(name);
      return new Response(null, { status: NO_CONTENT });
    },
    async rotateKey({ name, body }) {
      const grace = optionalTextIn(objectIn(await body(), ["grace"]), "grace");
      return json(await admin.rotateKey(name, grace === undefined ? {} : { grace }));
    },
    async raiseKey({ name, body }) {
      const members = objectIn(await body(), ["amount", "until"]);
      const [amount, until] = [textIn(members, "amount"), optionalTextIn(members, "until")];
      return json(await admin.raiseKey(name, until === undefined ? { amount } : { amount, until }));
    },
    models: () => json({ models: admin.models() }),
    health: () => json(admin.health()),
    doctor: async ({ say }) => json(inLanguage(await admin.doctor(), say)),
    reload: () => json(admin.reload()),
    playgroundKey: async ({ session }) => json(await admin.playgroundKey(session)),
  };
}

function inLanguage({ at, checks }: DoctorView, say: Say): DoctorView {
  const said = checks.map(({ id, state, what, why, fix }) => ({
    id,
    state,
    what: say(what),
    why: why === null ? null : say(why),
    fix: fix === null ? null : say(fix),
  }));
  return { at, checks: said };
}

async function meView({ key, csrfToken, untilMs }: Session, admin: Admin): Promise<MeView> {
  return { key: key === null ? null : await admin.key(key), csrfToken, expires: new Date(untilMs).toISOString() };
}

function missing(message: string): never {
  throw notFound(message);
}

export function json(body: object, status = OK): Response {
  return Response.json(body, { status });
}

/** Every error of the admin API. */
export function errorResponse(error: GatewayError, { requestId, say }: { readonly requestId: string; readonly say: Say }): Response {
  const { kind, message, code, param, status, headers } = error;
  const body = { error: { type: kind.replaceAll("-", "_"), message: say(message), code, param, requestId } };
  return Response.json(body, { status, headers: { ...headers } });
}
