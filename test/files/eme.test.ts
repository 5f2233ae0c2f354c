import { createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createEme } from '../../files/eme.ts';

const hex = (text: string): Buffer => Buffer.from(text.replace(/\s/g, ''), 'hex');
const zeros = createEme(Buffer.alloc(32), Buffer.alloc(16));

// Halevi's draft of EME-32-AES (June 2005): 512 zero bytes under a key and a tweak of zeros.
const ZEROS_512 = hex(`
9f2e6c3daecae79e8839b0588ff378cd0668970b95691cb00182b9e34cd658ed3c9c276838cc5e1411fcb8cf3da1c0f30875804c9df51157
b0791100d2551334834cf4024f6b718fbc7daba07d14eb7cbc79c261b1eb036d0c9f85b914385840727284005f06a9c1627c0b7fb12a1f81
fa83c4b035db006cce846d0756db9fb2448ee5628d2376ee13954213db3dca725f2c67950eaf2cdac8a27a0433a14c96927d9145dd93e0b4
6e670f6c4db8add014b8880efb9a97bec5cd05bba43dcc35058045ae8168df6e67779198fcc72808ce29c7b5aefdbc9e3ee65117283bfa2e
195f82ce1962dd8112cb57e8040d776733d3bb331ea6300f91dee0cbeb2fc9afd341f5515e22371e442b86e70287546a166ec2aef89f291b
e62afc2a96891e446ef6f162735574d10cff4a183de2760b5e145deaad3efde1da4b2836c665c5ec4b54cb989d277311c42db4862db2920c
3942958e54f64e365e52190ed81a02d73bf78a8ae5cc83e03203ef421614b79ae984b67ee93483d5eb1ea7b4fd954cc35059bd4d932ef342
71825045d73effef2ed3489871fda2cc73924b4d459d1c6ee525421e0550d3ab876f615395ac4a54d20478a442d85c9a3c9c7fa148f2b9dc
adaa83cf40e9e464da6036a55cdb873b50c1060ecc27b48dc0afc76ef73f1489281c08efce7fec47edd823f2f562b333ac209c2cd3cc577c
28eedaafcedd89a6`);
// Halevi's letter to P1619 (16 November 2004): the above, encrypted a hundred times under a part of itself.
const HUNDRED_TIMES = hex(`
36008c95e732a23194937cc4dded30ffee0ff600f3ee8796a58af9bb124ad02850fb30fac78316a64693acd38602e4c704a4152fb2d4383e
eb1d85b10f9e39be8d619f689303a5b9c3f7d89baa6f2e43afaa0bd2ac3452da6aa20fff33edb8f307247d055ecbb6e4b539c2c53088dda4
99b5d967f98bcec4a54f4d272643e13c4226f69ee627a04f3aaea07e033d3c4f88a6509c727588b152ca41415d697fdfdd440b2386bb9a57
70ca281c2207d3eb9b27fc6a2e482e799588c77b6ba3a1a4660e77ed708a65df22863704bbe944292178362892864862d3c9a18dd70420c8
87e958a4306ec84fe7f66ddcdeba5beedab032fbe8d4ddc45bd484349fd4cff5d729905fb560ac02ba1c83d8c5b71f70728f90d1d35db365
1a303f9db9b53feb99194405a085f5434ed1bb4e071722376131633827c54b86153c7928e5d9e58358ef4a2efefe165e94fec5c2f06991d9
f61eb4d0e6fa5a28d6ed62216e4adc2b507ae23f256188e740d425fdc86e9b226ca8f02f9d7460ee10ceb0ce7306902bb5393e4c1fcfd922
6c572c1696e15ffcbbe89a9ea3e09cfa2ab463a37ba6ebedcc025979fbc0eda888db93ecaac44869a176a94e59564eafc8e9781ddbce6b74
c984ec1f27f7b9c0e4aeb714b147e27934bf09a15f9013299a2d32072a7c112d064852e0c3345d8834f16f1fb280b9eaf88cadd40ca29c42
8666cf533fb05c1e`);
test('the published vectors of 32 blocks come out, once and a hundred times', () => {
  expect(zeros.encrypt(Buffer.alloc(512))).toEqual(ZEROS_512);
  const other = createEme(ZEROS_512.subarray(0, 32), ZEROS_512.subarray(32, 48));
  let bytes = ZEROS_512;
  for (let time = 0; time < 100; time++) bytes = other.encrypt(bytes);
  expect(bytes).toEqual(HUNDRED_TIMES);
  for (let time = 0; time < 100; time++) bytes = other.decrypt(bytes);
  expect(bytes).toEqual(ZEROS_512);
});

// rfjakob/eme's own vectors; of the long one the SHA-256.
test('the vectors of one block and of the largest number of blocks come out', () => {
  expect(zeros.encrypt(Buffer.alloc(16)).toString('hex')).toBe('f1b9ce8ca15a4ba9fb476905434b9fd3');
  const largest = zeros.encrypt(Buffer.alloc(2048));
  expect(createHash('sha256').update(largest).digest('hex')).toBe(
    '44ea4ab31f9e4c83420f1bfe7782ded2e2421c92ac416a830cf46f3ea4cb5ff1',
  );
});

const blocks = fc.integer({ min: 1, max: 128 }).chain((count) => {
  const length = 16 * count;
  return fc.uint8Array({ minLength: length, maxLength: length });
});
const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
const tweak = fc.uint8Array({ minLength: 16, maxLength: 16 });

test('whatever is encrypted is decrypted again, and a bit that changes changes every block', () => {
  fc.assert(
    fc.property(key, tweak, blocks, fc.nat(), (ofKey, ofTweak, plain, at) => {
      const eme = createEme(ofKey, ofTweak);
      const sealed = eme.encrypt(plain);
      expect(eme.decrypt(sealed)).toEqual(Buffer.from(plain));
      const other = Buffer.from(plain);
      other[at % other.length]! ^= 1;
      const otherSealed = eme.encrypt(other);
      for (let start = 0; start < sealed.length; start += 16)
        expect(otherSealed.subarray(start, start + 16)).not.toEqual(sealed.subarray(start, start + 16));
    }),
    { numRuns: 200, seed: 51 },
  );
});

test('only whole blocks are taken, and not more than 128', () => {
  for (const length of [0, 15, 17, 2064]) expect(() => zeros.encrypt(randomBytes(length))).toThrow(RangeError);
});
