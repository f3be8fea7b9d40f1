// Waiting, in real time, for what will be.

/**
 * Resolves when `condition` holds; rejects, saying `what`, when it does not within `seconds`: many, as only a test that
 * fails waits for so long, and a busy machine may take some of them.
 */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string = String(condition),
  seconds = 60,
): Promise<void> {
  for (const end = performance.now() + seconds * 1000; !(await condition()); ) {
    if (performance.now() > end) throw new Error(`waited ${seconds} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
