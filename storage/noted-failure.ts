/** Tells the troubles of who gives a content from those of who takes it. */

/** The same content; what it throws stands in `failure` as it was. */
export async function* noting(
  content: AsyncIterable<Uint8Array>,
  failure: { error?: unknown },
): AsyncGenerator<Uint8Array> {
  try {
    yield* content;
  } catch (error) {
    failure.error = error;
    throw error;
  }
}
