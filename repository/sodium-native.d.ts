/** The part of sodium-native that is used; the package ships no types. */
declare module 'sodium-native' {
  const sodium: {
    /** Writes the 16-byte Poly1305 of `input` under the 32-byte one-time key (r, then s) to `out`. r is clamped inside. */
    crypto_onetimeauth(out: Uint8Array, input: Uint8Array, key: Uint8Array): void;
  };
  export default sodium;
}
