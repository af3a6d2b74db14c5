// The icons of the navigation, drawn with lines in the text's colour. Each stands beside its word, so it says nothing to screen readers.
/** @jsxImportSource hono/jsx */

import type { NavigationId, Rendered } from "./page.ts";

/** In a square of 16. */
const LINES: Readonly<Record<NavigationId, string>> = {
  now: "M1.5 8h3l2-5 3 10 2-5h3",
  requests: "M2 4h12M2 8h12M2 12h8",
  usage: "M2.5 14V9M6.2 14V5M9.8 14V7.5M13.5 14V2.5",
  quota: "M2.2 11.5a6.3 6.3 0 1 1 11.6 0M8 9.5l3-3.5",
  keys: "M9.6 6.4a3.2 3.2 0 1 0-1.2 1.2L13.5 12.700v1.8h-2v-1.600h-1.600L8 11",
  models: "M8 1.8 14 5v6l-6 3.200L2 11V5zM2.200 5 8 8.200 13.800 5M8 8.200v6",
  playground: "M4.500 2.800v10.400L13 8z",
  health:
    "M8 13.800C3 10.500 1.800 7.800 2 5.800 2.200 3.600 4 2.500 5.500 2.500 7 2.500 8 4 8 4s1-1.500 2.500-1.500c1.500 0 3.300 1.100 3.500 3.300.2 2-1 4.700-6 8z",
  api: "M5.500 4 2 8l3.500 4M10.500 4 14 8l-3.500 4",
  me: "M8 8a2.800 2.800 0 1 0 0-5.600A2.800 2.800 0 0 0 8 8zM2.500 14c.4-2.700 2.600-4 5.500-4s5.100 1.300 5.500 4",
};

export function Icon({ of }: { readonly of: NavigationId }): Rendered {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.4">
      <path d={LINES[of]} stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  );
}

export function Mark(): Rendered {
  return (
    <svg class="mark" viewBox="0 0 16 16" width="18" height="18" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.6">
      <path d="M1.500 4.500h4l5 7h4M1.500 11.500h4l5-7h4" stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  );
}
