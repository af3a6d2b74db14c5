// Listens to an AbortSignal.
// Does not leave a listener behind.

/** Calls back once, when the signal aborts, or at once where it has already. Returns a function that stops listening. */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  if (signal.aborted) callback();
  else signal.addEventListener("abort", callback);
  return () => signal.removeEventListener("abort", callback);
}
