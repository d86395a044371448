type Bytes = ReadableStream<Uint8Array<ArrayBuffer>>;

/** A body compressed so many times over. */
export function compressed(body: Bytes, layers: number): Bytes {
  let result = body;
  for (let layer = 0; layer < layers; layer++) {
    result = result.pipeThrough(new CompressionStream("gzip"));
  }
  return result;
}

const blockSize = 64 * 1024;

/** A few bytes that become `size` bytes of an endless comment. */
export function bombBody(size: number): Bytes {
  const block = new Uint8Array(blockSize).fill(0x20);
  let sent = 0;
  const plain = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      const piece = block.slice(0, Math.min(blockSize, size - sent));
      if (sent === 0) piece.set([0x3a]);
      sent += piece.byteLength;
      controller.enqueue(piece);
      if (sent >= size) controller.close();
    },
  });
  return compressed(plain, 1);
}
