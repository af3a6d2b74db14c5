// Follows an AbortSignal.
// Does not leave a listener behind.

/** Calls back once, as a signal aborts once: when the signal aborts, or at once where it has already. Returns what takes it back. */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  if (signal.aborted) callback();
  else signal.addEventListener("abort", callback);
  return () => signal.removeEventListener("abort", callback);
}
