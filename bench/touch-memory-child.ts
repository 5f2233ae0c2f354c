/** Writes once to each page of as much memory as its argument says, in bytes, and ends. */
const PAGE_BYTES = 4096;
const STEP_BYTES = 256 * 1024 ** 2;

const held: Buffer[] = [];
for (let left = Number(process.argv[2]); left > 0; left -= STEP_BYTES) {
  const memory = Buffer.allocUnsafeSlow(Math.min(left, STEP_BYTES));
  for (let offset = 0; offset < memory.length; offset += PAGE_BYTES) memory[offset] = 1;
  held.push(memory);
}
