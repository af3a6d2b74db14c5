// Which tests failed, with the file and the beginning of the error, parsed from the output of `bun test` or `deno test` without colours.
// Never counts: tests/run.ts reads a runner's own counts.

export interface Failure {
  readonly test: string;
  readonly file: string;
  /** The first lines of what the runner printed about it. */
  readonly error: readonly string[];
}

const MOST_LINES = 15;
const LONGEST_LINE = 300;

export function failuresIn(runner: string, output: string): Failure[] {
  const lines = output.split("\n").map((line) => line.trimEnd());
  return runner === "deno" ? ofDeno(lines) : ofBun(lines);
}

/** Bun prints an error before the name of its test, and an error outside of any test between two rules. */
function ofBun(lines: readonly string[]): Failure[] {
  const failures: Failure[] = [];
  let file = "";
  let error: string[] = [];
  let isStray = false;
  // After a long output Bun lists the failed tests once more.
  const recapAt = lines.findIndex((line) => /^\d+ tests? failed:$/.test(line));
  for (const line of lines.slice(0, recapAt === -1 ? lines.length : recapAt)) {
    const opened = /^(?:::group::)?(\S+\.ts):$/.exec(line)?.[1];
    const [, outcome = "", test = ""] = /^\((pass|fail|skip|todo)\) (.*?)(?: \[[\d.]+\w+\])?$/.exec(line) ?? [];
    if (opened !== undefined) file = opened;
    if (outcome === "fail") failures.push({ test, file, error: beginning(error) });
    const isStrayStart = line === "# Unhandled error between tests";
    const isStrayEnd = isStray && /^-{20,}$/.test(line) && error.length > 0;
    if (isStrayEnd) failures.push({ test: "an error between tests", file, error: beginning(error) });
    if (isStrayStart) isStray = true;
    if (isStrayEnd) isStray = false;
    if (opened !== undefined || outcome !== "" || isStrayStart || isStrayEnd) error = [];
    // Bun reports a timeout below a test's name.
    else if (/^ +\^ this test timed out/.test(line) && failures.length > 0) failures.push(withLine(failures.pop(), line));
    else if (!(isStray && /^-{20,}$/.test(line))) error.push(line);
  }
  return failures;
}

function withLine(failure: Failure | undefined, line: string): Failure {
  const { test = "", file = "", error = [] } = failure ?? {};
  return { test, file, error: [line.trim().slice(0, LONGEST_LINE), ...error] };
}

/** Deno prints all errors at the end, each below a heading, and then all headings. */
function ofDeno(lines: readonly string[]): Failure[] {
  const [errorsAt, headingsAt] = [lines.lastIndexOf(" ERRORS"), lines.lastIndexOf(" FAILURES")];
  if (errorsAt === -1 || headingsAt === -1) return [];
  const headings = lines
    .slice(
      headingsAt + 1,
      lines.findIndex((line, index) => index > headingsAt && line.startsWith("FAILED |")),
    )
    .filter(Boolean);
  const errors = lines.slice(errorsAt + 1, headingsAt);
  const starts = headings.map((heading) => errors.indexOf(heading));
  return headings.map((heading, index) => {
    const [, test = heading, file = ""] = /^(.*) => \.?\/?(\S+?)(?::\d+)*$/.exec(heading) ?? [];
    const start = starts[index] ?? -1;
    const next = Math.min(...starts.filter((other) => other > start), errors.length);
    return { test, file, error: start === -1 ? [] : beginning(errors.slice(start + 1, next)) };
  });
}

/** Without blank lines; of a source excerpt, only the line of the error. */
function beginning(lines: readonly string[]): string[] {
  const isExcerpt = (line: string | undefined): boolean => /^ *\d+ \| /.test(line ?? "");
  return lines
    .filter((line, index) => line.trim() !== "" && !(isExcerpt(line) && isExcerpt(lines[index + 1])))
    .slice(0, MOST_LINES)
    .map((line) => line.slice(0, LONGEST_LINE));
}
