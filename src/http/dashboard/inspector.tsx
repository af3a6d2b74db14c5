// The page of one call: what the ledger and the inspector know of it, readable without the script, which lays the four faces side by side.
// And the page that opens an exported one.
/** @jsxImportSource hono/jsx */

import type { PriceLine, RequestDetail, RequestView, RunningDetail } from "../admin/admin.ts";
import type { CallInspection, Message } from "../../gateway/inspection.ts";
import type { LiveCall } from "../../gateway/live-calls.ts";
import type { Page, Rendered, View } from "./page.ts";
import { Columns, Empty, Fact, Figure, ModelName, Notice, Pill, TableFrame, Time } from "./parts.tsx";
import { inputOf, Status } from "./request-table.tsx";

const SCRIPTS = { scripts: ["inspector.js"], styles: ["inspector.css"], texts: ["inspect.", "call.", "word.", "shell.close"] } as const;

export async function inspectorPage(view: View): Promise<Page | null> {
  const { admin, t, parameter: id } = view;
  // In this order: a call that no longer runs has a row.
  const running = await admin.running(id);
  if (running !== null) return runningPage(view, running);
  const detail = await admin.request(id);
  if (detail === null) return null;
  const { request, inspection, price } = detail;
  return {
    title: t("page.request"),
    parent: { href: "/ui/requests", text: t("page.requests") },
    aside: (
      <>
        <Status view={view} row={request} />
        <span class="sub">
          <Time view={view} iso={request.at} />
        </span>
        <a class="button quiet end" href="/ui/requests/open">
          {t("inspect.open-file")}
        </a>
      </>
    ),
    body: (
      <>
        <Facts view={view} request={request} />
        <div id="inspection" data-id={id} aria-busy={inspection === null ? undefined : "true"}>
          {inspection === null ? <NotKept view={view} request={request} /> : <Faces view={view} inspection={inspection} />}
        </div>
        <Numbers view={view} request={request} price={price} />
      </>
    ),
    ...SCRIPTS,
    scripts: inspection === null ? [] : SCRIPTS.scripts,
  };
}

export function openPage({ t }: View): Page {
  return {
    title: t("inspect.open-title"),
    parent: { href: "/ui/requests", text: t("page.requests") },
    body: (
      <>
        <div class="stack needs-script">
          <label for="inspection-file">{t("inspect.file")}</label>
          <input id="inspection-file" type="file" accept="application/json,.json" />
          <p class="sub">{t("inspect.file.hint")}</p>
        </div>
        <div id="inspection" data-id="" />
      </>
    ),
    ...SCRIPTS,
  };
}

// ---- A call that runs --------------------------------------------------------------------------------------------------

/** The ledger gets a call when it has ended. The script keeps all that has an id up to date: see client/running.js. */
function runningPage(view: View, { call, inspection }: RunningDetail): Page {
  const { t, url } = view;
  return {
    title: t("page.request"),
    parent: { href: "/ui/requests", text: t("page.requests") },
    aside: (
      <>
        <span
          id="running-phase"
          role="status"
          class={`pill ${call.phase === "streaming" || call.phase === "thinking" ? "accent" : "plain"}`}
        >
          {t(`phase.${call.phase}`)}
        </span>
        <span class="sub">
          <Time view={view} iso={call.startedAt} />
        </span>
        <button
          type="button"
          id="running-end"
          class="quiet end needs-script"
          data-end={call.id}
          aria-label={t("now.end.label", { id: call.id })}
        >
          {t("now.end")}
        </button>
      </>
    ),
    body: (
      <>
        <RunningFacts view={view} call={call} />
        <p class="sub">
          {t("inspect.running")}.{" "}
          <span id="running-hint" class="needs-script">
            {t("inspect.running.hint")}
          </span>{" "}
          <a href={url.pathname}>{t("inspect.running.again")}</a>
        </p>
        <div id="inspection" data-id="" data-running={call.id}>
          {inspection === null ? null : <Faces view={view} inspection={inspection} />}
        </div>
      </>
    ),
    ...SCRIPTS,
    scripts: ["running.js"],
    texts: [...SCRIPTS.texts, "phase.", "now.end", "now.gone"],
  };
}

