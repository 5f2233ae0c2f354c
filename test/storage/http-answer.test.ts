import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HttpAnswerReader, type HttpAnswer } from '../../storage/http-answer.ts';

/** `pieces` one after the other; the answer must come with the last one. */
function read(pieces: string[], { method = 'GET', largest = 1000, ends = false } = {}): HttpAnswer | undefined {
  const reader = new HttpAnswerReader(method, largest);
  let answer: HttpAnswer | undefined;
  for (const piece of pieces) {
    expect(answer).toBeUndefined();
    answer = reader.push(Buffer.from(piece, 'latin1'));
  }
  return ends ? reader.end() : answer;
}

const CHUNKED =
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\nA\r\n\r\n, world!\r\n0\r\nx: y\r\n\r\n';
const SIZED = 'HTTP/1.1 200\r\ncontent-length:  7 \r\nX-A: one\r\nx-a: two\r\n\r\n\r\n\r\nabc';

describe('an answer of HTTP', () => {
  it('is the same however its bytes arrive', () => {
    const cuts = fc.uniqueArray(fc.integer({ min: 1, max: CHUNKED.length - 1 }), { maxLength: 20 });
    const property = fc.property(fc.constantFrom(CHUNKED, SIZED), cuts, (text, places) => {
      const at = [0, ...places.filter((place) => place < text.length).toSorted((a, b) => a - b), text.length];
      const answer = read(at.slice(1).map((end, index) => text.slice(at[index], end)));
      expect(answer).toMatchObject({ status: 200, keepsConnection: true });
      expect(answer?.body.toString()).toBe(text === CHUNKED ? 'hello\r\n, world!' : '\r\n\r\nabc');
    });
    fc.assert(property, { seed: 5, numRuns: 500 });
    expect({ ...read([SIZED])?.headers }).toEqual({ 'content-length': '7', 'x-a': 'one, two' });
  });

  it('has no body where HTTP has none', () => {
    expect(read(['HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n'], { method: 'HEAD' })?.body).toHaveLength(0);
    expect(read(['HTTP/1.1 204 No Content\r\n\r\n'])).toMatchObject({ status: 204, keepsConnection: true });
    expect(read(['HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n'])?.status).toBe(304);
  });

  it('comes behind others that say it is still to come', () => {
    const early = 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n';
    expect(read([`${early}HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n`])?.status).toBe(404);
  });

  it('ends with its connection where it has no length, and is cut off where it has one', () => {
    const unknown = 'HTTP/1.1 200 OK\r\n\r\nabc';
    expect(read([unknown])).toBeUndefined();
    expect(read([unknown], { ends: true })).toMatchObject({ body: Buffer.from('abc'), keepsConnection: false });
    expect(read(['HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nabc'], { ends: true })).toBeUndefined();
    expect(read(['HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n'], { ends: true })).toBeUndefined();
    expect(read(['HTTP/1.1 200 OK\r\n'], { ends: true })).toBeUndefined();
  });

  it('says whether its connection can be used again', () => {
    const answer = (version: string, header: string) =>
      `HTTP/${version} 200 OK\r\ncontent-length: 0\r\n${header}\r\n\r\n`;
    expect(read([answer('1.1', 'connection: keep-alive')])?.keepsConnection).toBe(true);
    expect(read([answer('1.1', 'Connection: Close')])?.keepsConnection).toBe(false);
    expect(read([answer('1.0', 'connection: keep-alive')])?.keepsConnection).toBe(false);
  });

  it.each([
    ['something else', 'SSH-2.0-OpenSSH_9.2\r\n\r\n'],
    ['another version', 'HTTP/2 200 OK\r\n\r\n'],
    ['lines that end otherwise', 'HTTP/1.1 200 OK\ncontent-length: 0\r\n\r\n'],
    ['a header without a name', 'HTTP/1.1 200 OK\r\n: 0\r\n\r\n'],
    ['a space before the colon', 'HTTP/1.1 200 OK\r\ncontent-length : 0\r\n\r\n'],
    ['a header in two lines', 'HTTP/1.1 200 OK\r\nx: a\r\n b\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\na'],
    ['a length that is none', 'HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n'],
    ['a length beside chunks', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['an encoding that nobody asked for', 'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
    ['a chunk without a size', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx\r\n'],
    ['a chunk of another size', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n'],
    ['more than one answer', 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n'],
    ['another protocol', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
    ['a head without an end', `HTTP/1.1 200 OK\r\nx: ${'a'.repeat(20_000)}`],
    ['a size line without an end', `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${'0'.repeat(2000)}`],
    ['more than it may have', 'HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n' + 'a'.repeat(1001)],
  ])('is refused where it is or has %s', (_, text) => {
    expect(() => read([text])).toThrow('cannot be read');
  });
});
