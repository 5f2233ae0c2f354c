/** Stores an object by one request of our own: whatever is not plainly a success is left to the SDK. */
import type { S3Request, S3Sender } from './s3-request.ts';

/** `unheard`: no answer, or one that does not say what became of the object. */
export type PutOutcome = 'stored' | 'refused' | 'unheard';

export type S3Putter = (put: Omit<S3Request, 'method'>) => Promise<PutOutcome>;

/** Errors are outcomes; nothing is thrown. */
export function createS3Putter(send: S3Sender): S3Putter {
  return async (put) => {
    const answer = await send({ ...put, method: 'PUT' });
    if (answer === 'unsigned') return 'refused';
    if (answer === 'unheard') return 'unheard';
    if (answer.status === 200) return 'stored';
    return answer.status >= 500 || answer.status < 300 ? 'unheard' : 'refused';
  };
}