function RunningFacts({ view, call }: { readonly view: View; readonly call: LiveCall }): Rendered {
  const { t, format } = view;
  return (
    <section>
      <dl class="figures">
        <Figure name={t("call.model")} id="running-model">
          <ModelName view={view} asked={call.modelAsked} served={call.modelServed} />
        </Figure>
        <Figure name={t("call.time")} id="running-time">
          {format.duration(call.elapsedMs)}
        </Figure>
        <Figure name={t("call.first-byte")} id="running-first-byte">
          {format.duration(call.firstByteMs)}
        </Figure>
        <Figure name={t("call.output")} id="running-output">
          {format.number(call.outputTokens)}
        </Figure>
        <Figure name={t("inspect.running.attempts")} id="running-attempts">
          {format.number(call.attempts)}
        </Figure>
      </dl>
      <dl class="facts">
        <Fact name={t("call.key")}>{call.key ?? t("call.no-key")}</Fact>
        <Fact name={t("call.client")}>{call.client ?? t("word.unknown")}</Fact>
        <Fact name={t("inspect.protocol")}>
          {call.protocol} → <span id="running-protocol">{call.upstreamProtocol ?? t("word.unknown")}</span>
        </Fact>
        <Ids view={view} id={call.id} requestId={call.requestId} />
        <SessionFact view={view} session={call.session} />
      </dl>
    </section>
  );
}

function Ids({ view, id, requestId }: { readonly view: View; readonly id: string; readonly requestId: string }): Rendered {
  return (
    <Fact name={view.t("inspect.ids")}>
      <code>{id}</code> <code>{requestId === id ? "" : requestId}</code>
    </Fact>
  );
}

function SessionFact({ view, session }: { readonly view: View; readonly session: string | null }): Rendered | null {
  if (session === null) return null;
  return (
    <Fact name={view.t("call.session")}>
      <a href={`/ui/requests?session=${encodeURIComponent(session)}`}>{session}</a>
    </Fact>
  );
}

// ---- A call that has ended -----------------------------------------------------------------------------------------------

function Facts({ view, request }: { readonly view: View; readonly request: RequestView }): Rendered {
  const { t, format } = view;
  const { requestId, session, route } = request;
  const facts: readonly (readonly [string, string | null])[] = [
    [t("call.key"), request.key],
    [t("call.client"), request.client],
    [t("inspect.provider"), request.provider],
    [t("inspect.pool"), request.pool],
    [t("inspect.route"), route],
  ];
  return (
    <section>
      <dl class="figures">
        <Figure name={t("call.model")}>
          <ModelName view={view} asked={request.modelAsked} served={request.modelServed} />
        </Figure>
        <Figure name={t("call.time")}>{format.duration(request.totalMs)}</Figure>
        <Figure name={t("call.first-byte")}>{format.duration(request.firstByteMs)}</Figure>
        <Figure name={t("call.input")}>{format.number(inputOf(request))}</Figure>
        <Figure name={t("call.output")}>{format.number(request.outputTokens)}</Figure>
        <Figure name={t("call.cost")}>{format.usd(request.usd)}</Figure>
      </dl>
      <dl class="facts">
        {facts.map(([name, value]) => (
          <Fact name={name}>{value ?? t("word.unknown")}</Fact>
        ))}
        <Ids view={view} id={request.id} requestId={requestId} />
        <SessionFact view={view} session={session} />
      </dl>
    </section>
  );
}

const COUNTS: readonly (readonly [PriceLine["of"], (request: RequestView) => number | null])[] = [
  ["input", ({ inputTokens }) => inputTokens],
  ["cacheRead", ({ cacheReadTokens }) => cacheReadTokens],
  ["cacheWrite5m", ({ cacheWrite5mTokens }) => cacheWrite5mTokens],
  ["cacheWrite1h", ({ cacheWrite1hTokens }) => cacheWrite1hTokens],
  ["output", ({ outputTokens }) => outputTokens],
];

