// A request as a command or a program that sends it again. Never holds a key: it comes from the environment.

import { parsed } from "./answers.js";

const KEY = "FACTORY_PROXY_KEY";
/** Headers that mean something to the server; all others come from the client's own library. */
const KEPT = /^(?:content-type|accept|anthropic-.*|openai-.*|x-session-id|x-goog-api-client)$/;

function headersOf({ headers }) {
  const kept = Object.entries(headers).filter(([name, value]) => KEPT.test(name) && !value.includes("…") && name !== "openai-organization");
  return { ...Object.fromEntries(kept), "content-type": "application/json" };
}

function pretty(body) {
  const value = parsed(body);
  return value === undefined ? body : JSON.stringify(value, null, 2);
}

function pathOf({ path }, isSse) {
  return isSse && path.endsWith(":streamGenerateContent") ? `${path}?alt=sse` : path;
}

const quotedForShell = (text) => `'${text.replaceAll("'", "'\\''")}'`;

function curl(request, url) {
  const headers = Object.entries(headersOf(request)).map(([name, value]) => `  -H ${quotedForShell(`${name}: ${value}`)} \\`);
  const lines = [`curl -N ${quotedForShell(url)} \\`, `  -H "authorization: Bearer $${KEY}" \\`, ...headers];
  return [...lines, `  --data-binary @- <<'JSON'`, pretty(request.body), "JSON"].join("\n");
}

function python(request, url) {
  const headers = Object.entries(headersOf(request)).map(([name, value]) => `    ${JSON.stringify(name)}: ${JSON.stringify(value)},`);
  return [
    "import os",
    "import urllib.request",
    "",
    `body = ${pythonText(pretty(request.body))}`,
    "headers = {",
    `    "authorization": "Bearer " + os.environ["${KEY}"],`,
    ...headers,
    "}",
    `request = urllib.request.Request(${JSON.stringify(url)}, body.encode(), headers)`,
    "with urllib.request.urlopen(request) as answer:",
    "    for line in answer:",
    '        print(line.decode(), end="", flush=True)',
  ].join("\n");
}

/** Raw and readable where no three quotes stand in it. */
function pythonText(text) {
  return text.includes("'''") ? JSON.stringify(text) : `r'''${text}'''`;
}

function node(request, url) {
  const headers = Object.entries(headersOf(request)).map(([name, value]) => `    ${JSON.stringify(name)}: ${JSON.stringify(value)},`);
  return [
    `const answer = await fetch(${JSON.stringify(url)}, {`,
    '  method: "POST",',
    "  headers: {",
    `    authorization: \`Bearer \${process.env.${KEY}}\`,`,
    ...headers,
    "  },",
    `  body: JSON.stringify(${pretty(request.body).replaceAll("\n", "\n  ")}),`,
    "});",
    "for await (const chunk of answer.body.pipeThrough(new TextDecoderStream())) process.stdout.write(chunk);",
  ].join("\n");
}

const SAMPLES = { curl, python, node };

/** `language`: `curl`, `python` or `node`. */
export function sampleOf(language, request, { origin, isSse }) {
  return SAMPLES[language](request, origin + pathOf(request, isSse));
}
