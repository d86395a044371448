type Expecting = "value" | "key-or-end" | "key" | "colon" | "comma-or-end" | "value-or-end" | "nothing";

const literal = /^[-+.0-9A-Za-z]$/;
const wholeLiteral = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?)$/;
const literalBeginning =
  /^(?:t(?:r(?:ue?)?)?|f(?:a(?:l(?:se?)?)?)?|n(?:u(?:ll?)?)?|-?(?:(?:0|[1-9]\d*)(?:\.\d*|(?:\.\d+)?[eE][-+]?\d*)?)?)$/;

/** Tells, character by character, whether text can still become one JSON document. */
export class JsonPrefix {
  #expecting: Expecting = "value";
  #open: ("{" | "[")[] = [];
  #inString = false;
  #isKey = false;
  #escape = "";
  #literal = "";
  #isValid = true;

  /** Nothing that was pushed makes a document impossible. */
  get isValid(): boolean {
    return this.#isValid;
  }

  /** What was pushed is a whole document. */
  get isComplete(): boolean {
    if (!this.#isValid || this.#inString || this.#open.length > 0) return false;
    return this.#literal === "" ? this.#expecting === "nothing" : wholeLiteral.test(this.#literal);
  }

  push(text: string): void {
    for (const char of text) {
      if (!this.#isValid) return;
      if (this.#inString) this.#inside(char);
      else if (literal.test(char)) this.#extend(char);
      else {
        this.#endLiteral();
        if (!/[ \t\r\n]/.test(char)) this.#punctuation(char);
      }
    }
  }

  #inside(char: string): void {
    if (this.#escape !== "") {
      this.#escape += char;
      const isUnicode = this.#escape.startsWith("\\u");
      if (!(isUnicode ? /^\\u[0-9a-fA-F]{0,4}$/ : /^\\["\\/bfnrt]$/).test(this.#escape)) this.#isValid = false;
      if (!isUnicode || this.#escape.length === 6) this.#escape = "";
      return;
    }
    if (char === "\\") this.#escape = char;
    else if (char === '"') {
      this.#inString = false;
      if (this.#isKey) this.#expecting = "colon";
      else this.#afterValue();
    } else if (char < " ") this.#isValid = false;
  }

  #extend(char: string): void {
    if (this.#literal === "" && this.#expecting !== "value" && this.#expecting !== "value-or-end") {
      this.#isValid = false;
      return;
    }
    this.#literal += char;
    if (!literalBeginning.test(this.#literal) && !wholeLiteral.test(this.#literal)) this.#isValid = false;
  }

  #endLiteral(): void {
    if (this.#literal === "") return;
    if (wholeLiteral.test(this.#literal)) this.#afterValue();
    else this.#isValid = false;
    this.#literal = "";
  }

  #punctuation(char: string): void {
    const expecting = this.#expecting;
    const takesValue = expecting === "value" || expecting === "value-or-end";
    const takesKey = expecting === "key" || expecting === "key-or-end";
    const innermost = this.#open.at(-1);
    if (char === '"' && (takesValue || takesKey)) {
      this.#inString = true;
      this.#isKey = takesKey;
    } else if (char === "{" && takesValue) {
      this.#open.push(char);
      this.#expecting = "key-or-end";
    } else if (char === "[" && takesValue) {
      this.#open.push(char);
      this.#expecting = "value-or-end";
    } else if (char === ":" && expecting === "colon") {
      this.#expecting = "value";
    } else if (char === "," && expecting === "comma-or-end") {
      this.#expecting = innermost === "{" ? "key" : "value";
    } else if (char === "}" && innermost === "{" && (expecting === "comma-or-end" || expecting === "key-or-end")) {
      this.#open.pop();
      this.#afterValue();
    } else if (char === "]" && innermost === "[" && (expecting === "comma-or-end" || expecting === "value-or-end")) {
      this.#open.pop();
      this.#afterValue();
    } else {
      this.#isValid = false;
    }
  }

  #afterValue(): void {
    this.#expecting = this.#open.length === 0 ? "nothing" : "comma-or-end";
  }
}
