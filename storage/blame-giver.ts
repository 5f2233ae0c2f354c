/** Tells the troubles of who gives a content from those of who takes it. */
import { untilAborted } from '../common/concurrency.ts';

/**
 * Calls `take` with the content, which ends with InterruptedError as soon as the signal fires. What its giver throws is
 * thrown as it was, and not as the taker tells it. `onPiece` is told of what is handed over.
 */
export async function blamingGiver(
  content: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
  take: (content: AsyncIterable<Uint8Array>) => Promise<void>,
  onPiece?: (sizeBytes: number) => void,
): Promise<void> {
  let failure: { error: unknown } | undefined;
  async function* given(): AsyncGenerator<Uint8Array> {
    try {
      for await (const piece of untilAborted(content, signal)) {
        onPiece?.(piece.length);
        yield piece;
      }
    } catch (error) {
      failure = { error };
      throw error;
    }
  }
  try {
    await take(given());
  } catch (error) {
    // The compiler cannot see assignments made in functions.
    const noted = failure as { error: unknown } | undefined;
    throw noted === undefined ? error : noted.error;
  }
}
