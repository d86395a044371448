const aliases: Readonly<Record<string, string>> = {
  py: "python",
  js: "javascript",
  ts: "typescript",
  node: "javascript",
  golang: "go",
  shell: "bash",
  postgres: "sql",
};
const languages =
  /\b(python|py|typescript|ts|javascript|js|node|rust|golang|go(?= (?:code|function|program))|sql|postgres|bash|shell)\b/;
const asks =
  /\b(code|function|program|script|snippet|implement|one-liner|(sql|postgres) query)\b|\bin (python|typescript|javascript|rust|go|sql|bash)\b|\b(fizz ?buzz|quicksort|binary search)\b/;
const isLiterature = /\b(story|poem|essay|song|article|word|what is|explain|why)\b/;

// Between ‹ › stands what only TypeScript has.
const tasks: readonly (readonly [asked: RegExp, what: string, python: string, typescript: string])[] = [
  [
    /fibonacci/,
    "The numbers are made one after the other, so nothing is computed twice and memory stays constant.",
    "def fibonacci(count):\n    a, b = 0, 1\n    for _ in range(count):\n        yield a\n        a, b = b, a + b\n\n\nprint(list(fibonacci(10)))",
    "function* fibonacci(count‹: number›) {\n  let [a, b] = [0, 1];\n  for (let n = 0; n < count; n++) {\n    yield a;\n    [a, b] = [b, a + b];\n  }\n}\n\nconsole.log([...fibonacci(10)]);",
  ],
  [
    /fizz ?buzz/,
    "The words are joined, so 15 needs no case of its own.",
    'for n in range(1, 101):\n    word = "Fizz" * (n % 3 == 0) + "Buzz" * (n % 5 == 0)\n    print(word or n)',
    'for (let n = 1; n <= 100; n++) {\n  const word = (n % 3 === 0 ? "Fizz" : "") + (n % 5 === 0 ? "Buzz" : "");\n  console.log(word || n);\n}',
  ],
  [
    /prime/,
    "It divides by odd numbers up to the square root; a larger divisor would have a smaller partner.",
    "def is_prime(n):\n    if n < 4:\n        return n > 1\n    return n % 2 != 0 and all(n % d for d in range(3, int(n**0.5) + 1, 2))",
    "function isPrime(n‹: number›)‹: boolean› {\n  if (n < 4) return n > 1;\n  if (n % 2 === 0) return false;\n  for (let d = 3; d * d <= n; d += 2) if (n % d === 0) return false;\n  return true;\n}",
  ],
  [
    /revers/,
    "Text is reversed by code points, so emoji of one code point stay whole.",
    'def reverse(text):\n    return text[::-1]\n\n\nprint(reverse("stream"))  # maerts',
    'function reverse(text‹: string›)‹: string› {\n  return [...text].reverse().join("");\n}\n\nconsole.log(reverse("stream")); // maerts',
  ],
  [
    /sort/,
    "Everything is sorted around a pivot; on average that takes *n* log *n* comparisons.",
    "def quicksort(items):\n    if len(items) < 2:\n        return items\n    pivot, *rest = items\n    smaller = [x for x in rest if x < pivot]\n    others = [x for x in rest if x >= pivot]\n    return quicksort(smaller) + [pivot] + quicksort(others)",
    "function quicksort(items‹: number[]›)‹: number[]› {\n  const [pivot, ...rest] = items;\n  if (pivot === undefined) return [];\n  const smaller = rest.filter((x) => x < pivot);\n  const others = rest.filter((x) => x >= pivot);\n  return [...quicksort(smaller), pivot, ...quicksort(others)];\n}",
  ],
  [/hello/, "Run it, and it greets you.", 'print("Hello, world!")', 'console.log("Hello, world!");'],
  [
    /./,
    "It counts words, a starting point that runs as it is; put your own rule in its middle.",
    'from collections import Counter\n\n\ndef analyse(text):\n    return Counter(word.strip(".,!?").lower() for word in text.split())\n\n\nprint(analyse("To be, or not to be").most_common(2))',
    'function analyse(text‹: string›)‹: Map<string, number>› {\n  const counts = new Map‹<string, number>›();\n  for (const word of text.toLowerCase().match(/\\w+/g) ?? []) counts.set(word, (counts.get(word) ?? 0) + 1);\n  return counts;\n}\n\nconsole.log(analyse("To be, or not to be"));',
  ],
];

const others: Readonly<Record<string, readonly [what: string, code: string]>> = {
  rust: [
    "Iterators do the work; nothing is copied.",
    'fn main() {\n    let text = "to be or not to be";\n    let longest = text.split_whitespace().max_by_key(|word| word.len());\n    println!("{longest:?}");\n}',
  ],
  go: [
    "A map counts the words.",
    'package main\n\nimport (\n\t"fmt"\n\t"strings"\n)\n\nfunc main() {\n\tcounts := map[string]int{}\n\tfor _, word := range strings.Fields("to be or not to be") {\n\t\tcounts[word]++\n\t}\n\tfmt.Println(counts)\n}',
  ],
  sql: [
    "It adds up per group and keeps the largest ten; put in your own table and columns.",
    "SELECT customer_id, count(*) AS orders, sum(amount) AS total\nFROM orders\nGROUP BY customer_id\nORDER BY total DESC\nLIMIT 10;",
  ],
  bash: [
    "It stops at the first error, and file names with spaces are safe.",
    'set -euo pipefail\n\nfind . -type f -name "*.log" -print0 |\n  while IFS= read -r -d "" file; do\n    printf "%8d  %s\\n" "$(wc -l < "$file")" "$file"\n  done',
  ],
};

/** A runnable piece of code with a sentence about it, when code is asked for. */
export function codeAnswer(prompt: string): string | undefined {
  const lower = prompt.toLowerCase();
  const named = languages.exec(lower)?.[1];
  if (!asks.test(lower) || isLiterature.test(lower)) return undefined;
  const language = aliases[named ?? ""] ?? named ?? "python";
  const task = tasks.find(([asked]) => asked.test(lower));
  const [what, code] = others[language] ?? (language === "python" ? [task?.[1], task?.[2]] : [task?.[1], task?.[3]]);
  const text = language === "javascript" ? code?.replace(/‹[^›]*›/g, "") : code?.replace(/[‹›]/g, "");
  return `Here is a small version in ${titles[language] ?? language}:\n\n\`\`\`${language}\n${text}\n\`\`\`\n\n${what}`;
}

const titles: Readonly<Record<string, string>> = {
  python: "Python",
  typescript: "TypeScript",
  javascript: "JavaScript",
  rust: "Rust",
  go: "Go",
  sql: "SQL",
  bash: "Bash",
};