/** Tokens, and the price worked out line by line. */
function Numbers({ view, request, price }: { readonly view: View } & Omit<RequestDetail, "inspection">): Rendered {
  const { t, format } = view;
  if (totalOf(request) === null) {
    return (
      <section>
        <h2>{t("inspect.tokens")}</h2>
        <p>{t(request.tries === 0 ? "inspect.tokens.unasked" : "inspect.tokens.unreported")}</p>
      </section>
    );
  }
  return (
    <section>
      <div class="section-title">
        <h2>{t("inspect.tokens")}</h2>
        <span class="sub">{t(`inspect.source.${request.source}`)}</span>
      </div>
      <TableFrame name={t("inspect.tokens")}>
        <table class="rows">
          <Columns view={view} of={[["call.tokens"], ["inspect.count", "number"], ["inspect.rate", "number"], ["call.cost", "number"]]} />
          <tbody>
            {COUNTS.map(([of, count]) => {
              const line = price?.lines.find((one) => one.of === of);
              return (
                <tr>
                  <th scope="row">{t(`inspect.token.${of}`)}</th>
                  <td class="number">{format.number(count(request))}</td>
                  <td class="number">{line === undefined ? "–" : format.exactUsd(line.rate)}</td>
                  <td class="number">{line === undefined ? "–" : format.exactUsd(line.usd)}</td>
                </tr>
              );
            })}
          </tbody>
          <tfoot>
            <tr>
              <th scope="row">{t("inspect.total")}</th>
              <td class="number">{format.number(totalOf(request))}</td>
              <td class="number">{price === null ? "" : t("inspect.price-of", { date: price.rates.date })}</td>
              <td class="number">{format.exactUsd(request.usd)}</td>
            </tr>
          </tfoot>
        </table>
      </TableFrame>
      <p class="sub">
        {request.reasoningTokens === null || request.reasoningTokens === 0
          ? null
          : t("inspect.of-reasoning", { count: request.reasoningTokens })}{" "}
        {request.credits === null ? null : t("inspect.credits", { amount: format.number(request.credits) })}{" "}
        {price === null && request.usd !== null && request.usd > 0 ? t("inspect.price-gone") : null}
      </p>
    </section>
  );
}

function totalOf(request: RequestView): number | null {
  const input = inputOf(request);
  return input === null && request.outputTokens === null ? null : (input ?? 0) + (request.outputTokens ?? 0);
}

function NotKept({ view, request }: { readonly view: View; readonly request: RequestView }): Rendered {
  const { t, admin } = view;
  const { inspect } = admin.health();
  return (
    <Empty title={t("inspect.gone")}>
      <p>{t(inspect === "off" ? "inspect.gone.off" : "inspect.gone.hint")}</p>
      {request.losses === 0 ? null : <p>{t("call.losses", { count: request.losses })}</p>}
    </Empty>
  );
}

// ---- Without the script ------------------------------------------------------------------------------------------------

/** All four faces as text, one below the other, until the script lays them side by side. */
function Faces({ view, inspection }: { readonly view: View; readonly inspection: CallInspection }): Rendered {
  const { t } = view;
  const { clientRequest, attempts, clientAnswer, losses, error } = inspection;
  return (
    <div class="plain-faces">
      {error === null ? null : <Notice tone="bad">{`${error.kind}: ${error.message}`}</Notice>}
      {losses.map(({ field, reason }) => (
        <p>
          <code>{field}</code>: {reason}
        </p>
      ))}
      <Plain view={view} title={t("inspect.client-request")} message={clientRequest} />
      {attempts.map((attempt) => (
        <>
          <Plain view={view} title={`${t("inspect.sent-request")}: ${attempt.model}`} message={attempt.request} />
          {attempt.why === null ? null : <Notice tone="warn">{attempt.why}</Notice>}
          {attempt.answer === null ? null : <Plain view={view} title={t("inspect.upstream-answer")} message={attempt.answer} />}
        </>
      ))}
      {clientAnswer === null ? null : <Plain view={view} title={t("inspect.client-answer")} message={clientAnswer} />}
    </div>
  );
}

type Face = Message & Partial<Pick<NonNullable<CallInspection["clientAnswer"]>, "status" | "events">>;

function Plain({ view, title, message }: { readonly view: View; readonly title: string; readonly message: Face }): Rendered {
  const { t } = view;
  const { headers, body, events = [], status } = message;
  const text = body ?? events.map(({ atMs, name, data }) => `${Math.round(atMs)} ms  ${name}  ${data ?? ""}`).join("\n");
  return (
    <details class="fold">
      <summary>
        {title} {status === undefined ? null : <Pill>{String(status)}</Pill>}{" "}
        <span class="sub">{t("inspect.bytes", { count: message.bodyBytes })}</span>
      </summary>
      <pre class="raw">
        {Object.entries(headers)
          .map(([name, value]) => `${name}: ${value}`)
          .join("\n")}
      </pre>
      {text === "" ? null : <pre class="raw">{text}</pre>}
    </details>
  );
}
