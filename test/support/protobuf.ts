/** The fields of a protobuf message by number, as they stand on the wire. */
export class ProtobufMessage {
  readonly #fields = new Map<number, (bigint | Buffer)[]>();

  /** @throws Error - these bytes are no message. */
  constructor(bytes: Buffer) {
    let at = 0;
    const varint = (): bigint => {
      let value = 0n;
      for (let shift = 0n; ; shift += 7n) {
        const byte = bytes[at++];
        if (byte === undefined || shift > 63n) throw new Error("a number without an end");
        value |= BigInt(byte & 0x7f) << shift;
        if (byte < 0x80) return value;
      }
    };
    const take = (length: number): Buffer => {
      if (at + length > bytes.length) throw new Error("a field longer than its message");
      at += length;
      return bytes.subarray(at - length, at);
    };
    while (at < bytes.length) {
      const tag = Number(varint());
      const number = tag >> 3;
      const value = read(tag & 7);
      this.#fields.set(number, [...(this.#fields.get(number) ?? []), value]);
    }
    function read(kind: number): bigint | Buffer {
      if (kind === 0) return varint();
      if (kind === 1) return take(8).readBigUInt64LE();
      if (kind === 2) return take(Number(varint()));
      if (kind === 5) return BigInt(take(4).readUInt32LE());
      throw new Error(`no kind of field: ${kind}`);
    }
  }

  has(number: number): boolean {
    return this.#fields.has(number);
  }

  all(number: number): Buffer[] {
    return (this.#fields.get(number) ?? []).map((value) => {
      if (typeof value === "bigint") throw new Error(`field ${number} is a number`);
      return value;
    });
  }

  messages(number: number): ProtobufMessage[] {
    return this.all(number).map((bytes) => new ProtobufMessage(bytes));
  }

  text(number: number): string {
    return this.all(number).at(-1)?.toString("utf8") ?? "";
  }

  hex(number: number): string {
    return this.all(number).at(-1)?.toString("hex") ?? "";
  }

  number(number: number): bigint {
    const value = this.#fields.get(number)?.at(-1) ?? 0n;
    if (typeof value !== "bigint") throw new Error(`field ${number} is no number`);
    return value;
  }
}
