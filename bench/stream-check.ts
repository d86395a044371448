/** Why a stream was not whole; undefined while nothing is wrong. */
export type Flaw = string;

/** Of Chat Completions and of Messages. */
const endMarkers = ["data: [DONE]", "event: message_stop"];

function isWithin(index: number, start: number, end: number): boolean {
  return index >= start && index < end;
}

/**
 * Reads one HTTP response after the other from the bytes of a connection and checks the answer in each: content events
 * numbered 0, 1, 2, ... without a gap, then the protocol's end marker.
 *
 * Looks for the few bytes that matter instead of parsing JSON, so that the load client is not what is measured.
 */
export class StreamCheck {
  flaw: Flaw | undefined;
  /** The response is over, whole or not. */
  ended = false;
  /** The server will close the connection after this response. */
  closes = false;
  #onEvent: (sentAtUs: number) => void;
  #expected: number;
  #next = 0;
  #done = false;
  #head = "";
  #body: "head" | "chunked" | "until-close" = "head";
  /** Bytes still to come of the current chunk with its CRLF; 0 while in a line of the chunked coding. */
  #chunkLeft = 0;
  #line = "";
  #lastChunk = false;
  #text = "";

  constructor(expectedEvents: number, onEvent: (sentAtUs: number) => void) {
    this.#expected = expectedEvents;
    this.#onEvent = onEvent;
  }

  push(bytes: Buffer): void {
    let start = 0;
    if (this.#body === "head") {
      start = this.#readHead(bytes);
      if (this.#body === "head") return;
    }
    if (this.#body === "chunked") this.#readChunks(bytes, start);
    else this.#readText(bytes.toString("latin1", start));
  }

  /** The connection closed. */
  close(): void {
    if (this.ended) return;
    if (this.#body === "until-close") this.#end();
    else this.#fail(this.#body === "head" ? "closed before the response" : `closed after event ${this.#next}`);
  }

  /** Returns where the body starts. */
  #readHead(bytes: Buffer): number {
    const before = this.#head.length;
    this.#head += bytes.toString("latin1");
    const end = this.#head.indexOf("\r\n\r\n");
    if (end < 0) return bytes.length;
    const head = this.#head.slice(0, end).toLowerCase();
    this.#body = /\r\ntransfer-encoding: *chunked/.test(head) ? "chunked" : "until-close";
    this.closes = /\r\nconnection: *close/.test(head);
    if (!head.startsWith("http/1.1 200"))
      this.#fail(`status ${head.slice(9, 12)}: ${this.#head.slice(end + 4, end + 304)}`);
    return end + 4 - before;
  }

  #readChunks(bytes: Buffer, start: number): void {
    let at = start;
    while (at < bytes.length && !this.ended) {
      if (this.#chunkLeft > 0) {
        const end = Math.min(bytes.length, at + this.#chunkLeft);
        const textEnd = Math.min(end, at + this.#chunkLeft - 2);
        if (textEnd > at) this.#readText(bytes.toString("latin1", at, textEnd));
        this.#chunkLeft -= end - at;
        at = end;
        continue;
      }
      const newline = bytes.indexOf(10, at);
      this.#line += bytes.toString("latin1", at, newline < 0 ? bytes.length : newline);
      if (newline < 0) return;
      at = newline + 1;
      this.#endLine();
    }
  }

  /** A line of the chunked coding: a size, or after the last chunk the empty line that ends the trailer. */
  #endLine(): void {
    const line = this.#line.trim();
    this.#line = "";
    if (this.#lastChunk) {
      if (line === "") this.#end();
      return;
    }
    const size = Number.parseInt(line, 16);
    if (Number.isNaN(size)) this.#fail(`bad chunk size ${JSON.stringify(line.slice(0, 40))}`);
    else if (size === 0) this.#lastChunk = true;
    else this.#chunkLeft = size + 2;
  }

  #readText(text: string): void {
    const all = this.#text === "" ? text : this.#text + text;
    let start = 0;
    for (let end = all.indexOf("\n\n"); end >= 0; end = all.indexOf("\n\n", start)) {
      this.#readEvent(all, start, end);
      start = end + 2;
    }
    this.#text = start === all.length ? "" : all.slice(start);
  }

  #readEvent(text: string, start: number, end: number): void {
    const stamp = text.indexOf('"t=', start);
    if (stamp >= 0 && stamp < end) {
      const space = text.indexOf(" ", stamp);
      const number = Number.parseInt(text.slice(space + 3, space + 12), 10);
      if (number !== this.#next) this.#fail(`event ${number} came where ${this.#next} was due`);
      if (this.#done) this.#fail("an event after the end marker");
      this.#next++;
      this.#onEvent(Number(text.slice(stamp + 3, space)));
    } else if (endMarkers.some((marker) => isWithin(text.indexOf(marker, start), start, end))) {
      this.#done = true;
    } else if (text.slice(start, end).includes('"error"')) {
      this.#fail(`error event: ${text.slice(start, Math.min(end, start + 300))}`);
    }
  }

  #end(): void {
    if (this.#next !== this.#expected) this.#fail(`${this.#next} of ${this.#expected} events`);
    else if (!this.#done) this.#fail("no end marker");
    this.ended = true;
  }

  #fail(flaw: Flaw): void {
    this.flaw ??= flaw;
    this.ended = true;
  }
}
