/** The part of sodium-native that is used; the package ships no types. */
declare module 'sodium-native' {
  const sodium: {
    /** Writes the 16-byte Poly1305 of `input` under the 32-byte one-time key (r, then s) to `out`. r is clamped inside. */
    crypto_onetimeauth(out: Uint8Array, input: Uint8Array, key: Uint8Array): void;
    /** XSalsa20-Poly1305: writes MAC (16 bytes) and cipher text of `message` to `out`. The nonce has 24 bytes, the key 32. */
    crypto_secretbox_easy(out: Uint8Array, message: Uint8Array, nonce: Uint8Array, key: Uint8Array): void;
    /** The reverse; false, and nothing of use in `out`, when the MAC does not fit. */
    crypto_secretbox_open_easy(out: Uint8Array, sealed: Uint8Array, nonce: Uint8Array, key: Uint8Array): boolean;
  };
  export default sodium;
}
